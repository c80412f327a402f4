"""Contrasts and their intervals: literal values, scipy's own tests, and simulations with known truth."""

import math

import numpy as np
import pytest
from scipy import stats

from repro.analysis.contrasts import (
    ClipEffects,
    Estimate,
    clip_variances,
    estimate,
    holm,
    residual_variance,
    slope_coefficients,
)
from repro.data.design import balanced_blocks

FOLDS, SCENES, EACH, MICROPHONES = 5, 10, 8, 50
RECORDINGS = FOLDS * SCENES * EACH
FOLD = np.repeat(np.arange(FOLDS), SCENES * EACH)
SCENE = np.tile(np.repeat(np.arange(SCENES), EACH), FOLDS)
HEARD = np.array(balanced_blocks(list(zip(FOLD.tolist(), SCENE.tolist(), strict=True)), MICROPHONES, 6))
"""(recordings, 6): the microphones of every recording of the esc10 edition."""
CLIP_RECORDING = np.repeat(np.arange(RECORDINGS), 6)


def simulated(rng, effect, run, recording, device, noise, networks=10, seeds_only=False):
    """A width study of `networks`; the last less the first has the true mean `effect`.

    Standard deviations: of a training, of a recording, device and clip, each by network.
    """
    blocks = 3 if seeds_only else FOLDS
    truth = np.zeros(networks)
    truth[-1] = effect
    recordings = rng.normal(0, recording, (networks, RECORDINGS))
    devices = rng.normal(0, device, (networks, MICROPHONES))
    runs = rng.normal(0, run, (networks, blocks))
    if seeds_only:  # every seed tests the same recordings; the clips' noise is new in every training
        fixed = truth[:, None] + recordings[:, CLIP_RECORDING] + devices[:, HEARD.ravel()]
        scores = fixed[:, None] + runs[:, :, None] + rng.normal(0, noise, (networks, blocks, len(CLIP_RECORDING)))
        cells, clips = scores.mean(axis=2), scores.mean(axis=1)
    else:
        clips = truth[:, None] + recordings[:, CLIP_RECORDING] + devices[:, HEARD.ravel()]
        clips += runs[:, FOLD[CLIP_RECORDING]] + rng.normal(0, noise, clips.shape)
        cells = clips.reshape(networks, FOLDS, -1).mean(axis=2)
    contrast = clips[-1] - clips[0]
    effects = ClipEffects(
        influence=(contrast - contrast.mean()) / len(contrast),
        recordings=CLIP_RECORDING.tolist(),
        scenes=SCENE[CLIP_RECORDING].tolist(),
        devices=HEARD.ravel().tolist(),
        fresh=not seeds_only,
    )
    return estimate(cells, {networks - 1: 1.0, 0: -1.0}, [str(block) for block in range(blocks)], effects)


@pytest.mark.parametrize(
    ("run", "recording", "device", "noise", "seeds_only"),
    [
        (1.0, 30.0, 2.0, 20.0, False),  # points; about what runs on real recordings show
        (3.0, 20.0, 8.0, 20.0, False),  # devices and trainings matter most
        (2.0, 30.0, 0.0, 30.0, False),
        (1.0, 30.0, 4.0, 20.0, True),
    ],
)
def test_intervals_of_95_percent_cover_the_truth_as_often(run, recording, device, noise, seeds_only):
    rng = np.random.default_rng(1)
    draws, covered, called = 600, 0, 0
    for _ in range(draws):
        found = simulated(rng, 5.0, run, recording, device, noise, networks=6, seeds_only=seeds_only)
        low, high = found.interval()
        covered += low <= 5.0 <= high
        called += not low - 5.0 <= 0.0 <= high - 5.0
    assert 0.93 <= covered / draws <= 0.975, covered / draws
    assert called / draws <= 0.07
