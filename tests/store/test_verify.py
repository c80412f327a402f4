import shutil
from pathlib import Path

import pytest
import stored
import tiny

from repro.errors import InputError
from repro.store.store import Store
from repro.store.verify import faults, leftovers


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Store:
    """One of everything: a run, a failure, a prepared data set."""
    store = tiny.store(tmp_path_factory.mktemp("store"))
    stored.save(store)
    stored.fail(store, tiny.experiment(seed=1))
    return store


@pytest.fixture
def store(whole, tmp_path) -> Store:
    shutil.copytree(whole.root, tmp_path / "store")
    return Store(tmp_path / "store")


def files(store: Store) -> list[Path]:
    return sorted(path for path in store.root.rglob("*") if path.is_file() and path.suffix != ".lock")


def unmade(path: Path, place: Path) -> str:
    return f"{path} is not what was stored: delete {place}, and it is made again"


def found(store: Store) -> list[str]:
    return [str(fault) for fault in faults(store)]


def test_a_sound_store_has_no_faults(store):
    assert found(store) == [] and leftovers(store) == []
    assert {path.name for path in files(store)} >= {
        "record.json", "arrays.npz", "weights.safetensors", "manifest.json", "waveforms.npy", "table.csv",
        "info.json",
    }  # fmt: skip
    assert list(faults(Store(store.root / "nothing"))) == []


def test_one_flipped_bit_in_any_file_is_a_fault_that_names_it(store):
    for path in files(store):
        content = path.read_bytes()
        for place in (0, 9, len(content) // 2, len(content) - 1):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            assert len(found(store)) >= 1
            if path.parent.parent.name == "data":  # the fingerprint is of the whole set
                assert found(store) == [unmade(path.parent, path.parent)]
            elif path.name != "manifest.json":
                stored_as = path if path.parent.name == "failures" else path.parent
                assert found(store) == [unmade(path, stored_as)]
            else:
                assert all(str(path.parent) in fault for fault in found(store))
        path.write_bytes(content)
    assert found(store) == []


def test_a_cut_or_lost_file_is_a_fault_that_names_it(store):
    for path in files(store):
        content = path.read_bytes()
        for length in (0, len(content) // 2, None):
            if length is None:
                path.unlink()
            else:
                path.write_bytes(content[:length])
            if path.parent.name == "failures":
                assert found(store) == ([unmade(path, path)] if length is not None else [])
            elif path.parent.parent.name == "data":
                assert found(store) == [unmade(path.parent, path.parent)]
            else:
                assert found(store) == [unmade(path, path.parent)]
        path.write_bytes(content)
    assert found(store) == []


def test_every_fault_is_reported(store):
    (key,) = store.finished()
    folder = store.folder(key)
    for name in ("arrays.npz", "weights.safetensors"):
        (folder / name).write_bytes(b"")
    (store.root / "runs" / "stray").touch()
    assert found(store) == [
        unmade(folder / "arrays.npz", folder),
        unmade(folder / "weights.safetensors", folder),
        unmade(store.root / "runs" / "stray", store.root / "runs" / "stray"),
    ]


def test_what_killed_processes_left_is_no_fault(store):
    places = [
        store.root / "checkpoints" / ".k.partial",
        store.root / "runs" / ".k.partial",
        store.root / "data" / ".d.partial",
    ]
    for place in places:
        place.mkdir(parents=True)
    assert found(store) == []
    assert leftovers(store) == sorted(places)


def test_faults_are_bad_input(store):
    (store.root / "runs" / "stray").touch()
    assert all(isinstance(fault, InputError) for fault in faults(store))
