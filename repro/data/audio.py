"""Audio files to waveforms: decode, one channel, one rate, one length, 16 bits."""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from pathlib import Path

import numpy as np
import scipy
import soundfile
from numpy.typing import NDArray

from repro.errors import InputError
from repro.experiment import Resampling

LARGEST = 32767 / 32768  # the largest value of 16 bits, where full scale is 1.0


def decode(path: Path) -> tuple[NDArray[np.float64], int]:
    """The samples of a file, channels averaged, (samples,), full scale 1.0, and its rate in Hz.

    Raises:
        InputError: libsndfile cannot read it, it holds no samples, or samples that are not finite.
    """
    try:
        frames, rate = soundfile.read(path, dtype="float64", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise InputError(f"{path} cannot be read as audio ({error}): fetch it again, or remove it") from None
    if not len(frames):
        raise InputError(f"{path} holds no samples: fetch it again, or remove it")
    if not np.isfinite(frames).all():
        raise InputError(f"{path} holds samples that are not finite: fetch it again, or remove it")
    return frames.mean(axis=1), int(rate)


@lru_cache(maxsize=8)
def _kaiser_filter(up: int, down: int, sinc: Resampling) -> NDArray[np.float64]:
    taps = 2 * sinc.zero_crossings * max(up, down) + 1
    window = ("kaiser", sinc.kaiser_beta)
    return np.asarray(scipy.signal.firwin(taps, sinc.rolloff / max(up, down), window=window), np.float64)


def resample(waveform: NDArray[np.float64], rate: int, target: int, sinc: Resampling) -> NDArray[np.float64]:
    """Band-limited resampling from `rate` to `target` Hz: (samples,) -> (ceil(samples * target / rate),).

    A Kaiser-windowed sinc in polyphase form. `sinc` gives half its length in periods of the lower of the two rates,
    its cut-off as a share of the lower Nyquist frequency, and the window's beta (14.77: 145 dB of stop-band
    rejection). SciPy takes the filter itself as an argument, and saves the preparing processes an import of torch.
    """
    if rate == target:
        return waveform
    common = gcd(rate, target)
    up, down = target // common, rate // common
    return np.asarray(scipy.signal.resample_poly(waveform, up, down, window=_kaiser_filter(up, down, sinc)), np.float64)


def fit_length(waveform: NDArray[np.float64], samples: int) -> NDArray[np.float64]:
    """Cut from the start, or repeat from the start until `samples` are full.

    Repeated, not padded with zeros: digital silence in some clips would tell files apart by their length and would
    move the floor that the features set 80 dB below a clip's maximum.
    """
    return np.resize(waveform, samples)


def within_full_scale(waveform: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale the waveform down if its largest sample does not fit into 16 bits, so that it just fits."""
    peak = np.abs(waveform).max()
    return waveform * (LARGEST / peak) if peak > LARGEST else waveform


def to_int16(waveform: NDArray[np.float64]) -> NDArray[np.int16]:
    """Quantise to 16 bits, full scale 1.0 -> 32768, clipping what is beyond."""
    return np.clip(np.round(waveform * 32768), -32768, 32767).astype(np.int16)
