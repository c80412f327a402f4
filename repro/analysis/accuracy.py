"""Tidy tables of accuracies from runs, and the paper's reporting rule."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.analysis.evidence import GROUPS, Evidence, Network
from repro.edition import VARIANTS
from repro.store.record import Record

NOT_TRAINED = "not trained"  # stands in a table for the accuracy of a run that is not there

NETWORK = ["variant", "width", "depth", "pointwise", "method"]  # the columns that tell the networks of a table apart


def describe(record: Record) -> dict[str, object]:
    """What a run trained, as the columns of a table row."""
    experiment = record.experiment
    return {
        **Network.of(experiment)._asdict(),
        "labels": experiment.recipe.labels,
        "weights": record.weights,
        "fold": experiment.data.fold,
        "seed": experiment.seed,
        "key": record.key,
    }


def accuracies(records: Iterable[Record]) -> pd.DataFrame:
    """Accuracy in [0, 1] of every run in every reported epoch on the seen device and on the unseen ones together.

    Columns: those of `describe`, and epoch, group ("seen" or "unseen"), accuracy.
    """
    rows = []
    for record in records:
        for epoch, correct in zip(record.reported_epochs, record.correct, strict=True):
            for group, members in (("seen", record.seen), ("unseen", ~record.seen)):
                measured = {"epoch": epoch, "group": group, "accuracy": float(correct[members].mean())}
                rows.append(describe(record) | measured)
    columns = [*NETWORK, "labels", "weights", "fold", "seed", "key", "epoch", "group", "accuracy"]
    return pd.DataFrame(rows, columns=columns).astype({"accuracy": float})


def by_run(table: pd.DataFrame) -> pd.DataFrame:
    """Every run's mean over the reported epochs."""
    return table.groupby([*NETWORK, "weights", "group", "fold", "seed"])["accuracy"].mean().reset_index()


def report(table: pd.DataFrame, runs: int) -> pd.DataFrame:
    """The paper's rule (A.3): mean and standard deviation over the reported epochs of all runs together.

    The deviation pools epochs and runs, as the paper says; it is not an error of the mean.

    Columns: the network's, weights, group, mean, std (of a sample, n - 1), n, the number of values, runs, the number
    of runs that they are from, and of, the number `runs` that a network has where none is missing.
    """
    groups = table.groupby([*NETWORK, "weights", "group"])
    values = groups["accuracy"].agg(mean="mean", std="std", n="count")
    values["runs"] = groups["key"].nunique()
    values["of"] = runs
    return values.reset_index()


SCALINGS = {
    "width": "width",
    "depth D": "depth",
    "depth K": "pointwise",
    "width and depth": "compound",
    "sparse width, static": "static pruning",
    "sparse width, iterative": "iterative pruning",
}
"""The ways of scaling of Figures 1 and 17, and the study of an edition that each of them takes its networks from."""


def scaling_report(evidence: Evidence) -> pd.DataFrame:
    """`report` of the networks of every way of scaling (`SCALINGS`), told apart by the column `scaling`.

    A network that belongs to several ways stands in each of them, with all of its runs.
    """
    reports, runs = [], evidence.edition.replicates
    for scaling, study in SCALINGS.items():
        table = accuracies(evidence.of_study(study))
        reports.append(report(table, runs).assign(scaling=scaling))
    return pd.concat(reports, ignore_index=True)


def scaling_table(scalings: pd.DataFrame) -> pd.DataFrame:
    """A `scaling_report` of one variant as text: a row a network, "mean ± standard deviation" in % by group."""
    names = {"width": "W", "depth": "D", "pointwise": "K"}
    texts, groups = _texts(scalings)
    rows = texts.rename(columns=names)
    table = rows.pivot(index=["scaling", "W", "D", "K", "weights"], columns="group", values="text")
    ordered = table.reindex(columns=groups).loc[list(dict.fromkeys(rows["scaling"]))]
    return ordered.rename_axis(columns="accuracy / %")


def percentages(report: pd.DataFrame, index: str | list[str]) -> pd.DataFrame:
    """A report as text, "mean ± standard deviation" in %: `index` down, group and variant across.

    Where a network lacks runs, two columns more say how many every network has.
    """
    texts, groups = _texts(report)
    table = texts.pivot(index=index, columns=["group", "variant"], values="text")
    columns = pd.MultiIndex.from_product([groups, list(VARIANTS)], names=["group", "variant"])
    return table.reindex(columns=columns).fillna(NOT_TRAINED)


def size_table(report: pd.DataFrame) -> pd.DataFrame:
    """`percentages` of dense networks by W, D, K and number of weights, the smallest network first."""
    names = {"weights": "weights", "width": "W", "depth": "D", "pointwise": "K"}
    table = percentages(report, list(names)).rename_axis(index=list(names.values()))
    return table.reorder_levels(["W", "D", "K", "weights"])


