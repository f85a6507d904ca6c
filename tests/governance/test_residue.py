"""A scan finds an id or a row wherever it hides, nothing in a clean twin of the same place, and tells no value."""

import base64
import bz2
import gzip
import json
import lzma
import pickle
import sqlite3
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import example, given
from hypothesis import strategies as st

from scripts.artefacts import write_parquet
from scripts.errors import StudyError
from scripts.governance.decoding import ENVELOPES, KINDS, Limits, kind_of
from scripts.governance.fingerprints import proving, row_fingerprints
from scripts.governance.residue import AMBIGUOUS, FINGERPRINT, HIDDEN, IDENTIFIER, Needles, Scan, scan
from scripts.governance.sealing import sealed
from scripts.privacy.encryption import CHUNK_VARIABLE, KEY_VARIABLE

KEY = bytes(range(32))
IDS = ("child_id", "pupil_id")
# Of no child that the synthetic extracts have: a scan of a whole project reads this file, too.
LONG, KEYED, ZEROS, SHORT = "2076543210", "zzyyxxwwvvuu2345", "0012345678", "417"
# The same shapes, other children.
TWIN = {LONG: "2076543211", KEYED: "zzyyxxwwvvuu2346", ZEROS: "0012345679", SHORT: "418"}

Place = Callable[[Path, str], None]


def scanned(root: Path, *ids: str, limits: Limits | None = None, fingerprints: dict | None = None) -> Scan:
    return scan(root, Needles(ids, fingerprints or {}), KEY, IDS, 8, [], limits or Limits())


def found(result: Scan) -> set[str]:
    assert not result.undecodable
    return {finding.what for finding in result.findings}


def zipped(**members: bytes) -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


def tarred(mode: str, content: bytes) -> bytes:
    made, member = BytesIO(), tarfile.TarInfo("inside.csv")
    member.size = len(content)
    with tarfile.open(fileobj=made, mode=mode) as archive:
        archive.addfile(member, BytesIO(content))
    return made.getvalue()


def parquet(**columns: pl.Series) -> bytes:
    made = BytesIO()
    pl.DataFrame(columns).write_parquet(made)
    return made.getvalue()


def arrow(column: pl.Series) -> bytes:
    made = BytesIO()
    pl.DataFrame({"child_id": column}).write_ipc(made)
    return made.getvalue()


def zstandard(content: bytes) -> bytes:
    made = pa.BufferOutputStream()
    with pa.CompressedOutputStream(made, "zstd") as stream:
        stream.write(content)
    return made.getvalue().to_pybytes()


def database(path: Path, value: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE cache (name, content)")
        connection.executemany("INSERT INTO cache VALUES (?, ?)", [("a", 1), ("b", value), ("c", None)])


def database_bytes(value: object) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        database(Path(folder) / "made", value)
        return (Path(folder) / "made").read_bytes()


def npy(array: np.ndarray) -> bytes:
    made = BytesIO()
    np.save(made, array)
    return made.getvalue()


def file(name: str, content: Callable[[str], bytes]) -> Place:
    """A place that is one file below a folder."""

    def plant(folder: Path, text: str) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(text))

    return plant


def outside_file(folder: Path, text: str) -> None:
    target = folder.parent / "outside" / "kept.log"
    target.parent.mkdir()
    target.write_text(f"child {text}\n")
    (folder / "link").symlink_to(target)


def outside_folder(folder: Path, text: str) -> None:
    outside_file(folder, text)
    (folder / "link").unlink()
    (folder / "link").symlink_to(folder.parent / "outside")
    (folder.parent / "outside" / "back").symlink_to(folder)


def cut_name(folder: Path, text: str) -> None:
    """A name as Snakemake cuts it: 255 characters at most in each piece, all but the last marked."""
    name = base64.b64encode(f"results/{'x' * 174}/{text}/{'y' * 100}.parquet".encode()).decode()
    (folder / f"@{name[:254]}").mkdir()
    (folder / f"@{name[:254]}" / name[254:]).write_text("{}")


def encrypted(folder: Path, text: str) -> None:
    with pytest.MonkeyPatch.context() as environment, tempfile.TemporaryDirectory() as keys:
        key = Path(keys) / "artefact.key"
        key.write_text("ab" * 32)
        key.chmod(0o600)
        environment.setenv(KEY_VARIABLE, str(key))
        environment.setenv(CHUNK_VARIABLE, "1000")
        write_parquet(pl.DataFrame({"child_id": ["x", text]}), folder / "at_rest.parquet")
        held = (folder / "at_rest.parquet").read_bytes()
        assert text.encode() not in held
        # Scanned while the key is named.
        outcome = scanned(folder, text)
        assert found(outcome) == {IDENTIFIER} and [each.kind for each in outcome.files] == ["encrypted"]
        assert not scanned(folder, TWIN[text]).findings
    assert [each.where for each in scanned(folder, text).undecodable] == [""]
    (folder / "at_rest.parquet").unlink()


