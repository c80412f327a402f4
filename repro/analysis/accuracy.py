"""Tidy tables of accuracies from runs, and the paper's reporting rule."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

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
