"""Files and folders that appear whole or not at all, even if the process or the machine dies in between.

They are written beside their place under a name that begins with a dot, flushed to the disk, and then moved into
place; what is removed is first moved to such a name, too. A name that begins with a dot is therefore never a result. A
killed process leaves it behind; the next writer to the same place removes it. Two must not write to one place at once.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def new_file(target: Path) -> Iterator[IO[bytes]]:
    """Open a file to write and read that takes the place of `target` when the block has ended without an exception.

    Raises:
        OSError: it cannot be written; `target` is as before.
    """
    with _beside(target) as aside:
        with aside.open("w+b") as file:
            yield file
            flush(file)
        aside.replace(target)
    _sync(target.parent)


def write_file(target: Path, content: bytes) -> None:
    """Write a file; see `new_file`."""
    with new_file(target) as file:
        file.write(content)


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files, by name, in place of what is there.

    Raises:
        OSError: it cannot be written; nothing, or what was there, is in its place.
    """
    with _beside(target) as aside:
        _discard(aside)
        aside.mkdir()
        for name, content in files.items():
            with (aside / name).open("wb") as file:
                file.write(content)
                flush(file)
        _sync(aside)
        move_folder(aside, target)


def move_folder(folder: Path, target: Path) -> None:
    """Move a folder, whose files are flushed already, to `target`, in place of what is there.

    Raises:
        OSError: it cannot be moved.
    """
    make_folder(target.parent)
    remove(target)
    folder.rename(target)
    _sync(target.parent)


def make_folder(path: Path) -> None:
    """Create a folder, and those above it, where it does not exist.

    Raises:
        OSError: it cannot be created.
    """
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        _sync(path.parent)


def remove(target: Path) -> None:
    """Remove a file or a folder where it exists; no part of a folder remains in its place at any time.

    Raises:
        OSError: it cannot be removed.
    """
    if is_leftover(target):
        _discard(target)
        return
    gone = target.with_name(f".{target.name}.gone")
    _discard(gone)
    if os.path.lexists(target):
        target.rename(gone)
        _sync(target.parent)
        _discard(gone)


def is_leftover(path: Path) -> bool:
    """Whether this is what a process leaves that is killed while it writes or removes, as its name says."""
    return path.name.startswith(".")


def flush(file: IO[bytes]) -> None:
    """Wait until what was written to a file is on the disk."""
    file.flush()
    os.fsync(file.fileno())


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Where to write what is to take the place of `target`; at an exception what is there is removed."""
    aside = target.with_name(f".{target.name}.partial")
    make_folder(target.parent)
    try:
        yield aside
    except BaseException:
        with suppress(OSError):
            _discard(aside)
        raise


def _discard(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Flush a folder's own entries, without which a file that was moved there may be gone after a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
