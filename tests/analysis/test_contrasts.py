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


VARIANTS = ["base"] * 3 + ["damped"] * 3
CONTRASTS = {
    "between": {5: 1.0, 0: -1.0},
    "within": {5: 1.0, 3: -1.0},
    "means": dict(zip(range(6), [-1 / 3] * 3 + [1 / 3] * 3, strict=True)),
}


def simulated(rng, contrast, run, fold, recording, device, noise, seeds_only=False):
    """A study of three networks of each variant, of which a contrast has the true value 5.

    Standard deviations: of a training, of what the networks of a variant have in common in a fold, and by network of a
    recording, device and clip.
    """
    factors, networks = CONTRASTS[contrast], len(VARIANTS)
    blocks = 3 if seeds_only else FOLDS
    truth = np.where(np.arange(networks) == 5, 5.0 / factors[5], 0.0)
    recordings = rng.normal(0, recording, (networks, RECORDINGS))
    devices = rng.normal(0, device, (networks, MICROPHONES))
    runs = rng.normal(0, run, (networks, blocks)) + np.repeat(rng.normal(0, fold, (2, blocks)), 3, axis=0)
    if seeds_only:  # every seed tests the same recordings; the clips' noise is new in every training
        fixed = truth[:, None] + recordings[:, CLIP_RECORDING] + devices[:, HEARD.ravel()]
        scores = fixed[:, None] + runs[:, :, None] + rng.normal(0, noise, (networks, blocks, len(CLIP_RECORDING)))
        cells, clips = scores.mean(axis=2), scores.mean(axis=1)
    else:
        clips = truth[:, None] + recordings[:, CLIP_RECORDING] + devices[:, HEARD.ravel()]
        clips += runs[:, FOLD[CLIP_RECORDING]] + rng.normal(0, noise, clips.shape)
        cells = clips.reshape(networks, FOLDS, -1).mean(axis=2)
    of_clips = sum(factor * clips[network] for network, factor in factors.items())
    effects = ClipEffects(
        influence=(of_clips - of_clips.mean()) / len(of_clips),
        recordings=CLIP_RECORDING.tolist(),
        scenes=SCENE[CLIP_RECORDING].tolist(),
        devices=HEARD.ravel().tolist(),
        fresh=not seeds_only,
    )
    return estimate(cells, VARIANTS, factors, [str(block) for block in range(blocks)], effects)


@pytest.mark.parametrize(
    ("contrast", "run", "fold", "recording", "device", "noise", "seeds_only"),
    [
        ("between", 1.0, 0.0, 30.0, 2.0, 20.0, False),  # points; about what runs on real recordings show
        ("between", 3.0, 0.0, 20.0, 8.0, 20.0, False),  # devices and trainings matter most
        ("within", 2.0, 0.0, 30.0, 0.0, 30.0, False),
        ("between", 1.0, 2.0, 30.0, 2.0, 20.0, False),  # all networks of a variant do worse in one fold
        ("within", 1.0, 2.0, 30.0, 2.0, 20.0, False),
        ("means", 1.0, 2.0, 30.0, 2.0, 20.0, False),
        ("within", 1.0, 0.0, 30.0, 4.0, 20.0, True),
    ],
)
def test_intervals_of_95_percent_cover_the_truth_as_often(contrast, run, fold, recording, device, noise, seeds_only):
    rng = np.random.default_rng(1)
    draws, covered = 600, 0
    for _ in range(draws):
        low, high = simulated(rng, contrast, run, fold, recording, device, noise, seeds_only).interval()
        covered += low <= 5.0 <= high
    assert 0.93 <= covered / draws <= 0.975, covered / draws


def test_few_places_with_several_clips_each_are_covered_as_often():
    """Three places of each of four scenes, each with four clips of each of seven devices, as TAU has them."""
    scene, place, device = (grid.ravel() for grid in np.indices((4, 3, 7, 4))[:3])
    rng, draws, covered = np.random.default_rng(0), 600, 0
    recordings, devices = (scene * 3 + place).tolist(), device.tolist()
    for _ in range(draws):
        truth = 3.0 + rng.normal(0, 8, 12)[scene * 3 + place] + rng.normal(0, 2, 7)[device]
        truth += rng.normal(0, 6, (12, 7))[scene * 3 + place, device]
        clips = truth + rng.normal(0, 5, (3, len(scene)))  # by seed
        influence = (clips.mean(axis=0) - clips.mean()) / len(scene)
        effects = ClipEffects(influence, recordings, scene.tolist(), devices, fresh=False)
        cells = np.stack([clips.mean(axis=1), np.zeros(3)])
        low, high = estimate(cells, ["base"] * 2, {0: 1.0, 1: -1.0}, list("abc"), effects).interval()
        covered += low <= 3.0 <= high
    assert 0.93 <= covered / draws <= 0.975, covered / draws


@pytest.mark.parametrize("variants", [["base", "damped"], ["base", "base"]])
def test_two_networks_alone_give_the_paired_t_test(variants):
    cells = np.array([[71.0, 74.0, 70.5, 76.0, 73.0], [70.0, 71.5, 70.0, 72.5, 71.0]])
    found = estimate(cells, variants, {0: 1.0, 1: -1.0}, list("abcde"))
    assert found.values == {"a": 1.0, "b": 2.5, "c": 0.5, "d": 3.5, "e": 2.0}
    assert found.mean == pytest.approx(1.9)
    assert_is_t_test(found, stats.ttest_rel(cells[0], cells[1]))


