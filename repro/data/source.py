"""Open a data set's prepared waveforms, preparing them first where that has not been done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from filelock import FileLock
from numpy.typing import NDArray

from repro.config import DataConfig
from repro.data import esc10, synthetic, tau2020
from repro.data.check import require_sound
from repro.data.clips import SAMPLE_RATE, Clips, read_clips, write_clips
from repro.data.split import with_folds
from repro.errors import InputError
from repro.progress import bar

PREPARATION_VERSION = 1
"""Raised whenever the same files would be prepared to other waveforms than before."""


class _Source(Protocol):
    """What a source module offers: the clips' table, and their waveforms in its order."""

    def listing(self, config: DataConfig) -> pd.DataFrame: ...

    def render(self, config: DataConfig) -> Iterator[NDArray[np.int16]]: ...


_SOURCES: dict[str, _Source] = {"synthetic": synthetic, "esc10": esc10, "tau2020": tau2020}


def load(config: DataConfig, store: Path) -> Clips:
    """The clips of a data set, memory-mapped from below `store / "data"`.

    They are prepared there first if they are not there yet, once, however many processes ask. The folder's name
    holds a digest of all that determines them: the configuration and, for real sets, every file's name, size and
    time of modification.

    Raises:
        InputError: the recordings' folder is missing or is not what it should be, or the store cannot be written.
    """
    source = _SOURCES[config.name]
    table = source.listing(config)
    folder = store / "data" / f"{config.name}-{_digest(config)}"
    if folder.is_dir():
        return with_folds(read_clips(folder), table)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if not folder.is_dir():
                require_sound(config)
                waveforms = bar(source.render(config), desc=f"preparing {config.name}", total=len(table), unit="clip")
                write_clips(folder, table, round(config.clip_seconds * SAMPLE_RATE), waveforms)
    except PermissionError as error:
        raise InputError(f"the store {store} cannot be written ({error.strerror}): choose another folder") from None
    return with_folds(read_clips(folder), table)


def _digest(config: DataConfig) -> str:
    """20 hexadecimal digits of a SHA-256 over what determines the prepared clips."""
    content: dict[str, Any] = {"name": config.name, "clip_seconds": config.clip_seconds}
    if config.name == "synthetic":
        content |= {"clips": config.clips, "seed": config.seed, "version": synthetic.GENERATOR_VERSION}
    else:
        content["version"] = PREPARATION_VERSION
        for field in ("root", "impulse_responses"):
            content[field] = folder_state(getattr(config, field))
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]


def folder_state(folder: str) -> list[tuple[str, int, int]]:
    """Name below `folder`, size in bytes and modification time in ns of every file; none where no folder is given."""
    if not folder:
        return []
    root = Path(folder)
    found = ((path, path.stat()) for path in sorted(root.rglob("*")) if path.is_file())
    return [(path.relative_to(root).as_posix(), stat.st_size, stat.st_mtime_ns) for path, stat in found]