def _texts(report: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The report with a column `text`, mean and deviation in %, and the groups it has.

    Where a network lacks runs, one more group, "runs", says how many every network has.
    """
    means, deviations = 100 * report["mean"], 100 * report["std"]
    texts = report.assign(text=[with_deviation(*pair) for pair in zip(means, deviations, strict=True)])
    if not (report["runs"] < report["of"]).any():
        return texts, [*GROUPS]
    one_group = report[report["group"] == "unseen"]
    counts = [f"{runs} of {of}" for runs, of in zip(one_group["runs"], one_group["of"], strict=True)]
    return pd.concat([texts, one_group.assign(group="runs", text=counts)]), [*GROUPS, "runs"]


def with_deviation(mean: float, std: float, digits: int = 1) -> str:
    """Give "mean ± standard deviation"; the mean alone where a single value has no deviation, which then is NaN."""
    return f"{mean:.{digits}f}" if np.isnan(std) else f"{mean:.{digits}f} ± {std:.{digits}f}"


def training_fit(records: Iterable[Record], column: str) -> pd.DataFrame:
    """The lowest training accuracy without augmentation of any run, in %: `column` down, variant across."""
    rows = [{**describe(record), "fit": 100 * record.train_accuracy} for record in records]
    table = pd.DataFrame(rows, columns=[column, "variant", "fit"]).pivot_table("fit", column, "variant", aggfunc="min")
    table = table.reindex(columns=list(VARIANTS)).map(lambda fit: NOT_TRAINED if pd.isna(fit) else f"{fit:.1f}")
    return table.rename_axis(columns="lowest training accuracy / %")


def worst_fit(records: Iterable[Record]) -> pd.DataFrame:
    """How far pruned networks fit their training labels, and what may keep them from it; the worst of their runs.

    Returns:
        Method, width and variant down; the lowest training accuracy in %, the fewest weights in the classifier, and the
        most classes that are given to no test clip in any reported epoch.
    """
    network = ["method", "width", "variant"]
    worst = {"training accuracy / %": "min", "weights in the classifier": "min", "classes never given": "max"}
    rows = []
    for record in records:
        lost = len(record.scenes) - len(np.unique(record.predictions))
        values = 100 * record.train_accuracy, record.layer_weights["classifier.0"], lost
        rows.append(describe(record) | dict(zip(worst, values, strict=True)))
    table = pd.DataFrame(rows, columns=[*network, *worst])
    return table.groupby(network).agg(worst).round(1).rename_axis(columns="worst of its runs")


def fitted(records: Iterable[Record]) -> pd.DataFrame:
    """Share of its training labels that every run's final network gives back, without augmentation, in [0, 1].

    Columns: width, labels ("true" or "random"), fold, seed, fitted.
    """
    rows = [{**describe(record), "fitted": record.train_accuracy} for record in records]
    return pd.DataFrame(rows, columns=["width", "labels", "fold", "seed", "fitted"]).astype({"fitted": float})


def shares(records: Iterable[Record], column: str, unseen_only: bool = False) -> pd.DataFrame:
    """Accuracy in [0, 1] by a column of the test clips ("device", "scene"), averaged over reported epochs and seeds.

    Args:
        records: the runs.
        column: what the clips are told apart by.
        unseen_only: leave the clips of the seen device out.

    Returns:
        One row a network, in the order of the runs, one column a value of `column`.
    """
    rows: dict[str, list[pd.Series[float]]] = {}
    for record in records:
        kept = ~record.seen | (not unseen_only)
        share = pd.Series(record.correct.mean(axis=0)[kept]).groupby(record.test_clips[column].to_numpy()[kept]).mean()
        rows.setdefault(str(Network.of(record.experiment)), []).append(share)
    table = pd.DataFrame({name: pd.concat(seeds, axis=1).mean(axis=1) for name, seeds in rows.items()}, dtype=float).T
    return table.rename_axis(index="network", columns=column)


def lost_by_compression(records: Iterable[Record], compressed: Collection[str]) -> pd.DataFrame:
    """Accuracy on the seen device less that through the unseen ones that compress, and through the others, in points.

    Args:
        records: runs of networks that differ in width and variant alone.
        compressed: the devices that compress.

    Returns:
        Text, means over the runs: width down, what the devices do and variant across. No rows where no device
        compresses, or all do.
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
    means = table.pivot_table("lost", "width", ["devices", "variant"])
    return means.map(lambda lost: NOT_TRAINED if pd.isna(lost) else f"{lost:.1f}".replace("-", "−"))


def scene_table(records: Iterable[Record]) -> pd.DataFrame:
    """Accuracy in % on every single scene, unseen devices only."""
    return shares(records, "scene", unseen_only=True).mul(100).round(1)


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


def explained_variance(values: NDArray[np.float64], groups: NDArray[np.str_]) -> float:
    """Share of the variance of `values` (clips, dimensions) that lies between the means of the clips' `groups`.

    From 0, where all groups have one mean, to 1, where no clip departs from its group's; groups drawn at random have
    (groups - 1) / (clips - 1) on average.
    """
    names, members = np.unique(groups, return_inverse=True)
    indicator = members[:, None] == np.arange(len(names))
    means = indicator.T @ values / indicator.sum(axis=0)[:, None]
    return float(means[members].var(axis=0).sum() / values.var(axis=0).sum())
