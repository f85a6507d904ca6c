"""Data rights, retention and destruction, each return and each failure by really running Snakemake on a tiny study."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
import yaml

from scripts.governance.rights import RECEIPT
from scripts.ingest.layout import TABLES
from scripts.privacy.keys import pseudonyms, read_key
from tests.workflow.conftest import Project
from tests.workflow.tiny import LAS, OUTCOMES, configure, tiny_project

LA, REQUEST = "510", "R-1"
ID = "CIN_LAchildID_Anon"
# What a study is: every artefact but logs, times and the record of what was asked.
COMPARED = ("results/aggregate", "results/individual")


@dataclass
class Case:
    """A project that has run, one of its children, and the commands that people use."""

    project: Project
    child: str

    @property
    def folder(self) -> Path:
        return self.project.folder

    @property
    def request(self) -> Path:
        return self.folder / "governance" / "requests" / REQUEST

    @property
    def key(self) -> str:
        """The child's re-keyed id."""
        key = read_key(self.project.home / ".config" / "practice-model-evaluation" / "pseudonym.key")
        return pseudonyms(pl.DataFrame({"child_id": [self.child]}), ["child_id"], LA, key)["child_id"].item()

    def rights(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"HOME": str(self.project.home), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "scripts.governance.cli", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def register(self, *arguments: str) -> str:
        finished = self.rights(*arguments)
        assert finished.returncode == 0, finished.stdout
        return finished.stdout

    def received(self, kind: str, **forms: str) -> None:
        """A request received and sent, with the forms of its return put in place."""
        self.register("add", REQUEST, "--kind", kind, "--la", LA, "--child", self.child)
        self.register("sent", REQUEST)
        self.put(**forms)

    def put(self, **forms: str) -> None:
        (self.request / "return").mkdir(parents=True, exist_ok=True)
        for name, text in forms.items():
            (self.request / "return" / f"{name}.csv").write_text(text.replace("CHILD", self.child))

    def returned(self, kind: str, **forms: str) -> str:
        self.received(kind, **forms)
        return self.register("returned", REQUEST)

    def step(self, name: str, *config: str) -> str:
        return self.project.run(name, "--config", f"request={REQUEST}", *config)

    def fails(self, name: str, *config: str) -> str:
        finished = self.project.snakemake(name, "--config", f"request={REQUEST}", *config)
        assert finished.returncode != 0
        assert self.child not in finished.stdout and self.key not in finished.stdout
        return finished.stdout

    def frame(self, path: str) -> pl.DataFrame:
        return pl.read_parquet(self.folder / "results" / "individual" / path)

    def derived(self) -> set[str]:
        """The parquet files with rows of the child, below results/individual."""
        root = self.folder / "results" / "individual"
        files = [path for path in root.rglob("*.parquet") if self.key in pl.read_parquet(path)["child_id"]]
        return {str(path.relative_to(root)) for path in files}


def contents(folder: Path) -> dict[str, bytes]:
    """Every artefact of a study; the privacy gate's and ingest's books are about files, not children."""
    found = {}
    for place in COMPARED:
        for path in sorted((folder / place).rglob("*")):
            if path.is_file():
                found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def governance(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted((folder / "governance").rglob("*")) if p.is_file()}


def events(register: Path) -> list[dict[str, object]]:
    """The register's events without the original ids, which may be blanked."""
    return [event | {"child": None} for event in yaml.safe_load(register.read_text())["events"]]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = tiny_project(tmp_path_factory.mktemp("rights"))
    project.run()
    return project


def copied(project: Project, folder: Path) -> Project:
    """A copy with its dates and its key, so that nothing is stale in it."""
    subprocess.run(["cp", "-a", str(project.folder), str(folder)], check=True)
    copy = Project(folder, [])
    subprocess.run(["cp", "-a", str(project.home), str(copy.home)], check=True)
    return copy


@pytest.fixture(scope="module")
def child(base: Project) -> str:
    """A child with referrals of several years, a pupil number, and an index event in every outcome."""
    files = sorted((base.folder / "extracts" / LA).glob("CIN_20*.csv"))
    rows = pl.concat(
        pl.read_csv(path, infer_schema=False).select(ID, "CIN_PupilMatchingRefAnonymous") for path in files
    )
    rows = rows.filter(pl.col(ID).str.len_chars() == 10).drop_nulls()
    counted = rows.group_by(ID).len().sort("len", ID, descending=True)[ID]
    key = read_key(base.home / ".config" / "practice-model-evaluation" / "pseudonym.key")
    keyed = pseudonyms(counted.to_frame("child_id"), ["child_id"], LA, key)["child_id"]
    events = [
        set(pl.read_parquet(base.folder / f"results/individual/outcomes/{outcome}/{LA}.parquet")["child_id"])
        for outcome in OUTCOMES
    ]
    return next(own for own, known in zip(counted, keyed, strict=True) if all(known in found for found in events))


@pytest.fixture
def case(base: Project, child: str, tmp_path: Path) -> Iterator[Case]:
    yield Case(copied(base, tmp_path / "project"), child)
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture(scope="module")
def without(base: Project, child: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Every artefact of the study whose extract never had the child."""
    project = copied(base, tmp_path_factory.mktemp("without") / "project")
    for path in (project.folder / "extracts" / LA).glob("*.csv"):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if child not in line))
    project.run()
    return contents(project.folder)


OF_LA = {f"Clean LA {LA}", f"Apply the validation rules to LA {LA}", f"Count LA {LA} by year"}
WHOLE = "table,child_id\n,CHILD\n"


def preview_is_of_the_la_alone(jobs: set[str]) -> None:
    """Cleaning of this LA and what depends on it; no other LA's step, and nothing before cleaning."""
    assert jobs >= OF_LA | {f"Outcome {outcome} in LA {LA}" for outcome in OUTCOMES}
    assert {"Estimate the variant nfa_in_any_copy-nfa_rereferral", "Write the report and draw its pictures"} <= jobs
    assert not any(job.endswith(f"LA {other}") for job in jobs for other in ("501", "511", "517"))
    assert not any(job.startswith(("Read the extracts", "Inspect")) for job in jobs)


# ---- rows to delete


def erased(case: Case) -> None:
    """From the registered return to the receipt."""
    case.step("purge")
    case.project.run()
    case.step("receipt")


def test_a_child_is_erased_from_letter_to_receipt(case: Case, without: dict[str, bytes]) -> None:
    others = {p: p.read_bytes() for p in (case.folder / "extracts").rglob("*.csv") if p.parent.name != LA}
    told = case.returned("deletion", delete=WHOLE)
    assert "rows named 1" in told
    assert len(case.derived()) > 8
    before = governance(case.folder), contents(case.folder)
    preview_is_of_the_la_alone(case.project.preview())
    assert (governance(case.folder), contents(case.folder)) == before
    erased(case)
    assert case.derived() == set()
    assert all(path.read_bytes() == content for path, content in others.items())
    assert contents(case.folder) == without
    receipt = json.loads((case.request / RECEIPT).read_text())
    assert receipt["outcome"] == "nothing found" and receipt["searched_for"]["ids"] >= 3
    assert receipt["searched_for"]["rows"] > 5
    searched = {file["path"] for file in receipt["files"]}
    assert set(without) <= searched
    assert any(path.startswith(".snakemake/metadata/") for path in searched)
    assert case.project.preview() == set()
    register = case.folder / "governance" / "requests.yaml"
    assert case.child in register.read_text()
    case.register("complete", REQUEST, "--decision", "granted", "--reason", "as_returned")
    assert case.child not in register.read_text() and not (case.request / "needles.json").exists()
    assert case.project.preview() == set()
    case.register("delete-form", REQUEST)
    left = b"".join(path.read_bytes() for path in case.folder.rglob("*") if path.is_file())
    assert case.child.encode() not in left


def test_single_rows_are_erased_and_the_child_stays(case: Case) -> None:
    referrals = case.frame(f"ingested/{LA}/referrals.parquet").filter(child_id=case.key)
    row = referrals.sort("census_year").row(0, named=True)
    key = f"table,child_id,census_year,referral_date\nreferrals,CHILD,{row['census_year']},{row['referral_date']}\n"
    case.returned("deletion", delete=key)
    doomed = referrals.filter(census_year=row["census_year"], referral_date=row["referral_date"]).height
    preview_is_of_the_la_alone(case.project.preview())
    erased(case)
    assert case.frame(f"ingested/{LA}/referrals.parquet").filter(child_id=case.key).height == referrals.height - doomed
    assert json.loads((case.request / RECEIPT).read_text())["searched_for"]["ids"] == 0


HIDING_PLACES = ("log", "zip", "gzip", "parquet", "metadata", "name", "cache", "extract")


def plant(case: Case, where: str) -> Path:
    text = f"row of {case.child}\n"
    place = (
        case.folder
        / {
            "log": "results/logs/old.log",
            "zip": "results/report/pack.zip",
            "gzip": "notes.csv.gz",
            "parquet": "results/individual/old/rows.parquet",
            "metadata": ".snakemake/metadata/leftover",
            "name": f"results/aggregate/{case.key}.csv",
            "cache": ".cache/kept.json",
            "extract": f"extracts/{LA}/CIN_2013.bak",
        }[where]
    )
    place.parent.mkdir(parents=True, exist_ok=True)
    if where == "zip":
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as pack:
            pack.writestr("inner.csv", text)
    elif where == "gzip":
        place.write_bytes(gzip.compress(text.encode()))
    elif where == "parquet":
        pl.DataFrame({"anything": [int(case.child)]}).write_parquet(place)
    elif where == "cache":
        place.write_text(json.dumps({"kept": [case.key]}))
    else:
        place.write_text(text if where != "name" else "empty\n")
    return place


def test_whatever_is_left_anywhere_fails_the_receipt(case: Case) -> None:
    case.returned("deletion", delete=WHOLE)
    assert "nothing was purged" in case.fails("receipt")
    case.step("purge")
    case.project.run()
    planted = {where: plant(case, where) for where in HIDING_PLACES}
    told = case.fails("receipt")
    assert "RESIDUE" in told and not (case.request / RECEIPT).exists()
    shown = [str(path.relative_to(case.folder)) for where, path in planted.items() if where != "name"]
    assert all(path in told for path in shown) and "results/aggregate/[id].csv" in told
    granted = ("complete", REQUEST, "--decision", "granted", "--reason", "as_returned")
    assert "receipt.json is missing" in case.rights(*granted).stdout
    events = yaml.safe_load((case.folder / "governance" / "requests.yaml").read_text())["events"]
    (case.request / RECEIPT).write_text(json.dumps({"register_head": events[2]["hash"]}))
    assert "its receipt is older than the purge" in case.rights(*granted).stdout
    (case.request / RECEIPT).unlink()
    for path in planted.values():
        path.unlink()
    damaged = case.folder / "results" / "individual" / "old" / "half.parquet"
    damaged.write_bytes((case.folder / f"results/individual/cleaned/{LA}/referrals.parquet").read_bytes()[:-200])
    assert "half.parquet" in case.fails("receipt")
    damaged.unlink()
    case.step("receipt")


def killed(case: Case, moment: Path, *arguments: str) -> None:
    """Start Snakemake, and kill -9 it and all its processes as soon as a file changed or appeared."""
    before = moment.stat().st_mtime_ns if moment.exists() else None
    environment = os.environ | {"HOME": str(case.project.home), "XDG_CACHE_HOME": str(case.folder / ".cache")}
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    process = subprocess.Popen(
        command, cwd=case.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    while process.poll() is None and (moment.stat().st_mtime_ns if moment.exists() else None) == before:
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    case.project.run("--unlock")


def test_killed_at_any_moment_it_converges(case: Case, without: dict[str, bytes]) -> None:
    case.returned("deletion", delete=WHOLE)
    extract = next(p for p in sorted((case.folder / "extracts" / LA).glob("*.csv")) if case.child in p.read_text())
    individual = case.folder / "results" / "individual"
    # In the middle of the purge: an extract is edited and others are not.
    killed(case, extract, "purge", "--config", f"request={REQUEST}")
    assert not (case.request / "purged.json").exists()
    case.step("purge")
    # In the middle of the run after it: at ingest, at cleaning, at the cohort, at a results table.
    for moment in (
        individual / "ingested" / LA / "referrals.parquet",
        individual / "cleaned" / LA / "referrals.parquet",
        individual / "cohort" / "nfa_rereferral.parquet",
        case.folder / "results" / "aggregate" / "estimates.csv",
    ):
        killed(case, moment)
        (individual / f".referrals.parquet.{'x' * 8}").write_bytes(b"half a file")
        case.step("purge")
        assert case.derived() == set()
    case.project.run()
    case.step("receipt")
    assert contents(case.folder) == without


def test_an_erased_child_that_comes_again_stays_out(case: Case) -> None:
    kept = {path: path.read_bytes() for path in (case.folder / "extracts" / LA).glob("*.csv")}
    read = [f"results/individual/cleaned/{LA}/referrals.parquet", "results/aggregate/ingest_report.csv"]
    case.returned("deletion", delete=WHOLE)
    case.step("purge")
    case.project.run(*read)
    without = {path: content for path, content in contents(case.folder).items() if "/ingested/" in path}
    for path, content in kept.items():
        path.write_bytes(content)
    case.project.run(*read)
    assert {path: content for path, content in contents(case.folder).items() if "/ingested/" in path} == without
    assert case.derived() == set()
    report = pl.read_csv(case.folder / read[1], infer_schema=False)
    assert report.filter(check="rows erased on request")["la_code"].unique().to_list() == [LA]


# ---- rows to rectify


def test_a_rectified_value_reaches_exactly_what_depends_on_the_la(case: Case) -> None:
    gender = case.frame(f"ingested/{LA}/referrals.parquet").filter(child_id=case.key)["gender"][0]
    new = {"1": "2", "2": "1"}[gender]
    case.returned("rectification", rectify=f"table,child_id,column,new_value\nreferrals,CHILD,gender,{new}\n")
    preview_is_of_the_la_alone(case.project.preview())
    case.project.run()
    words = {"1": "Male", "2": "Female"}
    assert case.frame(f"cleaned/{LA}/children.parquet").filter(child_id=case.key)["gender"].to_list() == [words[new]]
    assert case.frame(f"ingested/{LA}/referrals.parquet").filter(child_id=case.key)["gender"][0] == gender
    ledger = pl.read_csv(case.folder / "results/aggregate/ledger.csv", infer_schema=False)
    assert ledger.filter(reason="rectified_on_request")["la_code"].unique().to_list() == [LA]
    case.register("complete", REQUEST, "--decision", "granted", "--reason", "as_returned")
    assert case.project.preview() == set()
    # The LA sends another value meanwhile: neither the old nor the new one, so nobody overwrites it unseen.
    for path in (case.folder / "extracts" / LA).glob("CIN_20*.csv"):
        frame = pl.read_csv(path, infer_schema=False)
        own = pl.col(ID) == case.child
        frame.with_columns(pl.when(own).then(pl.lit("9")).otherwise("CIN_Gender").alias("CIN_Gender")).write_csv(path)
    failed = case.project.snakemake()
    assert failed.returncode != 0 and "hold neither the old nor the new value" in failed.stdout
    assert case.child not in failed.stdout and case.key not in failed.stdout


# ---- a new extract


def test_a_new_extract_is_swapped_in_with_its_difference(case: Case, without: dict[str, bytes]) -> None:
    case.received("deletion")
    new = case.request / "return" / "extract" / LA
    shutil.copytree(case.folder / "extracts" / LA, new)
    same = case.rights("returned", REQUEST)
    assert same.returncode == 1 and "duplicate" in same.stdout
    for path in new.glob("*.csv"):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if case.child not in line))
    case.register("returned", REQUEST)
    jobs = case.project.preview()
    assert {f"Read the extracts of LA {LA}", f"Clean LA {LA}"} <= jobs
    assert f"Count what the extract returned on request {REQUEST} changed" in jobs
    assert not any(job.endswith(f"LA {other}") for job in jobs for other in ("501", "511", "517"))
    case.project.run("results/aggregate/differences.csv")
    table = pl.read_csv(case.folder / "results/aggregate/differences.csv").filter(table="referrals")
    (row,) = table.rows(named=True)
    n_rows = case.frame(f"ingested/{LA}/referrals.parquet").height
    assert (row["n_rows_after"], row["n_children_before"] - row["n_children_after"]) == (n_rows, 1)
    assert row["n_rows_before"] > n_rows
    # The old extract is there until it is purged, and the scan says so.
    case.step("purge")
    assert not list((case.folder / "extracts" / LA).glob("*.csv"))
    case.project.run()
    case.step("receipt")
    now = contents(case.folder)
    assert {path for path in without if without[path] != now[path]} == {"results/aggregate/differences.csv"}
    case.register("complete", REQUEST, "--decision", "granted", "--reason", "as_returned")


# ---- the information held; access


def certificate(folder: Path) -> tuple[Path, Path]:
    key, cert = folder / "key.pem", folder / "cert.pem"
    subject = ["-subj", "/CN=Records officer", "-days", "30"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, *subject],
        check=True,
        capture_output=True,
    )
    return key, cert


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_everything_held_is_sealed_for_the_recipient(case: Case, tmp_path: Path) -> None:
    row = case.frame(f"ingested/{LA}/referrals.parquet").filter(child_id=case.key).row(0, named=True)
    held = f"table,child_id,census_year,referral_date\nreferrals,CHILD,{row['census_year']},{row['referral_date']}\n"
    told = case.returned("access", held=held + "assessments,CHILD,1999,\n")
    assert "rows listed 2" in told and "listed and here 1" in told
    assert case.project.preview() == set()
    key, cert = certificate(tmp_path)
    assert "CERTIFICATE" in case.fails("held", f"recipient={key}")
    case.step("held", f"recipient={cert}")
    sealed, opened = case.request / "held.p7m", tmp_path / "held.zip"
    assert case.child.encode() not in sealed.read_bytes() and not (case.folder / "results" / "release").exists()
    subprocess.run(
        ["openssl", "cms", "-decrypt", "-inform", "DER", "-in", sealed, "-inkey", key, "-out", opened], check=True
    )
    with zipfile.ZipFile(opened) as pack:
        names = pack.namelist()
        assert "index.html" in names and any("dictionary" in name for name in names)
        for stage in ("supplied", "ingested", "cleaned", "outcomes", "cohort"):
            assert any(stage in name and name.endswith(".csv") for name in names), stage
        texts = [pack.read(name).decode() for name in names]
    assert any(case.child in text for text in texts) and any(case.key in text for text in texts)
    others = set(case.frame(f"ingested/{LA}/referrals.parquet")["child_id"]) - {case.key}
    assert not any(other in text for text in texts for other in others)
    facts = (case.request / "held.json").read_text()
    assert case.child not in facts and case.key not in facts
    case.register("complete", REQUEST, "--decision", "granted", "--reason", "as_returned")
    case.register("delete-form", REQUEST)
    assert not sealed.exists()


