"""Contrasts and their intervals: literal values, scipy's own tests, and simulations with known truth."""

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


def test_two_networks_alone_give_the_paired_t_test():
    cells = np.array([[71.0, 74.0, 70.5, 76.0, 73.0], [70.0, 71.5, 70.0, 72.5, 71.0]])
    found = estimate(cells, {0: 1.0, 1: -1.0}, list("abcde"))
    expected = stats.ttest_rel(cells[0], cells[1])
    assert found.values == {"a": 1.0, "b": 2.5, "c": 0.5, "d": 3.5, "e": 2.0}
    assert found.mean == pytest.approx(1.9)
    assert found.mean / found.error == pytest.approx(expected.statistic)
    assert 2 * found.p_below(0.0) == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert found.interval() == pytest.approx((interval.low, interval.high))


def test_the_residual_is_that_of_network_and_block_in_an_analysis_of_variance():
    cells = np.array([[1.0, 2.0, 4.0], [2.0, 4.0, 5.0], [6.0, 6.0, 9.0]])
    residual = cells - cells.mean(axis=1, keepdims=True) - cells.mean(axis=0) + cells.mean()
    assert residual_variance(cells) == (pytest.approx((residual**2).sum() / 4), 4.0)
    lacking = cells.copy()
    lacking[2, 2] = np.nan
    assert residual_variance(lacking)[1] == 3.0
    assert residual_variance(cells[:1]) is None


def test_devices_add_what_their_clips_have_in_common():
    contrast = np.array([3.0, 3.0, 1.0, 1.0])  # two clips of each of two devices
    effects = ClipEffects((contrast - 2) / 4, ["r1", "r2", "r1", "r2"], ["s"] * 4, ["x", "x", "y", "y"], fresh=True)
    # sums of influence by device: 0.5 and -0.5; 2 / (2 - 1) of their squares, less that of the single clips
    assert clip_variances(effects) == [(pytest.approx(2 * 0.5 - 4 / 16), 1.0)]
    shared = ClipEffects(effects.influence, effects.recordings, effects.scenes, effects.devices, fresh=False)
    assert clip_variances(shared)[0] == (0.0, 1.0)  # both recordings have the same mean
    one_device = ClipEffects(effects.influence, effects.recordings, effects.scenes, ["x"] * 4, fresh=True)
    assert clip_variances(one_device) == []


def test_slope_and_holm_by_hand():
    assert slope_coefficients([3.0, 4.0, 5.0]) == pytest.approx([-0.5, 0.0, 0.5])
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_an_empty_estimate_says_nothing():
    nothing = Estimate()
    assert (nothing.mean, nothing.interval(), nothing.detectable, nothing.p_below(0.0)) == (None, None, None, 1.0)
