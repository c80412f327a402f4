"""The effective receptive fields of trained runs, kept in the store beside them (Appendix C)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from repro.config import DataConfig
from repro.data import load, split_of
from repro.engine.worker import training_device
from repro.erf import Crop, Extent, crop, effective_receptive_field, extent
from repro.features import PerceptualMel, to_float
from repro.inputs import CPU_BATCH
from repro.progress import bar
from repro.runs import Record, Store


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
    """The run's field from the store, or computed from its weights and the recordings `data`, and then kept.

    Raises:
        InputError: the field has to be computed, and weights or recordings are not at hand; or it was altered.
    """
    store = store or Store.default()
    if not store.has_field(record.key):
        store.save_field(record.key, _compute(record, data, store).numpy())
    erf = torch.from_numpy(store.load_field(record.key))
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
        for batch in bar(torch.split(waveforms, CPU_BATCH), desc="effective receptive field", unit="batch")
    )
    return effective_receptive_field(model.to(device), batches)
