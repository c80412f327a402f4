"""Training on this machine: one process a GPU or, without one, a core."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from threading import Thread

import torch
from joblib import cpu_count
from tqdm import tqdm

from repro.errors import InputError
from repro.experiment import Experiment
from repro.store.record import Failure
from repro.store.store import Store
from repro.sweep.engine import Endings, Engine, Report
from repro.sweep.worker import keep_failure, train_one
from repro.training.device import multiplies_bf16


def local_engine(workers: int | None = None, tensorboard: bool = False) -> Engine:
    """The engine with this many processes, to which GPUs are given in turn.

    Several processes on one GPU train several small networks, or seeds, side by side. Separate processes need no other
    code, give the same bits as training one after another, and fail separately.

    Args:
        workers: number of processes; None for one a GPU or, without one, a core.
        tensorboard: whether every run writes event files, too.
    """
    return partial(_train_all, workers=workers or default_workers(), tensorboard=tensorboard)


def default_workers() -> int:
    """One process a GPU or, without one, a core."""
    return torch.cuda.device_count() or cpu_count()


class _Worker:
    """A process that trains what it is given, and what it is training; None while it waits."""

    def __init__(self, root: Path, slot: int, gpu: str | None, tensorboard: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self.slot = slot
        self.experiment: Experiment | None = None
        self.pipe, theirs = context.Pipe()
        # no daemon, which could not prepare changed recordings in processes of its own; `_end_with` ends it
        self.process = context.Process(target=_work, args=(theirs, root, gpu, tensorboard))
        self.process.start()
        theirs.close()  # so that the pipe ends with the process

    def give(self, experiment: Experiment) -> None:
        self.experiment = experiment
        with suppress(BrokenPipeError):  # it has died: the pipe's end says so
            self.pipe.send(experiment)


def _train_all(
    experiments: Sequence[Experiment], store: Store, report: Report, *, workers: int, tensorboard: bool
) -> Endings:
    waiting, gpus = deque(experiments), _gpus()
    if not gpus and (note := _bf16_note(experiments)) is not None:  # asking a GPU would take its memory here, too
        tqdm.write(note, file=sys.stderr)
    free = list(range(min(workers, len(waiting))))
    pool: list[_Worker] = []
    try:
        while waiting or any(worker.experiment for worker in pool):
            while waiting and free:
                slot = free.pop(0)
                pool.append(_Worker(store.root, slot, gpus[slot % len(gpus)] if gpus else None, tensorboard))
                pool[-1].give(waiting.popleft())
            ready = wait([worker.pipe for worker in pool if worker.experiment])
            for worker in [worker for worker in pool if worker.pipe in ready]:
                assert worker.experiment is not None
                experiment = worker.experiment
                try:
                    message = worker.pipe.recv()
                except (EOFError, ConnectionResetError):
                    pool.remove(worker)
                    free.append(worker.slot)
                    yield _killed(worker, experiment, store)
                    continue
                if message == _EPOCH:
                    report(experiment)
                elif isinstance(message, InputError):
                    raise message
                else:
                    worker.experiment = None
                    if waiting:
                        worker.give(waiting.popleft())
                    yield message
    finally:
        for worker in pool:
            worker.process.terminate()
        for worker in pool:
            worker.process.join()


def _gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES calls the GPUs that this process may use: its own numbers, where it is set."""
    count, given = torch.cuda.device_count(), os.environ.get("CUDA_VISIBLE_DEVICES")
    return [name.strip() for name in given.split(",")][:count] if given else [str(number) for number in range(count)]


def _bf16_note(experiments: Sequence[Experiment]) -> str | None:
    """A warning if most runs are in a precision that is slow on this CPU; else None."""
    slow = sum(run.recipe.precision == "bf16" for run in experiments)
    if 2 * slow <= len(experiments) or multiplies_bf16(torch.device("cpu")):
        return None
    return f"{slow} of {len(experiments)} runs use bfloat16, which is slow on this CPU: -p precision=fp32 is faster"


def _killed(worker: _Worker, experiment: Experiment, store: Store) -> Failure | None:
    """Save that the worker died; None if it had saved the run before."""
    worker.process.join()
    code = worker.process.exitcode or 0
    cause = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
    reason = f"its process ended with {cause}" + (", perhaps because memory ran out" if code == -signal.SIGKILL else "")
    return keep_failure(experiment, store, reason, "killed")


_EPOCH = "epoch"
"""What a worker sends after every epoch; at the end of a training it sends None, a Failure or an InputError."""


def _end_with(parent: int) -> None:
    """End this process when the parent ends, however it ends."""
    wait([parent])
    os._exit(1)


def _tell(pipe: Connection) -> None:
    """Tell the engine of a finished epoch. If it has just been killed, end: the run has not failed."""
    try:
        pipe.send(_EPOCH)
    except BrokenPipeError:
        os._exit(1)


def _work(pipe: Connection, root: Path, gpu: str | None, tensorboard: bool) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the engine decides
    parent = multiprocessing.parent_process()
    assert parent is not None
    Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    store = Store(root)
    while True:
        experiment: Experiment = pipe.recv()
        result: Failure | InputError | None
        try:
            result = train_one(experiment, store, lambda _: _tell(pipe), tensorboard)
        except InputError as error:
            result = InputError(str(error))  # of its subclasses not all survive the pipe
        pipe.send(result)
