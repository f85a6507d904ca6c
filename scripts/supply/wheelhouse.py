"""`bin/wheelhouse`: everything an installation without a network needs, for Linux and for Windows.

In: requirements.lock and a package index. Out: a folder per platform with wheels and a lock that names exactly them;
the project itself; a bill of materials, licences and checksums. What comes as source only is built once, because pip
cannot check the hash of what it builds (disclosure-and-governance section 7).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename

from scripts.integrity.digest import file_digest
from scripts.supply.bill import NAME, bill, distributions, licence_table
from scripts.supply.lock import Pin, read_lock, write_requirements
from scripts.version import project_version

ROOT = Path(__file__).parent.parent.parent
LOCK = "requirements.lock"
# glibc from that of RHEL 7 to that of RHEL 8 and Debian 10
GLIBC = range(5, 29)


@dataclass(frozen=True)
class Platform:
    """A platform that wheels are collected for: pip's tags, and what PEP 508 calls it."""

    name: str
    tags: tuple[str, ...]
    variables: dict[str, str]

    def environment(self, python: str) -> dict[str, str]:
        """The variables of PEP 508 under a version of Python."""
        told = {"python_version": python, "python_full_version": f"{python}.0", "implementation_name": "cpython"}
        return told | {"platform_python_implementation": "CPython"} | self.variables


PLATFORMS = (
    Platform(
        "linux-x86_64",
        (*(f"manylinux_2_{n}_x86_64" for n in reversed(GLIBC)), "manylinux2014_x86_64", "manylinux2010_x86_64"),
        {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"},
    ),
    Platform(
        "windows-amd64",
        ("win_amd64",),
        {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64", "os_name": "nt"},
    ),
)
INSTALL = """# Installing without a network

1. Check the bundle: `sha256sum --check SHA256SUMS` (Windows: `certutil -hashfile FILE SHA256` for a file).
2. Unpack `{name}.tar.gz` where the study is to be.
3. Linux, in that folder: `WHEELHOUSE=/path/to/this/folder/linux-x86_64 bin/demo` sets up and runs the demo; afterwards
   `. .venv/bin/activate` and `snakemake -n`.
   Windows: `py -{python} -m venv .venv`, then
   `.venv\\Scripts\\python -m pip install --no-index --find-links WHEELS --require-hashes -r WHEELS\\requirements.lock`
   with the folder `windows-amd64` for WHEELS.

Python {python} has to be there. `sbom.cdx.json` (CycloneDX) and `licences.md` say what is in the bundle.
"""


def pip(*arguments: str | Path, **variables: str) -> None:
    """Run pip quietly; its errors are told."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *map(str, arguments)]
    subprocess.run(command, check=True, env=os.environ | variables)


def source_only(lock: Path, work: Path) -> list[str]:
    """Names of the distributions that the index has no wheel of, as pip resolves the lock on this machine."""
    report = work / "report.json"
    chosen = ("--dry-run", "--no-deps", "--ignore-installed", "--require-hashes")
    pip("install", *chosen, "--requirement", lock, "--report", report)
    installs = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [
        canonicalize_name(each["metadata"]["name"])
        for each in installs
        if not each["download_info"]["url"].endswith(".whl")
    ]


def build(pins: Iterable[Pin], work: Path) -> dict[str, Path]:
    """Name -> the wheel built from its source, whose hash the lock has. Pure Python, so that one wheel fits everywhere.

    Raises
    ------
    ValueError : if a wheel fits only the platform it was built on.
    """
    built, requirements = work / "built", work / "source.txt"
    write_requirements(pins, requirements)
    fixed_time = {"SOURCE_DATE_EPOCH": "315532800"}
    # Not from pip's cache: what was built before may have another date, and so another hash.
    chosen = ("--no-cache-dir", "--no-deps", "--require-hashes")
    pip("wheel", *chosen, "--requirement", requirements, "--wheel-dir", built, **fixed_time)
    found = {}
    for wheel in built.glob("*.whl"):
        name, _, _, tags = parse_wheel_filename(wheel.name)
        if any(tag.platform != "any" for tag in tags):
            raise ValueError(f"{wheel.name} fits only one platform: supply wheels of it for the others")
        found[name] = wheel
    return found


def collect(platform: Platform, python: str, pins: list[Pin], built: dict[str, Path], folder: Path, work: Path) -> None:
    """Put the wheels of a platform into its folder, and a lock that names exactly them."""
    wanted = [pin for pin in pins if pin.applies(platform.environment(python))]
    requirements = work / f"{platform.name}.txt"
    write_requirements((pin.only(pin.hashes) for pin in wanted if pin.name not in built), requirements)
    tags = [f"--platform={tag}" for tag in platform.tags]
    abi = f"cp{python.replace('.', '')}"
    kinds = ("--only-binary=:all:", "--implementation=cp", f"--abi={abi}", "--abi=abi3", "--abi=none")
    chosen = ("--no-deps", "--require-hashes", f"--python-version={python}", *kinds, *tags)
    pip("download", *chosen, "--requirement", requirements, "--dest", folder)
    for wheel in (built[pin.name] for pin in wanted if pin.name in built):
        shutil.copy2(wheel, folder / wheel.name)
    hashes: dict[str, list[str]] = {}
    for wheel in folder.glob("*.whl"):
        hashes.setdefault(parse_wheel_filename(wheel.name)[0], []).append(file_digest(wheel))
    write_requirements((pin.only(hashes[pin.name]) for pin in wanted), folder / LOCK)


def make(folder: Path, python: str) -> None:
    """Make the bundle in an empty folder, for one version of Python."""
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as place:
        work, pins = Path(place), read_lock(ROOT / LOCK)
        from_source = source_only(ROOT / LOCK, work)
        built = build([pin for pin in pins if pin.name in from_source], work)
        for platform in PLATFORMS:
            collect(platform, python, pins, built, folder / platform.name, work)
    archive = [
        "git",
        "archive",
        "--format=tar.gz",
        f"--prefix={NAME}/",
        "--output",
        str(folder / f"{NAME}.tar.gz"),
        "HEAD",
    ]
    subprocess.run(archive, check=True, cwd=ROOT)
    found = distributions(folder.glob("*/*.whl"))
    (folder / "sbom.cdx.json").write_text(bill(found, project_version()), encoding="utf-8")
    (folder / "licences.md").write_text(licence_table(found), encoding="utf-8")
    (folder / "INSTALL.md").write_text(INSTALL.format(name=NAME, python=python), encoding="utf-8")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sums = "".join(f"{file_digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)
    (folder / "SHA256SUMS").write_text(sums, encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bin/wheelhouse", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="a folder that is not there yet")
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    parser.add_argument("--python", default=here, help=f"the version of Python to install into (default {here})")
    given = parser.parse_args(arguments)
    make(given.folder, given.python)
    sizes = [path.stat().st_size for path in given.folder.rglob("*.whl")]
    print(f"{len(sizes)} wheels, {sum(sizes) / 2**20:.0f} MiB, in {given.folder}; read INSTALL.md there")


if __name__ == "__main__":
    main()
