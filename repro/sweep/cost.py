"""What a sweep will take before it starts: weights, arithmetic, and time on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

import torch
from torch.nn.functional import cross_entropy

from repro.data import Clips, load, split_of
from repro.data.clips import samples_in
from repro.data.features import frames
from repro.data.source import SOURCES, prepared_folder
from repro.data.split import Split, leave_out
from repro.errors import InputError
from repro.experiment import DataConfig, Experiment, ModelConfig, Precision
from repro.network.cp_resnet import INPUT_BANDS, build, weight_count
from repro.store.store import Store
from repro.sweep.fetch import macs
from repro.sweep.local import default_workers
from repro.training.device import make_ready, memory_format, one_thread, training_device
from repro.training.loop import measured_epochs

TRAINING_PASSES = 3
"""Forward, and backward to the weights and to the maps: each as many multiply-accumulates as the first."""

STEPS = 3  # training steps of every width that are timed, after one that is not


@dataclass(frozen=True)
class Cost:
    """What a sweep will take; `str` says it to a person.

    Attributes:
        runs: number of runs wanted, each once.
        to_train: those that the store lacks.
        networks: by name the number of runs, of weights, and of floating-point operations for one clip in training.
        flops: of all that is to be trained; None where the recordings, and so their number, are missing.
        seconds: of training with `workers` side by side on `device`, each as fast as one alone; None as of `flops`.
    """

    runs: int
    to_train: int
    networks: dict[str, dict[str, int]]
    workers: int
    device: str
    flops: float | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        """Several lines."""
        width = max(map(len, self.networks), default=0)
        lines = [f"{self.runs} runs, {self.to_train} of them to train"]
        lines += [
            f"  {name:<{width}}  {of['runs']:4} runs  {of['weights']:>11,} weights  "
            f"{of['flops'] / 1e9:10.3f} GFLOP a training clip"
            for name, of in self.networks.items()
        ]
        if self.flops is None or self.seconds is None:
            return "\n".join([*lines, "time unknown: the recordings are not here"])
        hours = self.seconds / 3600
        duration = f"{hours:.1f} h" if hours >= 2 else f"{self.seconds / 60:.0f} min"
        lines.append(f"{self.flops:.3g} FLOP, about {duration} with {self.workers} at once on {self.device}")
        return "\n".join(lines)


def cost(experiments: Sequence[Experiment], store: Store, workers: int | None = None) -> Cost:
    """What those of these Experiments take that the store lacks; times some steps of every width, trains nothing.

    Args:
        experiments: what is wanted.
        store: it is only read.
        workers: processes side by side; None for as many as the local engine takes.
    """
    workers = workers or default_workers()
    device = training_device()
    wanted = list(dict.fromkeys(experiments))
    networks: dict[str, dict[str, int]] = {}
    for run in wanted:
        weights = run.sparsity.weights if run.sparsity else weight_count(run.model)
        alike = {"runs": 0, "weights": weights, "flops": 2 * TRAINING_PASSES * macs(run)}
        networks.setdefault(run.network, alike)["runs"] += 1
    missing = _missing(wanted, store)
    found = Cost(len(wanted), len(missing), networks, workers, device.type)
    try:
        splits = {data: _split(data) for data in {run.data for run in missing}}
    except InputError:
        return found
    passes = [(run, _forward_passes(run, splits[run.data])) for run in missing]
    measured = {timed: _seconds_per_clip(*timed, device) for timed in {_timed(run) for run in missing}}
    seconds = 0.0
    for run, number in passes:
        plain = run.model_copy(update={"model": ModelConfig(width=run.model.width)})  # the network that was timed
        seconds += number / TRAINING_PASSES * measured[_timed(run)] * macs(run) / macs(plain)
    flops = float(sum(2 * number * macs(run) for run, number in passes))
    return replace(found, flops=flops, seconds=seconds / min(workers, max(1, len(missing))))


def _missing(wanted: Sequence[Experiment], store: Store) -> list[Experiment]:
    """Those that the store lacks. Recordings that are not prepared stay so: their runs are found by what they name."""
    fingerprints = {}
    for data in {run.data.all_folds for run in wanted}:
        prepared = prepared_folder(data, store.root).is_dir()
        fingerprints[data] = {load(data, store.root).fingerprint} if prepared else store.fingerprints(data)
    return [run for run in wanted if not any(run.key(found) in store for found in fingerprints[run.data.all_folds])]


def _split(data: DataConfig) -> Split:
    """The split of these recordings; nothing is prepared."""
    clips = Clips(None, SOURCES[data.name].listing(data), (), "")  # type: ignore[arg-type]  # no split needs waveforms
    return split_of(leave_out(clips, f"fold{data.fold}") if data.fold else clips)


def _forward_passes(run: Experiment, split: Split) -> int:
    """A run's forward passes of single clips; a backward pass to the weights or to the maps counts as one."""
    epochs, clips = run.recipe.epochs, len(split.train)
    measured = len(measured_epochs(epochs)) * len(split.test)
    return epochs * clips * TRAINING_PASSES + measured + clips + 2 * len(split.unseen)


def _timed(run: Experiment) -> tuple[int, int, int, Precision]:
    length = frames(samples_in(run.data.clip_seconds))
    return run.model.width, run.recipe.batch_size, length, run.recipe.precision


def _seconds_per_clip(width: int, batch: int, length: int, precision: Precision, device: torch.device) -> float:
    """Of one clip in training, on one thread of a CPU or on a GPU."""
    make_ready(device)
    layout = memory_format(width, precision, device)
    model = build(ModelConfig(width=width), torch.Generator()).to(device, memory_format=layout)  # type: ignore[call-overload]
    inputs = torch.randn(batch, 1, INPUT_BANDS, length, device=device).contiguous(memory_format=layout)
    labels = torch.zeros(batch, dtype=torch.long, device=device)
    taken = []
    with one_thread():
        for _ in range(1 + STEPS):
            start = time.perf_counter()
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
                logits = model(inputs)
            loss = cross_entropy(logits.float(), labels)
            loss.backward()  # type: ignore[no-untyped-call]
            loss.item()  # waits for a GPU
            taken.append(time.perf_counter() - start)
    return median(taken[1:]) / batch
