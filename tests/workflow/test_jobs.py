"""Workers: what they return, what they say when a job fails, and that they end with the process they work for."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from scripts.errors import StudyError
from scripts.workflow.jobs import ROOT, Worker, run_here, run_logged, run_process

WRITE = "scripts.artefacts:write_json"


def test_a_job_is_done_and_logged_however_it_is_run(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "a.log"
    for number, run in enumerate((run_logged, run_here)):
        run(str(log), WRITE, {"number": number}, tmp_path / "a.json")
        assert f'"number": {number}' in (tmp_path / "a.json").read_text()
        assert log.read_text().startswith("write_json: finished in ")
    run_process(str(log), WRITE, 1, value={"number": 2}, path=str(tmp_path / "a.json"))
    assert '"number": 2' in (tmp_path / "a.json").read_text()


def test_workers_are_used_again_and_never_by_two_jobs_at_once(tmp_path: Path) -> None:
    def job(number: int) -> None:
        run_logged(str(tmp_path / f"{number}.log"), WRITE, number, tmp_path / f"{number}.json")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(job, range(30)))
    assert [(tmp_path / f"{number}.json").read_text().strip() for number in range(30)] == [str(n) for n in range(30)]
    workers = [child for child in psutil.Process().children() if "scripts.workflow.jobs" in child.cmdline()]
    assert 1 <= len(workers) <= 4


def test_an_unexpected_error_is_told_by_its_type_and_place_and_the_worker_lives_on(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    for run in (run_logged, run_here):
        with pytest.raises(
            StudyError, match=r"INTERNAL: write_json: unexpected TypeError at .*artefacts\.py"
        ) as caught:
            run(str(log), WRITE, {"secret": {1, 2}}, tmp_path / "a.json")
        assert "secret" not in f"{caught.value}{log.read_text()}" and log.read_text().startswith("write_json: INTERNAL")
    with pytest.raises(StudyError, match="INTERNAL: nothing: unexpected AttributeError"):
        run_logged(str(log), "scripts.artefacts:nothing")
    run_logged(str(log), WRITE, 1, tmp_path / "a.json")


@pytest.mark.parametrize(
    "frame",
    [
        "write_parquet(pl.DataFrame({'a': range(9000)}), path)",
        "write_parquet(pl.DataFrame({f'a{n}': [n] for n in range(40)}), path)",
        "write_text('a' * 9000, path)",
    ],
)
def test_a_full_disk_is_told_in_the_systems_words_and_leaves_no_file(tmp_path: Path, frame: str) -> None:
    """By the limit of a file's size, which libraries in Rust and Python meet alike."""
    (tmp_path / "fill.py").write_text(
        f"import polars as pl\nfrom scripts.artefacts import write_parquet, write_text\ndef fill(path):\n    {frame}\n"
    )
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "from scripts.workflow.jobs import run_here\n"
        f"run_here({str(tmp_path / 'log')!r}, 'fill:fill', {str(tmp_path / 'results' / 'x')!r})"
    )
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{tmp_path}"}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert "SYSTEM: " in ended.stderr.splitlines()[-1] and "file too large" in ended.stderr.splitlines()[-1]
    assert list((tmp_path / "results").rglob("*")) == []
    assert (tmp_path / "log").read_text().startswith("fill: SYSTEM")


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("in the way")
    with pytest.raises(StudyError, match=r"SYSTEM: .*: (file exists|not a directory)"):
        run_here(str(tmp_path / "log"), WRITE, 1, tmp_path / "results" / "x.json")


def test_strings_that_snakemake_marks_become_plain(tmp_path: Path) -> None:
    class Marked(str):
        """What cannot be pickled: it is of this function."""

    run_logged(str(tmp_path / "a.log"), WRITE, {Marked("a"): [Marked("b")]}, Marked(tmp_path / "a.json"))
    assert "b" in (tmp_path / "a.json").read_text()


def test_a_killed_worker_is_an_error_and_is_not_used_again() -> None:
    worker = Worker(threads=1)
    pid = worker._process.pid
    with ThreadPoolExecutor(1) as pool:
        called = pool.submit(worker.call, "time:sleep", 60)
        time.sleep(1)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(StudyError, match="CRASH: time:sleep: the process was ended by signal 9"):
            called.result()
    assert not worker.alive
    worker.close()


def test_a_worker_ends_with_the_process_it_works_for_even_in_a_job() -> None:
    code = "from scripts.workflow.jobs import Worker\nworker = Worker(1)\nprint(worker._process.pid, flush=True)\n"
    code += "worker.call('subprocess:run', ['sleep', '60'])"
    main = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert main.stdout
    worker = psutil.Process(int(main.stdout.readline()))
    while not (started := worker.children()):
        time.sleep(0.1)
    main.kill()
    main.wait()
    _, alive = psutil.wait_procs([worker, *started], timeout=10)
    assert not alive