TEXT_PLACES: dict[str, Place] = {
    "CSV": file("a.csv", lambda t: f"child_id,x\n1,2\n{t},3\n".encode()),
    "CSV, first bytes": file("a.csv", lambda t: t.encode()),
    "CSV, quoted": file("a.csv", lambda t: f'"child_id","x"\n"{t}","3"\n'.encode()),
    "TSV": file("a.tsv", lambda t: f"x\tchild_id\n3\t{t}\n".encode()),
    "CSV, Excel's formula": file("a.csv", lambda t: f'x\n="{t}"\n'.encode()),
    "CSV, semicolons": file("a.txt", lambda t: f"x;y\r\n2;{t}\r\n".encode()),
    "column name": file("a.csv", lambda t: f"x,{t}\n1,2\n".encode()),
    "composite": file("a.csv", lambda t: f"key\n510-{t}\n".encode()),
    "composite, underscore": file("a.csv", lambda t: f"key\n510_{t}_2\n".encode()),
    "upper case": file("a.log", lambda t: f"child {t.upper()}.".encode()),
    "letters with accents": file("a.log", lambda t: f"é{t}é".encode()),
    "log": file("logs/ingest/510.log", lambda t: f"2026-11-26 rows of {t}: 3\n".encode()),
    "log without suffix": file("log", lambda t: f"x ({t})".encode()),
    "hidden file": file(".hidden/.file", lambda t: t.encode()),
    "HTML": file("a.html", lambda t: f"<!doctype html><td id=a>{t}</td>".encode()),
    "XML": file("a.xml", lambda t: f'<?xml version="1.0"?><LAchildID>{t}</LAchildID>'.encode()),
    "YAML": file("a.yaml", lambda t: f"events:\n- child: '{t}'\n".encode()),
    "JSON value": file("a.json", lambda t: json.dumps({"a": [1, {"b": t}]}).encode()),
    "JSON key": file("a.json", lambda t: json.dumps({t: 1}).encode()),
    "JSON, escaped": file("a.json", lambda t: b'["%s"]' % "".join(map(r"\u{:04x}".format, t.encode())).encode()),
    "JSON lines, escaped": file("a.jsonl", lambda t: b'{"a": 1}\n{"a": "\\u%04x%s"}\n' % (ord(t[0]), t[1:].encode())),
    "UTF-16": file("a.csv", lambda t: f"child_id,x\n{t},1\n".encode("utf-16")),
    "UTF-16, big-endian": file("a.csv", lambda t: b"\xfe\xff" + f"child_id,x\n{t},1\n".encode("utf-16-be")),
    "UTF-16, unmarked": file("a.csv", lambda t: f"child_id,x\n{t},1\n".encode("utf-16-le")),
    "UTF-16 in other bytes": file("a.bin", lambda t: b"\0\1\2" + f"x {t} y".encode("utf-16-be") + b"\xff"),
    "UTF-32": file("a.csv", lambda t: f"child_id,x\n{t},1\n".encode("utf-32")),
    "UTF-8, marked": file("a.csv", lambda t: f"\ufeff{t},x\n1,2\n".encode()),
    "binary": file("a.bin", lambda t: b"\0\x10" + t.encode() + b"q\x01"),
    "gzip": file("a.csv.gz", lambda t: gzip.compress(f"x\n{t}\n".encode())),
    "gzip, called otherwise": file("a.csv", lambda t: gzip.compress(f"x\n{t}\n".encode())),
    "gzip of two members": file("a.gz", lambda t: gzip.compress(b"x\n") + gzip.compress(t.encode())),
    "gzip of gzip": file("a.gz", lambda t: gzip.compress(gzip.compress(t.encode()))),
    "bzip2": file("a.bz2", lambda t: bz2.compress(t.encode())),
    "xz": file("a.xz", lambda t: lzma.compress(t.encode())),
    "zstd": file("a.zst", lambda t: zstandard(t.encode())),
    "zlib": file("a.z", lambda t: zlib.compress(f"x,{t}".encode())),
    "zip member": file("a.zip", lambda t: zipped(b=b"x", c=f"y,{t}".encode())),
    "zip member's name": file("a.zip", lambda t: gzip.compress(zipped(**{f"{t}.csv": b"x"}))),
    "gzip in zip": file("a.zip", lambda t: zipped(b=gzip.compress(f"y,{t}".encode()))),
    "zip in zip": file("a.zip", lambda t: zipped(b=zipped(c=f"y,{t}".encode()))),
    "workbook": file(
        "a.xlsx", lambda t: zipped(**{"xl/sharedStrings.xml": f"<sst><si><t>{t}</t></si></sst>".encode()})
    ),
    "tar": file("a.tar", lambda t: tarred("w", f"x\n{t}\n".encode())),
    "tar.gz": file("a.tgz", lambda t: tarred("w:gz", f"x\n{t}\n".encode())),
    "tar.xz in zip": file("a.zip", lambda t: zipped(b=tarred("w:xz", f"x\n{t}\n".encode()))),
    "parquet, text": file("a.parquet", lambda t: parquet(child_id=pl.Series(["x", None, t]))),
    "parquet, categorical": file("a.parquet", lambda t: parquet(c=pl.Series(["x", t], dtype=pl.Categorical))),
    "parquet, list": file("a.parquet", lambda t: parquet(c=pl.Series([["x"], [], ["y", t]]))),
    "parquet, struct": file("a.parquet", lambda t: parquet(c=pl.Series([{"a": "x", "b": {"d": t}}]))),
    "parquet, list of structs": file("a.parquet", lambda t: parquet(c=pl.Series([[{"a": "x"}, {"a": t}]]))),
    "parquet, bytes": file("a.parquet", lambda t: parquet(c=pl.Series([b"x", gzip.compress(t.encode())]))),
    "parquet, composite cell": file("a.parquet", lambda t: parquet(c=pl.Series(["510-" + t]))),
    "parquet, base64 cell": file(
        "a.parquet", lambda t: parquet(c=pl.Series([base64.b64encode(gzip.compress(b"x," * 40 + t.encode())).decode()]))
    ),
    "parquet, column name": file("a.parquet", lambda t: parquet(**{f"of {t}": pl.Series([1])})),
    "parquet, unfinished": file(".a.parquet.x8k2_1qz", lambda t: parquet(child_id=pl.Series([t]))),
    "parquet in zip": file("a.zip", lambda t: zipped(b=parquet(c=pl.Series(["x", t])))),
    "SQLite": lambda folder, t: database(folder / "cache.db", t),
    "SQLite, bytes": lambda folder, t: database(folder / "cache.db", gzip.compress(t.encode())),
    "SQLite in gzip": file("cache.gz", lambda t: gzip.compress(database_bytes(t))),
    "array, text": file("a.npy", lambda t: npy(np.array(["x" * len(t), t, "y" * len(t)]))),
    "array, bytes": file("a.npy", lambda t: npy(np.array([b"x" * len(t), t.encode(), b"y" * len(t)]))),
    "array, fields": file("a.npy", lambda t: npy(np.array([("x" * 20, 1), (t, 2)], dtype=[("a", "U20"), ("b", "i4")]))),
    "array of objects": file("a.npy", lambda t: npy(np.array(["x", t], dtype=object))),
    "arrays": file("a.npz", lambda t: zipped(**{"a.npy": npy(np.array(["x" * len(t), t]))})),
    **{
        f"pickle, protocol {number}": file("a.pkl", lambda t, n=number: pickle.dumps({"a": ["x", t]}, protocol=n))
        for number in range(1, 6)
    },
    "pickles": file("a.nbi", lambda t: pickle.dumps("1.0") + pickle.dumps({1: f"of {t}", 2: "x"})),
    "Arrow": file("a.feather", lambda t: arrow(pl.Series(["x", t]))),
    "file name": lambda folder, t: (folder / f"of_{t}.csv").write_text("x"),
    "folder name": lambda folder, t: (folder / t).mkdir(),
    "link's target": lambda folder, t: (folder / "link").symlink_to(f"/nowhere/{t}"),
    "file outside": outside_file,
    "folder outside": outside_folder,
    "Snakemake's name": lambda folder, t: (
        folder / base64.urlsafe_b64encode(f"results/{t}/a.csv".encode()).decode()
    ).write_text("{}"),
    "Snakemake's name, cut": cut_name,
    "base64, short": file("a.log", lambda t: f"x {base64.b64encode(f'of {t}!'.encode()).decode()}".encode()),
    "base64 in HTML": file(
        "a.html", lambda t: b'<img src="data:;base64,%s">' % base64.b64encode(f"<svg>{'=' * 50}{t}".encode())
    ),
    "base64 in JSON": file(
        "a", lambda t: json.dumps({"p": base64.urlsafe_b64encode(f"{'~?' * 40}{t}".encode()).decode()}).encode()
    ),
    "base64 in lines": file(
        "a.eml", lambda t: b"To: x\n\n" + base64.encodebytes(f"{'x' * 51} {t} {'y' * 99}".encode())
    ),
    "gzip in base64": file(
        "a.html", lambda t: b"<a href='" + base64.b64encode(gzip.compress(f"{np.arange(30)}{t}".encode())) + b"'>"
    ),
    "UTF-16 in base64": file("a", lambda t: b"x " + base64.b64encode(f"{'-' * 40} {t}".encode("utf-16"))),
    "base64 in base64": file(
        "a", lambda t: base64.b64encode(b"x" * 50 + base64.b64encode(b"y" * 60 + f" {t} ".encode()) + b"=")
    ),
    "called sealed": file("a.p7m", lambda t: f"{t},1\n".encode()),
    "encrypted at rest": encrypted,
}


