"""A measurement as a value: as a table, as JSON, and kept in the store."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from repro.errors import InputError
from repro.files.atomic import write_file

FILE = "bench.json"
"""The last measurement's name in the store."""


@dataclass(frozen=True)
class Spread:
    """Median and range of the repetitions."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.median:.3g}"
        return f"{_short(self.median)} ({_short(self.low)} to {_short(self.high)})"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


@dataclass(frozen=True)
class Row:
    """One quantity, and what it is compared with.

    Attributes:
        what: the piece of work.
        unit: of `ours` and `theirs`.
        ours: what the book's code reaches.
        against: what it is compared with; None where with nothing.
        theirs: what that reaches.
        ratio: ours over theirs, repetition by repetition.
    """

    what: str
    unit: str
    ours: Spread
    against: str | None = None
    theirs: Spread | None = None
    ratio: Spread | None = None


def alone(what: str, unit: str, ours: Sequence[float]) -> Row:
    """A row without a comparison."""
    return Row(what, unit, Spread.of(ours))


def compared(what: str, unit: str, ours: Sequence[float], against: str, theirs: Sequence[float]) -> Row:
    """A row of two contestants, from their values in the same repetitions."""
    ratio = Spread.of([own / other for own, other in zip(ours, theirs, strict=True)])
    return Row(what, unit, Spread.of(ours), against, Spread.of(theirs), ratio)


@dataclass(frozen=True)
class Report:
    """One run of `repro bench`.

    Attributes:
        machine: `repro.bench.machine.machine`.
        made: `repro.store.provenance.provenance`: when, in how many seconds, with what code and packages.
        quick: whether it was the short form.
        rows: what was measured.
    """

    machine: dict[str, Any]
    made: dict[str, Any]
    quick: bool
    rows: tuple[Row, ...]

    def as_json(self) -> str:
        """Indented JSON, one object with the fields of this class."""
        return TypeAdapter(Report).dump_json(self, indent=1).decode()

    @classmethod
    def read(cls, path: Path) -> Report:
        """Read a file that holds what `as_json` gave.

        Raises:
            InputError: it cannot be read, or holds something else.
        """
        try:
            return TypeAdapter(Report).validate_json(path.read_bytes())
        except (OSError, ValidationError):
            raise InputError(f"{path} is not what 'repro bench' writes: make it anew with 'repro bench'") from None

    def description(self) -> str:
        """Machine, versions, date, and whether the machine had other work, in one line."""
        machine, made = self.machine, self.made
        parts = [f"{machine['cpu']}, {machine['cores']} cores", *([machine["gpu"]] if machine["gpu"] else [])]
        parts += [f"Python {made['python']}", *(f"{name} {version}" for name, version in made["packages"].items())]
        form = "quick form" if self.quick else "full form"
        busy = ", too busy for these figures to be its own" if machine["load"] > machine["cores"] / 2 else ""
        return f"{'; '.join(parts)}. {made['finished']}, {form}; load when it began {machine['load']}{busy}."

    def cells(self) -> list[tuple[str, ...]]:
        """The table's rows as text, the header first."""
        header = ("what", "unit", "ours", "against", "theirs", "ratio")
        shown = [
            (row.what, row.unit, *("" if value is None else str(value) for value in list(vars(row).values())[2:]))
            for row in self.rows
        ]
        return [header, *shown]

    def as_text(self) -> str:
        """Description and table."""
        cells = self.cells()
        widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
        return "\n".join([self.description(), *(line.rstrip() for line in lines)])


def keep(report: Report, store: Path) -> Path:
    """Write the report into the store's folder in place of the last one; returns the file."""
    write_file(store / FILE, report.as_json().encode())
    return store / FILE


def last(store: Path) -> Report | None:
    """The last report kept in the store's folder; None where there is none.

    Raises:
        InputError: the file is not one.
    """
    return Report.read(store / FILE) if (store / FILE).is_file() else None
