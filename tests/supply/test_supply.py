"""The lock, the bill of materials and the offline bundle say the same, and an installation from the bundle works."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from packaging.utils import parse_wheel_filename
from referencing import Registry, Resource

from scripts.supply.bill import Distribution, bill, distributions, licence_table
from scripts.supply.lock import Pin, read_lock, write_requirements
from scripts.supply.wheelhouse import PLATFORMS, Platform, make
from tests.workflow.conftest import ROOT

LOCK = read_lock(ROOT / "requirements.lock")
SBOM = json.loads((ROOT / "docs" / "sbom.cdx.json").read_text())
# Its source has no hash in the bill, because the bundle holds the wheel that was built from it.
FROM_SOURCE = {"connection-pool"}
PYTHON = "3.11"
WINDOWS_ONLY = {"colorama", "pyreadline3", "tzdata"}


def described(platform: Platform) -> list[Pin]:
    """What the bill and the bundle are of."""
    return [pin for pin in LOCK if pin.applies(platform.environment(PYTHON))]


def test_the_lock_is_read_whole_and_written_as_it_is(tmp_path: Path) -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert len(LOCK) == len(re.findall(r"^[a-z0-9._-]+==", text, re.MULTILINE))
    assert sum(len(pin.hashes) for pin in LOCK) == text.count("--hash")
    write_requirements(LOCK, tmp_path / "copy.lock")
    assert read_lock(tmp_path / "copy.lock") == LOCK


def test_a_pin_applies_where_its_marker_says() -> None:
    pin = Pin("colorama", "1", "sys_platform == 'win32'", ("0" * 64,))
    assert [pin.applies(platform.environment(PYTHON)) for platform in PLATFORMS] == [False, True]
    assert pin.only(["1" * 64]).marker is None and pin.only(["1" * 64]).hashes == ("1" * 64,)
    linux, windows = ({each.name for each in described(platform)} for platform in PLATFORMS)
    assert windows - linux == WINDOWS_ONLY and linux <= windows


def test_what_is_installed_is_what_is_locked() -> None:
    """Nothing else is in the environment that the tests run in."""
    listed = json.loads(
        subprocess.run(
            [sys.executable, "-m", "pip", "list", "--format=json", "--disable-pip-version-check"],
            capture_output=True, check=True,
        ).stdout
    )  # fmt: skip
    installed = {each["name"].lower().replace("_", "-").replace(".", "-"): each["version"] for each in listed}
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    locked = {pin.name: pin.version for pin in LOCK if pin.applies(PLATFORMS[0].environment(here))}
    assert {name: installed.get(name) for name in locked} == locked


@pytest.mark.long
def test_the_lock_is_what_its_sources_resolve_to(tmp_path: Path) -> None:
    """The command of CONTRIBUTING.md changes nothing, if nothing was changed."""
    uv = shutil.which("uv") or os.environ.get("UV")
    if uv is None:
        pytest.skip("uv is not here: put it on the PATH, or name it in UV")
    page = (ROOT / "CONTRIBUTING.md").read_text()
    command = re.search(r"`uv (pip compile [^`]+)`", page)
    assert command is not None
    for name in ("requirements.in", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run([uv, *command[1].split(), "--quiet"], cwd=tmp_path, check=True)
    assert read_lock(tmp_path / "requirements.lock") == LOCK


# ---- bill of materials


def schema_validator() -> jsonschema.Draft7Validator:
    """CycloneDX's own schema, which comes with its library."""
    folder = resources.files("cyclonedx.schema") / "_res"
    schemas = {
        path.name: json.loads(path.read_text())
        for path in folder.iterdir()
        if path.name in ("bom-1.6.SNAPSHOT.schema.json", "spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json")
    }
    registry = Registry().with_resources(
        [(f"http://cyclonedx.org/schema/{name}", Resource.from_contents(schema)) for name, schema in schemas.items()]
    )
    return jsonschema.Draft7Validator(schemas["bom-1.6.SNAPSHOT.schema.json"], registry=registry)


def test_the_bill_is_valid_cyclonedx() -> None:
    assert [error.message for error in schema_validator().iter_errors(SBOM)] == []
    spoilt = SBOM | {"components": [{"name": "x"}]}
    assert list(schema_validator().iter_errors(spoilt))


