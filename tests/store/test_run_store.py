import dataclasses
import errno
import fcntl
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import stored as stored_runs
import tiny
import torch
from filelock import FileLock, Timeout

from repro.errors import InputError
from repro.experiment import DataConfig, Sparsity
from repro.files import checksums
from repro.network.pruning import count_remaining
from repro.store.provenance import provenance
from repro.store.record import Record
from repro.store.record_format import run_files
from repro.store.store import Store
from repro.training.loop import Outcome, train

FILES = ("manifest.json", "arrays.npz", "record.json", "weights.safetensors")


@pytest.fixture(scope="module")
def outcome(toy_inputs) -> Outcome:
    return train(tiny.experiment(), toy_inputs)


def save(store: Store, outcome: Outcome, toy_inputs, experiment=None) -> str:
    clips = toy_inputs.clips
    experiment, test_clips = experiment or tiny.experiment(), clips.table.iloc[toy_inputs.split.test]
    key, made = experiment.key(clips.fingerprint), provenance(torch.device("cpu"), 1.234)
    store.save(key, run_files(experiment, clips.fingerprint, outcome, test_clips, clips.scenes, made))
    return key


@pytest.fixture(scope="module")
def stored(outcome, toy_inputs, tmp_path_factory) -> Store:
    store = Store(tmp_path_factory.mktemp("store"))
    save(store, outcome, toy_inputs)
    return store


@pytest.fixture
def copy(stored, tmp_path) -> Store:
    shutil.copytree(stored.root, tmp_path / "copy")
    return Store(tmp_path / "copy")


def test_a_run_is_read_back_as_it_was_saved(stored, outcome, toy_inputs):
    (key,) = stored.finished()
    assert key == tiny.experiment().key(toy_inputs.clips.fingerprint)
    assert key in stored and "0" * 20 not in stored
    assert sorted(path.name for path in stored.folder(key).iterdir()) == sorted(FILES)
    record = stored.load(key)
    assert (record.key, record.folder) == (key, stored.root / "runs" / key)
    assert record.experiment == tiny.experiment()
    assert record.data_fingerprint == toy_inputs.clips.fingerprint
    assert record.scenes == ("noise", "tone")
    assert record.train_accuracy == outcome.train_accuracy
    assert record.predictions.dtype == np.uint8
    assert record.predictions.tolist() == outcome.predictions.tolist()
    assert record.epochs["loss"].tolist() == [epoch.loss for epoch in outcome.epochs]
    assert record.epochs["unseen"].notna().tolist() == [False] * 5 + [True]
    assert record.layer_sparsity.empty
    assert list(record.test_clips.columns) == ["filename", "scene", "city", "location", "device"]
    expected = toy_inputs.clips.table.iloc[toy_inputs.split.test].reset_index(drop=True)
    assert record.test_clips.equals(expected)
    assert record.labels.tolist() == toy_inputs.labels[toy_inputs.split.test].tolist()
    assert record.correct.tolist() == [[True] * 8]
    assert record.reported_epochs == range(5, 6)
    assert record.weights == count_remaining(record.network()[0])
    assert record.provenance["seconds"] == 1.23  # of the last part, where a run was continued
    assert record.seconds == pytest.approx(sum(epoch.seconds for epoch in outcome.epochs))
    assert record.provenance["device"].startswith("cpu: ")
    assert record.has_weights and not record.shipped
    assert (record.recipe_version, record.other_recipe) == (4, False)
    assert record.layer_weights == outcome.layer_weights
    assert record.erf.dtype == np.float16 and np.array_equal(record.erf, outcome.erf)


def predicted(record: Record, toy_inputs) -> list[int]:
    model, mean, deviation = record.network()
    assert not model.training
    assert torch.equal(mean, toy_inputs.mean) and torch.equal(deviation, toy_inputs.deviation)
    with torch.no_grad():
        return [label for batch in toy_inputs.test_batches() for label in model(batch).argmax(1).tolist()]


@pytest.mark.parametrize(
    "experiment",
    [
        tiny.experiment(epochs=2, max_lr=0.003),
        tiny.experiment(width=8, damped=True, epochs=2, max_lr=0.003),
        tiny.experiment(damped=True, sparsity=Sparsity(method="iterative", weights=200), epochs=2, max_lr=0.003),
    ],
    ids=["base", "damped", "sparse"],
)
def test_the_stored_network_makes_the_stored_predictions(experiment, toy_inputs, tmp_path):
    store = Store(tmp_path)
    record = store.load(save(store, train(experiment, toy_inputs), toy_inputs, experiment))
    assert predicted(record, toy_inputs) == record.predictions[-1].tolist()
    if experiment.sparsity:
        assert record.weights == count_remaining(record.network()[0]) == 200
        assert len(record.layer_sparsity) == 2 and "classifier.0" in record.layer_sparsity


