"""The record of processing says what configuration, schemas and software say, and so does the notice."""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from schemas import tables
from scripts.config.load import load_study
from scripts.config.strict_yaml import read_yaml
from scripts.errors import StudyError
from scripts.governance.record import gaps, texts, write
from scripts.outcomes.measures import MEASURES
from scripts.outcomes.populations import POPULATIONS
from scripts.workflow.plan import Plan
from scripts.workflow.settings import JobSettings

ROOT = Path(__file__).parent.parent.parent
DEFAULT = read_yaml(ROOT / "config.yaml")
ITEMS = {
    "a": ("controller.name", "controller.joint_controller", "controller.representative"),
    "b": ("purposes.0", "purposes.1"),
    "c": ("data_subjects.0",),
    "d": ("recipients.0.who", "recipients.0.what", "recipients.0.when"),
    "e": ("transfers",),
    "f": ("kept_afterwards",),
    "g": ("security.0", "security.3"),
}
RIGHTS = ("access", "rectification", "deletion", "restriction", "objection")
VOID = {"meta", "br"}


@dataclass
class Page(HTMLParser):
    """What of a page the tests ask about; `errors` are tags that do not close what they opened."""

    open: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    headings: list[tuple[int, str]] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    attributes: list[dict[str, str | None]] = field(default_factory=list)
    marked: list[str] = field(default_factory=list)
    shown: str = ""

    def __post_init__(self) -> None:
        """Start parsing with plain characters."""
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag."""
        named = dict(attrs)
        self.attributes.append(named | {"tag": tag})
        self.ids += [named["id"]] if named.get("id") else []
        self.links += [named["href"]] if named.get("href") else []
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))
        elif tag == "table":
            self.tables.append({"caption": "", "rows": []})
        elif tag == "tr":
            self.tables[-1]["rows"].append([])
        elif tag in ("th", "td"):
            self.tables[-1]["rows"][-1].append("")
        elif tag == "mark":
            self.marked.append("")

    def handle_endtag(self, tag: str) -> None:
        """It must close the latest tag."""
        if not self.open or self.open.pop() != tag:
            self.errors.append(tag)

    def handle_data(self, data: str) -> None:
        """Note the text where it stands."""
        self.shown += data
        if self.open and re.fullmatch(r"h[1-6]", self.open[-1]):
            level, text = self.headings[-1]
            self.headings[-1] = (level, text + data)
        if "caption" in self.open:
            self.tables[-1]["caption"] += data
        if "td" in self.open or "th" in self.open:
            self.tables[-1]["rows"][-1][-1] += data
        if "mark" in self.open:
            self.marked[-1] += data

    def table(self, caption: str) -> list[list[str]]:
        """The rows below the header of the table whose caption begins so."""
        (rows,) = (table["rows"] for table in self.tables if table["caption"].startswith(caption))
        return rows[1:]


def changed(**changes: Any) -> dict[str, Any]:
    """The default with values changed: keys are paths with `__` for dots."""
    study = deepcopy(DEFAULT)
    for path, value in changes.items():
        *parents, key = (int(part) if part.isdigit() else part for part in path.split("__"))
        node = study
        for part in parents:
            node = node[part]
        node[key] = value
    return study


def both(**changes: Any) -> dict[str, str]:
    """Page and notice as the workflow makes them."""
    study = load_study(changed(**changes), [], set(POPULATIONS), set(MEASURES))
    return texts(JobSettings(Plan(study)).record())


def page(**changes: Any) -> Page:
    parsed = Page()
    parsed.feed(both(**changes)["page"])
    parsed.close()
    return parsed


def notice(**changes: Any) -> str:
    return both(**changes)["notice"]


def stated(path: str) -> str:
    """A text of governance.processing."""
    node = DEFAULT["governance"]["processing"]
    for part in path.split("."):
        node = node[int(part) if part.isdigit() else part]
    return node


def section(shown: str, item: str) -> str:
    """What the page says under an item of Article 30(1)."""
    return re.split(r"Article 30\(1\)\(\w\) ", shown)["abcdefg".index(item) + 1]


def every_text(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    else:
        for part in value.values() if isinstance(value, dict) else value:
            yield from every_text(part)


# ---- the page


def test_every_canonical_column_is_listed_with_category_special_flag_and_purpose() -> None:
    parsed = page()
    entries = {name: entry for entry in DEFAULT["privacy"]["register"] for name in entry["columns"]}
    for table, model in tables.MODELS.items():
        rows = {row[0]: row[1:] for row in parsed.table(f"{table} ")}
        assert list(rows) == list(tables.columns(table)), table
        for name, (special, category, holds, purpose) in rows.items():
            expected = DEFAULT["privacy"]["categories"][entries[name]["category"]]
            assert (category, purpose) == (expected["label"], entries[name]["purpose"]), name
            assert special == ("yes" if expected["special"] else "no"), name
            assert holds, name
        assert model.__doc__ and model.__doc__.strip() in parsed.shown


def test_a_category_made_special_changes_its_columns_and_its_star() -> None:
    def gender(parsed: Page) -> str:
        return next(row[1] for row in parsed.table("referrals ") if row[0] == "gender")

    change = {"privacy__categories__characteristics__special": True}
    assert (gender(page()), gender(page(**change))) == ("no", "yes")
    label = DEFAULT["privacy"]["categories"]["characteristics"]["label"]
    assert f"- {label}\n" in notice() and f"- {label} ★\n" in notice(**change)


def test_a_column_that_the_register_lacks_is_said_to_be_refused() -> None:
    register = [entry for entry in DEFAULT["privacy"]["register"] if entry["category"] != "asylum"]
    parsed, text = page(privacy__register=register), notice(privacy__register=register)
    row = next(row for row in parsed.table("care_episodes ") if row[0] == "uasc")
    assert row[1:3] == ["no", "not in the register"] and "refused" in row[4]
    label = DEFAULT["privacy"]["categories"]["asylum"]["label"]
    assert label not in [row[0] for row in parsed.table("Categories of personal data")]
    assert f"- {label}" not in text


def test_the_minimisation_register_is_complete() -> None:
    privacy = changed(privacy__discard=["HOME_POST"])["privacy"]
    parsed = page(privacy__discard=["HOME_POST"])
    for caption, entries in (("Columns that are read", privacy["register"]), ("Fields", privacy["validation_only"])):
        rows = [(row[2], row[3].split(", ")) for row in parsed.table(caption)]
        assert rows == [(entry["purpose"], entry["columns"]) for entry in entries]
    data = section(parsed.shown, "c")
    assert ", ".join(privacy["supplied"]) in data
    assert "Dropped unread because the study says so: HOME_POST." in data
    assert "Dropped unread because the study says so: nothing." in page().shown


def test_fields_for_validation_count_as_read_only_in_returns() -> None:
    of_returns = {"extracts__source": "per_la", "extracts__format": "census"}
    read = {row[0]: row[2] for row in page(**of_returns).table("Categories of personal data")}
    not_read = {row[0]: row[2] for row in page().table("Categories of personal data")}
    label = DEFAULT["privacy"]["categories"]["assessment"]["label"]
    assert "AssessmentFactors" in read[label] and "AssessmentFactors" not in not_read[label]
    assert "so these fields are read" in page(**of_returns).shown
    assert "no validation rule reads these fields" in page().shown


def test_every_item_of_article_30_1_is_there_in_order_with_what_the_study_states() -> None:
    shown = page().shown
    assert re.findall(r"Article 30\(1\)\((\w)\) ", shown) == list(ITEMS)
    for item, paths in ITEMS.items():
        for path in paths:
            assert stated(path) in section(shown, item), (item, path)


def test_every_text_of_the_study_reaches_the_page_and_follows_the_configuration() -> None:
    shown = page().shown
    for text in every_text(DEFAULT["governance"]["processing"]):
        assert text in shown, text
    said = "A text with <brackets> & such"
    assert said in page(governance__processing__lawful_basis__balancing_test=said).shown
    assert said in notice(governance__processing__lawful_basis__balancing_test=said)


def test_encryption_is_claimed_only_if_it_is_on() -> None:
    on, off = page(governance__encryption__enabled=True), page()
    assert "AES-256-GCM" in section(on.shown, "g") and "No encryption" not in on.shown
    assert "No encryption by the software" in section(off.shown, "g") and "AES" not in off.shown
    assert "are encrypted" in notice(governance__encryption__enabled=True) and "encrypted" not in notice()


def test_both_clocks_are_told_and_dated_once_the_project_is_completed() -> None:
    rows = page().table("Until when")
    assert [row[1] for row in rows] == ["within 6 months", "within 3 months", "kept"]
    assert rows[0][3].startswith("none yet")
    completed = {"governance__project_completed": "2026-08-31"}
    assert page(**completed).table("Until when")[0][2:] == [
        "when the project is completed: 31 August 2026",
        "28 February 2027",
    ]
    assert "the last day is 28 February 2027" in notice(**completed)
    assert "within 1 month of the end" in notice(governance__retention={"data_months": 1, "request_months": 3})


def test_what_is_to_be_filled_in_is_marked_wherever_it_stands_and_listed() -> None:
    parsed, text = page(), notice()
    open_texts = [text for text in every_text(DEFAULT["governance"]["processing"]) if "[fill in: " in text]
    assert len(open_texts) == 5
    assert len(parsed.marked) == 1 + len(open_texts)
    assert "controller.name, controller.contact" in parsed.shown
    assert parsed.shown.count("[fill in: ") == len(open_texts)
    assert re.findall(r".{2}\[fill in: [^\]]*\].{2}", text) and not re.search(r"(?<!\*\*)\[fill in", text)
    # The assessment is the record's alone.
    assert text.count("[fill in: ") == len(open_texts) - 1


def test_a_study_that_filled_in_everything_is_not_called_incomplete() -> None:
    filled = deepcopy(DEFAULT["governance"]["processing"])
    filled["controller"] |= {"name": "Org", "contact": "Street", "data_protection_officer": "Officer"}
    filled["lawful_basis"]["assessed"], filled["rights"]["request"] = "Yes", "Write."
    parsed = page(governance__processing=filled)
    assert "Not complete" in page().shown and "Not complete" not in parsed.shown
    assert parsed.marked == [] and "fill in" not in notice(governance__processing=filled)


def test_gaps_are_found_in_lists_too() -> None:
    content = {"a": "x [fill in: y]", "b": ["full", "[fill in: z]"], "c": [{"d": "[fill in: it]"}], "e": "[x]"}
    assert list(gaps(content)) == [("a",), ("b", 1), ("c", 0, "d")]


def test_synthetic_is_said_of_synthetic_extracts_alone() -> None:
    real = both(extracts__source="per_la")
    for name, text in both().items():
        assert "SYNTHETIC" in text and "SYNTHETIC" not in real[name], name


# ---- for every reader


def test_the_page_is_well_formed_self_contained_and_can_be_walked_by_headings_and_tables() -> None:
    parsed, html = page(), both()["page"]
    assert html.startswith("<!DOCTYPE html>") and parsed.errors == [] and parsed.open == []
    levels = [level for level, _ in parsed.headings]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(text.strip() for _, text in parsed.headings)
    assert all(table["caption"] for table in parsed.tables) and len(parsed.tables) == len(tables.MODELS) + 6
    assert all(named.get("scope") in ("col", "row") for named in parsed.attributes if named["tag"] == "th")
    assert len(parsed.ids) == len(set(parsed.ids))
    assert {link.removeprefix("#") for link in parsed.links if link.startswith("#")} <= set(parsed.ids)
    assert [link for link in parsed.links if not link.startswith("#")] == ["privacy-notice.md"]
    assert not any("src" in named for named in parsed.attributes) and "url(" not in html and "@import" not in html
    assert any(named.get("class") == "skip" for named in parsed.attributes)
    assert "@media print" in html and 'lang="en-GB"' in html
    assert all(named.get("tabindex") == "0" for named in parsed.attributes if named.get("role") == "region")


def _luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    values = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    ("ink", "paper"),
    [("ink", "#ffffff"), ("soft", "#ffffff"), ("link", "#ffffff"), ("ink", "gap"), ("warn", "#ffffff")],
)
def test_text_has_the_contrast_that_wcag_asks_for(ink: str, paper: str) -> None:
    colours = dict(re.findall(r"--(\w+): (#\w{6});", both()["page"]))
    dark, light = sorted(_luminance(colours.get(name, name)) for name in (ink, paper))
    assert (light + 0.05) / (dark + 0.05) >= 4.5


# ---- the notice


def test_the_notice_tells_what_people_must_be_told() -> None:
    text, processing = notice(), DEFAULT["governance"]["processing"]
    rights = text.split("## Your rights")[1].split("\n## ")[0]
    for right in RIGHTS:
        assert f"- **{right.capitalize()}.** {processing['rights'][right]}" in rights
    assert processing["rights"]["resolution"] in rights and processing["rights"]["limits"] in rights
    keeping = text.split("## How long we keep them")[1].split("\n## ")[0]
    assert "within 6 months of the end of the project" in keeping
    assert "within 3 months of the answer of the Department for Education (DfE)" in keeping
    complaints = text.split("## If you are not happy with us")[1]
    assert "Information Commissioner's Office (ICO)" in complaints and "ico.org.uk" in complaints
    source = text.split("## Where the records come from")[1].split("\n## ")[0]
    assert all(f"- {dataset}\n" in source for dataset in processing["source"]["datasets"])
    assert processing["source"]["supplier"] in source
    for label in (entry["label"] for entry in DEFAULT["privacy"]["categories"].values()):
        assert f"- {label}" in text
    for told in ("transfers", "automated_decisions", "kept_afterwards"):
        assert processing[told] in text
    assert "1 April 2008 to 31 March 2019" in text and text.endswith("1113.\n")


def test_the_notice_is_written_in_short_sentences() -> None:
    lines = [line.strip("-#>* ★") for line in notice().splitlines()]
    sentences = [s.split() for line in lines for s in re.split(r"(?<=[.?:])\s+", line) if s]
    assert max(map(len, sentences)) <= 30
    prose = [words for words in sentences if len(words) > 4]
    assert sum(map(len, prose)) / len(prose) <= 13


# ---- configuration and job


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"transfers": ""}, "governance.processing.transfers: "),
        ({"purposes": []}, "governance.processing.purposes: "),
        ({"purposes": "to know"}, 'governance.processing.purposes: "to know" is not a list'),
        ({"recipients": [{"who": "x", "what": "y"}]}, "governance.processing.recipients[0].when: missing"),
        ({"controler": {}}, "governance.processing.controler: unknown key; did you mean `controller`?"),
    ],
)
def test_mistakes_are_named_by_key(changes: dict[str, Any], expected: str) -> None:
    processing = DEFAULT["governance"]["processing"] | changes
    with pytest.raises(StudyError) as error:
        load_study(changed(governance__processing=processing), [], set(POPULATIONS), set(MEASURES))
    assert any(line.strip().startswith(expected) for line in str(error.value).splitlines())


def test_the_job_is_given_nothing_that_concerns_results(tmp_path: Path) -> None:
    """So neither an outcome's label nor an LA makes the record stale."""
    kinship = DEFAULT["outcomes"]["kinship"] | {"label": "Kinship"}
    others = {"outcomes__kinship": kinship, "las__codes__0__name": "Elsewhere", "study__seed": 1}
    assert both(**others) == both()
    given = [JobSettings(Plan(study)).record() for study in (DEFAULT, changed(**others))]
    assert given[0] == given[1]
    outputs = {name: str(tmp_path / name) for name in ("page", "notice")}
    write(outputs, given[0])
    assert {name: Path(path).read_text(encoding="utf-8") for name, path in outputs.items()} == both()
