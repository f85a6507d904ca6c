"""The entry points of the release: rules `release_tables`, `release` and `released`."""

import json
import time
from collections import Counter
from typing import Any

import polars as pl

from scripts.artefacts import read_results, write_json
from scripts.errors import StudyError
from scripts.release import cross_products
from scripts.release.contract import disclosed
from scripts.release.gate import WHOLE_RELEASE, Gate
from scripts.release.populations import COHORT
from scripts.release.primary import Judge, completed
from scripts.release.register import earlier_releases, known_from, numbers_of, too_alike
from scripts.release.rules import Rules, read_rules
from scripts.release.safe_csv import write_safe
from scripts.release.system import Contradiction, Exposed, Source

# Lines of an error that name what to withhold
MOST_LINES = 20


def protect(
    tables: dict[str, str],
    outputs: dict[str, str],
    inside: dict[str, str],
    settings: dict[str, Any],
) -> None:
    """Write what may leave of results tables, and beside it (inside) the audit and the numbers for the register.

    Parameters
    ----------
    tables : results table -> CSV, those that are released and those behind them; cross_products if they are asked for.
    outputs : table -> CSV that leaves.
    inside : audit and numbers, JSON files that stay inside.
    settings : release (config block), tag, headline, numeric (child covariates that are numbers), outcomes, populations
        (outcome -> its kind of index event).

    Raises
    ------
    StudyError : RELEASE, if populations differ from those of an earlier release by a few children, or if what is shown
        gives a withheld number away and nothing may be or can be withheld besides; the tables, and what to do.
    """
    block, started = settings["release"], time.monotonic()
    rules = read_rules(block["rules"])
    products = tables.get(cross_products.NAME)
    results = {name: path for name, path in tables.items() if name != cross_products.NAME}
    read = {name: _of(settings["outcomes"], read_results(name, path)) for name, path in results.items()}
    read = {name: completed(name, frame) for name, frame in read.items()}
    structural = (*block["structural"],)
    judge = Judge(read, rules, settings["headline"], frozenset(settings["numeric"]), structural)
    earlier = earlier_releases(block["register"], settings["tag"])
    released = [name for name in outputs if name != cross_products.NAME]
    gate = Gate.of(judge, {name: block["outputs"][name]["method"] for name in released})
    withheld_by_hand(gate, block["withhold"])
    asked = None if products is None else cross_products.read(products)
    gate.fixed = known_from(earlier, gate.book) + ([] if asked is None else cross_products.facts_of_products(asked))
    _refuse_alike(too_alike(earlier, gate, rules))
    _refuse_outcomes_alike(read, settings["populations"], rules)
    try:
        verdict = _protected(gate, block, started)
    except Contradiction as error:
        places = sorted({" ".join(cell[1:3]) for cell in error.cells})[:5]
        problem = f"relations between numbers do not hold in this study ({'; '.join(places)})"
        raise StudyError("RELEASE", "audit", problem, "Please report this") from None
    for name in released:
        write_safe(gate.shown(name), outputs[name])
    if asked is not None:
        write_safe(asked, outputs[cross_products.NAME])
    write_json(numbers_of(gate), inside["numbers"])
    told = {
        "protected": verdict.n_protected,
        "narrowest": verdict.narrowest,
        "programmes": verdict.n_programmes,
        "seconds": round(time.monotonic() - started, 1),
        "earlier": [release.tag for release in earlier],
        "rows": {name: _rows(gate, name) for name in released},
        "rules_used": sorted(rules.used),
    }
    write_json(told, inside["audit"])


def _of(outcomes: list[str] | str, table: pl.DataFrame) -> pl.DataFrame:
    """The rows of the outcomes that are released."""
    if outcomes == "all" or "outcome" not in table.columns:
        return table
    return table.filter(pl.col("outcome").is_in(outcomes))


def _rows(gate: Gate, table: str) -> dict[str, Any]:
    """How many rows a table has, how many are withheld and by which rule."""
    reasons = Counter(reason for reason in gate.reasons[table] if reason)
    return {"rows": len(gate.reasons[table]), "withheld": dict(sorted(reasons.items()))}


def withheld_by_hand(gate: Gate, entries: list[dict[str, Any]]) -> None:
    """Withhold rows that the configuration names.

    Raises
    ------
    StudyError : CONFIG, if an entry names a table that is not released, a column it has not, or no row.
    """
    for number, entry in enumerate(entries):
        place, table = f"release.rows, withhold {number + 1}", entry["table"]
        if table not in gate.tables:
            raise StudyError("CONFIG", place, f"table {table} is not released", "See release.outputs")
        if unknown := sorted(set(entry["where"]) - set(gate.tables[table].columns)):
            raise StudyError("CONFIG", place, f"no such columns: {', '.join(unknown)}", "See schemas/results.yaml")
        fits = [pl.col(c).cast(pl.String).is_in([str(v) for v in values]) for c, values in entry["where"].items()]
        rows = gate.tables[table].with_row_index("row").filter(*fits)["row"].to_list()
        if not rows:
            raise StudyError("CONFIG", place, "no row of the table fits", "Correct or remove it")
        for row in rows:
            gate.reasons[table][row] = gate.reasons[table][row] or WHOLE_RELEASE


