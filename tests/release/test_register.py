"""What earlier releases mean for the next one: facts about the same people, and no difference of a few."""

from pathlib import Path

import polars as pl
import pytest

from scripts.artefacts import write_json
from scripts.release.contract import NUMBERS
from scripts.release.gate import ROUND, Gate
from scripts.release.register import earlier_releases, known_from, numbers_of, too_alike
from tests.release.small_study import RELEASED, gate, judge, rules, tables

SECONDS = 120.0


@pytest.fixture(scope="module")
def released() -> Gate:
    """A release of the whole study."""
    found = gate()
    found.withhold(SECONDS, whole_release=True)
    return found


def registered(folder: Path, found: Gate, tag: str = "2026-01") -> str:
    """The register with that release."""
    write_json(numbers_of(found), folder / tag / NUMBERS)
    return str(folder)


def test_the_same_release_again_is_no_difference_and_every_number_is_a_fact(tmp_path: Path, released: Gate) -> None:
    earlier = earlier_releases(registered(tmp_path, released), "2026-02")
    again = gate()
    assert too_alike(earlier, again, rules()) == {}
    facts = known_from(earlier, again.book)
    shares = sum(entry["whole"] is not None for entry in numbers_of(released))
    assert len(facts) == len(numbers_of(released)) + shares and {fact.source[0] for fact in facts if fact.source} == {
        "2026-01"
    }


def test_a_release_is_not_compared_with_itself(tmp_path: Path, released: Gate) -> None:
    assert earlier_releases(registered(tmp_path, released), "2026-01") == []


@pytest.mark.parametrize("erased", [1, 9])
def test_a_child_erased_between_two_releases_is_caught_by_the_tables_that_count_it(
    tmp_path: Path, released: Gate, erased: int
) -> None:
    """n against n - 1: rounding hides it, but not from the register, which knows the exact numbers."""
    earlier = earlier_releases(registered(tmp_path, released), "2026-02")
    fewer = tables(without=erased)
    one_less = tables()["flow"]["n_children"].sum() - fewer["flow"]["n_children"].sum()
    assert one_less > 0
    found = too_alike(earlier, gate(fewer), rules())
    assert {table for _, table in found} >= {"flow", "dropped", "balance_overall"}
    assert {tag for tag, _ in found} == {"2026-01"}


def test_what_was_shown_before_is_known_although_it_is_withheld_now(tmp_path: Path) -> None:
    """The first release shows a cell that the second withholds: nothing can be taken back, and the audit says so."""
    open_, strict = Gate.of(judge(), {"dropped": ROUND}), Gate.of(judge(), dict.fromkeys(RELEASED, ROUND))
    small = next(i for i, reason in enumerate(open_.reasons["dropped"]) if reason == "min_children")
    # The first release let a small row go.
    open_.reasons["dropped"][small] = None
    earlier = earlier_releases(registered(tmp_path, open_), "2026-02")
    strict.fixed = known_from(earlier, strict.book)
    found = strict.withhold(SECONDS, whole_release=True)
    assert found.hopeless
    assert any(source[:2] == ("2026-01", "dropped") for each in found.hopeless for source in each.sources)


def test_numbers_of_other_people_are_no_facts(tmp_path: Path, released: Gate) -> None:
    earlier = earlier_releases(registered(tmp_path, released), "2026-02")
    other = gate(tables(rows=150))
    assert len(known_from(earlier, other.book)) < len(numbers_of(released)) / 2
    withheld = pl.Series([reason is not None for reason in released.reasons["dropped"]]).sum()
    assert withheld > 0 and all(released.reasons[entry["table"]].count(None) > 0 for entry in numbers_of(released))
