"""The paper's split (Section 3): held-out (city, scene) pairs, training on device a alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.errors import InputError

TRAINING_DEVICE = "a"
TEST_SHARE = 0.3


@dataclass(frozen=True)
class Split:
    """Row numbers of a clip table, int64, ascending.

    Attributes:
        train: device a, training pairs.
        seen: device a, test pairs.
        unseen: every other device, test pairs.
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


def split_by_city_and_scene(table: pd.DataFrame) -> Split:
    """Split a clip table (columns scene, city, device) so that no (city, scene) pair is on both sides.

    Raises:
        InputError: a side would be empty.
    """
    scenes, cities = sorted(table["scene"].unique()), sorted(table["city"].unique())
    held_out = held_out_cities(scenes, cities)
    test = np.array(
        [city in held_out[scene] for city, scene in zip(table["city"], table["scene"], strict=True)], dtype=bool
    )
    seen_device = (table["device"] == TRAINING_DEVICE).to_numpy()
    split = Split(
        train=np.flatnonzero(seen_device & ~test),
        seen=np.flatnonzero(seen_device & test),
        unseen=np.flatnonzero(~seen_device & test),
    )
    for side in ("train", "seen", "unseen"):
        if not len(getattr(split, side)):
            raise InputError(
                f"the split has no clip on the side '{side}': the set needs device '{TRAINING_DEVICE}', other "
                f"devices, and at least two cities (it has devices {sorted(table['device'].unique())}, "
                f"{len(cities)} cities)"
            )
    return split
