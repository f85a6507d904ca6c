"""Harmed extracts: each is refused in one clear line, or read as exactly what it says; nothing is silently wrong."""

import hashlib
import io
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as arrow
import pytest
import yaml

from schemas import tables
from scripts.artefacts import read_parquet
from scripts.config.strict_yaml import read_yaml
from scripts.errors import StudyError
from scripts.ingest.discovery import discover
from scripts.ingest.job import ingest
from scripts.ingest.layout import TABLES
from scripts.privacy.job import inspect
from scripts.privacy.keys import KEY_BYTES
from tests.faults import naive
from tests.faults.mutations import ANY_FILE, CSV
from tests.faults.tally import AS_BEFORE, AS_IT_SAYS, SHORT, Tally, seeds
from tests.workflow.conftest import ROOT

LA = "510"
ROWS = 40
FILES = {
    "referrals": "CIN_2014.csv",
    "assessments": "WWCSC_Assessments__2014_2019_CIN.csv",
    "disabilities": "CIN_Disabilities_2009_2019.csv",
    "section47": "CIN_Section47.csv",
    "care_episodes": "Episode_final_CLA.csv",
}
IDS = ("child_id", "pupil_id")
CODES = {"FILE", "SCHEMA", "LA", "YEAR", "VALUES", "CODES", "PRIVACY"}


def mutated_columns(table: str) -> list[naive.Column]:
    """How the plain reader reads a table: names from the alias table, kinds and code sets from the schemas."""
    aliases = yaml.safe_load((ROOT / "schemas" / "aliases" / "npd.yaml").read_text())["kinds"][table]["tables"][table]
    return [_column(name, entry, tables.columns(table)[name]) for name, entry in aliases.items()]


def _column(name: str, entry: dict[str, Any], typed: tables.Column) -> naive.Column:
    spellings = None
    if typed.codes:
        codes = yaml.safe_load((ROOT / "schemas" / "codes" / f"{typed.codes}.yaml").read_text())
        spellings = {each["code"]: each["code"] for each in codes["codes"]} | (codes.get("map") or {})
    how = {key: entry[key] for key in ("position", "rowwise", "required", "school_term") if key in entry}
    limits = {"low": typed.low, "high": typed.high} if typed.kind == "whole" else {}
    return naive.Column(name, typed.kind, tuple(entry.get("names", ())), spellings=spellings, **how, **limits)


class Case:
    """A small extract of one LA, and what is made of it when one of its files is harmed."""

    def __init__(self, folder: Path, sound: dict[str, bytes]) -> None:
        self.folder, self.sound = folder, sound
        (folder / "extracts" / LA).mkdir(parents=True)
        key = folder / "key"
        key.touch(0o600)
        key.write_text("0" * 2 * KEY_BYTES)
        config = read_yaml(ROOT / "config.yaml")
        limits = {"format": "npd", "max_rows": 1_000_000, "max_unreadable_share": 0.3}
        self.gate = limits | {"privacy": config["privacy"]}
        rights = {"rights": {"folder": str(folder / "governance"), "las": [LA]}}
        self.reading = limits | {"key_file": str(key)} | rights
        for table in FILES:
            self.write(table, sound[table])
        self.before = self.read()

    def write(self, table: str, content: bytes, suffix: str = ".csv") -> Path:
        """Put a file into the extract, instead of what is there of the table."""
        path = self.folder / "extracts" / LA / FILES[table]
        for other in (path, path.with_suffix(".parquet")):
            other.unlink(missing_ok=True)
        path.with_suffix(suffix).write_bytes(content)
        return path.with_suffix(suffix)

    def read(self) -> dict[str, pl.DataFrame]:
        """The canonical tables.

        Raises
        ------
        StudyError : as the gate and ingest do.
        """
        files, out = discover(self.folder / "extracts", LA, "npd"), self.folder / "out"
        inspect(LA, files, str(out / "privacy.csv"), str(out / "inputs.csv"), None, self.gate)
        outputs = {table: out / f"{table}.parquet" for table in TABLES}
        ingest(LA, files, outputs, out / "report.csv", self.reading)
        return {table: read_parquet(path) for table, path in outputs.items()}


@pytest.fixture(scope="module")
def sound(extract_of_an_la: dict[str, bytes]) -> dict[str, bytes]:
    """The header and the first rows of a generated extract's files."""
    return {
        table: b"".join(extract_of_an_la[name].splitlines(keepends=True)[: ROWS + 1]) for table, name in FILES.items()
    }


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory, sound: dict[str, bytes]) -> Case:
    return Case(tmp_path_factory.mktemp("case"), sound)


def differing(frame: pl.DataFrame, says: list[dict[str, Any]]) -> str | None:
    """The first column in which a canonical table is not what the file says; ids may be renamed, but one to one."""
    if frame.height != len(says):
        return f"{frame.height} rows instead of {len(says)}"
    for name in frame.columns:
        read, said = frame[name].to_list(), [row.get(name) for row in says]
        if name in IDS:
            renamed = dict(zip(said, read, strict=True))
            back = {new: old for old, new in renamed.items()}
            if len(back) < len(renamed) or (None in renamed and renamed[None] is not None):
                return name
            read = [back[value] for value in read]
        if read != said:
            return name
    return None


def values_of(content: bytes) -> set[str]:
    """What the rows of a file hold, if it is long enough to be told from ordinary words."""
    return {value for row in naive.records(content)[1:] for value in row if len(value) >= 6}


