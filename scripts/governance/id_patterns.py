"""The forms in which an id is met in bytes and in cells, as patterns.

In: ids as text. Out: regular expressions and numbers that find them where they stand alone, in the encodings that
writers use; and a search of a stream in chunks that misses none at a boundary.
"""

import re
import struct
from base64 import b64encode
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from scripts.governance import decoding_text

# Zeros before a number, spaces and quotation marks around a value: more than these no writer puts.
ZEROS, SPACES = "0{0,20}", " {0,4}"
# Below this an encoded form would meet other base64 by chance.
MIN_ENCODED = 8
# RE2 is thirty times as fast as `re`, but compiles its pattern at every call.
PREFILTER_BYTES, BLOCK = 4096, 1 << 16
# Numbers from here on fit no column, and from `FAR` on not eight bytes.
LARGEST, FAR = 1 << 127, 1 << 63


@dataclass(frozen=True)
class Patterns:
    """The forms in which ids are met; a pattern is None if no id has such a form.

    Parameters
    ----------
    alone : an id in any encoding between other characters than letters and digits; loose : also within them.
    encoded : base64 that may hold an id. prefilter : some form of these three is anywhere; for RE2.
    cell : a short id as a cell of delimited text, element or line; named : as the value of a field of ids.
    whole : a short id as a whole value. long_numbers, short_numbers : ids as numbers.
    overlap : no match is longer.
    """

    alone: re.Pattern[bytes] | None
    loose: re.Pattern[bytes] | None
    encoded: re.Pattern[bytes] | None
    prefilter: str
    cell: re.Pattern[bytes] | None
    named: re.Pattern[bytes] | None
    whole: str | None
    long_numbers: tuple[int, ...]
    short_numbers: tuple[int, ...]
    overlap: int

    @classmethod
    def of(cls, ids: Iterable[str], min_characters: int, id_columns: Collection[str]) -> "Patterns":
        """The patterns of some ids."""
        texts = sorted({each.strip() for each in ids})
        digits = {each: each.lstrip("0") or "0" for each in texts if _is_number(each)}
        long = [each for each in texts if len(each) >= min_characters]
        cores = sorted({core for core in digits.values() if len(core) >= min_characters})
        short = sorted({digits.get(each, each) for each in texts if len(digits.get(each, each)) < min_characters})
        # Zeros before an id may be lost or put on; an id that is long only with its zeros needs them.
        plain = [each for each in long if digits.get(each) not in cores]
        forms = [*((_escaped(each), each) for each in plain), *((ZEROS + _escaped(core), core) for core in cores)]
        wide = [_wide(each, width) for each in (*plain, *cores) if each.isascii() for width in (2, 4)]
        foreign = [_escaped(each, name) for each in plain if not each.isascii() for name in ("utf-16-le", "utf-16-be")]
        packed = [form for core in cores for form in _packed(core)]
        encoded = [form for _, each in forms for form in _encoded(each)]
        bounded = [_bounded(text) for text, _ in forms] + [_bounded(_scientific(core)) for core in cores]
        unbounded = [_escaped(each) for _, each in forms] + [_scientific(core) for core in cores]
        bare = unbounded + [pattern for pattern, _ in wide] + foreign
        cells = "|".join(_cell(each) for each in short)
        names = "|".join(sorted(map(_escaped, id_columns)))
        field_of_ids = rf"(?<![0-9A-Za-z_])(?:{names})[\"']?\s{{0,4}}(?:[:=]|[^<>\n]{{0,64}}>)\s{{0,4}}[\"']?"
        longest = max([0, *map(len, texts)])
        return cls(
            alone=_any([*bounded, *(whole for _, whole in wide), *foreign], packed),
            loose=_any([*unbounded, *(whole for _, whole in wide), *foreign], packed),
            encoded=_any([], encoded),
            prefilter="|".join([f"(?i:{pattern})" for pattern in bare] + packed + encoded),
            cell=_any([rf"[\n\r,;\t|>]{SPACES}[\"']?(?:{cells})[\"']?{SPACES}(?=[\n\r,;\t|<])"] if short else [], []),
            named=_any([rf"{field_of_ids}(?:{cells})(?![0-9A-Za-z.])"] if short and names else [], []),
            whole=rf"^\s*(?:{cells})\s*$" if short else None,
            long_numbers=tuple(int(core) for core in cores),
            short_numbers=tuple(int(each) for each in short if _is_number(each)),
            overlap=4 * longest + max([0, *map(len, id_columns)]) + 160,
        )

    @property
    def ids(self) -> tuple[re.Pattern[bytes], ...]:
        """Ids alone, plain and encoded."""
        return tuple(pattern for pattern in (self.alone, self.encoded) if pattern)

    @property
    def ids_in_binary(self) -> tuple[re.Pattern[bytes], ...]:
        """As `ids`, also within longer words, for in binary content letters are no words."""
        return tuple(pattern for pattern in (self.loose, self.encoded) if pattern)

    def counted(self, wanted: tuple[re.Pattern[bytes], ...], text: bytes, start: int, end: int) -> int:
        """Matches of some patterns that begin from `start` on and before `end`."""
        filtered = len(text) >= PREFILTER_BYTES and wanted in (self.ids, self.ids_in_binary)
        if not filtered:
            return self._counted(wanted, text, start, end, len(text))
        if not decoding_text.matches(text, self.prefilter):
            return 0
        # Only around what the fast search has found is the slow one run.
        count = 0
        for first in range(start, end, BLOCK):
            last = min(first + BLOCK, end)
            until = last + self.overlap
            if decoding_text.matches(text[max(first - self.overlap, 0) : until], self.prefilter):
                count += self._counted(wanted, text, first, last, until)
        return count

    def _counted(self, wanted: tuple[re.Pattern[bytes], ...], text: bytes, start: int, end: int, until: int) -> int:
        """As `counted`; no match may reach beyond `until`."""
        found = ((pattern, match) for pattern in wanted for match in pattern.finditer(text, start, until))
        begun = ((pattern, match) for pattern, match in found if match.start() < end)
        return sum(pattern is not self.encoded or self._decodes(text, match) for pattern, match in begun)

    def _decodes(self, text: bytes, match: re.Match[bytes]) -> bool:
        """Whether base64 that resembles an id's holds one: its ends share characters with their neighbours."""
        for mixed in (0, 2, 3):
            start = match.start() - mixed
            # One group before and two after show the neighbours.
            before = 4 if decoding_text.BASE64_RUN.fullmatch(text, max(start - 4, 0), max(start, 0)) else 0
            run = decoding_text.BASE64_RUN.match(text, start - before, match.end() + 8) if start >= before else None
            if run and self.alone and self.alone.search(decoding_text.from_base64(run.group())):
                return True
        return False

    def in_short(self, text: bytes) -> int:
        """How many ids a short text holds, plain or encoded."""
        return self.counted(self.ids, text, 0, len(text))


