"""What is measured. Ours and the plain way take turns, each in processes of its own."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from benchmarks import plain
from repro.data.clips import COLUMNS, Clips, samples_in
from repro.data.features import PerceptualMel, frames, to_float
from repro.data.split import FOLD
from repro.data.tau2020 import SCENES
from repro.erf.gradient import effective_receptive_field
from repro.experiment import DataConfig, Experiment, ModelConfig, Precision, Recipe
from repro.network.cp_resnet import CPResNet, build, layer_table
from repro.store.provenance import provenance
from repro.training.device import is_gpu, make_ready, memory_format
from repro.training.inputs import Inputs, batch_on
from repro.training.loop import Training


@dataclass(frozen=True)
class Sizes:
    """How much is measured, and where.

    Attributes:
        device: what computes.
        widths: W of the networks that are trained.
        erf_width: W of the network whose effective receptive fields are computed.
        clips: training clips, a multiple of the batch size.
        matrix: rows of the square matrices whose product gives the machine's peak.
        repetitions: how often everything is timed.
        lap: least seconds of a timing.
        seconds: length of a clip.
    """

    device: torch.device
    widths: tuple[int, ...]
    erf_width: int
    clips: int
    matrix: int
    repetitions: int
    lap: float
    seconds: float = 5.0

    @classmethod
    def of(cls, device: torch.device, quick: bool) -> Sizes:
        """The sizes for a GPU or a CPU."""
        repetitions, lap = (3, 0.3) if quick else (5, 1.0)
        if is_gpu(device):
            return cls(device, (32, 128) if quick else (32, 128, 256, 512), 32, 200, 8192, repetitions, lap)
        return cls(device, (8, 32) if quick else (8, 32, 128), 32, 20, 1024, repetitions, lap)


Row = dict[str, str | float]


def compared(what: str, unit: str, ours: Sequence[float], against: str, theirs: Sequence[float]) -> Row:
    """A row of the report: medians over the repetitions, and median and range of the ratio of ours to theirs."""
    ratios = [own / other for own, other in zip(ours, theirs, strict=True)]
    row: Row = {"what": what, "unit": unit, "ours": statistics.median(ours), "against": against}
    row |= {"theirs": statistics.median(theirs), "ratio": statistics.median(ratios)}
    return row | {"lowest": min(ratios), "highest": max(ratios)}


Work = tuple[Callable[[], object], int]
"""What does a piece of work once, and the number of items (clips, maps, operations) in it."""


def noise(clips: int, seconds: float) -> Clips:
    """Noise in place of recordings, which takes the same time; with two more clips to test on, of two devices."""
    table = pd.DataFrame("", index=range(clips + 2), columns=list(COLUMNS))
    table["scene"] = [SCENES[row % len(SCENES)] for row in table.index]
    table["device"] = ["a"] * (clips + 1) + ["b"]
    table[FOLD] = ["train"] * clips + ["test"] * 2
    size = (len(table), samples_in(seconds))
    return Clips(np.random.default_rng(0).integers(-3000, 3000, size, np.int16), table, SCENES, "noise")


def _waveforms(sizes: Sizes) -> NDArray[np.int16]:
    return noise(sizes.clips, sizes.seconds).waveforms[: sizes.clips]


def _inputs(sizes: Sizes) -> Inputs:
    make_ready(sizes.device)  # as in every process that trains for the book
    return Inputs(noise(sizes.clips, sizes.seconds), sizes.device)


def _network(width: int) -> CPResNet:
    return build(ModelConfig(width=width), torch.Generator().manual_seed(0))


def _plain_network(width: int, device: torch.device) -> plain.Network:
    """The plain network with the same weights."""
    network = plain.Network(width)
    network.load_state_dict(_network(width).state_dict())
    return network.to(device)


def our_features(sizes: Sizes, _: int) -> Work:
    """`PerceptualMel` in the batches of `Inputs`."""
    make_ready(sizes.device)
    waveforms, mel = torch.from_numpy(_waveforms(sizes)).to(sizes.device), PerceptualMel().to(sizes.device)
    batches = torch.split(waveforms, batch_on(sizes.device))
    return lambda: [mel(to_float(batch)) for batch in batches], sizes.clips


def plain_features(sizes: Sizes, _: int) -> Work:
    """The same by librosa, clip by clip."""
    waveforms = _waveforms(sizes)
    return lambda: [plain.features(waveform) for waveform in waveforms], sizes.clips


def _precision(sizes: Sizes) -> Precision:
    return "bf16" if is_gpu(sizes.device) else "fp32"


def our_training(sizes: Sizes, width: int) -> Work:
    """Epochs of `Training`, in bfloat16 on a GPU; of so many that no test clip is classified after one."""
    recipe = Recipe(epochs=10**9, warmup_epochs=10**8, precision=_precision(sizes))
    data, model = DataConfig(clip_seconds=sizes.seconds), ModelConfig(width=width)
    return Training(Experiment(data=data, model=model, recipe=recipe), _inputs(sizes)).run_epoch, sizes.clips


def plain_training(sizes: Sizes, width: int) -> Work:
    """Epochs of the plain training."""
    inputs, labels = plain.standardised(_waveforms(sizes)), torch.arange(sizes.clips) % len(SCENES)
    return plain.Training(_plain_network(width, sizes.device), inputs, labels, sizes.device).epoch, sizes.clips


def our_fields(sizes: Sizes, width: int) -> Work:
    """Effective receptive fields: one map for every training clip, and their mean."""
    inputs, network = _inputs(sizes), _network(width).to(sizes.device)
    network.to(memory_format=memory_format(width, _precision(sizes), sizes.device))  # type: ignore[call-overload]  # as in `Training`
    return lambda: effective_receptive_field(network, inputs.training_batches()), sizes.clips


def plain_fields(sizes: Sizes, width: int) -> Work:
    """The same, clip by clip."""
    inputs, network = plain.standardised(_waveforms(sizes)).to(sizes.device), _plain_network(width, sizes.device)
    return lambda: plain.receptive_field(network, inputs), sizes.clips


def matrix_product(sizes: Sizes, _: int) -> Work:
    """A product of square matrices, in the precision that ours trains in."""
    dtype = torch.bfloat16 if _precision(sizes) == "bf16" else torch.float32
    left, right = (torch.randn(sizes.matrix, sizes.matrix).to(sizes.device, dtype) for _ in range(2))
    return lambda: left @ right, 2 * sizes.matrix**3


def operations(width: int, length: int) -> int:
    """Floating-point operations of training on one clip of 256 x `length`, convolutions alone.

    Two for every multiply-accumulate, once forward and twice for the gradients of weights and inputs.
    """
    return 2 * 3 * sum(row.macs for row in layer_table(ModelConfig(width=width), length))


class Lane(NamedTuple):
    """Work, and the processes that do it side by side."""

    processes: Sequence[ProcessPoolExecutor]
    start: Callable[[Sizes, int], Work]
    sizes: Sizes
    width: int = 0
    threads: int = 1

    def rate(self, lap: float) -> float:
        """Items a second, all processes together."""
        running = [process.submit(_rate, *self[1:], lap) for process in self.processes]
        return sum(done.result() for done in running)


@cache
def _started(start: Callable[[Sizes, int], Work], sizes: Sizes, width: int) -> Work:
    return start(sizes, width)


def _rate(start: Callable[[Sizes, int], Work], sizes: Sizes, width: int, threads: int, lap: float) -> float:
    torch.set_num_threads(threads)
    one_pass, items = _started(start, sizes, width)
    passes, began = 0, time.perf_counter()
    while passes == 0 or time.perf_counter() - began < lap:
        one_pass()
        if is_gpu(sizes.device):
            torch.cuda.synchronize(sizes.device)
        passes += 1
    return passes * items / (time.perf_counter() - began)


def _peak_memory(device: torch.device) -> float:
    """The most MiB that this process has taken, on a GPU of the GPU's memory."""
    peak: dict[str, int] = provenance(device, 0)["peak_memory"]
    return peak["gpu" if is_gpu(device) else "process"] / 2**20