# ---- restriction and objection


def test_a_restricted_child_reaches_no_derived_artefact_and_comes_back(
    case: Case, base: Project, without: dict[str, bytes]
) -> None:
    case.register("add", REQUEST, "--kind", "restriction", "--la", LA, "--child", case.child)
    preview_is_of_the_la_alone(case.project.preview())
    case.project.run()
    assert {path.split("/")[0] for path in case.derived()} == {"ingested"}
    now = contents(case.folder)
    about = ("privacy", "inputs", "ingest_report", "ledger", "traps", "individual/ingested")
    assert {path for path in without if without[path] != now[path] and not any(n in path for n in about)} == set()
    books = "results/aggregate/ledger.csv"
    ledger = pl.read_csv(case.folder / books, infer_schema=False)
    n_set_aside = ledger.filter(reason="restricted_on_request")["n_rows"].cast(pl.Int64).sum()
    stored = [case.frame(f"ingested/{LA}/{name}.parquet").filter(child_id=case.key).height for name in TABLES]
    assert n_set_aside == sum(stored)
    case.register("lift", REQUEST)
    preview_is_of_the_la_alone(case.project.preview())
    case.project.run()
    assert contents(case.folder) == contents(base.folder)


def test_an_objection_is_in_force_at_once_and_until_it_is_refused(case: Case) -> None:
    cleaned = f"results/individual/cleaned/{LA}/referrals.parquet"
    case.register("add", REQUEST, "--kind", "objection", "--la", LA, "--child", case.child)
    preview_is_of_the_la_alone(case.project.preview())
    case.project.run(cleaned)
    assert case.key not in pl.read_parquet(case.folder / cleaned)["child_id"]
    case.register("complete", REQUEST, "--decision", "refused", "--reason", "exempt")
    case.project.run(cleaned)
    assert case.key in pl.read_parquet(case.folder / cleaned)["child_id"]