def outcome(case: Case, table: str, harmed: bytes, secrets: set[str], suffix: str = ".csv") -> str:
    """What became of a harmed file; an assertion fails if it is silently wrong or badly told."""
    written = case.write(table, harmed, suffix)
    try:
        frames = case.read()
    except StudyError as error:
        text = str(error)
        assert error.code in CODES and "\n" not in text, text[:300]
        assert written.name in text or f"LA {LA}" in text, text[:300]
        assert not [value for value in secrets if re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text)], "a value"
        return error.code
    finally:
        case.write(table, case.sound[table])
    year = 2014 if table == "referrals" else None
    assert all(frames[other].equals(case.before[other]) for other in FILES if other != table)
    before = frames[table].equals(case.before[table])
    try:
        records = naive.records(harmed) if suffix == ".csv" else parquet_records(harmed)
    except OSError:
        # Arrow refuses a file for harm to a part that the workflow does not use.
        assert before
        return AS_BEFORE
    assert differing(frames[table], naive.table_of(records, mutated_columns(table), LA, year)) is None
    return AS_BEFORE if before else AS_IT_SAYS


@pytest.mark.parametrize("table", list(FILES))
def test_the_plain_reader_agrees_on_sound_files(case: Case, table: str) -> None:
    assert case.before[table].height > 5
    year = 2014 if table == "referrals" else None
    assert differing(case.before[table], naive.table(case.sound[table], mutated_columns(table), LA, year)) is None


def harmed_files(sound: dict[str, bytes], number: int) -> Iterator[tuple[str, str, str, bytes]]:
    """Seed, table, kind of harm and content; every kind of harm as often, referrals as often as all others."""
    names, order = list(CSV), ["referrals", "assessments", "referrals", "care_episodes", "referrals", "section47"]
    for seed, draw in seeds("extracts", number):
        table, name = draw.choice([*order, "disabilities"]), names[seed % len(names)]
        yield f"{table} {name} {seed}", table, name, CSV[name](sound[table], draw)


def parquet_records(content: bytes) -> list[list[str]]:
    """The records of a parquet file, by another implementation than the workflow's."""
    read = arrow.read_table(io.BytesIO(content)).to_pydict()
    rows = zip(*read.values(), strict=True)
    return [list(read), *([value if value is not None else "" for value in row] for row in rows)]


def parquet_of(content: bytes) -> bytes:
    """A CSV file as parquet of texts."""
    header, *rows = naive.records(content)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(header, pl.String), orient="row")
    stream = io.BytesIO()
    frame.write_parquet(stream)
    return stream.getvalue()


def bomb(content: bytes, draw: random.Random) -> bytes:
    """A small file that claims more rows than are allowed, in one run of one value."""
    header, *_ = naive.records(content)
    n_rows = draw.choice((1_000_001, 3_000_000))
    frame = pl.select(pl.lit("1").repeat_by(n_rows).explode().alias("a")).to_series()
    stream = io.BytesIO()
    pl.DataFrame(dict.fromkeys(header[:2], frame)).write_parquet(stream)
    return stream.getvalue()


@pytest.mark.parametrize("number", [40, pytest.param(800, marks=pytest.mark.long)])
def test_no_harmed_parquet_extract_is_silently_wrong(case: Case, sound: dict[str, bytes], number: int) -> None:
    secrets = {table: values_of(content) for table, content in sound.items()}
    whole = {table: parquet_of(content) for table, content in sound.items()}
    tally, names = Tally("parquet extracts"), [*ANY_FILE, "bomb"]
    for seed, draw in seeds("parquet", number):
        table, name = draw.choice(list(FILES)), names[seed % len(names)]
        harmed = bomb(sound[table], draw) if name == "bomb" else ANY_FILE[name](whole[table], draw)
        label = f"{table} {name} {seed}"
        tally.note(label, name, lambda t=table, h=harmed: outcome(case, t, h, secrets[t], ".parquet"))
    tally.finish(number)


@pytest.mark.parametrize("number", [SHORT, pytest.param(1000, marks=pytest.mark.long)])
def test_no_harmed_extract_passes_its_list_of_checksums(
    case: Case, sound: dict[str, bytes], tmp_path: Path, number: int
) -> None:
    place = tmp_path / LA
    place.mkdir()
    listed = "".join(f"{hashlib.sha256(sound[t]).hexdigest()}  {name}\n" for t, name in FILES.items())
    (place / "SHA256SUMS").write_text(listed)
    tally = Tally("extracts with a list of checksums")

    def checked(table: str, harmed: bytes) -> str:
        (place / FILES[table]).write_bytes(harmed)
        files = {table: [str(place / FILES[table])]}
        for other, name in FILES.items():
            if other != table:
                (place / name).write_bytes(sound[other])
        try:
            inspect(LA, files, "privacy.csv", "inputs.csv", str(place / "SHA256SUMS"), {})
        except StudyError as error:
            assert error.code == "CHECKSUM" and FILES[table] in str(error)
            return error.code
        except KeyError:
            # The list was passed, and the gate was told nothing of what may enter.
            assert harmed == sound[table]
            return AS_BEFORE
        raise AssertionError("the gate cannot work without settings")

    for label, table, name, harmed in harmed_files(sound, number):
        tally.note(label, name, lambda t=table, h=harmed: checked(t, h))
    tally.finish(number)


@pytest.mark.parametrize("number", [SHORT, pytest.param(5000, marks=pytest.mark.long)])
def test_no_harmed_extract_is_silently_wrong(case: Case, sound: dict[str, bytes], number: int) -> None:
    secrets = {table: values_of(content) for table, content in sound.items()}
    tally = Tally("CSV extracts")
    for label, table, name, harmed in harmed_files(sound, number):
        tally.note(label, name, lambda t=table, h=harmed: outcome(case, t, h, secrets[t]))
    tally.finish(number)