def race(lanes: Mapping[str, Lane], sizes: Sizes) -> dict[str, list[float]]:
    """Items a second of every lane, one value for each repetition, after one pass to warm up."""
    for lane in lanes.values():
        lane.rate(0)
    laps = [{name: lane.rate(sizes.lap) for name, lane in lanes.items()} for _ in range(sizes.repetitions)]
    return {name: [lap[name] for lap in laps] for name in lanes}


def _process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def measure(sizes: Sizes) -> Iterator[Row]:
    """Measure all of it, row by row. Nothing else should run on the machine meanwhile."""
    width = sizes.erf_width
    with _process() as ours, _process() as theirs:
        lanes = {
            "features": Lane([ours], our_features, sizes),
            "librosa": Lane([theirs], plain_features, sizes),
            "fields": Lane([ours], our_fields, sizes, width),
            "plain": Lane([theirs], plain_fields, sizes, width),
        }
        rates = race(lanes, sizes)
    yield compared("features", "clips/s", rates["features"], "librosa", rates["librosa"])
    yield compared(f"receptive fields, W = {width}", "maps/s", rates["fields"], "plain, clip by clip", rates["plain"])
    for width in sizes.widths:
        yield from _training(sizes, width)


def _training(sizes: Sizes, width: int) -> Iterator[Row]:
    """One width: alone, two processes side by side, against the machine's peak, and the memory of both ways."""
    what, gpu = f"training, W = {width}", is_gpu(sizes.device)
    with _process() as ours, _process() as second, _process() as theirs:
        lanes = {
            "ours": Lane([ours], our_training, sizes, width),
            "plain": Lane([theirs], plain_training, sizes, width),
            "two": Lane([ours, second], our_training, sizes, width),
            # on a CPU two threads, for the two cores that ours has
            "one": Lane([theirs], plain_training, sizes, width, threads=1 if gpu else 2),
            "peak": Lane([second], matrix_product, sizes),
        }
        rates = race(lanes, sizes)
        memory = [process.submit(_peak_memory, sizes.device).result() for process in (ours, theirs)]
    a_clip = operations(width, frames(samples_in(sizes.seconds)))
    reached, peak = [rate * a_clip / 1e9 for rate in rates["ours"]], [rate / 1e9 for rate in rates["peak"]]
    one = "plain, one process" if gpu else "plain, two threads"
    yield compared(what, "clips/s", rates["ours"], "plain", rates["plain"])
    yield compared(f"{what}, two processes", "clips/s", rates["two"], one, rates["one"])
    yield compared(f"{what}, operations", "GFLOP/s", reached, "matrix product", peak)
    yield compared(f"{what}, peak memory", "MiB", memory[:1], "plain", memory[1:])
