"""A damaged artefact is an error that names the file, never a number."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from scripts.artefacts import (
    atomic,
    contract_schema,
    parquet_source,
    read_json,
    read_parquet,
    read_results,
    write_json,
    write_parquet,
    write_results,
    write_text,
)
from scripts.cohort.la_covariates import read_la_covariates
from scripts.errors import StudyError
from scripts.integrity.digest import file_digest
from scripts.integrity.job import verify
from scripts.integrity.records import artefact_of, damage, delete, read_record, record_of, records, verified
from scripts.models.cells import load
from scripts.release import cross_products
from scripts.release.safe_csv import read_safe, write_safe

FRAME = pl.DataFrame({"child_id": ["a", "b"], "n": [1, 2]})


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("results")


def flip(path: Path, position: int = -1) -> None:
    """Turn one bit."""
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def test_an_artefact_is_recorded_with_checksum_size_and_rows(results: Path) -> None:
    path = results / "individual" / "x.parquet"
    write_parquet(FRAME, path)
    record = record_of(path)
    assert record == results / "checksums" / "individual" / "x.parquet.json" and artefact_of(record) == path
    told = json.loads(record.read_text())
    assert told["rows"] == 2 and told["bytes"] == path.stat().st_size and len(told["sha256"]) == 64
    assert list(records(results)) == [record] and verified(path) == path


def test_a_path_in_a_folder_that_happens_to_be_called_results_is_recorded_in_the_studys_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "results" / "study"
    home.mkdir(parents=True)
    monkeypatch.chdir(home)
    assert record_of(home / "results" / "a.csv") == Path("results/checksums/a.csv.json")
    assert record_of(home / "governance" / "requests.yaml") is None
    assert record_of("results") is None


def test_what_is_no_artefact_has_no_record_and_is_passed_through(results: Path) -> None:
    path = Path("governance") / "x.json"
    write_json({"a": 1}, path)
    flip(path, 2)
    assert damage(path) is None and not (results / "checksums").exists()


def test_generated_extracts_may_be_replaced(results: Path) -> None:
    path = results / "individual" / "extracts" / "510" / "CIN_2014.csv"
    write_text("a", path)
    path.write_text("b")
    assert record_of(path) is None and verified(path) == path
    write_json(1, results / "x.json")
    assert "all                 1 files" in checked()


WRITERS: dict[str, Callable[[Path], Any]] = {
    "x.parquet": lambda path: write_parquet(FRAME, path),
    "x.json": lambda path: write_json({"a": 1}, path),
    "x.csv": lambda path: write_safe(pl.DataFrame({"outcome": ["icpc"]}), path),
    "x.npz": lambda path: _npz(path),
}
READERS: dict[str, list[Callable[[Path], Any]]] = {
    "x.parquet": [read_parquet, parquet_source],
    "x.json": [read_json],
    "x.csv": [
        lambda path: read_results("estimates", path),
        lambda path: read_safe("estimates", path),
        cross_products.read,
        lambda path: read_la_covariates(str(path), ["idaci"]),
    ],
    "x.npz": [load],
}


def _npz(path: Path) -> None:
    with atomic(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, columns=np.zeros(3))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lose_record(path: Path) -> None:
    delete_record = record_of(path)
    assert delete_record is not None
    delete_record.unlink()


def spoil_record(path: Path) -> None:
    record = record_of(path)
    assert record is not None
    record.write_text(record.read_text()[:-4])


HARMS: dict[str, tuple[Callable[[Path], None], str]] = {
    "one bit": (flip, "SHA-256 differs"),
    "cut short": (truncate, "bytes, and"),
    "emptied": (lambda path: path.write_bytes(b""), "0 bytes, and"),
    "no record": (lose_record, "no record"),
    "a spoilt record": (spoil_record, "no record"),
}


@pytest.mark.parametrize("harm", list(HARMS))
@pytest.mark.parametrize(
    ("name", "reader"), [(name, n) for name, readers in READERS.items() for n in range(len(readers))]
)
def test_no_reader_reads_a_damaged_artefact(results: Path, name: str, reader: int, harm: str) -> None:
    path = results / "aggregate" / name
    WRITERS[name](path)
    assert verified(path) == path
    spoil, said = HARMS[harm]
    spoil(path)
    if "record" in harm:
        # What this process found whole it does not look up again.
        path.touch()
    with pytest.raises(StudyError, match=said) as caught:
        READERS[name][reader](path)
    assert caught.value.code == "DAMAGED" and f"results/aggregate/{name}" in str(caught.value)


def test_a_record_that_is_older_than_its_file_stops_readers(results: Path) -> None:
    """As a run leaves it that was killed between the two."""
    path = results / "x.json"
    write_json({"a": 1}, path)
    path.write_text('{"a": 2}')
    with pytest.raises(StudyError, match="DAMAGED"):
        read_json(path)
    write_json({"a": 2}, path)
    assert read_json(path) == {"a": 2}


def test_deleting_an_artefact_deletes_its_record(results: Path) -> None:
    path = results / "x.json"
    write_json(1, path)
    delete(path)
    assert not path.exists() and list(records(results)) == []
    delete(path)


# ---- snakemake verify


def checked(extracts: dict[str, list[str]] | None = None) -> str:
    verify(extracts or {}, "results/governance/verified.txt", {"results": "results"})
    return Path("results/governance/verified.txt").read_text()


def test_verify_counts_what_it_checked(results: Path) -> None:
    write_parquet(FRAME, results / "individual" / "x.parquet")
    write_json(1, results / "aggregate" / "x.json")
    (results / "logs").mkdir()
    (results / "logs" / "x.log").write_text("finished")
    text = checked()
    assert "individual          1 files              2 rows" in text
    assert "all                 2 files" in text
    # Asked again, its own answer is an artefact like any other.
    assert "all                 3 files" in checked()


def test_verify_names_what_is_damaged_gone_or_without_a_record(results: Path) -> None:
    for name in ("damaged", "gone", "sound"):
        write_json(name, results / f"{name}.json")
    flip(results / "damaged.json", 2)
    (results / "gone.json").unlink()
    (results / "stranger.csv").write_text("a\n")
    with pytest.raises(StudyError) as caught:
        checked()
    text = str(caught.value)
    assert "3 of 4 files" in text and "sound" not in text
    assert "damaged.json: its content" in text and "gone.json: it is gone" in text
    assert "stranger.csv: there is no record" in text


def test_verify_of_nothing_is_no_success(results: Path) -> None:
    with pytest.raises(StudyError, match="nothing was made yet"):
        checked()


def test_verify_names_an_extract_that_changed_since_it_was_read(results: Path) -> None:
    extract = Path("extracts") / "501" / "CIN_2014.csv"
    extract.parent.mkdir(parents=True)
    write_text("a,b\n1,2\n", extract)
    told = file_digest(extract)
    row = {"la_code": "501", "file_kind": "referrals", "file": extract.name, "size_bytes": 8, "sha256": told}
    table = pl.DataFrame([row], schema=contract_schema("inputs"))
    write_results(table, "inputs", results / "aggregate" / "inputs.csv")
    assert "1 files as they were read" in checked({"501": [str(extract)]})
    truncate(extract)
    with pytest.raises(StudyError, match=r"CIN_2014\.csv: it is not the file that was read last"):
        checked({"501": [str(extract)]})


def test_a_record_with_other_keys_is_none(tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    file.write_text('{"sha256": "x"}')
    assert read_record(file) is None
