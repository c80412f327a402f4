import io
import os
import stat
from pathlib import Path

import pytest

from repro.files import atomic


@pytest.fixture
def calls(monkeypatch) -> list[str]:
    """What the operating system is asked for, in order, with the names of the files."""
    made: list[str] = []
    names: dict[int, str] = {}

    def spy(module: object, name: str) -> None:
        real = getattr(module, name)

        def spied(*arguments, **options):
            done = real(*arguments, **options)
            if name == "open":
                handle = done if isinstance(done, int) else done.fileno()
                names[handle] = Path(arguments[0]).name
                return done
            places = arguments[: 2 if name in ("rename", "replace") else 1]
            shown = (names[place] if isinstance(place, int) else Path(place).name for place in places)
            made.append(" ".join([name, *shown]))
            return done

        monkeypatch.setattr(module, name, spied)

    for name in ("fsync", "mkdir", "rename", "replace", "unlink", "rmdir", "open"):
        spy(os, name)
    spy(io, "open")
    return made


def test_a_file_reaches_the_disk_before_its_name_does(tmp_path, calls):
    atomic.write_file(tmp_path / "new" / "file", b"content")
    assert calls == [
        "mkdir new",
        f"fsync {tmp_path.name}",
        "fsync .file.partial",
        "replace .file.partial file",
        "fsync new",
    ]
    assert (tmp_path / "new" / "file").read_bytes() == b"content"


def test_a_folder_reaches_the_disk_before_its_name_does(tmp_path, calls):
    atomic.write_folder(tmp_path / "folder", {"a": b"1", "b": b"2"})
    assert calls == [
        "mkdir .folder.partial",
        "fsync a",
        "fsync b",
        "fsync .folder.partial",
        "rename .folder.partial folder",
        f"fsync {tmp_path.name}",
    ]


def test_a_folder_is_gone_before_its_files_are(tmp_path, calls):
    atomic.write_folder(tmp_path / "folder", {"a": b"1"})
    calls.clear()
    atomic.remove(tmp_path / "folder")
    assert calls == ["rename folder .folder.gone", f"fsync {tmp_path.name}", "unlink a", "rmdir .folder.gone"]
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_is_replaced(tmp_path):
    atomic.write_folder(tmp_path / "folder", {"a": b"1", "b": b"2"})
    atomic.write_folder(tmp_path / "folder", {"c": b"3"})
    assert {path.name: path.read_bytes() for path in (tmp_path / "folder").iterdir()} == {"c": b"3"}
    atomic.write_file(tmp_path / "file", b"1")
    atomic.write_file(tmp_path / "file", b"2")
    assert (tmp_path / "file").read_bytes() == b"2"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_what_a_killed_process_left_is_overwritten(tmp_path):
    for name in (".folder.partial", ".folder.gone"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "old").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    atomic.write_folder(tmp_path / "folder", {"a": b"1"})
    (tmp_path / ".file.partial").write_bytes(b"much longer than the new content")
    atomic.write_file(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["a"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_an_exception_leaves_what_was_there(tmp_path):
    atomic.write_file(tmp_path / "file", b"before")
    with pytest.raises(KeyboardInterrupt), atomic.new_file(tmp_path / "file") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert (tmp_path / "file").read_bytes() == b"before"
    with pytest.raises(TypeError):
        atomic.write_folder(tmp_path / "folder", {"a": b"1", "b": "no bytes"})  # type: ignore[dict-item]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_others_may_read_what_the_umask_lets_them(tmp_path):
    before = os.umask(0o022)
    try:
        atomic.write_folder(tmp_path / "new" / "folder", {"a": b"1"})
        atomic.write_file(tmp_path / "file", b"1")
    finally:
        os.umask(before)
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in tmp_path.rglob("*")}
    assert modes == {"new": "0o755", "folder": "0o755", "a": "0o644", "file": "0o644"}


def test_what_is_not_there_is_removed_already(tmp_path):
    atomic.remove(tmp_path / "nothing")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    atomic.remove(tmp_path / "link")
    (tmp_path / ".x.partial").mkdir()
    atomic.remove(tmp_path / ".x.partial")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "leftover"), [(".a.partial", True), (".a.gone", True), ("a", False), ("a.b", False)])
def test_a_leftover_is_known_by_its_name(name, leftover):
    assert atomic.is_leftover(Path("somewhere") / name) is leftover
