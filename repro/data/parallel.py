"""An ordered, bounded parallel map over processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import joblib

Task = TypeVar("Task")
Result = TypeVar("Result")


def ordered_map(function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
    """`map` over one process an available core, results in order, two tasks a process ahead of the reader.

    By joblib, whose processes are neither forked (a fork would copy the locks of the threads that torch has started)
    nor run the main module again (a script without a main guard would prepare the data inside its own workers, and
    wait there for ever for the lock that it holds). `function` has to be importable.
    """
    parallel = joblib.Parallel(n_jobs=-1, return_as="generator", batch_size=1, pre_dispatch="2*n_jobs", max_nbytes=None)
    yield from parallel(joblib.delayed(function)(task) for task in tasks)
