"""Augmentation (Appendix A.2): the raw wave rolled over time, and mix-up.

Random numbers are drawn on the CPU from the generator that the caller hands in, so that a run draws the same ones on
every device.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


def roll(waveforms: Tensor, shifts: Tensor) -> Tensor:
    """Roll every clip circularly by its own number of samples.

    Args:
        waveforms: (clips, samples), any dtype and device.
        shifts: int64, (clips,), on the same device: clip i moves to the right by shifts[i] samples.

    Returns:
        (clips, samples), the same dtype.
    """
    samples = waveforms.shape[1]
    places = torch.arange(samples, device=waveforms.device)
    return waveforms.gather(1, (places - shifts[:, None]) % samples)


def draw_shifts(clips: int, length: int, generator: torch.Generator) -> Tensor:
    """Uniform shifts in [0, length), int64, (clips,)."""
    return torch.randint(length, (clips,), generator=generator)


@dataclass(frozen=True)
class Mixup:
    """One draw of mix-up (Zhang et al., 2018) for a batch.

    Attributes:
        share: float32, (clips,): the weight of the clip itself, at least 0.5.
        partner: int64, (clips,): which clip it is mixed with.
    """

    share: Tensor
    partner: Tensor

    @staticmethod
    def draw(clips: int, alpha: float, generator: torch.Generator) -> Mixup:
        """One lambda per example from Beta(alpha, alpha), folded to max(lambda, 1 - lambda); alpha = 0: no mixing."""
        partner = torch.randperm(clips, generator=generator)
        if alpha == 0:
            return Mixup(torch.ones(clips), partner)
        # Beta(alpha, alpha) as a ratio of Gammas, of which in single precision both
        # can underflow to 0
        concentration = torch.full((2, clips), alpha, dtype=torch.float64)
        gammas = torch._standard_gamma(concentration, generator=generator)
        share = gammas[0] / gammas.sum(0)
        return Mixup(torch.maximum(share, 1 - share).to(torch.float32), partner)

    def to(self, device: torch.device) -> Mixup:
        """The same draw on another device."""
        return Mixup(self.share.to(device), self.partner.to(device))

    def inputs(self, features: Tensor) -> Tensor:
        """Mix features (clips, ...) with those of the partners."""
        share = self.share.view(-1, *[1] * (features.dim() - 1))
        return features * share + features.index_select(0, self.partner) * (1 - share)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The same mixture of the two cross-entropies, averaged over the batch; a scalar."""
        own = functional.cross_entropy(logits, labels, reduction="none")
        other = functional.cross_entropy(logits, labels[self.partner], reduction="none")
        return (self.share * own + (1 - self.share) * other).mean()
