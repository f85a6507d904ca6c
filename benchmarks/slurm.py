"""Run the study on a one-node Slurm set up for the occasion, and compare its results byte for byte with a local run.

    python -m benchmarks.slurm [--overlay config/small.yaml] [--json figures.json]

Needs munge, slurmctld, slurmd and slurm-client (Debian's), root, and an environment that has requirements-slurm.lock
too. Three runs, each in a fresh copy of the project: local; with profiles/slurm, where the heavy rules are jobs; and as
one sbatch of the whole workflow. Daemons, keys and state live in a temporary folder; /etc/slurm/slurm.conf points there
meanwhile, so a machine that has one is refused.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.measure import MIB, copy_project, measured, print_runs, write_figures
from scripts.integrity.digest import file_digest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo")
PATIENCE_SECONDS = 30
SYSTEM = Path("/etc/slurm/slurm.conf")
CONFIGURATION = """
ClusterName=benchmark
SlurmctldHost={host}
SlurmUser=root
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
NodeName={host} CPUs={cores} RealMemory={memory} State=UNKNOWN
PartitionName=benchmark Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


# Option of munged -> how its file ends
MUNGE = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}


@contextmanager
def slurm(folder: Path) -> Iterator[None]:
    """A running one-node Slurm whose state is in `folder`."""
    host = socket.gethostname()
    for name in ("state", "spool"):
        (folder / name).mkdir()
    memory = int(psutil.virtual_memory().total / MIB * 0.9)
    told = CONFIGURATION.format(host=host, folder=folder, cores=os.cpu_count(), memory=memory)
    (folder / "slurm.conf").write_text(told)
    (folder / "cgroup.conf").write_text("CgroupPlugin=autodetect\n")
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o600)
    # Jobs do not inherit SLURM_CONF: their environment is cleared of what Slurm sets.
    SYSTEM.parent.mkdir(exist_ok=True)
    SYSTEM.symlink_to(folder / "slurm.conf")
    munge = [f"--{name}={folder}/munge.{end}" for name, end in MUNGE.items()]
    commands = [
        ["munged", "--foreground", "--force", *munge],
        ["slurmctld", "-D", "-i"],
        ["slurmd", "-D"],
    ]
    daemons = []
    try:
        with (folder / "daemons.log").open("w") as log:
            for command in commands:
                daemons.append(subprocess.Popen(command, stdout=log, stderr=log))
                time.sleep(1)
        _wait(folder)
        yield
    finally:
        SYSTEM.unlink()
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait()


def _wait(folder: Path) -> None:
    """Wait until the node takes jobs."""
    for _ in range(PATIENCE_SECONDS):
        told = subprocess.run(["sinfo", "-h", "-o", "%t"], capture_output=True, text=True)
        if told.stdout.strip() == "idle":
            return
        time.sleep(1)
    logs = "\n".join(path.read_text()[-1500:] for path in sorted(folder.glob("*.log")))
    sys.exit(f"Slurm does not start:\n{logs}")


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every result but logs and measurements, which tell times."""
    results = folder / "results"
    return {
        str(path.relative_to(results)): file_digest(path)
        for path in sorted(results.rglob("*"))
        if path.is_file() and path.relative_to(results).parts[0] not in ("logs", "benchmarks")
    }


def whole(folder: Path, arguments: list[str], within: dict[str, str], cores: int) -> dict[str, float]:
    """Seconds of one sbatch of the whole workflow, which must succeed."""
    script = folder / "whole.sh"
    command = " ".join([sys.executable, "-m", "snakemake", *arguments])
    script.write_text(f"#!/bin/sh\n#SBATCH --cpus-per-task={cores}\n#SBATCH --output=snakemake.log\nexec {command}\n")
    started = time.perf_counter()
    run = subprocess.run(["sbatch", "--wait", script.name], cwd=folder, env=os.environ | within)
    if run.returncode:
        sys.exit((folder / "snakemake.log").read_text()[-4000:])
    return {"seconds": time.perf_counter() - started}


def main() -> None:
    """Print seconds of the three runs and how many result files are equal."""
    parser = argparse.ArgumentParser(description="Run the study on a one-node Slurm.")
    parser.add_argument("--overlay", nargs="*", default=[])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    absent = [program for program in PROGRAMS if not shutil.which(program)]
    if absent:
        sys.exit(f"Not installed: {', '.join(absent)}")
    if SYSTEM.exists():
        sys.exit(f"This machine has a Slurm of its own: {SYSTEM}")
    overlays = ["--configfile", *given.overlay] if given.overlay else []
    cores = os.cpu_count() or 1
    local = ["--cores", str(cores), *overlays]
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        folders = {kind: base / kind.replace(" ", "-") for kind in ("local", "profiles slurm", "one sbatch")}
        for folder in (base / "slurm", base / "home", *folders.values()):
            folder.mkdir()
        for folder in folders.values():
            copy_project(folder)
        # One home, so that all runs re-key ids alike.
        home = {"HOME": str(base / "home"), "XDG_CACHE_HOME": str(base / "home" / "cache")}
        runs = {"local": measured(folders["local"], local, home)}
        with slurm(base / "slurm"):
            profile = ["--profile", "profiles/slurm", *overlays]
            runs["profiles slurm"] = measured(folders["profiles slurm"], profile, home)
            runs["one sbatch"] = whole(folders["one sbatch"], local, home, cores)
        made = {kind: digests(folder) for kind, folder in folders.items()}
        told = (folders["profiles slurm"] / "snakemake.log").read_text()
    submitted = told.count("has been submitted with SLURM jobid")
    print_runs(runs)
    print(f"\n{submitted} jobs were submitted to Slurm.")
    differ = {
        kind: sorted(name for name in made["local"].keys() | found.keys() if made["local"].get(name) != found.get(name))
        for kind, found in made.items()
        if kind != "local"
    }
    for kind, names in differ.items():
        print(f"{kind}: {len(made['local']) - len(names)} of {len(made['local'])} result files equal the local run's")
        print("".join(f"  differs: {name}\n" for name in names), end="")
    write_figures(given.json, {"runs": runs, "submitted": submitted, "files": len(made["local"]), "differ": differ})
    if any(differ.values()) or not submitted:
        sys.exit(1)


if __name__ == "__main__":
    main()
