"""How sure a difference between networks is: over other trainings, other recordings and other devices.

A contrast is a linear combination of networks' values, such as a difference or a slope. Its variance has two parts:

- *Blocks.* Where every fold is left out once, a block is a fold, averaged over seeds: it varies the training *and* the
  recordings that are tested. Where all runs share one test set, a block is a seed: it varies the training alone. In one
  block all networks of a variant have something in common, so the design is a split plot (Yates, J. Royal Statistical
  Society Supplement 2(2), 1935): a (variant, block) is a whole plot, the networks in it are its subplots. Two errors
  follow. The values of a study's networks are fitted by network + (variant, block); what is left is the residual
  variance, pooled over networks, and the only error between networks of one variant. Between variants the variance of
  their means' difference over blocks comes on top, for the part of the contrast that lies in these means.
- *Clips.* What the blocks do not vary is estimated from the clips, by clustering: the devices and, where all runs share
  one test set, the recordings within their scenes. The variance by device less that by recording and device is what a
  device adds (Cameron, Gelbach and Miller, J. Business & Economic Statistics 29(2), 2011). A bootstrap crossed over
  recordings and devices estimates the same, but counts the clips' own noise three times (Owen, Annals of Applied
  Statistics 1(2), 2007).

All parts are added; the degrees of freedom are Welch and Satterthwaite's. `tests/analysis/test_contrasts.py` checks
the coverage of the intervals by simulations of such data. The folds' training sets overlap, which no estimate from one
cross-validation can account for (Bengio and Grandvalet, JMLR 5, 2004): the intervals are conditional on the training
material.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A quantity with its uncertainty.

    Attributes:
        values: by block, such as "fold 1".
        mean: their mean; None without values.
        error: standard error of the mean; None where nothing is left to estimate it from.
        freedom: degrees of freedom of the error.
        runs: keys of the runs that it was computed from.
        missing: the number of values, or of runs behind them, that the edition asks for and does not have.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    mean: float | None = None
    error: float | None = None
    freedom: float = 0.0
    runs: tuple[str, ...] = ()
    missing: int = 0

    @classmethod
    def of(cls, values: Mapping[str, float], runs: tuple[str, ...] = (), missing: int = 0) -> Estimate:
        """Values and their mean, without an error."""
        return cls(values, float(np.mean([*values.values()])) if values else None, runs=runs, missing=missing)

    def __neg__(self) -> Estimate:
        values = {block: -value for block, value in self.values.items()}
        return replace(self, values=values, mean=None if self.mean is None else -self.mean)

    def interval(self) -> tuple[float, float] | None:
        """Student's interval of 95 % for the quantity; None without an error."""
        if self.mean is None or self.error is None:
            return None
        half = float(stdtrit(self.freedom, 0.975)) * self.error
        return self.mean - half, self.mean + half

    def p_below(self, bound: float) -> float:
        """One-sided p-value of "the quantity is `bound` or less"; 1 without an error."""
        if self.mean is None or self.error is None:
            return 1.0
        return float(stdtr(self.freedom, (bound - self.mean) / self.error))

    def p_above(self, bound: float) -> float:
        """One-sided p-value of "the quantity is `bound` or more"; 1 without an error."""
        return (-self).p_below(-bound)

    @property
    def detectable(self) -> float | None:
        """The smallest effect for which a 95 % interval excludes zero with a probability of 80 %."""
        if self.error is None:
            return None
        return float(stdtrit(self.freedom, 0.975) + stdtrit(self.freedom, 0.8)) * self.error


@dataclass(frozen=True)
class ClipEffects:
    """How a contrast's mean depends on single test clips, all arrays (clips,).

    Attributes:
        influence: the clip's own contrast less the mean of its group, over the number of clips of its group; sums to 0.
        recordings: what was recorded; clips of one recording are alike.
        scenes: within which recordings were drawn.
        devices: what it was recorded with; None for clips of the one device that is not a sample of devices.
        fresh: whether every block is tested on other recordings, so that the blocks vary them already.
    """

    influence: Vector
    recordings: Sequence[Hashable]
    scenes: Sequence[Hashable]
    devices: Sequence[Hashable | None]
    fresh: bool


