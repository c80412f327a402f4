"""Runs as a store keeps them, without any training."""

from typing import Any

import numpy as np
import tiny
import torch
from numpy.typing import NDArray

from repro.experiment import Experiment
from repro.network.cp_resnet import build
from repro.network.pruning import remaining_by_layer
from repro.store.record import WEIGHTS, Failure
from repro.store.record_format import ARRAYS, run_files
from repro.store.store import Store
from repro.training.loop import Epoch, Outcome

FINGERPRINT = "f" * 64
CLIPS = tiny.table().query("city == 'wien'").reset_index(drop=True)
PROVENANCE: dict[str, Any] = {
    "finished": "2021-07-18T12:00:00+00:00",
    "seconds": 2.5,
    "device": "cpu: toy",
    "threads": 1,
    "peak_memory": {"process": 3_000_000, "gpu": 0},
    "python": "3.11.0",
    "packages": {"torch": "2.11.0"},
    "code": {"fingerprint": "c" * 64, "commit": None, "dirty": False},
}


def outcome(experiment: Experiment) -> Outcome:
    """What training might have given, from an untrained network."""
    network = build(experiment.model, torch.Generator().manual_seed(experiment.seed), len(tiny.SCENES))
    statistics = {"input.mean": torch.zeros(256, 1), "input.deviation": torch.ones(256, 1)}
    epochs = experiment.recipe.epochs
    return Outcome(
        epochs=tuple(Epoch(epoch, 0.03, 0.5, 0.1, 1.0, None) for epoch in range(epochs)),
        predictions=np.arange(8, dtype=np.uint8).reshape(1, 8) % 2,
        train_accuracy=0.75,
        layer_sparsity=(),
        layer_weights=remaining_by_layer(network),
        erf=field(),
        weights=network.state_dict() | statistics,
    )


def save(store: Store, experiment: Experiment | None = None, **provenance: Any) -> str:
    """Save such a run; returns its key."""
    experiment = experiment or tiny.experiment()
    key = experiment.key(FINGERPRINT)
    store.save(key, files(experiment, **provenance))
    return key


def files(experiment: Experiment, fingerprint: str = FINGERPRINT, **provenance: Any) -> dict[str, bytes]:
    """The files of such a run."""
    return run_files(experiment, fingerprint, outcome(experiment), CLIPS, tiny.SCENES, PROVENANCE | provenance)


def fail(store: Store, experiment: Experiment | None = None) -> str:
    """Save that a training failed; returns the key."""
    experiment, reason = experiment or tiny.experiment(), "the loss of epoch 1 is nan"
    key = experiment.key(FINGERPRINT)
    return store.save_failure(Failure(key, experiment, FINGERPRINT, "non-finite loss", reason, PROVENANCE)).key


def bits(store: Store, key: str) -> tuple[Any, ...]:
    """Everything in a run but its provenance and its epochs' durations."""
    record = store.load(key)
    files = [(record.folder / name).read_bytes() for name in (WEIGHTS, ARRAYS)]
    tables = [record.epochs.drop(columns="seconds").to_csv(), record.layer_sparsity.to_csv()]
    return *files, *tables, record.layer_weights, record.train_accuracy


def field() -> NDArray[np.float16]:
    """The receptive field of these runs."""
    return np.linspace(0, 1, 256 * 5).reshape(256, 5).astype(np.float16)
