"""The ten scenes: which sources sound in them, how loud, how often, in what room.

Levels are sound pressure levels in dB re 20 uPa of a source's loudest 125 ms ("fast") in a typical place: parks
around 50 to 55 dB, halls 58 to 66, streets 60 to 74, vehicles 65 to 76, as sound-level surveys of cities report.
A place adds its own level and balance, a clip its own 2 dB, so that the scenes overlap in level. They overlap in
kind as the real ones do: bus, tram and metro share engines or rails, ventilation and passengers; airport, shopping
mall and metro station share halls, crowds, steps and announcements; the streets and the square share traffic, steps
and voices, and the park hears the same traffic from afar. What tells them apart is which of these sound together and
how they move in time. No number here was chosen or changed after looking at a trained model.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from repro.data.synthetic import sounds
from repro.data.synthetic.sounds import Waveform, band, noise
from repro.data.synthetic.stage import Stage


def _people(stage: Stage, crowd: float, talkers: float, level: float, walkers: float, steps: float) -> None:
    """A crowd at `crowd` dB, about `talkers` single talkers at `level`, about `walkers` walkers at `steps` dB."""
    rng, span, people = stage.rng, stage.span, stage.place.people
    if crowd:
        stage.add("crowd", sounds.crowd(rng, span, stage.city.syllables), crowd + 10 * np.log10(people))
    for _ in range(min(4, int(rng.poisson(talkers * people)))):
        pitch = rng.normal(115, 15) if rng.random() < 0.5 else rng.normal(205, 20)
        stage.add("talkers", sounds.voice(rng, span, pitch, stage.city.syllables), level + rng.normal(0, 4))
    count = min(5, int(rng.poisson(walkers * people)))
    if count:
        stage.add("steps", sounds.footsteps(rng, span, count, stage.place.thud), steps)


def _ventilation(stage: Stage, level: float, high: float = 600, *, near: bool = False) -> None:
    """Fans: falling noise, and the mains hum of motors and ballasts (100 Hz and its multiples, 50 Hz mains)."""
    rng, span = stage.rng, stage.span
    stage.add("ventilation", noise(rng, span, band(60, high, -4)), level, near=near)
    hum = sounds.periodic(rng, 50.0 * span.time, [0.3, 1.0, 0.1, 0.5, 0.05, 0.3, 0, 0.1])
    stage.add("hum", hum, level - 14 + stage.city.hum, near=near)


def _announcement(stage: Stage, level: float) -> None:
    """The city's chime and announcer, through loudspeakers that pass 300 Hz to 4 kHz."""
    start, chime = stage.moment() - 2, stage.city.chime
    chimes = sounds.tones(stage.span, chime, [start + 0.4 * number for number in range(len(chime))], 1.0, [1, 0.3, 0.1])
    stage.add("chime", chimes, level - 2)
    spoken = sounds.voice(stage.rng, stage.span, stage.city.announcer, stage.city.syllables)
    spoken = spoken * (stage.span.time > start + 0.4 * len(chime) + 0.5)
    stage.add("announcer", sounds.filtered(spoken, stage.span.rate, band(300, 4000)), level)


def _beeps(stage: Stage, level: float) -> None:
    """The city's door signal: a run of beeps, then the doors' thud."""
    start, rate = stage.moment() - 1, stage.city.beep_rate
    times = [start + number / rate for number in range(int(3 * rate))]
    stage.add("beeps", sounds.tones(stage.span, [stage.city.beep] * len(times), times, 0.6 / rate, [1, 0, 0.3]), level)
    thud = sounds.knocks(stage.rng, stage.span, [start + 3, start + 3.4], band(80, 700), 0.06)
    stage.add("doors", thud, level + 2)


def _trolley(stage: Stage, level: float) -> None:
    """A wheeled suitcase: rumble, and a rattle of small knocks at every joint of the floor."""
    rng, span = stage.rng, stage.span
    middle, pace = stage.moment(), rng.uniform(5, 14)
    near = np.exp(-(((span.time - middle) / rng.uniform(1, 2.5)) ** 2))
    rattle = sounds.knocks(rng, span, np.arange(0, span.seconds, 1 / pace).tolist(), band(400, 4000), 0.01)
    roll = noise(rng, span, band(150, 1500, -3)) * np.float32(0.3 * np.std(rattle) + 1e-9)
    stage.add("trolley", (rattle + roll) * near, level)


