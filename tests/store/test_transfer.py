import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import stored
import tiny

from repro.errors import InputError
from repro.files.archive import write_archive
from repro.store.ship import ship
from repro.store.store import Store
from repro.store.transfer import export_runs, import_runs

A, B = tiny.experiment(), tiny.experiment(seed=1)


@pytest.fixture
def store(tmp_path) -> Store:
    store = Store(tmp_path / "trained")
    for run in (A, B):
        stored.save(store, run)
    return store


@pytest.fixture
def laptop(tmp_path) -> Store:
    return Store(tmp_path / "laptop")


def exported(store: Store, weights: bool = False, name: str = "runs.zip") -> Path:
    target = store.root.parent / name
    export_runs(store, store.finished(), target, weights)
    return target


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "locks" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def crafted(target: Path, members: Mapping[str, bytes]) -> Path:
    """A file with these members whose checksum is right."""
    write_archive(target, members.items())
    return target


def members(source: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(source) as read:
        return {name: read.read(name) for name in read.namelist()}


def refusal(store: Store, source: Path) -> str:
    before = contents(store.root)
    with pytest.raises(InputError) as refused:
        import_runs(store, source)
    assert contents(store.root) == before
    return str(refused.value)


def test_with_weights_the_other_store_has_the_same_files(store, laptop):
    assert import_runs(laptop, exported(store, weights=True)) == (2, 0)
    assert contents(laptop.root) == contents(store.root)
    assert sorted(path.name for path in laptop.root.iterdir()) == ["locks", "runs"]


def test_without_weights_all_but_the_networks_is_there(store, laptop):
    source = exported(store)
    import_runs(laptop, source)
    assert source.stat().st_size < exported(store, weights=True, name="all.zip").stat().st_size
    for key in store.finished():
        there, here = store.load(key), laptop.load(key)
        assert here.experiment == there.experiment and here.provenance == there.provenance
        assert here.predictions.tolist() == there.predictions.tolist()
        assert here.epochs.equals(there.epochs) and here.test_clips.equals(there.test_clips)
        assert not here.has_weights
        with pytest.raises(InputError, match=f"run {key} came without its weights"):
            here.network()
        assert here.erf.tobytes() == there.erf.tobytes() and here.layer_weights == there.layer_weights
    assert laptop.finished() == store.finished()


def test_the_same_runs_give_the_same_bytes(store, laptop):
    source = exported(store)
    import_runs(laptop, source)
    assert exported(laptop, name="again.zip").read_bytes() == source.read_bytes()
    assert source.read_bytes()[-86:-64] == b"runs of repro, sha256 "


def test_any_zip_program_reads_it(store):
    source = exported(store)
    keys = (A.key(stored.FINGERPRINT), B.key(stored.FINGERPRINT))
    expected = [f"runs/{key}/{name}" for key in keys for name in ("arrays.npz", "record.json")]
    assert sorted(members(source)) == sorted(expected)
    with zipfile.ZipFile(source) as read:
        assert read.testzip() is None
        assert {info.date_time for info in read.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_runs_that_are_there_stay(store, laptop):
    stored.save(laptop, A, device="gpu: another")
    before = contents(laptop.root)
    source = exported(store)
    assert import_runs(laptop, source) == (1, 1)
    after = contents(laptop.root)
    assert {name: after[name] for name in before} == before
    assert import_runs(laptop, source) == (0, 2)
    assert contents(laptop.root) == after


def test_an_imported_run_ends_its_failure(store, laptop):
    stored.fail(laptop, A)
    import_runs(laptop, exported(store))
    assert list((laptop.root / "failures").iterdir()) == []


def test_a_damaged_run_is_not_exported(store):
    key = A.key(stored.FINGERPRINT)
    weights = store.folder(key) / "weights.safetensors"
    weights.write_bytes(b"")
    exported(store)  # without the weights
    target = store.root.parent / "all.zip"
    target.write_bytes(b"before")
    with pytest.raises(InputError) as refused:
        exported(store, weights=True, name="all.zip")
    assert str(refused.value) == (f"{weights} is not what was stored: delete {store.folder(key)}, and it is made again")
    assert target.read_bytes() == b"before"
    assert sorted(path.name for path in target.parent.iterdir()) == ["all.zip", "runs.zip", "trained"]


def test_weights_that_are_not_there_are_not_exported(store, laptop):
    import_runs(laptop, exported(store))
    first = laptop.finished()[0]
    with pytest.raises(InputError) as refused:
        exported(laptop, weights=True)
    assert str(refused.value) == f"run {first} came without its weights: leave out --weights"


@pytest.mark.parametrize("place", [0, 50, 400, -200, -80, -1])
def test_a_flipped_byte_is_refused(place, store, laptop):
    source = exported(store)
    content = bytearray(source.read_bytes())
    content[place] ^= 1
    source.write_bytes(content)
    assert refusal(laptop, source) == f"{source} is not what was stored: copy it again"


@pytest.mark.parametrize("length", [0, 10, 63, 64, 65, 1000, -1])
def test_a_cut_file_is_refused(length, store, laptop):
    source = exported(store)
    source.write_bytes(source.read_bytes()[:length])
    assert refusal(laptop, source) == f"{source} is not what was stored: copy it again"


def test_a_file_that_is_not_there_is_named(laptop, tmp_path):
    missing = tmp_path / "no.zip"
    assert refusal(laptop, missing) == f"{missing} cannot be read (No such file or directory): copy it again"
    assert refusal(laptop, tmp_path) == f"{tmp_path} cannot be read (Is a directory): copy it again"


def test_a_place_that_cannot_be_written_is_named(store, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as refused:
        export_runs(store, store.finished(), tmp_path / "file" / "runs.zip", False)
    assert str(refused.value) == (
        f"{tmp_path / 'file' / 'runs.zip'} cannot be written (File exists): choose another place"
    )


@pytest.mark.parametrize(
    "name",
    [
        "../runs/{key}/record.json",
        "/runs/{key}/record.json",
        "runs/../{key}/record.json",
        "runs/{key}/../record.json",
        "runs/{key}/sub/record.json",
        "runs/{key}/record.json/",
        "runs/{key}/more.txt",
        "runs/{key}\n/record.json",
        "RUNS/{key}/record.json",
        "locks/{key}.lock",
        "runs/short/record.json",
        "runs/{key}/manifest.json",
        "C:\\runs\\{key}",
    ],
)
def test_members_that_leave_their_place_are_refused(name, store, laptop):
    key = A.key(stored.FINGERPRINT)
    name = name.format(key=key)
    source = crafted(store.root.parent / "crafted.zip", members(exported(store)) | {name: b"x"})
    assert refusal(laptop, source) == f"{source}: member {name!r} is no part of a run; nothing was imported"
    assert not list(store.root.parent.glob("record.json"))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_comes_twice_is_refused(store, laptop):
    name, source = f"runs/{A.key(stored.FINGERPRINT)}/record.json", store.root.parent / "twice.zip"
    write_archive(source, [(name, b"1"), (name, b"2")])
    assert refusal(laptop, source) == f"{source}: member {name!r} is no part of a run; nothing was imported"


def test_a_key_that_is_not_the_hash_of_its_content_is_refused(store, laptop):
    key, wrong = B.key(stored.FINGERPRINT), "0" * 20
    renamed = {name.replace(key, wrong): content for name, content in members(exported(store)).items()}
    source = crafted(store.root.parent / "crafted.zip", renamed)
    assert refusal(laptop, source) == (
        f"{source}: runs/{wrong}/record.json is of run {key}, not {wrong}; nothing was imported"
    )


def test_another_schema_is_refused(store, laptop):
    key = A.key(stored.FINGERPRINT)
    files = members(exported(store))
    record = f"runs/{key}/record.json"
    files[record] = files[record].replace(b'"schema": 3', b'"schema": 1')
    source = crafted(store.root.parent / "old.zip", files)
    assert refusal(laptop, source) == (
        f"{source}: run {key} was stored in schema 1; this version reads 3; nothing was imported"
    )


@pytest.mark.parametrize("lacking", ["record.json", "arrays.npz"])
def test_half_a_run_is_refused(lacking, store, laptop):
    key = A.key(stored.FINGERPRINT)
    files = members(exported(store, weights=True))
    del files[f"runs/{key}/{lacking}"]
    source = crafted(store.root.parent / "half.zip", files)
    assert refusal(laptop, source) == (f"{source}: runs/{key}/{lacking} is not what was stored; nothing was imported")


def test_networks_come_to_runs_that_the_repository_holds_without(store, tmp_path):
    ship(store, [A], tmp_path / "results")
    laptop = Store(tmp_path / "laptop", [tmp_path / "results"])
    key = A.key(stored.FINGERPRINT)
    assert not laptop.load(key).has_weights
    assert import_runs(laptop, exported(store, weights=True)) == (2, 0)
    assert laptop.load(key).has_weights


def test_the_file_can_be_read_from_its_bytes_alone(store):
    """Nothing in front of the ZIP, nothing behind its comment."""
    content = exported(store).read_bytes()
    assert content[:4] == b"PK\x03\x04"
    assert zipfile.ZipFile(io.BytesIO(content)).comment == content[-86:]
