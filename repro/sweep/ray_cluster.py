"""Training on a Ray cluster: one task a run, on all machines that share the store's file system."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import torch

from repro.errors import InputError
from repro.experiment import RECIPE_VERSION, Experiment, ModelConfig
from repro.files import atomic
from repro.store.record import Failure
from repro.store.record_format import recordings_of
from repro.store.store import Store
from repro.sweep.engine import Endings, Engine, Report
from repro.sweep.worker import keep_failure, train_one

RETRIES = 3  # how often a run is given to another worker after one was lost; it continues from its checkpoint

POLL_SECONDS = 0.5  # between two looks at the progress

MARGIN = 1.3  # factor on a network's measured memory, for differences between seeds and between similar networks

CONTEXT_BYTES = 2**30  # GPU memory of a process before its first tensor

GPU_PARTS = 20  # a share of a GPU is a whole number of these parts


def ray_engine(address: str | None = None, workers: int | None = None, tensorboard: bool = False) -> Engine:
    """The engine on a Ray cluster; where it has GPUs every run takes one or a share of one, else a core.

    Args:
        address: the cluster's ("auto" for the one that this machine belongs to); None to start one on this machine.
        workers: number of cores of the cluster that is started; None for all.
        tensorboard: whether every run writes event files, too.

    Raises:
        InputError: Ray is not installed, or `workers` is given for a cluster that is running.
    """
    if find_spec("ray") is None:
        raise InputError("--engine ray needs the package ray: pip install 'ray>=2.40', or take --engine local")
    if address is not None and workers is not None:
        raise InputError("--workers is for a cluster that is started here: leave it out with --address")
    return partial(_train_all, address=address, workers=workers, tensorboard=tensorboard)


class _Here(NamedTuple):
    """What has to be the same for a worker and for the engine's process."""

    folder: Path
    store: Path
    marker: Path
    recipe_version: int


class _Epochs:
    """An actor that counts finished epochs, by the number of the Experiment."""

    def __init__(self) -> None:
        self._finished: dict[int, int] = {}

    def tell(self, number: int, epoch: int) -> None:
        self._finished[number] = max(epoch + 1, self._finished.get(number, 0))

    def finished(self) -> dict[int, int]:
        return self._finished


def _train_all(
    experiments: Sequence[Experiment],
    store: Store,
    report: Report,
    *,
    address: str | None,
    workers: int | None,
    tensorboard: bool,
) -> Endings:
    if not experiments:
        return
    import ray

    _connect(address, workers)
    here = _Here(Path.cwd(), store.root, store.root / "locks" / f"cluster-{uuid4().hex}", RECIPE_VERSION)
    pending: dict[Any, int] = {}
    try:
        with store.writable():
            atomic.write_file(here.marker, b"")
        actor = ray.remote(_Epochs).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()
        task = ray.remote(_train)
        for number, (experiment, gpus) in enumerate(zip(experiments, _gpu_shares(experiments, store), strict=True)):
            options = task.options(num_cpus=0 if gpus else 1, num_gpus=gpus, max_retries=RETRIES)
            pending[options.remote(experiment, number, here, actor, tensorboard)] = number
        reported: dict[int, int] = {}
        while pending:
            ready, _ = ray.wait(list(pending), timeout=POLL_SECONDS)
            _report_new(ray.get(actor.finished.remote()), reported, experiments, report)
            for reference in ready:
                yield _failure(reference, experiments[pending.pop(reference)], store)
    finally:
        for reference in pending:
            ray.cancel(reference, force=True)
        ray.shutdown()
        with suppress(OSError):  # an empty file may stay; the error that ended the sweep is the one to be seen
            atomic.remove(here.marker)


def _connect(address: str | None, workers: int | None) -> None:
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    own: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False} if address is None else {}
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level="ERROR", **own)
    except (ConnectionError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"no Ray cluster at '{address or 'local'}': {reason} (one that asks for a "
            "token needs RAY_AUTH_MODE=token, and the token in the home folder)"
        ) from None


def _report_new(
    finished: Mapping[int, int], reported: dict[int, int], experiments: Sequence[Experiment], report: Report
) -> None:
    """Report every epoch once, also where a run that is tried again repeats epochs after its checkpoint."""
    for number, count in finished.items():
        for _ in range(reported.get(number, 0), count):
            report(experiments[number])
        reported[number] = max(count, reported.get(number, 0))


