"""A recording in the making: sources mixed at their sound pressure levels, then heard through a room."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from repro.data.synthetic import sounds
from repro.data.synthetic.places import City, Location
from repro.data.synthetic.sounds import Span, Waveform

FULL_SCALE = 100.0  # dB SPL that the waveform value 1.0 stands for


class Stage:
    """One recording in the making: sources are added to a dry mix (near) or a wet one (heard through the room)."""

    def __init__(self, rng: np.random.Generator, span: Span, city: City, place: Location) -> None:
        self.rng, self.span, self.city, self.place = rng, span, city, place
        self.near = np.zeros(span.samples, np.float32)
        self.far = np.zeros(span.samples, np.float32)

    def add(self, source: str, sound: NDArray[np.floating[Any]], level: float, *, near: bool = False) -> None:
        """Mix a source in at `level` dB SPL (loudest 125 ms), as balanced in this place; silence adds nothing."""
        waveform = np.asarray(sound, np.float32)
        block = max(1, self.span.rate // 8)
        power = np.add.reduceat(waveform**2, np.arange(0, self.span.samples, block)).max() / block
        if power <= 0:
            return
        wanted = level + self.place.balance(source) - FULL_SCALE
        scaled = waveform * np.float32(10 ** (wanted / 20) / np.sqrt(power))
        if near:
            self.near += scaled
        else:
            self.far += scaled

    def chance(self, probability: float) -> bool:
        """Whether something happens in this clip; given for ten seconds, shorter clips catch less of it."""
        return bool(self.rng.random() < 1 - (1 - probability) ** (self.span.seconds / 10))

    def count(self, per_ten_seconds: float) -> int:
        """How many events fall into this clip (Poisson)."""
        return int(self.rng.poisson(per_ten_seconds * self.span.seconds / 10))

    def moment(self) -> float:
        """Some instant of the clip in seconds."""
        return float(self.rng.uniform(0, self.span.seconds))

    def finish(self, t60: float, direct: float) -> Waveform:
        """The scene as it reaches the microphones, after the room, the place's tilt and the clip's level."""
        t60 = t60 * self.place.room * self.city.reverberation
        response = sounds.room_response(self.rng, self.span.rate, t60, direct)
        mix = self.near + sounds.reverberate(self.far, response)
        slope = np.float32(self.place.tilt / 6.02)

        def tilt(hertz: Waveform) -> Waveform:
            return np.asarray((np.maximum(hertz, 50) / 500) ** slope, np.float32)

        tilted = sounds.filtered(mix, self.span.rate, tilt)
        level = self.place.level + self.rng.normal(0, 2)
        return np.asarray(tilted * 10 ** (level / 20), np.float32)
