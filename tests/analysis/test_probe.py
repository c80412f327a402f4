import numpy as np
import pandas as pd
import tiny

from repro.analysis.probe import linear_probe
from repro.data.clips import Clips


def test_scenes_that_differ_in_their_spectra_are_told_apart(toy_inputs):
    assert linear_probe(toy_inputs.clips) == (1.0, 1.0)


def test_scenes_that_do_not_differ_are_guessed():
    table = pd.concat([tiny.table()] * 4, ignore_index=True)
    noise = np.random.default_rng(0).normal(0, 3000, (len(table), 8820)).astype(np.int16)
    probe = linear_probe(Clips(noise, table, tiny.SCENES, "0" * 64))
    # of 16 clips in either group a half by chance, with a standard deviation of 12.5 points
    assert 0.1 < probe.seen < 0.9
    assert 0.1 < probe.unseen < 0.9
