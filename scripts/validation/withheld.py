"""Returns without the children of whom no derived artefact may know.

In: modules of a CIN return or files of an SSDA903 return as text, with original ids. Out: the same without the rows of
some children, who are known by their re-keyed ids.
"""

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

from scripts.governance.rights import in_force
from scripts.privacy.keys import key_path, pseudonyms, read_key

CIN_ID, SSDA903_ID = "LAchildID", "CHILD"


def without_absent_children(
    la: str, cin: Mapping[str, pl.DataFrame], ssda903: Mapping[str, pl.DataFrame], settings: dict[str, Any]
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """Both returns of an LA without the children who are erased or withheld; `settings`: rights, key_file.

    A CIN return names a child once, in module Child; its other modules say which child, by number, they belong to.
    """
    absent = in_force(settings).absent_children
    if not absent:
        return dict(cin), dict(ssda903)
    key = read_key(key_path(settings["key_file"]))
    children = _of(cin["Child"], CIN_ID, la, absent, key)["child"]
    left = {
        name: frame.filter(~pl.col("child").is_in(children.to_list())) if "child" in frame.columns else frame
        for name, frame in cin.items()
    }
    care = {name: _less(frame, la, absent, key) for name, frame in ssda903.items()}
    return left, care


def _of(frame: pl.DataFrame, column: str, la: str, keys: Collection[str], key: bytes) -> pl.DataFrame:
    """The rows of some children; as ingest does, ids are stripped before they are re-keyed."""
    stripped = frame.with_columns(pl.col(column).str.strip_chars().alias("__key"))
    return frame.filter(pseudonyms(stripped, ["__key"], la, key)["__key"].is_in(sorted(keys)).fill_null(False))


def _less(frame: pl.DataFrame, la: str, keys: Collection[str], key: bytes) -> pl.DataFrame:
    if SSDA903_ID not in frame.columns:
        return frame
    return frame.join(_of(frame, SSDA903_ID, la, keys, key).select(SSDA903_ID).unique(), on=SSDA903_ID, how="anti")