# ---- what is refused


def test_returns_that_do_not_fit_change_nothing(case: Case) -> None:
    unknown = case.rights("add", "R-0", "--kind", "deletion", "--la", LA, "--child", "999")
    assert unknown.returncode == 1 and "unknown: nothing is held" in unknown.stdout
    gender = "table,child_id,column,new_value\nreferrals,CHILD,gender,9\n"
    case.received("deletion", delete="table,child_id,referral_date\nreferrals,CHILD,2001-01-01\n")
    refusals = {
        "unknown: 1 of 1 row keys match no row": {
            "delete": "table,child_id,referral_date\nreferrals,CHILD,2001-01-01\n"
        },
        "unknown, a row names another child": {"delete": "table,child_id\n,12345\n"},
        "duplicate: 1 rows are there twice": {"delete": WHOLE + ",CHILD\n"},
        "is not answered by rectify": {"delete": WHOLE, "rectify": gender},
    }
    register = case.folder / "governance" / "requests.yaml"
    before = register.read_bytes(), contents(case.folder)
    for told, forms in refusals.items():
        shutil.rmtree(case.request / "return")
        case.put(**forms)
        finished = case.rights("returned", REQUEST)
        assert finished.returncode == 1 and told.split(",")[0] in finished.stdout, finished.stdout
        assert case.child not in finished.stdout
        assert case.project.preview() == set() and not (case.request / "effects.json").exists()
    assert (register.read_bytes(), contents(case.folder)) == before
    assert "is not returned yet" in case.fails("purge")
    shutil.rmtree(case.request / "return")
    case.put(delete=WHOLE)
    case.register("returned", REQUEST)
    registered = events(register)
    duplicate = case.rights("returned", REQUEST)
    assert "duplicate: it is returned already" in duplicate.stdout
    # Delete, then rectify: the second request is contradictory, whoever asks.
    case.register("add", "R-2", "--kind", "rectification", "--la", LA, "--child", case.child)
    case.register("sent", "R-2")
    (case.request.parent / "R-2" / "return").mkdir(parents=True)
    (case.request.parent / "R-2" / "return" / "rectify.csv").write_text(gender.replace("CHILD", case.child))
    contradictory = case.rights("returned", "R-2")
    assert contradictory.returncode == 1 and f"deleted by request {REQUEST}" in contradictory.stdout
    case.register("withdraw", REQUEST)
    late = case.rights("returned", REQUEST)
    assert late.returncode == 1 and "late: it is withdrawn already" in late.stdout
    assert events(register)[: len(registered)] == registered
    assert case.project.preview() == set()


