"""The clearance pack: complete, refused as final while anything is open, in ACRO's layout, equal when built twice."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from scripts.artefacts import contract_schema, read_json, write_json, write_results
from scripts.config.strict_yaml import read_yaml
from scripts.errors import StudyError
from scripts.release.contract import MANIFEST, NUMBERS
from scripts.release.job import protect
from scripts.release.pack_job import pack, register
from scripts.release.safe_csv import WITHHELD
from tests.release.small_study import RELEASED, ROOT, RULES, STRUCTURAL, tables

PNG = b"\x89PNG\r\n\x1a\n"


def settings(rules: Path = RULES, filled: bool = False, status: str = "draft", **release: Any) -> dict[str, Any]:
    """What the jobs are told; `filled`: all context is written."""
    config = read_yaml(ROOT / "config.yaml")
    block = config["release"] | {
        "rules": str(rules),
        "outputs": {name: {"method": "round", "purpose": "To show"} for name in RELEASED},
        "structural": list(STRUCTURAL),
        "register": "none",
        "withhold": [],
    }
    if filled:
        block["context"] = dict.fromkeys(block["context"], "told")
    study = {name: config[name] for name in ("study", "outcomes", "covariates", "models", "inference", "dates")}
    told = {"tag": "2026-01", "status": status, "code": "c" * 64, "synthetic": True, "outcomes": "all"}
    return study | told | {"release": block | release, "headline": "main", "numeric": ["age"], "populations": {}}


def built(folder: Path, told: dict[str, Any]) -> dict[str, str]:
    """Tables, report and pictures of a release; what the pack is given from inside."""
    leaves, inside = folder / "leaves", folder / "inside"
    (leaves / "figures").mkdir(parents=True)
    inside.mkdir()
    for name, table in tables().items():
        write_results(table, name, inside / f"{name}.csv")
    paths = {name: str(inside / f"{name}.csv") for name in tables()}
    outputs = {name: str(leaves / f"{name}.csv") for name in RELEASED}
    protect(paths, outputs, {"audit": str(inside / "audit.json"), "numbers": str(inside / NUMBERS)}, told)
    (leaves / "report.html").write_text("<p>report")
    (leaves / "figures" / "flow-wide.png").write_bytes(PNG)
    (leaves / "figures" / "flow.csv").write_text("a\n1\n")
    schema = contract_schema("inputs")
    rows = [("100", "cin", "one.csv", 3, "ab"), ("100", "cla", "two.csv", 3, "cd")]
    write_results(pl.DataFrame(rows, schema=schema, orient="row"), "inputs", inside / "inputs.csv")
    return {"audit": str(inside / "audit.json"), "inputs": str(inside / "inputs.csv"), "terms": paths["model_terms"]}


def packed(folder: Path, told: dict[str, Any]) -> Path:
    """The folder of a release with its pack."""
    inside, leaves = built(folder, told), folder / "leaves"
    again(leaves, inside, told)
    return leaves


def again(leaves: Path, inside: dict[str, str], told: dict[str, Any]) -> None:
    names = {"summary": "summary.html", "request": "request.json", "results": "results.json", "checksums": "checksums"}
    pack(str(leaves), inside, {name: str(leaves / file) for name, file in names.items()}, told)


@pytest.fixture(scope="module")
def draft(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A draft with everything as it ships."""
    return packed(tmp_path_factory.mktemp("draft"), settings())


def test_every_output_comes_with_what_a_checker_asks(draft: Path) -> None:
    request = read_json(draft / "request.json")
    assert set(request["outputs"]) == set(RELEASED)
    for output in request["outputs"].values():
        assert all(
            output[field] for field in ("title", "purpose", "population", "weights", "variables", "sha256", "method")
        )
        assert output["n_children"] and output["n_children"] % 5 == 0
    main = request["models"]["main"]
    assert main["formula"].startswith("outcome ~ treated") and int(main["outcomes"]["duration"]["residual_df"]) > 10
    assert {"min_children", "rounding_base", "protection", "extremes", "file_types"} <= {
        r["name"] for r in request["rules"]
    }
    assert request["relation_to_earlier_releases"] == "No earlier release is registered."
    assert [each["reason"] for each in request["exceptions"]] == [each["reason"] for each in STRUCTURAL]
    assert len(request["inputs"]["100"]) == 64 and request["audit"]["narrowest_interval"] >= 10


