"""A store whose processes are killed, whose disk is full or read-only, and whose files were tampered with.

Each request that changes the disk is counted: creating a file or a folder, writing, flushing, renaming, removing. At
one of them the process, a forked one, ends, in the middle of the bytes where it writes; or the disk refuses from there
on. Then the store is looked at.
"""

import errno
import gc
import io
import os
import pickle
import resource
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import stored
import tiny

from repro.errors import InputError
from repro.files import checksums
from repro.store.cleanup import garbage, remove
from repro.store.ship import ship
from repro.store.shipped import Shipped
from repro.store.store import Store
from repro.store.transfer import export_runs, import_runs
from repro.store.verify import faults, leftovers

A, B = tiny.experiment(), tiny.experiment(seed=1)
KEY, OTHER = (run.key(stored.FINGERPRINT) for run in (A, B))
KILLED, REFUSED, TRACEBACK = 9, 3, 4  # exit statuses

CHANGES = ("mkdir", "rename", "replace", "unlink", "rmdir", "fsync")
TAKES_ROOM = ("open", "mkdir", "write", "fsync")


class Disk:
    """Counts the changes asked for, and does something else instead from the one numbered `at` on."""

    def __init__(self, action: str, at: int) -> None:
        self.action, self.at, self.count = action, at, 0

    def before(self, what: str, half: Callable[[], object] = lambda: None) -> None:
        self.count += 1
        if self.count <= self.at:
            return
        if self.action == "kill":
            half()
            os._exit(KILLED)
        if self.action == "full" and what in TAKES_ROOM:
            half()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.action == "read-only":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put the disk between this process and the real one."""
        disk, real_open, real_io_open = self, os.open, io.open

        def change(name: str) -> None:
            real = getattr(os, name)

            def changed(*arguments: Any, **options: Any) -> Any:
                disk.before(name)
                return real(*arguments, **options)

            monkeypatch.setattr(os, name, changed)

        def low_level_open(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
            if flags & (os.O_CREAT | os.O_TRUNC):
                disk.before("open")
            return real_open(path, flags, *arguments, **options)

        class Raw(io.FileIO):
            def write(self, content: Any) -> int:
                real = super().write
                disk.before("write", lambda: real(bytes(content)[: len(content) // 2]))
                return real(content)

        def open_file(path: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            if not isinstance(path, str | Path) or not set(mode) & set("wax+"):
                return real_io_open(path, mode, *arguments, **options)
            assert "b" in mode, "the store writes bytes"
            disk.before("open")
            raw = Raw(path, mode.replace("b", ""))
            return io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)

        for name in CHANGES:
            change(name)
        monkeypatch.setattr(os, "open", low_level_open)
        monkeypatch.setattr(io, "open", open_file)


def killed(work: Callable[[], object], at: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Do the work in a process that ends at this change; whether it came to that."""
    child = os.fork()
    if child == 0:
        try:
            gc.disable()  # it would touch, and so copy, all the memory that the two processes share
            Disk("kill", at).install(monkeypatch)
            work()
        except BaseException:
            os._exit(TRACEBACK)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, KILLED)
    return code == KILLED


