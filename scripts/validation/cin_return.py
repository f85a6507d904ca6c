"""Returns of the CIN census of several years, stacked into one frame per module.

In: the modules of each return as text, with the keys that say which row hangs below which. Out: the same modules with
columns `year` (the census year, Int32) and `period_end` (the reference date), keys made distinct, so that whatever
looks at the rows of a child or a case never crosses from one return into another.
"""

from collections.abc import Iterable, Mapping

import polars as pl

KEYS = ("child", "details", "assessment", "cin_plan", "enquiry", "plan")
Modules = Mapping[str, pl.DataFrame]


def reference_date(header: pl.DataFrame) -> pl.Expr:
    """Where the header states a date of reference, that date; else 31 March after the census year's start. Date."""
    stated = header["ReferenceDate"].str.to_date("%Y-%m-%d", strict=False).drop_nulls()
    return pl.lit(stated[0], pl.Date) if len(stated) else pl.date(pl.col("year") + 1, 3, 31)


def stacked(returns: Iterable[tuple[int, Modules]]) -> dict[str, pl.DataFrame]:
    """One frame per module over all returns.

    Parameters
    ----------
    returns : census year (the year the financial year starts in) and the modules of a return.
    """
    parts: dict[str, list[pl.DataFrame]] = {}
    first = dict.fromkeys(KEYS, 0)
    for year, modules in returns:
        for name, frame in modules.items():
            keys = [key for key in KEYS if key in frame.columns]
            dated = frame.with_columns(pl.lit(year, pl.Int32).alias("year")).with_columns(
                reference_date(modules["Header"]).alias("period_end"), *(pl.col(key) + first[key] for key in keys)
            )
            parts.setdefault(name, []).append(dated)
        for key in KEYS:
            taken = (frame[key].max() for frame in modules.values() if key in frame.columns and frame.height)
            first[key] += 1 + max((number for number in taken if number is not None), default=0)
    return {name: pl.concat(frames, how="diagonal") for name, frames in parts.items()}
