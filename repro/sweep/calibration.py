"""What training takes on this machine, measured within seconds: real steps, in as many processes as will train."""

from __future__ import annotations

import math
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean, median
from threading import Barrier
from typing import NamedTuple

import torch

from repro.data import SAMPLE_RATE
from repro.data.synthetic.noise import noise
from repro.data.tau2020 import SCENES
from repro.erf.fields import BATCH
from repro.erf.gradient import effective_receptive_field
from repro.errors import InputError
from repro.experiment import DataConfig, Experiment, ModelConfig, Recipe
from repro.network.cp_resnet import INPUT_BANDS, CPResNet, build, layer_table
from repro.training.device import is_gpu, make_ready, one_thread, training_device
from repro.training.features import frames
from repro.training.inputs import GPU_SHARE, KEPT_BYTES, Inputs, batch_on
from repro.training.loop import Training, classify, memory_format

SECONDS = 8.0
"""What measuring may take, starting the processes aside; networks for which it is too short are scaled from others."""

BATCHES = 2
"""Training batches of an epoch that is measured."""


@dataclass(frozen=True)
class Rates:
    """Seconds, of one process among as many as will work side by side.

    Attributes:
        start: from the start of a process to its first run.
        features: a clip's features.
        kept_bytes: memory for one kind of kept features (`repro.training.inputs`).
        compilation: added to every run; 0 on a CPU.
        training: a clip in training, by the `representative` of the runs measured.
        evaluation: a clip that is classified, likewise.
        field: a clip of an effective receptive field, likewise; on one thread.
    """

    start: float
    features: float
    kept_bytes: float
    compilation: float
    training: dict[Experiment, float]
    evaluation: dict[Experiment, float]
    field: dict[Experiment, float]

    def of(self, measured: dict[Experiment, float], run: Experiment) -> float:
        """Seconds for a clip of this run, from the measured network of the nearest arithmetic."""
        macs = macs_of(run)
        nearest = min(measured, key=lambda other: (other != representative(run), abs(math.log(macs_of(other) / macs))))
        return measured[nearest] * macs / macs_of(nearest)


def representative(run: Experiment) -> Experiment:
    """What is measured for a run: the dense network of its width, D = 1, K = 1, with few tests among many epochs."""
    recipe = Recipe(epochs=1000, batch_size=run.recipe.batch_size, precision=run.recipe.precision)
    data = DataConfig(clip_seconds=run.data.clip_seconds)
    return Experiment(data=data, model=ModelConfig(width=run.model.width), recipe=recipe)


@lru_cache
def macs_of(run: Experiment) -> int:
    """Multiply-accumulates for one clip; masked weights are multiplied as any other."""
    return sum(row.macs for row in layer_table(run.model, frames(round(run.data.clip_seconds * SAMPLE_RATE))))


def calibrate(runs: Iterable[Experiment], fields: Iterable[Experiment], workers: int) -> Rates:
    """Measure what these runs and receptive fields take with so many processes at work.

    Raises:
        InputError: a process was killed.
    """
    wanted = _distinct(runs) or _distinct(fields)
    context, gpus = multiprocessing.get_context("spawn"), torch.cuda.device_count()
    begun = time.time()
    with ProcessPoolExecutor(workers, context, _initialise, (context.Barrier(workers),)) as pool:
        measuring = [pool.submit(_measure, wanted, slot % gpus if gpus else None, begun) for slot in range(workers)]
        try:
            found = [done.result() for done in measuring]
        except BrokenExecutor:
            raise InputError(
                "a process of the calibration was killed, perhaps for want of memory: take fewer workers"
            ) from None
    return _mean(found, _measure_fields(_distinct(fields)))


def _distinct(runs: Iterable[Experiment]) -> list[Experiment]:
    return sorted(dict.fromkeys(map(representative, runs)), key=macs_of)


