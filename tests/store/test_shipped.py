import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stored
import tiny

from repro.errors import InputError
from repro.experiment import DataConfig, Sparsity
from repro.files import checksums
from repro.files.archive import read_archive, write_archive
from repro.store.ship import ship
from repro.store.shipped import Shipped
from repro.store.store import Store
from repro.store.verify import faults

A, B = tiny.experiment(), tiny.experiment(seed=1)
KEY, OTHER = (run.key(stored.FINGERPRINT) for run in (A, B))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with a store, and with the results of one of its two runs."""
    root = tmp_path_factory.mktemp("made")
    store = Store(root / "store")
    for run in (A, B):
        stored.save(store, run)
    assert ship(store, [A], root / "results" / "toy") == (1, 1)
    return root


@pytest.fixture
def trained(made, tmp_path) -> Store:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return Store(tmp_path / "store")


@pytest.fixture
def folder(trained) -> Path:
    return trained.root.parent / "results" / "toy"


@pytest.fixture
def laptop(tmp_path, folder) -> Store:
    """A store without any run of its own."""
    return Store(tmp_path / "laptop", [folder])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def found(store: Store) -> list[str]:
    return [str(fault) for fault in faults(store)]


def refusal(store: Store) -> str:
    with pytest.raises(InputError) as refused:
        store.load(KEY)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def rewrite(folder: Path, **changes: object) -> Path:
    """Change values of the shipped record as someone would who knows the format."""
    path = folder / "runs" / f"{KEY}.zip"
    files = read_archive(path)
    record = json.dumps(json.loads(files["record.json"]) | changes).encode()
    write_archive(path, (files | {"record.json": record}).items())
    return path


def test_a_shipped_run_is_the_stored_one_without_its_network(trained, laptop, folder):
    there, here = trained.load(KEY), laptop.load(KEY)
    assert here.folder == folder / "runs" / f"{KEY}.zip" and here.shipped and not there.shipped
    assert (here.key, here.experiment, here.data_fingerprint) == (KEY, A, stored.FINGERPRINT)
    assert (here.train_accuracy, here.layer_weights, here.scenes) == (0.75, there.layer_weights, ("noise", "tone"))
    assert here.epochs.equals(there.epochs) and here.test_clips.equals(there.test_clips)
    assert here.predictions.dtype == np.uint8 and here.predictions.tolist() == there.predictions.tolist()
    assert here.erf.dtype == np.float16 and here.erf.tobytes() == there.erf.tobytes()
    assert here.provenance == stored.PROVENANCE
    assert not here.has_weights
    with pytest.raises(InputError) as refused:
        here.network()
    assert str(refused.value) == (
        f"run {KEY} came without its weights: import them ('repro runs export --weights' where it was trained)"
    )


def test_a_store_sees_its_own_runs_and_shipped_ones(trained, folder):
    own = Store(trained.root.parent / "laptop", [folder])
    stored.save(own, B)
    assert own.finished() == sorted([KEY, OTHER]) and own.own() == [OTHER]
    assert KEY in own and OTHER in own and "0" * 20 not in own
    assert own.owns(OTHER) and not own.owns(KEY)
    assert own.find([A, B]) == {A: [KEY], B: [OTHER]}
    stored.fail(own, A)
    assert own.failed() == []  # the run is there
    stored.save(own, A, device="gpu: another")
    assert own.load(KEY).provenance["device"] == "gpu: another" and own.load(KEY).has_weights


def test_nothing_that_a_store_does_changes_shipped_files(laptop, folder):
    before = contents(folder)
    stored.save(laptop, A)
    stored.fail(laptop, B)
    with laptop.lock(KEY), laptop.writing():
        pass
    assert contents(folder) == before


def test_recordings_are_known_without_opening_a_run(laptop, folder):
    (folder / "runs" / f"{KEY}.zip").write_bytes(b"")
    assert laptop.fingerprints(tiny.DATA) == {stored.FINGERPRINT}
    assert laptop.fingerprints(tiny.DATA.model_copy(update={"clips": 2})) == set()
    assert laptop.find([A, B]) == {A: [KEY], B: []}
    assert json.loads((folder / "recordings.json").read_text())["recordings"] == {
        "name": "synthetic",
        "microphones": 0,
        "microphones_each": 0,
        "fold": 0,
        "split": "paper",
        "resampling": {"kaiser_beta": 14.77, "zero_crossings": 64, "rolloff": 0.9476},
        "clip_seconds": 0.4,
        "clips": 1,
        "seed": 0,
    }


def test_runs_of_all_folds_are_found_wherever_the_recordings_lie(tmp_path):
    def run(root: str, fold: int):
        return A.model_copy(update={"data": DataConfig(name="esc10", root=root, fold=fold, clip_seconds=0.5)})

    store = Store(tmp_path / "store")
    keys = [stored.save(store, run("/a", fold)) for fold in (1, 2)]
    asked = [run("/b", fold) for fold in (1, 2, 3)]
    assert ship(store, asked, tmp_path / "results") == (2, 2)
    found = Store(tmp_path / "laptop", [tmp_path / "results"]).find(asked)
    assert list(found.values()) == [[keys[0]], [keys[1]], []]
    assert "/a" not in (tmp_path / "results" / "recordings.json").read_text()


def test_a_folder_without_runs_is_no_fault(tmp_path):
    (tmp_path / "empty").mkdir()
    store = Store(tmp_path / "store", [tmp_path / "empty", tmp_path / "nowhere"])
    assert store.finished() == [] and store.fingerprints(tiny.DATA) == set() and found(store) == []


def test_the_default_store_reads_all_results_of_the_project(tmp_path, folder, monkeypatch):
    (tmp_path / "_toc.yml").touch()
    (tmp_path / "results" / "note.md").touch()
    (tmp_path / "results" / "other").mkdir()
    (tmp_path / "book").mkdir()
    monkeypatch.chdir(tmp_path / "book")
    monkeypatch.setenv("REPRO_STORE", str(tmp_path / "laptop"))
    store = Store.default()
    assert [shipped.folder.name for shipped in store.shipped] == ["other", "toy"]
    assert store.finished() == [KEY] and found(store) == []


def test_a_flipped_byte_is_refused_with_the_way_to_get_it_back(laptop, folder):
    path = folder / "runs" / f"{KEY}.zip"
    content = path.read_bytes()
    for place in range(0, len(content), len(content) // 50):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert refusal(laptop) == f"{path} is not what was stored: restore {path} from the repository"
        assert found(laptop) == [refusal(laptop)]


def test_a_cut_or_empty_file_is_refused(laptop, folder):
    path = folder / "runs" / f"{KEY}.zip"
    content = path.read_bytes()
    for length in (0, 10, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        assert refusal(laptop) == f"{path} is not what was stored: restore {path} from the repository"


def test_a_lost_run_is_a_fault(laptop, folder):
    path = folder / "runs" / f"{KEY}.zip"
    path.unlink()
    assert found(laptop) == [f"{path} cannot be read (No such file or directory): restore {path} from the repository"]
    assert refusal(laptop) == f"no run {KEY} in {laptop.root}: 'repro runs ls' lists those that exist"


@pytest.mark.parametrize("name", ["recordings.json", "runs.csv", "devices.csv"])
def test_altered_and_lost_tables_are_faults(name, laptop, folder):
    path = folder / name
    content = path.read_bytes()
    fault = "is not what was stored" if name == "recordings.json" else "is not the table of the runs beside it"
    for altered in (content.replace(b"synthetic", b"esc10").replace(b",0.5", b",0.6"), b"", None):
        if altered is None:
            path.unlink()
        else:
            path.write_bytes(altered)
        assert found(laptop) == [f"{path} {fault}: restore {path} from the repository"]
    if name == "recordings.json":
        with pytest.raises(InputError) as refused:
            laptop.fingerprints(tiny.DATA)
        assert str(refused.value) == found(laptop)[0]


def test_a_run_of_another_recipe_is_refused(laptop, folder, monkeypatch):
    path = folder / "runs" / f"{KEY}.zip"
    for module in ("experiment", "store.record", "store.shipped"):
        monkeypatch.setattr(f"repro.{module}.RECIPE_VERSION", 5)
    assert refusal(laptop) == (
        f"{path} is of another recipe (version 4; this package has 5): remove {path}, and ship the runs that "
        "this version trains"
    )


@pytest.mark.parametrize("schema", [1, 4])
def test_a_run_of_another_schema_is_refused(schema, laptop, folder):
    path = rewrite(folder, schema=schema)
    assert refusal(laptop) == (
        f"run {KEY} was stored in schema {schema}; this version reads 3: restore {path} from the repository"
    )


def test_a_run_under_another_key_is_refused(laptop, folder):
    path = rewrite(folder, experiment=B.canonical())
    assert refusal(laptop) == (
        f"{path / 'record.json'} is of run {OTHER}, not {KEY}: restore {path} from the repository"
    )


def test_a_run_without_its_arrays_is_refused(laptop, folder):
    path = folder / "runs" / f"{KEY}.zip"
    write_archive(path, [("record.json", read_archive(path)["record.json"])])
    assert refusal(laptop) == (f"{path / 'arrays.npz'} is not what was stored: restore {path} from the repository")


def test_the_same_run_gives_the_same_bytes(trained, folder, tmp_path):
    path = folder / "runs" / f"{KEY}.zip"
    ship(trained, [A], tmp_path / "again")
    assert contents(tmp_path / "again") == contents(folder)
    assert set(contents(folder)) == {"recordings.json", "runs.csv", "devices.csv", f"runs/{KEY}.zip"}
    assert list(read_archive(path)) == ["record.json", "arrays.npz"]
    assert read_archive(path)["record.json"].startswith(b'{"schema":3,"recipe_version":4,"experiment":{"data":{"name"')


def test_a_run_that_is_there_is_never_written_again(trained, folder):
    path = folder / "runs" / f"{KEY}.zip"
    before = path.stat()
    assert ship(trained, [A, B, tiny.experiment(seed=2)], folder) == (1, 2)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert ship(Store(trained.root / "empty"), [A, B], folder) == (0, 2)
    assert not (trained.root / "empty").exists()  # a store that is shipped from is only read


def test_a_damaged_run_is_not_shipped(trained, folder):
    arrays = trained.folder(OTHER) / "arrays.npz"
    arrays.write_bytes(b"")
    with pytest.raises(checksums.DamagedError, match=r"arrays\.npz is not what was stored: delete "):
        ship(trained, [A, B], folder)
    assert Shipped(folder).finished() == [KEY] and found(Store(trained.root / "no", [folder])) == []


def test_runs_on_other_recordings_are_not_mixed(trained, folder, tmp_path):
    def fault(store: Store, run=A, folder=folder) -> str:
        with pytest.raises(InputError) as refused:
            ship(store, [run], folder)
        return str(refused.value)

    before, new = contents(folder), tmp_path / "new"
    other = Store(tmp_path / "other")
    other.save(A.key("e" * 64), stored.files(A, "e" * 64))
    assert fault(other) == f"the runs in {other.root} were trained on other recordings than those in {folder}"
    longer = A.model_copy(update={"data": DataConfig(clip_seconds=0.5)})
    assert fault(trained, longer) == f"{folder} holds runs on other recordings than this edition names"
    sets = "sets of recordings of this edition, not on one"
    assert fault(trained, longer, new) == f"{trained.root} has runs on 0 {sets}"
    assert fault(trained, tiny.experiment(seed=9), new) == f"{trained.root} has no run of this edition"
    stored.save(other, A)
    assert fault(other, A, new) == f"{other.root} has runs on 2 {sets}"
    assert contents(folder) == before and not new.exists()


def test_one_table_has_a_row_a_run_the_other_a_row_a_run_and_device(tmp_path, monkeypatch):
    one_error = np.uint8([[0, 0, 0, 1, 1, 1, 1, 1]])  # on a clip of device c
    made = stored.outcome
    monkeypatch.setattr(stored, "outcome", lambda experiment: replace(made(experiment), predictions=one_error))
    store = Store(tmp_path / "store")
    pruned = Sparsity(method="iterative", weights=200, guard=False)
    runs = [A, tiny.experiment(width=4, damped=True, sparsity=pruned)]
    for run in runs:
        stored.save(store, run, code={"commit": "c0ffee"})
    ship(store, runs, tmp_path / "results")
    rows, devices = ((tmp_path / "results" / name).read_text().splitlines() for name in ("runs.csv", "devices.csv"))
    assert rows[0] == (
        "key,variant,width,depth,pointwise,method,guard,labels,fold,seed,epochs,weights,train_accuracy,"
        "seen_accuracy,unseen_accuracy,commit,machine,seconds"
    )
    assert devices[0] == "key,device,clips,accuracy"
    dense, sparse = (run.key(stored.FINGERPRINT) for run in runs)
    weights = store.load(dense).weights
    assert len(rows) == 3 and rows[1:] == sorted(rows[1:])
    assert f"{dense},base,2,1,0,dense,,true,0,0,6,{weights},0.75,1.0,0.75,c0ffee,cpu: toy,0.6" in rows
    assert [row.split(",")[:8] for row in rows if row.startswith(sparse)] == [
        [sparse, "damped", "4", "1", "0", "iterative", "False", "true"]
    ]
    assert [row for row in devices if row.startswith(dense)] == [
        f"{dense},a,4,1.0",
        f"{dense},b,2,1.0",
        f"{dense},c,2,0.5",
    ]
    assert len(devices) == 7 and devices[1:] == sorted(devices[1:])


def test_nothing_is_shipped_beside_runs_of_another_recipe(trained, folder, monkeypatch):
    before = contents(folder)
    for module in ("experiment", "store.record", "store.shipped"):
        monkeypatch.setattr(f"repro.{module}.RECIPE_VERSION", 5)
    run = tiny.experiment(seed=7)
    trained.save(run.key(stored.FINGERPRINT), stored.files(run))
    with pytest.raises(InputError, match=r"is of another recipe .* remove "):
        ship(trained, [run], folder)
    assert contents(folder) == before
