"""Progress bars in a terminal or a notebook, and a line now and then in a log."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

TERMINAL_VARIABLE = "REPRO_TERMINAL"
"""Names the terminal of `repro book` to the notebooks that it executes, whose own output goes into the page."""

LOG_SECONDS = 30.0  # between two lines of progress where there is no terminal


class _Lines:
    """A file that writes every state of a bar on a new line; tqdm would overwrite the one before."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        if state := text.strip():
            self._file.write(f"{state}\n")

    def flush(self) -> None:
        self._file.flush()


@lru_cache(1)
def _terminal() -> TextIO | None:
    """The terminal of `repro book` in a notebook that it executes; None elsewhere, or where it may not be opened."""
    with suppress(OSError):
        if name := os.environ.get(TERMINAL_VARIABLE):
            return Path(name).open("w")
    return None


def bar(iterable: Iterable[Any] | None = None, **options: Any) -> tqdm[Any]:
    """A tqdm bar over `iterable`, with tqdm's options; in a log, which is no terminal, a line every `LOG_SECONDS`."""
    terminal, stderr = _terminal(), sys.__stderr__
    if terminal is not None:
        options |= {"file": terminal, "disable": bool(options.get("disable")), "leave": False}
    elif stderr is not None and sys.stderr is stderr and not stderr.isatty():  # a notebook's output is another file
        options |= {"file": _Lines(stderr), "mininterval": LOG_SECONDS, "maxinterval": 2 * LOG_SECONDS, "ncols": 79}
    return tqdm(iterable, **options)