def test_the_bill_lists_exactly_what_is_locked_with_hashes_of_the_lock() -> None:
    """A change of the lock makes this fail until `bin/wheelhouse` has made the bill again."""
    components = {each["name"]: each for each in SBOM["components"]}
    pins = {pin for platform in PLATFORMS for pin in described(platform)}
    assert {name: each["version"] for name, each in components.items()} == {pin.name: pin.version for pin in pins}
    for pin in pins:
        hashes = {each["content"] for each in components[pin.name]["hashes"]}
        assert hashes and (hashes <= set(pin.hashes) or pin.name in FROM_SOURCE), pin.name
        assert components[pin.name]["licenses"], pin.name


def test_every_licence_is_stated_and_listed() -> None:
    table = (ROOT / "docs" / "licences.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[6:]]
    pins = {pin for platform in PLATFORMS for pin in described(platform)}
    assert [row[:2] for row in rows] == sorted([pin.name, pin.version] for pin in pins)
    assert not [row for row in rows if row[2] == "not stated"]


def test_equal_wheels_give_an_equal_bill() -> None:
    found = [Distribution("a-b", "1.0", "MIT", "A library", {"a_b-1.0-py3-none-any.whl": "0" * 64})]
    first = bill(found, "0.1")
    assert first == bill(found, "0.1") and first != bill(found, "0.2")
    assert licence_table(found).endswith("| a-b | 1.0 | MIT |\n")
    assert list(schema_validator().iter_errors(json.loads(first))) == []


# ---- offline bundle: takes two minutes and a package index


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "wheelhouse"
    try:
        make(folder, PYTHON)
    except subprocess.CalledProcessError:
        pytest.skip("no package index can be reached from here")
    return folder


@pytest.mark.long
@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
def test_a_bundle_has_exactly_the_wheels_of_its_lock(bundle: Path, platform: Platform) -> None:
    folder = bundle / platform.name
    pins = {pin.name: pin for pin in read_lock(folder / "requirements.lock")}
    wheels = {parse_wheel_filename(path.name)[0]: path for path in folder.glob("*.whl")}
    assert wheels.keys() == pins.keys()
    assert {pin.name for pin in described(platform)} == set(pins)
    for name, path in wheels.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() in pins[name].hashes


@pytest.mark.long
def test_the_bill_that_is_kept_is_that_of_the_bundle(bundle: Path) -> None:
    assert (bundle / "sbom.cdx.json").read_text() == (ROOT / "docs" / "sbom.cdx.json").read_text()
    assert (bundle / "licences.md").read_text() == (ROOT / "docs" / "licences.md").read_text()
    assert len(distributions(bundle.glob("*/*.whl"))) == len(SBOM["components"])


@pytest.mark.long
def test_the_bundle_installs_where_there_is_no_index_and_the_study_is_previewed(bundle: Path, tmp_path: Path) -> None:
    """As INSTALL.md says; without any network at all, if the machine lets us take it away."""
    sums = (bundle / "SHA256SUMS").read_text().splitlines()
    assert subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=bundle).returncode == 0
    assert len(sums) == sum(path.is_file() for path in bundle.rglob("*")) - 1
    shutil.unpack_archive(bundle / "practice-model-evaluation.tar.gz", tmp_path)
    project = tmp_path / "practice-model-evaluation"
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1"}
    clean |= {"WHEELHOUSE": str(bundle / "linux-x86_64"), "PYTHON": str(Path(sys.executable).resolve())}
    alone = ["unshare", "--net", "--map-root-user"]
    before = alone if shutil.which("unshare") and not subprocess.run([*alone, "true"]).returncode else []
    command = [*before, "sh", "-c", ". bin/environment && snakemake -n --configfile config/small.yaml"]
    ended = subprocess.run(command, cwd=project, env=clean, text=True, capture_output=True)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert "This was a dry-run" in ended.stdout + ended.stderr
    # One changed byte of one wheel stops the installation.
    shutil.rmtree(project / ".venv")
    wheel = next((bundle / "linux-x86_64").glob("jinja2-*.whl"))
    wheel.write_bytes(wheel.read_bytes() + b" ")
    refused = subprocess.run(["sh", "-c", ". bin/environment"], cwd=project, env=clean, text=True, capture_output=True)
    assert refused.returncode != 0 and "DO NOT MATCH THE HASHES" in refused.stderr
