"""An ordered, bounded parallel map over processes."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def ordered_map(function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
    """`map` over one process a core, results in order, never more than two tasks a process ahead of the reader.

    Processes are spawned, not forked: a fork would copy the locks of the threads that torch has started. `function`
    has to be importable. On one core it is a plain `map`.
    """
    workers = os.cpu_count() or 1
    if workers == 1:
        yield from map(function, tasks)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for task in tasks:
                waiting.append(pool.submit(function, task))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
