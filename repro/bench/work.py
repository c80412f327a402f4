"""The contestants: what the book does, the plain ways of doing the same, and the machine's own peak."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import librosa
import numpy as np
import torch
from numpy.typing import NDArray

from repro.bench.plain import PlainTraining
from repro.bench.race import Pass
from repro.data.clips import Clips
from repro.data.synthetic.dataset import listing, render
from repro.data.synthetic.noise import noise
from repro.erf.gradient import effective_receptive_field
from repro.experiment import DataConfig, Experiment, ModelConfig
from repro.network.cp_resnet import build, layer_table
from repro.training.device import is_gpu, make_ready
from repro.training.features import HOP, N_FFT, N_MELS, SAMPLE_RATE, PerceptualMel, to_float
from repro.training.inputs import Inputs, batch_on
from repro.training.loop import Training

Precision = Literal["fp32", "bf16"]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Recordings:
    """What is trained on in a measurement.

    Attributes:
        training_clips: clips to train on; beside them there are one of the seen and one of another device.
        seconds: length of a clip.
    """

    training_clips: int
    seconds: float

    def clips(self) -> Clips:
        """The recordings, generated anew."""
        return noise(self.training_clips, 2, self.seconds)


@lru_cache(maxsize=1)
def _inputs(recordings: Recordings, device: torch.device) -> Inputs:
    return Inputs(recordings.clips(), device)


@dataclass(frozen=True)
class Trained:
    """Epochs of a training, this book's (`Training`) or a plain one (`PlainTraining`); items are clips."""

    training: type[Training] | type[PlainTraining]
    experiment: Experiment
    recordings: Recordings
    device: torch.device

    def start(self) -> Pass:
        """Compute the features and build the network."""
        if self.training is Training:
            make_ready(self.device)  # as `repro.sweep.worker` does for ours, and nobody for the plain one
        training = self.training(self.experiment, _inputs(self.recordings, self.device))

        def one_pass() -> int:
            training.run_epoch()
            return self.recordings.training_clips

        return one_pass


def operations(model: ModelConfig, frames: int) -> int:
    """Floating-point operations of training on one clip of 256 x `frames`, convolutions alone.

    Two for every multiply-accumulate of the forward pass (`layer_table`), and twice as many again for the gradients
    with respect to weights and inputs.
    """
    return 2 * 3 * sum(row.macs for row in layer_table(model, frames))


@dataclass(frozen=True)
class MatrixProduct:
    """Products of two square matrices; items are floating-point operations."""

    size: int
    precision: Precision
    device: torch.device

    def start(self) -> Pass:
        """Draw the matrices."""
        left, right = (torch.randn(self.size, self.size).to(self.device, DTYPES[self.precision]) for _ in range(2))
        product = torch.empty_like(left)

        def one_pass() -> int:
            torch.mm(left, right, out=product)
            _wait_for(self.device)
            return 2 * self.size**3

        return one_pass


@dataclass(frozen=True)
class OurFeatures:
    """`PerceptualMel` in the batches of `repro.training.inputs`; items are clips."""

    recordings: Recordings
    device: torch.device

    def start(self) -> Pass:
        """Generate the recordings and bring them to the device."""
        make_ready(self.device)
        waveforms = torch.from_numpy(self.recordings.clips().waveforms).to(self.device)
        batches = torch.split(waveforms, batch_on(self.device))
        features = PerceptualMel().to(self.device)

        def one_pass() -> int:
            for batch in batches:
                features(to_float(batch))
            _wait_for(self.device)
            return len(waveforms)

        return one_pass


@dataclass(frozen=True)
class LibrosaLoop:
    """The same features by librosa, clip by clip; items are clips."""

    recordings: Recordings

    def start(self) -> Pass:
        """Generate the recordings and compute the mel filters."""
        waveforms = self.recordings.clips().waveforms
        bank = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=N_MELS)
        frequencies = librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=N_FFT)

        def one_pass() -> int:
            for waveform in waveforms:
                librosa_features(waveform, bank, frequencies)
            return len(waveforms)

        return one_pass


def librosa_features(
    waveform: NDArray[np.int16], bank: NDArray[np.float32], frequencies: NDArray[np.float64]
) -> NDArray[np.float32]:
    """What `PerceptualMel` computes, of one clip: (samples,) to float32 (256, frames).

    Args:
        waveform: full scale 32768.
        bank: the mel filters, (256, 1025).
        frequencies: of the 1025 FFT bins, in Hz.
    """
    spectrum = librosa.stft(waveform.astype(np.float32) / 32768, n_fft=N_FFT, hop_length=HOP, pad_mode="reflect")
    with np.errstate(divide="ignore"):  # 0 Hz has a weight of minus infinity, which librosa cuts
        weighted = librosa.perceptual_weighting(np.abs(spectrum) ** 2, frequencies)
    return np.asarray(bank @ weighted.astype(np.float32), np.float32)


@dataclass(frozen=True)
class ReceptiveFields:
    """Effective receptive fields of a new network; items are maps, one a clip before their mean is taken."""

    model: ModelConfig
    recordings: Recordings
    device: torch.device

    def start(self) -> Pass:
        """Compute the features and build the network."""
        make_ready(self.device)
        network = build(self.model, torch.Generator().manual_seed(0)).to(self.device)
        inputs = _inputs(self.recordings, self.device)

        def one_pass() -> int:
            effective_receptive_field(network, inputs.training_batches())
            return self.recordings.training_clips

        return one_pass


@dataclass(frozen=True)
class Preparation:
    """The last clips of a synthetic set rendered, in a process a core; items are clips."""

    clips: int
    seconds: float

    def start(self) -> Pass:
        """Start the processes, which render one clip each."""
        config = DataConfig(clips=1, clip_seconds=self.seconds)
        last = len(listing(config)) - self.clips
        _exhaust(render(config, last))
        return lambda: _exhaust(render(config, last))


def _exhaust(waveforms: Iterable[NDArray[np.int16]]) -> int:
    return sum(1 for _ in waveforms)


def _wait_for(device: torch.device) -> None:
    if is_gpu(device):
        torch.cuda.synchronize(device)
