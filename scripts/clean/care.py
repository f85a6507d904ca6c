"""Episodes of care and the periods they form.

In: canonical `care_episodes`. Out: child_id, poc_start, episode_start, episode_end (Date?), end_reason, legal_status,
placement; one row per episode, half-open intervals [start, end). A period of care is an unbroken chain of episodes;
where the extract does not carry its start (SSDA903), it is derived from the gaps (data-formats section 2.3).
"""

import polars as pl

from scripts.clean.ledger import IN, KEPT, Ledger
from scripts.clean.settings import CleaningSettings
from scripts.codes import normalised, retired_codes
from scripts.dates import financial_year

KEY = ["child_id", "episode_start"]
# What pipelines write as the reason an episode ended when it has not, or when they made up its end.
STILL_OPEN, INVENTED_END = "-10", "E99"


def clean_care_episodes(rows: pl.DataFrame, settings: CleaningSettings, ledger: Ledger) -> pl.DataFrame:
    """Deduplicate, leave short breaks out, settle overlaps and stale open episodes, number periods of care."""
    rows = rows.with_columns(
        financial_year(pl.col("episode_start")).alias("census_year"),
        normalised(pl.col("legal_status"), "legal_status").alias("legal_status"),
        normalised(pl.col("placement"), "placement").alias("placement"),
        normalised(pl.col("episode_end_reason"), "episode_end_reason").alias("end_reason"),
    )
    ledger.count("care_episodes", IN, "", rows)
    dated = ledger.set_aside("care_episodes", "no_start_date", rows, pl.col("episode_start").is_null())
    dated = _without_sentinels(dated, ledger)
    _note_return_as_it_came(dated, ledger)
    care = ledger.set_aside(
        "care_episodes", "short_break", dated, pl.col("legal_status").is_in(settings.short_break_statuses)
    )
    asylum = pl.col("uasc") == 1
    if settings.asylum_seeking_episodes == "drop":
        care = ledger.set_aside("care_episodes", "asylum_seeking", care, asylum)
    else:
        ledger.note("care_episodes", "asylum_seeking", care, asylum)
    backwards = pl.col("episode_end") < pl.col("episode_start")
    forward = ledger.set_aside("care_episodes", "episode_ends_before_start", care, backwards)
    # The copy that says most speaks: a stated end, code or period start beats a gap; ties are broken by content.
    said = ["episode_end", "legal_status", "placement", "end_reason", "poc_start"]
    forward = forward.sort(*KEY, *said, *(name for name in forward.columns if name not in (*KEY, *said)))
    superseded = pl.int_range(pl.len()).over(KEY) < pl.len().over(KEY) - 1
    episodes = ledger.set_aside("care_episodes", "duplicate_start", forward, superseded)
    # Periods come before overlaps are settled: shortening an episode must not break a chain that was whole.
    episodes = episodes.with_columns(pl.coalesce("poc_start", _derived_period_start()).alias("poc_start"))
    episodes = _settle_overlaps(episodes, settings, ledger)
    ledger.note("care_episodes", "period_starts_after_episode", episodes, pl.col("poc_start") > pl.col("episode_start"))
    ledger.count("care_episodes", KEPT, "", episodes)
    return episodes.select(
        "child_id", "poc_start", "episode_start", "episode_end", "end_reason", "legal_status", "placement"
    )


def _without_sentinels(episodes: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """Codes that pipelines write where there is no reason: still open (its end date is none), and an invented end."""
    still_open = (pl.col("episode_end_reason") == STILL_OPEN).fill_null(False)
    ledger.note("care_episodes", "open_by_sentinel", episodes, still_open)
    ledger.note("care_episodes", "invented_end", episodes, pl.col("episode_end_reason") == INVENTED_END)
    return episodes.with_columns(pl.when(~still_open).then("episode_end").alias("episode_end"))


def _note_return_as_it_came(dated: pl.DataFrame, ledger: Ledger) -> None:
    """Overlaps, gaps, open rows and retired codes among all dated episodes of a child, before anything is left out."""
    episodes = dated.sort(*KEY, "episode_end", nulls_last=True)
    end, next_start, is_open = pl.col("episode_end"), _next_start(), pl.col("episode_end").is_null()
    for reason, where in (
        ("overlaps_next_episode", end > next_start),
        ("gap_before_next_episode", end < next_start),
        ("open_episode", is_open),
        ("open_with_end_reason", is_open & pl.col("end_reason").is_not_null()),
        ("open_although_later_episode", is_open & next_start.is_not_null()),
        ("retired_placement", pl.col("placement").is_in(sorted(retired_codes("placement")))),
        ("retired_end_reason", pl.col("end_reason").is_in(sorted(retired_codes("episode_end_reason")))),
    ):
        ledger.note("care_episodes", reason, episodes, where)


def _next_start() -> pl.Expr:
    return pl.col("episode_start").shift(-1).over("child_id")


def _settle_overlaps(episodes: pl.DataFrame, settings: CleaningSettings, ledger: Ledger) -> pl.DataFrame:
    """Overlapping and stale open episodes (trap T-29), by the configured choice; sorted by child and start."""
    next_start = _next_start()
    stale_open = pl.col("episode_end").is_null() & next_start.is_not_null()
    if settings.stale_open_episode == "drop":
        episodes = ledger.set_aside("care_episodes", "dropped_by_rule", episodes, stale_open)
    elif settings.stale_open_episode != "keep":
        ledger.note("care_episodes", "closed_by_rule", episodes, stale_open)
        year_end = pl.date(pl.col("census_year") + 1, 3, 31)
        closed = {"close_at_next_start": next_start, "close_at_year_end": pl.min_horizontal(year_end, next_start)}
        ended = pl.when(stale_open).then(closed[settings.stale_open_episode]).otherwise("episode_end")
        episodes = episodes.with_columns(ended.alias("episode_end"))
    if settings.care_overlap == "truncate":
        return episodes.with_columns(
            pl.min_horizontal("episode_end", pl.when(pl.col("episode_end") > next_start).then(next_start)).alias(
                "episode_end"
            )
        )
    if settings.care_overlap == "merge":
        return _merge_overlaps(episodes, ledger)
    return episodes


def _reach() -> pl.Expr:
    """The furthest end of the child's earlier episodes; an open episode reaches no further than its start."""
    return pl.coalesce("episode_end", "episode_start").cum_max().shift(1).over("child_id")


def _merge_overlaps(episodes: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """Merge overlapping episodes into the first of them, to the latest end; the first's attributes stay."""
    chained = episodes.with_columns((pl.col("episode_start") >= _reach()).fill_null(True).alias("first"))
    chained = chained.with_columns(pl.col("first").cum_sum().over("child_id").alias("chain"))
    still_open = pl.col("episode_end").is_null().any().over("child_id", "chain")
    latest_end = pl.col("episode_end").max().over("child_id", "chain")
    chained = chained.with_columns(pl.when(~still_open).then(latest_end).alias("episode_end"))
    return ledger.set_aside("care_episodes", "merged_into_earlier", chained, ~pl.col("first")).drop("first", "chain")


def _derived_period_start() -> pl.Expr:
    """Start of the period of care: a new one begins where an episode starts after everything before it had ended."""
    new_period = (pl.col("episode_start") > _reach()).fill_null(True)
    return pl.when(new_period).then(pl.coalesce("poc_start", "episode_start")).forward_fill().over("child_id")
