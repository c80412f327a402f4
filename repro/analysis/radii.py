"""The radii of the networks' effective receptive fields, and their relation to accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from repro.analysis.accuracy import NOT_TRAINED, with_deviation
from repro.analysis.evidence import Evidence, Network
from repro.analysis.fields import Field, field_of

RADII = {
    "50 % / mel bands": "radius_50_bands",
    "90 % / mel bands": "radius_90_bands",
    "50 % / ms": "radius_50_ms",
    "90 % / ms": "radius_90_ms",
}
"""The radii of a table (`repro.erf.gradient.Extent`): along frequency in mel bands, along time in ms."""

RESAMPLES = 10_000
FEWEST = 8  # pairs needed for an interval: resamples of fewer may hold a single pair too often


def first_field(evidence: Evidence, network: Network) -> Field | None:
    """The field of a network's run with the edition's first fold and first seed, which the maps show.

    None where there is no such run.
    """
    edition = evidence.edition
    record = evidence.runs(network).get((edition.folds[0], edition.seeds[0]))
    return None if record is None else field_of(record)


def radii(evidence: Evidence, networks: Iterable[Network]) -> pd.DataFrame:
    """The radii of every run of some networks: network, fold, seed, and the columns of `RADII`."""
    rows = []
    for network in networks:
        for (fold, seed), record in evidence.runs(network).items():
            extent = evidence.extent(record)
            of_run = {label: getattr(extent, attribute) for label, attribute in RADII.items()}
            rows.append({"network": str(network), "fold": fold, "seed": seed, **of_run})
    return pd.DataFrame(rows, columns=["network", "fold", "seed", *RADII]).astype(dict.fromkeys(RADII, float))


def radii_table(radii: pd.DataFrame, networks: Sequence[Network] = ()) -> pd.DataFrame:
    """The radii as text, "mean ± standard deviation" over the runs of a network, one row a network.

    In brackets, what they are of the first network's: the geometric mean over the folds and seeds that both have. Of
    `networks` those without runs have a row, too, which says so.
    """
    names = list(dict.fromkeys(radii["network"]))
    of_network = {name: radii[radii["network"] == name].set_index(["fold", "seed"])[[*RADII]] for name in names}
    first = str(networks[0]) if networks else next(iter(names), "")
    rows = {}
    for name, runs in of_network.items():
        ratios = np.exp(np.log(runs / of_network.get(first, np.nan)).mean())
        rows[name] = [
            with_deviation(runs[label].mean(), runs[label].std(), digits=0 if label.endswith("ms") else 1)
            + ("" if name == first or np.isnan(ratio) else f" (× {ratio:.2f})")
            for label, ratio in ratios.items()
        ]
    rows = {str(network): [NOT_TRAINED] * len(RADII) for network in networks} | rows
    return pd.DataFrame.from_dict(rows, orient="index", columns=[*RADII]).rename_axis(columns="radius (ratio)")


def reach_and_accuracy(evidence: Evidence) -> pd.DataFrame:
    """Every network of the edition that was trained on true labels and lacks no run, one row each.

    Columns: those that tell networks apart; radius, the 90 % radius along frequency in mel bands, and accuracy, in
    [0, 1] on the unseen devices over the reported epochs, both means over its runs; fits, whether it fits its training
    data in every run (`repro.analysis.evidence.FITS`).
    """
    rows = []
    studies = evidence.edition.studies
    for network in dict.fromkeys(network for study in studies for network in evidence.networks(study)):
        records = list(evidence.runs(network).values())
        if len(records) < evidence.edition.replicates:
            continue
        of_network = {
            "radius": float(np.mean([evidence.extent(record).radius_90_bands for record in records])),
            "accuracy": float(np.mean([record.correct[:, ~record.seen].mean() for record in records])),
            "fits": not evidence.unfit([network]),
        }
        rows.append({**network._asdict(), **of_network})
    columns = ["variant", "width", "depth", "pointwise", "method", "long", "radius", "accuracy", "fits"]
    return pd.DataFrame(rows, columns=columns).astype({"radius": float, "accuracy": float, "fits": bool})


class Correlation(NamedTuple):
    """Spearman's rank correlation of two quantities, with a 95 % interval; NaN where there are too few values."""

    pairs: int
    rho: float
    low: float
    high: float

    @property
    def told(self) -> str:
        """The correlation as text; "–" where there is none."""
        return _signed(self.rho)

    @property
    def interval(self) -> str:
        """The interval as text, such as "−0.70 to +0.48"; "–" where there is none."""
        return "–" if np.isnan(self.low) else f"{_signed(self.low)} to {_signed(self.high)}"


def _signed(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:+.2f}".replace("-", "−")


def rank_correlation(x: pd.Series[float], y: pd.Series[float]) -> Correlation:
    """Spearman's rank correlation of `x` and `y`, with a percentile interval from a bootstrap over the pairs.

    The interval treats the pairs as independent draws. Networks share recordings and belong to a few families, so
    theirs is probably too narrow.
    """
    a, b, count = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64), len(x)
    rho = float(_spearman(a, b)) if count > 2 else np.nan
    if count < FEWEST or np.isnan(rho):
        return Correlation(count, rho, np.nan, np.nan)
    drawn = np.random.default_rng(0).integers(count, size=(RESAMPLES, count))
    low, high = np.nanpercentile(_spearman(a[drawn], b[drawn]), [2.5, 97.5])
    return Correlation(count, rho, float(low), float(high))


def _spearman(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Along the last axis; NaN where one of the two is constant."""
    a, b = (scipy.stats.rankdata(values, axis=-1) for values in (x, y))
    a, b = (ranks - ranks.mean(axis=-1, keepdims=True) for ranks in (a, b))
    scale = np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))
    rho: NDArray[np.float64] = np.divide((a * b).sum(axis=-1), scale, out=np.full(scale.shape, np.nan), where=scale > 0)
    return rho
