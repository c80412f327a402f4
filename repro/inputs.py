"""What the networks are trained and tested on: recordings on the training device, and features computed there."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from repro.data import Clips, split_of
from repro.features import PerceptualMel, band_statistics, to_float

BATCH = 10
"""Clips a step outside training; on a CPU more of them would only fall out of its cache."""

KEPT_BYTES = 2**29
"""Test features up to this size are computed once and kept; larger ones are computed anew each time."""


class Inputs:
    """Recordings split and moved to a device once, for all runs that are trained on them there.

    Attributes:
        clips: the recordings.
        split: their split (Section 3).
        labels: int64, (clips,), the true class of every clip.
        train: int16, (training clips, samples).
        test: int16, (test clips, samples), the seen device's first.
        mean, deviation: float32, (256, 1), of every mel band over the training clips.
    """

    def __init__(self, clips: Clips, device: torch.device) -> None:
        self.clips = clips
        self.split = split_of(clips)
        self.labels = torch.from_numpy(clips.labels).to(device)
        self.train = torch.from_numpy(clips.waveforms[self.split.train]).to(device)
        self.test = torch.from_numpy(clips.waveforms[self.split.test]).to(device)
        self._features = PerceptualMel().to(device)
        self.mean, self.deviation = band_statistics(self._features, self.train)
        self._kept: list[Tensor] | None = None

    @property
    def device(self) -> torch.device:
        """Where everything lies."""
        return self.train.device

    def standardised(self, waveforms: Tensor) -> Tensor:
        """int16 (clips, samples) to the network's input, float32 (clips, 1, 256, frames)."""
        mel: Tensor = self._features(to_float(waveforms))
        return mel.sub_(self.mean).div_(self.deviation).unsqueeze(1)

    def batches(self, waveforms: Tensor) -> Iterator[Tensor]:
        """The network's inputs for these clips in order, without augmentation."""
        return (self.standardised(batch) for batch in torch.split(waveforms, BATCH))

    def test_batches(self) -> Iterator[Tensor]:
        """The network's inputs for the test clips in order."""
        if self._kept is None:
            first = self.standardised(self.test[:1])
            if first.nbytes * len(self.test) > KEPT_BYTES:
                return self.batches(self.test)
            self._kept = list(self.batches(self.test))
        return iter(self._kept)
