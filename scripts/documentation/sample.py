"""A synthetic LA and the analysis of it, for finding out what the outcomes use.

In: a validated study. Out: the canonical tables of one pilot's synthetic extract, with every column filled, and the
index events of every outcome as the jobs of the workflow make them, in a temporary folder.
"""

import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from scripts.artefacts import read_parquet, write_parquet
from scripts.clean.job import CLEANED, clean
from scripts.documentation.lineage import OF_THE_OUTCOME, Tables
from scripts.ingest.discovery import discover
from scripts.ingest.report import IngestReport
from scripts.ingest.sources import IngestSettings, Reading, read_tables
from scripts.outcomes.job import outcomes
from scripts.synthetic.job import generate
from scripts.workflow.plan import Plan
from scripts.workflow.settings import JobSettings

# Every so many children have their date of birth only as year and month, in referrals or only in care.
MONTHLY, ONLY_IN_CARE = (0, 1)
KINDS_OF_CHILDREN = 6


class Sample:
    """The first pilot's synthetic LA."""

    def __init__(self, study: dict[str, Any]) -> None:
        self.plan = Plan(study)
        self.settings = JobSettings(self.plan)
        self.la = self.plan.pilots[0]["code"]

    def tables(self) -> Tables:
        """Its canonical tables."""
        with tempfile.TemporaryDirectory() as folder:
            generate(self.la, Path(folder) / self.la, "", self.settings.synthetic(self.la))
            settings = IngestSettings.of(self.settings.ingest(self.la))
            files = discover(folder, self.la, settings.format)
            tables = read_tables(Reading(self.la, files, settings, IngestReport(self.la)))
        return tables | {"referrals": _with_every_kind_of_birth_date(tables["referrals"])}

    def events(self, tables: Tables) -> dict[str, pl.DataFrame]:
        """Outcome -> its index events."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            ingested = {table: [str(folder / f"ingested_{table}.parquet")] for table in tables}
            for table, frame in tables.items():
                write_parquet(frame, ingested[table][0])
            cleaned = {table: str(folder / f"{table}.parquet") for table in CLEANED}
            clean(self.la, ingested, cleaned, str(folder / "ledger.csv"), self.settings.clean(self.la))
            return {outcome: self._events(outcome, cleaned, folder) for outcome in self.plan.outcomes}

    def _events(self, outcome: str, cleaned: dict[str, str], folder: Path) -> pl.DataFrame:
        events, settings = str(folder / "events.parquet"), self.settings.outcomes(outcome, self.la)
        outcomes(self.la, cleaned, events, str(folder / "flow.csv"), settings)
        covariates = [covariate["name"] for covariate in settings["covariates"]]
        return read_parquet(events).select(*OF_THE_OUTCOME, *covariates)


def _with_every_kind_of_birth_date(referrals: pl.DataFrame) -> pl.DataFrame:
    """Move some children's date of birth into birth_year and birth_month, and leave it out for some others."""
    kind = pl.col("child_id").rank("dense") % KINDS_OF_CHILDREN
    birth = pl.col("birth_date")
    return referrals.with_columns(
        pl.when(kind == MONTHLY).then(birth.dt.year()).cast(pl.Int32).alias("birth_year"),
        pl.when(kind == MONTHLY).then(birth.dt.month()).cast(pl.Int32).alias("birth_month"),
        pl.when(~kind.is_in([MONTHLY, ONLY_IN_CARE])).then(birth).alias("birth_date"),
    )
