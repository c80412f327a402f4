"""Everything that `repro bench` measures, in its order."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from joblib import cpu_count

from repro.bench.machine import machine
from repro.bench.plain import PlainTraining
from repro.bench.race import Lane, Track, peak_memory, rate
from repro.bench.report import Report, Row, alone, compared
from repro.bench.work import (
    LibrosaLoop,
    MatrixProduct,
    OurFeatures,
    Precision,
    Preparation,
    ReceptiveFields,
    Recordings,
    Trained,
    operations,
)
from repro.experiment import DataConfig, Experiment, ModelConfig, Recipe
from repro.progress import bar
from repro.store.provenance import provenance
from repro.training.device import is_gpu, multiplies_bf16, training_device
from repro.training.features import SAMPLE_RATE, frames
from repro.training.loop import Training

MIB, GIGA = 2**20, 1e9


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        widths: W of the networks that are trained.
        seconds: length of a clip.
        repetitions: of every comparison.
        lap: seconds that a contestant works for in a repetition, at least.
        matrix: size of the matrices that the machine's peak is measured with.
        batches: steps of a pass at W = 8; the wider the fewer, at least one.
        feature_clips, map_clips, prepared_clips: clips of a pass.
    """

    widths: tuple[int, ...] = (8, 32, 128)
    seconds: float = 5.0
    repetitions: int = 5
    lap: float = 1.0
    matrix: int = 1024
    batches: int = 8
    feature_clips: int = 18
    map_clips: int = 10
    prepared_clips: int = 36

    @classmethod
    def of(cls, device: torch.device, quick: bool) -> Plan:
        """The whole plan for a device, or one of a minute or two."""
        if is_gpu(device):
            widths = (8, 32) if quick else (8, 32, 128, 256, 512)
            return cls(widths, repetitions=3 if quick else 5, matrix=8192, batches=160, feature_clips=198)
        return cls((8, 32), repetitions=2, lap=0.2, prepared_clips=9) if quick else cls()


def measure(plan: Plan, device: torch.device | None = None, quick: bool = False) -> Report:
    """Measure all of it. Nothing else should run on the machine meanwhile."""
    device = device or training_device()
    start, described = time.perf_counter(), machine(device)
    cores = cpu_count()
    rows: list[Row] = []
    with Track() as track, bar(total=5 + len(plan.widths), unit="part") as shown:
        for part in _parts(plan, track, device, cores):
            rows += part
            shown.update()
    return Report(described, provenance(device, time.perf_counter() - start), quick, tuple(rows))


def _parts(plan: Plan, track: Track, device: torch.device, cores: int) -> Iterator[list[Row]]:
    yield _features(plan, track, device)
    precisions: tuple[Precision, ...] = ("fp32", "bf16") if multiplies_bf16(device) else ("fp32",)
    for width in plan.widths:
        yield [row for precision in precisions for row in _training(plan, track, device, cores, width, precision)]
    yield _maps(plan, track, device)
    yield _memory(plan, device)
    yield _preparation(plan)
    yield _start_up(plan)


def _features(plan: Plan, track: Track, device: torch.device) -> list[Row]:
    recordings = Recordings(plan.feature_clips, plan.seconds)
    lanes = {"ours": Lane(OurFeatures(recordings, device)), "librosa": Lane(LibrosaLoop(recordings), side="plain")}
    rates = track.race(lanes, plan.repetitions, plan.lap)
    return [
        compared(f"features, {_place(device)}", "clips/s", rates["ours"], "librosa, clip by clip", rates["librosa"])
    ]


def experiment(width: int, precision: Precision, seconds: float) -> Experiment:
    """What both ways of training train: so many epochs that the warm-up of the learning rate never ends."""
    data = DataConfig(clip_seconds=seconds)
    recipe = Recipe(epochs=10**9, warmup_epochs=10**8, precision=precision)
    return Experiment(data=data, model=ModelConfig(width=width), recipe=recipe)


