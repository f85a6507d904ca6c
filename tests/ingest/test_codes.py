"""Code sets by census year."""

from pathlib import Path

import polars as pl
import pytest

from schemas import tables
from scripts import codes
from scripts.errors import StudyError
from scripts.ingest.layout import TABLES, load_layouts

NAMES = sorted(path.stem for path in codes.CODES_FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_every_code_set_can_be_loaded(name: str) -> None:
    assert codes.load_codes(name).codes


def test_codes_are_valid_in_their_years_only() -> None:
    assert "RC8" not in codes.valid_codes("closure_reason", 2008)
    assert "RC8" in codes.valid_codes("closure_reason", 2009)
    assert "H5" in codes.valid_codes("placement", 2023)
    assert "H5" not in codes.valid_codes("placement", 2024)
    assert codes.valid_codes("placement") > codes.valid_codes("placement", 2013)


def test_dirt_is_mapped_and_the_unknown_is_missing() -> None:
    dirt = pl.DataFrame({"need": [" n0", "NO", "a2", "UnmappedNeedCode", "N12", "", None]})
    cleaned = dirt.select(codes.normalised(pl.col("need"), "primary_need"))["need"].to_list()
    assert cleaned == ["N0", "N0", "N2", None, None, None, None]
    ethnicity = pl.DataFrame({"e": ["nobt", "N/A ", "WBRI"]})
    assert ethnicity.select(codes.normalised(pl.col("e"), "ethnicity"))["e"].to_list() == ["NOBT", None, "WBRI"]


def test_only_codes_with_a_meaning_have_a_group() -> None:
    assert codes.groups("gender") == {"1": "Male", "2": "Female"}
    assert set(codes.groups("ethnicity").values()) == {"WHIT", "MIXD", "ASIA", "BLAC", "CHIN", "AOEG"}
    assert "MISS" not in codes.groups("ethnicity")


def test_out_of_year_needs_a_known_code_and_a_known_year() -> None:
    frame = pl.DataFrame({"c": ["E43", "E45", "E45", "E45", "E99", "E2"], "y": [2018, 2017, 2018, None, 2018, 2018]})
    out = frame.select(codes.is_out_of_year(pl.col("c"), pl.col("y"), "episode_end_reason").alias("out"))["out"]
    assert out.to_list() == [True, True, False, False, False, False]


BROKEN = {
    "unquoted NO": "codes: [{code: N0, label: x}]\nmap: {NO: N0}",
    "twice": "codes: [{code: N0, label: x}, {code: N0, label: y}]",
    "code as dirt": "codes: [{code: N0, label: x}]\nmap: {N0: N0}",
    "mapped to nothing known": "codes: [{code: N0, label: x}]\nmap: {A: N1}",
    "ends before it begins": "codes: [{code: N0, label: x, first: 2010, last: 2009}]",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_contradictory_code_set_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.yaml").write_text(BROKEN[name], encoding="utf-8")
    monkeypatch.setattr(codes, "CODES_FOLDER", tmp_path)
    codes.load_codes.cache_clear()
    with pytest.raises(StudyError, match=r"schemas/codes/broken\.yaml"):
        codes.load_codes("broken")
    codes.load_codes.cache_clear()


def test_tables_code_sets_and_aliases_fit_together() -> None:
    assert set(TABLES) <= set(tables.MODELS)
    named = {column.codes for table in tables.MODELS for column in tables.columns(table).values() if column.codes}
    only_validated = {"placement_provider", "reason_for_new_episode", "reason_place_change", "referral_source"}
    assert named | only_validated == set(NAMES)
    for source_format in ("npd", "census"):
        for layout in load_layouts(source_format).values():
            for table in layout.tables.values():
                assert set(table.columns) <= set(tables.columns(table.table))
