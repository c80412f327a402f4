"""The physical ingredients of an acoustic scene: noise, machines, steps, voices, birds, signals, rooms.

Every function takes a generator and a `Span` and returns a float32 waveform of that length, in arbitrary units: how
loud a source is in a scene is set where it is placed (`repro.data.synthetic.scenes`). Numbers are those of the sources
themselves; frequencies in Hz, durations in seconds, levels in dB.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import fft

Waveform = NDArray[np.float32]
Spectrum = Callable[[Waveform], Waveform]

# Formants F1, F2, F3 of the vowels of "heed, head, hod, hawed, who'd" for men: G. E. Peterson and H. L. Barney,
# "Control methods used in a study of the vowels", JASA 24, 1952, Table II.
VOWELS = ((270, 2290, 3010), (530, 1840, 2480), (730, 1090, 2440), (570, 840, 2410), (300, 870, 2240))
SPEED_OF_SOUND = 343.0


@dataclass(frozen=True)
class Span:
    """How long a waveform is: `samples` at `rate` Hz."""

    samples: int
    rate: int

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return self.samples / self.rate

    @cached_property
    def time(self) -> NDArray[np.float64]:
        """The instant of every sample in seconds, (samples,)."""
        return np.arange(self.samples) / self.rate


def band(low: float, high: float, slope: float = 0.0) -> Spectrum:
    """A noise band: `slope` dB per octave between `low` and `high` Hz, 12 dB per octave skirts outside."""

    def gain(hertz: Waveform) -> Waveform:
        f = np.maximum(hertz, np.float32(1.0))
        below, above = (low / f) ** 2, (f / high) ** 2
        skirts = np.sqrt((1 + below**2) * (1 + above**2))
        return np.asarray((f / 1000) ** (slope / 6.02) / skirts if slope else 1 / skirts, np.float32)

    return gain


def noise(rng: np.random.Generator, span: Span, spectrum: Spectrum) -> Waveform:
    """Stationary Gaussian noise of the given amplitude spectrum, shaped in the frequency domain, RMS 1."""
    length = fft.next_fast_len(span.samples, real=True)  # type: ignore[no-untyped-call]
    parts = rng.standard_normal((2, length // 2 + 1), dtype=np.float32)
    hertz = np.arange(length // 2 + 1, dtype=np.float32) * np.float32(span.rate / length)
    shaped = fft.irfft((parts[0] + 1j * parts[1]) * spectrum(hertz), length)[: span.samples]
    return np.asarray(shaped / np.sqrt(np.mean(shaped**2) + 1e-20), np.float32)


def filtered(waveform: Waveform, rate: int, spectrum: Spectrum) -> Waveform:
    """A waveform with its frequencies weighted by the given amplitude spectrum; same length."""
    length = fft.next_fast_len(len(waveform), real=True)  # type: ignore[no-untyped-call]
    hertz = fft.rfftfreq(length, 1 / rate).astype(np.float32)
    weighted: Waveform = fft.irfft(fft.rfft(waveform, length) * spectrum(hertz), length)[: len(waveform)]
    return weighted


def fluctuation(rng: np.random.Generator, span: Span, hertz: float, depth: float) -> Waveform:
    """A random gain of median 1 that wanders by `depth` dB (standard deviation) at about `hertz` changes a second."""
    knots = np.arange(-1, int(np.ceil(span.seconds * 2 * hertz)) + 2) / (2 * hertz)
    gains = 10 ** (depth * rng.standard_normal(len(knots)) / 20)
    return np.asarray(np.interp(span.time, knots, gains), np.float32)


def periodic(rng: np.random.Generator, cycles: NDArray[np.float64], amplitudes: Sequence[float]) -> Waveform:
    """A harmonic sound with the given amplitudes of harmonics 1, 2, ...; `cycles` is its phase in turns."""
    size = 2048
    bins = np.zeros(size // 2 + 1, np.complex128)
    bins[1 : len(amplitudes) + 1] = np.asarray(amplitudes) * np.exp(2j * np.pi * rng.random(len(amplitudes)))
    table = np.fft.irfft(bins, size) * size / 2
    table = np.append(table, table[0])
    return np.asarray(np.interp((cycles % 1.0) * size, np.arange(size + 1), table), np.float32)


def turns(hertz: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Phase in turns of an instantaneous frequency."""
    return np.cumsum(hertz) / rate


def engine(rng: np.random.Generator, span: Span, firing: NDArray[np.float64]) -> Waveform:
    """A six-cylinder four-stroke diesel: half the firing rate's thirds as orders, the firing orders strongest.

    Orders fall by about 6 dB per octave and differ at random by a few dB, as the paths through mounts and body do.
    """
    jitter = fluctuation(rng, span, 6.0, 0.05).astype(np.float64)
    orders = np.arange(1, 73)
    strength = np.where(orders % 3 == 0, 1.0, 0.25) / orders * 10 ** (rng.normal(0, 4, len(orders)) / 20)
    return periodic(rng, turns(firing / 3 * jitter, span.rate), strength.tolist())