@pytest.mark.parametrize("what", ["register", "compiled return"])
def test_a_register_changed_by_hand_stops_every_run(what: str, case: Case) -> None:
    case.returned("deletion", delete=WHOLE)
    if what == "register":
        file = case.folder / "governance" / "requests.yaml"
        content = yaml.safe_load(file.read_text())
        content["events"][0]["la"] = "511"
        file.write_text(yaml.safe_dump(content, sort_keys=False))
    else:
        file = case.request / "effects.json"
        file.write_text(file.read_text().replace(case.key, "a" * 16))
    finished = case.project.snakemake("-n")
    assert finished.returncode != 0 and "REGISTER" in finished.stdout
    assert case.child not in finished.stdout and case.key not in finished.stdout


# ---- retention and destruction


def test_clocks_are_told_and_overdue_fails(case: Case) -> None:
    case.received("deletion", delete=WHOLE)
    case.register("returned", REQUEST, "--date", time.strftime("%Y-%m-%d"))
    running = case.project.run("retention")
    assert "all individual-level data" in running and f"form data of request {REQUEST}" in running
    late = case.project.snakemake("retention", "--config", "today=2099-01-01")
    assert late.returncode != 0 and "OVERDUE" in late.stdout and "snakemake destroy" in late.stdout
    wrong = case.project.snakemake("retention", "--config", "today=soon")
    assert wrong.returncode != 0 and "no date written yyyy-mm-dd" in wrong.stdout
    case.register("withdraw", REQUEST)
    case.register("delete-form", REQUEST)
    assert not (case.request / "return").exists()
    case.project.run("retention", "--config", "today=2099-01-01")


