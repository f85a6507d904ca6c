"""Harmed returns in XML: refused in one clear line, or read as what they say."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scripts.config.strict_yaml import read_yaml
from scripts.config.variants import overlaid
from scripts.errors import StudyError
from scripts.ingest.discovery import discover
from scripts.ingest.job import ingest
from scripts.ingest.layout import TABLES
from scripts.privacy.job import inspect
from scripts.privacy.keys import KEY_BYTES
from tests.faults import naive
from tests.faults.mutations import XML
from tests.faults.tally import AS_BEFORE, AS_IT_SAYS, Tally, seeds
from tests.workflow.conftest import ROOT

LA = "501"
CODES = {"FILE", "SCHEMA", "LA", "YEAR", "VALUES", "CODES", "PRIVACY"}
COLUMNS = ("child_id", "referral_date", "closure_date", "referral_nfa", "cpp_start", "previous_cpps")
HEAD = """<?xml version="1.0" encoding="utf-8"?>
<Message><Header><CollectionDetails><Collection>CIN</Collection><Year>2014</Year></CollectionDetails>
<Source><LEA>501</LEA></Source></Header><Children>
"""


def child(number: int) -> str:
    """A child with a referral that led to a plan, or to two, and one that led to nothing."""
    plans = "".join(
        f"<ChildProtectionPlans><CPPstartDate>2013-0{6 + plan}-02</CPPstartDate>"
        f"<LatestCategoryOfAbuse>NEG</LatestCategoryOfAbuse><NumberOfPreviousCPP>{plan}</NumberOfPreviousCPP>"
        "</ChildProtectionPlans>\n"
        for plan in range(number % 3)
    )
    return f"""<Child><ChildIdentifiers><LAchildID>child{number:06d}</LAchildID>
<PersonBirthDate>20{number % 14:02d}-02-03</PersonBirthDate><GenderCurrent>{1 + number % 2}</GenderCurrent>
</ChildIdentifiers><ChildCharacteristics><Ethnicity>WBRI</Ethnicity>
<Disabilities><Disability>NONE</Disability></Disabilities></ChildCharacteristics>
<CINdetails><CINreferralDate>2013-05-{1 + number:02d}</CINreferralDate><PrimaryNeedCode>N1</PrimaryNeedCode>
<Assessments><AssessmentActualStartDate>2013-05-07</AssessmentActualStartDate></Assessments>
<ReferralNFA>false</ReferralNFA>{plans}</CINdetails>
<CINdetails><CINreferralDate>2014-01-{1 + number:02d}</CINreferralDate><ReferralNFA>1</ReferralNFA>
<CINclosureDate>2014-02-{1 + number:02d}</CINclosureDate></CINdetails></Child>
"""


SOUND = (HEAD + "".join(map(child, range(12))) + "</Children></Message>").encode()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder, and the settings of the gate and of ingest."""
    folder = tmp_path_factory.mktemp("returns")
    (folder / "extracts" / LA).mkdir(parents=True)
    key = folder / "key"
    key.touch(0o600)
    key.write_text("0" * 2 * KEY_BYTES)
    config = overlaid(read_yaml(ROOT / "config.yaml"), read_yaml(ROOT / "config" / "census-return.yaml"))
    settings = {"format": "census", "xml_max_bytes": 3_000_000, "max_unreadable_share": 0.3, "key_file": str(key)}
    rights = {"folder": str(folder / "governance"), "las": [LA]}
    return folder, settings | {"privacy": config["privacy"], "rights": rights}


def read(study: tuple[Path, dict[str, Any]], content: bytes) -> pl.DataFrame:
    """The canonical referrals of a return."""
    folder, settings = study
    (folder / "extracts" / LA / "cin.xml").write_bytes(content)
    files, out = discover(folder / "extracts", LA, "census"), folder / "out"
    inspect(LA, files, str(out / "privacy.csv"), str(out / "inputs.csv"), None, settings)
    outputs = {table: out / f"{table}.parquet" for table in TABLES}
    ingest(LA, files, outputs, out / "report.csv", settings)
    return pl.read_parquet(outputs["referrals"], columns=list(COLUMNS))


def renamed(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows with ids replaced by the place of their first row."""
    first: dict[Any, int] = {}
    return [(first.setdefault(row[0], number), *row[1:]) for number, row in enumerate(rows)]


def test_the_plain_reader_agrees_on_the_sound_return(study: tuple[Path, dict[str, Any]]) -> None:
    rows = read(study, SOUND).rows()
    assert len(rows) == 28 and renamed(rows) == renamed(naive.referrals(SOUND))


@pytest.mark.parametrize("number", [60, pytest.param(1500, marks=pytest.mark.long)])
def test_no_harmed_return_is_silently_wrong(study: tuple[Path, dict[str, Any]], number: int) -> None:
    before, names = renamed(naive.referrals(SOUND)), list(XML)
    tally = Tally("CIN census returns in XML")

    def outcome(harmed: bytes) -> str:
        try:
            rows = renamed(read(study, harmed).rows())
        except StudyError as error:
            text = str(error)
            assert error.code in CODES and "\n" not in text and "cin.xml" in text, text[:300]
            assert "child0" not in text, "a value"
            return error.code
        assert rows == renamed(naive.referrals(harmed))
        return AS_BEFORE if rows == before else AS_IT_SAYS

    for seed, draw in seeds("returns", number):
        name = names[seed % len(names)]
        harmed = XML[name](SOUND, draw)
        tally.note(f"{name} {seed}", name, lambda h=harmed: outcome(h))
    tally.finish(number)