def whine(rng: np.random.Generator, span: Span, hertz: NDArray[np.float64]) -> Waveform:
    """A traction inverter or gear mesh: a tone and its next harmonics at a frequency that follows the speed."""
    return periodic(rng, turns(hertz, span.rate), [1.0, 0.5, 0.3, 0.1]) * fluctuation(rng, span, 3.0, 2.0)


def squeal(rng: np.random.Generator, span: Span, hertz: float) -> Waveform:
    """Wheels squealing in a curve: a wavering tone with sharp harmonics, for part of the span."""
    waver = hertz * fluctuation(rng, span, 5.0, 0.1).astype(np.float64)
    start, length = rng.uniform(0, span.seconds), rng.uniform(0.6, 2.0)
    window = np.clip(1 - np.abs((span.time - start) / length), 0, 1)
    return np.asarray(periodic(rng, turns(waver, span.rate), [1.0, 0.4, 0.25, 0.1]) * window, np.float32)


def strew(out: Waveform, grain: Waveform, start: float, rate: int) -> None:
    """Add `grain` to `out` in place from `start` seconds on; what falls outside is dropped."""
    first = round(start * rate)
    begin, end = max(first, 0), min(first + len(grain), len(out))
    if begin < end:
        out[begin:end] += grain[begin - first : end - first]


def burst(rng: np.random.Generator, rate: int, spectrum: Spectrum, decay: float, attack: float = 0.001) -> Waveform:
    """A knock: noise that rises within `attack` and decays to 1/e in `decay` seconds."""
    span = Span(max(16, round(6 * decay * rate)), rate)
    envelope = np.exp(-span.time / decay) * (1 - np.exp(-span.time / attack))
    return np.asarray(noise(rng, span, spectrum) * envelope, np.float32)


def knocks(rng: np.random.Generator, span: Span, times: Sequence[float], spectrum: Spectrum, decay: float) -> Waveform:
    """Knocks of one kind at the given times: four variants in turn, differing by 2 dB (standard deviation)."""
    out = np.zeros(span.samples, np.float32)
    variants = [burst(rng, span.rate, spectrum, decay) for _ in range(min(4, len(times)))]
    for number, time in enumerate(times):
        gain = np.float32(10 ** (rng.normal(0, 2) / 20))
        strew(out, variants[number % len(variants)] * gain, time, span.rate)
    return out


def footsteps(rng: np.random.Generator, span: Span, walkers: int, thud: float, gravel: bool = False) -> Waveform:
    """People walking: 1.4 to 2.2 steps a second each; a heel's thud and click, or the longer grinding of gravel."""
    out = np.zeros(span.samples, np.float32)
    for _ in range(walkers):
        pace, gain = rng.uniform(1.4, 2.2), 10 ** (rng.normal(0, 4) / 20)
        times = np.arange(-rng.random() / pace, span.seconds, 1 / pace)
        times = times + rng.normal(0, 0.02, len(times))
        if gravel:
            steps = knocks(rng, span, times.tolist(), band(1200, 7000, -2), 0.06)
        else:
            click = rng.uniform(0.2, 0.7)
            steps = knocks(rng, span, times.tolist(), band(thud, 3 * thud), 0.03)
            steps += np.float32(click) * knocks(rng, span, times.tolist(), band(1500, 5000), 0.008)
        out += np.float32(gain) * steps
    return out


def voice(rng: np.random.Generator, span: Span, pitch: float, syllables: float) -> Waveform:
    """One talker: glottal pulses through vowel formants, syllable by syllable, with pauses and sibilants.

    The source falls by 12 dB per octave and radiation raises it by 6: harmonic k has 1/k, times the resonances.
    """
    out = np.zeros(span.samples, np.float32)
    tract = 1.0 if pitch < 150 else 1.17  # women's vocal tracts are shorter: formants about 17 % higher
    time = -rng.random()
    while time < span.seconds:
        if rng.random() < 0.12:  # a pause between phrases
            time += rng.uniform(0.3, 1.2)
            continue
        length = rng.uniform(0.7, 1.3) / syllables
        part = Span(max(64, round(length * span.rate)), span.rate)
        start_pitch = pitch * rng.uniform(0.85, 1.25)
        cycles = turns(np.linspace(start_pitch, start_pitch * rng.uniform(0.85, 1.05), part.samples), span.rate)
        harmonics = start_pitch * np.arange(1, int(min(5000.0, 0.4 * span.rate) / start_pitch) + 1)
        resonance = np.ones(len(harmonics))
        for formant in np.multiply(VOWELS[rng.integers(len(VOWELS))], tract):
            width = 60 + 0.04 * formant
            resonance /= np.sqrt((1 - (harmonics / formant) ** 2) ** 2 + (width * harmonics / formant**2) ** 2)
        syllable = periodic(rng, cycles, (resonance / np.arange(1, len(harmonics) + 1)).tolist())
        envelope = np.sqrt(np.sin(np.pi * (np.arange(part.samples) + 0.5) / part.samples)) * 10 ** (
            rng.normal(0, 3) / 20
        )
        strew(out, np.asarray(syllable * envelope, np.float32), time, span.rate)
        if rng.random() < 0.3:
            strew(out, 0.3 * burst(rng, span.rate, band(3500, 8000), 0.03, 0.02), time - 0.06, span.rate)
        time += length
    return out


