from pathlib import Path

import pytest
import stored
import tiny

from repro.data.source import prepared_folder
from repro.experiment import DataConfig
from repro.files import checksums
from repro.store import cleanup as module
from repro.store.cleanup import Garbage, garbage, remove
from repro.store.ship import ship
from repro.store.store import Store

A, B = tiny.experiment(), tiny.experiment(seed=1)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path)


def listed(store: Store, needed=()) -> dict[str, str]:
    return {item.path.relative_to(store.root).as_posix(): item.why for item in garbage(store, needed)}


def entries(store: Store) -> set[str]:
    folders = (path for path in store.root.iterdir() if path.name != "locks" and path.is_dir())
    return {path.relative_to(store.root).as_posix() for folder in folders for path in folder.iterdir()}


def test_what_editions_need_stays(store):
    needed, other = stored.save(store, A), stored.save(store, B)
    assert listed(store, [A, B]) == {}
    assert listed(store, [A]) == {f"runs/{other}": "no edition needs it"}
    assert remove(store, garbage(store, [A])) == []
    assert entries(store) == {f"runs/{needed}"}
    store.load(needed)


def test_what_came_with_the_repository_stays(store, tmp_path):
    key = stored.save(store, A)
    ship(store, [A], tmp_path / "results")
    both = Store(store.root, [tmp_path / "results"])
    (store.root / "checkpoints" / key).mkdir(parents=True)
    assert remove(both, garbage(both, [])) == []
    assert not store.folder(key).exists() and not store.checkpoints(key).exists()
    assert both.finished() == [key] and both.load(key).shipped


def test_runs_are_compared_without_their_recordings(store):
    here, there = (
        A.model_copy(update={"data": DataConfig(name="esc10", root=root, clip_seconds=0.5)}) for root in ("/a", "/b")
    )
    key = stored.save(store, here)
    assert listed(store, [there]) == {}
    assert listed(store, [A]) == {f"runs/{key}": "no edition needs it"}


def test_runs_that_cannot_be_used_go(store, monkeypatch):
    damaged, unfinished, old, newer = (stored.save(store, tiny.experiment(seed=seed)) for seed in range(4))
    needed = [tiny.experiment(seed=seed) for seed in range(5)]
    (store.folder(damaged) / "weights.safetensors").write_bytes(b"")
    (store.folder(unfinished) / "manifest.json").unlink()
    for key, schema in ((old, b'"schema": 1'), (newer, b'"schema": 4')):
        whole = {path.name: path.read_bytes() for path in store.folder(key).iterdir() if path.name != "manifest.json"}
        record = whole["record.json"].replace(b'"schema": 3', schema)
        checksums.write_folder(store.folder(key), whole | {"record.json": record})
    for name in ("experiment", "store.record_format"):
        monkeypatch.setattr(f"repro.{name}.RECIPE_VERSION", 3)
    other = stored.save(store, needed[4])
    monkeypatch.undo()
    assert listed(store, needed) == {
        f"runs/{damaged}": "damaged",
        f"runs/{unfinished}": "damaged",
        f"runs/{old}": "of an earlier version",
        f"runs/{other}": "another recipe",
    }


def test_failures_go(store):
    key = stored.fail(store, A)
    assert listed(store, [A]) == {f"failures/{key}.json": "a failure"}


def test_checkpoints_of_finished_runs_go(store):
    key, running = stored.save(store, A), B.key(stored.FINGERPRINT)
    for name in (key, f"{key}.safetensors", running, f"{running}.safetensors"):
        (store.root / "checkpoints" / name).mkdir(parents=True)
    why = "a checkpoint of a finished run"
    assert listed(store, [A]) == {f"checkpoints/{key}": why, f"checkpoints/{key}.safetensors": why}


def test_recordings_go_that_no_remaining_run_was_trained_on(store):
    stored.save(store, A)
    for name, fingerprint in (("used", stored.FINGERPRINT), ("unused", "e" * 64)):
        (store.root / "data" / name).mkdir(parents=True)
        (store.root / "data" / name / "info.json").write_text(f'{{"fingerprint": "{fingerprint}"}}')
        (store.root / "data" / f"{name}.lock").touch()
    assert listed(store, [A]) == {"data/unused": "recordings of no remaining run"}
    with store.lock("k"):  # what is being trained now will name its recordings only when it is finished
        assert listed(store, [A]) == {}
    assert set(listed(store, [])) == {f"runs/{A.key(stored.FINGERPRINT)}", "data/unused", "data/used"}


def test_recordings_stay_that_a_needed_run_would_be_trained_on(tmp_path):
    store = tiny.store(tmp_path)
    prepared = prepared_folder(tiny.DATA, tmp_path)
    assert listed(store, [A]) == {}
    other = A.model_copy(update={"data": DataConfig(clips=2)})
    assert listed(store, [other]) == {f"data/{prepared.name}": "recordings of no remaining run"}


def test_what_killed_processes_left_goes_and_what_is_in_use_stays(store):
    stored.save(store, A)
    places = ("runs/.k.partial", "failures/.k.json.gone", "data/.esc10-1.partial", "checkpoints/.k.partial")
    for place in places:
        (store.root / place).mkdir(parents=True)
    assert listed(store, [A]) == dict.fromkeys(places, "left by a killed process")
    with store.lock("k"):
        assert set(listed(store, [A])) == {*places} - {"checkpoints/.k.partial"}
    with module.FileLock(store.root / "data" / "esc10-1.lock"):
        assert set(listed(store, [A])) == {*places} - {"data/.esc10-1.partial"}


def test_what_came_into_use_meanwhile_stays_and_is_told(store):
    (store.root / "data" / ".esc10-1.partial").mkdir(parents=True)
    found = garbage(store, [])
    assert [item.path.name for item in found] == [".esc10-1.partial"]
    with module.FileLock(store.root / "data" / "esc10-1.lock"):
        assert remove(store, found) == found
    assert found[0].path.is_dir()
    assert remove(store, found) == [] and not found[0].path.exists()


def test_sizes_are_those_of_the_files(store):
    key = stored.save(store, A)
    size = sum(path.stat().st_size for path in store.folder(key).iterdir())
    assert garbage(store, []) == [Garbage(store.folder(key), "no edition needs it", size)]


def test_nothing_is_removed_before_it_is_asked_for(store):
    key = stored.save(store, A)
    before = {path: path.stat().st_mtime_ns for path in Path(store.root / "runs").rglob("*")}
    garbage(store, [])
    assert {path: path.stat().st_mtime_ns for path in Path(store.root / "runs").rglob("*")} == before
    assert store.finished() == [key]
