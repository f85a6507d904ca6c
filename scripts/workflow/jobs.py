"""Running one job: as a thread of the main process or in a process of its own; logged, and without leaking a value.

Light jobs are threads. Jobs that fit models or draw run as `python -m scripts.workflow.jobs <module>:<function>` with
their arguments as JSON on standard input, which keeps a crash and its memory apart and lets them use another core.
"""

import importlib
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.errors import StudyError

ROOT = Path(__file__).parent.parent.parent
# In processes of their own and in the main one, whose light jobs are many threads: BLAS threads cost digits and cores.
ONE_BLAS_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def run_logged(log: str, function: Callable[..., None], *arguments: Any, **named: Any) -> None:
    """Call `function` here, writing its name, seconds and outcome to `log`; errors as `_called` turns them."""
    try:
        text = _called(function, *arguments, **named)
    except StudyError as error:
        _write(log, f"{function.__name__}: {error}\n")
        raise
    _write(log, text)


def run_process(log: str, target: str, threads: int, **arguments: Any) -> None:
    """Call `target` ("module:function") in a process of its own with `threads` threads; JSON-able arguments.

    BLAS has one thread whatever `threads` is: it would share out its sums differently, which changes their last digits.

    Raises
    ------
    StudyError : what the job raised, as its log tells it; CRASH if the process was ended from outside.
    """
    pinned = ONE_BLAS_THREAD | {"POLARS_MAX_THREADS": str(threads), "PYTHONPATH": str(ROOT)}
    finished = subprocess.run(
        [sys.executable, "-m", "scripts.workflow.jobs", target],
        input=json.dumps(arguments),
        env=os.environ | pinned,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    _write(log, finished.stdout)
    if finished.returncode < 0:
        remedy = "Signal 9 usually means that memory ran out; run with fewer --cores"
        raise StudyError("CRASH", target, f"the process was ended by signal {-finished.returncode}", remedy)
    if finished.returncode:
        raise StudyError("JOB", target, "the job failed", f"Its log says why: {log}")


def _called(function: Callable[..., None], *arguments: Any, **named: Any) -> str:
    """Call `function` and tell how long it took.

    A StudyError passes through. Any other exception is replaced by one that names its type and place, because the
    messages of data libraries quote the values they stumble over.
    """
    started = time.perf_counter()
    try:
        function(*arguments, **named)
    except StudyError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)[1:]
        own = [frame for frame in frames if Path(frame.filename).is_relative_to(ROOT / "scripts")] or frames
        places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(own))
        problem = f"unexpected {type(error).__name__} at {places} (its message is withheld: it may quote a record)"
        raise StudyError("INTERNAL", function.__name__, problem, "Please report this") from None
    return f"{function.__name__}: finished in {time.perf_counter() - started:.2f} s\n"


def _write(log: str, text: str) -> None:
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    Path(log).write_text(text, encoding="utf-8")


def main(target: str) -> int:
    """Call `module:function` with the keyword arguments on standard input; exit status 1 after a StudyError."""
    module, name = target.split(":")
    function = getattr(importlib.import_module(module), name)
    try:
        print(_called(function, **json.load(sys.stdin)), end="")
    except StudyError as error:
        print(f"{name}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
