"""The synthetic set: ten scenes in ten cities through nine devices, generated from a seed.

It stands in for TAU Urban Acoustic Scenes 2020 Mobile, which cannot be shipped, and has its structure: scenes,
cities, recording places, device a for training, devices b and c recording the same moment as a, and s1 to s6
simulated from a's recordings. Sources, rooms and levels are in `scenes` and `sounds` beside this file, what a city or
a place determines in `places`, the devices in `repro.data.devices`; all of their parameters
were set on acoustic grounds before any network was trained on the set, and none may be tuned to a result.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import soundfile
from numpy.typing import NDArray

from repro.data import devices
from repro.data.audio import to_int16
from repro.data.clips import COLUMNS, SAMPLE_RATE, samples_in
from repro.data.parallel import ordered_map
from repro.data.synthetic.places import City, Location, generator
from repro.data.synthetic.scenes import SCENES
from repro.data.synthetic.sounds import Span
from repro.data.synthetic.stage import Stage
from repro.errors import InputError
from repro.experiment import DataConfig

GENERATOR_VERSION = 1  # raised whenever the same configuration would give other waveforms or another listing

CITIES = ("barcelona", "helsinki", "lisbon", "london", "lyon", "milan", "paris", "prague", "stockholm", "vienna")
LOCATIONS = 2  # recording places a (city, scene) pair (fewer if there are fewer clips)

SIMULTANEOUS = ("b", "c")  # devices that hear the scene itself; the others are simulated from device a's recording

MAX_OFFSET = 0.05  # seconds by which a simultaneous device may have been started late


class Pair(NamedTuple):
    """One (scene, city) pair of one set: what a worker generates at a time."""

    seed: int
    clips: int
    scene: str
    city: str


def listing(config: DataConfig) -> pd.DataFrame:
    """The clips of the set, columns `COLUMNS`, by scene and city and in each pair by segment and device.

    Device a records `config.clips` segments of every pair, every other device one of them.
    """
    rows = [
        (_filename(pair, *recording), pair.scene, pair.city, recording[0], recording[2])
        for pair in _pairs(config)
        for recording in _recordings(pair)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def render(config: DataConfig, first_row: int = 0) -> Iterator[NDArray[np.int16]]:
    """The waveforms of `listing`, in its order, from `first_row` on: int16, (clip_seconds * 22,050,)."""
    span = Span(samples_in(config.clip_seconds), SAMPLE_RATE)
    pairs = _pairs(config)
    pair, recording = divmod(first_row, len(_recordings(pairs[0])))
    waveforms = ordered_map(partial(_render_pair, span=span), pairs[pair:])
    yield from islice(chain.from_iterable(waveforms), recording, None)


def write_tau_folder(config: DataConfig, folder: Path, *, sample_rate: int = 44_100) -> None:
    """Write the set as the official archives of TAU 2020 Mobile unpack: `meta.csv` and 24-bit WAVs in `audio/`.

    Scenes, places, devices and length are those of `config`; the waveforms are generated at `sample_rate`, not
    resampled. `folder` appears whole or not at all.

    Raises:
        InputError: `folder` exists and is not an empty folder, another process is writing it, or the disk is full.
    """
    folder = folder.resolve()  # "." has no name to write beside
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not an empty folder: name a new one, or remove it first")
    aside = folder.with_name(f".{folder.name}.partial")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside.mkdir()
    except OSError as error:
        if aside.is_dir():
            killed = "left from one that was killed: wait for it, or remove it"
            raise InputError(f"{aside} is being written, or {killed}") from None
        raise InputError(f"{folder} cannot be made ({error.strerror}): name another folder") from None
    try:
        (aside / "audio").mkdir()
        span = Span(round(config.clip_seconds * sample_rate), sample_rate)
        for _ in ordered_map(partial(_write_pair, span=span, folder=aside), _pairs(config)):
            pass
        meta = listing(config)[["filename", "scene", "location", "device"]]
        header = ["filename", "scene_label", "identifier", "source_label"]
        meta.to_csv(aside / "meta.csv", sep="\t", header=header, index=False, lineterminator="\n")
        aside.replace(folder)
    except (OSError, soundfile.SoundFileError) as error:
        raise InputError(f"{folder} cannot be written ({error}): make room there, or name another folder") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _filename(pair: Pair, location: str, segment: int, device: str) -> str:
    return f"audio/{pair.scene}-{location}-{segment}-{device}.wav"


def _pairs(config: DataConfig) -> list[Pair]:
    return [Pair(config.seed, config.clips, scene, city) for scene in SCENES for city in CITIES]


def _recordings(pair: Pair) -> list[tuple[str, int, str]]:
    """(location, segment, device) of a pair's clips; the other devices take a's segments in turn."""
    others = [device for device in devices.SYNTHETIC if device != "a"]
    places = min(LOCATIONS, pair.clips)
    first = CITIES.index(pair.city) * places
    return [
        (f"{pair.city}-{first + segment * places // pair.clips}", segment, device)
        for segment in range(pair.clips)
        for device in ("a", *(name for turn, name in enumerate(others) if turn % pair.clips == segment))
    ]


def _record(pair: Pair, span: Span) -> Iterator[NDArray[np.float64]]:
    """The recordings of a pair in the order of `_recordings`, full scale 1.0, (samples,)."""
    late, city = round(MAX_OFFSET * span.rate), City(pair.seed, pair.city)
    sound = recording = np.empty(0)
    for location, segment, name in _recordings(pair):
        rng = generator(pair.seed, "device", pair.scene, location, segment, name)
        device = devices.SYNTHETIC[name]
        if name == "a":
            chance = generator(pair.seed, "clip", pair.scene, location, segment)
            longer, place = Span(span.samples + late, span.rate), Location(pair.seed, pair.scene, location)
            sound = SCENES[pair.scene](Stage(chance, longer, city, place)).astype(np.float64)
            recording = devices.apply(device, sound[: span.samples], span.rate, rng)
            yield recording
        elif name in SIMULTANEOUS:
            start = int(rng.integers(late + 1))
            yield devices.apply(device, sound[start : start + span.samples], span.rate, rng)
        else:
            yield devices.apply(device, recording, span.rate, rng)


def _render_pair(pair: Pair, span: Span) -> NDArray[np.int16]:
    return np.stack([to_int16(recording) for recording in _record(pair, span)])


def _write_pair(pair: Pair, span: Span, folder: Path) -> None:
    for recording, sound in zip(_recordings(pair), _record(pair, span), strict=True):
        soundfile.write(folder / _filename(pair, *recording), sound, span.rate, subtype="PCM_24")
