"""The effective receptive fields of trained runs, kept in the store beside them (Appendix C)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from repro.erf.gradient import Crop, Extent, crop, effective_receptive_field, extent
from repro.experiment import DataConfig
from repro.progress import bar
from repro.store.store import Record, Store
from repro.sweep.worker import inputs_of
from repro.training.device import one_thread, training_device
from repro.training.inputs import Inputs
from repro.training.loop import memory_format

BATCH = 10
"""Clips a step: gradients of wide networks fill a GPU as in training."""


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
    model, _, _ = record.network()
    layout = memory_format(record.experiment.model.width, device)
    model.to(device, memory_format=layout)  # type: ignore[call-overload]  # missing in torch's annotations
    with one_thread():
        inputs = inputs_of(data, store.root, device)
        with bar(desc="effective receptive field", total=len(inputs.split.unseen), unit="clip") as shown:
            return effective_receptive_field(model, _told(_unseen_batches(inputs), shown.update))


def _unseen_batches(inputs: Inputs) -> Iterator[Tensor]:
    """The network's inputs for the test clips of unseen devices; those of the seen device come first and are left."""
    seen = len(inputs.split.seen)
    for batch in inputs.test_batches():
        if seen < len(batch):
            yield from torch.split(batch[seen:], BATCH)
        seen = max(0, seen - len(batch))


def _told(batches: Iterable[Tensor], tell: Callable[[int], object]) -> Iterator[Tensor]:
    for batch in batches:
        yield batch
        tell(len(batch))