def refused(
    work: Callable[[], object], action: str, at: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[str | None, int]:
    """Do the work on such a disk; what it said where it was refused, and the number of changes asked for."""
    disk, message = Disk(action, at), None
    with monkeypatch.context() as patch:
        disk.install(patch)
        try:
            work()
        except InputError as error:
            message = str(error)
    return message, disk.count


class Case(NamedTuple):
    """Some work on a store; `look` says what state it finds, which must be one of `states`."""

    prepare: Callable[[Store], object]
    work: Callable[[Store], object]
    look: Callable[[Store], object]
    states: tuple[object, ...]
    at_least: int


def exported(store: Store) -> Path:
    return store.root / "runs.zip"


def load_all(store: Store) -> tuple[str, ...]:
    """The keys of all runs, each read from its first byte to its last."""
    for key in store.finished():
        store.load(key).network()
    return tuple(store.finished())


def make_archive(store: Store) -> None:
    other = Store(store.root.parent / "other")
    stored.save(other, A)
    export_runs(other, other.finished(), exported(store), True)
    shutil.rmtree(other.root)
    stored.fail(store, A)


def run_and_its_failure(store: Store) -> tuple[object, ...]:
    return (*load_all(store), *(store.failure(key).kind for key in store.failed()))


def make_runs_to_export(store: Store) -> None:
    two_runs(store)
    export_runs(store, store.finished(), store.root / "expected.zip", True)
    exported(store).write_bytes(b"before")


def export_state(store: Store) -> str:
    states = {b"before": "before", (store.root / "expected.zip").read_bytes(): "after"}
    return states.get(exported(store).read_bytes(), "between")


def results(store: Store) -> Path:
    return store.root / "results"


def shipped_state(store: Store) -> tuple[str, ...]:
    """The keys of the shipped runs, each read."""
    shipped = Shipped(results(store))
    return tuple(shipped.load(key).key for key in shipped.finished())


def remaining(store: Store) -> tuple[object, ...]:
    return load_all(store), len(store.failed())


def two_runs(store: Store) -> None:
    stored.save(store, A)
    stored.save(store, B)
    stored.fail(store, tiny.experiment(seed=2))


CASES = {
    "run": Case(
        lambda store: stored.fail(store, A),
        lambda store: stored.save(store, A),
        run_and_its_failure,
        (("non-finite loss",), (KEY,)),
        at_least=15,
    ),
    "failure": Case(
        lambda store: None,
        lambda store: stored.fail(store, A),
        lambda store: [store.failure(key).key for key in store.failed()],
        ([], [KEY]),
        at_least=6,
    ),
    "export": Case(
        make_runs_to_export,
        lambda store: export_runs(store, store.finished(), exported(store), True),
        export_state,
        ("before", "after"),
        at_least=5,
    ),
    "ship": Case(
        two_runs,
        lambda store: ship(store, [A, B], results(store)),
        shipped_state,
        ((), tuple(sorted([KEY, OTHER])[:1]), tuple(sorted([KEY, OTHER]))),
        at_least=20,
    ),
    "import": Case(
        make_archive,
        lambda store: import_runs(store, exported(store)),
        remaining,
        (((), 1), ((KEY,), 1), ((KEY,), 0)),
        at_least=15,
    ),
    "gc": Case(
        two_runs,
        lambda store: remove(store, garbage(store, [B])),
        remaining,
        ((tuple(sorted([KEY, OTHER])), 1), ((OTHER,), 1), ((OTHER,), 0)),
        at_least=10,
    ),
}


@pytest.fixture(autouse=True)
def fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process sees what a flush does; that each file is flushed before it is moved, test_durable.py sees."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def case(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Case, Callable[[], Store]]:
    """One of the cases, and what gives it a fresh store to begin with."""
    case: Case = CASES[request.param]
    template = Store(tmp_path / "template")
    template.root.mkdir()
    case.prepare(template)
    with template.writing():  # the lock file is there, as in any store that is in use
        pass

    def fresh() -> Store:
        shutil.rmtree(tmp_path / "store", ignore_errors=True)
        shutil.copytree(template.root, tmp_path / "store")
        return Store(tmp_path / "store")

    return case, fresh


def only_removals(store: Store) -> bool:
    """Whether all that a removal may leave is left: it waits for the disk to say that it is safe."""
    return all(path.name.endswith(".gone") for path in leftovers(store))


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_a_kill_at_any_change_leaves_all_or_nothing(case, monkeypatch) -> None:
    case, fresh = case
    ends = []
    store = fresh()
    while killed(partial(case.work, store), len(ends), monkeypatch):
        ends.append(case.look(store))
        assert ends[-1] in case.states and list(faults(store)) == []
        case.work(store)
        assert case.look(store) == case.states[-1] and only_removals(store)
        store = fresh()
    print(f"killed at each of {len(ends)} changes; states found: {sorted(set(map(str, ends)))}")
    assert len(ends) >= case.at_least
    assert ends[0] == case.states[0] and ends[-1] == case.states[-1]


@pytest.mark.parametrize("action", ["full", "read-only"])
@pytest.mark.parametrize("case", CASES, indirect=True)
def test_a_disk_that_refuses_any_change_leaves_all_or_nothing(case, action, monkeypatch) -> None:
    case, fresh = case
    reason = "No space left on device" if action == "full" else "Read-only file system"
    ends = []
    for at in range(1000):
        store = fresh()
        message, changes = refused(partial(case.work, store), action, at, monkeypatch)
        state = case.look(store)
        assert state in case.states and list(faults(store)) == []
        if message is None:  # on a full disk also where only removals are left to do
            assert state == case.states[-1] and leftovers(store) == []
            if changes == at:
                break
            continue
        ends.append(state)
        assert f" ({reason}): " in message and "\n" not in message
        places = (f"the run store {store.root}", exported(store), results(store))
        assert message.startswith(tuple(f"{place} cannot" for place in places))
        if action == "full":
            assert only_removals(store)
            case.work(store)
            assert case.look(store) == case.states[-1] and only_removals(store)
    print(f"{action} at {len(ends)} of {at} changes; states found: {sorted(set(map(str, ends)))}")
    assert at >= case.at_least and len(ends) >= (at if action == "read-only" else 0.8 * at)
    assert ends[0] == case.states[0]


def test_a_disk_that_refuses_long_files_is_told_by_the_system_itself(tmp_path: Path) -> None:
    """The same without any injection: the kernel's own limit on the size of files."""
    too_long = 0
    for limit in (0, 1, 100, 1000, 5000, 20_000):
        store = Store(tmp_path / str(limit))
        child = os.fork()
        if child == 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            try:
                stored.save(store, A)
            except InputError as error:
                expected = f"the run store {store.root} cannot be written to (File too large): "
                os._exit(REFUSED if str(error).startswith(expected) else TRACEBACK)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, REFUSED)
        assert load_all(store) == ((KEY,) if code == 0 else ())
        assert list(faults(store)) == [] and leftovers(store) == []
        too_long += code == REFUSED
    print(f"refused at {too_long} of 6 limits")
    assert too_long >= 4


