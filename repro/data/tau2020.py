"""TAU Urban Acoustic Scenes 2020 Mobile, development set (T. Heittola et al., 2020), as its archives unpack.

The folder holds `meta.csv` (tab-separated: filename, scene_label, identifier, source_label) and `audio/`, mono WAVs
of 10 s at 44.1 kHz and 24 bits. The identifier is "city-location".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.data.audio import decode, fit_length, resample, to_int16
from repro.data.clips import COLUMNS, SAMPLE_RATE, samples_in
from repro.data.faults import Fault, printable, refusal
from repro.data.metadata import Layout, examine_table, lines_by_file, one_of, read_metadata
from repro.data.parallel import ordered_map
from repro.data.split import FOLD
from repro.experiment import DataConfig, Resampling

RECORDED_RATE = 44_100  # Hz, of every recording

SECONDS = 10.0  # length of every recording

SCENES = (
    "airport",
    "bus",
    "metro",
    "metro_station",
    "park",
    "public_square",
    "shopping_mall",
    "street_pedestrian",
    "street_traffic",
    "tram",
)
DEVICES = ("a", "b", "c", "s1", "s2", "s3", "s4", "s5", "s6")
IDENTIFIER = re.compile(r"[a-z]+(-[a-z]+)*-[0-9]+")


def _identifier_rule(field: str) -> str:
    return "" if IDENTIFIER.fullmatch(field) else f"malformed identifier '{printable(field)}': not city-location"


LAYOUT = Layout(
    dataset="tau2020",
    separator="\t",
    columns=("filename", "scene_label", "identifier", "source_label"),
    rules={
        "scene_label": one_of("scene", SCENES),
        "identifier": _identifier_rule,
        "source_label": one_of("device", DEVICES),
    },
)

FOLDS = {"train": "evaluation_setup/fold1_train.csv", "test": "evaluation_setup/fold1_test.csv"}
"""The lists of the official split; clips of the set that neither names are on no side of it."""


def listing(config: DataConfig) -> pd.DataFrame:
    """The clips of the set in the order of `meta.csv`, columns `COLUMNS`, and `FOLD` where the split is the official.

    Raises:
        InputError: `meta.csv` or a list of the official split is missing or not what it should be, or a recording
            that `meta.csv` lists is missing.
    """
    root = Path(config.root)
    meta = read_metadata(root, LAYOUT)
    table = meta.rename(columns={"scene_label": "scene", "identifier": "location", "source_label": "device"})
    table["city"] = table["location"].str.rpartition("-")[0]
    table = table.loc[:, list(COLUMNS)]
    return table.assign(**{FOLD: _official_folds(root, table)}) if config.split == "official" else table


def _official_folds(root: Path, table: pd.DataFrame) -> pd.Series[str]:
    """The side of the official split that every clip is on: "train", "test", or "" for neither."""
    scenes = dict(zip(table["filename"], table["scene"], strict=True))
    folds: dict[str, str] = {}
    faults: list[Fault] = []
    for side, name in FOLDS.items():
        listed = examine_table(root, name, LAYOUT.separator, ("filename",))
        faults += listed.faults
        for filename, lines in lines_by_file(listed).items():
            where = f"line {lines[-1]}: {printable(filename)}"
            scene = listed.rows[lines[-1]].get("scene_label")
            if filename not in scenes:
                faults.append(Fault(name, f"{where} is not listed in meta.csv"))
            elif scene not in (None, scenes[filename]):
                faults.append(Fault(name, f"{where} is of the scene {scenes[filename]} in meta.csv"))
            if len(lines) > 1 or filename in folds:
                faults.append(Fault(name, f"{where} is listed before"))
            folds[filename] = side
    if faults:
        raise refusal(root, LAYOUT.dataset, faults)
    return table["filename"].map(folds).fillna("")


def render(config: DataConfig, first_row: int = 0) -> Iterator[NDArray[np.int16]]:
    """The waveforms of `listing`, in its order, from `first_row` on: int16, (clip_seconds * 22,050,).

    A clip is resampled to 22,050 Hz and then brought to its length (`repro.data.audio.fit_length`).

    Raises:
        InputError: a recording cannot be read.
    """
    paths = [Path(config.root) / name for name in listing(config)["filename"][first_row:]]
    samples = samples_in(config.clip_seconds)
    return ordered_map(partial(_prepare, samples=samples, sinc=config.resampling), paths)


def _prepare(path: Path, samples: int, sinc: Resampling) -> NDArray[np.int16]:
    return to_int16(fit_length(resample(*decode(path), SAMPLE_RATE, sinc), samples))
