from dataclasses import replace

import pytest

from repro.analysis.contrasts import Estimate
from repro.analysis.verdicts import Claim, Effect, Verdict, judged
from repro.analysis.wording import MEANING, amount, headline, meaning, numbers

SMALLER = "The effect is there, but its mean is below the 5 points that our criterion asks for."


def effect(name: str, mean: float | None, error: float | None = None, unit: str = "points") -> Effect:
    subject, *details = name.split(", ")
    found = Estimate({}, mean, error, 1e9, ())
    return Effect(subject, found, "increase", unit=unit, details=tuple(details))


@pytest.mark.parametrize(
    ("measured", "text"),
    [
        (effect("a", None), ""),
        (effect("a", 3.14), "+3.1 points"),
        (effect("a", -1.0, 0.5), "−1.0 points (−2.0 to −0.0)"),  # 1.96 x 0.5
        (effect("a", 95.69, unit="%"), "95.7 %"),
        (effect("a", -69.3147, unit="log-%"), "−50.0 %"),
    ],
)
def test_amounts(measured, text):
    assert amount(measured) == text


@pytest.mark.parametrize(
    ("values", "missing", "kind", "text"),
    [
        (["fold 1", "fold 2"], 3, "increase", "+3.0 points, from 2 of 5 folds"),
        (["seed 0"], 2, "increase", "+3.0 points, from 1 of 3 seeds"),
        (["fold 1, seed 0"], 1, "at least", "+3.0 points, 1 run missing"),
        (["fold 1, seed 0"], 6, "exact", "+3.0 points, 6 runs missing"),
    ],
)
def test_amounts_say_what_is_missing(values, missing, kind, text):
    found = Estimate.of(dict.fromkeys(values, 3.0), missing=missing)
    assert amount(Effect("a", found, kind)) == text


def test_a_claim_is_told_by_one_effect_for_every_network():
    effects = [
        effect("base, unseen, W = 64 − W = 16", 1.0),
        effect("base, unseen, slope", 9.0),
        effect("damped, unseen, W = 64 − W = 16", None),
        effect("damped, unseen, slope", 2.0),
    ]
    claim = Claim("Wider is better.", "", effects)
    assert numbers(claim) == [
        "base, unseen, W = 64 against W = 16: +1.0 points",
        "damped, unseen, slope: +2.0 points",
    ]
    assert [found.estimate.mean for found in headline(replace(claim, some=True))] == [9.0, 2.0]


def test_a_claim_that_one_effect_supports_is_told_by_the_largest_that_does():
    effects = [effect("base, W = 16", 4.0, 1.0), effect("base, W = 32", 3.0, 1.0), effect("base, W = 64", 5.2)]
    claim = Claim("Some are wider and better.", "", effects, some=True)
    assert claim.verdict is Verdict.SUPPORTED
    assert [found.estimate.mean for found in headline(claim)] == [4.0]
    unfit = replace(effect("base, W = 64", 9.0, 1.0), unfit=("base W=64 (95.0 %)",))
    open_ = effect("base, W = 16", 1.0, 1.0)
    assert [found.estimate.mean for found in headline(replace(claim, effects=[unfit, open_]))] == [1.0]


def test_a_claim_that_asserts_all_is_told_by_the_effect_that_decides_on_it():
    effects = [
        effect("base, unseen, W − D", 3.0, 1.0),  # supported
        effect("base, unseen, W − K", 1.0, 1.0),  # direction only
        effect("base, unseen, W − both", 0.5, 1.0),  # the same, and weaker
        effect("damped, unseen, W − K", 4.0, 1.0),
        effect("damped, unseen, W − D", 3.0, 1.0),  # supported, too, and weaker
    ]
    claim = Claim("Wider is better.", "", effects)
    assert [found.details[-1] for found in headline(claim)] == ["W − both", "W − D"]
    base_first = [effect("base, W − D", 9.0, 1.0), effect("damped, W − D", 3.0, 1.0)]
    assert [found.subject for found in headline(replace(claim, effects=base_first))] == ["base", "damped"]
    assert claim.verdict is Verdict.DIRECTION_ONLY is headline(claim)[0].verdict


