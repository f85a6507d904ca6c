"""The difference report of a swapped-in extract: rows and children per table before and after, counts only."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from scripts.artefacts import contract_schema, read_parquet, write_results
from scripts.governance.rights import of_settings
from scripts.ingest.layout import TABLES


def difference(request: str, las: Iterable[str], output: str, settings: dict[str, Any]) -> None:
    """Write results table `differences` for one request.

    Parameters
    ----------
    las : the source LAs whose extract was replaced. settings : rights; ingested, the folder of canonical tables.
    """
    before: dict[str, Any] = of_settings(settings).facts(request)["before"]
    rows = []
    for la in las:
        for table in TABLES:
            now = read_parquet(Path(settings["ingested"]) / la / f"{table}.parquet", ["child_id"])["child_id"]
            was = before[la][table]
            rows.append([request, la, table, was["rows"], len(now), was["children"], now.n_unique()])
    write_results(pl.DataFrame(rows, schema=contract_schema("differences"), orient="row"), "differences", output)