@pytest.mark.parametrize("place", TEXT_PLACES)
@pytest.mark.parametrize("needle", [LONG, KEYED])
def test_an_id_is_found_wherever_it_stands_and_not_in_its_twin(place: str, needle: str, tmp_path: Path) -> None:
    planted = tmp_path / "study"
    planted.mkdir()
    TEXT_PLACES[place](planted, needle)
    if place != "encrypted at rest":
        result = scanned(planted, needle)
        assert found(result) == {IDENTIFIER}
        assert needle not in repr(result).lower()
        assert not scanned(planted, TWIN[needle]).findings


NUMBER_PLACES: dict[str, Place] = {
    "JSON": file("a.json", lambda t: b'{"a": [%d]}' % int(t)),
    "JSON, float": file("a.json", lambda t: b'{"a": %d.0}' % int(t)),
    "JSON, scientific": file("a.json", lambda t: json.dumps({"a": 1}).encode().replace(b"1", b"%.9E" % int(t))),
    "CSV, float": file("a.csv", lambda t: b"a,b\n1.5,%d.0\n" % int(t)),
    "CSV, scientific": file("a.csv", lambda t: b"a,b\n1.5,%.18e\n" % int(t)),
    "CSV, NumPy": lambda folder, t: np.savetxt(folder / "a.csv", [[1, int(t)]], delimiter=","),
    **{
        f"parquet, {dtype}": file("a.parquet", lambda t, d=dtype: parquet(c=pl.Series([1, None, int(t)], dtype=d)))
        for dtype in (pl.Int64, pl.Float64, pl.UInt32, pl.UInt64, pl.Int128, pl.Decimal(20, 2))
    },
    "parquet, list of numbers": file("a.parquet", lambda t: parquet(c=pl.Series([[1], [2, int(t)]]))),
    "parquet, struct": file("a.parquet", lambda t: parquet(c=pl.Series([{"a": int(t)}]))),
    **{
        f"array, {dtype}": file("a.npy", lambda t, d=dtype: npy(np.array([[1, 2], [3, int(t)]], dtype=d)))
        for dtype in ("<i4", "<i8", ">i8", "<u4", "<f8", ">f8")
    },
    "arrays": file("a.npz", lambda t: zipped(**{"a.npy": npy(np.array([1, int(t)], dtype="i4"))})),
    "array, fields": file("a.npy", lambda t: npy(np.array([(1, 2), (3, int(t))], dtype=[("a", "i2"), ("b", "i8")]))),
    "array of objects": file("a.npy", lambda t: npy(np.array([None, int(t)], dtype=object))),
    "pickle": file("a.pkl", lambda t: pickle.dumps([1, int(t)])),
    "pickles": file("a.nbi", lambda t: pickle.dumps("1.0") + pickle.dumps([1, int(t)])),
    "Arrow": file("a.feather", lambda t: arrow(pl.Series([1, int(t)]))),
    "Arrow in zip": file("a.zip", lambda t: zipped(b=arrow(pl.Series([1, int(t)])))),
    "parquet in gzip": file("a.gz", lambda t: gzip.compress(parquet(c=pl.Series([1, int(t)])))),
    "pickled array": file("a.pkl", lambda t: pickle.dumps(np.array([1, int(t)]))),
    "pickled floats": file("a.pkl", lambda t: pickle.dumps(np.array([1.5, float(t)]))),
    "SQLite": lambda folder, t: database(folder / "cache.db", int(t)),
    "SQLite, float": lambda folder, t: database(folder / "cache.db", float(t)),
    "binary": file("a.nbi", lambda t: b"\1\0" + int(t).to_bytes(8, "little")),
}


