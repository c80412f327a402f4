"""The effective receptive fields of trained runs (Appendix C)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repro.erf.gradient import Crop, Extent, crop, extent
from repro.experiment import Experiment, ModelConfig


class Run(Protocol):
    """What is needed of a run (`repro.store.record.Record`)."""

    @property
    def experiment(self) -> Experiment:
        """What was trained."""

    @property
    def erf(self) -> NDArray[np.float16]:
        """Mean absolute gradient relative to its maximum, (256, frames)."""


@dataclass(frozen=True)
class Field:
    """A run's effective receptive field over all unseen-device test clips."""

    model: ModelConfig  # the network
    erf: Tensor  # mean absolute gradient relative to its maximum, float64, (256, frames)
    extent: Extent  # how far it reaches inside the network's maximum receptive field

    def cropped(self, depth: int | None = None) -> Crop:
        """The field cut to the maximum receptive field of its network, or of that network with D = `depth`."""
        return crop(self.erf, self.model if depth is None else self.model.model_copy(update={"depth": depth}))


def field_of(run: Run) -> Field:
    """The run's field, which was computed at the end of its training."""
    model = run.experiment.model
    erf = torch.from_numpy(run.erf).double()
    inside = crop(erf, model)
    return Field(model, erf, extent(inside.values, inside.centre))