def _recordings(plan: Plan, width: int) -> Recordings:
    return Recordings(10 * max(1, plan.batches * 8 // width), plan.seconds)


def _training(
    plan: Plan, track: Track, device: torch.device, cores: int, width: int, precision: Precision
) -> list[Row]:
    described, recordings = experiment(width, precision, plan.seconds), _recordings(plan, width)
    ours = Trained(Training, described, recordings, device)
    plain = Trained(PlainTraining, experiment(width, "fp32", plan.seconds), recordings, device)
    threads = torch.get_num_threads()  # PyTorch's default: the processes of the track are limited to one
    lanes = {
        "ours": Lane(ours),
        "plain": Lane(plain, side="plain"),
        "peak": Lane(MatrixProduct(plan.matrix, precision, device)),
    }
    if not is_gpu(device):
        lanes["ours, every core"] = Lane(ours, processes=cores)
        lanes["plain, one process"] = Lane(plain, threads=threads, side="plain")
        lanes["plain, every core"] = Lane(plain, processes=cores, side="plain")
    rates = track.race(lanes, plan.repetitions, plan.lap)

    what = f"training, W = {width}, {precision}"
    rows = [compared(f"{what}, {_place(device)}", "clips/s", rates["ours"], "plain, fp32", rates["plain"])]
    if not is_gpu(device):
        every, against = rates["ours, every core"], {"plain, one process": f"plain, fp32, {threads} threads"}
        against["plain, every core"] = f"plain, fp32, {cores} processes"
        rows += [
            compared(f"{what}, {cores} processes", "clips/s", every, name, rates[lane])
            for lane, name in against.items()
        ]
    return [*rows, _against_peak(plan, described, f"{what}, {_place(device)}", rates["ours"], rates["peak"])]


def _against_peak(plan: Plan, described: Experiment, what: str, clips: list[float], peak: list[float]) -> Row:
    """Training's operations a second over a matrix product's in the same precision."""
    a_clip = operations(described.model, frames(round(plan.seconds * SAMPLE_RATE)))
    reached, product = [rate * a_clip / GIGA for rate in clips], [value / GIGA for value in peak]
    return compared(f"{what}, operations", "GFLOP/s", reached, "matrix product, " + described.recipe.precision, product)


def _maps(plan: Plan, track: Track, device: torch.device) -> list[Row]:
    width = plan.widths[min(1, len(plan.widths) - 1)]
    fields = ReceptiveFields(ModelConfig(width=width), Recordings(plan.map_clips, plan.seconds), device)
    rates = track.race({"ours": Lane(fields)}, plan.repetitions, plan.lap)
    return [alone(f"effective receptive fields, W = {width}, {_place(device)}", "maps/s", rates["ours"])]


def _memory(plan: Plan, device: torch.device) -> list[Row]:
    rows = []
    for width in plan.widths:
        described, recordings = experiment(width, "fp32", plan.seconds), _recordings(plan, width)
        ours = peak_memory(Trained(Training, described, recordings, device), device)
        plain = peak_memory(Trained(PlainTraining, described, recordings, device), device)
        for kind in ("process", "gpu") if is_gpu(device) else ("process",):
            what = f"peak memory of training, W = {width}, {kind}"
            rows.append(compared(what, "MiB", [ours[kind] / MIB], "plain", [plain[kind] / MIB]))
    return rows


def _preparation(plan: Plan) -> list[Row]:
    preparation = Preparation(plan.prepared_clips, plan.seconds)
    rates = [rate(preparation, torch.get_num_threads(), 0) for _ in range(plan.repetitions)]
    return [alone(f"synthetic clips rendered, {cpu_count()} processes", "clips/s", rates)]


def _start_up(plan: Plan) -> list[Row]:
    commands = {
        "import repro.training.loop": "import repro.training.loop",
        "repro --help": "from repro.cli import main; main(['--help'], prog_name='repro')",
    }
    return [alone(name, "s", [_seconds_of(code) for _ in range(plan.repetitions)]) for name, code in commands.items()]


def _seconds_of(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, env=os.environ)
    return time.perf_counter() - start


def _place(device: torch.device) -> str:
    return "GPU" if is_gpu(device) else "one thread"
