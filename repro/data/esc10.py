"""ESC-10 (K. J. Piczak, ACM MM 2015): real recordings, heard through real microphones.

The folder holds `meta.csv` (comma-separated: filename, fold, freesound_clip, ..., label) and `audio/`. Device "a" is
the recording as it is. The unseen devices are microphones whose impulse responses were measured: every recording is
convolved with each of them, or with a few of them by a balanced design; every third of them, in the order of their
names, also compresses, as TAU's S devices do. The result gets the level that the recording had or, if it would clip,
the highest level at which it does not. The five folds never share a source, so the fold takes the place of TAU's city,
and the freesound clip that of the recording place.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.data.audio import decode, fit_length, resample, to_int16, within_full_scale
from repro.data.clips import COLUMNS, SAMPLE_RATE, samples_in
from repro.data.design import balanced_blocks
from repro.data.devices import Compressor, through_microphone
from repro.data.metadata import Layout, one_of, read_metadata
from repro.data.parallel import ordered_map
from repro.data.split import TRAINING_DEVICE
from repro.errors import InputError
from repro.experiment import DataConfig, Resampling

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

COMPRESSED_EVERY = 3  # every third of the microphones used also compresses: 2 of 6, 16 of 50

COMPRESSOR = Compressor(threshold=-30, ratio=3, attack=0.005, release=0.2)


def listing(config: DataConfig) -> pd.DataFrame:
    """Every recording through its devices, columns `COLUMNS`: recordings in the order of `meta.csv`, "a" first.

    The other devices are named after their impulse responses' files.

    Raises:
        InputError: `meta.csv` is missing or not what it should be, or a recording that it lists is missing; there
            are no impulse responses, or too few, or of the same name.
    """
    root = Path(config.root)
    meta = read_metadata(root, LAYOUT)
    filenames = LAYOUT.prefix + meta["filename"]
    names = [path.stem for path in microphones(config)]
    rows = [
        (filename, label, f"fold{fold}", clip, device)
        for filename, label, fold, clip, heard_through in zip(
            filenames, meta["label"], meta["fold"], meta["freesound_clip"], _heard_through(config, meta), strict=True
        )
        for device in [TRAINING_DEVICE, *(names[number] for number in heard_through)]
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _heard_through(config: DataConfig, meta: pd.DataFrame) -> list[list[int]]:
    """For every recording the numbers of the microphones that it is heard through, ascending."""
    count = len(microphones(config))
    if not config.microphones_each:
        return [list(range(count))] * len(meta)
    if config.microphones_each > count:
        found = f"{config.impulse_responses} gives {count} microphones"
        raise InputError(f"microphones_each = {config.microphones_each}: {found}; set it to at most {count}, 0 for all")
    return balanced_blocks([*zip(meta["fold"], meta["label"], strict=True)], count, config.microphones_each)


def microphones(config: DataConfig) -> list[Path]:
    """The WAVs of the impulse responses used: all, or `config.microphones` spread evenly over the sorted names.

    A device is named after its file, without the suffix.

    Raises:
        InputError: none are given, the folder is missing, holds no WAV or fewer than asked for, or two devices
            would have the same name.
    """
    if not config.impulse_responses:
        raise InputError("data set 'esc10' needs microphones: set impulse_responses to a folder of WAVs")
    folder = Path(config.impulse_responses)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: set impulse_responses to a folder of WAVs")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".wav")
    if not found:
        raise InputError(f"{folder} holds no .wav file: set impulse_responses to a folder of WAVs")
    if len(found) < config.microphones:
        raise InputError(f"{folder} holds {len(found)} microphones: set microphones to at most that, or to 0 for all")
    names = {TRAINING_DEVICE}
    for path in found:
        if path.stem in names:
            raise InputError(f"{path} would be a second device '{path.stem}': rename it")
        names.add(path.stem)
    chosen = np.linspace(0, len(found) - 1, config.microphones or len(found)).round().astype(int)
    return [found[number] for number in chosen]


def _impulse_response(path: Path, sinc: Resampling) -> NDArray[np.float64]:
    response, rate = decode(path)
    if not response.any():
        raise InputError(f"{path} is silent, no impulse response: remove it")
    return resample(response, rate, SAMPLE_RATE, sinc)


def render(config: DataConfig, first_row: int = 0) -> Iterator[NDArray[np.int16]]:
    """The waveforms of `listing`, in its order, from `first_row` on: int16, (clip_seconds * 22,050,).

    A recording is resampled and brought to its length (`repro.data.audio.fit_length`) before it goes through the
    microphones.

    Raises:
        InputError: a recording or an impulse response cannot be read, or a response is silent.
    """
    responses = [_impulse_response(path, config.resampling) for path in microphones(config)]
    meta = read_metadata(Path(config.root), LAYOUT)
    paths = [Path(config.root) / LAYOUT.prefix / name for name in meta["filename"]]
    samples = samples_in(config.clip_seconds)
    prepare = partial(_prepare, responses=responses, samples=samples, sinc=config.resampling)
    recording, device = divmod(first_row, 1 + (config.microphones_each or len(responses)))
    prepared = ordered_map(prepare, paths[recording:], _heard_through(config, meta)[recording:])
    yield from islice(chain.from_iterable(prepared), device, None)


def _prepare(
    path: Path, heard_through: list[int], responses: list[NDArray[np.float64]], samples: int, sinc: Resampling
) -> NDArray[np.int16]:
    """One recording as it is and through its microphones, int16, (1 + microphones, samples)."""
    original = within_full_scale(fit_length(resample(*decode(path), SAMPLE_RATE, sinc), samples))
    heard = [original]
    for number in heard_through:
        compressor = COMPRESSOR if (number + 1) % COMPRESSED_EVERY == 0 else None
        heard.append(within_full_scale(through_microphone(original, responses[number], SAMPLE_RATE, compressor)))
    return np.stack([to_int16(recording) for recording in heard])
