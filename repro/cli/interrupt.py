"""Ending a long command from outside: SIGTERM is heeded like Ctrl-C, and what was started for it ends with it."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnProcess
from types import FrameType


@contextmanager
def interruptible() -> Iterator[None]:
    """End the training processes at SIGINT and SIGTERM and unwind the command; their runs are trained again next time.

    Without this a command would wait for its running trainings at SIGINT, and leave them behind at SIGTERM.
    """
    before = {number: signal.signal(number, _end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _: FrameType | None) -> None:
    for process in multiprocessing.active_children():
        if isinstance(process, SpawnProcess):
            process.terminate()
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)
