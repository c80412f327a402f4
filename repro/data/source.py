"""Open a data set's prepared waveforms, preparing them first where that has not been done."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from repro.data import esc10, tau2020
from repro.data.check import require_sound
from repro.data.clips import Clips, partial_folder, read_clips, rows_written, samples_in, write_clips
from repro.data.split import leave_out, with_folds
from repro.data.synthetic import dataset as synthetic
from repro.errors import InputError
from repro.experiment import DataConfig
from repro.files.atomic import make_folder
from repro.progress import bar

PREPARATION_VERSION = 2  # raised whenever the same files would be prepared to other waveforms than before


class _Source(Protocol):
    """What a source module offers: the clips' table, and their waveforms in its order, from some row on."""

    def listing(self, config: DataConfig) -> pd.DataFrame: ...

    def render(self, config: DataConfig, first_row: int) -> Iterator[NDArray[np.int16]]: ...


SOURCES: dict[str, _Source] = {"synthetic": synthetic, "esc10": esc10, "tau2020": tau2020}


def load(config: DataConfig, store: Path) -> Clips:
    """The clips of a data set, memory-mapped from below `store / "data"`.

    They are prepared there first, by one process, if they are not there yet. The folder's name holds a digest of all
    that determines them: the configuration and, for real sets, every file's name, size and time of modification. A
    preparation that was interrupted or killed is continued; one that stopped at a recording that cannot be read
    leaves nothing.

    Raises:
        InputError: the recordings' folder is missing or is not what it should be, or the store cannot be written or
            has no room.
    """
    table = SOURCES[config.name].listing(config)
    folder = prepared_folder(config, store)
    if not folder.is_dir():
        _prepare_once(config, table, folder, store)
    clips = with_folds(read_clips(folder), table)
    return leave_out(clips, f"fold{config.fold}") if config.fold else clips


def _prepare_once(config: DataConfig, table: pd.DataFrame, folder: Path, store: Path) -> None:
    try:
        make_folder(folder.parent)
        with FileLock(_lock(folder)):
            if not folder.is_dir():
                _remove_leftovers(folder)
                _prepare(config, table, folder)
    except OSError as error:
        raise InputError(
            f"the store {store} cannot be written ({error.strerror or error}): fix that, or set REPRO_STORE to "
            "another folder, and start again; clips prepared so far are kept"
        ) from None


def _prepare(config: DataConfig, table: pd.DataFrame, folder: Path) -> None:
    samples = samples_in(config.clip_seconds)
    first_row = rows_written(folder)
    if not first_row:
        require_sound(config)
    free = shutil.disk_usage(folder.parent).free
    needed = 2 * samples * (len(table) - first_row) + len(table.to_csv())
    if free < needed:
        raise InputError(
            f"the store {folder.parents[1]} has {free / 1e9:.3f} GB free where preparing '{config.name}' takes "
            f"{needed / 1e9:.3f} GB: make room there, or set REPRO_STORE to another folder"
        )
    waveforms = bar(
        SOURCES[config.name].render(config, first_row),
        desc=f"preparing {config.name}",
        total=len(table),
        initial=first_row,
        unit="clip",
    )
    try:
        write_clips(folder, table, samples, waveforms, first_row)
    except InputError:  # once that recording is fixed, the set is another one
        shutil.rmtree(partial_folder(folder))
        raise


def _lock(folder: Path) -> Path:
    """Its holder prepares `folder`; the system releases it when that process ends."""
    return folder.with_suffix(".lock")


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed preparations of the same data set have left, in any configuration.

    What `folder` can be continued from stays, and what another process is working on. The caller holds `folder`'s
    lock.
    """
    name = folder.name.rpartition("-")[0]
    for leftover in folder.parent.glob(f".{name}-*"):
        target = folder.with_name(leftover.name[1 : len(folder.name) + 1])
        if leftover == partial_folder(folder):
            continue
        with suppress(Timeout), nullcontext() if target == folder else FileLock(_lock(target), timeout=0):
            shutil.rmtree(leftover)


def prepared_folder(config: DataConfig, store: Path) -> Path:
    """Where a data set's prepared clips are, or will be."""
    return store / "data" / f"{config.name}-{_digest(config)}"


def _digest(config: DataConfig) -> str:
    """20 hexadecimal digits of a SHA-256 over what determines the prepared clips."""
    content: dict[str, Any] = {"name": config.name, "clip_seconds": config.clip_seconds}
    if config.name == "synthetic":
        content |= {"clips": config.clips, "seed": config.seed, "version": synthetic.GENERATOR_VERSION}
    else:
        content |= {"version": PREPARATION_VERSION, "resampling": config.resampling.model_dump()}
        if config.name == "esc10":
            content |= {"microphones": config.microphones, "microphones_each": config.microphones_each}
        for field in ("root", "impulse_responses"):
            content[field] = folder_state(getattr(config, field))
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]


def folder_state(folder: str) -> list[tuple[str, int, int]]:
    """Name below `folder`, size in bytes and modification time in ns of every file; none where no folder is given.

    Names that begin with a dot are left out: a file manager's own, or a download's.
    """
    if not folder:
        return []
    root = Path(folder)
    names = sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file())
    shown = [name for name in names if not any(part.startswith(".") for part in name.parts)]
    found = ((name.as_posix(), (root / name).stat()) for name in shown)
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in found]
