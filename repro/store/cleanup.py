"""Finding what a store no longer needs, and removing it once that was agreed to."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from repro.data.clips import INFO
from repro.data.source import prepared_folder
from repro.experiment import Experiment
from repro.files import atomic, checksums
from repro.store.record_format import RECORD, OutdatedError, read_run
from repro.store.store import Store
from repro.store.verify import leftovers, run_faults, stored


class Garbage(NamedTuple):
    """A file or folder that can be removed, why nothing needs it, and its bytes."""

    path: Path
    why: str
    size: int


def garbage(store: Store, needed: Collection[Experiment]) -> list[Garbage]:
    """All that can be removed: everything except the `needed` runs and what belongs to them.

    That is runs of other Experiments or of another recipe, damaged ones and those of an earlier schema; failures;
    checkpoints of finished runs; what killed processes have left; and, unless something is being trained, prepared
    recordings that neither a remaining run was trained on nor a needed one would be. Runs are compared by Experiment
    alone, so that the recordings are not needed. Summaries of recordings and event files are left alone. A run that a
    newer version of this package has stored stays, and so does every shipped one.

    Raises:
        InputError: the store cannot be written to, as it must be to see what others are writing at this moment.
    """
    runs, wanted_runs = stored(store.root / "runs"), {experiment.canonical_text() for experiment in needed}
    found = [(folder, why) for folder in runs if (why := _why_run(folder, wanted_runs))]
    kept = {*runs} - {folder for folder, _ in found}
    found += [(path, "a failure") for path in stored(store.root / "failures")]
    done = set(store.finished())
    checkpoints = stored(store.root / "checkpoints")
    found += [(path, "a checkpoint of a finished run") for path in checkpoints if path.name.partition(".")[0] in done]
    with store.writing():
        found += [(path, "left by a killed process") for path in leftovers(store) if not _in_use(store, path)]
    with store.writable():
        training = any(_held(lock) for lock in (store.root / "locks").glob("*.lock"))
    if not training:
        used = {_recordings(folder / RECORD, "data_fingerprint") for folder in kept} - {None}
        wanted = {prepared_folder(data, store.root) for data in {experiment.data for experiment in needed}}
        for folder in stored(store.root / "data"):
            if folder.is_dir() and folder not in wanted and _recordings(folder / INFO, "fingerprint") not in used:
                found.append((folder, "recordings of no remaining run"))
    return [Garbage(path, why, _size(path)) for path, why in found]


def remove(store: Store, found: Iterable[Garbage]) -> list[Garbage]:
    """Remove what `garbage` found, each item whole or not at all; returns those that are in use by now.

    Raises:
        InputError: the store cannot be written to.
    """
    used = []
    with store.writing():
        for item in found:
            if _in_use(store, item.path):
                used.append(item)
            else:
                atomic.remove(item.path)
    return used


def _why_run(folder: Path, needed: set[str]) -> str | None:
    """Why a run can be removed; None if it stays."""
    faults = run_faults(folder)
    if faults:
        reasons = {checksums.DamagedError: "damaged", OutdatedError: "of an earlier version"}
        return reasons.get(type(faults[0]))
    record = read_run(folder)
    if record.other_recipe:
        return "another recipe"
    return None if record.experiment.canonical_text() in needed else "no edition needs it"


def _recordings(path: Path, field: str) -> str | None:
    """The fingerprint that a file of a run or of recordings has in this field; None if it cannot be read."""
    with suppress(OSError, ValueError, LookupError, TypeError):
        return str(json.loads(path.read_bytes())[field])
    return None


def _in_use(store: Store, path: Path) -> bool:
    """Whether a process works on what lies there: prepares or trains it."""
    key = path.name.strip(".").partition(".")[0]
    if path.parent == store.root / "data":
        return _held(path.with_name(f"{key}.lock"))
    return path.parent == store.root / "checkpoints" and _held(store.root / "locks" / f"{key}.lock")


def _held(lock: Path) -> bool:
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True


def _size(path: Path) -> int:
    size = 0
    for file in path.rglob("*") if path.is_dir() else [path]:
        with suppress(FileNotFoundError):  # its process has just removed it
            size += 0 if file.is_dir() else file.lstat().st_size
    return size
