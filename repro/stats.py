"""From runs to numbers: tidy tables of accuracies, and the paper's reporting rule."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from repro.data.split import TRAINING_DEVICE
from repro.runs import Record

NETWORK = ["variant", "width", "depth", "pointwise", "method"]
"""The columns that tell the networks of a table apart."""


def describe(record: Record) -> dict[str, object]:
    """What a run trained, as the columns of a table row."""
    experiment = record.experiment
    return {
        "variant": "damped" if experiment.model.damped else "base",
        "width": experiment.model.width,
        "depth": experiment.model.depth,
        "pointwise": experiment.model.pointwise,
        "method": experiment.sparsity.method if experiment.sparsity else "dense",
        "labels": experiment.recipe.labels,
        "weights": record.weights,
        "seed": experiment.seed,
        "key": record.key,
    }


def accuracies(records: Iterable[Record]) -> pd.DataFrame:
    """Accuracy in [0, 1] of every run in every reported epoch on the seen device and on the unseen ones together.

    Columns: those of `describe`, and epoch, group ("seen" or "unseen"), accuracy.
    """
    rows = []
    for record in records:
        seen = (record.test_clips["device"] == TRAINING_DEVICE).to_numpy()
        for epoch, correct in zip(record.reported_epochs, record.correct, strict=True):
            for group, members in (("seen", seen), ("unseen", ~seen)):
                rows.append(
                    {**describe(record), "epoch": epoch, "group": group, "accuracy": float(correct[members].mean())}
                )
    return pd.DataFrame(rows)


def by_seed(table: pd.DataFrame) -> pd.DataFrame:
    """Every seed's mean over the reported epochs."""
    return table.groupby([*NETWORK, "weights", "group", "seed"])["accuracy"].mean().reset_index()


def report(table: pd.DataFrame) -> pd.DataFrame:
    """The paper's rule (A.3): mean and standard deviation over the reported epochs of all seeds together.

    Columns: the network's, weights, group, mean, std (of a sample, n - 1), and n, the number of values.
    """
    groups = table.groupby([*NETWORK, "weights", "group"])["accuracy"]
    return groups.agg(mean="mean", std="std", n="count").reset_index()


def percentages(report: pd.DataFrame, index: str) -> pd.DataFrame:
    """A report as text, "mean ± standard deviation" in %: `index` down, group and variant across."""
    text = [f"{100 * mean:.1f} ± {100 * std:.1f}" for mean, std in zip(report["mean"], report["std"], strict=True)]
    return report.assign(text=text).pivot(index=index, columns=["group", "variant"], values="text")


def by_device(records: Iterable[Record]) -> pd.DataFrame:
    """Accuracy of every run on every single device, averaged over the reported epochs."""
    return _by_column(records, "device")


def by_scene(records: Iterable[Record]) -> pd.DataFrame:
    """Accuracy of every run on every single scene and device, averaged over the reported epochs."""
    return _by_column(records, "scene")


def _by_column(records: Iterable[Record], column: str) -> pd.DataFrame:
    rows = []
    for record in records:
        share = pd.Series(record.correct.mean(axis=0)).groupby(record.test_clips[column].to_numpy()).mean()
        rows += [{**describe(record), column: name, "accuracy": accuracy} for name, accuracy in share.items()]
    return pd.DataFrame(rows)
