import numpy as np
import pytest

from repro.analysis.intervals import location_bootstrap, slope_coefficients, t_interval
from repro.errors import InputError


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 2.0, 3.0], (-0.484138, 4.484138)),  # t(2; 0.975) = 4.302653, times 1 / sqrt(3)
        ([1.0, 3.0], (-10.706205, 14.706205)),  # t(1; 0.975) = 12.706205, times sqrt(2) / sqrt(2)
        ([5.0, 5.0, 5.0], (5.0, 5.0)),
    ],
)
def test_t_interval(values, expected):
    assert t_interval(values) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("values", [[], [7.0]])
def test_fewer_than_two_values_have_no_interval(values):
    assert t_interval(values) is None


def test_slope_by_hand():
    assert slope_coefficients([0, 1, 3]) == pytest.approx([-4 / 14, -1 / 14, 5 / 14])
    assert slope_coefficients([5, 6]) == pytest.approx([-1, 1])


def test_a_slope_needs_two_places():
    with pytest.raises(InputError, match=r"two different places, not \[2, 2\]"):
        slope_coefficients([2, 2])


def test_whole_locations_are_drawn():
    # Two locations give means of 0, 0.5 and 1 at 1/4, 1/2, 1/4; single clips would give about 0.43 to 0.57.
    values = np.repeat([0.0, 1.0], 100)
    assert location_bootstrap(values, ["a"] * 100 + ["b"] * 100) == (0.0, 1.0)


def test_a_location_weighs_as_many_clips_as_it_has():
    # Of 19 locations with 1 clip of 0 and one location with 81 clips of 1, every mean lies between 0 and 1; the mean
    # of the locations' means would stay near 1 / 20.
    values = np.array([0.0] * 19 + [1.0] * 81)
    low, high = location_bootstrap(values, [*range(19)] + [19] * 81)
    assert low == 0.0
    assert high > 0.9


def test_bootstrap_is_reproducible_and_follows_the_normal_law_for_many_locations():
    values = np.random.default_rng(5).normal(size=400)
    interval = location_bootstrap(values, range(400))
    assert interval == location_bootstrap(values, range(400))
    half = 1.96 * values.std() / 20
    assert interval == pytest.approx((values.mean() - half, values.mean() + half), abs=0.01)


def test_one_location_has_no_interval():
    assert location_bootstrap(np.ones(3), ["a"] * 3) is None
