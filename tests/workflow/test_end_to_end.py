"""The small study from extracts to page, and the same records arriving in other ways."""

import html.parser
import shutil
from pathlib import Path

import polars as pl
import pytest
import yaml

from scripts.artefacts import contract_schema, results_contract
from scripts.clean.ledger import imbalance
from scripts.config.strict_yaml import read_yaml
from scripts.config.variants import overlaid
from scripts.workflow.jobs import run_process
from scripts.workflow.plan import Plan
from scripts.workflow.settings import JobSettings
from scripts.workflow.stages import POOLED_BY_LA, POOLED_BY_OUTCOME, POOLED_BY_SOURCE, POOLED_BY_VARIATION
from scripts.workflow.variations import starts_from
from tests.workflow.conftest import Project, copy_project

PRIMARY = {"assessment_duration", "icpc", "nfa_rereferral", "rereferral_escalation", "kinship"}


def aggregate(project: Project, table: str) -> pl.DataFrame:
    return pl.read_csv(project.folder / "results" / "aggregate" / f"{table}.csv", schema=contract_schema(table))


def test_estimates_exist_for_every_research_question_in_the_promised_columns(finished: Project) -> None:
    header = (finished.folder / "results" / "aggregate" / "estimates.csv").read_text().splitlines()[0]
    assert header == (
        "outcome,specification,estimator,method,estimate,std_error,ci_low,ci_high,p_value,df,mdes,n_children,n_rows,"
        "n_las,n_treated_las"
    )
    main = aggregate(finished, "estimates").filter(specification="main")
    assert set(main["outcome"]) >= PRIMARY
    counted = main.filter(pl.col("outcome") != "kinship")
    assert counted.select(pl.col("n_children", "n_rows", "n_las").min()).row(0) > (50, 50, 5)
    # Eight LAs give the study a handful of kinship cases; that it cannot be estimated is stated.
    reasons = aggregate(finished, "estimation_status").filter(pl.col("status") != "estimated")
    assert reasons["reason"].null_count() == 0


NOT_POOLED = ("calibration", "completeness", "recording_breaks", "published_files")


POOLED = [*POOLED_BY_SOURCE, *POOLED_BY_LA, *POOLED_BY_OUTCOME, *POOLED_BY_VARIATION, *NOT_POOLED]


@pytest.mark.parametrize("table", POOLED)
def test_every_results_table_is_documented_and_as_documented(finished: Project, table: str) -> None:
    header = (finished.folder / "results" / "aggregate" / f"{table}.csv").read_text().splitlines()[0]
    contract = results_contract()[table]
    assert header.split(",") == [column["name"] for column in contract["columns"]]
    assert contract["description"] and all(column["description"] for column in contract["columns"])
    for column in contract["columns"]:
        assert column["name"].startswith("n_") == ("counts" in column), column["name"]
        assert column.get("counts", "children") in {"children", "rows", "las"}


@pytest.mark.parametrize("start", ["outcomes", "cleaned", "ingested"])
def test_a_variant_that_changes_nothing_gives_the_studys_estimate(
    finished: Project, start: str, tmp_path: Path
) -> None:
    """From index events, from cleaned tables, and from canonical ones cleaned again; to the last digit."""
    config = overlaid(read_yaml(finished.folder / "config.yaml"), read_yaml(finished.folder / "config" / "small.yaml"))
    choice = {"name": "same", "label": "The same", "outcomes": ["icpc"]}
    choice["change"] = {"cleaning.nfa_conflict": "min"} if start == "ingested" else {}
    config["variants"] = {"imputations": config["imputation"]["m"], "choices": [choice]}
    plan, individual = Plan(config), finished.folder / "results" / "individual"
    settings, las = JobSettings(plan), plan.las_of("icpc")
    given = settings.vary("same-icpc")
    if start == "cleaned":
        given["outcomes"] = {la: settings.outcomes("icpc", la) for la in las}
    else:
        assert starts_from(settings, "same-icpc") == start
    if start == "outcomes":
        tables = {la: {"events": [str(individual / start / "icpc" / f"{la}.parquet")]} for la in las}
    else:
        tables = {la: {path.stem: [str(path)] for path in (individual / start / la).glob("*.parquet")} for la in las}
    parts = finished.folder / "results" / "aggregate"
    covariates = next((finished.folder / "results").rglob("la_covariates*.csv"))
    run_process(
        str(tmp_path / "log"),
        "scripts.variants.job:vary",
        1,
        inputs=tables,
        matches_file=str(parts / "parts" / "la_matches" / "icpc.csv"),
        covariates_file=str(covariates),
        output=str(tmp_path / "variant.csv"),
        settings=given,
    )
    columns = ["method", "estimate", "std_error", "ci_low", "ci_high", "p_value", "n_children"]
    # A variant is estimated by the study's own method of inference alone.
    main = aggregate(finished, "estimates").filter(specification="main", outcome="icpc", method="WCR").select(columns)
    varied = pl.read_csv(tmp_path / "variant.csv", schema=contract_schema("variants")).select(columns)
    assert varied.rows() == main.rows()


def test_the_ledger_of_every_la_adds_up(finished: Project) -> None:
    ledger = aggregate(finished, "ledger")
    assert set(ledger["table"]) >= {"referrals", "assessments", "care_episodes"}
    for _, of_la in ledger.group_by("la_code"):
        assert imbalance(of_la).is_empty()
    dirt = set(ledger.filter(pl.col("n_rows") > 0)["reason"].drop_nulls())
    assert dirt >= {"closure_before_referral", "end_before_start", "restated_in_later_year", "class_unknown"}