def test_of_effects_that_decide_alike_the_one_is_told_that_says_most_against_the_claim():
    effects = [effect("damped − base, unseen", -0.7, 0.6), effect("damped − base, seen", -0.9, 0.4)]
    claim = judged(Claim("Damping helps.", "", [*effects, effect("damped − base, both", 0.1, 0.9)]))
    assert [found.verdict for found in claim.effects[:2]] == [Verdict.INCONCLUSIVE] * 2  # p = 0.024, times 3
    assert numbers(claim) == ["damped − base, seen: −0.9 points (−1.7 to −0.1)"]


def test_a_claim_of_which_one_part_is_absent_names_that_part():
    absent, open_ = effect("base, seen", 0.0, 0.1), effect("damped, seen", 0.2, 2.0)
    assert meaning(Claim("K helps.", "", [absent])) == "The runs show that any such effect is too small to matter."
    told = meaning(Claim("K helps.", "", [absent, open_]))
    assert told == "Any such effect is too small to matter for base, seen: so the claim does not hold as a whole."


def test_of_negligible_effects_the_one_is_told_that_comes_nearest_to_the_claim():
    effects = [effect("damped, time", -0.1, 0.1), effect("damped, frequency", 0.1, 0.1)]
    claim = Claim("K enlarges it.", "", effects)
    assert claim.verdict is Verdict.ABSENT
    assert numbers(claim) == ["damped, frequency: +0.1 points (−0.1 to +0.3)"]


def test_a_network_is_said_to_hold_alone_only_where_the_other_does_not():
    base, damped = effect("base, seen", 2.0, 0.1), effect("damped, seen", 2.0, 0.1)
    both = effect("base − damped, seen", 0.1, 1.0)
    told = [meaning(Claim("Deeper is better.", "", effects)) for effects in ([base, damped, both], [base, both])]
    assert told == [
        MEANING[Verdict.DIRECTION_ONLY],
        MEANING[Verdict.DIRECTION_ONLY] + " For the base network alone they support it.",
    ]


def test_every_verdict_has_its_words():
    assert set(MEANING) == set(Verdict)


@pytest.mark.parametrize(
    ("mean", "error", "told"),
    [
        (9.0, 1.0, MEANING[Verdict.SUPPORTED]),
        (4.0, 1.0, SMALLER),  # 2.0 to 6.0, where 5 on the mean is claimed
        (4.0, 3.0, MEANING[Verdict.DIRECTION_ONLY]),
    ],
)
def test_a_significant_effect_below_the_margin_is_told_as_such(mean, error, told):
    measured = replace(effect("base", mean, error), margin=5.0)
    assert meaning(Claim("Wider is better.", "", [measured])) == told


def test_the_size_that_is_asked_of_a_ratio_is_told_as_a_factor():
    measured = replace(effect("base", 4.0, 1.0, "log-%"), margin=4.88)
    assert "below the factor of 1.05 that our criterion asks for" in meaning(Claim("Wider is better.", "", [measured]))


def test_an_effect_that_only_its_number_of_rivals_leaves_open_is_not_told_as_smaller():
    measured = replace(effect("base", 2.5, 1.0), support=0.07)
    assert meaning(Claim("Some are better.", "", [measured], some=True)) == MEANING[Verdict.DIRECTION_ONLY]


def test_an_equality_that_is_not_settled_is_not_told_as_a_smaller_effect():
    measured = replace(effect("base", 0.6, 0.25), kind="equal", margin=1.0)  # 0.1 to 1.1, where at most 1 is claimed
    claim = Claim("Wider is the same.", "", [measured])
    assert claim.verdict is Verdict.DIRECTION_ONLY
    assert meaning(claim) == MEANING[Verdict.DIRECTION_ONLY]
