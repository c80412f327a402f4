"""What lies behind an accuracy on unseen devices: single devices, single classes, and which are taken for which."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd

from repro.analysis.accuracy import describe
from repro.analysis.evidence import Network
from repro.edition import VARIANTS
from repro.store.record import Record

MOST_LOST = 2 / 3  # share of a loss that the classes named for it make up, unless more than three would be named


def shares(records: Iterable[Record], column: str, seen: bool = False) -> pd.DataFrame:
    """Accuracy in [0, 1] on the unseen devices by a column of the test clips ("device", "scene").

    Averaged over reported epochs and a network's runs.

    Args:
        records: the runs.
        column: what the clips are told apart by.
        seen: on the seen device instead.

    Returns:
        One row a network, in the order of the runs, one column a value of `column`.
    """
    rows: dict[str, list[pd.Series[float]]] = {}
    for record in records:
        of = record.seen == seen
        share = pd.Series(record.correct.mean(axis=0)[of]).groupby(record.test_clips[column].to_numpy()[of]).mean()
        rows.setdefault(str(Network.of(record.experiment)), []).append(share)
    table = pd.DataFrame({name: pd.concat(runs, axis=1).mean(axis=1) for name, runs in rows.items()}, dtype=float).T
    return table.rename_axis(index="network", columns=column)


def by_class(records: Iterable[Record]) -> pd.DataFrame:
    """Accuracy in % on every class as text, "seen device→unseen devices", a row a network.

    The class in which the most accuracy is lost (`lost_by_class`) stands first.
    """
    runs = list(records)
    seen, unseen = (100 * shares(runs, "scene", seen=of) for of in (True, False))
    return (seen.map("{:.0f}".format) + "→" + unseen.map("{:.0f}".format))[lost_by_class(runs).index]


def lost_by_class(records: Iterable[Record]) -> pd.Series[float]:
    """The part that every class has in the accuracy lost from the seen device to the unseen ones, in points.

    The mean over the networks, so that each counts once however many runs it has. The parts add up to the loss.

    Returns:
        By class, the largest part first.
    """
    rows: dict[Network, list[pd.Series[float]]] = {}
    for record in records:
        correct, scenes = 100 * record.correct.mean(axis=0), record.test_clips["scene"].to_numpy()
        seen, unseen = (
            pd.Series(correct[of] / of.sum()).groupby(scenes[of]).sum() for of in (record.seen, ~record.seen)
        )
        rows.setdefault(Network.of(record.experiment), []).append(seen.sub(unseen, fill_value=0.0))
    means = [pd.concat(runs, axis=1).mean(axis=1) for runs in rows.values()]
    if not means:
        return pd.Series(dtype=float)
    return pd.concat(means, axis=1).mean(axis=1).sort_values(ascending=False, kind="stable")


def most_lost(records: Iterable[Record]) -> str:
    """In which classes most of the accuracy is lost on unseen devices, in words; empty where none is lost."""
    lost = lost_by_class(records)
    total = lost.sum()
    if total <= 0:
        return ""
    enough = int((lost.cumsum() < MOST_LOST * total).sum()) + 1
    named, others = lost[: min(3, enough)], lost[min(3, enough) :]
    parts = [f"{points:.1f} in {str(name).replace('_', ' ')}" for name, points in named.items()]
    parts += [f"{others.sum():.1f} in all other classes".replace("-", "−")] if len(others) else []
    told = " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
    return f"From the seen device to the unseen ones these networks lose {total:.1f} points on the mean: {told}."


def lost_by_compression(records: Iterable[Record], compressed: Collection[str]) -> pd.DataFrame:
    """Accuracy on the seen device less that through the unseen ones that compress, and through the others, in points.

    Args:
        records: runs of networks that differ in width and variant alone.
        compressed: the devices that compress.

    Returns:
        Means over the runs: width down, what the devices do and variant across. No rows where no device compresses,
        or all do.
    """
    rows = []
    for record in records:
        of_clips, compress = 100 * record.correct.mean(axis=0), record.test_clips["device"].isin(compressed).to_numpy()
        for name, members in {"do not compress": ~record.seen & ~compress, "compress": ~record.seen & compress}.items():
            if members.any():
                lost = of_clips[record.seen].mean() - of_clips[members].mean()
                rows.append({**describe(record), "devices": name, "lost": lost})
    table = pd.DataFrame(rows, columns=["width", "devices", "variant", "lost"])
    if table["devices"].nunique() < 2:
        return table[:0]
    return table.pivot_table("lost", "width", ["devices", "variant"])


def less_lost(lost: pd.DataFrame, narrow: int, wide: int) -> str:
    """How much less the wide networks lose than the narrow ones, by what the devices do, in words.

    Args:
        lost: `lost_by_compression`.
        narrow: width of the narrow networks; empty where one of them, or of the wide ones, is not in `lost`.
        wide: width of the wide ones.
    """
    less = lost.reindex([narrow, wide]).diff(-1).iloc[0]
    if less.empty or less.isna().any():
        return ""
    told = [
        f"through those that {devices} by "
        + " and ".join(f"{points:.1f} points ({variant})" for variant, points in of.items())
        for devices, of in less.unstack("variant").iterrows()
    ]
    return f"From W = {narrow} to {wide} the loss falls {', '.join(told)}.".replace("-", "−")


def confusion(records: Iterable[Record]) -> pd.DataFrame:
    """How the unseen devices' clips are classified: true scene down, given scene across, every row sums to 1.

    Averaged over the reported epochs and all runs given, at least one.
    """
    runs = list(records)
    scenes = runs[0].scenes
    true = np.concatenate([np.tile(run.labels[~run.seen], len(run.predictions)) for run in runs])
    given = np.concatenate([run.predictions[:, ~run.seen].ravel() for run in runs])
    shares = pd.crosstab(true, given, normalize="index")
    everywhere = shares.reindex(index=range(len(scenes)), columns=range(len(scenes)), fill_value=0.0)
    return everywhere.set_axis(scenes).set_axis(scenes, axis="columns")


def most_confused(records: Iterable[Record], least: float = 0.1, most: int = 6) -> pd.DataFrame:
    """The pairs of classes that unseen devices' clips are most often confused in, base and damped networks apart.

    Args:
        records: the runs; a pair's share is over all clips of its true class, averaged over the networks, however many
            runs each has.
        least: share of the clips, for base or damped, below which a pair is left out.
        most: number of pairs.

    Returns:
        True and given class down, variant across, in %; the most frequent pair first. No rows where no pair reaches
        `least`.
    """
    networks: dict[Network, list[Record]] = {}
    for record in records:
        networks.setdefault(Network.of(record.experiment), []).append(record)
    shares = {}
    for variant in VARIANTS:
        matrices = [confusion(runs) for network, runs in networks.items() if network.variant == variant]
        if matrices:
            mean = pd.concat(matrices).groupby(level=0, sort=False).mean()
            matrix = mean.rename_axis(index="true class", columns="given class")
            wrong = matrix.where(~np.eye(len(matrix), dtype=bool))
            shares[variant] = wrong.stack()  # noqa: PD013 - to pairs, as the index
    table = pd.DataFrame(shares, dtype=float)
    found = table[table.max(axis=1) >= least]
    ordered = found.loc[found.mean(axis=1).sort_values(ascending=False, kind="stable").index]
    return ordered.head(most).mul(100).round(1).rename_axis(columns="clips / %")
