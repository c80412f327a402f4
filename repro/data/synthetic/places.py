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
from dataclasses import dataclass

import numpy as np

CHIMES = ((1.0, 0.8), (1.0, 0.75, 0.5), (1.0, 1.25, 1.5), (1.0, 1.5), (1.0, 1.25, 1.0, 0.75), (1.0, 0.667, 0.833))


def generator(*key: int | str) -> np.random.Generator:
    """The random generator of one thing, from its name alone: neither order nor number of processes matters."""
    words = [part if isinstance(part, int) else zlib.crc32(part.encode()) for part in key]
    return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(words)))


@dataclass(frozen=True)
class City:
    """What is common to a city's recordings; frequencies in Hz, levels in dB."""

    bus_firing: float
    inverter: float
    joints: float
    squeal: float
    tyres: float
    traffic: float
    syllables: float
    announcer: float
    chime: tuple[float, ...]
    beep: float
    beep_rate: float
    crossing: float
    crossing_rate: float
    birds: float
    wind: float
    reverberation: float
    hum: float


@dataclass(frozen=True)
class Location:
    """One recording place: factors on size, distance and people, a tilt of the spectrum, and a level.

    `level` in dB, `tilt` in dB per octave (surfaces, air, clothing round the microphones), the others factors.
    """

    seed: int
    name: str
    level: float
    tilt: float
    room: float
    distance: float
    people: float
    thud: float

    def balance(self, source: str) -> float:
        """How much louder this source is here than in the scene at large, in dB (standard deviation 3)."""
        return float(generator(self.seed, self.name, source).normal(0, 3))


def city_of(seed: int, name: str) -> City:
    """The city's traits, drawn once from the ranges above."""
    rng = generator(seed, "city", name)
    root = rng.uniform(400, 900)
    return City(
        bus_firing=rng.uniform(27, 40),
        inverter=rng.uniform(400, 1600),
        joints=rng.uniform(-12, 0),
        squeal=rng.uniform(1500, 4500),
        tyres=rng.uniform(700, 1300),
        traffic=float(np.exp(rng.normal(0, 0.4))),
        syllables=rng.uniform(5.2, 7.9),
        announcer=rng.uniform(100, 230),
        chime=tuple(root * ratio for ratio in CHIMES[rng.integers(len(CHIMES))]),
        beep=rng.uniform(800, 2500),
        beep_rate=rng.uniform(2, 6),
        crossing=rng.uniform(600, 2000),
        crossing_rate=rng.uniform(1.5, 8),
        birds=rng.uniform(2500, 5500),
        wind=rng.normal(0, 3),
        reverberation=float(np.exp(rng.normal(0, 0.25))),
        hum=rng.normal(0, 5),
    )


def location_of(seed: int, scene: str, location: str) -> Location:
    """The place's traits; `location` is unique within the scene, for example "barcelona-0"."""
    name = f"{scene}/{location}"
    rng = generator(seed, "location", name)
    return Location(
        seed=seed,
        name=name,
        level=rng.normal(0, 3),
        tilt=rng.normal(0, 0.7),
        room=float(np.exp(rng.normal(0, 0.25))),
        distance=float(np.exp(rng.normal(0, 0.4))),
        people=float(np.exp(rng.normal(0, 0.5))),
        thud=rng.uniform(100, 250),
    )