def crowd(rng: np.random.Generator, span: Span, syllables: float) -> Waveform:
    """Many talkers at once: noise of speech's long-term spectrum (flat to 500 Hz, then -9 dB/octave), babbling."""
    slow = noise(rng, span, band(120, 500)) + 0.35 * noise(rng, span, band(500, 3000, -6))
    return np.asarray(slow * fluctuation(rng, span, syllables, 2.0) * fluctuation(rng, span, 0.5, 1.5), np.float32)


def birds(rng: np.random.Generator, span: Span, centre: float, calls: int) -> Waveform:
    """Songbirds: series of short whistles that glide by up to a third of an octave to either side."""
    out = np.zeros(span.samples, np.float32)
    for _ in range(calls):
        start, hertz, gain = rng.uniform(-0.5, span.seconds), centre * 2 ** rng.normal(0, 0.3), rng.uniform(0.2, 1)
        length, glide = rng.uniform(0.04, 0.16), rng.uniform(-0.33, 0.33)
        for number in range(int(rng.integers(2, 9))):
            part = Span(round(length * span.rate), span.rate)
            sweep = hertz * 2 ** (glide * np.linspace(-1, 1, part.samples))
            chirp = np.sin(2 * np.pi * turns(sweep, span.rate)) * np.hanning(part.samples)
            strew(out, np.asarray(gain * chirp, np.float32), start + number * 1.5 * length, span.rate)
    return out


def tones(
    span: Span, hertz: Sequence[float], times: Sequence[float], length: float, partials: Sequence[float]
) -> Waveform:
    """Struck or switched tones at `times` that ring for `length` s; `partials` = amplitudes of harmonics 1, 2, ..."""
    out = np.zeros(span.samples, np.float32)
    part = Span(round(length * span.rate), span.rate)
    envelope = np.exp(-3 * part.time / length) * np.minimum(1, part.time / 0.005)
    envelope *= np.minimum(1, (length - part.time) / 0.01)
    numbers = np.arange(1, len(partials) + 1)[:, None]
    grains = {
        pitch: np.asarray(envelope * (partials @ np.sin(2 * np.pi * pitch * numbers * part.time)), np.float32)
        for pitch in set(hertz)
    }
    for pitch, time in zip(hertz, times, strict=True):
        strew(out, grains[pitch], time, span.rate)
    return out


def pass_by(
    rng: np.random.Generator, span: Span, nearest: float, speed: float, distance: float, tyres: float, firing: float
) -> Waveform:
    """A vehicle passing at `nearest` s, `speed` m/s and `distance` m: tyre noise around `tyres` Hz and its engine.

    Level falls by 6 dB per doubling of the distance; far away the ground and the air leave the low part only; the
    engine's pitch follows Doppler's law.
    """
    along = speed * (span.time - nearest)
    away = np.hypot(along, distance)
    near = distance / away
    doppler = SPEED_OF_SOUND / (SPEED_OF_SOUND + speed * along / away)
    bright = noise(rng, span, band(0.5 * tyres, 2 * tyres)) * near**2
    dull = noise(rng, span, band(60, 0.5 * tyres, -3)) * near
    motor = engine(rng, span, firing * doppler) * near
    return np.asarray(bright + 0.6 * dull + 0.8 * motor / (np.std(motor) + 1e-9) * np.std(dull), np.float32)


def room_response(rng: np.random.Generator, rate: int, t60: float, direct: float) -> Waveform:
    """Impulse response of a room: the direct sound and an exponentially decaying tail.

    Above 2 kHz the tail decays twice as fast, because air and soft furnishings absorb there. `direct` is the level
    of the direct sound over the tail's in dB; the whole has energy 1.
    """
    span = Span(max(64, round(min(t60, 1.5) * rate)), rate)
    low = noise(rng, span, band(80, 2000)) * np.exp(-6.91 * span.time / t60)
    high = noise(rng, span, band(2000, 9000)) * np.exp(-6.91 * span.time / (0.5 * t60))
    tail = low + high
    tail *= 10 ** (-direct / 20) / np.sqrt(np.sum(tail**2))
    tail[0] += 1.0
    return np.asarray(tail / np.sqrt(np.sum(tail**2)), np.float32)


def reverberate(dry: Waveform, response: Waveform) -> Waveform:
    """Play `dry` in a room; same length."""
    return np.asarray(scipy.signal.oaconvolve(dry, response)[: len(dry)], np.float32)
