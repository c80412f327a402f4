import json
import shutil
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from repro import runs
from repro.config import DataConfig, Sparsity
from repro.errors import InputError
from repro.model import count_weights
from repro.runs import Record, Store, provenance
from repro.sparsity import count_remaining
from repro.train import Outcome, train

FILES = ("manifest.json", "predictions.npz", "record.json", "weights.safetensors")


@pytest.fixture(scope="module")
def outcome(toy_inputs) -> Outcome:
    return train(tiny.experiment(), toy_inputs)


def save(store: Store, outcome: Outcome, toy_inputs, experiment=None) -> str:
    clips = toy_inputs.clips
    return store.save(
        experiment or tiny.experiment(),
        clips.fingerprint,
        outcome,
        clips.table.iloc[toy_inputs.split.test],
        clips.scenes,
        provenance(torch.device("cpu"), 1.234),
    )


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
    assert record.epochs["unseen"].notna().tolist() == [False, True, False, True, False, True]
    assert record.layer_sparsity.empty
    assert list(record.test_clips.columns) == ["filename", "scene", "city", "location", "device"]
    expected = toy_inputs.clips.table.iloc[toy_inputs.split.test].reset_index(drop=True)
    assert record.test_clips.equals(expected)
    assert record.labels.tolist() == toy_inputs.labels[toy_inputs.split.test].tolist()
    assert record.correct.tolist() == [[True] * 8]
    assert record.reported_epochs == range(5, 6)
    assert record.weights == count_weights(record.network()[0])
    assert record.provenance["seconds"] == 1.23
    assert record.provenance["device"].startswith("cpu: ")
    assert set(record.provenance["packages"]) == {"torch", "numpy", "librosa"}
    assert datetime.fromisoformat(record.provenance["finished"]).tzinfo is not None


def predicted(record: Record, toy_inputs) -> list[int]:
    model, mean, deviation = record.network()
    assert not model.training
    assert torch.equal(mean, toy_inputs.mean) and torch.equal(deviation, toy_inputs.deviation)
    with torch.no_grad():
        return model(toy_inputs.standardised(toy_inputs.test)).argmax(1).tolist()


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


@pytest.mark.parametrize("step", ["savez_compressed", "save_file", "_sha256"])
def test_a_run_that_cannot_be_written_leaves_nothing_behind(step, outcome, toy_inputs, tmp_path, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np if step == "savez_compressed" else runs, step, fail)
    store = Store(tmp_path)
    with pytest.raises(OSError, match="No space left"):
        save(store, outcome, toy_inputs)
    assert store.finished() == []
    assert list((tmp_path / "runs").iterdir()) == []


def test_what_a_killed_process_left_is_no_run(copy):
    (key,) = copy.finished()
    shutil.copytree(copy.folder(key), copy.root / "runs" / f".{key}-killed")
    assert copy.finished() == [key]


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_refused_by_name(name, copy):
    (key,) = copy.finished()
    path = copy.folder(key) / name
    content = path.read_bytes()
    for place in (0, len(content) // 3, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(InputError) as refused:
            copy.load(key)
        damaged = path if name != "manifest.json" else copy.folder(key)
        assert str(refused.value).startswith(str(damaged))
        assert str(refused.value).endswith(
            f" is not what was stored: delete {copy.folder(key)} and train the run again"
        )
    path.write_bytes(content)
    copy.load(key)


@pytest.mark.parametrize("name", FILES[1:])
def test_a_lost_file_is_refused_by_name(name, copy):
    (key,) = copy.finished()
    (copy.folder(key) / name).unlink()
    with pytest.raises(InputError) as refused:
        copy.load(key)
    assert str(refused.value) == (
        f"{copy.folder(key) / name} is not what was stored: delete {copy.folder(key)} and train the run again"
    )


def test_a_manifest_that_leaves_a_file_out_is_refused(copy):
    (key,) = copy.finished()
    manifest = copy.folder(key) / "manifest.json"
    digests = json.loads(manifest.read_text())
    del digests["weights.safetensors"]
    manifest.write_text(json.dumps(digests))
    with pytest.raises(InputError, match=r"manifest\.json is not what was stored"):
        copy.load(key)


def test_an_unknown_key_is_refused(stored):
    with pytest.raises(InputError) as refused:
        stored.load("abc")
    assert str(refused.value) == f"no run abc in {stored.root}: 'repro runs ls' lists those that exist"


def test_the_default_store_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_STORE", str(tmp_path / "new" / "store"))
    assert Store.default().root == (tmp_path / "new" / "store").resolve()
    assert list((tmp_path / "new" / "store").iterdir()) == []
    monkeypatch.setenv("REPRO_STORE", "")
    monkeypatch.chdir(tmp_path)
    assert Store.default().root == (tmp_path / "_store").resolve()


@pytest.mark.parametrize(("below", "reason"), [("", "File exists"), ("store", "Not a directory")])
def test_a_store_that_cannot_be_written_to_is_refused(below: str, reason: str, tmp_path: Path, monkeypatch):
    (tmp_path / "file").write_text("")
    store = tmp_path / "file" / below
    monkeypatch.setenv("REPRO_STORE", str(store))
    with pytest.raises(InputError) as refused:
        Store.default()
    assert str(refused.value) == (
        f"the run store {store} cannot be written to ({reason}): set REPRO_STORE to a folder that can"
    )


def test_the_store_lies_beside_the_book_from_wherever_a_notebook_runs(tmp_path, monkeypatch):
    monkeypatch.delenv("REPRO_STORE", raising=False)
    (tmp_path / "project" / "book").mkdir(parents=True)
    (tmp_path / "project" / "_toc.yml").touch()
    for folder, expected in (("project/book", "project/_store"), ("project", "project/_store"), (".", "_store")):
        monkeypatch.chdir(tmp_path / folder)
        assert Store.default().root == tmp_path / expected
