"""Returns lose the children who are erased or restricted, by original ids, and nobody else."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scripts.governance.register import append
from scripts.ingest.ssda903 import as_files
from scripts.ingest.xml_return import read_return
from scripts.privacy.keys import key_id, pseudonyms, read_key
from scripts.validation.cin_return import stacked
from scripts.validation.withheld import without_absent_children
from tests.ingest.test_census import CHILD
from tests.ingest.test_formats import XML_903

TWO = (
    f"<Message><Header/><Children>{CHILD.replace('>c1<', '> c1 <')}{CHILD.replace('>c1<', '>c2<')}</Children></Message>"
)


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    key_id(tmp_path / "key", create=True)
    return {"key_file": str(tmp_path / "key"), "rights": {"folder": str(tmp_path / "governance"), "las": ["501"]}}


def restrict(settings: dict[str, Any], child: str) -> None:
    key = read_key(Path(settings["key_file"]))
    keyed = pseudonyms(pl.DataFrame({"child_id": [child]}), ["child_id"], "501", key)["child_id"].item()
    asked = {"kind": "restriction", "la": "501", "child": child, "key": keyed}
    event = {"request": f"R-{child}", "event": "received", "date": "2026-01-10", **asked}
    append(Path(settings["rights"]["folder"]), event)


def returns(folder: Path) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    (folder / "cin.xml").write_text(TWO)
    (folder / "903.xml").write_text(XML_903)
    cin = stacked([(2013, read_return(folder / "cin.xml", "cin", None))])
    return cin, as_files(read_return(folder / "903.xml", "ssda903", None))


def test_without_a_restriction_nothing_changes(settings: dict[str, Any], tmp_path: Path) -> None:
    cin, care = returns(tmp_path)
    after = without_absent_children("501", cin, care, settings)
    assert all(frame.equals(cin[name]) for name, frame in after[0].items())
    assert all(frame.equals(care[name]) for name, frame in after[1].items())


def test_every_module_loses_the_child_and_keeps_the_other(settings: dict[str, Any], tmp_path: Path) -> None:
    cin, care = returns(tmp_path)
    restrict(settings, "c1")
    left, _ = without_absent_children("501", cin, care, settings)
    assert left["Child"]["LAchildID"].to_list() == ["c2"]
    for name, frame in cin.items():
        if "child" in frame.columns:
            assert left[name].height * 2 == frame.height, name
            assert left[name]["child"].n_unique() <= 1


def test_every_file_of_a_care_return_loses_the_child(settings: dict[str, Any], tmp_path: Path) -> None:
    cin, care = returns(tmp_path)
    child = care["Episodes"]["CHILD"][0]
    restrict(settings, child)
    _, left = without_absent_children("501", cin, care, settings)
    for name, frame in care.items():
        if "CHILD" in frame.columns:
            assert left[name].equals(frame.filter(pl.col("CHILD") != child)), name
    assert left["Episodes"].height < care["Episodes"].height


def test_an_id_of_another_la_is_another_child(settings: dict[str, Any], tmp_path: Path) -> None:
    cin, care = returns(tmp_path)
    restrict(settings, "c1")
    left, _ = without_absent_children("502", cin, care, settings | {"rights": settings["rights"] | {"las": ["502"]}})
    assert left["Child"].height == 2
