"""The effective receptive fields of trained runs, kept in the store beside them (Appendix C)."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from repro.config import DataConfig
from repro.data import load, split_of
from repro.erf import Crop, Extent, crop, effective_receptive_field, extent
from repro.features import PerceptualMel, to_float
from repro.inputs import BATCH
from repro.progress import bar
from repro.runs import Record, Store
from repro.sweep import training_device


@dataclass(frozen=True)
class Field:
    """A run's effective receptive field over all unseen-device test clips.

    Attributes:
        record: the run.
        erf: mean absolute gradient, float64, (256, frames).
        extent: how far it reaches inside the network's maximum receptive field.
    """

    record: Record
    erf: Tensor
    extent: Extent

    def cropped(self, depth: int | None = None) -> Crop:
        """The field cut to the maximum receptive field of its network, or of that network with D = `depth`."""
        model = self.record.experiment.model
        return crop(self.erf, model if depth is None else model.model_copy(update={"depth": depth}))


def field_of(record: Record, data: DataConfig, store: Store | None = None) -> Field:
    """The run's field from the store, or computed from its weights and the recordings `data`, and then kept."""
    store = store or Store.default()
    path = store.root / "erf" / f"{record.key}.npy"
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        _write(path, _compute(record, data, store).numpy())
    erf = torch.from_numpy(np.load(path))
    inside = crop(erf, record.experiment.model)
    return Field(record, erf, extent(inside.values, inside.centre))


def _compute(record: Record, data: DataConfig, store: Store) -> Tensor:
    device = training_device()
    clips = load(data, store.root)
    waveforms = torch.from_numpy(clips.waveforms[split_of(clips).unseen])
    model, mean, deviation = record.network()
    features = PerceptualMel().to(device)
    mean, deviation = mean.to(device), deviation.to(device)
    batches = (
        ((features(to_float(batch.to(device))) - mean) / deviation).unsqueeze(1)
        for batch in bar(torch.split(waveforms, BATCH), desc="effective receptive field", unit="batch")
    )
    return effective_receptive_field(model.to(device), batches)


def _write(path: Path, erf: np.ndarray) -> None:
    """Write aside and move into place, so that a killed build leaves no half a file."""
    handle, aside = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            np.save(file, erf)
        Path(aside).rename(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
