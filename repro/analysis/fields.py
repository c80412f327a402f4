"""The effective receptive fields of trained runs (Appendix C)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from repro.erf.gradient import Crop, Extent, crop, extent
from repro.experiment import ModelConfig
from repro.store.record import Record


@dataclass(frozen=True)
class Field:
    """A run's effective receptive field over all unseen-device test clips.

    Attributes:
        model: the network.
        erf: mean absolute gradient relative to its maximum, float64, (256, frames).
        extent: how far it reaches inside the network's maximum receptive field.
    """

    model: ModelConfig
    erf: Tensor
    extent: Extent

    def cropped(self, depth: int | None = None) -> Crop:
        """The field cut to the maximum receptive field of its network, or of that network with D = `depth`."""
        return crop(self.erf, self.model if depth is None else self.model.model_copy(update={"depth": depth}))


def field_of(run: Record) -> Field:
    """The run's field, which was computed at the end of its training."""
    model = run.experiment.model
    erf = torch.from_numpy(run.erf).double()
    inside = crop(erf, model)
    return Field(model, erf, extent(inside.values, inside.centre))


def mean_field(runs: Sequence[Record]) -> Field:
    """The mean over the runs of one network, at least one: of their fields, and of their radii."""
    fields = [field_of(run) for run in runs]
    erf = torch.stack([field.erf for field in fields]).mean(dim=0)
    radii = [asdict(field.extent) for field in fields]
    mean = {name: float(np.mean([of_run[name] for of_run in radii])) for name in radii[0]}
    return Field(fields[0].model, erf, Extent(**mean))
