"""Every command that a page tells is accepted as it stands, and is done in earnest by some test.

Snakemake's are previewed here, in a project that has not run; those of programs are asked for their options. What does
them in earnest stands in `IN_EARNEST`.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT, Project, copy_project

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
STARTS = ("snakemake", "bin/", "python -m", "uv ", "sha256sum", ". .venv")
# What a page leaves to the reader -> what stands there in the test
STAND_INS = {"FOLDER": "published", "--cores N": "--cores 2", "benchmarks/figures/….json": "old.json"}
# Program, step or subcommand -> the test that really does it
IN_EARNEST = {
    "snakemake": "tests/workflow/test_end_to_end.py",
    "snakemake published": "tests/workflow/test_published.py",
    "snakemake release": "tests/workflow/test_release.py",
    "snakemake released": "tests/workflow/test_release.py",
    "snakemake verify": "tests/workflow/test_provenance.py",
    "snakemake crate": "tests/workflow/test_provenance.py",
    "snakemake documentation": "tests/documentation/test_generated_pages.py",
    "snakemake purge": "tests/workflow/test_rights.py",
    "snakemake receipt": "tests/workflow/test_rights.py",
    "snakemake held": "tests/workflow/test_rights.py",
    "snakemake retention": "tests/workflow/test_rights.py",
    "snakemake destroy": "tests/workflow/test_rights.py",
    "snakemake --until": "tests/workflow/test_bad_input.py",
    "snakemake --unlock": "tests/faults/test_runs.py",
    "snakemake --report": "tests/workflow/test_pages.py",
    "snakemake --lint": "bin/test",
    "snakemake studies": "tests/workflow/test_next_study.py",
    "bin/rights": "tests/governance/test_command.py",
    "bin/wheelhouse": "tests/supply/test_supply.py",
    "bin/demo": "bin/demo",
    "bin/test": ".ci/run",
    "bin/browser": ".ci/run",
    "python -m benchmarks": "tests/test_benchmarks.py",
    "sha256sum": "tests/supply/test_supply.py",
    "uv": "tests/supply/test_supply.py",
    "python -m venv": "tests/release/test_acro.py",
    ". .venv/bin/activate": "bin/environment",
}
STEPS = sorted({key.split()[1] for key in IN_EARNEST if key.startswith("snakemake ") and "--" not in key} - {"studies"})


def commands() -> list[tuple[str, str]]:
    """Page and command, of blocks and of words in the text; comments and prompts left out."""
    found: dict[tuple[str, str], None] = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"```(?:sh)?\n(.*?)```", text, flags=re.DOTALL)
        lines = [line for block in blocks for line in block.splitlines()]
        lines += re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        for line in lines:
            command = re.split(r"\s+#", line.strip().removeprefix("$ "))[0]
            for part in command.split("; "):
                bare = re.sub(r"^([A-Z_]+=\S+ )+", "", part)
                if bare.startswith(STARTS):
                    found[page.name, part] = None
    return list(found)


ALL = commands()


def bare(command: str) -> str:
    """Without variables before it and with the stand-ins."""
    command = re.sub(r"^([A-Z_]+=\S+ )+", "", command)
    for said, meant in STAND_INS.items():
        command = command.replace(said, meant)
    return command


def kind(command: str) -> str:
    """The key of `IN_EARNEST` that a command belongs to."""
    words = shlex.split(bare(command))
    if words[0] != "snakemake":
        known = [key for key in IN_EARNEST if bare(command).startswith(key.replace("benchmarks", "benchmarks."))]
        known += [key for key in IN_EARNEST if bare(command).startswith(key)]
        return known[0] if known else bare(command)
    for step in (*STEPS, "--until", "--unlock", "--report", "--lint"):
        if step in words:
            return f"snakemake {step}"
    return "snakemake studies" if "studies/" in command else "snakemake"


def test_pages_tell_commands() -> None:
    assert len(ALL) > 60 and {page for page, _ in ALL} > {"README.md", "first-hour.md", "new-study.md", "release.md"}


@pytest.mark.parametrize(("page", "command"), ALL, ids=[f"{page}: {command}" for page, command in ALL])
def test_every_command_is_done_in_earnest_somewhere(page: str, command: str) -> None:
    assert (ROOT / IN_EARNEST[kind(command)]).is_file()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with an overlay of its own, as pages assume it."""
    folder = tmp_path_factory.mktemp("commands")
    fresh = copy_project(folder)
    fresh.overlays = []
    (folder / "config" / "study.yaml").write_text("study: {title: Signs of Safety evaluation}\n")
    return fresh


# These say on what they work: asked without it, or for what is not there yet, they say so.
ASKS = re.compile(r"(CONFIG|REQUEST|FILE): .*(this step needs it|no such request|there is no folder|files of table)")
OF_SNAKEMAKE = [command for _, command in ALL if kind(command).startswith("snakemake")]
PREVIEWED = list(dict.fromkeys(bare(command) for command in OF_SNAKEMAKE if "--report" not in command))


@pytest.mark.parametrize("command", PREVIEWED)
def test_snakemake_accepts_every_command_as_it_stands(project: Project, command: str) -> None:
    given = [word for word in shlex.split(command)[1:] if word != "--lint"]
    preview = [] if {"-n", "--unlock"} & set(given) else ["-n"]
    cores = [] if "--cores" in given else ["--cores", "1"]
    environment = {"HOME": str(project.home), "XDG_CACHE_HOME": str(project.folder / ".cache")}
    ended = subprocess.run(
        [sys.executable, "-m", "snakemake", *given, *cores, *preview],
        cwd=project.folder,
        env={"PATH": str(Path(sys.executable).parent), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        text=True,
        capture_output=True,
    )
    told = ended.stdout + ended.stderr
    assert ended.returncode == 0 or ASKS.search(told), told[-1500:]


PROGRAMS = list(dict.fromkeys(bare(c) for _, c in ALL if c.startswith("bin/rights") or "-m benchmarks." in c))


@pytest.mark.parametrize("command", PROGRAMS)
def test_programs_know_their_options(command: str) -> None:
    words = shlex.split(command)
    options = {word for word in words if word.startswith("--")}
    if words[0] == "bin/rights":
        subcommand = [word for word in words[1:] if not word.startswith("-") and not word.endswith(".yaml")][:1]
        asked = [[sys.executable, "-m", "scripts.governance.cli", *part, "--help"] for part in (subcommand, [])]
    else:
        asked = [[sys.executable, *words[1:3], "--help"]]
    help_texts = [subprocess.run(each, cwd=ROOT, text=True, capture_output=True, check=True).stdout for each in asked]
    assert not [option for option in options if not any(option in text for text in help_texts)]