@pytest.mark.parametrize("place", NUMBER_PLACES)
@pytest.mark.parametrize("needle", [LONG, ZEROS])
def test_an_id_is_found_as_a_number_with_its_zeros_lost(place: str, needle: str, tmp_path: Path) -> None:
    NUMBER_PLACES[place](tmp_path, needle)
    assert found(scanned(tmp_path, needle)) == {IDENTIFIER}
    assert not scanned(tmp_path, TWIN[needle]).findings


def test_zeros_put_before_an_id_or_lost_make_no_other_child(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"x\n000{ZEROS}\n12345678\n{ZEROS}\n10{ZEROS}\n")
    assert [finding.count for finding in scanned(tmp_path, ZEROS).findings] == [3]
    (tmp_path / "a.csv").write_text("x\n0000000417\n417\n10000000417\n")
    counts = {finding.what: finding.count for finding in scanned(tmp_path, "0000000417").findings}
    assert counts == {IDENTIFIER: 1, AMBIGUOUS: 2}


def test_a_large_number_is_compared_exactly(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(parquet(c=pl.Series([2**60 + 1], dtype=pl.Int64)))
    assert not scanned(tmp_path, str(2**60)).findings
    assert found(scanned(tmp_path, str(2**60 + 1))) == {IDENTIFIER}
    assert not scanned(tmp_path, "9" * 60).findings


SHORT_PLACES: dict[str, tuple[str, str, bytes | Callable[[str], bytes]]] = {
    "CSV, column of ids": (IDENTIFIER, "a.csv", lambda t: f"x,child_id\n1,{t}\n".encode()),
    "CSV, column of ids, quoted": (IDENTIFIER, "a.csv", lambda t: f'x,child_id\n"a,\n","{t}"\n'.encode()),
    "CSV of ids alone": (IDENTIFIER, "a.csv", lambda t: f"child_id\n{t}\n".encode()),
    "CSV, float": (IDENTIFIER, "a.csv", lambda t: f"child_id\n{t}.0\n".encode()),
    "CSV, UTF-16": (IDENTIFIER, "a.csv", lambda t: f"x,child_id\n1,{t}\n".encode("utf-16")),
    "CSV, gzip": (IDENTIFIER, "a.gz", lambda t: gzip.compress(f"x,child_id\n1,{t}\n".encode())),
    "CSV, last cell": (AMBIGUOUS, "a.csv", lambda t: f"x,y\n1,{t}".encode()),
    "CSV, quoted": (AMBIGUOUS, "a.csv", lambda t: f'x,y\n"{t}",1\n'.encode()),
    "CSV, with zeros": (AMBIGUOUS, "a.csv", lambda t: f"x\n00{t}\n".encode()),
    "parquet, ids": (IDENTIFIER, "a", lambda t: parquet(child_id=pl.Series(["x", t]))),
    "parquet, ids as numbers": (IDENTIFIER, "a", lambda t: parquet(pupil_id=pl.Series([1, int(t)]))),
    "parquet, text": (AMBIGUOUS, "a", lambda t: parquet(x=pl.Series(["x", t]))),
    "parquet, floats": (AMBIGUOUS, "a", lambda t: parquet(x=pl.Series([1.5, float(t)]))),
    "parquet, list": (AMBIGUOUS, "a", lambda t: parquet(x=pl.Series([[1.5, float(t)]]))),
    "JSON, number under a name of ids": (IDENTIFIER, "a", lambda t: b'{"child_id": %d}' % int(t)),
    "JSON, text under a name of ids": (IDENTIFIER, "a", lambda t: json.dumps({"pupil_id": t}, indent=1).encode()),
    "JSON, number": (AMBIGUOUS, "a", lambda t: b'{"x": [%d]}' % int(t)),
    "JSON, text": (AMBIGUOUS, "a", lambda t: json.dumps({"x": t}).encode()),
    "YAML": (IDENTIFIER, "a", lambda t: f"- child_id: '{t}'\n".encode()),
    "XML under a name of ids": (IDENTIFIER, "a", lambda t: f"<r><child_id>{t}</child_id></r>".encode()),
    "XML": (AMBIGUOUS, "a", lambda t: f"<r><x>{t}</x></r>".encode()),
    "array": (AMBIGUOUS, "a", lambda t: npy(np.array([1, int(t)]))),
    "SQLite": (AMBIGUOUS, "a", lambda t: database_bytes(int(t))),
}


@pytest.mark.parametrize("place", SHORT_PLACES)
def test_a_short_id_is_found_as_a_whole_value(place: str, tmp_path: Path) -> None:
    what, name, content = SHORT_PLACES[place]
    (tmp_path / name).write_bytes(content(SHORT))
    assert what in found(scanned(tmp_path, SHORT))
    assert not (what == AMBIGUOUS and IDENTIFIER in found(scanned(tmp_path, SHORT)))
    assert not scanned(tmp_path, TWIN[SHORT]).findings


@pytest.mark.parametrize(
    "text",
    [
        "x,y\n1417,4170\n",
        "417 days\n",
        "took 417 s, or 417 of 500\n",
        "x\n0.417\n417.5\n",
        '{"a": "417 days"}',
        "a-417-b",
    ],
)
def test_a_short_id_inside_a_text_means_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "417.csv").write_text(text)
    assert not scanned(tmp_path, SHORT).findings


