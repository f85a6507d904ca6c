"""Primary suppression: which rows of results tables rest on too few children, by which rule.

In: results tables as they are inside, the rules, declared structural zeros. Out: a reason (name of a rule) or None for
every row. A row is withheld whole: of a mean, a difference and a share that hang together, none is left to give the
others away.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from scripts.errors import StudyError
from scripts.matching.balance import MEAN
from scripts.models.specification import EFFECT, EVENTS
from scripts.release.contract import Disclosed, disclosed
from scripts.release.rules import Rules

Tables = dict[str, pl.DataFrame]
Reasons = dict[str, list[str | None]]
# Tables whose rows are estimates on samples that may be nested, in the order in which they stay
NESTED = ("conclusions", "estimates", "specification_curve", "variants")


@dataclass(frozen=True)
class Judge:
    """What judging needs besides the tables that are released.

    tables : all results tables, also those that do not leave. headline : the study's specification. numeric : child
    covariates that are numbers, of whose terms zero is a value like others. structural : declared structural zeros.
    """

    tables: Tables
    rules: Rules
    headline: str
    numeric: frozenset[str]
    structural: tuple[dict[str, Any], ...] = ()

    def reasons(self, released: list[str]) -> Reasons:
        """Table -> why each row is withheld, None where it is not."""
        found = {name: self._table(disclosed()[name], self.tables[name]) for name in released}
        for name, row in self._too_alike(released, found):
            found[name][row] = "population_difference"
        return found

    def _table(self, about: Disclosed, frame: pl.DataFrame) -> list[str | None]:
        structural = self.structural_rows(about.name)
        wholes = self._wholes(about, frame)
        return [self._row(about, row, structural[i], wholes[i]) for i, row in enumerate(frame.iter_rows(named=True))]

    def _row(self, about: Disclosed, row: dict[str, Any], structural: bool, whole: dict[str, int]) -> str | None:
        rules = self.rules
        # As few rows are about as few children, or fewer.
        rows = [name for name, kind in about.counts.items() if kind == "rows"]
        wholes = {*about.complements.values(), *(whole for _, whole in about.shares.values())}
        judged = [rules.children(row[name], structural and name not in wholes) for name in (*about.children, *rows)]
        judged += [
            rules.children(row[whole_name] - row[part], structural)
            for part, whole_name in about.complements.items()
            if row[part] is not None
        ]
        judged += [
            rules.children(whole[name] - row[name], structural)
            for name in about.children
            if row[name] and name in whole
        ]
        judged += [rules.dominance(row[one], row[two]) for one, two in about.dominance]
        if about.percentile and all(row[name] is not None for name in about.percentile):
            judged.append(rules.percentile(*(row[name] for name in about.percentile)))
        if about.model:
            judged += self._model(row)
        if about.name == "la_balance" and row["variable"].startswith("outcome_"):
            judged.append(self._smallest_la.get(row["outcome"]))
        return next((reason for reason in judged if reason), None)

    def _wholes(self, about: Disclosed, frame: pl.DataFrame) -> list[dict[str, int]]:
        """For each row the counts of the population that it is a part of."""
        if about.whole is None or about.whole["table"] not in self.tables:
            return [{}] * frame.height
        other, on = self.tables[about.whole["table"]], about.whole["by"]
        whole = {tuple(r[key] for key in on): r for r in other.iter_rows(named=True)}
        found = [whole.get(key, {}) for key in frame.select(on).iter_rows()]
        known = [{name: r[name] for name in about.children if r.get(name) is not None} for r in found]
        # The mean of a number is over everybody whose value is known: it has no other side.
        sided = [level != MEAN for level in frame["level"]]
        return [each if has else {} for each, has in zip(known, sided, strict=True)]

    def structural_rows(self, table: str) -> list[bool]:
        """Rows whose zeros are declared to say nothing about anybody.

        Raises
        ------
        StudyError : CONFIG, if a declaration names a column that the table does not have.
        """
        frame = self.tables[table]
        marked = pl.Series([False] * frame.height, dtype=pl.Boolean)
        for entry in self.structural:
            if entry["table"] != table:
                continue
            if unknown := sorted(set(entry["where"]) - set(frame.columns)):
                place = f"release.rows, table {table}"
                raise StudyError("CONFIG", place, f"no such columns: {', '.join(unknown)}", "See schemas/results.yaml")
            fits = [pl.col(name).cast(pl.String).is_in([str(v) for v in vs]) for name, vs in entry["where"].items()]
            marked = marked | frame.select(pl.all_horizontal(pl.lit(True), *fits).alias("fits"))["fits"]
        return marked.to_list()

    # ---- regressions

    def _model(self, row: dict[str, Any]) -> list[str | None]:
        """What the rules say of the regression that a row of an estimate comes from."""
        outcome, name = row["outcome"], row.get("specification", self.headline)
        if "variant" in row or row.get("kind") == "choice":
            name = self.headline
        elif row.get("kind") == "model":
            name = row["name"]
        judged = [self._specifications.get((outcome, name)), self._events.get(outcome)]
        if term := self._effects.get((outcome, name, row.get("estimator"))):
            judged.append(self.rules.children(term))
        return judged

    @cached_property
    def _samples(self) -> dict[tuple[str, str], dict[str, Any]]:
        estimates = self.tables["estimates"].unique(["outcome", "specification"], keep="first", maintain_order=True)
        return {(r["outcome"], r["specification"]): r for r in estimates.iter_rows(named=True)}

    @cached_property
    def _specifications(self) -> dict[tuple[str, str], str | None]:
        """(outcome, specification) -> why it cannot leave: degrees of freedom, saturation, terms of few children."""
        found: dict[tuple[str, str], str | None] = {}
        for r in self.tables["estimation_status"].iter_rows(named=True):
            sample = self._samples.get((r["outcome"], r["specification"]))
            if sample and r["parameters"] is not None and sample["n_rows"] is not None:
                reason = self.rules.regression(sample["n_rows"], r["parameters"], r["patterns"])
                found[r["outcome"], r["specification"]] = reason
        kept = self.tables["model_terms"].filter(pl.col("status") == "kept")
        for r in kept.iter_rows(named=True):
            key = (r["outcome"], r["specification"])
            if _is_effect(r["term"]) or found.get(key) or key not in self._samples:
                continue
            whole = r["n_children"] if r["term"] in self.numeric else self._samples[key]["n_children"]
            found[key] = self.rules.term(r["n_children"], whole or 0)
        return found

    @cached_property
    def _effects(self) -> dict[tuple[str, str, str], int]:
        """(outcome, specification, term) -> children behind an effect that has a row of its own."""
        kept = self.tables["model_terms"].filter(pl.col("status") == "kept")
        return {
            (r["outcome"], r["specification"], r["term"]): r["n_children"]
            for r in kept.iter_rows(named=True)
            if _is_effect(r["term"])
        }

    @cached_property
    def _events(self) -> dict[str, str | None]:
        """Outcome -> why no estimate of it can leave: few children with or without it in an arm and period."""
        found: dict[str, str | None] = {}
        for r in self.tables["balance_overall"].filter(pl.col("stage") == "after").iter_rows(named=True):
            counts = [
                value for name, value in r.items() if name.startswith(("n_children_with_", "n_children_without_"))
            ]
            judged = [self.rules.children(count) for count in counts]
            found[r["outcome"]] = found.get(r["outcome"]) or next((reason for reason in judged if reason), None)
        return found

    @cached_property
    def _smallest_la(self) -> dict[str, str | None]:
        """Outcome -> why means over LAs cannot leave: an LA of few children among them."""
        found: dict[str, str | None] = {}
        for r in self.tables["leave_one_out"].iter_rows(named=True):
            whole = self._samples[r["outcome"], r["specification"]]["n_children"]
            found[r["outcome"]] = found.get(r["outcome"]) or self.rules.children(whole - r["n_children"])
        return found

    # ---- populations that are too alike

    def _too_alike(self, released: list[str], found: Reasons) -> list[tuple[str, int]]:
        """Rows whose sample differs from one that stays by a few children."""
        stays: dict[str, set[int]] = {}
        gone = []
        for name in NESTED:
            if name not in released:
                continue
            for i, row in enumerate(self.tables[name].iter_rows(named=True)):
                n = row["n_children"]
                if found[name][i] or n is None:
                    continue
                known = stays.setdefault(row["outcome"], set())
                if any(self.rules.difference(n, other) for other in known):
                    gone.append((name, i))
                else:
                    known.add(n)
        return gone


def completed(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The table with a row of zeros for each combination of keys that is nobody's: no row would tell so as well."""
    about = disclosed().get(table)
    if about is None or not about.every:
        return frame
    others = [key for key in about.keys if key not in (*about.every, "outcome")]
    levels, places = (frame.select("outcome", *names).unique(maintain_order=True) for names in (about.every, others))
    grid = levels.join(places, on="outcome", maintain_order="left_right")
    lacking = grid.join(frame, on=list(about.keys), how="anti", maintain_order="left")
    zeros = [pl.lit(0, pl.Int64).alias(name) for name in about.counts]
    nothing = [pl.lit(None, frame.schema[n]).alias(n) for n in frame.columns if n not in (*about.keys, *about.counts)]
    return pl.concat([frame, lacking.with_columns(*zeros, *nothing).select(frame.columns)])


def _is_effect(term: str) -> bool:
    """Whether a term is an estimate of the study, judged in its own row."""
    return term.startswith((EFFECT, *(f"{name}[" for name in EVENTS)))