def _any(folding: list[str], exact: list[str]) -> re.Pattern[bytes] | None:
    """One pattern for all, of which those that are `folding` are met in any case."""
    together = "|".join([f"(?i:{pattern})" for pattern in folding] + exact)
    return re.compile(together.encode("latin-1")) if together else None


def _escaped(text: str, encoding: str = "utf-8") -> str:
    """A text as a pattern that `re` and RE2 read alike."""
    return "".join(f"\\x{byte:02x}" for byte in text.encode(encoding))


def _bounded(pattern: str) -> str:
    return f"(?<![0-9A-Za-z]){pattern}(?![0-9A-Za-z])"


def _wide(text: str, width: int) -> tuple[str, str]:
    """A text of `width` bytes a character, without and with its bounds.

    NUL bytes stand between its characters in either byte order, and between them and their neighbours.
    """
    gap = "\\x00" * (width - 1)
    inner = gap.join(_escaped(character) for character in text)
    return inner, f"(?<![0-9A-Za-z]{gap}){inner}(?!{gap}[0-9A-Za-z])"


def _scientific(core: str) -> str:
    """A whole number in scientific notation with all its digits."""
    digits, power = core.rstrip("0"), len(core) - 1
    decimals = rf"\.{digits[1:]}0{{0,20}}" if digits[1:] else r"(?:\.0{0,20})?"
    return rf"{digits[:1] or '0'}{decimals}e\+?0{{0,2}}{power}"


def _encoded(text: str) -> Iterator[str]:
    """What of a text's base64 does not depend on its neighbours, for its three positions in a group."""
    for before, mixed in ((0, 0), (1, 2), (2, 3)):
        content = b"\0" * before + text.encode()
        form = b64encode(content).decode()[mixed : len(content) * 8 // 6]
        if len(form) >= MIN_ENCODED:
            yield _escaped(form)


def _packed(core: str) -> Iterator[str]:
    """A number as the eight bytes of an integer and of a float."""
    if int(core) < FAR:
        for packed in (struct.pack("<q", int(core)), struct.pack("<d", int(core))):
            yield "".join(f"\\x{byte:02x}" for byte in packed)


def _cell(short: str) -> str:
    return rf"{ZEROS}{short}(?:\.0{{0,20}})?" if _is_number(short) else _escaped(short)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


class Tokens:
    """Counts the matches of some patterns in a text that streams by, wherever it is cut."""

    def __init__(self, patterns: Patterns, wanted: tuple[re.Pattern[bytes], ...]) -> None:
        self.patterns = patterns
        self.wanted = wanted
        # The beginning and the end of a text are bounds like a line's.
        self.held = b"\n"
        self.start = 0
        self.count = 0

    def feed(self, chunk: bytes) -> None:
        """Count what begins early enough to end in this chunk, and keep the rest."""
        text = self.held + chunk
        cut = len(text) - self.patterns.overlap
        if cut <= self.start:
            self.held = text
            return
        self.count += self.patterns.counted(self.wanted, text, self.start, cut)
        # What a match may look back at stays before it.
        kept = max(cut - 8, 0)
        self.held, self.start = text[kept:], cut - kept

    def close(self) -> int:
        """The count of the whole text."""
        text = self.held + b"\n"
        return self.count + self.patterns.counted(self.wanted, text, self.start, len(text))
