"""Progress bars that are seen where the person is: in the terminal of `repro book`, else where tqdm writes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tqdm import tqdm

TERMINAL_VARIABLE = "REPRO_TERMINAL"
"""Names the terminal of `repro book` to the notebooks that it executes, whose own output goes into the page."""


def bar(iterable: Iterable[Any] | None = None, **options: Any) -> tqdm[Any]:
    """A tqdm bar over `iterable`, with tqdm's options; below the page's own bar where a book is being built."""
    terminal = os.environ.get(TERMINAL_VARIABLE)
    if terminal:
        options |= {"file": Path(terminal).open("w"), "disable": False, "leave": False, "position": 1}  # noqa: SIM115
    return tqdm(iterable, **options)