def test_a_draft_always_works_and_says_what_is_open(draft: Path) -> None:
    page = (draft / "summary.html").read_text()
    assert "rule dominance_one is graded S" in page and "release.context.project_id is not filled in" in page
    assert ">draft</span>" in page


def confirmed(folder: Path, *but: str) -> Path:
    """The rules, all read in their source but some."""
    content = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    for name, rule in content["rules"].items():
        if name not in but:
            rule |= {"grade": "V", "confirmed_by": "an output checker"}
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


def test_a_final_pack_is_refused_while_a_used_rule_was_not_read_or_context_is_missing(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="rule dominance_one is graded S") as error:
        packed(tmp_path / "a", settings(status="final", filled=True))
    assert "context" not in str(error.value)
    with pytest.raises(StudyError, match=r"release\.context\.requester is not filled in") as error:
        packed(tmp_path / "b", settings(confirmed(tmp_path), status="final"))
    assert "graded" not in str(error.value)


def test_a_rule_that_was_not_used_does_not_keep_a_pack_from_being_final(tmp_path: Path) -> None:
    """No median leaves, so the rule of percentiles may stay unread."""
    leaves = packed(tmp_path / "c", settings(confirmed(tmp_path, "percentile_children"), filled=True, status="final"))
    request = read_json(leaves / "request.json")
    assert request["open"] == [] and "percentile_children" not in {rule["name"] for rule in request["rules"]}
    assert ">final</span>" in (leaves / "summary.html").read_text()


def test_the_register_takes_final_packs_as_they_were_built(tmp_path: Path, draft: Path) -> None:
    outputs = {name: str(tmp_path / "register" / file) for name, file in (("numbers", NUMBERS), ("manifest", MANIFEST))}
    inside = draft.parent / "inside"
    with pytest.raises(StudyError, match="draft"):
        register(str(draft), str(inside / NUMBERS), outputs, {})
    leaves = packed(tmp_path / "d", settings(confirmed(tmp_path), filled=True, status="final"))
    numbers = str(leaves.parent / "inside" / NUMBERS)
    register(str(leaves), numbers, outputs, {})
    assert "dropped.csv" in read_json(outputs["manifest"])["files"]
    (leaves / "dropped.csv").write_text("changed by hand\n")
    with pytest.raises(StudyError, match=r"dropped\.csv"):
        register(str(leaves), numbers, outputs, {})


@pytest.mark.parametrize("name", ["log.txt", "figures/flow.svg", "child.parquet", "notes.csv", ".hidden"])
def test_a_file_that_no_rule_made_keeps_the_pack_from_being_built(tmp_path: Path, name: str) -> None:
    told = settings()
    inside, leaves = built(tmp_path, told), tmp_path / "leaves"
    (leaves / name).write_text("x")
    with pytest.raises(StudyError, match=name.replace(".", r"\.")):
        again(leaves, inside, told)


def test_results_have_the_layout_of_acro_with_the_withheld_cells(draft: Path) -> None:
    results = read_json(draft / "results.json")
    assert results["version"] == "0.4.12"
    keys = {
        "uid",
        "status",
        "type",
        "properties",
        "files",
        "outcome",
        "command",
        "summary",
        "timestamp",
        "comments",
        "exception",
    }
    for uid, record in results["results"].items():
        assert set(record) == keys and record["uid"] == uid
        assert record["status"] in ("pass", "review") and record["type"] in ("table", "regression", "custom")
        assert all((draft / file["name"]).is_file() for file in record["files"])
    dropped = next(r for r in results["results"].values() if r["command"] == "results table dropped")
    shown = pl.read_csv(draft / "dropped.csv", infer_schema=False)
    cells = dropped["files"][0]["sdc"]["cells"]["threshold"]
    assert cells and all(shown.item(row, column) == WITHHELD for row, column in cells)


