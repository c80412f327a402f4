import numpy as np
import pytest

from repro import stats


@pytest.mark.parametrize(
    ("values", "share"),
    [
        ([[0, 0], [0, 0], [4, 2], [4, 2]], 1.0),
        ([[0, 0], [4, 2], [0, 0], [4, 2]], 0.0),
        ([[0, 0], [2, 0], [4, 0], [6, 0]], 0.8),  # 16 between the groups, 4 within them
        ([[0, 1], [2, -1], [4, 1], [6, -1]], 16 / 24),  # 4 more within them, along the other axis
    ],
)
def test_explained_variance(values, share):
    assert stats.explained_variance(np.array(values, float), np.array(["x", "x", "y", "y"])) == pytest.approx(share)


def test_explained_variance_weighs_groups_by_their_clips():
    values = np.array([[0.0], [0.0], [0.0], [4.0], [8.0]])
    # mean 2.4, all: 3 * 2.4^2 + 1.6^2 + 5.6^2 = 51.2; the groups' means 0 and 6: 3 * 2.4^2 + 2 * 3.6^2 = 43.2
    assert stats.explained_variance(values, np.array(["x", "x", "x", "y", "y"])) == pytest.approx(43.2 / 51.2)


def test_groups_drawn_at_random_explain_their_number_less_one_of_the_clips_less_one():
    chance = np.random.default_rng(0)
    groups = np.repeat(["u", "v", "w", "x", "y"], 4)
    shares = [stats.explained_variance(chance.normal(size=(20, 3)), groups) for _ in range(400)]
    assert np.mean(shares) == pytest.approx(4 / 19, abs=0.01)
