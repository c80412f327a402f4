"""How a command ends that has failed, or is ended from outside: SIGTERM works like Ctrl-C."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Any

import click


class Failure(click.ClickException):
    """Ends the command with one message on stderr and exit status 1."""

    def show(self, file: Any = None) -> None:
        """Print the message."""
        click.echo(f"repro: {self.format_message()}", err=True)


class BadInput(Failure):
    """Exit status 2."""

    exit_code = 2


class Interrupted(Failure):
    """Exit status 130, as of a process that SIGINT has ended."""

    exit_code = 130


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
