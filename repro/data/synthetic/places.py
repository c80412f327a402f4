"""Cities and recording places of the synthetic set: what stays the same from clip to clip.

What a city determines is what is bought or built for a whole city: rolling stock, buses, signals and announcements,
paving, language, building stock, climate. What a place determines is geometry: how far the sources are, how many
people pass, how large and how hard the room is, and how the microphone stands among them. The ranges below are the
spread found among European cities in standards and in the acoustics literature's textbooks, rounded:

- idling six-cylinder bus engines turn at 550 to 800 rpm, so they fire at 27 to 40 Hz;
- traction inverters switch between 400 and 1,600 Hz; rail joints are audible or welded away;
- tyre noise peaks between 700 and 1,300 Hz, depending on paving and tread;
- European languages are spoken at 5.2 to 7.9 syllables a second (F. Pellegrino et al., "Across-language perspective
  on speech information rate", Language 87, 2011);
- the reverberation time of comparable rooms differs by a factor of 1.3 (standard deviation) between building stocks
  and again between rooms.
"""

from __future__ import annotations

import zlib

import numpy as np

CHIMES = ((1.0, 0.8), (1.0, 0.75, 0.5), (1.0, 1.25, 1.5), (1.0, 1.5), (1.0, 1.25, 1.0, 0.75), (1.0, 0.667, 0.833))


def generator(*key: int | str) -> np.random.Generator:
    """The random generator of one thing, from its name alone: neither order nor number of processes matters."""
    words = [part if isinstance(part, int) else zlib.crc32(part.encode()) for part in key]
    return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(words)))


class City:
    """What is common to a city's recordings, drawn once from the ranges above; frequencies in Hz, levels in dB."""

    def __init__(self, seed: int, name: str) -> None:
        rng = generator(seed, "city", name)
        root = rng.uniform(400, 900)
        self.bus_firing = rng.uniform(27, 40)
        self.inverter = rng.uniform(400, 1600)
        self.joints = rng.uniform(-12, 0)
        self.squeal = rng.uniform(1500, 4500)
        self.tyres = rng.uniform(700, 1300)
        self.traffic = float(np.exp(rng.normal(0, 0.4)))
        self.syllables = rng.uniform(5.2, 7.9)
        self.announcer = rng.uniform(100, 230)
        self.chime = tuple(root * ratio for ratio in CHIMES[rng.integers(len(CHIMES))])
        self.beep = rng.uniform(800, 2500)
        self.beep_rate = rng.uniform(2, 6)
        self.crossing = rng.uniform(600, 2000)
        self.crossing_rate = rng.uniform(1.5, 8)
        self.birds = rng.uniform(2500, 5500)
        self.wind = rng.normal(0, 3)
        self.reverberation = float(np.exp(rng.normal(0, 0.25)))
        self.hum = rng.normal(0, 5)


class Location:
    """One recording place; its name is unique within the scene, for example "barcelona-0".

    `level` in dB, `tilt` of the spectrum in dB per octave (surfaces, air, clothing round the microphones), the others
    factors on size, distance and people.
    """

    def __init__(self, seed: int, scene: str, name: str) -> None:
        self._key = seed, f"{scene}/{name}"
        rng = generator(seed, "location", self._key[1])
        self.level = rng.normal(0, 3)
        self.tilt = rng.normal(0, 0.7)
        self.room = float(np.exp(rng.normal(0, 0.25)))
        self.distance = float(np.exp(rng.normal(0, 0.4)))
        self.people = float(np.exp(rng.normal(0, 0.5)))
        self.thud = rng.uniform(100, 250)

    def balance(self, source: str) -> float:
        """How much louder this source is here than in the scene at large, in dB (standard deviation 3)."""
        return float(generator(*self._key, source).normal(0, 3))