@pytest.mark.parametrize("text", ["x{}", "{}x", "1{}", "{}0", "{}é1x{}a"])
def test_an_id_within_a_longer_word_is_another_one(text: str, tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-16", "utf-16-le", "utf-32"):
        (tmp_path / f"{encoding}.txt").write_bytes(text.replace("{}é", "a{}").format(LONG, LONG).encode(encoding))
    assert not scanned(tmp_path, LONG).findings


def referrals(child: str = LONG) -> pl.DataFrame:
    """Rows of a child (the first two) and of others; of the first, another child has the like."""
    return pl.DataFrame(
        {
            "child_id": [child, child, "x", "y"],
            "start": [date(2013, 5, 1), date(2014, 2, 3), date(2013, 5, 1), date(2015, 1, 1)],
            "need": ["N1", "N2, or more", "N1", None],
            "days": [3, None, 3, 4],
            "share": [0.5, 1e-7, 0.5, 2.0],
            "nfa": [True, None, True, False],
        }
    )


def own(frame: pl.DataFrame) -> pl.Series:
    return frame["child_id"] == LONG


def prints() -> dict[str, frozenset[str]]:
    frame = referrals()
    return proving([(frame, own(frame))], KEY, IDS)


ROW_PLACES: dict[str, Callable[[pl.DataFrame], bytes]] = {
    "parquet": lambda f: parquet(**f.to_dict()),
    "parquet, columns in another order": lambda f: parquet(**f.select(reversed(f.columns)).to_dict()),
    "parquet, other ids": lambda f: parquet(**f.rename({"child_id": "pupil_id"}).to_dict()),
    "parquet without ids": lambda f: parquet(**f.drop("child_id").to_dict()),
    "parquet in zip": lambda f: zipped(a=parquet(**f.to_dict())),
    "Arrow": lambda f: f.write_ipc(None).getvalue(),
    "parquet, all text": lambda f: parquet(
        **f.cast({"days": pl.String, "share": pl.String, "start": pl.String}).to_dict()
    ),
    "parquet, floats": lambda f: parquet(**f.cast({"days": pl.Float64}).to_dict()),
    "CSV": lambda f: f.write_csv().encode(),
    "CSV, tabs": lambda f: f.write_csv(separator="\t").encode(),
    "CSV, Windows line ends": lambda f: f.write_csv(line_terminator="\r\n").encode(),
    "CSV, all quoted": lambda f: f.write_csv(quote_style="non_numeric").encode(),
    "CSV, marked": lambda f: b"\xef\xbb\xbf" + f.write_csv().encode(),
    "CSV, UTF-16": lambda f: f.write_csv().encode("utf-16"),
    "CSV, gzip": lambda f: gzip.compress(f.write_csv().encode()),
    "CSV, gzip in zip": lambda f: zipped(a=gzip.compress(f.write_csv().encode())),
    "CSV, last line open": lambda f: f.write_csv().encode().rstrip(b"\n"),
    "CSV by pandas": lambda f: f.to_pandas().to_csv(index=False).encode(),
    "JSON": lambda f: json.dumps({"rows": f.with_columns(pl.col("start").cast(pl.String)).to_dicts()}).encode(),
    "JSON lines": lambda f: f.write_ndjson().encode(),
    "SQLite": lambda f: rows_in_database(f.with_columns(pl.col("start").cast(pl.String))),
}


def rows_in_database(frame: pl.DataFrame) -> bytes:
    frame = frame.with_columns(pl.col("nfa").cast(pl.String))
    with tempfile.TemporaryDirectory() as folder:
        with closing(sqlite3.connect(Path(folder) / "made")) as connection, connection:
            connection.execute(f"CREATE TABLE held ({', '.join(frame.columns)})")
            connection.executemany(f"INSERT INTO held VALUES ({', '.join('?' * frame.width)})", frame.rows())
        return (Path(folder) / "made").read_bytes()


@pytest.mark.parametrize("place", ROW_PLACES)
@pytest.mark.parametrize("chunk", [50, 1 << 22])
def test_a_row_is_found_under_another_id_and_gone_when_it_is_gone(place: str, chunk: int, tmp_path: Path) -> None:
    if place == "CSV by pandas":
        pytest.importorskip("pandas")
    (tmp_path / "held").write_bytes(ROW_PLACES[place](referrals("somebody")))
    result = scanned(tmp_path, limits=Limits(chunk=chunk), fingerprints=prints())
    assert found(result) == {FINGERPRINT} and [finding.count for finding in result.findings] == [1]
    (tmp_path / "held").write_bytes(ROW_PLACES[place](referrals()[[0, 2, 3]]))
    assert scanned(tmp_path, limits=Limits(chunk=chunk), fingerprints=prints()).clean


def test_rows_of_other_columns_are_not_compared(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(referrals().drop("nfa").write_csv())
    (tmp_path / "b.csv").write_text(referrals().rename({"nfa": "nfb"}).write_csv())
    assert scanned(tmp_path, fingerprints=prints()).clean


def test_rows_wider_than_the_header_are_undecodable_and_ids_after_them_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(referrals().write_csv() + "1,2,3,4,5,6,7,8\n" + f"{LONG},2,3,4,5,6\n")
    result = scanned(tmp_path, LONG, fingerprints=prints())
    assert result.undecodable and {finding.what for finding in result.findings} == {IDENTIFIER}


def test_a_row_that_another_child_shares_proves_nothing() -> None:
    frame = referrals()
    ((name, hashes),) = proving([(frame, own(frame))], KEY, IDS).items()
    assert hashes == {row_fingerprints(frame, KEY, IDS)[1][1]}
    first = frame[[0, 1]]
    assert proving([(first, own(first))], KEY, IDS)[name] == set(row_fingerprints(frame, KEY, IDS)[1][:2])
    elsewhere = referrals("somebody")
    both = proving([(frame, own(frame)), (elsewhere, own(elsewhere))], KEY, IDS)
    assert both == {} and proving([(frame, own(frame))], KEY, IDS) == {name: hashes}
    assert proving([(frame.select("child_id"), own(frame))], KEY, IDS) == {}


def test_fingerprints_depend_on_key_and_columns_and_on_neither_order_nor_ids() -> None:
    frame = referrals()
    name, hashes = row_fingerprints(frame, KEY, IDS)
    turned = row_fingerprints(frame.select(reversed(frame.columns)).with_columns(child_id=pl.lit("z")), KEY, IDS)
    assert turned[0] == name and turned[1].to_list() == hashes.to_list()
    other_key = row_fingerprints(frame, bytes(32), IDS)
    assert other_key[0] != name and not set(other_key[1]) & set(hashes)
    assert row_fingerprints(frame.rename({"need": "needs"}), KEY, IDS)[0] != name
    assert hashes[0] == hashes[2] and hashes.n_unique() == 3


def test_a_gap_is_not_an_empty_text_and_no_value_runs_into_the_next() -> None:
    rows = [(None, ""), ("", None), ("", ""), (None, None), ("-", None), ("1:a", "b"), ("1", ":ab"), ("a", "b1:")]
    hashes = row_fingerprints(pl.DataFrame(rows, schema=["a", "b"], orient="row"), KEY, IDS)[1]
    assert hashes.n_unique() == len(rows)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12)
VALUES = st.fixed_dictionaries(
    {
        "text": st.none() | TEXTS,
        "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
        "number": st.none() | st.floats(),
        "truth": st.none() | st.booleans(),
        "day": st.none() | st.dates(),
        "moment": st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
        "hour": st.none() | st.just(time(1, 2, 3, 4)),
    }
)
SCHEMA = {
    "text": pl.String,
    "whole": pl.Int64,
    "number": pl.Float64,
    "truth": pl.Boolean,
    "day": pl.Date,
    "moment": pl.Datetime("us"),
    "hour": pl.Time,
}


@given(st.lists(VALUES, min_size=1, max_size=5))
@example([dict.fromkeys(SCHEMA)])
def test_a_csv_has_the_fingerprints_of_the_frame_it_was_written_from(rows: list[dict]) -> None:
    frame = pl.DataFrame(rows, schema=SCHEMA)
    back = pl.read_csv(frame.write_csv().encode(), infer_schema=False)
    assert row_fingerprints(back, KEY, IDS)[1].to_list() == row_fingerprints(frame, KEY, IDS)[1].to_list()


def test_columns_of_every_type_have_fingerprints_and_are_searched(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "zone": [datetime(2020, 1, 1, tzinfo=UTC)],
            "length": [timedelta(seconds=3)],
            "list": [[1, 2]],
            "struct": [{"a": 1}],
            "bytes": [b"\xff\0"],
            "nothing": [None],
            "decimal": pl.Series([1]).cast(pl.Decimal(5, 2)),
            "enum": pl.Series(["a"], dtype=pl.Enum(["a"])),
            "array": pl.Series([[1.5, 2.5]], dtype=pl.Array(pl.Float64, 2)),
        }
    )
    frame.write_parquet(tmp_path / "a.parquet")
    assert dict([row_fingerprints(frame, KEY, IDS)]).popitem()[1].null_count() == 0
    assert found(scanned(tmp_path, LONG, SHORT, fingerprints=proving([(frame, pl.Series([True]))], KEY, IDS))) == {
        FINGERPRINT
    }


