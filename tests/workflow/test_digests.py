"""What a job runs and reads is what its digest covers."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.integrity.digest import file_digest
from scripts.workflow.digests import ROOT, CodeDigests, RememberedDigests
from scripts.workflow.stages import STAGES


@pytest.fixture
def remembered(tmp_path: Path) -> RememberedDigests:
    return RememberedDigests(tmp_path / "digests.json")


@pytest.mark.parametrize("entry", sorted({stage.entry for stage in STAGES.values()}))
def test_every_project_module_a_stage_loads_is_in_its_digest(entry: str, remembered: RememberedDigests) -> None:
    """Asked of Python itself, in a process of its own; imports inside functions are in the closure all the more."""
    code = f"import sys, {entry}; print(*[m for m in sys.modules if m.split('.')[0] in ('scripts', 'schemas')])"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert entry in loaded.split()
    assert set(loaded.split()) <= set(CodeDigests(remembered).closure(entry))


def test_imports_inside_functions_count(remembered: RememberedDigests) -> None:
    assert "scripts.models.logit" in CodeDigests(remembered).closure("scripts.models.job")


def test_every_data_file_under_schemas_belongs_to_a_stage() -> None:
    patterns = [pattern for stage in STAGES.values() for pattern in stage.data]
    covered = {path for pattern in patterns for path in ROOT.glob(pattern)}
    # The config schema decides whether to run at all.
    elsewhere = {ROOT / "schemas" / "config.schema.json"}
    files = {path for path in (ROOT / "schemas").rglob("*") if path.suffix in {".yaml", ".json"}}
    assert files - elsewhere == {path for path in covered if path.is_relative_to(ROOT / "schemas")}


def test_an_unchanged_file_is_read_once_and_a_changed_one_again(tmp_path: Path) -> None:
    file, memory, read = tmp_path / "extract.csv", tmp_path / "digests.json", []

    def reading(path: Path) -> str:
        read.append(path)
        return file_digest(path)

    def ask() -> str:
        digests = RememberedDigests(memory)
        value = digests.of(file, "test", reading)
        digests.save()
        return value

    file.write_text("a")
    first = ask()
    assert ask() == first and len(read) == 1
    status = file.stat()
    file.write_text("b")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert ask() != first and len(read) == 2


def test_a_damaged_memory_costs_reading_and_nothing_else(tmp_path: Path) -> None:
    memory, file = tmp_path / "digests.json", tmp_path / "extract.csv"
    memory.write_text('{"sha256')
    file.write_text("a")
    assert RememberedDigests(memory).of(file) == file_digest(file)


def rules() -> dict[str, str]:
    """Rule name -> the text of its definition, over all rules files."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "rules").glob("*.smk")))
    parts = re.split(r"^\s*rule (\w+):$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("rule", sorted(rules()))
def test_every_rule_carries_its_own_stamp_and_settings_and_calls_the_module_it_stamps(rule: str) -> None:
    definition = rules()[rule]
    assert re.search(rf'stamp=stamp\("{rule}"', definition)
    assert rule in {"pool", "profile"} or re.search(rf'settings=settings\("{rule}"', definition)
    called = re.search(r'run_\w+\(\s*log\[0\],\s+"([\w.]+):\w+"', definition)
    assert called and called[1] == STAGES[rule].entry
    assert "log:" in definition and "benchmark:" in definition and "message:" in definition
