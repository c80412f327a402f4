"""From estimates to verdicts: literal cases of the rule, and how often it errs where there is no effect."""

from dataclasses import replace

import numpy as np
import pytest

from repro.analysis.contrasts import Estimate, estimate
from repro.analysis.verdicts import Claim, Effect, Signal, Size, Verdict, judged

# 95 % interval with 8 degrees of freedom: mean ± 2.306 errors


def found(mean, error, freedom=8.0):
    return Estimate({"fold 1": mean, "fold 2": mean}, mean, error, freedom)


def claim(*effects, some=False):
    return judged(Claim("It helps.", "", effects, some=some))


@pytest.mark.parametrize(
    ("kind", "margin", "mean", "error", "verdict"),
    [
        ("increase", 0.0, 3.0, 1.0, Verdict.SUPPORTED),
        ("increase", 0.0, 2.0, 1.0, Verdict.DIRECTION_ONLY),
        ("increase", 5.0, 3.0, 1.0, Verdict.DIRECTION_ONLY),
        ("increase", 0.0, -1.0, 1.0, Verdict.INCONCLUSIVE),
        ("increase", 0.0, -3.0, 1.0, Verdict.CONTRADICTED),
        ("increase", 0.0, 0.2, 0.2, Verdict.ABSENT),
        ("decrease", 0.0, -3.0, 1.0, Verdict.SUPPORTED),
        ("decrease", 0.0, 3.0, 1.0, Verdict.CONTRADICTED),
        ("decrease", 0.0, 0.5, 1.0, Verdict.INCONCLUSIVE),
        ("equal", 2.0, 0.5, 0.7, Verdict.SUPPORTED),
        ("equal", 2.0, 0.5, 1.0, Verdict.DIRECTION_ONLY),
        ("equal", 2.0, -1.5, 1.0, Verdict.DIRECTION_ONLY),  # well below +2, not above -2
        ("equal", 2.0, 5.0, 1.0, Verdict.CONTRADICTED),
        ("no less", 2.0, -0.5, 0.6, Verdict.SUPPORTED),
        ("no less", 2.0, -1.5, 0.6, Verdict.DIRECTION_ONLY),
        ("no less", 2.0, -0.7, 0.6, Verdict.DIRECTION_ONLY),  # p = 0.031 of -2 or less; asked is half of 5 %
        ("no less", 2.0, -5.0, 1.0, Verdict.CONTRADICTED),
        ("no reversal", 0.0, -1.0, 1.0, Verdict.SUPPORTED),
        ("no reversal", 0.0, -3.0, 1.0, Verdict.CONTRADICTED),
    ],
)
def test_one_effect(kind, margin, mean, error, verdict):
    assert Effect("x", found(mean, error), kind, margin).verdict is verdict


def test_nothing_follows_from_a_single_block_or_from_values_without_variance():
    single = estimate(np.array([[5.0], [0.0]]), ["base"] * 2, {0: 1.0, 1: -1.0}, ["fold 1"])
    equal = estimate(np.array([[5.0, 5.0], [0.0, 0.0]]), ["base"] * 2, {0: 1.0, 1: -1.0}, ["seed 0", "seed 1"])
    for value in (single, equal):
        assert value.mean == 5.0 and value.error is None
        assert Effect("x", value, "increase").verdict is Verdict.DIRECTION_ONLY
        assert Effect("x", value, "decrease").verdict is Verdict.INCONCLUSIVE
        assert Effect("x", value, "equal", 9.0).verdict is Verdict.DIRECTION_ONLY
        assert Effect("x", value, "increase").signal is Signal.UNDETERMINED


def test_what_networks_reach_is_asked_of_every_run():
    def values(*numbers):
        named = {f"fold {place}": number for place, number in enumerate(numbers)}
        return Estimate(named, float(np.mean(numbers)))

    assert Effect("x", values(99.9, 100.0), "at least", 99.9).verdict is Verdict.SUPPORTED
    assert Effect("x", values(99.8, 100.0), "at least", 99.9).verdict is Verdict.INCONCLUSIVE
    assert Effect("x", values(99.8, 98.0), "at least", 99.9).verdict is Verdict.CONTRADICTED
    assert Effect("x", values(0.0, 0.0), "exact").verdict is Verdict.SUPPORTED
    assert Effect("x", values(0.0, 1.0), "exact").verdict is Verdict.INCONCLUSIVE
    assert Effect("x", Estimate(missing=5), "exact").verdict is Verdict.RUNS_MISSING


def test_there_is_no_verdict_while_runs_are_missing():
    part = replace(found(9.0, 1.0), missing=3)
    assert Effect("x", part, "increase").verdict is Verdict.RUNS_MISSING
    assert Effect("x", Estimate.of({"fold 1": 0.0}, missing=1), "exact").verdict is Verdict.RUNS_MISSING
    for lacking in (part, Estimate(missing=5)):
        unfit = Effect("x", lacking, "increase", unfit=("base W=4 (95.0 %)",))
        assert unfit.verdict is Verdict.PREMISE_NOT_MET  # which no further run can change


def test_networks_that_do_not_fit_give_no_verdict():
    effect = Effect("x", found(-9.0, 1.0), "increase", unfit=("base W=4 (95.0 %)",))
    assert effect.verdict is Verdict.PREMISE_NOT_MET
    assert claim(effect).verdict is Verdict.PREMISE_NOT_MET