def estimate(
    cells: Vector,
    variants: Sequence[str],
    factors: Mapping[int, float],
    blocks: Sequence[str],
    clips: ClipEffects | None = None,
    runs: tuple[str, ...] = (),
) -> Estimate:
    """The contrast of some networks of a study, with its error.

    Args:
        cells: (networks, blocks), the value of every network of the study in every block; NaN where there is none.
        variants: of the networks.
        factors: of the contrast, by row of `cells`; these rows have no NaN.
        blocks: names of the blocks.
        clips: how the mean depends on the clips; None for a quantity that has none.
        runs: kept in the result.

    Returns:
        The estimate. Its error is None for a single block and for values without any variance, which say nothing about
        others.
    """
    rows, weights = np.array(list(factors)), np.array(list(factors.values()))
    values = weights @ cells[rows]
    found = Estimate(dict(zip(blocks, map(float, values), strict=True)), float(values.mean()), runs=runs)
    between, within = np.zeros(len(values)), float((weights**2).sum())
    complete, of_row = ~np.isnan(cells).any(axis=1), np.array(variants)
    for variant in dict.fromkeys(of_row[rows]):  # split the contrast into variants' means and what is beyond them
        shift, members = weights[of_row[rows] == variant].sum(), complete & (of_row == variant)
        between += shift * cells[members].mean(axis=0)
        within -= shift**2 / members.sum()
    beyond, residual = within > 1e-9, residual_variance(cells, variants)
    if len(values) < 2 or (beyond and residual is None):
        return found
    parts = [(float(between.var(ddof=1)) / len(values), len(values) - 1.0)]
    if beyond and residual is not None:
        parts.append((residual[0] * within / len(values), residual[1]))
    if clips is not None:
        parts += clip_variances(clips)
    total = sum(variance for variance, _ in parts)
    if total < 1e-18:
        return found
    freedom = total**2 / sum(variance**2 / of for variance, of in parts)
    return replace(found, error=math.sqrt(total), freedom=freedom)


def residual_variance(cells: Vector, variants: Sequence[str]) -> tuple[float, float] | None:
    """Residual variance of network + (variant, block), and its degrees of freedom; None where none are left.

    Args:
        cells: (networks, blocks); NaN where there is no value.
        variants: of the networks.
    """
    numbers = np.unique(variants, return_inverse=True)[1]
    networks, blocks = np.nonzero(~np.isnan(cells))
    plots = len(cells) + numbers[networks] * cells.shape[1] + blocks
    design = np.zeros((len(networks), len(cells) + (numbers.max() + 1) * cells.shape[1]))
    design[np.arange(len(networks)), networks] = 1.0
    design[np.arange(len(networks)), plots] = 1.0
    values = cells[networks, blocks]
    solution, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    freedom = len(values) - int(rank)
    if freedom < 1:
        return None
    return float(((values - design @ solution) ** 2).sum() / freedom), float(freedom)


def clip_variances(clips: ClipEffects) -> list[tuple[float, float]]:
    """The variances that devices and, where blocks share them, recordings add, each with its degrees of freedom."""
    parts = []
    if not clips.fresh:
        of_scene = []
        for scene in dict.fromkeys(clips.scenes):
            members = [number for number, other in enumerate(clips.scenes) if other == scene]
            influence = clips.influence[members] - clips.influence[members].mean()
            of_scene.append(_clustered(influence, [clips.recordings[number] for number in members]))
        parts.append((sum(variance for variance, _ in of_scene), sum(freedom for _, freedom in of_scene)))
    drawn = [number for number, device in enumerate(clips.devices) if device is not None]
    devices = [clips.devices[number] for number in drawn]
    if len(set(devices)) > 1:
        influence = clips.influence[drawn]
        variance, freedom = _clustered(influence, devices)
        both = [(clips.recordings[number], clips.devices[number]) for number in drawn]
        parts.append((max(0.0, variance - float((_sums(influence, both) ** 2).sum())), freedom))
    return [part for part in parts if part[1] > 0]


def _clustered(influence: Vector, clusters: Sequence[Hashable]) -> tuple[float, float]:
    sums = _sums(influence, clusters)
    return float((sums**2).sum()) * len(sums) / max(1, len(sums) - 1), float(len(sums) - 1)


def _sums(influence: Vector, clusters: Sequence[Hashable]) -> Vector:
    numbers = {cluster: number for number, cluster in enumerate(dict.fromkeys(clusters))}
    return np.asarray(np.bincount([numbers[cluster] for cluster in clusters], weights=influence), np.float64)


def slope_coefficients(x: Sequence[float]) -> list[float]:
    """The c_i with which the sum of c_i y_i is the least-squares slope of y over `x`."""
    centred = np.asarray(x, dtype=float) - np.mean(x)
    return [float(value) for value in centred / (centred**2).sum()]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given (Scandinavian Journal of Statistics 6(2), 1979)."""
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    multiplied = np.arange(len(p_values), 0, -1) * np.sort(p_values)
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, multiplied))
    return [float(value) for value in adjusted]
