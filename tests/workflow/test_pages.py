"""The pages of a finished run in a real browser: accessible, fitting telephone and desktop, on paper, and alone."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from scripts.artefacts import results_contract
from tests.browser.chromium import layout, needs_browser, printed, violations
from tests.workflow.conftest import Project

PAGES = ("report/index.html", "governance/processing-record.html")
WIDTHS = (360, 768, 1280)


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest, finished: Project) -> Path:
    needs_browser()
    return finished.folder / "results" / request.param


@pytest.mark.parametrize("width", (360, 1280))
def test_axe_finds_nothing(page: Path, tmp_path: Path, width: int) -> None:
    found = violations(page, tmp_path, width)
    assert found["violations"] == [] and found["unsure"] == []
    assert found["passes"] > 20


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_and_can_be_used_by_keyboard(page: Path, tmp_path: Path, width: int) -> None:
    facts = layout(page, tmp_path, width)
    assert facts["overflow"] <= 0 and facts["outside"] == [] and facts["unfocusable"] == []
    assert facts["first"] == "skip" and facts["blind"] == 0
    assert set(facts["landmarks"]) == {"header", "main", "footer", "nav"}
    assert facts["headings"][0] == 1 and all(after <= before + 1 for before, after in pairwise(facts["headings"]))
    assert facts["lang"] == "en-GB" and "SYNTHETIC" in facts["title"]


def test_it_prints(page: Path, tmp_path: Path) -> None:
    pdf = printed(page, tmp_path)
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert pdf.startswith(b"%PDF") and 3 <= pages < 120


def test_it_asks_no_network_for_anything(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    loaded = re.findall(r'(?:src|srcset)="([^"]{0,40})|<link[^>]*href="([^"]{0,40})|url\(([^)]{0,40})', text)
    assert all("".join(each).startswith("data:") for each in loaded)
    assert "<script" not in text


def test_snakemakes_own_report_works_offline_and_embeds_no_record(
    finished: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    target = finished.folder / "snakemake.html"
    finished.run("--report", target.name)
    text = target.read_text(encoding="utf-8")
    target.unlink()
    embedded = re.findall(r"data:[^;]*;charset=utf8;filename=([^;]+);", text)
    assert {"index.html", "effects-wide.svg", "estimates.csv", "conclusions.csv"} <= set(embedded)
    tables = {name.removesuffix(".csv") for name in embedded if name.endswith(".csv")}
    assert tables <= set(results_contract())
    assert {Path(name).suffix for name in embedded} == {".html", ".svg", ".csv"}
    assert "no output checker has cleared" in text
