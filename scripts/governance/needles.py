"""What a scan after an erasure looks for: the child's ids, original and re-keyed, and fingerprints of its rows.

In: the store and the extract as they are before anything is erased. Out: needles, as plain lists to be kept with the
request until it is completed. Only rows that no other child shares are fingerprinted: others would prove nothing.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from scripts.artefacts import read_parquet
from scripts.governance.effects import Effects, Frames
from scripts.governance.fingerprints import proving
from scripts.governance.register import Request
from scripts.governance.source_edits import pupil_ids, reading_of
from scripts.ingest.sources import IngestSettings
from scripts.privacy.keys import IDS
from scripts.workflow.study import Study

INDIVIDUAL = Path("results/individual")

Prints = dict[str, list[str]]


def needles(study: Study, request: Request, store: Frames, effects: Effects, key: bytes) -> dict[str, Any]:
    """What the scan after this request looks for.

    Parameters
    ----------
    store : the LA's tables before the erasure, every value as it came. key : the project's.

    Returns
    -------
    ids : texts to be found nowhere; empty if the child stays and only rows go. fingerprints : set of columns -> rows.
    unless_present : whether rows still in the new extract are no residue, because a returned extract says not which go.
    """
    if effects.erased_children:
        reading = reading_of(
            request.la, study.extracts.files(request.la), IngestSettings.of(study.settings.ingest(request.la))
        )
        ids = [*filter(None, [request.child]), *pupil_ids(reading, [request.key], key), request.key]
        ids += _own_pupil_keys(store["referrals"], request.key)
        frames = ((frame, frame["child_id"] == request.key) for frame in _with_child(study, request.la))
        return {"ids": sorted(set(ids)), "fingerprints": _proving(frames, key), "unless_present": False}
    if not effects.deleted:
        frames = ((frame, frame["child_id"] == request.key) for frame in store.values())
        return {"ids": [], "fingerprints": _proving(frames, key), "unless_present": True}
    return {"ids": [], "fingerprints": _proving(_deleted(store, effects), key), "unless_present": False}


def _own_pupil_keys(referrals: pl.DataFrame, key: str) -> list[str]:
    """Re-keyed pupil ids of a child that no other child has (trap T-05)."""
    own, others = (
        referrals.filter(test)["pupil_id"] for test in (pl.col("child_id") == key, pl.col("child_id") != key)
    )
    return sorted(set(own.drop_nulls()) - set(others.drop_nulls()))


def _with_child(study: Study, la: str) -> Iterator[pl.DataFrame]:
    """Canonical tables and index events: their rows say of which LA they are and do not change with other children.

    Those of cleaned tables name no LA, so an equal row could be another LA's child's; those of cohorts hold imputed
    values and weights, which change with every child.
    """
    analysis = [code for code in study.plan.las if la in study.plan.members(code)]
    paths = sorted((INDIVIDUAL / "ingested" / la).glob("*.parquet"))
    paths += [path for code in analysis for path in sorted((INDIVIDUAL / "outcomes").glob(f"*/{code}.parquet"))]
    return (read_parquet(path) for path in paths)


def _deleted(store: Frames, effects: Effects) -> Iterator[tuple[pl.DataFrame, pl.Series]]:
    """Each table with a mask of the rows that are deleted."""
    for table, frame in store.items():
        tests = [row.matches(table) for row in effects.deleted if row.of(table)]
        if tests:
            yield frame, frame.select(pl.any_horizontal(tests)).to_series()


def _proving(frames: Iterable[tuple[pl.DataFrame, pl.Series]], key: bytes) -> Prints:
    """As `proving`, as lists."""
    return {columns: sorted(rows) for columns, rows in proving(frames, key, IDS).items()}
