import pytest

from repro.analysis.claims import Claim, Effect, Measured, Verdict


def effect(kind, values, margin=0.0):
    return Effect("effect", Measured(dict(enumerate(values))), kind, margin)


# Intervals: of (m - 1, m, m + 1) it is m ± 2.4841, of (m, m, m) it is m alone.
@pytest.mark.parametrize(
    ("kind", "margin", "values", "verdict"),
    [
        ("increase", 0, [2, 3, 4], "supported"),
        ("increase", 0, [1, 2, 3], "direction only"),  # the interval includes 0
        ("increase", 3, [2, 3, 4], "supported"),
        ("increase", 5, [2, 3, 4], "direction only"),  # the margin is not reached
        ("increase", 0, [9], "direction only"),  # one seed
        ("increase", 0, [-9], "inconclusive"),
        ("increase", 0, [-3, -2, -1], "inconclusive"),
        ("increase", 0, [-4, -3, -2], "contradicted"),
        ("increase", 5, [-4, -3, -2], "contradicted"),
        ("increase", 0, [0, 0, 0], "inconclusive"),
        ("decrease", 0, [-4, -3, -2], "supported"),
        ("decrease", 5, [-4, -3, -2], "direction only"),
        ("decrease", 3, [-4, -3, -2], "supported"),
        ("decrease", 0, [-1], "direction only"),
        ("decrease", 0, [2, 3, 4], "contradicted"),
        ("decrease", 0, [1, 2, 3], "inconclusive"),
        ("equal", 2, [1.9, 1.9, 1.9], "supported"),
        ("equal", 2.5, [-1, 0, 1], "supported"),
        ("equal", 2, [-1, 0, 1], "direction only"),
        ("equal", 2, [0], "direction only"),
        ("equal", 2, [3], "inconclusive"),
        ("equal", 2, [4, 5, 6], "contradicted"),
        ("equal", 2, [-6, -5, -4], "contradicted"),
        ("equal", 2, [2, 3, 4], "inconclusive"),
        ("no less", 2, [7, 8, 9], "supported"),
        ("no less", 2, [-1, -1, -1], "supported"),
        ("no less", 2, [-2, -1, 0], "direction only"),
        ("no less", 2, [-1], "direction only"),
        ("no less", 2, [-4, -3, -2], "inconclusive"),
        ("no less", 2, [-6, -5, -4], "contradicted"),
        ("at least", 99.9, [99.9, 100], "supported"),
        ("at least", 99.9, [99.9], "supported"),
        ("at least", 99.9, [99.8, 100], "inconclusive"),
        ("at least", 99.9, [99.8, 99], "contradicted"),
        ("exact", 0, [0, 0], "supported"),
        ("exact", 0, [1], "contradicted"),
        ("increase", 0, [], "not run in this edition"),
        ("at least", 0, [], "not run in this edition"),
    ],
)
def test_verdict(kind, margin, values, verdict):
    assert effect(kind, values, margin).verdict == verdict


def test_numbers_of_an_effect():
    found = effect("increase", [1, -1, 3], 2)
    assert found.mean == 1
    assert found.standard_deviation == 2
    assert found.interval == pytest.approx((-3.968275, 5.968275), abs=1e-6)
    assert found.seeds_as_claimed == 2


def test_one_seed_has_neither_deviation_nor_interval():
    assert effect("increase", [1]).standard_deviation is None
    assert effect("increase", [1]).interval is None


@pytest.mark.parametrize(
    ("kind", "margin", "text"),
    [
        ("increase", 5, "increase, on the mean of at least 5 points"),
        ("decrease", 0, "decrease"),
        ("equal", 2, "equal within ±2 points"),
        ("no less", 2, "lower by no more than 2 points"),
        ("at least", 99.9, "at least 99.9 points in every seed"),
        ("exact", 0, "0 in every run"),
    ],
)
def test_criterion_in_words(kind, margin, text):
    assert effect(kind, [], margin).criterion == text


EFFECTS = {
    "supported": effect("increase", [2, 3, 4]),
    "direction only": effect("increase", [1]),
    "inconclusive": effect("increase", [-1]),
    "contradicted": effect("increase", [-4, -3, -2]),
    "not run in this edition": effect("increase", []),
}


@pytest.mark.parametrize(
    ("effects", "verdict"),
    [
        (["supported", "supported"], "supported"),
        (["supported", "direction only"], "direction only"),
        (["direction only", "inconclusive", "supported"], "inconclusive"),
        (["supported", "not run in this edition"], "not run in this edition"),
        (["inconclusive", "not run in this edition"], "not run in this edition"),
        (["supported", "contradicted", "not run in this edition"], "contradicted"),
        ([], "not run in this edition"),
    ],
)
def test_a_claim_stands_as_its_weakest_effect(effects, verdict):
    assert Claim(1, "4", "", "", "", [EFFECTS[name] for name in effects], []).verdict is Verdict(verdict)


def test_effect_as_json():
    assert Effect("gain", Measured({3: 1.0}, (0.5, 1.5), ("abc",)), "increase", 2.0).as_json() == {
        "name": "gain",
        "criterion": "increase, on the mean of at least 2 points",
        "kind": "increase",
        "margin": 2.0,
        "unit": "points",
        "values": {"3": 1.0},
        "mean": 1.0,
        "standard_deviation": None,
        "interval": None,
        "seeds_as_claimed": 1,
        "seeds": 1,
        "clip_interval": [0.5, 1.5],
        "verdict": "direction only",
        "runs": ["abc"],
    }
