"""The paper's split (Section 3), which holds out (city, scene) pairs and trains on device a; and TAU's official one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.data.clips import Clips
from repro.errors import InputError

TRAINING_DEVICE = "a"
TEST_SHARE = 0.3

FOLD = "fold"  # column of the tables whose set brings its own split: "train", "test", or "" for clips on neither side


@dataclass(frozen=True)
class Split:
    """Row numbers of a clip table, int64, ascending.

    Attributes:
        train: device a, training side.
        seen: device a, test side.
        unseen: every other device, test side.
    """

    train: NDArray[np.int64]
    seen: NDArray[np.int64]
    unseen: NDArray[np.int64]

    @property
    def test(self) -> NDArray[np.int64]:
        """The test clips of all devices: the seen ones, then the unseen ones."""
        return np.concatenate([self.seen, self.unseen])


def held_out_cities(scenes: list[str], cities: list[str]) -> dict[str, tuple[str, ...]]:
    """For every scene the cities whose recordings of it are test clips.

    Every scene gives up the same number of cities, about 30 %, and the block moves on cyclically from scene to
    scene, so that the cities are given up equally often too: with 10 scenes, 10 cities each is given up by 3 scenes.
    """
    count = max(1, round(TEST_SHARE * len(cities)))
    return {
        scene: tuple(sorted(cities[(number * count + offset) % len(cities)] for offset in range(count)))
        for number, scene in enumerate(scenes)
    }


def with_folds(clips: Clips, table: pd.DataFrame) -> Clips:
    """The clips with the column `FOLD` of the same clips' `table`, where it has one, as part of their fingerprint."""
    if FOLD not in table:
        return clips
    content = "\n".join([clips.fingerprint, *table[FOLD]])
    return replace(
        clips,
        table=clips.table.assign(**{FOLD: table[FOLD].to_numpy()}),
        fingerprint=hashlib.sha256(content.encode()).hexdigest(),
    )


def leave_out(clips: Clips, city: str) -> Clips:
    """The clips with a column `FOLD` that makes those of one city the test side and all others the training side."""
    sides = np.where(clips.table["city"] == city, "test", "train")
    return replace(clips, table=clips.table.assign(**{FOLD: sides}))


def split_of(clips: Clips) -> Split:
    """The official split where the clips carry one (`FOLD`), else the paper's.

    Raises:
        InputError: a side would be empty.
    """
    return split_by_fold(clips.table) if FOLD in clips.table else split_by_city_and_scene(clips.table)


def split_by_fold(table: pd.DataFrame) -> Split:
    """The official split of a clip table (columns device, `FOLD`); device a alone is trained on, as in the paper's.

    Raises:
        InputError: a side would be empty.
    """
    fold = table[FOLD].to_numpy()
    return _split(table, fold == "train", fold == "test")


def split_by_city_and_scene(table: pd.DataFrame) -> Split:
    """Split a clip table (columns scene, city, device) so that no (city, scene) pair is on both sides.

    Raises:
        InputError: a side would be empty.
    """
    held_out = held_out_cities(sorted(table["scene"].unique()), sorted(table["city"].unique()))
    test = np.array(
        [city in held_out[scene] for city, scene in zip(table["city"], table["scene"], strict=True)], dtype=bool
    )
    return _split(table, ~test, test)


def _split(table: pd.DataFrame, train: NDArray[np.bool_], test: NDArray[np.bool_]) -> Split:
    seen_device = (table["device"] == TRAINING_DEVICE).to_numpy()
    split = Split(
        train=np.flatnonzero(seen_device & train),
        seen=np.flatnonzero(seen_device & test),
        unseen=np.flatnonzero(~seen_device & test),
    )
    for side in ("train", "seen", "unseen"):
        if not len(getattr(split, side)):
            raise InputError(
                f"the split has no clip on the side '{side}': the set needs device '{TRAINING_DEVICE}', other "
                f"devices, and at least two cities (it has devices {sorted(table['device'].unique())}, "
                f"{table['city'].nunique()} cities)"
            )
    return split
