"""Audio files to waveforms: decode, one channel, one rate, one length, 16 bits."""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

from repro.errors import InputError

KAISER_BETA = 14.77
"""Shape of the resampling filter's Kaiser window: about 145 dB of stop-band rejection."""

ZERO_CROSSINGS = 64
"""Half the resampling filter's length, in periods of the lower of the two rates."""

ROLLOFF = 0.9476
"""The resampling filter's cut-off as a share of the lower Nyquist frequency."""


def decode(path: Path) -> tuple[NDArray[np.float64], int]:
    """The samples of a file, channels averaged, (samples,), full scale 1.0, and its rate in Hz.

    Raises:
        InputError: libsndfile cannot read it, or it holds no samples.
    """
    try:
        frames, rate = soundfile.read(path, dtype="float64", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise InputError(f"{path} cannot be read as audio ({error}): fetch it again, or remove it") from None
    if not len(frames):
        raise InputError(f"{path} holds no samples: fetch it again, or remove it")
    return frames.mean(axis=1), int(rate)


@lru_cache(maxsize=8)
def _kaiser_filter(up: int, down: int) -> NDArray[np.float64]:
    taps = 2 * ZERO_CROSSINGS * max(up, down) + 1
    return np.asarray(signal.firwin(taps, ROLLOFF / max(up, down), window=("kaiser", KAISER_BETA)), np.float64)  # type: ignore[attr-defined]


def resample(waveform: NDArray[np.float64], rate: int, target: int) -> NDArray[np.float64]:
    """Band-limited resampling from `rate` to `target` Hz: (samples,) -> (ceil(samples * target / rate),).

    A Kaiser-windowed sinc in polyphase form, its parameters the three constants above. By SciPy, because it takes
    the filter itself as an argument and costs the preparing processes no import of torch.
    """
    if rate == target:
        return waveform
    common = gcd(rate, target)
    up, down = target // common, rate // common
    return np.asarray(signal.resample_poly(waveform, up, down, window=_kaiser_filter(up, down)), np.float64)  # type: ignore[attr-defined]


def fit_length(waveform: NDArray[np.float64], samples: int) -> NDArray[np.float64]:
    """Cut from the start, or repeat from the start until `samples` are full.

    Repeated, not padded with zeros: digital silence in some clips would tell files apart by their length and would
    move the floor that the features set 80 dB below a clip's maximum.
    """
    return np.resize(waveform, samples)


def to_int16(waveform: NDArray[np.float64]) -> NDArray[np.int16]:
    """Quantise to 16 bits, full scale 1.0 -> 32768, clipping what is beyond."""
    return np.clip(np.round(waveform * 32768), -32768, 32767).astype(np.int16)
