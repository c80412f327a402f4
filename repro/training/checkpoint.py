"""Checkpoints of a training, from which it continues to the same bits."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

from repro.files import atomic, checksums

SECONDS = 60.0  # A training saves itself at the end of an epoch when this long has passed since it last did

TENSORS, VALUES = "state.safetensors", "state.json"


@dataclass(frozen=True)
class State:
    """Everything that the rest of a training depends on, after `epoch` epochs.

    Attributes:
        epoch: number of finished epochs.
        tensors: weights, masks, optimiser, random number generators, predictions, by name.
        values: what was measured so far, as plain JSON values.
    """

    epoch: int
    tensors: Mapping[str, Tensor]
    values: Mapping[str, Any]


class Checkpoints:
    """The checkpoints of one run: a sealed folder (files and their SHA-256) each, named by the number of epochs.

    The previous one is removed once the new one has been read back without a fault.
    """

    def __init__(self, folder: Path, seconds: float | None = None) -> None:
        self._folder, self._last = folder, time.monotonic()
        self._seconds = SECONDS if seconds is None else seconds

    @property
    def due(self) -> bool:
        """Whether it is time to save."""
        return time.monotonic() - self._last >= self._seconds

    def save(self, state: State) -> None:
        """Save a state in place of earlier ones.

        Raises:
            OSError: it cannot be written; the earlier ones stay.
        """
        new = self._folder / f"{state.epoch:05d}"
        tensors = {name: tensor.detach().to("cpu").contiguous() for name, tensor in state.tensors.items()}
        checksums.write_folder(new, {TENSORS: save(tensors), VALUES: json.dumps(state.values).encode()})
        if _read(new) is not None:
            for old in self._saved():
                if old != new:
                    atomic.remove(old)
        self._last = time.monotonic()

    def latest(self) -> State | None:
        """The newest undamaged state, or None."""
        return next((state for folder in reversed(self._saved()) if (state := _read(folder)) is not None), None)

    def discard(self) -> None:
        """Remove all of them: the run is finished."""
        atomic.remove(self._folder)

    def _saved(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("*") if not atomic.is_leftover(path))


def _read(folder: Path) -> State | None:
    try:
        checksums.require_files(folder, frozenset({TENSORS, VALUES}))
        tensors = load(checksums.read(folder, TENSORS))
        return State(int(folder.name), tensors, json.loads(checksums.read(folder, VALUES)))
    except checksums.DamagedError:
        return None
