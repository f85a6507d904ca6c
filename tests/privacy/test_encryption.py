"""An encrypted file is opened by its key alone, only whole and unaltered, and shows nothing else to anybody."""

import hashlib
import hmac
import os
import subprocess
import sys
from copy import deepcopy
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from scripts.artefacts import parquet_source, read_parquet, write_parquet
from scripts.errors import StudyError
from scripts.ingest.tabular import collect, read_header, scan_text
from scripts.privacy import encryption
from scripts.privacy.encryption import (
    CHUNK_VARIABLE,
    KEY_VARIABLE,
    configured_key,
    decrypted,
    encrypted,
    is_encrypted,
    name_key,
    named_key,
)
from scripts.privacy.keys import ROOT, key_id, read_key

KEY, OTHER = bytes(range(32)), bytes([1] * 32)
HEADER_BYTES, TAG_BYTES, CHUNK = 28, 16, 16
SECRET = b"child 4711 of LA 501, born 2013-05-06."
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
FRAME = pl.DataFrame(
    {
        "child_id": ["evlmztx5mnqsnmlu", "qqqqztx5mnqsnmlu", None],
        "referral_date": [date(2013, 5, 6), None, date(2014, 2, 28)],
        "age": [3.5, 17.0, None],
    }
)


def sealed(data: bytes, key: bytes = KEY, chunk_bytes: int = CHUNK) -> bytes:
    return b"".join(encrypted(data, key, chunk_bytes))


def opened(container: bytes, key: bytes = KEY) -> bytes:
    return decrypted(BytesIO(container), key, "501/referrals.parquet")


def refused(container: bytes, key: bytes = KEY) -> bool:
    """Whether a container is refused, with an error that names the file and shows nothing of it."""
    with pytest.raises(StudyError) as caught:
        opened(container, key)
    error = caught.value
    assert (error.code, error.place, error.__context__) == ("FILE", "501/referrals.parquet", None)
    return "altered, cut short, or encrypted with another key" in error.problem


def parts(container: bytes, chunk_bytes: int = CHUNK) -> tuple[bytes, list[bytes]]:
    """Header and chunks."""
    width = chunk_bytes + TAG_BYTES
    starts = range(HEADER_BYTES, len(container), width)
    return container[:HEADER_BYTES], [container[start : start + width] for start in starts]


# ---- what goes in comes out


