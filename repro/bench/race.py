"""Contestants raced side by side: each for a moment in turn, over and over, in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Literal, Protocol, Self

import torch

from repro.data.parallel import ONE_THREAD
from repro.store.provenance import provenance

Pass = Callable[[], int]
"""Does a piece of work once and returns how many items (clips, maps, operations) that was."""


class Contestant(Hashable, Protocol):
    """A way of doing a piece of work: a plain value, which is handed to another process."""

    def start(self) -> Pass:
        """Do everything that is done once, in the process that is to work."""


@dataclass(frozen=True)
class Lane:
    """How a contestant runs: in so many processes side by side, each with so many threads.

    Attributes:
        side: contestants of different sides share no process, since ours change theirs (`repro.training.device`).
    """

    contestant: Contestant
    processes: int = 1
    threads: int = 1
    side: Literal["ours", "plain"] = "ours"


class Track:
    """Processes that contestants run in, for the length of a `with` block; a contestant is started in each once."""

    def __init__(self) -> None:
        # not a single pool of several: there, nothing says which process a task goes to
        self._workers: dict[str, list[ProcessPoolExecutor]] = {"ours": [], "plain": []}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for workers in self._workers.values():
            for worker in workers:
                worker.shutdown(cancel_futures=True)

    def race(self, lanes: Mapping[str, Lane], repetitions: int, seconds: float) -> dict[str, list[float]]:
        """Items a second of every lane, all its processes together, one value a repetition.

        Each lane has one pass to warm up. Then, in every repetition, each in turn makes passes for `seconds`, at least
        one; every other repetition goes through the lanes backwards, so that what disturbs the machine meets all.
        """
        for lane in lanes.values():
            self._run(lane, 0)
        rates: dict[str, list[float]] = {name: [] for name in lanes}
        for repetition in range(repetitions):
            for name in list(lanes)[:: 1 if repetition % 2 == 0 else -1]:
                rates[name].append(self._run(lanes[name], seconds))
        return rates

    def _run(self, lane: Lane, seconds: float) -> float:
        workers = self._workers[lane.side]
        while len(workers) < lane.processes:
            workers.append(_process())
        working = [worker.submit(rate, lane.contestant, lane.threads, seconds) for worker in workers[: lane.processes]]
        return float(sum(done.result() for done in working))


def _process() -> ProcessPoolExecutor:
    """A process of its own, in which NumPy's and PyTorch's libraries start with one thread each."""
    worker = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
    before = dict(os.environ)
    os.environ.update(ONE_THREAD)  # read when a library is loaded: the process must be born with it
    try:
        worker.submit(os.getpid).result()
    finally:
        for name in ONE_THREAD:
            os.environ.pop(name)
        os.environ.update(before)
    return worker


@lru_cache(maxsize=8)
def _started(contestant: Contestant) -> Pass:
    return contestant.start()


def rate(contestant: Contestant, threads: int, seconds: float) -> float:
    """Items a second of one contestant in this process."""
    torch.set_num_threads(threads)
    one_pass = _started(contestant)
    items, start = 0, time.perf_counter()
    while items == 0 or time.perf_counter() - start < seconds:
        items += one_pass()
    return items / (time.perf_counter() - start)


def peak_memory(contestant: Contestant, device: torch.device) -> dict[str, int]:
    """Bytes that two passes of a contestant take at most in a fresh process on one thread, `process` and `gpu`."""
    with _process() as worker:
        memory: dict[str, int] = worker.submit(_memory_of, contestant, device).result()
    return memory


def _memory_of(contestant: Contestant, device: torch.device) -> dict[str, int]:
    one_pass = contestant.start()
    one_pass()
    one_pass()
    memory: dict[str, int] = provenance(device, 0)["peak_memory"]
    return memory
