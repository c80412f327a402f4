"""TAU Urban Acoustic Scenes 2020 Mobile, development set (T. Heittola et al., 2020), as its archives unpack.

The folder holds `meta.csv` (tab-separated: filename, scene_label, identifier, source_label) and `audio/`, mono WAVs
of 10 s at 44.1 kHz and 24 bits. The identifier is "city-location".
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
from repro.data.metadata import read_metadata, require_files
from repro.data.parallel import ordered_map

META_COLUMNS = ("filename", "scene_label", "identifier", "source_label")


def listing(config: DataConfig) -> pd.DataFrame:
    """The clips of the set in the order of `meta.csv`, columns `COLUMNS`.

    Raises:
        InputError: `meta.csv` is missing or not what it should be, or a recording that it lists is missing.
    """
    root = Path(config.root)
    meta = read_metadata(root, "\t", META_COLUMNS)
    require_files(root, meta["filename"])
    table = meta.rename(columns={"scene_label": "scene", "identifier": "location", "source_label": "device"})
    table["city"] = table["location"].str.rpartition("-")[0]
    return table.loc[:, list(COLUMNS)]


def render(config: DataConfig) -> Iterator[NDArray[np.int16]]:
    """The waveforms of `listing`, in its order: int16, (clip_seconds * 22,050,).

    A clip is cut from its start, or repeated where it is shorter, and resampled to 22,050 Hz.

    Raises:
        InputError: a recording cannot be read.
    """
    paths = [Path(config.root) / name for name in listing(config)["filename"]]
    return ordered_map(partial(_prepare, samples=round(config.clip_seconds * SAMPLE_RATE)), paths)


def _prepare(path: Path, samples: int) -> NDArray[np.int16]:
    return to_int16(fit_length(resample(*decode(path), SAMPLE_RATE), samples))