def test_where_the_recordings_lay_is_not_kept(outcome, toy_inputs, tmp_path):
    store = Store(tmp_path)
    data = DataConfig(name="esc10", root="/home/someone/esc10", impulse_responses="/home/someone/micirp")
    experiment = tiny.experiment().model_copy(update={"data": data})
    record = store.load(save(store, outcome, toy_inputs, experiment))
    assert "someone" not in (record.folder / "record.json").read_text()
    assert record.experiment.key(record.data_fingerprint) == record.key
    assert record.experiment.data.name == "esc10"


def test_a_run_that_is_there_already_stays(copy, outcome, toy_inputs):
    (key,) = copy.finished()
    before = (copy.folder(key) / "record.json").stat()
    assert save(copy, outcome, toy_inputs) == key
    after = (copy.folder(key) / "record.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_folder_without_a_manifest_gives_way(copy, outcome, toy_inputs):
    (key,) = copy.finished()
    (copy.folder(key) / "manifest.json").unlink()
    assert copy.finished() == []
    save(copy, outcome, toy_inputs)
    copy.load(key)


def test_what_a_killed_process_left_is_no_run(copy):
    (key,) = copy.finished()
    shutil.copytree(copy.folder(key), copy.root / "runs" / f".{key}-killed")
    assert copy.finished() == [key]


def everything(store: Store, key: str) -> None:
    store.load(key).network()


def refusal(store: Store, key: str, path: Path) -> str:
    return f"{path} is not what was stored: delete {store.folder(key)}, and it is made again"


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_refused_by_name(name, copy):
    (key,) = copy.finished()
    path = copy.folder(key) / name
    content = path.read_bytes()
    for place in (0, len(content) // 3, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(checksums.DamagedError) as refused:
            everything(copy, key)
        if name != "manifest.json":  # where it is the manifest that was altered, a file may seem to be
            assert str(refused.value) == refusal(copy, key, path)
    path.write_bytes(content)
    everything(copy, key)


@pytest.mark.parametrize("name", FILES[1:])
def test_a_lost_file_is_refused_by_name(name, copy):
    (key,) = copy.finished()
    (copy.folder(key) / name).unlink()
    with pytest.raises(InputError) as refused:
        copy.load(key)
    assert str(refused.value) == refusal(copy, key, copy.folder(key) / name)


@pytest.mark.parametrize("left_out", FILES[1:])
def test_a_manifest_that_leaves_a_file_out_is_refused(left_out, copy):
    (key,) = copy.finished()
    manifest = copy.folder(key) / "manifest.json"
    digests = json.loads(manifest.read_text())
    del digests[left_out]
    manifest.write_text(json.dumps(digests))
    with pytest.raises(InputError) as refused:
        copy.load(key)
    assert str(refused.value) == refusal(copy, key, copy.folder(key) / left_out)


@pytest.mark.parametrize("key", ["abc", 300 * "a"])  # a name that no file can have
def test_an_unknown_key_is_refused(stored, key):
    with pytest.raises(InputError) as refused:
        stored.load(key)
    assert str(refused.value) == f"no run {key} in {stored.root}: 'repro runs ls' lists those that exist"


def test_a_file_managers_own_file_damages_nothing(stored):
    (key,) = stored.finished()
    (stored.folder(key) / ".DS_Store").write_bytes(b"icons")
    assert stored.load(key).key == key


def test_the_default_store_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_STORE", str(tmp_path / "new" / "store"))
    assert Store.default().root == (tmp_path / "new" / "store").resolve()
    assert list(tmp_path.iterdir()) == []  # it is made when something is kept
    monkeypatch.setenv("REPRO_STORE", "")
    monkeypatch.chdir(tmp_path)
    assert Store.default().root == (tmp_path / "_store").resolve()


@pytest.mark.parametrize("below", ["", "store"])
def test_a_store_that_cannot_be_written_to_is_read_and_refuses_to_keep(below: str, tmp_path: Path, monkeypatch):
    (tmp_path / "file").write_text("")
    root = tmp_path / "file" / below
    monkeypatch.setenv("REPRO_STORE", str(root))
    store = Store.default()
    assert store.own() == store.failed() == [] and store.find([tiny.experiment()]) == {tiny.experiment(): []}
    with pytest.raises(InputError) as refused, store.lock("a"):
        pass
    assert str(refused.value) == (
        f"the run store {root} cannot be written to (File exists): set REPRO_STORE to another folder"
    )


def test_the_store_lies_beside_the_book_from_wherever_a_notebook_runs(tmp_path, monkeypatch):
    monkeypatch.delenv("REPRO_STORE", raising=False)
    (tmp_path / "project" / "book").mkdir(parents=True)
    (tmp_path / "project" / "_toc.yml").touch()
    for folder, expected in (("project/book", "project/_store"), ("project", "project/_store"), (".", "_store")):
        monkeypatch.chdir(tmp_path / folder)
        assert Store.default().root == tmp_path / expected
        monkeypatch.setenv("REPRO_STORE", "mine")  # in the project, too, wherever a command is run
        assert Store.default().root == (tmp_path / expected).with_name("mine")
        monkeypatch.delenv("REPRO_STORE")


def test_failures_are_results_but_no_runs(tmp_path):
    store = Store(tmp_path)
    assert store.failed() == []
    a, b = tiny.experiment(seed=1), tiny.experiment(seed=2)
    keys = [stored_runs.fail(store, experiment) for experiment in (a, b)]
    assert store.failed() == sorted(keys) and store.finished() == [] and keys[0] not in store
    failure = store.failure(keys[0])
    assert (failure.experiment, failure.data_fingerprint) == (a, stored_runs.FINGERPRINT)
    assert (failure.kind, failure.reason) == ("non-finite loss", "the loss of epoch 1 is nan")
    assert failure.provenance == stored_runs.PROVENANCE
    with pytest.raises(InputError, match=f"no run {keys[0]} in"):
        store.load(keys[0])
    store.save_failure(dataclasses.replace(failure, kind="out of memory", reason="no memory\nleft"))
    assert (store.failure(keys[0]).kind, store.failure(keys[0]).reason) == ("out of memory", "no memory left")
    stored_runs.save(store, a)
    assert store.failed() == [keys[1]] and not store.failure_path(keys[0]).exists()


def test_a_failure_beside_its_run_is_none(tmp_path):
    """A process may be killed between keeping the run and forgetting the failure."""
    store = Store(tmp_path)
    stored_runs.save(store)
    stored_runs.fail(store)
    assert store.failed() == []


def test_runs_are_found_without_their_recordings(tmp_path):
    store = Store(tmp_path)
    here, there = (DataConfig(name="esc10", root=root, clip_seconds=0.4) for root in ("/here", "/there"))
    asked, other = tiny.experiment(), tiny.experiment(seed=1)
    a, b = (experiment.model_copy(update={"data": here}) for experiment in (asked, other))
    keys = [stored_runs.save(store, experiment) for experiment in (a, b, asked)]
    moved, unknown = a.model_copy(update={"data": there}), tiny.experiment(seed=2)
    assert store.find([moved, asked, unknown]) == {moved: [keys[0]], asked: [keys[2]], unknown: []}
    assert store.fingerprints(there) == {stored_runs.FINGERPRINT}
    assert store.fingerprints(there.model_copy(update={"clip_seconds": 5.0})) == set()
    (store.folder(keys[0]) / "record.json").write_bytes(b"{}")
    assert store.fingerprints(there) == {stored_runs.FINGERPRINT}  # that of the other run
    second = a.key("e" * 64)
    store.save(second, stored_runs.files(a, "e" * 64))
    assert store.fingerprints(there) == {stored_runs.FINGERPRINT, "e" * 64}
    assert store.find([a]) == {a: [second, keys[0]]}


def test_one_set_of_recordings_has_all_folds(tmp_path):
    store = Store(tmp_path)
    folds = [
        tiny.experiment().model_copy(update={"data": DataConfig(name="esc10", root="/x", fold=fold, clip_seconds=0.4)})
        for fold in range(4)
    ]
    key = stored_runs.save(store, folds[2])
    assert [store.fingerprints(run.data) for run in folds] == [{stored_runs.FINGERPRINT}] * 4
    assert list(store.find(folds).values()) == [[], [], [key], []]


def test_fingerprints_are_found_without_reading_arrays(tmp_path, monkeypatch):
    store, read, opened = Store(tmp_path), checksums.read, []
    stored_runs.save(store)
    monkeypatch.setattr(checksums, "read", lambda folder, name: opened.append(name) or read(folder, name))
    assert store.fingerprints(tiny.DATA) == {stored_runs.FINGERPRINT}
    assert opened == ["record.json"]


def test_a_key_is_locked_until_its_holder_ends(tmp_path):
    store = Store(tmp_path / "store")
    path = store.root / "locks" / "k.lock"
    code = f"import time, filelock; lock = filelock.FileLock({str(path)!r}); lock.acquire(); print('held', flush=True)"
    with store.lock("k"), store.lock("other"), store.writing():
        pass
    holder = subprocess.Popen([sys.executable, "-c", f"{code}; time.sleep(600)"], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(Timeout):
            FileLock(path).acquire(timeout=0)
        with store.lock("other"):
            pass
    finally:
        holder.kill()
        holder.communicate()
    with store.lock("k"):  # the file is still there
        assert path.is_file()


def test_a_file_system_without_locks_is_refused(tmp_path, monkeypatch):
    def no_flock(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", no_flock)
    with pytest.raises(InputError) as refused, Store(tmp_path).lock("k"):
        pass
    assert str(refused.value) == (
        f"the run store {tmp_path} cannot be written to (Function not implemented): set REPRO_STORE to another folder"
    )
    assert list((tmp_path / "locks").glob("[!.]*")) in ([], [tmp_path / "locks" / "k.lock"])


def test_what_happens_under_a_lock_is_not_taken_for_a_fault_of_the_store(tmp_path):
    with pytest.raises(FileNotFoundError), Store(tmp_path).lock("k"):
        raise FileNotFoundError(2, "No such file or directory", "elsewhere")
