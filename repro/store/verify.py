"""Checking all of a store: every file against its checksum, every record, network and data set."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from repro.data.clips import require_sound_clips
from repro.errors import InputError
from repro.files import atomic, checksums
from repro.store.record_format import read_run
from repro.store.ship import tables
from repro.store.shipped import Shipped, ShippedError
from repro.store.store import Store


def faults(store: Store) -> Iterator[InputError]:
    """Every fault of the store, by file. What killed processes have left (`leftovers`) does not count."""
    for folder in stored(store.root / "runs"):
        yield from run_faults(folder)
    for path in stored(store.root / "failures"):
        yield from _fault(store.failure, path.stem)
    for folder in stored(store.root / "data"):
        if folder.is_dir():  # beside them lie locks
            yield from _fault(require_sound_clips, folder)
    for shipped in store.shipped:
        yield from shipped_faults(shipped)


def run_faults(folder: Path) -> list[InputError]:
    """The faults of a run's folder: all of its files that were altered, or what else keeps it from being read."""
    try:
        listed = checksums.digests(folder)
    except InputError as error:
        return [error]
    altered = [error for name in listed for error in _fault(checksums.read, folder, name)]
    return altered or _fault(_read_all, folder)


def shipped_faults(shipped: Shipped) -> list[InputError]:
    """The faults of a folder of shipped runs: what is altered, lost, or not in its tables."""
    listed = re.findall(rb"^([0-9a-f]{20}),", _content(shipped.folder / "runs.csv"), re.MULTILINE)
    keys = sorted({*shipped.finished(), *(key.decode() for key in listed)})
    found = _fault(shipped.recordings) if keys else []
    found += [fault for key in keys for fault in _fault(shipped.load, key)]
    if keys and not found:
        for name, content in tables(map(shipped.load, keys)).items():
            path = shipped.folder / name
            if _content(path) != content:
                found.append(ShippedError(f"{path} is not the table of the runs beside it", path))
    return found


def leftovers(store: Store) -> list[Path]:
    """What killed processes have left, and what others are writing at this moment."""
    folders = ("runs", "failures", "data", "checkpoints")
    return sorted(path for name in folders for path in (store.root / name).glob(".*"))


def stored(folder: Path) -> list[Path]:
    """The content of a folder, without what killed processes have left; sorted."""
    return sorted(path for path in folder.glob("*") if not atomic.is_leftover(path))


def _fault(check: Callable[..., object], *arguments: Any) -> list[InputError]:
    try:
        check(*arguments)
    except InputError as error:
        return [error]
    return []


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _read_all(folder: Path) -> None:
    record = read_run(folder)
    if record.has_weights:
        record.network()