def test_destruction_is_guarded_complete_and_certified(case: Case) -> None:
    case.returned("deletion", delete=WHOLE)
    (case.request / "form").mkdir()
    (case.request / "form" / "letter.txt").write_text("Dear Sir")
    before = contents(case.folder)
    for confirm in ((), ("confirm=yes",)):
        refused = case.project.snakemake("destroy", *(["--config", *confirm] if confirm else []))
        assert refused.returncode != 0 and "CONFIRM" in refused.stdout
    assert contents(case.folder) == before
    title = "Signs of Safety evaluation"
    killed(case, case.folder / "governance" / "inventory.json", "destroy", "--config", f"confirm={title}")
    case.project.run("destroy", "--config", f"confirm={title}")
    assert not (case.folder / "results" / "individual").exists()
    assert not list((case.folder / "extracts").rglob("CIN_*.csv")) and not list(case.request.iterdir())
    assert not (case.project.home / ".config" / "practice-model-evaluation" / "pseudonym.key").exists()
    certificate = json.loads((case.folder / "governance" / "certificate.json").read_text())
    listed = {entry["what"]: entry["files"] for entry in certificate["listed_for_deletion"]}
    assert listed["individual-level artefacts"] == sum("results/individual" in path for path in before)
    assert listed["key of the ids"] == 1 and listed["extracts"] > 10
    assert any("were not encrypted" in line for line in certificate["true"])
    assert any("Backups" in line for line in certificate["not_claimed"])
    assert case.child not in (case.folder / "governance" / "requests.yaml").read_text()
    again = case.project.snakemake("-n")
    assert again.returncode != 0 and "DESTROYED" in again.stdout
    assert "met" in case.project.run("retention", "--config", "today=2099-01-01")
    assert not (case.project.home / ".config" / "practice-model-evaluation" / "pseudonym.key").exists()
    late = case.rights("add", "R-9", "--kind", "access", "--la", LA, "--child", "1")
    assert late.returncode == 1


