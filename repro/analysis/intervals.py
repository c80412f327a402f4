"""How sure a mean is: over seeds by Student's t, over recording locations by the bootstrap; and slopes."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from repro.errors import InputError


def t_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Student's interval for the mean of independent values, with n - 1 degrees of freedom; None for fewer than two."""
    count = len(values)
    if count < 2:
        return None
    mean, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
    half = float(stdtrit(count - 1, (1 + confidence) / 2)) * deviation / math.sqrt(count)
    return mean - half, mean + half


def slope_coefficients(x: Sequence[float]) -> list[float]:
    """The c_i with which the sum of c_i y_i is the least-squares slope of y over `x`.

    Raises:
        InputError: `x` does not hold two different values.
    """
    if len(set(x)) < 2:
        raise InputError(f"a slope needs two different places, not {list(x)}")
    centred = np.asarray(x, dtype=float) - np.mean(x)
    return [float(value) for value in centred / (centred**2).sum()]


def location_bootstrap(
    values: NDArray[np.float64], places: Sequence[Hashable], draws: int = 2000, seed: int = 0
) -> tuple[float, float] | None:
    """95 % percentile interval for the mean of clips, over which recording locations the test set happens to hold.

    Clips of one location are alike, so whole locations are drawn with replacement, as many as there are. The
    training runs are held fixed: this is the uncertainty of the test set, not that of the seed.

    Args:
        values: one value a clip, such as the difference of two networks' shares of correct answers.
        places: every clip's location.
        draws: number of resampled test sets.
        seed: of the resampling.

    Returns:
        The interval, or None where there are fewer than two locations.
    """
    numbers = {place: number for number, place in enumerate(dict.fromkeys(places))}
    if len(numbers) < 2:
        return None
    codes = [numbers[place] for place in places]
    sums, counts = np.bincount(codes, weights=values), np.bincount(codes)
    drawn = np.random.default_rng(seed).multinomial(len(numbers), np.full(len(numbers), 1 / len(numbers)), draws)
    low, high = np.quantile((drawn @ sums) / (drawn @ counts), [0.025, 0.975])
    return float(low), float(high)