class Explosive:
    """Unpickling it runs code: it creates a file."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.sentinel),)


def pickled(sentinel: Path) -> bytes:
    return pickle.dumps(Explosive(sentinel))


def object_array(sentinel: Path) -> np.ndarray:
    array = np.empty((1, 8), object)
    array[:] = Explosive(sentinel)
    return array


def npz(sentinel: Path) -> bytes:
    content = io.BytesIO()
    np.savez(content, predictions=object_array(sentinel), erf=stored.field())
    return content.getvalue()


def npy(sentinel: Path) -> bytes:
    content = io.BytesIO()
    np.save(content, object_array(sentinel), allow_pickle=True)
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("arrays.npz", pickled),
        ("arrays.npz", npz),
        ("arrays.npz", npy),
        ("weights.safetensors", pickled),
        ("record.json", pickled),
    ],
)
def test_code_hidden_in_a_file_is_refused_by_name_and_never_runs(
    name: str, content: Callable[[Path], bytes], tmp_path: Path
) -> None:
    """Its author knows the format: all checksums are right."""
    store, sentinel = Store(tmp_path / "store"), tmp_path / "sentinel"
    stored.save(store, A)
    place = store.folder(KEY)
    files = {path.name: path.read_bytes() for path in place.iterdir() if path.name != "manifest.json"}
    checksums.write_folder(place, files | {name: content(sentinel)})
    found = [str(fault) for fault in faults(store)]
    assert found == [f"{place / name} is not what was stored: delete {place}, and it is made again"]
    with pytest.raises(InputError):
        store.load(KEY).network()
    assert not sentinel.exists()
    np.load(io.BytesIO(npy(sentinel)), allow_pickle=True)
    assert sentinel.exists()  # it would have run
