"""Every page is found from the index, every link leads somewhere, and the house's map has every room."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT

DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]+`", "", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are shown where it is read."""
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text(encoding="utf-8")), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_in_the_index_and_the_index_in_the_readme() -> None:
    linked = set(LINK.findall((ROOT / "docs" / "index.md").read_text()))
    assert {page.name for page in DOCS} - {"index.md"} <= {link.partition("#")[0] for link in linked}
    assert "docs/index.md" in (ROOT / "README.md").read_text()


def test_the_map_of_the_house_has_every_room() -> None:
    plan = (ROOT / "docs" / "house-map.md").read_text()
    rooms = [path.name for path in (ROOT / "scripts").iterdir() if (path / "__init__.py").is_file()]
    assert [room for room in rooms if f"{room}/" not in plan] == []
    modules = [path.name for path in (ROOT / "scripts").glob("*.py") if path.name != "__init__.py"]
    assert [module for module in modules if module not in plan] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_one_title_and_no_heading_is_skipped(page: Path) -> None:
    levels = [len(marks) for marks in re.findall(r"^(#+) ", without_code(page.read_text()), flags=re.MULTILINE)]
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(later <= level + 1 for level, later in pairwise(levels))