def test_every_file_has_its_checksum_under_its_own_name(draft: Path) -> None:
    files = {p.relative_to(draft).as_posix() for p in draft.rglob("*") if p.is_file() and "checksums" not in p.parts}
    sums = {p.relative_to(draft / "checksums").as_posix() for p in (draft / "checksums").rglob("*") if p.is_file()}
    assert sums == {f"{name}.txt" for name in files} and "figures/flow.csv.txt" in sums


def test_built_twice_every_byte_is_the_same(tmp_path: Path, draft: Path) -> None:
    other = packed(tmp_path, settings())
    for path in (p for p in draft.rglob("*") if p.is_file()):
        assert path.read_bytes() == (other / path.relative_to(draft)).read_bytes(), path.name


def test_without_repair_the_release_fails_and_names_tables_and_the_fewest_rows(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as error:
        built(tmp_path, settings(repair=False))
    told = str(error.value)
    assert "Tables that together do it" in told and "dropped" in told
    lines = [json.loads(line) for line in told.splitlines() if line.strip().startswith("{")]
    assert lines and all(set(line) == {"kind", "table", "where", "reason"} for line in lines)
    # What is proposed is what helps.
    fixed = settings(repair=False, withhold=lines)
    built(tmp_path / "fixed", fixed)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"table": "overlap", "where": {}}, "not released"),
        ({"table": "flow", "where": {"arms": ["pilot"]}}, "arms"),
        ({"table": "flow", "where": {"arm": ["nobody"]}}, "no row"),
    ],
)
def test_rows_withheld_by_hand_have_to_be_there(tmp_path: Path, entry: dict[str, Any], told: str) -> None:
    with pytest.raises(StudyError, match=told):
        built(tmp_path, settings(withhold=[entry | {"reason": "why"}]))


def test_an_earlier_release_of_one_child_more_stops_the_next(tmp_path: Path) -> None:
    told = settings(register=str(tmp_path / "register"))
    built(tmp_path / "first", told)
    earlier = tmp_path / "register" / "2025-12"
    write_json(
        [entry | {"size": entry["size"] + 1} for entry in read_json(tmp_path / "first" / "inside" / NUMBERS)],
        earlier / NUMBERS,
    )
    with pytest.raises(StudyError, match=r"Leave these tables out of release\.outputs") as error:
        built(tmp_path / "second", told)
    assert "release 2025-12" in str(error.value) and "flow" in str(error.value)


def test_time_that_runs_out_stops_the_release(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"could not be judged within release\.seconds"):
        built(tmp_path, settings(seconds=1e-9))


@pytest.mark.parametrize(
    ("less", "population", "refused"), [(0, "a", False), (9, "a", True), (9, "b", False), (10, "a", False)]
)
def test_two_outcomes_of_one_population_that_differ_by_a_few_children_do_not_both_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, less: int, population: str, refused: bool
) -> None:
    overall = tables()["balance_overall"]
    other = overall.with_columns(outcome=pl.lit("other"), n_children_treated=pl.col("n_children_treated") - less)
    read = tables() | {"balance_overall": pl.concat([overall, other])}
    monkeypatch.setattr("tests.release.test_pack.tables", lambda: read)
    told = settings(outputs={"flow": {"method": "round", "purpose": "To show"}}) | {
        "populations": {"duration": "a", "other": population}
    }
    monkeypatch.setattr("tests.release.test_pack.RELEASED", ("flow",))
    if not refused:
        built(tmp_path, told)
        return
    with pytest.raises(StudyError, match=r"release\.outcomes"):
        built(tmp_path, told)
