"""Running one job in a process beside the main one; logged, and without leaking a value.

Snakemake's own process only decides what runs. Light jobs are run one after another by workers, as many as jobs run at
once, which load libraries once. Jobs that fit models or draw get a process of their own with the threads of their rule,
which gives back its memory and keeps a crash apart. Were jobs threads of the main process, they would wait for each
other and for Snakemake at every call of a library, because one thread at a time may run Python.
"""

import atexit
import importlib
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from scripts.errors import StudyError

ROOT = Path(__file__).parent.parent.parent
# In every process: BLAS threads cost digits and cores.
ONE_BLAS_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

# How libraries in Rust tell a refusal by the operating system
SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")

# Not on Windows
HAS_GROUPS = hasattr(os, "killpg")


class Worker:
    """A process that runs jobs for this one, one at a time, and ends with it, whatever ends it.

    BLAS has one thread whatever `threads` is: it would share out its sums differently, which changes their last digits.
    """

    def __init__(self, threads: int) -> None:
        pinned = ONE_BLAS_THREAD | {"POLARS_MAX_THREADS": str(threads), "PYTHONPATH": str(ROOT)}
        command, pipe = [sys.executable, "-m", "scripts.workflow.jobs"], subprocess.PIPE
        self._process = subprocess.Popen(command, env=os.environ | pinned, stdin=pipe, stdout=pipe)

    @property
    def alive(self) -> bool:
        """Whether it can be given another job."""
        return self._process.poll() is None

    def call(self, target: str, *arguments: Any, **named: Any) -> str:
        """Call `target` ("module:function") there; returns how long it took, in words.

        Raises
        ------
        StudyError : what the job raised; CRASH if the process was ended from outside.
        """
        assert self._process.stdin and self._process.stdout
        try:
            pickle.dump((target, _plain(arguments), _plain(named)), self._process.stdin)
            self._process.stdin.flush()
            told = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            told = None
        if told is None:
            status = self._process.wait()
            problem = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
            remedy = "Signal 9 usually means that memory ran out; run with fewer --cores"
            raise StudyError("CRASH", target, f"the process {problem}", remedy)
        if isinstance(told, StudyError):
            raise told
        return told

    def close(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):
                stream.close()
        self._process.wait()


# Workers that have nothing to do; a list's `append` and `pop` are safe among threads.
_idle: list[Worker] = []


@atexit.register
def _close_idle() -> None:
    while _idle:
        _idle.pop().close()


def run_logged(log: str, target: str, *arguments: Any) -> None:
    """Have a worker call `target` ("module:function"), writing seconds and outcome to `log`; raises as `Worker.call`.

    Arguments are plain values, or objects that can be pickled.
    """
    try:
        worker = _idle.pop()
    except IndexError:
        worker = Worker(threads=1)
    try:
        _logged(log, target, lambda: worker.call(target, *arguments))
    finally:
        if worker.alive:
            _idle.append(worker)


def run_process(log: str, target: str, threads: int, **arguments: Any) -> None:
    """Call `target` in a process of its own with so many threads; otherwise as `run_logged`."""
    worker = Worker(threads)
    try:
        _logged(log, target, lambda: worker.call(target, **arguments))
    finally:
        worker.close()


def run_here(log: str, target: str, *arguments: Any) -> None:
    """Call `target` in this process, for steps on request that need what only it has; otherwise as `run_logged`."""
    _logged(log, target, lambda: _called(target, *arguments))


def _logged(log: str, target: str, call: Callable[[], str]) -> None:
    try:
        text = call()
    except StudyError as error:
        # On a full disk the error is worth more than its log.
        with suppress(OSError):
            _write(log, f"{_name(target)}: {error}\n")
        raise
    _write(log, text)


def _name(target: str) -> str:
    return target.partition(":")[2]


def _plain(value: Any) -> Any:
    """Snakemake's marked strings and lists as the plain ones; anything else as it is."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, dict):
        return {_plain(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _called(target: str, *arguments: Any, **named: Any) -> str:
    """Call `target` and tell how long it took.

    A StudyError passes through. Any other exception is replaced by one without its message, because the messages of
    data libraries quote the values they stumble over.
    """
    started = time.perf_counter()
    try:
        module, name = target.split(":")
        getattr(importlib.import_module(module), name)(*arguments, **named)
    except (StudyError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of a library in Rust is no Exception
        raise _withheld(error, target) from None
    return f"{_name(target)}: finished in {time.perf_counter() - started:.2f} s{_peak()}\n"


def _withheld(error: BaseException, target: str) -> StudyError:
    """A refusal by the operating system in its words; anything else by its type and place."""
    if (number := _system_error(error)) is not None:
        remedy = "Make room, or correct what may be read and written, and run again: nothing that was made is lost"
        place = "/".join(Path(getattr(error, "filename", None) or _name(target)).parts[-2:])
        return StudyError("SYSTEM", place, os.strerror(number).lower(), remedy)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(ROOT / "scripts")] or frames
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(own))
    problem = f"unexpected {type(error).__name__} at {places} (its message is withheld: it may quote a record)"
    return StudyError("INTERNAL", _name(target), problem, "Please report this")


def _system_error(error: BaseException) -> int | None:
    """The number of the operating system's refusal (disk full, no permission) in an exception; None if it is none.

    Libraries tell it in words that may hold more, so only the number is taken from them.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = SYSTEM_ERROR.search(str(error))
    return int(found[1]) if found else None


def _peak() -> str:
    """The most memory this process ever held, where the system tells; a worker's is that of all its jobs so far."""
    try:
        import resource
    except ImportError:  # Windows
        return ""
    return f", peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"


def _write(log: str, text: str) -> None:
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    Path(log).write_text(text, encoding="utf-8")


def _serve() -> None:
    """Do what `Worker.call` asks for on standard input, until that ends; what jobs print goes to standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # Ctrl-C is for Snakemake, which waits for running jobs.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if HAS_GROUPS:
        os.setpgrp()
    asked: SimpleQueue[tuple[str, list[Any], dict[str, Any]]] = SimpleQueue()
    threading.Thread(target=_receive, args=(asked,), daemon=True).start()
    while True:
        target, arguments, named = asked.get()
        told: str | StudyError
        try:
            told = _called(target, *arguments, **named)
        except StudyError as error:
            told = error
        pickle.dump(told, answers)
        answers.flush()


def _receive(asked: SimpleQueue) -> None:
    """Pass on what is asked; when the main process is gone, however it went, so is this one and all that it started."""
    while True:
        try:
            asked.put(pickle.load(sys.stdin.buffer))
        except EOFError:
            if HAS_GROUPS:
                os.killpg(0, signal.SIGKILL)
            os._exit(0)


if __name__ == "__main__":
    _serve()