def _music(stage: Stage, level: float) -> None:
    """Background music: decaying chords on a beat, a random walk through a scale."""
    rng, beat = stage.rng, 60 / stage.rng.uniform(80, 130)
    times = np.repeat(np.arange(-beat, stage.span.seconds, beat), 3)
    root = rng.uniform(180, 260)
    degrees = np.cumsum(rng.integers(-2, 3, len(times) // 3)) % 7
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16, 17])
    pitches = [root * 2 ** (scale[degree + third] / 12) for degree in degrees for third in (0, 2, 4)]
    stage.add("music", sounds.tones(stage.span, pitches, times.tolist(), 1.2, [1, 0.6, 0.4, 0.2, 0.1]), level)


def _distant_traffic(stage: Stage, level: float) -> None:
    """The city's traffic as a murmur: low noise, the duller the farther, that swells slowly."""
    murmur = noise(stage.rng, stage.span, band(50, 900 / stage.place.distance, -4))
    murmur = murmur * sounds.fluctuation(stage.rng, stage.span, 0.3, 2.0)
    stage.add("distant traffic", murmur, level + 10 * np.log10(stage.city.traffic), near=True)


def _vehicles(stage: Stage, per_ten_seconds: float, level: float) -> None:
    """Vehicles passing by at 25 to 55 km/h, one in six a bus or lorry (4 dB louder, slower engine)."""
    rng = stage.rng
    for _ in range(min(6, stage.count(per_ten_seconds * stage.city.traffic))):
        heavy = rng.random() < 1 / 6
        passing = sounds.pass_by(
            rng,
            stage.span,
            rng.uniform(-1, stage.span.seconds + 1),
            rng.uniform(7, 15),
            rng.uniform(4, 10) * stage.place.distance,
            stage.city.tyres,
            rng.uniform(35, 70) if heavy else rng.uniform(60, 110),
        )
        stage.add("vehicles", passing, level + (4 if heavy else 0) + rng.normal(0, 2), near=True)


def _speed(stage: Stage) -> np.ndarray:
    """A vehicle's speed over the clip, 0 to 1: cruising, starting off, braking or standing."""
    time, start = stage.span.time, stage.moment() - 2
    kind = stage.rng.choice(4, p=[0.4, 0.25, 0.2, 0.15])
    cruise = stage.rng.uniform(0.6, 1)
    ramp = np.clip((time - start) / stage.rng.uniform(5, 9), 0, 1) * cruise
    return np.asarray((np.full(len(time), cruise), ramp, cruise - ramp, np.zeros(len(time)))[kind])


def _rails(stage: Stage, rolling: float, high: float, inverter: float, squeal: float) -> None:
    """Rolling noise up to `high` Hz, joints, the traction's whine and curve squeal, all following one speed."""
    rng, span, city = stage.rng, stage.span, stage.city
    speed = _speed(stage)
    roar = noise(rng, span, band(80, high, -2)) * sounds.fluctuation(rng, span, 2.0, 1.5)
    stage.add("rolling", roar * speed**1.5, rolling)
    covered = np.cumsum(speed) / span.rate * 15 / 18  # at 15 m/s over rails of 18 m
    joints = np.flatnonzero(np.diff(np.floor(covered))) / span.rate
    pairs = [time + gap for time in joints for gap in (0.0, 0.16)]  # the two axles of a bogie
    stage.add("joints", sounds.knocks(rng, span, pairs, band(70, 900), 0.05), rolling + city.joints)
    motor = sounds.whine(rng, span, city.inverter * inverter * (0.3 + speed))
    stage.add("traction", motor * (speed > 0.02), rolling - 8)
    if stage.chance(squeal) and speed.max() > 0.1:
        stage.add("squeal", sounds.squeal(rng, span, city.squeal), rolling - 6)


def _sometimes(stage: Stage, *events: tuple[float, Callable[[Stage, float], None], float]) -> None:
    """Events that happen with a probability, each at its level in dB."""
    for probability, event, level in events:
        if stage.chance(probability):
            event(stage, level)


