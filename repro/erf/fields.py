"""The effective receptive fields of trained runs (Appendix C)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from repro.erf.gradient import Crop, Extent, crop, extent
from repro.store.record import Record


@dataclass(frozen=True)
class Field:
    """A run's effective receptive field over all unseen-device test clips.

    Attributes:
        record: the run.
        erf: mean absolute gradient relative to its maximum, float64, (256, frames).
        extent: how far it reaches inside the network's maximum receptive field.
    """

    record: Record
    erf: Tensor
    extent: Extent

    def cropped(self, depth: int | None = None) -> Crop:
        """The field cut to the maximum receptive field of its network, or of that network with D = `depth`."""
        model = self.record.experiment.model
        return crop(self.erf, model if depth is None else model.model_copy(update={"depth": depth}))


def field_of(record: Record) -> Field:
    """The run's field, which was computed at the end of its training."""
    erf = torch.from_numpy(record.erf).double()
    inside = crop(erf, record.experiment.model)
    return Field(record, erf, extent(inside.values, inside.centre))
