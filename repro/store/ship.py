"""Adding finished runs to a folder of `results`, which comes with the repository."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.errors import InputError
from repro.experiment import Experiment
from repro.files import atomic, checksums
from repro.files.archive import write_archive
from repro.store.record import Record
from repro.store.record_format import ARRAYS, RECORD, recordings_of
from repro.store.shipped import Shipped
from repro.store.store import Store


def ship(store: Store, experiments: Sequence[Experiment], folder: Path) -> tuple[int, int]:
    """Add the finished runs of an edition that a folder does not have yet; those that it has stay as they are.

    Args:
        store: where the runs were trained; it is only read.
        experiments: all that the edition asks for.
        folder: of `results`, for this edition; made where it does not exist.

    Returns:
        How many runs were added, and how many of those that were asked for are there now.

    Raises:
        InputError: the store has no run of the edition, or only runs on other recordings than the folder's; a run,
            there or here, is damaged; or the folder cannot be written to.
    """
    shipped, data = Shipped(folder), experiments[0].data
    fingerprint = _fingerprint(store, shipped, experiments[0])
    wanted = {run.key(fingerprint) for run in experiments}
    new = sorted(key for key in wanted if store.owns(key) and key not in shipped)
    if not new and not shipped.finished():
        raise InputError(f"{store.root} has no run of this edition")
    present = [shipped.load(key) for key in shipped.finished()]  # a fault ends this before anything is written
    try:
        if not shipped.recordings_path.exists():
            origin = {"recordings": recordings_of(data), "data_fingerprint": fingerprint}
            checksums.write_json(shipped.recordings_path, origin)
        for key in new:
            write_archive(shipped.path(key), shipped_files(store.load(key)).items())
        for name, content in tables([*present, *map(shipped.load, new)]).items():
            atomic.write_file(folder / name, content)
    except OSError as error:
        raise InputError(f"{folder} cannot be written to ({error.strerror}): make it writable") from None
    return len(new), sum(key in shipped for key in wanted)


def shipped_files(record: Record) -> dict[str, bytes]:
    """The files of a run as it is shipped: the same values as in its folder, to be compressed by the archive."""
    content, arrays = json.loads(checksums.read(record.folder, RECORD)), io.BytesIO()
    np.savez(arrays, predictions=record.predictions, erf=record.erf)
    return {RECORD: json.dumps(content, separators=(",", ":")).encode(), ARRAYS: arrays.getvalue()}


def tables(records: Iterable[Record]) -> dict[str, bytes]:
    """What came out of runs, as two files of CSV: `runs.csv`, a row a run, and `devices.csv`, a row a run and device.

    An accuracy is the share of clips in the mean over the reported epochs; `weights` counts those that the network
    has left; `guard` is empty where nothing is pruned iteratively. Rows are sorted by key and device.
    """
    runs: list[dict[str, Any]] = []
    devices: list[dict[str, Any]] = []
    for record in sorted(records, key=lambda record: record.key):
        runs.append(_row(record))
        devices += _device_rows(record)
    return {name: _csv(rows) for name, rows in (("runs.csv", runs), ("devices.csv", devices))}


def _row(record: Record) -> dict[str, Any]:
    model, recipe, sparsity = record.experiment.model, record.experiment.recipe, record.experiment.sparsity
    return {
        "key": record.key,
        "variant": record.experiment.variant,
        "width": model.width,
        "depth": model.depth,
        "pointwise": model.pointwise,
        "method": sparsity.method if sparsity else "dense",
        "guard": sparsity.guard if sparsity and sparsity.method == "iterative" else "",
        "labels": recipe.labels,
        "fold": record.experiment.data.fold,
        "seed": record.experiment.seed,
        "epochs": recipe.epochs,
        "weights": record.weights,
        "train_accuracy": round(record.train_accuracy, 6),
        "seen_accuracy": _accuracy(record.correct[:, record.seen]),
        "unseen_accuracy": _accuracy(record.correct[:, ~record.seen]),
        "commit": record.commit or "",
        "machine": record.provenance["device"],
        "seconds": round(record.seconds, 1),
    }


def _device_rows(record: Record) -> Iterator[dict[str, Any]]:
    devices = record.test_clips["device"].to_numpy()
    for device in sorted(set(devices)):
        correct = record.correct[:, devices == device]
        yield {"key": record.key, "device": device, "clips": correct.shape[1], "accuracy": _accuracy(correct)}


def _accuracy(correct: NDArray[np.bool_]) -> float:
    return round(float(correct.mean()), 6)


def _csv(rows: list[dict[str, Any]]) -> bytes:
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n").encode()


def _fingerprint(store: Store, shipped: Shipped, example: Experiment) -> str:
    """The fingerprint of the recordings that all runs of the folder are trained on."""
    found = store.fingerprints(example.data)
    if not shipped.recordings_path.exists() and not shipped.finished():
        if len(found) != 1:
            raise InputError(f"{store.root} has runs on {len(found)} sets of recordings of this edition, not on one")
        return found.pop()
    known = shipped.fingerprints(example.data)
    if not known:
        raise InputError(f"{shipped.folder} holds runs on other recordings than this edition names")
    if found and found.isdisjoint(known):
        raise InputError(f"the runs in {store.root} were trained on other recordings than those in {shipped.folder}")
    return known.pop()