FRAGMENTS = st.sampled_from([LONG, KEYED, KEYED.upper(), "1", "a", "0", ",", "\n", '"', " ", "é", "x" * 70, "-", "\0"])


def naive(content: bytes, needle: bytes) -> int:
    """How often a needle stands alone, by plain search: what `grep -aow` would count, any zeros before it included."""
    content, count, at = b"\n" + content.lower() + b"\n", 0, 0
    while (at := content.find(needle, at + 1)) >= 0:
        before = content[:at].rstrip(b"0")[-1:] if needle.isdigit() else content[at - 1 : at]
        after = content[at + len(needle) : at + len(needle) + 1]
        word = b"abcdefghijklmnopqrstuvwxyz0123456789"
        count += before not in [bytes([b]) for b in word] and after not in [bytes([b]) for b in word]
    return count


@given(
    st.lists(
        st.tuples(st.lists(FRAGMENTS, max_size=20), st.sampled_from(["", ".gz", ".bz2", ".xz"])), min_size=1, max_size=4
    ),
    st.integers(1, 300),
)
def test_texts_are_found_as_a_plain_search_finds_them(files: list[tuple[list[str], str]], chunk: int) -> None:
    compressed = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
    with tempfile.TemporaryDirectory() as folder:
        expected = {}
        for number, (fragments, suffix) in enumerate(files):
            # A first line that is no JSON, table or array of bytes: the oracle knows texts alone.
            content = ("log\n" + "".join(fragments)).replace("\0", "").encode()
            name = f"{number}/file{suffix}"
            (Path(folder) / str(number)).mkdir()
            (Path(folder) / name).write_bytes(compressed[suffix](content))
            total = naive(content, LONG.encode()) + naive(content, KEYED.encode())
            expected |= {name: total} if total else {}
        result = scanned(Path(folder), LONG, KEYED, limits=Limits(chunk=chunk))
    assert {finding.path: finding.count for finding in result.findings} == expected


