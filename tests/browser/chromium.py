"""Pages in headless Chromium: what axe-core finds, how they fit a screen, how they print.

A page is opened in a frame of the wanted width inside a page of ours, because a headless window is never narrower than
500 pixels. A script in our page asks the frame and leaves its answer in the document, which Chromium then prints.
"""

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SECONDS = 240
RESULT = re.compile(r'<pre id="result">(.*?)</pre>', re.DOTALL)

WRAPPER = """<!DOCTYPE html><meta charset="utf-8"><title>frame</title>
<iframe id="frame" src="{page}" style="width:{width}px;height:900px;border:0"></iframe><pre id="result"></pre>
<script>
const frame = document.getElementById("frame");
frame.addEventListener("load", async () => {{
  const page = frame.contentWindow, result = document.getElementById("result");
  try {{
    page.document.querySelectorAll("details").forEach(each => each.open = true);
    page.eval({axe});
    result.textContent = JSON.stringify(await ({script})(page));
  }} catch (error) {{ result.textContent = JSON.stringify({{error: String(error)}}); }}
}});
</script>"""

VIOLATIONS = """async page => {
  const found = await page.axe.run(page.document, {runOnly: %s, iframes: false});
  const told = each => each.nodes.map(node => `${each.id}: ${node.target} ${node.failureSummary || ""}`);
  // Cells that a region has scrolled out of sight cannot be judged; they look like those beside them.
  const cell = node => page.document.querySelector(node.target[0]).closest(".wide");
  const unsure = found.incomplete.filter(each => each.id === "color-contrast")
    .map(each => ({...each, nodes: each.nodes.filter(node => !cell(node))}));
  return {violations: found.violations.flatMap(told), unsure: unsure.flatMap(told), passes: found.passes.length};
}"""

LAYOUT = """page => {
  const document = page.document, root = document.documentElement;
  const all = [...document.querySelectorAll("body *")], told = each => each.tagName + " " + each.className;
  const scrolls = element => ["auto", "scroll"].includes(page.getComputedStyle(element).overflowX);
  const focusable = [...document.querySelectorAll("a[href], summary, [tabindex]")];
  const beyond = each => each.getBoundingClientRect().right > root.clientWidth + 1;
  const overfull = each => each.scrollWidth > each.clientWidth + 1;
  const inRegion = each => each.parentElement && (scrolls(each.parentElement) || inRegion(each.parentElement));
  const hidden = each => ["skip", "hidden"].some(name => each.closest("." + name));
  return {
    overflow: root.scrollWidth - root.clientWidth,
    outside: all.filter(each => beyond(each) && !inRegion(each) && !hidden(each)).map(told),
    unfocusable: all.filter(each => scrolls(each) && overfull(each) && each.tabIndex < 0).map(told),
    first: focusable[0].className,
    headings: [...document.querySelectorAll("h1,h2,h3,h4")].map(each => Number(each.tagName[1])),
    landmarks: ["header", "main", "footer", "nav"].filter(name => document.querySelector(name)),
    blind: [...document.querySelectorAll("img")].filter(each => !each.alt).length,
    lang: root.lang, title: document.title,
  };
}"""


def needs_browser() -> None:
    """Skip a test where Chromium or axe-core is absent; on continuous integration that is a failure."""
    if shutil.which("chromium") and AXE.is_file():
        return
    reason = "Chromium or axe-core is absent: bin/browser sets them up"
    pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


def chromium(*arguments: str) -> str:
    """Run headless Chromium; what it prints."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True).stdout


def asked(page: Path, folder: Path, script: str, width: int) -> dict[str, Any]:
    """What a script, a function of the page's window, answers at a width in CSS pixels."""
    wrapper = folder / f"wrapper-{width}.html"
    text = WRAPPER.format(page=page.as_uri(), width=width, axe=_script(AXE.read_text(encoding="utf-8")), script=script)
    wrapper.write_text(text, encoding="utf-8")
    flags = ["--allow-file-access-from-files", "--virtual-time-budget=120000", "--window-size=1400,1000"]
    printed = chromium(*flags, "--dump-dom", wrapper.as_uri())
    answer = json.loads(html.unescape(RESULT.search(printed)[1]) or '{"error": "no answer"}')
    assert "error" not in answer, answer
    return answer


def _script(text: str) -> str:
    """A text as JavaScript literal inside a script element."""
    return json.dumps(text).replace("</", "<\\/")


def violations(page: Path, folder: Path, width: int) -> dict[str, Any]:
    """What axe-core finds: violations, contrasts it is unsure of, number of rules passed."""
    return asked(page, folder, VIOLATIONS % json.dumps(STANDARDS), width)


def layout(page: Path, folder: Path, width: int) -> dict[str, Any]:
    """How the page fits the width, and the facts of its structure."""
    return asked(page, folder, LAYOUT, width)


def printed(page: Path, folder: Path) -> bytes:
    """The page as PDF."""
    target = folder / "page.pdf"
    chromium("--no-pdf-header-footer", f"--print-to-pdf={target}", page.as_uri())
    return target.read_bytes()
