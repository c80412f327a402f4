"""Ending a long command from outside: SIGTERM works like Ctrl-C, and the processes that train end with the command."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnProcess
from types import FrameType


@contextmanager
def interruptible() -> Iterator[None]:
    """At SIGINT and SIGTERM, end the processes that train and unwind the command.

    Without this a command would wait for its trainings at SIGINT, and leave them running at SIGTERM.
    """
    before = {number: signal.signal(number, _end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _: FrameType | None) -> None:
    for process in multiprocessing.active_children():
        if isinstance(process, SpawnProcess):  # not joblib's processes, which joblib ends itself
            process.terminate()
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)