@pytest.mark.parametrize("chunk", [*range(1, 40), 61, 500])
def test_an_id_is_found_once_wherever_the_reading_is_cut(chunk: int, tmp_path: Path) -> None:
    text = "".join(f"{'x' * n},{LONG}{'' if n % 3 else '9'}\n" for n in range(60))
    (tmp_path / "a.txt").write_text("line\n" + text)
    (tmp_path / "b.txt").write_bytes(("line\n" + text).encode("utf-16-le"))
    (tmp_path / "c.csv").write_text("x,y\n" + "".join(f'{"x" * n},"{SHORT}"\n' for n in range(60)))
    result = scanned(tmp_path, LONG, SHORT, limits=Limits(chunk=chunk))
    assert [(f.path, f.what, f.count) for f in result.findings] == [
        ("a.txt", IDENTIFIER, 40),
        ("b.txt", IDENTIFIER, 40),
        ("c.csv", AMBIGUOUS, 60),
    ]


@pytest.mark.parametrize("needle", [LONG, KEYED])
def test_ids_in_a_large_text_are_counted_once(needle: str, tmp_path: Path) -> None:
    line = f"{'x ' * 30}{needle} {needle}9 {base64.b64encode(needle.encode()).decode()}\n"
    (tmp_path / "a.txt").write_text("line\n" + line * 5000 + "x " * 200_000 + line)
    assert {finding.count for finding in scanned(tmp_path, needle).findings} == {2 * 5001}


@pytest.mark.parametrize("chunk", [7, 64, 1000])
def test_base64_is_decoded_wherever_the_reading_is_cut(chunk: int, tmp_path: Path) -> None:
    packed = base64.b64encode(gzip.compress(np.random.default_rng(1).bytes(5000) + f" {LONG} ".encode()))
    (tmp_path / "a.html").write_bytes(b"<p>" + packed + b"</p>")
    (tmp_path / "b.html").write_bytes(b"<p>" + packed)
    result = scanned(tmp_path, LONG, limits=Limits(chunk=chunk))
    assert {(f.path, f.where) for f in result.findings} >= {(n, "base64 > gzip") for n in ("a.html", "b.html")}


