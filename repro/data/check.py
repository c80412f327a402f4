"""Checking a real data set: its metadata, every recording, and other files in its folder."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from repro.data import esc10, tau2020
from repro.data.faults import Fault, refusal
from repro.data.metadata import META, Table, examine_metadata, examine_table, lines_by_file, misplaced, require_metadata
from repro.data.parallel import ordered_map
from repro.data.recording import Expected, complaints
from repro.errors import InputError
from repro.experiment import DataConfig
from repro.progress import bar

LAYOUTS = {layout.dataset: layout for layout in (esc10.LAYOUT, tau2020.LAYOUT)}
ALGORITHMS = ("md5", "sha256")  # columns that hold the checksums of the files

AUDIO = "audio"


class Report(NamedTuple):
    """How many recordings `meta.csv` lists, and every fault found, by file, those of `meta.csv` first."""

    recordings: int
    faults: list[Fault]


def check(root: Path, dataset: str, *, seconds: float | None = None, checksums: Path | None = None) -> Report:
    """Find every fault of a data set in one pass, decoding all recordings, in parallel, with a progress bar.

    Args:
        root: the folder that holds meta.csv and audio/. Nothing outside it is opened.
        dataset: "tau2020" or "esc10".
        seconds: the length of every recording (TAU), `tau2020.SECONDS` if not given.
        checksums: a tab-separated list with the columns filename and md5 or sha256, beside those in `meta.csv`.

    Raises:
        InputError: there is no such folder, it has no meta.csv, or the list of checksums is not one.
    """
    layout = LAYOUTS[dataset]
    metadata = examine_metadata(root, layout)
    faults, present = metadata.faults, metadata.present
    digests = _digests(metadata.table, layout.prefix)
    if checksums:
        listed = _read_checksums(checksums)
        faults += [Fault(file, f"has no checksum in {checksums}") for file in present if file not in listed]
        digests = {file: [*digests.get(file, []), *listed.get(file, [])] for file in present}
    expected = Expected(tau2020.RECORDED_RATE, seconds or tau2020.SECONDS) if dataset == "tau2020" else Expected()
    of_file = (digests.get(file, []) for file in present)
    found = ordered_map(complaints, (root / file for file in present), repeat(expected), of_file)
    shown = bar(found, desc=f"checking {dataset}", total=len(present), unit="file")
    for file, whats in zip(present, shown, strict=True):
        faults += [Fault(file, what) for what in whats]
    if "filename" in metadata.table.columns:
        faults += _unlisted(root, metadata.files)
    return Report(len(metadata.table.rows), sorted(faults, key=lambda fault: (fault.file != META, fault.file)))


def require_sound(config: DataConfig) -> None:
    """Check all recordings of a configuration, unless they are synthetic.

    Raises:
        InputError: there is a fault. The first line names the folder, the number of faults and the command that lists
            all of them; further lines are the first faults.
    """
    if config.name == "synthetic":
        return
    root = Path(config.root)
    if faults := check(root, config.name).faults:
        raise refusal(root, config.name, faults)


def dataset_in(root: Path) -> str:
    """The data set whose columns the header of `root / "meta.csv"` has.

    Raises:
        InputError: the folder or the file is missing, or it is neither set's.
    """
    require_metadata(root)
    with (root / META).open("rb") as file:
        header = file.readline(2**16).decode("utf-8-sig", errors="replace").rstrip("\r\n")
    for name, layout in LAYOUTS.items():
        if not {layout.columns[0], *layout.rules}.isdisjoint(header.split(layout.separator)):
            return name
    raise InputError(f"{root / META} has the columns of no known data set: give --dataset ({', '.join(LAYOUTS)})")


def _digests(table: Table, prefix: str) -> dict[str, list[tuple[str, str]]]:
    """(algorithm, digest) by file, from a list's columns of checksums."""
    return {
        file: [(name, table.rows[line][name]) for line in lines for name in ALGORITHMS if name in table.rows[line]]
        for file, lines in lines_by_file(table, prefix).items()
    }


def _read_checksums(path: Path) -> dict[str, list[tuple[str, str]]]:
    table = examine_table(path.resolve().parent, path.resolve().name, "\t", ("filename",))
    if table.faults:
        raise InputError(f"{path} is not a list of checksums ({table.faults[0].what}): fetch it again")
    if not set(ALGORITHMS) & set(table.columns):
        raise InputError(f"{path} is not a list of checksums: it lacks a column {' or '.join(ALGORITHMS)}")
    return _digests(table, "")


def _unlisted(root: Path, listed: Container[str]) -> Iterator[Fault]:
    """The files in audio/ that no row names."""
    audio = root / AUDIO
    if os.path.realpath(audio) != str(Path(os.path.realpath(root)) / AUDIO):
        yield Fault(AUDIO, misplaced(root, AUDIO))
        return
    for folder, _, names in os.walk(audio):
        for name in names:
            path = (Path(folder) / name).relative_to(root).as_posix()
            if path not in listed:
                yield Fault(path, f"not listed in {META}")