def assert_is_t_test(found, expected):
    assert found.mean / found.error == pytest.approx(expected.statistic)
    assert found.freedom == pytest.approx(expected.df)
    assert 2 * min(found.p_below(0.0), found.p_above(0.0)) == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert found.interval() == pytest.approx((interval.low, interval.high))


def test_the_means_of_two_variants_give_the_paired_t_test_of_their_means():
    cells = np.random.default_rng(0).normal(70, 3, (5, 6))
    factors = {0: -0.5, 1: -0.5, 2: 1 / 3, 3: 1 / 3, 4: 1 / 3}
    found = estimate(cells, ["base"] * 2 + ["damped"] * 3, factors, list("abcdef"))
    assert_is_t_test(found, stats.ttest_rel(cells[2:].mean(axis=0), cells[:2].mean(axis=0)))


def test_a_contrast_between_variants_has_both_errors_of_a_split_plot():
    cells = np.array([[1.0, 2.0, 4.0], [2.0, 4.0, 5.0], [6.0, 6.0, 9.0], [5.0, 7.0, 9.0]])
    found = estimate(cells, ["base", "base", "damped", "damped"], {2: 1.0, 0: -1.0}, list("abc"))
    # Means of base 1.5, 3, 4.5 and of damped 5.5, 6.5, 9 by block: differences 4, 3.5, 4.5 with the variance 0.25.
    # Residuals of base +-(1, -2, 1)/6, of damped +-(1, -1, 0)/2: sum of squares 4/3, with 12 - 4 - 6 + 2 freedoms.
    assert residual_variance(cells, ["base", "base", "damped", "damped"]) == (pytest.approx(1 / 3), 4.0)
    # 1 and -1 are 1/2 and -1/2 of the means, twice each, and 1/2 and -1/2 within each variant: four quarters
    whole, rest = 0.25 / 3, (1 / 3) * 4 * 0.25 / 3
    assert found.error**2 == pytest.approx(whole + rest)
    assert found.freedom == pytest.approx((whole + rest) ** 2 / (whole**2 / 2 + rest**2 / 4))


def test_the_residual_is_that_of_network_and_block_in_an_analysis_of_variance():
    cells = np.array([[1.0, 2.0, 4.0], [2.0, 4.0, 5.0], [6.0, 6.0, 9.0]])
    residual = cells - cells.mean(axis=1, keepdims=True) - cells.mean(axis=0) + cells.mean()
    alike = ["base"] * 3
    assert residual_variance(cells, alike) == (pytest.approx((residual**2).sum() / 4), 4.0)
    lacking = cells.copy()
    lacking[2, 2] = np.nan
    assert residual_variance(lacking, alike)[1] == 3.0
    assert residual_variance(cells[:1], alike[:1]) is None
    assert residual_variance(cells, ["base", "damped", "damped"])[1] == 2.0
    assert residual_variance(cells[:2], ["base", "damped"]) is None


def test_devices_add_what_their_clips_have_in_common():
    contrast = np.array([3.0, 3.0, 1.0, 1.0])  # two clips of each of two devices
    effects = ClipEffects((contrast - 2) / 4, ["r1", "r2", "r1", "r2"], ["s"] * 4, ["x", "x", "y", "y"], fresh=True)
    # sums of influence by device: 0.5 and -0.5; 2 / (2 - 1) of their squares, less that of the single clips
    assert clip_variances(effects) == [(pytest.approx(2 * 0.5 - 4 / 16), 1.0)]
    shared = ClipEffects(effects.influence, effects.recordings, effects.scenes, effects.devices, fresh=False)
    assert clip_variances(shared)[0] == (0.0, 1.0)  # both recordings have the same mean
    twice = ClipEffects(effects.influence, ["r1", "r1", "r2", "r2"], ["s"] * 4, effects.devices, fresh=True)
    # what two clips of one recording through one device have in common is not the device's alone
    assert clip_variances(twice) == [(pytest.approx(2 * 0.5 - 2 * 0.5**2), 1.0)]
    influence, recordings = np.array([3.0, -1.0, 0.0, -2.0, 2.0]), ["r1", "r2", "r3", "r4", "r5"]
    scenes = ClipEffects(influence, recordings, ["s", "s", "t", "t", "t"], ["x"] * 5, fresh=False)
    # within the scenes +-2, and 0 and +-2: n / (n - 1) of their squares, n - 1 degrees of freedom a scene
    assert clip_variances(scenes) == [(pytest.approx(2 / 1 * (4 + 4) + 3 / 2 * (0 + 4 + 4)), 3.0)]
    one_device = ClipEffects(effects.influence, effects.recordings, effects.scenes, ["x"] * 4, fresh=True)
    assert clip_variances(one_device) == []


def test_slope_and_holm_by_hand():
    assert slope_coefficients([3.0, 4.0, 5.0]) == pytest.approx([-0.5, 0.0, 0.5])
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_an_empty_estimate_says_nothing():
    nothing = Estimate()
    assert (nothing.mean, nothing.interval(), nothing.detectable, nothing.p_below(0.0)) == (None, None, None, 1.0)