def test_rows_that_ingest_kept_are_the_rows_that_cleaning_took_in(finished: Project) -> None:
    for table in ("referrals", "assessments", "care_episodes"):
        read = aggregate(finished, "ingest_report").filter(table=table, check="rows kept")["n_rows"].sum()
        taken = aggregate(finished, "ledger").filter(table=table, kind="rows_in")["n_rows"].sum()
        assert read == taken > 0


class Page(html.parser.HTMLParser):
    """Headings, pictures and table headers of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_stands_alone_says_synthetic_and_has_the_bones_of_accessibility(finished: Project) -> None:
    text = (finished.folder / "results" / "report" / "index.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    tags = [tag for tag, _ in page.tags]
    assert "SYNTHETIC" in text and tags.count("h1") == 1 and tags.count("h2") >= 6
    assert all(attributes.get("alt") for tag, attributes in page.tags if tag == "img")
    assert all(attributes["src"].startswith("data:") for tag, attributes in page.tags if tag == "img")
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    assert tags.count("caption") == tags.count("table") > 5
    assert not {"script", "link", "iframe"} & set(tags)
    assert "http" not in text.replace("http://www.w3.org", "")


def test_no_individual_record_lies_outside_the_individual_folder(finished: Project) -> None:
    results = finished.folder / "results"
    stray = [path for path in results.rglob("*.parquet") if "individual" not in path.relative_to(results).parts]
    assert stray == []
    identifiers = pl.read_parquet(results / "individual" / "cleaned" / "510" / "children.parquet")["child_id"]
    assert len(identifiers) > 50
    for path in results.rglob("*"):
        if path.is_file() and "individual" not in path.relative_to(results).parts and path.suffix != ".npz":
            text = path.read_text(encoding="utf-8")
            assert not any(identifier in text for identifier in identifiers), path.name


def test_every_job_leaves_a_log_and_a_benchmark_and_no_temporary_file(finished: Project) -> None:
    results = finished.folder / "results"
    assert "finished in" in (results / "logs" / "estimate" / "icpc.log").read_text()
    assert len(list((results / "logs").rglob("*.log"))) == len(list((results / "benchmarks").rglob("*.tsv"))) > 100
    assert not [path for path in results.rglob(".*") if path.is_file() and path.name != ".snakemake_timestamp"]


def from_extracts(finished: Project, folder: Path, source: str) -> Project:
    """A project whose configuration points at a folder of extracts instead of the generator."""
    project = copy_project(folder)
    shutil.copytree(finished.folder / "results" / "individual" / "extracts", folder / "extracts")
    (folder / "extracts" / "la_covariates.csv").rename(folder / "la_covariates.csv")
    extracts = {"source": source, "folder": "extracts", "la_covariates": "la_covariates.csv"}
    (folder / "config" / "real.yaml").write_text(yaml.safe_dump({"extracts": extracts}))
    project.overlays.append("config/real.yaml")
    return project


def test_a_folder_of_extracts_gives_the_same_estimates_as_the_generator(finished: Project, tmp_path: Path) -> None:
    project = from_extracts(finished, tmp_path, "per_la")
    project.run()
    # Its ids have another key, which no result may depend on.
    for table in ("estimates", "balance", "ledger", "flow"):
        made, expected = (p.folder / "results" / "aggregate" / f"{table}.csv" for p in (project, finished))
        assert made.read_bytes() == expected.read_bytes(), table
    assert "SYNTHETIC" not in (tmp_path / "results" / "report" / "index.html").read_text(encoding="utf-8")
    file = tmp_path / "extracts" / "510" / "CIN_2014.csv"
    shutil.copy(file, file.with_suffix(".copy"))
    file.with_suffix(".copy").replace(file)
    assert project.preview() == set()
    file.write_bytes(file.read_bytes().replace(b"WBRI", b"WIRI", 1))
    jobs = project.preview()
    assert "Clean LA 510" in jobs and "Clean LA 501" not in jobs


def test_national_files_give_the_same_tables_and_only_changed_las_go_stale(finished: Project, tmp_path: Path) -> None:
    project = from_extracts(finished, tmp_path, "national")
    project.home = finished.home  # the same key, so that ids can be compared
    folder = tmp_path / "extracts"
    for name in sorted(path.name for path in (folder / "501").glob("*.csv")):
        parts = [(la / name).read_text(encoding="utf-8") for la in sorted(folder.iterdir()) if la.is_dir()]
        (folder / name).write_text(parts[0] + "".join(part.split("\n", 1)[1] for part in parts[1:]), encoding="utf-8")
    for la in [path for path in folder.iterdir() if path.is_dir()]:
        shutil.rmtree(la)
    project.run("--until", "clean")
    for table in ("referrals", "plans", "assessments", "care_episodes"):
        made, expected = (
            pl.read_parquet(p.folder / "results" / "individual" / "cleaned" / "511" / f"{table}.parquet")
            for p in (project, finished)
        )
        assert made.equals(expected) and made.height > 0, table
    file = folder / "CIN_2014.csv"
    header, *rows = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([header, *reversed(rows)]) + "\n", encoding="utf-8")
    assert not any("LA 51" in job for job in project.preview() if job.startswith(("Take", "Inspect", "Read", "Clean")))
    la = header.split(",").index("CIN_LA")
    changed = next(number for number, row in enumerate(rows) if row.split(",")[la] == "511" and "WBRI" in row)
    rows[changed] = rows[changed].replace("WBRI", "WIRI", 1)
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    stale = {job for job in project.preview() if job.startswith(("Take", "Inspect", "Read", "Clean"))}
    assert stale == {
        "Take the rows of LA 511 out of the national extracts",
        "Inspect what the extracts of LA 511 let in",
        "Read the extracts of LA 511",
        "Clean LA 511",
    }
