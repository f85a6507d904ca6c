"""Tiny extracts written by hand, and a way to ingest them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scripts import artefacts
from scripts.ingest.discovery import discover
from scripts.ingest.job import ingest
from scripts.ingest.layout import TABLES
from scripts.ingest.report import SCHEMA
from scripts.privacy.keys import KEY_BYTES

Extracts = Callable[..., Path]
Run = Callable[..., tuple[dict[str, pl.DataFrame], pl.DataFrame]]
SHARED = Path(__file__).parent.parent.parent.parent / "shared" / "data"
CONTRACT = """
tables:
  ingest_report:
    description: counts
    columns:
      - {name: la_code, type: text}
      - {name: table, type: text}
      - {name: file_kind, type: text}
      - {name: census_year, type: integer}
      - {name: check, type: text}
      - {name: column, type: text}
      - {name: n_rows, type: integer, counts: rows}
"""
CIN_HEADER = "CIN_PupilMatchingRefAnonymous,CIN_LAchildID_Anon,CIN_ACADYR,CIN_LA,CIN_DOB,CIN_Gender,CIN_ReferralDate"
CIN_2013 = f"""{CIN_HEADER},CIN_ReferralNFA,CIN_PrimaryNeedCode,CIN_ReasonForClosure,FSMeligible_SPR14,Home_Address
P1,c1,2013/2014,501,2005-02-03,1,2013-05-06,0, n1 ,RC8,1,x
P2,c2,2013/2014,501,2006-02-03,2,2013-06-07 00:00:00,1,NO,RC9,0,x
"""


@pytest.fixture(autouse=True)
def _contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    path = tmp_path / "contract.yaml"
    path.write_text(CONTRACT, encoding="utf-8")
    monkeypatch.setattr(artefacts, "CONTRACT_FILE", path)
    artefacts.results_contract.cache_clear()
    yield
    artefacts.results_contract.cache_clear()


@pytest.fixture
def extracts(tmp_path: Path) -> Extracts:
    """Write files below {tmp}/extracts: relative path -> content (text or bytes)."""

    def write(files: dict[str, str | bytes]) -> Path:
        folder = tmp_path / "extracts"
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return write


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Ingest an LA's folder; the canonical tables and the report, with the ids as the extract has them."""
    key_file = tmp_path / "key"
    key_file.write_text("0" * 2 * KEY_BYTES)
    key_file.chmod(0o600)
    monkeypatch.setattr("scripts.ingest.job.pseudonyms", lambda frame, columns, la, key: frame)

    def ingest_la(folder: Path, la: str = "501", **settings: Any) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
        chosen = {"format": "npd", "max_unreadable_share": 0.5, "census_year": None, "xml_max_bytes": None} | settings
        chosen |= {"key_file": str(key_file), "rights": {"folder": str(tmp_path / "governance"), "las": [la]}}
        outputs = {table: tmp_path / "out" / la / f"{table}.parquet" for table in TABLES}
        report = tmp_path / "out" / la / "report.csv"
        ingest(la, discover(folder, la, chosen["format"]), outputs, report, chosen)
        frames = {table: pl.read_parquet(path) for table, path in outputs.items()}
        return frames, pl.read_csv(report, schema=SCHEMA)

    return ingest_la


def count(report: pl.DataFrame, check: str, **where: Any) -> int:
    """Sum of a check's counts in a report, over the rows where the named columns have the given values."""
    return report.filter(pl.col("check") == check, **where)["n_rows"].sum()