def _failure(reference: Any, experiment: Experiment, store: Store) -> Failure | None:
    """The failure of a task that has ended, or None; raises the task's InputError."""
    import ray
    from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

    try:
        result: Failure | InputError | None = ray.get(reference)
    except OutOfMemoryError:
        return keep_failure(experiment, store, "Ray ended it: its machine had no memory left", "out of memory")
    except RayTaskError as error:  # the exception itself stands on the last line, below the remote traceback
        return keep_failure(experiment, store, str(error).strip().splitlines()[-1], "error")
    except RayError as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return keep_failure(experiment, store, f"its worker was lost {RETRIES + 1} times: {lines[0]}", "killed")
    if isinstance(result, InputError):
        raise result
    return result


def _train(experiment: Experiment, number: int, here: _Here, epochs: Any, tensorboard: bool) -> Any:
    """A Failure, an InputError, or None: `train_one` in a worker of the cluster."""
    try:
        _require_same(here)
        store = Store(here.store)
        return train_one(experiment, store, lambda epoch: epochs.tell.remote(number, epoch), tensorboard)
    except InputError as error:
        return InputError(str(error))  # of its subclasses not all can be sent


def _require_same(here: _Here) -> None:
    node = platform.node()
    if not here.marker.is_file():
        raise InputError(
            f"machine {node} does not see the run store {here.store}: set REPRO_STORE to a folder on a file system "
            "that all machines of the cluster share"
        )
    if here.recipe_version != RECIPE_VERSION:
        raise InputError(f"machine {node} has another version of this package: install the same one on all machines")
    try:
        os.chdir(here.folder)  # what the paths of recordings are relative to
    except OSError as error:
        raise InputError(f"machine {node} has no folder {here.folder} ({error.strerror}): it must be shared") from None


def _gpu_shares(experiments: Sequence[Experiment], store: Store) -> list[float]:
    """The share of a GPU that every Experiment takes; 0 where the cluster has none."""
    import ray

    if not ray.cluster_resources().get("GPU"):
        return [0.0] * len(experiments)
    measured = measured_memory(experiments, store)
    memory = _least_gpu_memory() if any(measured) else 1
    return [gpu_share(peak, memory) for peak in measured]


def measured_memory(experiments: Sequence[Experiment], store: Store) -> list[int]:
    """GPU bytes that a stored run of the same width, recordings, batch size and precision took; 0 where there is none.

    The largest of those runs that are at least as deep. Runs that cannot be read are left out: this is an estimate.
    """
    measured: list[tuple[list[object], ModelConfig, int]] = []
    for key in store.own():  # a shipped run comes from another GPU
        with suppress(InputError):
            record = store.load(key)
            if peak := record.provenance.get("peak_memory", {}).get("gpu", 0):
                measured.append((_alike(record.experiment), record.experiment.model, peak))

    def largest(run: Experiment) -> int:
        alike, depth, pointwise = _alike(run), run.model.depth, run.model.pointwise
        same = [(model, peak) for other, model, peak in measured if other == alike]
        return max((peak for of, peak in same if of.depth >= depth and of.pointwise >= pointwise), default=0)

    return list(map(largest, experiments))


def _alike(run: Experiment) -> list[object]:
    return [recordings_of(run.data), run.model.width, run.recipe.batch_size, run.recipe.precision]


def gpu_share(peak: int, memory: int) -> float:
    """The share of a GPU with `memory` bytes for a network that took `peak` bytes; a whole one where `peak` is 0.

    With context and margin, rounded up to whole parts (`GPU_PARTS`). More than half a GPU becomes a whole one.
    """
    parts = math.ceil(GPU_PARTS * (MARGIN * peak + CONTEXT_BYTES) / memory)
    return parts / GPU_PARTS if peak and 2 * parts <= GPU_PARTS else 1.0


def _least_gpu_memory() -> int:
    """Bytes of the smallest GPU of the cluster; every machine that has one is asked."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask = ray.remote(_gpu_memory)
    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("GPU")]
    places = [NodeAffinitySchedulingStrategy(node, soft=False) for node in nodes]
    asked = [ask.options(num_cpus=0, num_gpus=0.01, scheduling_strategy=place).remote() for place in places]
    sizes: list[int] = ray.get(asked)
    return min(sizes)


def _gpu_memory() -> int:
    return int(torch.cuda.get_device_properties(0).total_memory)
