"""ESC-10 (K. J. Piczak, ACM MM 2015): real recordings, heard through real microphones.

The folder holds `meta.csv` (comma-separated: filename, fold, freesound_clip, ..., label) and `audio/`. Device "a" is
the recording as it is. The unseen devices are microphones whose impulse responses were measured: every recording is
convolved with each of them and brought back to the level it had. The five folds never share a source, so the fold
stands where TAU has the city, and the freesound clip where it has the recording place.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.config import DataConfig
from repro.data.audio import decode, fit_length, resample, to_int16
from repro.data.clips import COLUMNS, SAMPLE_RATE
from repro.data.devices import Compressor, through_microphone
from repro.data.metadata import Layout, one_of, read_metadata
from repro.data.parallel import ordered_map
from repro.data.split import TRAINING_DEVICE
from repro.errors import InputError

LABELS = (
    "baby_cry",
    "chainsaw",
    "clock_tick",
    "dog_bark",
    "fire_crackling",
    "helicopter",
    "person_sneeze",
    "rain",
    "rooster",
    "sea_waves",
)

LAYOUT = Layout(
    dataset="esc10",
    separator=",",
    columns=("filename", "fold", "freesound_clip", "label"),
    rules={"fold": one_of("fold", ("1", "2", "3", "4", "5")), "label": one_of("scene", LABELS)},
    prefix="audio/",
)

MICROPHONES = 6
"""Microphones used: this many, spread evenly over the sorted file names (all, where there are fewer)."""

COMPRESSED_EVERY = 3
"""Every third of the microphones used also compresses, as TAU's S devices do: 2 of 6."""

COMPRESSOR = Compressor(threshold=-30, ratio=3, attack=0.005, release=0.2)


def listing(config: DataConfig) -> pd.DataFrame:
    """Every recording through every device, columns `COLUMNS`: recordings in the order of `meta.csv`, "a" first.

    The other devices are named after their impulse responses' files.

    Raises:
        InputError: `meta.csv` is missing or not what it should be, or a recording that it lists is missing; there
            are no impulse responses.
    """
    root = Path(config.root)
    meta = read_metadata(root, LAYOUT)
    filenames = LAYOUT.prefix + meta["filename"]
    devices = [TRAINING_DEVICE, *(path.stem for path in microphones(config))]
    rows = [
        (filename, label, f"fold{fold}", clip, device)
        for filename, label, fold, clip in zip(
            filenames, meta["label"], meta["fold"], meta["freesound_clip"], strict=True
        )
        for device in devices
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def microphones(config: DataConfig) -> list[Path]:
    """The impulse responses used.

    Raises:
        InputError: none are given, the folder is missing or holds no WAV.
    """
    if not config.impulse_responses:
        raise InputError("data set 'esc10' needs microphones: set data_impulse_responses to a folder of WAVs")
    folder = Path(config.impulse_responses)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: set data_impulse_responses to a folder of WAVs")
    found = sorted(folder.glob("*.wav"))
    if not found:
        raise InputError(f"{folder} holds no .wav file: set data_impulse_responses to a folder of WAVs")
    chosen = np.linspace(0, len(found) - 1, min(MICROPHONES, len(found))).round().astype(int)
    return [found[number] for number in chosen]


def render(config: DataConfig) -> Iterator[NDArray[np.int16]]:
    """The waveforms of `listing`, in its order: int16, (clip_seconds * 22,050,).

    A recording is cut from its start, or repeated where it is shorter, before it goes through the microphones.

    Raises:
        InputError: a recording or an impulse response cannot be read.
    """
    responses = [resample(*decode(path), SAMPLE_RATE) for path in microphones(config)]
    table = listing(config)
    paths = [Path(config.root) / name for name in table.loc[table["device"] == TRAINING_DEVICE, "filename"]]
    samples = round(config.clip_seconds * SAMPLE_RATE)
    for recordings in ordered_map(partial(_prepare, responses=responses, samples=samples), paths):
        yield from recordings


def _prepare(path: Path, responses: list[NDArray[np.float64]], samples: int) -> NDArray[np.int16]:
    """One recording through all devices, int16, (1 + microphones, samples)."""
    original = fit_length(resample(*decode(path), SAMPLE_RATE), samples)
    heard = [original]
    for number, response in enumerate(responses, start=1):
        compressor = COMPRESSOR if number % COMPRESSED_EVERY == 0 else None
        heard.append(through_microphone(original, response, SAMPLE_RATE, compressor))
    return np.stack([to_int16(recording) for recording in heard])
