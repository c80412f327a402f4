"""Recording devices: frequency response, dynamic range compression, gain and noise floor.

This is how the S devices of TAU Urban Acoustic Scenes 2020 Mobile were made from device A's recordings: convolution
with a device's impulse response, then dynamic range compression with the device's own parameters (T. Heittola et al.,
"Acoustic scene classification in DCASE 2020 Challenge", DCASE Workshop 2020, Section 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy
from numpy.typing import NDArray

Signal = NDArray[np.float64]
CONTROL_SECONDS = 0.001


@dataclass(frozen=True)
class Compressor:
    """Feed-forward compression of peaks above `threshold` dBFS by `ratio`:1; `attack`, `release` in seconds."""

    threshold: float
    ratio: float
    attack: float
    release: float


@dataclass(frozen=True)
class Device:
    """A recording device.

    Attributes:
        response: magnitude response as points (Hz, dB), rising in frequency; linear in dB over log frequency between
            them, constant outside.
        compressor: its automatic gain control, if it has one.
        gain: dB, before the compressor.
        noise: RMS of its own white noise in dBFS, at the input of the compressor.
    """

    response: tuple[tuple[float, float], ...]
    compressor: Compressor | None = None
    gain: float = 0.0
    noise: float = -75.0


@lru_cache(maxsize=32)
def response_filter(response: tuple[tuple[float, float], ...], rate: int) -> Signal:
    """Linear-phase FIR of a magnitude response, about 46 ms long (22 Hz resolution), centred; (taps,), taps odd.

    Linear phase: the filter's delay is half its length for any response, and can be removed exactly.
    """
    taps = 2 * round(0.023 * rate) + 1
    grid = np.linspace(0, rate / 2, 2 * taps)
    points = np.array(response)
    gains = np.interp(np.log(np.maximum(grid, 1.0)), np.log(points[:, 0]), points[:, 1])
    return np.asarray(scipy.signal.firwin2(taps, grid, 10 ** (gains / 20), fs=rate), np.float64)


def compress(waveform: Signal, compressor: Compressor, rate: int) -> Signal:
    """Dynamic range compression with a hard knee, (samples,) -> (samples,).

    The level is the peak of every millisecond in dBFS. Above the threshold it is to rise by only 1/ratio; the gain
    reduction that this takes follows its target exponentially, with the attack's time constant when it has to grow
    and the release's when it has to shrink, and is interpolated between milliseconds. Formulas: D. Giannoulis,
    M. Massberg and J. D. Reiss, "Digital dynamic range compressor design", J. Audio Eng. Soc. 60(6), 2012, eqs. 4
    and 16 (smooth branching, in the log domain).
    """
    block = max(1, round(CONTROL_SECONDS * rate))
    starts = np.arange(0, len(waveform), block)
    level = 20 * np.log10(np.maximum.reduceat(np.abs(waveform), starts) + 1e-10)
    slope = 1 - 1 / compressor.ratio
    target = np.maximum(0.0, level - compressor.threshold) * slope
    times = compressor.attack, compressor.release
    grow, shrink = (float(np.exp(-block / rate / time)) for time in times)
    state, reductions = 0.0, np.empty(len(target))
    for number, wanted in enumerate(target.tolist()):
        keep = grow if wanted > state else shrink
        state = keep * state + (1 - keep) * wanted
        reductions[number] = state
    smooth = np.interp(np.arange(len(waveform)), starts + (block - 1) / 2, reductions)
    return np.asarray(waveform * 10 ** (-smooth / 20), np.float64)


def apply(
    device: Device,
    waveform: Signal,
    rate: int,
    rng: np.random.Generator,
) -> Signal:
    """Record `waveform` (float, full scale 1.0, (samples,)) with a device: same length, no delay, not quantised."""
    fir = response_filter(device.response, rate)
    heard = scipy.signal.oaconvolve(waveform, fir)[len(fir) // 2 :][: len(waveform)]
    heard = heard * 10 ** (device.gain / 20)
    heard = heard + 10 ** (device.noise / 20) * rng.standard_normal(len(heard))
    if device.compressor:
        return compress(heard, device.compressor, rate)
    return np.asarray(heard, np.float64)


def through_microphone(
    waveform: Signal, impulse_response: Signal, rate: int, compressor: Compressor | None = None
) -> Signal:
    """Play `waveform` through a measured impulse response (and compression), at the RMS it had; same length.

    The response's delay (up to its largest sample) is taken out. Silence stays silence.
    """
    delay = int(np.argmax(np.abs(impulse_response)))
    heard = scipy.signal.oaconvolve(waveform, impulse_response)[delay:][: len(waveform)]
    if compressor:
        heard = compress(heard, compressor, rate)
    before, after = np.sqrt(np.mean(waveform**2)), np.sqrt(np.mean(heard**2))
    return np.asarray(heard * (before / after if after > 0 else 0.0), np.float64)


SYNTHETIC: dict[str, Device] = {
    # Electret capsules worn in the ears: flat to 1 dB but for the roll-off below 40 Hz and the ear's slight lift at
    # 3 kHz; a recorder without gain control, self-noise of about 28 dB SPL.
    "a": Device(((20, -6), (40, 0), (1500, 0), (3000, 1.5), (6000, 0), (11000, -1.5))),
    # Phones: wind filter below 200 Hz, the port's resonance at 3 to 5 kHz, gain control that lifts quiet scenes.
    "b": Device(
        ((60, -24), (120, -10), (250, -1), (1000, 0), (2500, 2), (4200, 7), (7000, 1), (10000, -6)),
        Compressor(-36, 2.5, 0.01, 0.25),
        gain=8,
        noise=-66,
    ),
    "c": Device(
        ((60, -14), (100, -6), (200, 0), (1200, -1), (2800, 3), (5600, 5), (8000, 3), (11000, -3)),
        Compressor(-30, 3.0, 0.005, 0.15),
        gain=6,
        noise=-68,
    ),
    # A large dynamic microphone: close to flat, presence lift at 4 kHz, top end missing.
    "s1": Device(((50, -8), (150, 0), (2000, 1), (4000, 4), (7000, 0), (11000, -12)), Compressor(-30, 2, 0.01, 0.2)),
    # A ribbon: warm, falling steadily above 2 kHz, low output and therefore more amplifier noise.
    "s2": Device(((30, 0), (120, 3), (500, 1), (2000, -1), (5000, -6), (10000, -14)), None, gain=-6, noise=-66),
    # A webcam: small capsule in a box with a resonance near 1.2 kHz, strong compression.
    "s3": Device(
        ((80, -20), (200, -8), (500, 0), (1200, 6), (2200, -2), (4500, 4), (9000, -8)),
        Compressor(-40, 4, 0.003, 0.1),
        gain=10,
        noise=-60,
    ),
    # A carbon-era communication microphone: 300 Hz to 3.4 kHz.
    "s4": Device(
        ((60, -30), (150, -18), (300, -3), (1000, 0), (2000, 5), (3400, 0), (5000, -18), (10000, -36)),
        Compressor(-34, 3, 0.005, 0.2),
        gain=6,
        noise=-64,
    ),
    # A boundary microphone on a hard surface: bright, with the comb of one reflection.
    "s5": Device(
        ((40, -10), (150, -3), (500, 0), (900, -5), (1600, 3), (2700, -4), (4500, 5), (8000, 6), (11000, 4)),
        Compressor(-32, 2, 0.02, 0.4),
        gain=3,
        noise=-70,
    ),
    # An action camera behind its housing: muffled above 1 kHz, boomy at 180 Hz, slow gain control.
    "s6": Device(
        ((60, -6), (180, 6), (400, 1), (1000, 0), (2000, -6), (4000, -12), (9000, -20)),
        Compressor(-38, 3, 0.03, 0.6),
        gain=8,
        noise=-64,
    ),
}
"""The nine devices of the synthetic set, chosen to differ as consumer microphones do; "a" is the training device."""