def test_binary_content_in_a_parquet_footer_or_unknown_format_is_searched_too(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\0\1x" + LONG.encode() + b"y")
    assert found(scanned(tmp_path, LONG)) == {IDENTIFIER}


def damaged() -> dict[str, bytes]:
    whole = {
        "parquet": parquet(c=pl.Series(range(1000))),
        "gzip": gzip.compress(np.random.default_rng(1).bytes(1000)),
        "bzip2": bz2.compress(np.random.default_rng(1).bytes(1000)),
        "xz": lzma.compress(np.random.default_rng(1).bytes(1000)),
        "zstd": zstandard(np.random.default_rng(1).bytes(100000)),
        "zlib": zlib.compress(b"a text that is long enough " * 3 + np.random.default_rng(1).bytes(1000)),
        "zip": zipped(a=b"x" * 1000),
        "tar": tarred("w", b"x" * 50_000),
        "sqlite": database_bytes("x"),
        "npy": npy(np.arange(100)),
    }
    return {name: content[: len(content) * 2 // 3] for name, content in whole.items()}


@pytest.mark.parametrize("kind", damaged())
@pytest.mark.parametrize("around", ["file", "zip"])
def test_what_is_cut_short_is_undecodable(kind: str, around: str, tmp_path: Path) -> None:
    content = damaged()[kind]
    (tmp_path / "a").write_bytes(content if around == "file" else zipped(inside=content))
    result = scanned(tmp_path, LONG)
    assert {each.path for each in result.undecodable} == {"a"} and not result.clean and not result.findings


def encrypted_zip() -> bytes:
    """A member marked as encrypted, in its own header and in the directory."""
    made = bytearray(zipped(a=b"x"))
    for signature, flag in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        made[made.find(signature) + flag] |= 1
    return bytes(made)


@pytest.mark.parametrize(
    "content",
    [
        encrypted_zip(),
        *(magic + b"\0" * 50 for magic, kind in KINDS if kind in ("7z", "rar", "pdf", "ole", "sqlite journal", "hdf5")),
        b"ORC\0" + b"\1" * 50,
        b"[" * 100_000,
    ],
    ids=lambda content: repr(content[:8]),
)
def test_what_nothing_here_opens_is_undecodable(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    result = scanned(tmp_path, LONG)
    assert {each.path for each in result.undecodable} == {"a"} and not result.clean


def test_an_unreadable_content_does_not_hide_the_ids_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(a=gzip.compress(b"x" * 99)[:-9], b=LONG.encode()))
    (tmp_path / "b.gz").write_bytes(gzip.compress(f"x,{LONG},{'y' * 9999}".encode())[:-9])
    result = scanned(tmp_path, LONG, limits=Limits(chunk=100))
    assert [each.where for each in result.undecodable] == ["a > gzip", "gzip"]
    assert [finding.path for finding in result.findings] == ["a.zip"]


def bomb(levels: int) -> bytes:
    content = b"\0" * 1_000_000
    for _ in range(levels):
        content = gzip.compress(content)
    return content


@pytest.mark.parametrize(
    ("content", "limits", "problem"),
    [
        (bomb(4), Limits(depth=3), "depth"),
        (zipped(a=b"x" * 1_000_000), Limits(expanded=999_999, chunk=1000), "size"),
        (gzip.compress(zipped(a=np.random.default_rng(1).bytes(5000))), Limits(memory=4999, chunk=1000), "memory"),
        (b'{"a": "' + b"x " * 3000 + b'"}', Limits(memory=5000), "memory"),
        (b"<a>" + b"x" * 20_000 + b"</a>", Limits(memory=5000, chunk=100), "memory"),
    ],
    ids=["nested", "bomb", "member held", "JSON held", "base64 held"],
)
def test_what_is_beyond_a_limit_is_undecodable(content: bytes, limits: Limits, problem: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    result = scanned(tmp_path, LONG, limits=limits)
    (undecodable,) = result.undecodable
    assert problem in undecodable.problem and not result.clean and result.files[0].bytes == len(content)


def envelope() -> bytes:
    key, name = rsa.generate_private_key(65537, 2048), x509.Name([])
    today = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, today - timedelta(1), today + timedelta(1))
    return sealed(f"child {LONG}".encode(), builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))


def test_what_is_sealed_for_somebody_else_is_listed_and_no_failure(tmp_path: Path) -> None:
    content = envelope()
    (tmp_path / "held.p7m").write_bytes(content)
    result = scanned(tmp_path, LONG)
    assert result.sealed == ("held.p7m",) and result.clean and result.files[0].kind == "sealed"
    (tmp_path / "held.p7m").write_bytes(content + b"," + LONG.encode())
    assert scanned(tmp_path, LONG).findings
    # Neither the name alone nor the form alone makes a file sealed.
    (tmp_path / "held.p7m").rename(tmp_path / "held.bin")
    assert scanned(tmp_path, LONG).sealed == ()
    assert all(oid.startswith(b"\6") for oid in ENVELOPES)


@given(
    st.sampled_from([magic for magic, _ in KINDS] + [b"", b"BZh91AY&SY", b"x\x9c", b"\xff\xfe", b"{", b"a,b\n"]),
    st.binary(),
)
def test_noise_makes_no_scan_fail(magic: bytes, noise: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "noise").write_bytes(magic + noise)
        (Path(folder) / "noise.zip").write_bytes(zipped(a=magic + noise))
        result = scanned(Path(folder), LONG, SHORT)
    assert len(result.files) == 2 and isinstance(kind_of(magic + noise), str)


def test_every_file_is_listed_with_size_and_digest(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c.txt").write_text("abc")
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "link").symlink_to("b/c.txt")
    (tmp_path / "own").symlink_to("own")
    (tmp_path / "z").symlink_to(tmp_path)
    result = scanned(tmp_path, LONG)
    assert [(each.path, each.kind, each.bytes) for each in result.files] == [
        ("a.txt", "empty", 0),
        ("b/c.txt", "text", 3),
        ("link", "link", 7),
        ("own", "link", 3),
        ("z", "link", len(str(tmp_path))),
    ]
    assert result.files[1].sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert result.clean


def test_what_is_left_out_is_not_searched_and_said_to_be(tmp_path: Path) -> None:
    for name in (".git/a", ".venv/b", "governance/requests.yaml", "governance/other.yaml", "sub/.git/a"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(LONG)
    (tmp_path / "link").symlink_to(tmp_path / ".git")
    left_out = [Path(".git"), Path(".venv"), tmp_path / "governance/requests.yaml", Path("absent")]
    result = scan(tmp_path, Needles((LONG,)), KEY, IDS, 8, left_out)
    assert result.left_out == (".git", ".venv", "governance/requests.yaml")
    assert [finding.path for finding in result.findings] == ["governance/other.yaml", "sub/.git/a"]


@pytest.mark.parametrize("needle", [LONG, KEYED])
def test_nothing_that_is_returned_or_raised_holds_an_id(needle: str, tmp_path: Path) -> None:
    study = tmp_path / "study"
    study.mkdir()
    (study / f"of_{needle}.csv").write_text(needle)
    (study / needle).mkdir()
    (study / needle / "bad.gz").write_bytes(gzip.compress(needle.encode())[:-5])
    encoded = base64.b64encode(f"results/{needle.upper()}/a.csv".encode()).decode()
    (study / encoded).write_text("{}")
    (study / "a.parquet").write_bytes(parquet(**{f"x {needle}": pl.Series([needle])}))
    (study / "a.zip").write_bytes(zipped(**{f"{needle}/b.csv": needle.encode()}))
    database(study / "a.db", needle)
    needles = Needles((needle,), prints())
    result = scan(study, needles, KEY, IDS, 8, [Path(needle) / "absent"])
    told = f"{result!r} {result} {needles!r} {needles}".lower()
    assert needle not in told and encoded.lower() not in told
    assert not any(row in told for rows in prints().values() for row in rows)
    assert f"of_{HIDDEN}.csv" in {each.path for each in result.files} and len(result.undecodable) == 1
    assert {finding.where for finding in result.findings if finding.path == "a.parquet"} >= {f"column x {HIDDEN}"}
    with pytest.raises(StudyError) as error:
        scan(study / needle / "absent", needles, KEY, IDS, 8, [])
    assert needle not in str(error.value)


def test_a_blank_id_is_refused_for_nothing_would_be_searched_for(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="SCAN"):
        scan(tmp_path, Needles((LONG, " ")), KEY, IDS, 8, [])
