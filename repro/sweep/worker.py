"""Training one Experiment into the store; engines call this in their processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import torch

from repro.data import Clips, load
from repro.errors import InputError
from repro.experiment import DataConfig, Experiment
from repro.store.provenance import provenance
from repro.store.record import Failure, FailureKind
from repro.store.record_format import run_files
from repro.store.store import Store
from repro.sweep.tensorboard import Events
from repro.training.checkpoint import Checkpoints, State
from repro.training.device import free_memory, is_gpu, make_ready, one_thread, training_device
from repro.training.inputs import Inputs
from repro.training.loop import train


def fingerprint_of(data: DataConfig, store: Store) -> str:
    """The fingerprint of these recordings; where they are missing, of those that the store's runs were trained on.

    Raises:
        InputError: the recordings cannot be used, and not exactly one set of them has runs in the store.
    """
    try:
        return load(data, store.root).fingerprint
    except InputError:
        if not data.root or Path(data.root).exists():
            raise
        known = store.fingerprints(data)
        if len(known) != 1:
            raise
        return known.pop()


def keys_of(experiments: Sequence[Experiment], store: Store) -> list[str]:
    """The store's keys of these Experiments (`fingerprint_of`). The recordings' files are looked at once."""
    known = {data: fingerprint_of(data, store) for data in dict.fromkeys(run.data.all_folds for run in experiments)}
    return [run.key(known[run.data.all_folds]) for run in experiments]


def train_one(
    experiment: Experiment,
    store: Store,
    progress: Callable[[int], object] = lambda epoch: None,
    tensorboard: bool = False,
) -> Failure | None:
    """Train one Experiment and keep its run, unless another process just did.

    A CPU trains on a single thread: for networks of this size one process a core is faster than several threads, and
    the numbers do not depend on how many runs are trained side by side.

    Args:
        experiment: what to train; it continues from its latest checkpoint, if it has one.
        store: where run, failure and checkpoints are kept.
        progress: called with the number of every finished epoch.
        tensorboard: whether to write event files, too (`repro.sweep.tensorboard`).

    Returns:
        None, or why the training did not come to its end, which is kept too.

    Raises:
        InputError: the recordings or the store cannot be used, or the sparsity is out of reach.
    """
    clips = load(experiment.data, store.root)
    key = experiment.key(clips.fingerprint)
    with store.lock(key):
        failure = None if key in store else _train(experiment, clips, store, progress, tensorboard)
        device = training_device()
        if failure is not None or is_gpu(device):  # a CPU has room enough; looking for what is left takes 0.1 s
            free_memory(device)
        if failure is not None:
            return store.save_failure(failure)
        with store.writable():
            Checkpoints(store.checkpoints(key)).discard()
    return None


def _train(
    experiment: Experiment, clips: Clips, store: Store, progress: Callable[[int], object], tensorboard: bool
) -> Failure | None:
    """Train and keep the run, or say what ended it; its exception, which would hold all memory, is gone by then."""
    start, device = time.perf_counter(), training_device()
    key = experiment.key(clips.fingerprint)
    events = Events(store.root / "tensorboard" / key) if tensorboard else None
    try:
        with one_thread():
            inputs = inputs_of(experiment.data, clips.fingerprint, store.root, device)
            outcome = train(experiment, inputs, progress, _Checkpoints(store, key, events))
            made = provenance(device, time.perf_counter() - start)
        if events is not None:
            events.show([asdict(epoch) for epoch in outcome.epochs], outcome.layer_sparsity)
        test_clips = clips.table.iloc[inputs.split.test]
        store.save(key, run_files(experiment, clips.fingerprint, outcome, test_clips, clips.scenes, made))
    except InputError:
        raise
    except Exception as error:
        made = provenance(device, time.perf_counter() - start)
        return Failure(key, experiment, clips.fingerprint, _kind(error), _reason(error), made)
    finally:
        if events is not None:
            events.close()
    return None


def remove_finished_checkpoints(store: Store) -> None:
    """Remove the checkpoints of finished runs, which a process left that was killed after it had saved the run."""
    for folder in (store.root / "checkpoints").glob("[!.]*"):
        if folder.name in store:
            with store.lock(folder.name), store.writable():  # its own process may be at it
                Checkpoints(folder).discard()


class _Checkpoints(Checkpoints):
    """A run's checkpoints in the store; every state they could save is also shown in its event file, if it has one.

    That a checkpoint cannot be written is the store's fault, and an `InputError`; any other error that the operating
    system gives a training is that training's own.
    """

    def __init__(self, store: Store, key: str, events: Events | None) -> None:
        super().__init__(store.checkpoints(key))
        self._store, self._events = store, events

    @property
    def due(self) -> bool:
        return super().due or self._events is not None

    def save(self, state: State) -> None:
        if self._events is not None:
            self._events.show(state.values["epochs"], state.values["layer_sparsity"])
        if super().due:
            with self._store.writable():
                super().save(state)


def keep_failure(experiment: Experiment, store: Store, reason: str, kind: FailureKind) -> Failure | None:
    """Save that a training ended together with its process; None if the run had been saved before."""
    fingerprint = fingerprint_of(experiment.data, store)
    key = experiment.key(fingerprint)
    if key in store:
        return None
    made = provenance(torch.device("cpu"), 0.0)
    if torch.cuda.device_count():  # its process, which knew the GPU, is gone
        made["device"] = "unknown"
    return store.save_failure(Failure(key, experiment, fingerprint, kind, reason, made))


@lru_cache(maxsize=1)
def inputs_of(data: DataConfig, fingerprint: str, store: Path, device: torch.device) -> Inputs:
    """The inputs of these recordings; kept for the process's next run, where that has the same ones."""
    make_ready(device)
    return Inputs(load(data, store), device)


def _kind(error: BaseException) -> FailureKind:
    if isinstance(error, FloatingPointError):
        return "non-finite loss"
    no_memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
    return "out of memory" if no_memory else "error"


def _reason(error: BaseException) -> str:
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    return text if isinstance(error, FloatingPointError | RuntimeError) else f"{type(error).__name__}: {text}"
