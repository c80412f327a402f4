import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
import stored
import tiny
import torch
from safetensors.torch import save

from repro.errors import InputError
from repro.experiment import DataConfig
from repro.files import checksums
from repro.store.store import Store

MANIFEST, RECORD, ARRAYS, WEIGHTS = "manifest.json", "record.json", "arrays.npz", "weights.safetensors"


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path)


def rewrite(folder: Path, files: dict[str, bytes]) -> None:
    """Put these files into a run's folder as someone would who knows the format, checksums included."""
    whole = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MANIFEST} | files
    checksums.write_folder(folder, whole)


def edit(store: Store, key: str, **changes: object) -> str:
    """What reading a record says whose values were changed by someone who knows the format."""
    folder = store.folder(key)
    content = json.loads((folder / RECORD).read_text()) | changes
    rewrite(folder, {RECORD: json.dumps(content).encode()})
    with pytest.raises(InputError) as refused:
        store.load(key)
    return str(refused.value)


def test_the_key_is_the_hash_of_what_is_stored(store):
    real = tiny.experiment().model_copy(update={"data": DataConfig(name="esc10", root="/x", clip_seconds=0.5)})
    for experiment in (tiny.experiment(), real):
        assert store.load(stored.save(store, experiment)).key == experiment.key(stored.FINGERPRINT)


def test_a_run_of_another_recipe_is_read_and_says_so(store, monkeypatch):
    monkeypatch.setattr("repro.store.record_format.RECIPE_VERSION", 3)
    monkeypatch.setattr("repro.experiment.RECIPE_VERSION", 3)
    key = stored.save(store)
    monkeypatch.undo()
    record = store.load(key)
    assert (record.recipe_version, record.other_recipe) == (3, True)
    assert key != tiny.experiment().key(stored.FINGERPRINT)


def test_the_commit_of_a_run(store):
    keys = [stored.save(store), stored.save(store, tiny.experiment(seed=1), code={"commit": "a" * 40})]
    assert [store.load(key).commit for key in keys] == [None, "a" * 40]


def test_a_hand_edited_record_is_named(store):
    key = stored.save(store)
    folder = store.folder(key)
    text = (folder / RECORD).read_text()
    assert text.count('"train_accuracy": 0.75') == 1
    (folder / RECORD).write_text(text.replace('"train_accuracy": 0.75', '"train_accuracy": 0.99'))
    with pytest.raises(InputError) as refused:
        store.load(key)
    assert str(refused.value) == f"{folder / RECORD} is not what was stored: delete {folder}, and it is made again"


def test_an_edited_experiment_has_another_key(store):
    key, other = stored.save(store), tiny.experiment(seed=7)
    message = edit(store, key, experiment=other.canonical())
    folder = store.folder(key)
    assert message == (
        f"{folder / RECORD} is of run {other.key(stored.FINGERPRINT)}, not {key}: delete {folder}, and it is made again"
    )


@pytest.mark.parametrize(
    ("schema", "fix"), [(2, "'repro runs gc --yes' removes it"), (4, "a newer version of this package reads it")]
)
def test_another_schema_is_named(schema, fix, store):
    key = stored.save(store)
    message = edit(store, key, schema=schema)
    assert message == f"run {key} was stored in schema {schema}; this version reads 3: {fix}"


def test_a_record_from_before_there_were_schemas_is_named(store):
    key = stored.save(store)
    folder = store.folder(key)
    content = json.loads((folder / RECORD).read_text())
    del content["schema"]
    rewrite(folder, {RECORD: json.dumps(content).encode()})
    with pytest.raises(InputError) as refused:
        store.load(key)
    assert str(refused.value) == (
        f"run {key} was stored in schema 1; this version reads 3: 'repro runs gc --yes' removes it"
    )


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"train_accuracy": "high"}, "run.train_accuracy = 'high': input should be a valid number"),
        ({"epochs": [{"epoch": 0}]}, "run.epochs.0.learning_rate: field required"),
        ({"more": 1}, "run.more = 1: extra inputs are not permitted"),
        ({"scenes": ["tone"]}, "test_clips and scenes do not go together"),
        ({"test_clips": {"scene": ["tone"]}}, "test_clips and scenes do not go together"),
    ],
)
def test_a_record_that_is_none_is_named(changes, fault, store):
    key = stored.save(store)
    folder = store.folder(key)
    message = edit(store, key, **changes)
    assert message == f"{folder / RECORD} is not a record ({fault}): delete {folder}, and it is made again"


def test_an_experiment_of_another_version_is_named(store):
    before = tiny.experiment().canonical()
    before["recipe"]["roll"] = True  # what an earlier version wrote
    content = {"experiment": before, "data_fingerprint": stored.FINGERPRINT, "recipe_version": 1}
    files = stored.files(tiny.experiment())
    key = hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:20]
    checksums.write_folder(
        store.folder(key), files | {RECORD: json.dumps(json.loads(files[RECORD]) | content).encode()}
    )
    with pytest.raises(InputError) as refused:
        store.load(key)
    assert str(refused.value) == (
        f"run {key} is of an Experiment that this version does not know "
        "(Recipe.roll = True: input should be 'hops', 'samples' or 'off'): 'repro runs gc --yes' removes it"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"predictions": np.zeros((1, 7), np.uint8)},
        {"predictions": np.zeros((1, 8), np.int64)},
        {"erf": np.zeros((256, 5), np.float32)},
        {"erf": np.zeros(256, np.float16)},
    ],
)
def test_arrays_of_another_shape_or_type_are_refused(wrong, store):
    key = stored.save(store)
    content = io.BytesIO()
    np.savez(content, **{"predictions": np.zeros((1, 8), np.uint8), "erf": np.zeros((256, 5), np.float16), **wrong})
    rewrite(store.folder(key), {ARRAYS: content.getvalue()})
    with pytest.raises(checksums.DamagedError, match=r"arrays\.npz is not what was stored"):
        store.load(key)


def test_a_run_without_its_weights_is_complete_save_for_the_network(store):
    key = stored.save(store)
    folder = store.folder(key)
    assert store.load(key).has_weights
    whole = {name: (folder / name).read_bytes() for name in (RECORD, ARRAYS)}
    checksums.write_folder(folder, whole)
    record = store.load(key)
    assert not record.has_weights and record.weights > 0
    with pytest.raises(InputError) as refused:
        record.network()
    assert str(refused.value) == (
        f"run {key} came without its weights: import them ('repro runs export --weights' where it was trained), "
        f"or delete {folder} and train it here"
    )


def test_weights_of_another_network_are_refused(store):
    key = stored.save(store)
    other = stored.outcome(tiny.experiment(width=4)).weights
    for wrong in (other, {"input.mean": torch.zeros(1)}):
        rewrite(store.folder(key), {WEIGHTS: save(wrong)})
        with pytest.raises(checksums.DamagedError, match=r"weights\.safetensors is not what was stored"):
            store.load(key).network()
