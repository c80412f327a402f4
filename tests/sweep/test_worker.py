from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import stored
import tiny
import torch

from repro.errors import InputError
from repro.experiment import DataConfig, Experiment
from repro.files import checksums
from repro.store.store import Store
from repro.sweep import fetch as sweeps
from repro.sweep import worker
from repro.sweep.worker import keys_of, train_one
from repro.training import checkpoint
from repro.training.checkpoint import Checkpoints

A, B = tiny.experiment(epochs=2), tiny.experiment(seed=1, epochs=3)


def in_this_process(experiments: Any, store: Store, report: Any) -> Any:
    for run in experiments:
        yield train_one(run, store)


def test_a_recording_that_vanishes_fails_its_run_alone(store, monkeypatch):
    train = worker.train

    def vanish(experiment: Experiment, *rest: Any) -> Any:
        if experiment == A:
            Path("/nowhere/a.wav").read_bytes()
        return train(experiment, *rest)

    monkeypatch.setattr(worker, "train", vanish)
    (failure,) = sweeps.sweep([A, B], store, in_this_process)
    assert (failure.experiment, failure.kind) == (A, "error")
    assert failure.reason == "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/a.wav'"
    assert [store.load(key).experiment for key in store.finished()] == [B]
    assert store.failed() == [failure.key]


def full_disk(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def test_a_checkpoint_that_cannot_be_written_is_the_stores_fault(store, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    monkeypatch.setattr(checkpoint.checksums, "write_folder", full_disk)
    with pytest.raises(InputError, match=r"^the run store .* cannot be written to \(No space left on device\): "):
        sweeps.sweep([A, B], store, in_this_process)
    assert store.finished() == store.failed() == []


def test_a_run_that_cannot_be_written_is_the_stores_fault(store, monkeypatch):
    monkeypatch.setattr(checksums, "write_folder", full_disk)
    with pytest.raises(InputError, match=r"^the run store .* cannot be written to \(No space left on device\): "):
        sweeps.sweep([A, B], store, in_this_process)
    assert store.finished() == store.failed() == []


def test_a_checkpoint_that_outlived_its_training_goes_when_its_run_is_asked_for(store, monkeypatch):
    """The process was killed after the run was kept and before its checkpoints were removed."""
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    monkeypatch.setattr(Checkpoints, "discard", lambda self: None)
    assert train_one(B, store) is None
    assert [path.name for path in (store.root / "checkpoints").glob("*/*")] == ["00002"]
    monkeypatch.undo()
    assert train_one(B, store) is None
    assert list((store.root / "checkpoints").iterdir()) == []


def five_folds(root: Path) -> list[Experiment]:
    data = [DataConfig(name="esc10", root=str(root), fold=fold) for fold in range(1, 6)]
    return [A.model_copy(update={"data": fold, "seed": seed}) for seed in range(3) for fold in data]


def test_recordings_are_looked_at_once_whatever_the_number_of_runs_and_folds(store, monkeypatch):
    looked_at = []

    def load(data: DataConfig, root: Path) -> SimpleNamespace:
        looked_at.append(data.name)
        return SimpleNamespace(fingerprint=stored.FINGERPRINT)

    monkeypatch.setattr(worker, "load", load)
    runs = [*five_folds(store.root), A, B]
    assert keys_of(runs, store) == [run.key(stored.FINGERPRINT) for run in runs]
    assert looked_at == ["esc10", "synthetic"]


def test_runs_of_all_folds_are_found_without_their_recordings(store):
    runs = five_folds(store.root / "nowhere")
    kept = stored.save(store, runs[2])
    assert keys_of(runs, store) == [run.key(stored.FINGERPRINT) for run in runs]
    assert keys_of(runs, store)[2] == kept
    other = runs[0].model_copy(update={"data": runs[0].data.model_copy(update={"clip_seconds": 0.5})})
    with pytest.raises(InputError, match="nowhere"):
        keys_of([other], store)


def test_inputs_are_kept_until_the_recordings_change(store):
    data, cpu = tiny.DATA, torch.device("cpu")
    first = worker.inputs_of(data, "a", store.root, cpu)
    assert worker.inputs_of(data, "a", store.root, cpu) is first
    assert worker.inputs_of(data, "b", store.root, cpu) is not first


def test_of_a_worker_that_died_the_gpu_is_unknown(store, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    failure = worker.keep_failure(A, store, "its process ended with signal SIGKILL", "killed")
    assert failure is not None and failure.provenance["device"] == "unknown"
