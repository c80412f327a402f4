"""Loading runs from the store, after training those that are missing."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing, suppress
from functools import lru_cache

from repro.data.clips import samples_in
from repro.data.features import frames
from repro.errors import InputError
from repro.experiment import Experiment, ModelConfig
from repro.network.cp_resnet import layer_table
from repro.progress import bar
from repro.store.record import Failure, Record
from repro.store.store import Store
from repro.sweep.engine import Engine
from repro.sweep.local import local_engine
from repro.sweep.worker import keys_of, remove_finished_checkpoints

failed: dict[str, Failure] = {}  # the runs that `fetch` could not train in this process, by key: a page shows them


def fetch(experiments: Iterable[Experiment], store: Store | None = None) -> list[Record]:
    """The runs of these Experiments, in their order; what the store lacks is trained first, each run once.

    A run whose training failed is left out, and stands in `failed`; it is not tried again with the same code, which
    `sweep` does.

    Raises:
        InputError: the recordings or the store cannot be used.
    """
    wanted, store = list(experiments), store or Store.default()
    keys = keys_of(wanted, store)
    missing = {key: run for key, run in zip(keys, wanted, strict=True) if key not in store}
    failures = {key: failure for key in missing if (failure := _failure(key, store)) is not None}
    untried = [run for key, run in missing.items() if key not in failures]
    # the longest first: no core is left with a long run when the others have finished
    failures |= {failure.key: failure for failure in _train(sorted(untried, key=arithmetic, reverse=True), store)}
    failed.update({key: failure for key, failure in failures.items() if key not in store})
    records = {key: store.load(key) for key in dict.fromkeys(keys) if key in store}
    return [records[key] for key in keys if key in records]


def _failure(key: str, store: Store) -> Failure | None:
    """Why the present code failed to train this run; None if unknown.

    A failure of other code or of an earlier version, or one in a damaged file, does not count: the run is tried again.
    """
    with suppress(InputError):  # there is none, or it cannot be read
        failure = store.failure(key)
        if failure.made_by_this_code:
            return failure
    return None


def sweep(experiments: Iterable[Experiment], store: Store, engine: Engine | None = None) -> list[Failure]:
    """Train those of these Experiments that the store lacks, in their order; return those that failed.

    Args:
        experiments: what is to be in the store.
        store: where runs and failures are kept.
        engine: what trains; None for this machine's processes.

    Raises:
        InputError: the recordings or the store cannot be used, or an Experiment cannot be trained at all.
    """
    remove_finished_checkpoints(store)
    return _train(missing_from(experiments, store), store, engine)


def _train(missing: list[Experiment], store: Store, engine: Engine | None = None) -> list[Failure]:
    """Train all of these; return those that failed."""
    total = sum(map(arithmetic, missing))
    failures: list[Failure] = []
    with bar(total=100.0, bar_format=_BAR, desc=f"training {len(missing)} runs", disable=not missing or None) as shown:

        def report(experiment: Experiment) -> None:
            share = 100 * macs(experiment) / total
            shown.update(min(share, 100 - shown.n))  # rounding must not carry it beyond the end

        with closing((engine or local_engine())(missing, store, report)) as training:
            for number, failure in enumerate(training, 1):
                if failure is not None:
                    failures.append(failure)
                shown.set_postfix_str(f"{number} done" + (f", {len(failures)} failed" if failures else ""))
    return failures


def missing_from(experiments: Iterable[Experiment], store: Store) -> list[Experiment]:
    """Those of these Experiments that the store lacks, each once, in their order.

    Raises:
        InputError: the recordings cannot be used.
    """
    wanted = list(dict.fromkeys(experiments))
    return [run for run, key in zip(wanted, keys_of(wanted, store), strict=True) if key not in store]


_BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"


def arithmetic(experiment: Experiment) -> float:
    """Multiply-accumulates of a training, per training clip: what runs are ordered by."""
    return macs(experiment) * experiment.recipe.epochs


def macs(experiment: Experiment) -> int:
    """Multiply-accumulates for one clip; masked weights of sparse networks are multiplied like any other."""
    return _macs(experiment.model, experiment.data.clip_seconds)


@lru_cache
def _macs(model: ModelConfig, seconds: float) -> int:
    return sum(row.macs for row in layer_table(model, frames(samples_in(seconds))))
