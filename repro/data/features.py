"""Waveform to perceptually weighted mel spectrogram (Appendix A.1), batched, on any device.

The order of operations is librosa's and that of the paper's group: power spectrogram, decibels, A-weighting added per
frequency, and the mel filter bank last, applied to the decibel values; no logarithm follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import librosa
import numpy as np
import torch
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

from repro.data.clips import SAMPLE_RATE as SAMPLE_RATE

N_FFT = 2048
HOP = 512
N_MELS = 256
POWER_FLOOR = 1e-10
TOP_DB = 80.0
FULL_SCALE = 32_768.0  # int16 value that stands for an amplitude of 1

_BLOCK = 32
"""Mel bands a matrix product: the bank is a narrow band, and whole-bank products would multiply mostly zeros."""


_CPU_CLIPS = 2  # clips at once on a CPU: of more, what lies between two steps falls out of its cache


def frames(samples: int) -> int:
    """Number of centred STFT frames of a clip of `samples` samples: 431 for 10 s."""
    return 1 + samples // HOP


def rolled(length: int, hops: int) -> slice:
    """Where `PerceptualMel.periodic` has the `length` frames of a clip that was rolled by 0 <= hops < length."""
    return slice(length - 1 - hops, 2 * length - 1 - hops)


def to_float(waveforms: Tensor) -> Tensor:
    """int16 samples to float32 in [-1, 1)."""
    return waveforms.to(torch.float32) / FULL_SCALE


class PerceptualMel(nn.Module):
    """The network's input features.

    STFT of 2048 samples, hop 512, periodic Hann window, centred with reflect padding; 256 mel bands of Slaney's scale
    and normalisation from 0 Hz to 11,025 Hz. Every clip has its own floor, 80 dB below its own maximum, so a clip's
    features do not depend on the batch it is in.
    """

    window: Tensor
    a_weighting: Tensor
    mel_bank: Tensor

    def __init__(self) -> None:
        super().__init__()
        frequencies = librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=N_FFT)
        bank = melscale_fbanks(
            N_FFT // 2 + 1, 0.0, SAMPLE_RATE / 2, N_MELS, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
        ).T.contiguous()  # (256, 1025)
        with np.errstate(divide="ignore"):  # 0 Hz: minus infinity, which librosa cuts at -80 dB
            weighting = torch.from_numpy(librosa.A_weighting(frequencies)).to(torch.float32)
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)
        self.register_buffer("a_weighting", weighting, persistent=False)
        self.register_buffer("mel_bank", bank, persistent=False)
        self._bands = [_occupied(bank, first) for first in range(0, N_MELS, _BLOCK)]

    @torch.no_grad()
    def forward(self, waveforms: Tensor) -> Tensor:
        """Features of a batch of clips.

        Args:
            waveforms: float32 in [-1, 1), (clips, samples), at 22,050 Hz, at least 1025 samples.

        Returns:
            dB through the mel bank, float32, (clips, 256, 1 + samples // 512).
        """
        return torch.cat([self._weighted_mel(self._stft(part, center=True)) for part in _parts(waveforms)])

    @torch.no_grad()
    def periodic(self, waveforms: Tensor) -> Tensor:
        """Features of clips that repeat for ever, from the first whole hop before the clip to its last frame.

        Columns `rolled(frames(samples), k)` are the features of the clip rolled by k hops, its ends wrapped round
        where `forward` mirrors them, and with one floor for all rolls.

        Args:
            waveforms: float32 in [-1, 1), (clips, samples), at 22,050 Hz.

        Returns:
            float32, (clips, 256, 2 * frames(samples) - 1).
        """
        samples = waveforms.shape[1]
        reach = samples // HOP * HOP
        places = torch.arange(samples - reach - N_FFT // 2, samples + reach + N_FFT // 2, device=waveforms.device)
        repeated = (part[:, places % samples] for part in _parts(waveforms))
        return torch.cat([self._weighted_mel(self._stft(part, center=False)) for part in repeated])

    def _stft(self, waveforms: Tensor, center: bool) -> Tensor:
        """Complex, (clips, 1025, frames)."""
        return torch.stft(
            waveforms,
            N_FFT,
            HOP,
            window=self.window,
            center=center,
            pad_mode="reflect",
            return_complex=True,
        )

    def _weighted_mel(self, spectrum: Tensor) -> Tensor:
        """Complex (clips, 1025, frames) to features (clips, 256, frames)."""
        spectrum = spectrum.transpose(1, 2)  # (clips, frames, 1025), as in memory
        # in place: on a CPU, fresh memory costs as much as the arithmetic
        decibel = (spectrum.real * spectrum.real).addcmul_(spectrum.imag, spectrum.imag)
        decibel.clamp_min_(POWER_FLOOR).log10_().mul_(10.0)
        floor = decibel.amax(dim=(1, 2), keepdim=True) - TOP_DB  # the clip's own
        weighted = torch.maximum(decibel, floor, out=decibel).add_(self.a_weighting)
        mel = weighted.new_empty(*weighted.shape[:2], N_MELS)
        for first, (low, high) in zip(range(0, N_MELS, _BLOCK), self._bands, strict=True):
            bands = slice(first, first + _BLOCK)
            mel[..., bands] = weighted[..., low:high] @ self.mel_bank[bands, low:high].T
        return mel.transpose(1, 2)

    def decibel(self, mel: Tensor) -> Tensor:
        """Features (..., 256, frames) as A-weighted levels in dB: divided by the sum of each band's weights."""
        return mel / self.mel_bank.sum(dim=1)[:, None]


def _parts(waveforms: Tensor) -> Sequence[Tensor]:
    return torch.split(waveforms, _CPU_CLIPS) if waveforms.device.type == "cpu" else [waveforms]


def _occupied(bank: Tensor, first: int) -> tuple[int, int]:
    """The range of FFT bins that the `_BLOCK` mel bands from `first` on draw from."""
    bins = bank[first : first + _BLOCK].any(dim=0).nonzero()
    return int(bins[0]), int(bins[-1]) + 1


def band_statistics(batches: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of every mel band over clips and frames.

    Args:
        batches: features of the training clips, each (clips, 256, frames).

    Returns:
        Two float32 tensors (256, 1) on the CPU, ready to standardise features (clips, 256, frames).
    """
    total = torch.zeros(N_MELS, dtype=torch.float64)
    squares = torch.zeros(N_MELS, dtype=torch.float64)
    count = 0
    for batch in batches:
        # float64 sums: the variance of a quiet band is a small difference of large numbers
        values = batch.to("cpu", torch.float64)
        total += values.sum(dim=(0, 2))
        squares += values.square().sum(dim=(0, 2))
        count += values.shape[0] * values.shape[2]
    mean = total / count
    deviation = (squares / count - mean.square()).clamp_min(0).sqrt().clamp_min(1e-5)
    return mean.to(torch.float32)[:, None], deviation.to(torch.float32)[:, None]
