"""The engine: loads the runs that are there and trains those that are missing.

A CPU trains one run per core, each on a single thread: for networks of this size that is faster than many threads on
one run, and it makes a run's numbers independent of how many others are trained beside it.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from pathlib import Path
from threading import Thread
from typing import Any

import torch
from filelock import FileLock
from joblib import cpu_count

from repro.config import DataConfig, Experiment
from repro.data import load
from repro.inputs import Inputs
from repro.progress import bar
from repro.runs import Record, Store, provenance
from repro.train import train


def training_device() -> torch.device:
    """The first GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fetch(experiments: Iterable[Experiment], store: Store | None = None) -> list[Record]:
    """The runs of these Experiments, in their order; what the store lacks is trained first, each run once.

    Raises:
        InputError: the recordings or the store cannot be used.
    """
    store = store or Store.default()
    wanted = list(experiments)
    fingerprints = {data: load(data, store.root).fingerprint for data in {experiment.data for experiment in wanted}}
    keys = [experiment.key(fingerprints[experiment.data]) for experiment in wanted]
    missing = {key: experiment for key, experiment in zip(keys, wanted, strict=True) if key not in store}
    if missing:
        _train_all(list(missing.values()), store)
    records = {key: store.load(key) for key in dict.fromkeys(keys)}
    return [records[key] for key in keys]


def fetch_groups(groups: Mapping[str, list[Experiment]]) -> dict[str, list[Record]]:
    """The runs of several studies by name; trained together, so that no core waits between the studies."""
    records = iter(fetch(experiment for experiments in groups.values() for experiment in experiments))
    return {name: [next(records) for _ in experiments] for name, experiments in groups.items()}


def train_one(experiment: Experiment, store: Store) -> str:
    """Train one Experiment and keep its run, unless another process just did; returns the key."""
    clips = load(experiment.data, store.root)
    key = experiment.key(clips.fingerprint)
    locks = store.root / "locks"
    locks.mkdir(exist_ok=True)
    with FileLock(locks / f"{key}.lock"):
        if key in store:
            return key
        device = training_device()
        threads = torch.get_num_threads()
        try:
            if device.type == "cpu":
                torch.set_num_threads(1)
            inputs = _inputs(experiment.data, store.root, device)
            start = time.perf_counter()
            outcome = train(experiment, inputs, progress=_report)
        finally:
            torch.set_num_threads(threads)
        return store.save(
            experiment,
            clips.fingerprint,
            outcome,
            clips.table.iloc[inputs.split.test],
            clips.scenes,
            provenance(device, time.perf_counter() - start),
        )


@lru_cache(maxsize=1)
def _inputs(data: DataConfig, store: Path, device: torch.device) -> Inputs:
    """The runs of a study share their recordings: a process loads them once."""
    return Inputs(load(data, store), device)


# What a worker process is told once: where to report the epochs it has finished.
_finished_epochs: Any = None


def _start_worker(finished_epochs: Any) -> None:
    global _finished_epochs
    _finished_epochs = finished_epochs


def _report(_: int) -> None:
    if _finished_epochs is not None:
        _finished_epochs.put(1)


def _train_all(experiments: list[Experiment], store: Store) -> None:
    """Train in parallel processes, wide networks first, so that no worker finishes long after the others."""
    experiments = sorted(experiments, key=lambda e: e.model.width**2 * e.recipe.epochs, reverse=True)
    workers = 1 if training_device().type == "cuda" else min(len(experiments), cpu_count())
    context = multiprocessing.get_context("spawn")
    finished = context.Queue()
    total = sum(experiment.recipe.epochs for experiment in experiments)
    with bar(total=total, unit="epoch", desc=f"training {len(experiments)} runs") as shown:
        watcher = Thread(target=lambda: [shown.update(count) for count in iter(finished.get, None)], daemon=True)
        watcher.start()
        pool = ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(finished,))
        try:
            for done in as_completed([pool.submit(train_one, experiment, store) for experiment in experiments]):
                done.result()
        finally:
            pool.shutdown(cancel_futures=True)
            finished.put(None)
            watcher.join()
