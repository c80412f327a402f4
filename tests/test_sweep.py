import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from filelock import FileLock

from repro import sweep
from repro.config import DataConfig, Experiment
from repro.data import load
from repro.errors import InputError
from repro.runs import Store
from repro.sweep import fetch, fetch_groups, train_one
from repro.train import Outcome, train

A, B, C = (tiny.experiment(seed=seed, epochs=2) for seed in range(3))


@pytest.fixture(scope="module")
def toy_store(tmp_path_factory) -> Path:
    return tiny.store(tmp_path_factory.mktemp("toy")).root


@pytest.fixture
def store(toy_store, tmp_path, monkeypatch) -> Store:
    """A store without runs, on the CPU, that is the default one too."""
    shutil.copytree(toy_store, tmp_path / "store")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # for the processes that are started
    monkeypatch.setattr(sweep, "training_device", lambda: torch.device("cpu"))
    monkeypatch.setenv("REPRO_STORE", str(tmp_path / "store"))
    return Store(tmp_path / "store")


@pytest.fixture
def trained(monkeypatch) -> list[Experiment]:
    """What is trained, in this process, one after the other."""
    experiments: list[Experiment] = []

    def one_by_one(missing: list[Experiment], store: Store) -> None:
        for experiment in missing:
            experiments.append(experiment)
            train_one(experiment, store)

    monkeypatch.setattr(sweep, "_train_all", one_by_one)
    return experiments


def test_runs_come_in_the_order_asked_for_and_each_is_trained_once(store, trained):
    records = fetch([B, A, B], store)
    assert [record.experiment for record in records] == [B, A, B]
    assert records[0] is records[2]
    assert trained == [B, A]
    assert store.finished() == sorted({record.key for record in records})


def test_what_the_store_has_is_loaded(store, trained):
    (first,) = fetch([A], store)
    written = (first.folder / "manifest.json").stat().st_mtime_ns
    again, other = fetch(iter([A, C]), store)
    assert trained == [A, C]
    assert again.key == first.key != other.key
    assert (first.folder / "manifest.json").stat().st_mtime_ns == written


def test_a_run_that_was_deleted_is_trained_again(store, trained):
    (first,) = fetch([A], store)
    shutil.rmtree(first.folder)
    (again,) = fetch([A], store)
    assert trained == [A, A]
    assert again.predictions.tolist() == first.predictions.tolist()


def test_the_store_of_the_environment_is_used_where_none_is_given(store, trained):
    (record,) = fetch([A])
    assert record.folder.parent == store.root / "runs"


def test_groups_share_their_runs(store, trained):
    groups = fetch_groups({"one": [A, B], "none": [], "two": [B, A, C]})
    assert {name: [record.experiment for record in records] for name, records in groups.items()} == {
        "one": [A, B],
        "none": [],
        "two": [B, A, C],
    }
    assert trained == [A, B, C]


def test_nothing_asked_for_nothing_done(store, trained):
    assert fetch([], store) == [] and fetch_groups({}) == {} and trained == []


def test_a_run_is_kept_with_its_test_clips_and_its_device(store):
    threads = torch.get_num_threads()
    record = store.load(train_one(A, store))
    clips = load(tiny.DATA, store.root)
    assert record.data_fingerprint == clips.fingerprint
    assert record.test_clips["device"].tolist() == ["a"] * 4 + ["b", "c", "b", "c"]
    assert record.provenance["device"].startswith("cpu: ")
    assert torch.get_num_threads() == threads


def test_a_run_that_two_ask_for_at_once_is_trained_once(store, monkeypatch):
    trained = []

    def counted(*args: Any, **options: Any) -> Outcome:
        trained.append(args[0])
        return train(*args, **options)

    monkeypatch.setattr(sweep, "train", counted)
    key = A.key(load(A.data, store.root).fingerprint)
    (store.root / "locks").mkdir()
    with ThreadPoolExecutor(2) as pool:
        with FileLock(store.root / "locks" / f"{key}.lock"):
            asked = [pool.submit(train_one, A, store) for _ in range(2)]
            assert not wait(asked, timeout=0.5).done
        assert [done.result() for done in asked] == [key, key]
    assert trained == [A]


def test_workers_give_the_same_runs_as_one_process_bit_for_bit(store, toy_store, tmp_path):
    shutil.copytree(toy_store, tmp_path / "serial")
    serial = Store(tmp_path / "serial")
    keys = [train_one(experiment, serial) for experiment in (A, B)]
    sweep._train_all([A, B, A], store)  # a worker that found the run being trained waits and leaves it
    assert store.finished() == sorted(keys)
    for key in keys:
        parallel, alone = store.load(key), serial.load(key)
        for name in ("weights.safetensors", "predictions.npz"):
            assert (parallel.folder / name).read_bytes() == (alone.folder / name).read_bytes()
        assert parallel.epochs.drop(columns="seconds").equals(alone.epochs.drop(columns="seconds"))


def test_recordings_that_are_not_there_are_refused_before_anything_is_trained(store, trained):
    missing = A.model_copy(update={"data": DataConfig(name="esc10", root=str(store.root / "nowhere"))})
    with pytest.raises(InputError, match="nowhere"):
        fetch([A, missing], store)
    assert trained == [] and store.finished() == []


def test_a_training_that_fails_leaves_no_run(store, trained, monkeypatch):
    def fail(*_: object, progress: Callable[[int], None]) -> None:
        raise FloatingPointError("the loss of epoch 1 is nan")

    monkeypatch.setattr(sweep, "train", fail)
    threads = torch.get_num_threads()
    with pytest.raises(FloatingPointError, match="epoch 1"):
        fetch([A], store)
    assert store.finished() == []
    assert torch.get_num_threads() == threads
