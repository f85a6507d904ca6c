"""One job's independent parts on several processes, for work that is Python alone and that threads cannot share."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(call: Callable[[Item], Result], items: list[Item], processes: int) -> list[Result]:
    """`call` of each item, in their order; `call` must be importable, and is called here if there is one process.

    Processes are spawned, not forked: a copy of a process in which polars has threads can hang.
    """
    if processes == 1:
        return [call(item) for item in items]
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        return list(pool.map(call, items))