@pytest.mark.parametrize(
    ("mean", "error", "paper", "signal", "size"),
    [
        (10.0, 1.0, 10.0, Signal.PRESENT, Size.CONSISTENT),
        (5.0, 1.0, 10.0, Signal.PRESENT, Size.SMALLER),
        (15.0, 1.0, 10.0, Signal.PRESENT, Size.LARGER),
        (-5.0, 1.0, 10.0, Signal.PRESENT, Size.OPPOSITE),
        (-5.0, 1.0, -10.0, Signal.PRESENT, Size.SMALLER),
        (1.0, 1.0, None, Signal.UNDETERMINED, Size.NONE_GIVEN),
        (0.0, 0.3, 10.0, Signal.ABSENT, Size.SMALLER),
    ],
)
def test_signal_and_size_are_told_apart(mean, error, paper, signal, size):
    effect = Effect("x", found(mean, error), "increase", paper=paper)
    assert (effect.signal, effect.size) == (signal, size)


def test_the_smallest_effect_that_could_have_been_found():
    assert found(0.0, 1.0).detectable == pytest.approx(2.30600 + 0.88889, abs=1e-4)  # tables of Student's t, 8


def test_a_claim_stands_as_its_weakest_effect():
    good, open_, bad = (Effect("x", found(mean, 1.0), "increase") for mean in (9.0, 1.0, -9.0))
    lacking = Effect("x", Estimate(missing=5), "increase")
    unfit = Effect("x", found(9.0, 1.0), "increase", unfit=("base W=4 (95.0 %)",))
    assert claim(good, good).verdict is Verdict.SUPPORTED
    assert claim(good, open_).verdict is Verdict.DIRECTION_ONLY
    assert claim(good, lacking).verdict is Verdict.RUNS_MISSING
    assert claim(good, lacking, bad).verdict is Verdict.CONTRADICTED
    assert claim(good, unfit).verdict is Verdict.PREMISE_NOT_MET
    assert claim(unfit, lacking).verdict is Verdict.RUNS_MISSING
    assert claim().verdict is claim(Effect("x", Estimate(), "increase")).verdict is Verdict.NOT_ASKED


def test_what_contradicts_one_of_many_effects_is_adjusted_for_their_number():
    weak = Effect("x", found(-2.5, 1.0), "increase")  # p = 0.037
    assert claim(weak).verdict is Verdict.CONTRADICTED
    good = Effect("x", found(9.0, 1.0), "increase")
    assert claim(weak, good).verdict is Verdict.INCONCLUSIVE
    assert claim(weak, good).effects[0].contradiction == pytest.approx(0.0739, abs=1e-4)


def test_one_of_some_has_to_be_supported_among_all_that_were_tried():
    weak, none = Effect("x", found(2.5, 1.0), "increase"), Effect("x", found(0.5, 1.0), "increase")
    strong = Effect("x", found(6.0, 1.0), "increase")
    assert claim(weak, some=True).verdict is Verdict.SUPPORTED
    adjusted = claim(weak, none, some=True)
    assert adjusted.verdict is Verdict.DIRECTION_ONLY
    assert adjusted.effects[0].support == pytest.approx(0.0739, abs=1e-4)
    assert (adjusted.effects[0].estimate, adjusted.effects[0].signal) == (weak.estimate, Signal.PRESENT)
    assert claim(strong, none, none, some=True).verdict is Verdict.SUPPORTED
    lacking, unfit = Effect("x", Estimate(missing=5), "increase"), replace(strong, unfit=("base W=4 (95.0 %)",))
    assert claim(none, lacking, some=True).verdict is Verdict.RUNS_MISSING
    assert claim(none, unfit, some=True).verdict is Verdict.DIRECTION_ONLY
    bad = Effect("x", found(-9.0, 1.0), "increase")
    assert claim(bad, bad, some=True).verdict is Verdict.CONTRADICTED
    assert claim(bad, unfit, some=True).verdict is Verdict.CONTRADICTED


@pytest.mark.parametrize("some", [False, True])
def test_an_effect_without_a_verdict_counts_in_the_adjustment_but_not_with_its_p_value(some):
    """Significant alone, p = 0.037; of two effects one with p = 1 makes it 0.074."""
    weak = Effect("x", found(2.5 if some else -2.5, 1.0), "increase")
    extreme = found(20.0 if some else -20.0, 1.0)
    for other in (
        Effect("x", replace(extreme, missing=2), "increase"),
        Effect("x", extreme, "increase", unfit=("base W=4 (95.0 %)",)),
        Effect("x", Estimate(missing=5), "increase"),
    ):
        first = claim(weak, other, some=some).effects[0]
        assert (first.support if some else first.contradiction) == pytest.approx(0.0739, abs=1e-4)
        assert first.verdict is (Verdict.DIRECTION_ONLY if some else Verdict.INCONCLUSIVE)


@pytest.mark.parametrize("kind", ["increase", "decrease"])
def test_no_effect_is_called_supported_or_contradicted_in_at_most_5_percent(kind):
    rng, draws, called = np.random.default_rng(0), 2000, 0
    for _ in range(draws):
        cells = rng.normal(0, 2, (10, 5)) + rng.normal(0, 3, 5)
        value = estimate(cells, ["base"] * 10, {9: 1.0, 0: -1.0}, list("12345"))
        verdict = judged(Claim("", "", [Effect("x", value, kind)])).verdict
        called += verdict in (Verdict.SUPPORTED, Verdict.CONTRADICTED)
    assert called / draws <= 0.06, called / draws  # 5 %, and two standard errors of the simulation