def _airport(stage: Stage) -> Waveform:
    _ventilation(stage, 58)
    _people(stage, 58, 1.5, 58, 2.5, 55)
    _sometimes(stage, (0.6, _trolley, 58), (0.5, _announcement, 63), (0.3, _beeps, 52))
    if stage.chance(0.2):  # a jet outside
        rumble = noise(stage.rng, stage.span, band(40, 250, -3))
        stage.add("jet", rumble * sounds.fluctuation(stage.rng, stage.span, 0.3, 3.0), 60)
    return stage.finish(2.2, -3)


def _shopping_mall(stage: Stage) -> Waveform:
    _ventilation(stage, 57)
    _people(stage, 60, 2.0, 60, 2.5, 56)
    _sometimes(stage, (0.6, _music, 55))
    if stage.chance(0.4):  # the till's scanner
        times = np.cumsum(stage.rng.exponential(1.5, 8))
        till = sounds.tones(stage.span, [stage.city.beep * 1.4] * 8, times.tolist(), 0.12, [1, 0.1])
        stage.add("till", till, 52)
    _sometimes(stage, (0.3, _trolley, 54), (0.15, _announcement, 60))
    return stage.finish(1.5, 0)


def _metro_station(stage: Stage) -> Waveform:
    _ventilation(stage, 60, 900)
    _people(stage, 57, 1.5, 59, 3.0, 57)
    if stage.chance(0.6):
        arrival, away = stage.moment(), stage.rng.uniform(1.5, 4)
        gain = np.exp(-np.abs(stage.span.time - arrival) / away)
        stage.add("rolling", noise(stage.rng, stage.span, band(80, 1200, -2)) * gain, 72)
        glide = stage.city.inverter * (0.3 + np.clip(np.abs(stage.span.time - arrival) / 8, 0, 1))
        stage.add("traction", sounds.whine(stage.rng, stage.span, glide) * gain, 64)
    _sometimes(stage, (0.35, _beeps, 63), (0.4, _announcement, 65))
    return stage.finish(2.0, -2)


def _metro(stage: Stage) -> Waveform:
    _rails(stage, 74, 1200, 1.0, 0.3)
    _ventilation(stage, 63, 900, near=True)
    _people(stage, 58, 1.0, 63, 0, 0)
    _sometimes(stage, (0.3, _announcement, 68), (0.3, _beeps, 67))
    return stage.finish(0.35, 3)


def _tram(stage: Stage) -> Waveform:
    _rails(stage, 70, 800, 0.6, 0.4)
    _ventilation(stage, 62, 700, near=True)
    _people(stage, 57, 1.2, 62, 0, 0)
    _distant_traffic(stage, 56)
    if stage.chance(0.2):  # the gong
        rings = [stage.moment() + gap for gap in (0.0, 0.35)]
        stage.add("gong", sounds.tones(stage.span, [stage.city.chime[0]] * 2, rings, 0.8, [1, 0.2, 0.5, 0.1, 0.3]), 65)
    _sometimes(stage, (0.3, _announcement, 65), (0.25, _beeps, 65))
    return stage.finish(0.3, 3)