def _refuse_alike(alike: Counter[tuple[str, str]]) -> None:
    if alike:
        told = "; ".join(f"{table}: {n} numbers (release {tag})" for (tag, table), n in sorted(alike.items()))
        problem = f"they count a few people more or fewer than an earlier release does: {told}"
        remedy = (
            "Comparing the releases would show those people. Leave these tables out of release.outputs, or withhold "
            "the rows (release.rows), or release what was released before"
        )
        raise StudyError("RELEASE", ", ".join(sorted({table for _, table in alike})), problem, remedy)


def _refuse_outcomes_alike(tables: dict[str, pl.DataFrame], populations: dict[str, str], rules: Rules) -> None:
    """Two outcomes of one population may not be about samples that differ by a few children."""
    samples = (
        tables["balance_overall"]
        .filter(pl.col("stage") == "before")
        .select("outcome", "period", "n_children_treated", "n_children_comparator")
    )
    both = samples.join(samples, on="period", suffix="_other").filter(pl.col("outcome") < pl.col("outcome_other"))
    kind = pl.col("outcome").replace_strict(populations, default=None)
    other = pl.col("outcome_other").replace_strict(populations, default=None)
    for row in both.filter(kind == other).iter_rows(named=True):
        for arm in ("treated", "comparator"):
            if rules.difference(row[f"n_children_{arm}"], row[f"n_children_{arm}_other"]):
                problem = f"the {COHORT}s of {row['outcome']} and {row['outcome_other']} differ by a few children"
                remedy = "Name the outcomes to release in release.outcomes, only one of these two"
                raise StudyError("RELEASE", "outcomes", problem, remedy)


def _protected(gate: Gate, block: dict[str, Any], started: float) -> Any:
    """Withhold what is needed, as far as that is allowed; the verdict on what is left."""

    def left() -> float:
        return max(0.0, block["seconds"] - (time.monotonic() - started))

    found = gate.withhold(left(), whole_release=False)
    if block["repair"] and not found.hopeless:
        found = gate.withhold(left(), whole_release=True)
    verdict = gate.audit(left())
    # A cell that was known to be large may be so no more, once rows are withheld.
    while block["repair"] and verdict.exposed and not (found.hopeless or found.unproven):
        found = gate.withhold(left(), whole_release=True)
        verdict = gate.audit(left())
    if found.hopeless:
        raise StudyError("RELEASE", _tables(found.hopeless), *_told(found.hopeless, gate, ()))
    if verdict.unproven or found.unproven:
        problem = f"{max(verdict.unproven, found.unproven)} cells could not be judged within release.seconds"
        remedy = "Allow more seconds, or release fewer tables or outcomes at once; what is not proven does not leave"
        raise StudyError("RELEASE", "audit", problem, remedy)
    if verdict.exposed:
        rows = gate.withhold(left(), whole_release=True).rows
        raise StudyError("RELEASE", _tables(verdict.exposed), *_told(verdict.exposed, gate, tuple(sorted(rows))))
    return verdict


def _tables(exposed: list[Exposed]) -> str:
    return ", ".join(sorted({source[1] for each in exposed for source in each.sources})) or "relations alone"


def _told(exposed: list[Exposed], gate: Gate, proposed: tuple[Source, ...]) -> tuple[str, str]:
    """Problem and remedy: which tables together give how many numbers away, and what to withhold."""
    by_tables = Counter(" + ".join(sorted({_named(source) for source in each.sources})) for each in exposed)
    told = "; ".join(f"{tables or 'relations alone'}: {n}" for tables, n in sorted(by_tables.items()))
    problem = (
        f"{len(exposed)} withheld numbers can be worked out from what is shown. Tables that together do it: {told}"
    )
    if not proposed:
        remedy = (
            "Nothing of this release that could be withheld helps: leave out the tables named, or, if only relations "
            "are, declare under release.rows what is structural"
        )
        return problem, remedy
    lines = [
        json.dumps(
            {"kind": "withhold", "table": table}
            | {"where": {k: [v] for k, v in _key(gate, table, row).items()}, "reason": WHOLE_RELEASE}
        )
        for _, table, row in proposed[:MOST_LINES]
    ]
    more = f"\n  and {len(proposed) - MOST_LINES} more" if len(proposed) > MOST_LINES else ""
    remedy = (
        f"The fewest rows to withhold besides are {len(proposed)}: set release.repair to true, or add to "
        "release.rows:\n  " + "\n  ".join(lines) + more
    )
    return problem, remedy


def _named(source: Source) -> str:
    """A table, with the release if it is an earlier one."""
    return f"{source[1]} of release {source[0]}" if source[0] else source[1]


def _key(gate: Gate, table: str, row: int) -> dict[str, Any]:
    keys = disclosed()[table].keys
    return {name: value for name, value in zip(keys, gate.tables[table].select(keys).row(row), strict=True) if value}
