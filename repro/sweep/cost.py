"""What a sweep will take, before it is begun: weights, arithmetic, and the time on this machine."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from repro.data import Clips, load, split_of
from repro.data.source import SOURCES, prepared_folder
from repro.editions import Experiments
from repro.errors import InputError
from repro.experiment import DataConfig, Experiment
from repro.figures.page import network_name
from repro.network.cp_resnet import INPUT_BANDS, layer_table
from repro.store.store import Store, provenance
from repro.sweep.calibration import Rates, calibrate, macs_of
from repro.sweep.fetch import arithmetic
from repro.sweep.local import default_workers
from repro.training.device import training_device
from repro.training.features import SAMPLE_RATE, frames
from repro.training.loop import measured_epochs

TRAINING_PASSES = 3
"""Forward, and backward to the weights and to the maps: each as many multiply-accumulates as the first."""

PREPARED = 16
"""Clips whose preparation is timed, those apart that the processes start with."""


class Estimate(NamedTuple):
    """What a sweep will take; `str` says it to a person.

    Attributes:
        runs: number of runs wanted, each once.
        to_train: those that the store lacks.
        fields: effective receptive fields that it lacks.
        networks: by name the number of runs, weights, and floating-point operations a clip.
        flops: of all that is to be trained; None where the number of clips is unknown.
        workers: processes side by side.
        device: what they train on.
        seconds: by stage; None where it is unknown.
        unknown: why.
    """

    runs: int
    to_train: int
    fields: int
    networks: dict[str, dict[str, int]]
    flops: float | None
    workers: int
    device: str
    seconds: dict[str, float] | None
    unknown: str

    def __str__(self) -> str:
        """Several lines."""
        width = max(map(len, self.networks), default=0)
        lines = [f"{self.runs} runs, {self.to_train} of them to train; {self.fields} receptive fields to compute"]
        lines += [
            f"  {name:<{width}}  {of['runs']:4} runs  {of['weights']:>11,} weights  "
            f"{of['training_flops'] / 1e9:10.3f} GFLOP a training clip  {of['evaluation_flops'] / 1e9:9.3f} classified"
            for name, of in self.networks.items()
        ]
        lines.append(
            "FLOPs: 2 a multiply-accumulate, three times as many in training; masked weights of sparse networks "
            "are multiplied like any other"
        )
        if self.flops is not None:
            lines.append(f"together {self.flops:.3g} FLOP")
        if self.seconds is None:
            return "\n".join([*lines, f"time unknown: {self.unknown}"])
        parts = ", ".join(f"{stage} {_duration(seconds)}" for stage, seconds in self.seconds.items())
        total = _duration(sum(self.seconds.values()))
        return "\n".join([*lines, f"about {total} with {self.workers} at once on {self.device} ({parts})"])


def estimate(needed: Experiments, store: Store, workers: int | None = None) -> Estimate:
    """What the runs and receptive fields take that the store lacks; measures for some seconds, trains nothing.

    Args:
        needed: what is wanted.
        store: what is there; nothing is written to it.
        workers: processes side by side; None for as many as the local engine takes.

    Raises:
        InputError: the split has an empty side, or a process of the measurement was killed.
    """
    at_hand: dict[DataConfig, Recordings] = {}
    unknown = ""
    for data in dict.fromkeys(run.data for run in needed.runs):
        try:
            at_hand[data] = recordings(data, store)
        except InputError as error:
            unknown = f"the recordings are not at hand ({error})"
    keys = {data: _fingerprints(data, at_hand, store) for data in dict.fromkeys(run.data for run in needed.runs)}
    missing = [run for run in needed.runs if not any(run.key(found) in store for found in keys[run.data])]
    missing.sort(key=arithmetic, reverse=True)
    fields = [run for run in needed.fields if not any(store.has_field(run.key(found)) for found in keys[run.data])]
    workers = workers or default_workers()
    seconds = None
    if not unknown:
        seconds = {"preparation": 0.0, "training": 0.0, "receptive fields": 0.0}
        if missing or fields:
            rates = calibrate(missing, fields, min(workers, len(missing) or 1))
            seconds["preparation"] = sum(preparation_seconds(data, clips) for data, clips in at_hand.items())
            seconds["training"] = training_seconds(missing, at_hand, rates, workers) if missing else 0.0
            seconds["receptive fields"] = field_seconds(fields, at_hand, rates)
    return Estimate(
        runs=len(needed.runs),
        to_train=len(missing),
        fields=len(fields),
        networks=_networks(needed.runs),
        flops=None if unknown else float(sum(flops(run, at_hand[run.data]) for run in missing)),
        workers=workers,
        device=provenance(training_device(), 0.0)["device"],
        seconds=seconds,
        unknown=unknown,
    )


def _fingerprints(data: DataConfig, at_hand: Mapping[DataConfig, Recordings], store: Store) -> set[str]:
    """Those under which the runs of these recordings may be kept."""
    prepared = data in at_hand and at_hand[data].prepared
    return {load(data, store.root).fingerprint} if prepared else store.fingerprints(data)


def _networks(runs: Iterable[Experiment]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for run in runs:
        dense = sum(row.weights for row in layer_table(run.model, frames(round(run.data.clip_seconds * SAMPLE_RATE))))
        weights = run.sparsity.weights if run.sparsity else dense
        of = found.setdefault(
            network_name(run),
            {
                "runs": 0,
                "weights": weights,
                "training_flops": training_flops(run),
                "evaluation_flops": evaluation_flops(run),
            },
        )
        of["runs"] += 1
    return found


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


class Recordings(NamedTuple):
    """Numbers of clips, and whether they are prepared: a data set before its waveforms are looked at."""

    clips: int
    train: int
    test: int
    unseen: int
    prepared: bool


def recordings(data: DataConfig, store: Store) -> Recordings:
    """How many clips a data set has on the sides of its split; nothing is prepared.

    Raises:
        InputError: the recordings are not at hand.
    """
    table = SOURCES[data.name].listing(data)
    split = split_of(Clips(None, table, (), ""))  # type: ignore[arg-type]  # the split asks for nothing else
    prepared = prepared_folder(data, store.root).is_dir()
    return Recordings(len(table), len(split.train), len(split.test), len(split.unseen), prepared)


def training_flops(run: Experiment) -> int:
    """Floating-point operations for one training clip; a multiply-accumulate is two.

    A sparse network costs what the dense one does, since its masked weights are multiplied, too.
    """
    return 2 * TRAINING_PASSES * macs_of(run)


def evaluation_flops(run: Experiment) -> int:
    """Floating-point operations for one classified clip."""
    return 2 * macs_of(run)


def flops(run: Experiment, clips: Recordings) -> int:
    """Floating-point operations of a whole run: its epochs, evaluations, and the training clips at its end."""
    epochs = run.recipe.epochs
    classified = len(measured_epochs(epochs)) * clips.test + clips.train
    return epochs * clips.train * training_flops(run) + classified * evaluation_flops(run)


def seconds_of(run: Experiment, clips: Recordings, rates: Rates) -> float:
    """How long a worker is busy with a run, its inputs loaded; features that do not fit into memory are made anew."""
    length = frames(round(run.data.clip_seconds * SAMPLE_RATE))

    def anew(rows: int, columns: int) -> float:
        return 0.0 if rows * INPUT_BANDS * columns * 4 <= rates.kept_bytes else rates.features

    rolled = {"hops": anew(clips.train, 2 * length - 1), "off": anew(clips.train, length), "samples": rates.features}
    classify = rates.of(rates.evaluation, run)
    return (
        rates.compilation
        + run.recipe.epochs * clips.train * (rates.of(rates.training, run) + rolled[run.recipe.roll])
        + len(measured_epochs(run.recipe.epochs)) * clips.test * (classify + anew(clips.test, length))
        + clips.train * (classify + anew(clips.train, length))
    )


def makespan(tasks: Sequence[float], workers: int, start: float) -> float:
    """When the last of the workers has finished that take these tasks in order, each as soon as it is free."""
    free = [start] * min(workers, len(tasks))
    for task in tasks:
        heapq.heapreplace(free, free[0] + task)
    return max(free, default=0.0)


def training_seconds(
    runs: Sequence[Experiment], clips: Mapping[DataConfig, Recordings], rates: Rates, workers: int
) -> float:
    """How long these runs take, in this order, with every worker's start and loading of its inputs.

    The features of the training clips are made for their statistics, once for training (a rolled clip's are two
    clips long) and once for the final accuracy, those of the test clips once.
    """
    loading = sum((4 * clips[data].train + clips[data].test) * rates.features for data in {run.data for run in runs})
    return makespan([seconds_of(run, clips[run.data], rates) for run in runs], workers, rates.start + loading)


def field_seconds(runs: Sequence[Experiment], clips: Mapping[DataConfig, Recordings], rates: Rates) -> float:
    """How long the effective receptive fields of these runs take, one after the other, from features made once."""
    loading = sum((clips[data].train + clips[data].test) * rates.features for data in {run.data for run in runs})
    return loading + sum(clips[run.data].unseen * rates.of(rates.field, run) for run in runs)


def preparation_seconds(data: DataConfig, clips: Recordings) -> float:
    """How long the recordings' preparation will take, from the first clips, which are prepared for nothing.

    Raises:
        InputError: a recording cannot be read.
    """
    if clips.prepared:
        return 0.0
    waveforms, clock = SOURCES[data.name].render(data, 0), time.perf_counter
    begun = clock()
    next(waveforms)
    first = clock()
    counted = sum(1 for _ in islice(waveforms, PREPARED))
    return first - begun + (clock() - first) / max(1, counted) * (clips.clips - 1)
