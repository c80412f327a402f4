"""Runs that differ in one thing, compared pair by pair: in their precision, or in their seed and machine."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from scipy.special import stdtrit

from repro.analysis.accuracy import NETWORK, accuracies, by_run, describe
from repro.analysis.evidence import GROUPS, Network
from repro.store.record import Record

MACHINES = {"cpu": "CPU", "cuda": "GPU"}  # by the kind of device that a run's provenance names


def by_precision(records: Iterable[Record]) -> pd.DataFrame:
    """Every run's mean accuracy in %, in float32 and in bfloat16, and their difference, by group and replicate."""
    runs = list(records)
    tables = []
    for precision in ("fp32", "bf16"):
        of_precision = [record for record in runs if record.experiment.recipe.precision == precision]
        tables.append(by_run(accuracies(of_precision)).assign(precision=precision))
    table = pd.concat(tables).pivot(index=["group", "width", "fold", "seed"], columns="precision", values="accuracy")
    table = 100 * table.reindex(columns=["fp32", "bf16"]).astype(float)
    return table.assign(**{"bf16 − fp32": table["bf16"] - table["fp32"]})


def _machine(record: Record) -> str:
    return MACHINES[record.provenance["device"].split(":")[0]]


def by_machine(records: Iterable[Record]) -> str:
    """Which networks were trained on a GPU and which on CPUs, in words; empty where all ran on one kind of machine."""
    kinds: dict[str, set[str]] = {}
    for record in records:
        size = str(Network.of(record.experiment)).partition(" ")[2]
        kinds.setdefault(size, set()).add(_machine(record))
    if len({kind for found in kinds.values() for kind in found}) < 2:
        return ""
    where = {"on a GPU": {"GPU"}, "on CPUs": {"CPU"}, "on both": {"CPU", "GPU"}}
    told = {place: ", ".join(size for size, found in kinds.items() if found == of) for place, of in where.items()}
    return "Trained " + "; ".join(f"{place}: {sizes}" for place, sizes in told.items() if sizes) + "."


def by_seed(records: Iterable[Record]) -> pd.DataFrame:
    """What the second seed of a network changed on the same fold, in points, and on what machines the two ran.

    Networks that have one seed on a fold are left out; of more than two seeds the first two are compared.

    Columns: machines, such as "GPU → CPU", those that tell networks apart, fold, group, second − first.
    """
    runs: dict[tuple[object, ...], list[Record]] = {}
    for record in sorted(records, key=lambda record: record.experiment.seed):
        described = describe(record)
        runs.setdefault(tuple(described[column] for column in [*NETWORK, "fold"]), []).append(record)
    rows = []
    for place, (first, second, *_) in ((place, of) for place, of in runs.items() if len(of) > 1):
        machines = " → ".join(map(_machine, (first, second)))
        for group in GROUPS:
            before, after = (100 * run.correct[:, run.seen == (group == "seen")].mean() for run in (first, second))
            rows.append([machines, *place, group, after - before])
    return pd.DataFrame(rows, columns=["machines", *NETWORK, "fold", "group", "second − first"])


def mean_difference(table: pd.DataFrame, column: str, by: list[str]) -> pd.DataFrame:
    """The mean of a column of differences over the rows that agree in `by`, with Student's 95 % interval.

    Columns: the same column; "95 %, from" and "to", NaN for a single pair; pairs, their number.
    """
    found = table.dropna(subset=[column]).groupby(by)[column].agg(["mean", "sem", "count"])
    half = stdtrit(found["count"] - 1, 0.975) * found["sem"]
    interval = {"95 %, from": found["mean"] - half, "to": found["mean"] + half}
    return pd.DataFrame({column: found["mean"], **interval, "pairs": found["count"]})