# ---- national extracts


def test_rows_are_taken_out_of_national_extracts(case: Case) -> None:
    stacked(case.folder)
    configure(case.project, source="national", folder="national", la_covariates="extracts/la_covariates.csv")
    shutil.rmtree(case.folder / "extracts" / LA)
    cleaned = [f"results/individual/cleaned/{la}/referrals.parquet" for la in LAS]
    case.project.run(*cleaned)
    case.returned("deletion", delete=WHOLE)
    case.step("purge")
    texts = {path: path.read_text() for path in (case.folder / "national").glob("*.csv")}
    assert not any(case.child in text for text in texts.values())
    jobs = case.project.preview()
    assert {job for job in jobs if job.startswith("Take the rows")} == {
        f"Take the rows of LA {LA} out of the national extracts"
    }
    case.project.run(*cleaned)
    assert case.key not in case.frame(f"ingested/{LA}/referrals.parquet")["child_id"]


def stacked(folder: Path) -> None:
    """The LAs' files, one under the other."""
    (folder / "national").mkdir()
    for path in sorted((folder / "extracts" / LA).glob("*.csv")):
        parts = [pl.read_csv(p, infer_schema=False) for p in sorted(folder.glob(f"extracts/*/{path.name}"))]
        pl.concat(parts, how="diagonal").write_csv(folder / "national" / path.name)