def _bus(stage: Stage) -> Waveform:
    rng, span = stage.rng, stage.span
    speed = _speed(stage)
    gears = 1 + 1.3 * (speed * 4 % 1.0) * (speed > 0.02)  # four gears; revs climb in each of them
    smooth = np.convolve(gears[:: span.rate // 50], np.ones(15) / 15, mode="same")
    revs = np.maximum(1, np.interp(span.time, np.arange(len(smooth)) / 50, smooth))
    stage.add("engine", sounds.engine(rng, span, stage.city.bus_firing * revs), 72, near=True)
    road = noise(rng, span, band(40, 500, -4)) * sounds.fluctuation(rng, span, 3.0, 2.0)
    stage.add("road", road * speed, 69)
    rattle = np.sort(rng.uniform(0, span.seconds, stage.count(25 * float(speed.mean()))))
    stage.add("rattle", sounds.knocks(rng, span, rattle.tolist(), band(300, 3000), 0.02), 60)
    _ventilation(stage, 61, 1200, near=True)
    _people(stage, 55, 1.2, 61, 0, 0)
    _sometimes(stage, (0.3, _announcement, 64), (0.25, _beeps, 63))
    return stage.finish(0.25, 4)


def _park(stage: Stage) -> Waveform:
    rng, span = stage.rng, stage.span
    _distant_traffic(stage, 51)
    _wind(stage, 47)
    leaves = noise(rng, span, band(900, 8000)) * sounds.fluctuation(rng, span, 0.7, 3.0)
    stage.add("leaves", leaves, 43 + stage.city.wind, near=True)
    stage.add("birds", sounds.birds(rng, span, stage.city.birds, stage.count(9)), 51)
    _people(stage, 0, 0.6, 51, 0, 0)
    if stage.chance(0.6):
        stage.add("gravel", sounds.footsteps(rng, span, int(rng.integers(1, 4)), 0, gravel=True), 50)
    if stage.chance(0.15):
        stage.add("fountain", noise(rng, span, band(600, 9000, -1)), 50)
    return stage.finish(0.5, 8)


def _wind(stage: Stage, level: float) -> None:
    """Gusts at the microphone: turbulence below 150 Hz."""
    gusts = noise(stage.rng, stage.span, band(20, 150, -6)) * sounds.fluctuation(stage.rng, stage.span, 1.0, 4.0)
    stage.add("wind", gusts, level + stage.city.wind, near=True)


def _public_square(stage: Stage) -> Waveform:
    _distant_traffic(stage, 58)
    _wind(stage, 48)
    _people(stage, 56, 1.8, 59, 2.0, 55)
    _vehicles(stage, 0.6, 62)
    if stage.chance(0.4):
        stage.add("birds", sounds.birds(stage.rng, stage.span, stage.city.birds, stage.count(4)), 52)
    if stage.chance(0.25):
        stage.add("fountain", noise(stage.rng, stage.span, band(600, 9000, -1)), 56)
    if stage.chance(0.15):  # church bells, with their minor third
        times = np.arange(stage.moment() % 1.6, stage.span.seconds, 1.6)
        pitch = stage.city.chime[0]
        stage.add("bells", sounds.tones(stage.span, [pitch] * len(times), times.tolist(), 3.0, [1, 0.7, 0.5, 0.4]), 58)
        minor = sounds.tones(stage.span, [1.19 * pitch] * len(times), times.tolist(), 3.0, [1])
        stage.add("bells", minor, 54)
    _sometimes(stage, (0.2, _trolley, 56))
    return stage.finish(1.0, 4)


def _street_pedestrian(stage: Stage) -> Waveform:
    _distant_traffic(stage, 57)
    _people(stage, 59, 2.2, 61, 3.5, 59)
    _vehicles(stage, 0.3, 61)
    _sometimes(stage, (0.3, _music, 54), (0.3, _trolley, 57))
    return stage.finish(0.8, 3)


def _street_traffic(stage: Stage) -> Waveform:
    rng, span = stage.rng, stage.span
    _distant_traffic(stage, 64)
    _wind(stage, 48)
    _vehicles(stage, 3.0, 71)
    _people(stage, 0, 0.5, 59, 1.0, 55)
    if stage.chance(0.3):  # a bus waiting
        idle = sounds.engine(rng, span, np.full(span.samples, stage.city.bus_firing))
        stage.add("engine", idle, 64)
    if stage.chance(0.35):  # the crossing's signal for the blind
        times = np.arange(0, span.seconds, 1 / stage.city.crossing_rate).tolist()
        ticks = sounds.tones(span, [stage.city.crossing] * len(times), times, 0.05, [1, 0.4])
        stage.add("crossing", ticks, 56)
    if stage.chance(0.1):  # a horn: two notes
        horn = sounds.tones(span, [410, 510], [stage.moment()] * 2, 0.7, [1, 0.9, 0.7, 0.6, 0.4, 0.3])
        stage.add("horn", horn, 70)
    return stage.finish(0.7, 5)


SCENES: dict[str, Callable[[Stage], Waveform]] = {
    "airport": _airport,
    "bus": _bus,
    "metro": _metro,
    "metro_station": _metro_station,
    "park": _park,
    "public_square": _public_square,
    "shopping_mall": _shopping_mall,
    "street_pedestrian": _street_pedestrian,
    "street_traffic": _street_traffic,
    "tram": _tram,
}
