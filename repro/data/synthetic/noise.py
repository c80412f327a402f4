"""Noise in the place of recordings, for measurements: what training takes does not depend on what is heard."""

from __future__ import annotations

import numpy as np
import pandas as pd

from repro.data.clips import COLUMNS, SAMPLE_RATE, Clips
from repro.data.split import FOLD
from repro.data.tau2020 import SCENES


def noise(train: int, test: int, seconds: float) -> Clips:
    """Clips of noise, the same ones every time.

    Args:
        train: clips to train on, of one scene after the other in turn.
        test: clips to test on, at least 2: one of the seen device, the others of another.
        seconds: length of a clip.
    """
    devices, count = ["a"] * (train + 1) + ["b"] * (test - 1), train + test
    rows = [(f"{row}.wav", SCENES[row % len(SCENES)], "city", "city-0", devices[row]) for row in range(count)]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table[FOLD] = ["train"] * train + ["test"] * test
    samples = round(seconds * SAMPLE_RATE)
    waveforms = np.random.default_rng(0).integers(-3000, 3000, (count, samples), dtype=np.int16)
    return Clips(waveforms, table, SCENES, "noise")
