"""Harmed artefacts and harmed tables: no job reads what was not written, no table passes what it may not hold."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import tables
from scripts.artefacts import (
    contract_schema,
    read_json,
    read_parquet,
    read_results,
    write_json,
    write_parquet,
    write_results,
)
from scripts.errors import StudyError
from scripts.integrity.records import record_of
from scripts.models.cells import accumulate, load, save
from tests.faults.mutations import ANY_FILE
from tests.faults.tally import AS_BEFORE, Tally, seeds
from tests.matching.cohorts import settings as matching_settings
from tests.models.child_rows import matched

CHILDREN = pl.DataFrame({"child_id": [f"child{n:03d}" for n in range(200)], "outcome": [n % 7 for n in range(200)]})
KINDS: dict[str, tuple[Callable[[Path], None], Callable[[Path], Any]]] = {
    "parquet": (lambda path: write_parquet(CHILDREN, path), read_parquet),
    "json": (lambda path: write_json(CHILDREN.to_dict(as_series=False), path), read_json),
    "csv": (
        lambda path: write_results(pl.DataFrame(schema=contract_schema("estimates")).clear(3), "estimates", path),
        lambda path: read_results("estimates", path),
    ),
    "npz": (lambda path: save(accumulate(matched(), matching_settings()), path), load),
}


@pytest.mark.parametrize("number", [200, pytest.param(1500, marks=pytest.mark.long)])
def test_no_harmed_artefact_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.chdir(tmp_path)
    paths = {name: Path("results") / "individual" / f"x.{name}" for name in KINDS}
    for name, path in paths.items():
        KINDS[name][0](path)
    sound = {name: path.read_bytes() for name, path in paths.items()}
    tally, harms, kinds = Tally("artefacts and their records"), list(ANY_FILE), list(KINDS)

    def outcome(name: str, target: Path, harmed: bytes) -> str:
        before = target.read_bytes()
        target.write_bytes(harmed)
        # As if nobody had read it yet.
        paths[name].touch()
        try:
            KINDS[name][1](paths[name])
        except StudyError as error:
            assert error.code == "DAMAGED" and str(paths[name]) in str(error) and "child0" not in str(error)
            return error.code
        finally:
            target.write_bytes(before)
        assert paths[name].read_bytes() == sound[name] and (harmed == before or target != paths[name])
        return AS_BEFORE

    for seed, draw in seeds("artefacts", number):
        name, kind = harms[seed % len(harms)], kinds[seed // len(harms) % len(kinds)]
        record = record_of(paths[kind])
        assert record is not None
        target = record if draw.random() < 0.2 else paths[kind]
        harmed = ANY_FILE[name](target.read_bytes(), draw)
        tally.note(f"{kind} {name} {seed}", name, lambda k=kind, t=target, h=harmed: outcome(k, t, h))
    tally.finish(number)


# ---- any table

SOUND = {"date": "2014-05-06", "whole": "3", "flag": "1", "year": "2014", "code": "N1", "recoded": "1", "text": "x"}
VALUES = st.none() | st.integers(-5, 3000) | st.text(max_size=4) | st.dates(date(1900, 1, 1), date(2100, 1, 1))


@st.composite
def frames(draw: st.DrawFn) -> tuple[str, pl.DataFrame]:
    """A canonical table in which some columns are absent, of another type, in another order or too many."""
    name = draw(st.sampled_from(sorted(tables.MODELS)))
    height = draw(st.integers(0, 4))
    columns = {}
    wanted = list(tables.columns(name).values())
    for column in draw(st.permutations(wanted)) if draw(st.integers(0, 5)) == 0 else wanted:
        if draw(st.integers(0, 60)) == 60:
            continue
        sound = st.just({"la_code": "501", "child_id": "a"}.get(column.name, SOUND[column.kind]))
        odd = draw(st.integers(0, 20)) == 20
        values = draw(st.lists(sound | VALUES if odd else sound, min_size=height, max_size=height))
        texts = [None if value is None else str(value) for value in values]
        dtype = pl.String if draw(st.integers(0, 60)) == 60 else column.dtype
        series = pl.Series(texts, dtype=pl.String)
        columns[column.name] = (
            series.str.to_date(strict=False) if dtype == pl.Date else series.cast(dtype, strict=False)
        )
    if draw(st.integers(0, 8)) == 0:
        columns["secret"] = pl.Series("secret", ["s3cret"] * height, dtype=pl.String)
    return name, pl.DataFrame(columns)


def conforms(name: str, frame: pl.DataFrame) -> bool:
    """What schemas/tables.py promises, said again in plain Python."""
    wanted = tables.columns(name)
    if frame.columns != list(wanted) or [frame.schema[c] for c in wanted] != [wanted[c].dtype for c in wanted]:
        return False
    for row in frame.iter_rows(named=True):
        la, child = row["la_code"], row["child_id"]
        if la is None or not (len(la) == 3 and la.isascii() and la.isdigit()) or not child:
            return False
        for column in wanted.values():
            low, high = {"year": (2000, 2100), "flag": (0, 1)}.get(column.kind, (column.low, column.high))
            value = row[column.name]
            if value is None and column.kind == "year":
                return False
            if value is not None and low is not None and high is not None and not low <= value <= high:
                return False
    return True


@settings(max_examples=300, deadline=None)
@given(frames())
def test_a_table_passes_exactly_if_it_is_as_promised_and_errors_tell_no_value(case: tuple[str, pl.DataFrame]) -> None:
    name, frame = case
    try:
        tables.validate(frame, name, "LA 501")
        passed = True
    except StudyError as error:
        passed = False
        assert error.code == "SCHEMA" and "s3cret" not in str(error)
    assert passed == conforms(name, frame)
