"""The plain way of doing the same, as in much published code.

librosa computes the features, clip by clip, once before training. A data loader without workers gives batches of 10.
The network is called layer by layer in float32 and in PyTorch's default memory order (NCHW). Adam has its default
settings, and the loss is read after every step. Nothing is slower than this way of working makes it.
"""

from __future__ import annotations

from collections.abc import Iterable

import librosa
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from repro.network.cp_resnet import table_1

BANK = librosa.filters.mel(sr=22_050, n_fft=2048, n_mels=256)
FREQUENCIES = librosa.fft_frequencies(sr=22_050, n_fft=2048)


def features(waveform: NDArray[np.int16]) -> NDArray[np.float32]:
    """Perceptually weighted mel spectrogram of one clip, (samples,) to (256, frames)."""
    spectrum = librosa.stft(waveform.astype(np.float32) / 32768, n_fft=2048, hop_length=512, pad_mode="reflect")
    with np.errstate(divide="ignore"):  # the weight of 0 Hz is minus infinity; librosa limits it
        weighted = librosa.perceptual_weighting(np.abs(spectrum) ** 2, FREQUENCIES)
    return np.asarray(BANK @ weighted.astype(np.float32), np.float32)


def standardised(waveforms: NDArray[np.int16]) -> Tensor:
    """Features of all clips, every mel band with mean 0 and deviation 1: (clips, 1, 256, frames)."""
    mel = np.stack([features(waveform) for waveform in waveforms])
    return torch.from_numpy((mel - mel.mean((0, 2), keepdims=True)) / mel.std((0, 2), keepdims=True)).unsqueeze(1)


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False), nn.BatchNorm2d(outputs)]


class Block(nn.Module):
    """One residual block of Table 1."""

    def __init__(self, inputs: int, outputs: int, kernel1: int, kernel2: int, pool: bool) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(inputs, outputs, kernel1, padding=kernel1 // 2)
        self.conv2, self.bn2 = _conv(outputs, outputs, kernel2, padding=kernel2 // 2)
        self.shortcut = nn.Sequential(*(_conv(inputs, outputs, 1) if inputs != outputs else []))
        self.pool = nn.MaxPool2d(2) if pool else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(clips, in, frequency, time) to (clips, out, frequency, time); pooling halves both."""
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        y += self.shortcut(x)
        pooled: Tensor = self.pool(functional.relu(y, inplace=True))
        return pooled


class Network(nn.Module):
    """The base network of Table 1 with D = 1 and K = 1; its weights have the names of `CPResNet`'s."""

    def __init__(self, width: int, classes: int = 10) -> None:
        super().__init__()
        self.input = nn.Sequential(*_conv(1, width, 5, stride=2, padding=1), nn.ReLU(inplace=True))
        self.blocks = nn.Sequential(*[Block(*spec) for spec in table_1(width, 1, 1)])
        self.classifier = nn.Sequential(*_conv(4 * width, classes, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Class scores: (clips, 1, 256, frames) to (clips, classes)."""
        return functional.adaptive_avg_pool2d(self.classifier(self.blocks(self.input(x))), 1).flatten(1)


def mixed_loss(network: nn.Module, inputs: Tensor, labels: Tensor, share: Tensor, partner: Tensor) -> Tensor:
    """Mean loss of a batch in which each clip is mixed with its partner; `share` is the clip's own part."""
    own = share.view(-1, 1, 1, 1)
    scores = network(inputs * own + inputs[partner] * (1 - own))
    losses = [functional.cross_entropy(scores, wanted, reduction="none") for wanted in (labels, labels[partner])]
    return (share * losses[0] + (1 - share) * losses[1]).mean()


class Training:
    """A training in progress of a network, which is on the device already."""

    def __init__(self, network: Network, inputs: Tensor, labels: Tensor, device: torch.device) -> None:
        self._network, self._device = network, device
        self._optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
        self._loader = DataLoader(TensorDataset(inputs, labels), batch_size=10, shuffle=True)
        self._beta = torch.distributions.Beta(0.3, 0.3)

    def epoch(self) -> float:
        """Train one epoch with clips rolled over time and mixed; the mean of the steps' losses."""
        losses = []
        for clips, labels in self._loader:
            inputs = torch.stack([clip.roll(int(torch.randint(clip.shape[2], ())), dims=2) for clip in clips])
            share, partner = self._beta.sample((len(inputs),)), torch.randperm(len(inputs))
            batch = (inputs, labels, torch.maximum(share, 1 - share), partner)
            loss = mixed_loss(self._network, *(part.to(self._device) for part in batch))
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            losses.append(loss.item())
        return sum(losses) / len(losses)


def receptive_field(network: Network, clips: Iterable[Tensor]) -> Tensor:
    """Effective receptive field, one clip (1, 256, frames) after the other: (256, frames)."""
    network.eval()
    maps = []
    for clip in clips:
        inputs = clip.unsqueeze(0).requires_grad_()
        last = network.blocks(network.input(inputs))
        (gradient,) = torch.autograd.grad(last[0, :, last.shape[2] // 2, last.shape[3] // 2].sum(), inputs)
        maps.append(gradient[0, 0].abs())
    return torch.stack(maps).mean(0)