@pytest.mark.parametrize("length", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 5 * CHUNK + 3])
def test_what_goes_in_comes_out(length: int) -> None:
    data = os.urandom(length)
    container = sealed(data)
    n_chunks = max(1, -(-length // CHUNK))
    assert opened(container) == data and len(container) == HEADER_BYTES + length + n_chunks * TAG_BYTES


@given(data=st.binary(max_size=400), chunk_bytes=st.integers(1, 500), key=st.binary(min_size=32, max_size=32))
def test_whatever_goes_in_comes_out(data: bytes, chunk_bytes: int, key: bytes) -> None:
    assert opened(sealed(data, key, chunk_bytes), key) == data
    assert sealed(memoryview(data), key, chunk_bytes) != sealed(data, key, chunk_bytes)


def test_no_part_is_larger_than_a_chunk() -> None:
    assert max(map(len, encrypted(bytes(1000), KEY, CHUNK))) == CHUNK + TAG_BYTES


# ---- the layout, without the module


def hkdf(key: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 (RFC 5869)."""
    secret, made, block, number = hmac.digest(salt, key, "sha256"), b"", b"", 0
    while len(made) < length:
        number += 1
        block = hmac.digest(secret, block + info + bytes([number]), "sha256")
        made += block
    return made[:length]


def test_the_standards_own_examples() -> None:
    """RFC 5869, test case 1, and AES-256-GCM test case 14 of the GCM submission to NIST: what the layout rests on."""
    info, salt = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9"), bytes(range(13))
    made = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    assert hkdf(b"\x0b" * 22, salt, info, 42).hex() == made
    ciphertext, tag = "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"
    assert AESGCM(bytes(32)).encrypt(bytes(12), bytes(16), b"").hex() == ciphertext + tag


def test_a_container_opens_by_hand() -> None:
    header, chunks = parts(sealed(SECRET))
    assert header[:12] == b"PMEAEAD\x01" + CHUNK.to_bytes(4, "big") and len(chunks) == 3
    cipher = AESGCM(hkdf(KEY, header[12:], b"practice-model-evaluation artefact", 32))
    nonces = [bytes(10) + bytes([number, number == 2]) for number in range(3)]
    read = [cipher.decrypt(nonce, chunk, header) for nonce, chunk in zip(nonces, chunks, strict=True)]
    assert b"".join(read) == SECRET and [len(each) for each in read] == [CHUNK, CHUNK, len(SECRET) - 2 * CHUNK]


def test_the_layout_never_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pinned: old files must stay readable."""
    monkeypatch.setattr(encryption.secrets, "token_bytes", bytes)
    pinned = "d3692e967ad095f18417f30b9c34d3ebb0f7bd8880e4f75c91ff3c19ee17a54c"
    assert hashlib.sha256(sealed(SECRET)).hexdigest() == pinned


# ---- whatever is changed is noticed


def test_every_flipped_bit_is_refused() -> None:
    container = sealed(SECRET)
    for position in range(len(container)):
        for bit in range(8):
            altered = bytearray(container)
            altered[position] ^= 1 << bit
            assert refused(bytes(altered)), (position, bit)


@pytest.mark.parametrize("data", [b"", SECRET[:CHUNK], SECRET[: 2 * CHUNK], SECRET])
def test_every_cut_and_every_addition_is_refused(data: bytes) -> None:
    container = sealed(data)
    assert all(refused(container[:length]) for length in range(len(container)))
    assert refused(container + b"\0") and refused(container + container[HEADER_BYTES:])


def test_swapped_doubled_and_dropped_chunks_are_refused() -> None:
    header, (first, second, last) = parts(sealed(SECRET))
    orders = [
        (second, first, last),
        (first, first, second, last),
        (first, second, second, last),
        (first, second, last, last),
        (second, last),
        (first, last),
        (last,),
        (first, second),
        (),
    ]
    assert opened(header + first + second + last) == SECRET
    assert all(refused(header + b"".join(order)) for order in orders)


def test_chunks_and_headers_of_another_file_are_refused() -> None:
    """Even at the same place of a file with the same content under the same key."""
    header, chunks = parts(sealed(SECRET))
    other_header, other_chunks = parts(sealed(SECRET))
    for place in range(3):
        mixed = [*chunks[:place], other_chunks[place], *chunks[place + 1 :]]
        assert refused(header + b"".join(mixed))
    assert refused(other_header + b"".join(chunks))


def test_another_key_and_another_kind_of_file_are_refused() -> None:
    assert refused(sealed(SECRET), OTHER)
    assert refused(b"PAR1" + bytes(100)) and refused(b"")


def test_a_header_that_claims_vast_or_no_chunks_is_refused_unread() -> None:
    header, chunks = parts(sealed(SECRET))
    for size in (0, encryption.MAX_CHUNK_BYTES + 1, 2**32 - 1):
        assert refused(header[:8] + size.to_bytes(4, "big") + header[12:] + b"".join(chunks))


# ---- parquet files


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key that the environment names."""
    path = tmp_path / "keys" / "artefacts.key"
    key_id(path, create=True)
    monkeypatch.setenv(KEY_VARIABLE, str(path))
    monkeypatch.setenv(CHUNK_VARIABLE, "64")
    return path


def unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.delenv(CHUNK_VARIABLE)


def test_a_frame_comes_back_whole_or_by_column(key_file: Path, tmp_path: Path) -> None:
    write_parquet(FRAME, tmp_path / "501" / "a.parquet")
    assert is_encrypted(tmp_path / "501" / "a.parquet")
    assert read_parquet(tmp_path / "501" / "a.parquet").equals(FRAME)
    assert read_parquet(tmp_path / "501" / "a.parquet", ["age"]).equals(FRAME.select("age"))
    write_parquet(FRAME.clear(), tmp_path / "empty.parquet")
    assert read_parquet(tmp_path / "empty.parquet").equals(FRAME.clear())


def test_nothing_can_be_read_on_disk(key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_parquet(FRAME, tmp_path / "a.parquet")
    unnamed(monkeypatch)
    write_parquet(FRAME, tmp_path / "plain.parquet")
    plain, hidden = (tmp_path / "plain.parquet").read_bytes(), (tmp_path / "a.parquet").read_bytes()
    days = (date(2014, 2, 28) - date(1970, 1, 1)).days.to_bytes(4, "little")
    told = [b"PAR1", b"child_id", b"referral_date", b"evlmztx5mnqsnmlu", days]
    assert all(text in plain for text in told) and not any(text in hidden for text in told)
    # The header and a tag for each 64 bytes are all it takes more.
    assert len(hidden) == HEADER_BYTES + len(plain) + TAG_BYTES * -(-len(plain) // 64)
    assert read_key(key_file) not in hidden and read_key(key_file).hex().encode() not in hidden


def test_without_a_key_files_are_plain_parquet(tmp_path: Path) -> None:
    write_parquet(FRAME, tmp_path / "a.parquet")
    FRAME.write_parquet(tmp_path / "b.parquet", compression="zstd", compression_level=1)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert parquet_source(tmp_path / "a.parquet") == tmp_path / "a.parquet"


def test_plain_files_stay_readable_when_a_key_is_named(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    write_parquet(FRAME, tmp_path / "plain.parquet")
    request.getfixturevalue("key_file")
    assert read_parquet(tmp_path / "plain.parquet").equals(FRAME)


def test_an_encrypted_file_without_a_key_is_told(
    key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_parquet(FRAME, tmp_path / "501" / "a.parquet")
    unnamed(monkeypatch)
    with pytest.raises(StudyError, match=r"KEY: 501/a\.parquet: the file is encrypted and no key is named"):
        read_parquet(tmp_path / "501" / "a.parquet")


def test_a_lost_or_another_key_is_told_by_its_setting_or_the_file(key_file: Path, tmp_path: Path) -> None:
    write_parquet(FRAME, tmp_path / "501" / "a.parquet")
    key_file.unlink()
    for attempt in (lambda: read_parquet(tmp_path / "501" / "a.parquet"), lambda: write_parquet(FRAME, tmp_path / "b")):
        with pytest.raises(StudyError, match=r"KEY: governance\.encryption\.key_file: .*does not hold a key"):
            attempt()
    assert not (tmp_path / "b").exists()
    key_id(key_file, create=True)
    with pytest.raises(StudyError, match=r"FILE: 501/a\.parquet: .*another key") as caught:
        read_parquet(tmp_path / "501" / "a.parquet")
    assert caught.value.__context__ is None


def test_files_of_extracts_are_read_through_it(key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the project took out of national extracts itself."""
    path = tmp_path / "501" / "CIN_2013.parquet"
    write_parquet(FRAME.drop("age"), path)
    header = read_header(path)
    assert header == ["child_id", "referral_date"]
    lazy = scan_text(path, header)
    read = collect(lazy.filter(pl.col("child_id").is_not_null()), path, engine="streaming")
    assert read.equals(FRAME.drop("age").cast(pl.String).head(2))
    assert collect(lazy.select(pl.len()), path).item() == 3
    unnamed(monkeypatch)
    with pytest.raises(StudyError, match=r"KEY: 501/CIN_2013\.parquet"):
        read_header(path)


def test_a_failed_write_leaves_the_old_file(key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_parquet(FRAME, tmp_path / "a.parquet")
    monkeypatch.setenv(CHUNK_VARIABLE, "none")
    with pytest.raises(ValueError):
        write_parquet(FRAME.clear(), tmp_path / "a.parquet")
    assert read_parquet(tmp_path / "a.parquet").equals(FRAME)
    assert {path.name for path in tmp_path.iterdir()} == {"a.parquet", "keys"}


# ---- which key


def study(key_file: str, enabled: bool = True) -> dict[str, Any]:
    config = deepcopy(CONFIG)
    config["governance"]["encryption"] = {"enabled": enabled, "key_file": key_file, "chunk_bytes": 4096}
    return config


@pytest.mark.usefixtures("key_file")  # which puts the environment back
def test_the_study_names_its_key_or_none() -> None:
    name_key(study("~/elsewhere/artefacts.key"))
    assert os.environ[KEY_VARIABLE] == str(Path.home().resolve() / "elsewhere" / "artefacts.key")
    assert os.environ[CHUNK_VARIABLE] == "4096"
    name_key(study("~/elsewhere/artefacts.key", enabled=False))
    assert KEY_VARIABLE not in os.environ and CHUNK_VARIABLE not in os.environ and named_key() is None


@pytest.mark.parametrize(
    ("key_file", "said"),
    [
        (f"{ROOT}/results/artefacts.key", "inside the project's folder"),
        (CONFIG["privacy"]["key_file"], r"is the one of privacy\.key_file"),
    ],
)
def test_a_key_in_the_project_and_the_key_of_the_ids_are_refused(key_file: str, said: str) -> None:
    with pytest.raises(StudyError, match=rf"CONFIG: governance\.encryption\.key_file: .*{said}"):
        configured_key(study(key_file))
    assert configured_key(study(key_file, enabled=False)) is None


def test_a_key_that_others_may_read_is_refused(key_file: Path) -> None:
    key_file.chmod(0o640)
    with pytest.raises(StudyError, match=r"KEY: governance\.encryption\.key_file: others than its owner"):
        named_key()


def test_who_encrypts_nothing_does_not_load_the_library() -> None:
    code = "import sys, scripts.artefacts; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