def _mean(found: Sequence[Rates], field: dict[Experiment, float]) -> Rates:
    common = [run for run in found[0].training if all(run in rates.training for rates in found)]
    return Rates(
        start=fmean(rates.start for rates in found),
        features=fmean(rates.features for rates in found),
        kept_bytes=min(rates.kept_bytes for rates in found),
        compilation=fmean(rates.compilation for rates in found),
        training={run: fmean(rates.training[run] for rates in found) for run in common},
        evaluation={run: fmean(rates.evaluation[run] for rates in found) for run in common},
        field=field,
    )


_all_ready: Barrier


def _initialise(barrier: Barrier) -> None:
    global _all_ready
    _all_ready = barrier


def _measure(wanted: Sequence[Experiment], gpu: int | None, begun: float) -> Rates:
    """What one of the processes measures, while the others measure the same."""
    start = time.time() - begun
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(gpu)
    torch.set_num_threads(1)
    device = training_device()
    make_ready(device)
    _all_ready.wait()
    found = {wanted[0]: _measure_network(wanted[0], device)}  # beginning with what is imported late
    deadline = time.perf_counter() + SECONDS
    for run in wanted[1:]:
        if _scaled(found, run) * _clips(run) * 3 > deadline - time.perf_counter():
            break
        found[run] = _measure_network(run, device)
    cuda = is_gpu(device)
    return Rates(
        start=start,
        features=fmean(network.features for network in found.values()),
        kept_bytes=GPU_SHARE * torch.cuda.mem_get_info(device)[0] if cuda else KEPT_BYTES,
        compilation=max(network.compilation for network in found.values()) if cuda else 0.0,
        training={run: network.training for run, network in found.items()},
        evaluation={run: network.evaluation for run, network in found.items()},
        field={},
    )


class _Network(NamedTuple):
    features: float
    compilation: float
    training: float
    evaluation: float


def _scaled(found: Mapping[Experiment, _Network], run: Experiment) -> float:
    other, network = list(found.items())[-1]
    return network.training * macs_of(run) / macs_of(other)


def _measure_network(run: Experiment, device: torch.device) -> _Network:
    inputs = Inputs(noise(_clips(run), batch_on(device), run.data.clip_seconds), device)
    waveforms = torch.from_numpy(inputs.clips.waveforms[: inputs.batch]).to(device)
    training = Training(run, inputs)
    first = _seconds(training.run_epoch, warm=False, least=0.0)
    epoch = _seconds(training.run_epoch, warm=False)
    network = _network(run, device)
    return _Network(
        features=_seconds(lambda: inputs.standardised(waveforms).cpu()) / len(waveforms),
        compilation=first - epoch,
        training=epoch / _clips(run),
        evaluation=_seconds(lambda: classify(network, inputs.test_batches()).cpu()) / len(inputs.split.test),
    )


def _measure_fields(wanted: Sequence[Experiment]) -> dict[Experiment, float]:
    """A clip's effective receptive field, in this process on one thread.

    Several threads are faster, but not where anything else is at work: there they mostly wait for one another.
    """
    found: dict[Experiment, float] = {}
    deadline, device = time.perf_counter() + SECONDS / 2, training_device()
    make_ready(device)
    with one_thread():
        for run in wanted:
            if time.perf_counter() > deadline:
                break
            found[run] = _measure_field(run, device)
    return found


def _measure_field(run: Experiment, device: torch.device) -> float:
    network = _network(run, device)
    batch = torch.randn(BATCH, 1, INPUT_BANDS, frames(round(run.data.clip_seconds * SAMPLE_RATE)), device=device)
    return _seconds(lambda: effective_receptive_field(network, [batch])) / BATCH


def _network(run: Experiment, device: torch.device) -> CPResNet:
    """A new network as `Training` brings it to its device."""
    network = build(run.model, torch.Generator(), len(SCENES)).to(device)
    network.to(memory_format=memory_format(run.model.width, device))  # type: ignore[call-overload]
    return network


def _seconds(work: Callable[[], object], warm: bool = True, least: float = 0.4) -> float:
    """The median of what it takes, repeated for `least` seconds; the first time apart."""
    if warm:
        work()
    taken: list[float] = []
    while not taken or sum(taken) < least:
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return median(taken)


def _clips(run: Experiment) -> int:
    return BATCHES * run.recipe.batch_size
