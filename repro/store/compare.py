"""Whether two trainings of one Experiment agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

import numpy as np
import pandas as pd

from repro.errors import InputError
from repro.store.record import Record
from repro.store.store import Store


def differences(stored: Record, again: Record) -> list[str]:
    """What is not the same bit for bit, in words; nothing where all is. Networks are compared by what they give."""
    here, there = (run.epochs.drop(columns=["loss", "seconds"], errors="ignore") for run in (stored, again))
    same = {
        "predictions": np.array_equal(stored.predictions, again.predictions),
        "losses": stored.epochs["loss"].equals(again.epochs["loss"]),
        "measured accuracies": here.equals(there),
        "training accuracy": stored.train_accuracy == again.train_accuracy,
        "receptive field": stored.erf.tobytes() == again.erf.tobytes(),
        "weights by layer": stored.layer_weights == again.layer_weights,
        "sparsity by layer": stored.layer_sparsity.equals(again.layer_sparsity),
    }
    return [name for name, equal in same.items() if not equal]


def accuracies(record: Record) -> dict[str, float]:
    """Accuracies in %: on the devices the mean over the reported epochs, on the training labels the final network's."""
    shares = {
        "unseen devices": record.correct[:, ~record.seen].mean(),
        "seen device": record.correct[:, record.seen].mean(),
        "training labels": record.train_accuracy,
    }
    return {name: 100 * float(share) for name, share in shares.items()}


def spread_of_seeds(records: Iterable[Record]) -> dict[str, float]:
    """By how much `accuracies` vary with the seed, in points.

    Returns:
        The standard deviation over the seeds of a network, pooled over all networks that have several; empty where
        none has.
    """
    rows = [{"network": _but_seed(record), **accuracies(record)} for record in records]
    groups = pd.DataFrame(rows).groupby("network")
    freedom = groups.size() - 1
    if not freedom.any():
        return {}
    pooled = groups.var().mul(freedom, axis=0).sum().div(freedom.sum()).pow(0.5)
    return {str(name): float(spread) for name, spread in pooled.items()}


def _but_seed(record: Record) -> str:
    return record.experiment.model_copy(update={"seed": 0}).canonical_text()


def of_one_recipe(store: Store, example: Record) -> Iterator[Record]:
    """The readable runs of a store that were trained with the recipe of this one."""
    for key in store.finished():
        with suppress(InputError):
            run = store.load(key)
            if run.experiment.recipe == example.experiment.recipe and not run.other_recipe:
                yield run
