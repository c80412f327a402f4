"""Reading the meta.csv of a real data set, and similar lists, with all of their faults.

No path is followed out of the set's folder.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pandas as pd

from repro.data.faults import Fault, printable, refusal
from repro.errors import InputError

META = "meta.csv"

Rule = Callable[[str], str]  # gives the fault of a field, or ""


@dataclass(frozen=True)
class Layout:
    """What a data set's `meta.csv` holds.

    Attributes:
        dataset: the set's name in `DataConfig`.
        separator: of its fields; where it is a comma, fields may be quoted.
        columns: those that are needed; others may stand beside them.
        rules: what the fields of a column must be.
        prefix: what leads from the set's folder to the names in the column `filename`.
    """

    dataset: str
    separator: str
    columns: tuple[str, ...]
    rules: Mapping[str, Rule]
    prefix: str = ""


class Table(NamedTuple):
    """A list as far as it can be read: its columns, its rows (field by column) by line number, and its faults."""

    columns: tuple[str, ...]
    rows: dict[int, dict[str, str]]
    faults: list[Fault]


class Metadata(NamedTuple):
    """A set's `meta.csv`, its faults and those of the files that it names.

    Attributes:
        table: the list.
        files: the numbers of the lines that name a file, by its path below the set's folder.
        present: the files that are there and may be opened.
        faults: all that is wrong with the list, or with the files as far as that is seen without opening them.
    """

    table: Table
    files: dict[str, list[int]]
    present: list[str]
    faults: list[Fault]


def one_of(what: str, values: tuple[str, ...]) -> Rule:
    """The rule that a field is one of `values`."""
    return lambda field: "" if field in values else f"unknown {what} '{printable(field)}': not {', '.join(values)}"


def read_metadata(root: Path, layout: Layout) -> pd.DataFrame:
    """The rows of `root / "meta.csv"`, all columns as text, in its order.

    Raises:
        InputError: the folder or the file is missing, or there are faults, which it names.
    """
    metadata = examine_metadata(root, layout)
    if metadata.faults:
        raise refusal(root, layout.dataset, metadata.faults)
    return pd.DataFrame(metadata.table.rows.values(), columns=list(metadata.table.columns), dtype=str)


def examine_metadata(root: Path, layout: Layout) -> Metadata:
    """Find every fault of `root / "meta.csv"`; of the recordings, whether they are there.

    Raises:
        InputError: the folder or the file is missing.
    """
    require_metadata(root)
    table = examine_table(root, META, layout.separator, layout.columns)
    faults = list(table.faults)
    if not table.rows:
        faults.append(Fault(META, "lists no recordings"))
    files = lines_by_file(table, layout.prefix)
    for line, row in table.rows.items():
        file = layout.prefix + row["filename"] if "filename" in row else META
        whats = [rule(row[column]) for column, rule in layout.rules.items() if column in row]
        faults += [Fault(file, f"{what} ({META} line {line})") for what in whats if what]
    for file, lines in files.items():
        if len(lines) > 1:
            faults.append(Fault(file, f"listed {len(lines)} times ({META} lines {', '.join(map(str, lines))})"))
    places = {file: misplaced(root, file) for file in files}
    faults += [Fault(file, what) for file, what in places.items() if what]
    return Metadata(table, files, [file for file, what in places.items() if not what], faults)


def lines_by_file(table: Table, prefix: str = "") -> dict[str, list[int]]:
    """The numbers of the lines that name a file in the column `filename`, by its name behind `prefix`."""
    lines: dict[str, list[int]] = {}
    for line, row in table.rows.items():
        if "filename" in row:
            lines.setdefault(prefix + row["filename"], []).append(line)
    return lines


def require_metadata(root: Path) -> None:
    """Raise InputError if the folder is missing, or has no `meta.csv` in it."""
    if not root.is_dir():
        raise InputError(
            f"{root} is not a folder: fetch the recordings ('repro data get --help'), or set data_root to the folder "
            f"that holds {META} and audio/"
        )
    if complaint := misplaced(root, META):
        raise InputError(f"{root / META} {complaint}: set data_root to the folder that holds {META} and audio/")


def misplaced(root: Path, name: str) -> str:
    """Why the file `name` below `root` may not be opened, or ""; opens nothing."""
    plain = PurePosixPath(name)
    if not name.isprintable() or "\\" in name or plain.is_absolute() or ".." in plain.parts or str(plain) != name:
        return "is not a plain path inside the folder"
    path = os.path.realpath(root / name)
    if not Path(path).is_relative_to(os.path.realpath(root)):
        return "leads outside the folder"
    if not os.path.isfile(path):  # noqa: PTH113 - unlike Path.is_file, False for names that are too long
        return "is not a file" if os.path.lexists(path) else "does not exist"
    return ""


def examine_table(root: Path, name: str, separator: str, columns: tuple[str, ...]) -> Table:
    """Read a list with all its faults; `columns` are those that it must have.

    Raises:
        InputError: there is no such file below `root`, or it cannot be opened.
    """
    if complaint := misplaced(root, name):
        raise InputError(f"{root / name} {complaint}: it has to be there as the set's archives unpack")
    try:
        content = (root / name).read_bytes()
    except OSError as error:
        raise InputError(f"{root / name} cannot be opened ({error.strerror}): allow reading it") from None
    whats = _text_faults(content)
    rows: dict[int, list[str]] = {}
    lines = io.StringIO(content.decode("utf-8-sig", errors="replace"), newline="")
    as_they_are: dict[str, Any] = {"quoting": csv.QUOTE_NONE} if separator == "\t" else {}  # else fields may be quoted
    reader = csv.reader(lines, delimiter=separator, strict=True, **as_they_are)
    while True:
        try:
            rows[reader.line_num] = next(reader)  # the number is that of the line just read
        except csv.Error as error:
            whats.append(f"line {reader.line_num}: {error}")
        except StopIteration:
            break
    header = rows.pop(next(iter(rows))) if rows else []
    if missing := [column for column in columns if column not in header]:
        kind = {"\t": "tab", ",": "comma"}[separator]
        whats.append(
            f"lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}: it must be {kind}-separated with the "
            f"columns {', '.join(columns)}"
        )
    if twice := sorted({column for column in header if header.count(column) > 1}):
        whats.append(f"has more than one column {', '.join(map(printable, twice))}")
    for line, row in rows.items():
        if len(row) != len(header):
            whats.append(f"line {line} has {len(row)} fields instead of {len(header)}")
    fields = {line: dict(zip(header, row, strict=False)) for line, row in rows.items()}
    return Table(tuple(dict.fromkeys(header)), fields, [Fault(name, what) for what in whats])


def _text_faults(content: bytes) -> list[str]:
    faults = []
    if content.startswith(b"\xef\xbb\xbf"):
        faults.append("starts with a byte order mark: save it as UTF-8 without one")
    if b"\r" in content:
        faults.append("has carriage returns: end its lines with a line feed alone")
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            line.decode()
        except UnicodeDecodeError:
            faults.append(f"line {number} is not UTF-8 text")
    return faults
