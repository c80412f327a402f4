"""Faults of a data set, one line each, and the error that lists them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from repro.errors import InputError

SHOWN = 20  # faults that a refusal names; the rest it counts

LONGEST = 200  # characters of a text from a file that a fault repeats


class Fault(NamedTuple):
    """What is wrong with a file; `file` is its path below the set's folder."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{printable(self.file) or '(no name)'}: {self.what}"


def printable(text: str) -> str:
    """The text on one line that any terminal can show, escaped and shortened where needed."""
    shown = text if len(text) <= LONGEST else text[:LONGEST] + "..."
    return shown if shown.isprintable() else shown.encode("unicode_escape").decode()


def counted(number: int, thing: str) -> str:
    """The number with its thing in the singular or the plural: "1 fault", "2 faults"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def refusal(root: Path, dataset: str, faults: Sequence[Fault]) -> InputError:
    """The error for a set with faults: its first line says what to do, each further line is a fault."""
    command = f"repro data check {shlex.quote(str(root))} --dataset {dataset}"
    more = [f"... and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
    lines = [f"{root} has {counted(len(faults), 'fault')}: fix them; this lists all of them: {command}"]
    return InputError("\n".join([*lines, *map(str, faults[:SHOWN]), *more]))
