"""The entry point of rule `privacy`: the files of one LA in, what may enter out, in counts."""

import os
from typing import Any

import polars as pl

from scripts.artefacts import write_results
from scripts.privacy.gate import Gate


def inspect(la: str, files: dict[str, list[str]], report: str | os.PathLike[str], settings: dict[str, Any]) -> None:
    """Pass the files of an LA through the gate and write results table `privacy`.

    Parameters
    ----------
    files : kind of file -> paths. settings : format, xml_max_bytes and config block privacy without its key file.

    Raises
    ------
    StudyError : PRIVACY or FILE, never with a value out of a record.
    """
    passed = Gate.of(settings).pass_through(files)
    write_results(passed.select(pl.lit(la).alias("la_code"), pl.all()), "privacy", report)
