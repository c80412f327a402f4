"""Runs in one file, to take them from the machine that trained them to one that shows them.

A ZIP of the folders as a store has them, the same bytes for the same runs. Its comment, which ends the file, holds the
SHA-256 of all before it; every folder's own manifest is in it, too.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from repro.errors import InputError
from repro.files import atomic, checksums
from repro.store.record import WEIGHTS
from repro.store.store import Store

_MARK = b"runs of repro, sha256 "
_DIGEST_LENGTH = 64
_MEMBER = re.compile(
    rf"(runs/[0-9a-f]{{20}})/({re.escape(checksums.MANIFEST)}|record\.json|arrays\.npz|weights\.safetensors)"
)


class Imported(NamedTuple):
    """How many runs were added to the store, and how many it had already."""

    added: int
    present: int


def export_runs(store: Store, keys: Sequence[str], target: Path, weights: bool) -> None:
    """Write runs to one file, with or without the networks' weights.

    Raises:
        InputError: a run is lost or damaged, or the file cannot be written; it is then as it was before.
    """
    try:
        with atomic.new_file(target) as file:
            with ZipFile(file, "w", ZIP_DEFLATED) as archive:
                for key in sorted(keys):
                    for name, content in _members(store, key, weights):
                        info = ZipInfo(name)  # no time of day, so that the bytes depend on the runs alone
                        info.create_system, info.external_attr = 3, 0o644 << 16
                        archive.writestr(info, content, ZIP_DEFLATED)
                archive.comment = _MARK + b"0" * _DIGEST_LENGTH
            digest = _digest(file)
            file.write(digest)
    except OSError as error:
        raise InputError(f"{target} cannot be written ({error.strerror}): choose another place") from None


def import_runs(store: Store, source: Path) -> Imported:
    """Add the runs that `export_runs` wrote; those that the store has already are left as they are.

    All is checked before the store is changed. A run then appears whole or not at all; an import that was interrupted
    is completed by importing again.

    Raises:
        InputError: the file is not what was exported or does not hold runs alone, a run's key is not the hash of its
            content, or the store cannot be written to.
    """
    with store.lock("import"), store.writable():
        unpacked = Store(store.root / ".import.partial")
        atomic.remove(unpacked.root)
        try:
            _unpack(source, unpacked.root)
            keys = unpacked.finished()
            _require_runs(unpacked, keys, source)
            added = [key for key in keys if _add(store, key, unpacked)]
        finally:
            atomic.remove(unpacked.root)
    return Imported(len(added), len(keys) - len(added))


def _members(store: Store, key: str, weights: bool) -> Iterator[tuple[str, bytes]]:
    """Names and contents, checked as they are read."""
    record = store.load(key)
    if weights and not record.has_weights:
        raise InputError(f"run {key} came without its weights: leave out --weights")
    names = set(checksums.digests(record.folder)) - (set() if weights else {WEIGHTS})
    files = {name: checksums.read(record.folder, name) for name in sorted(names)}
    for name, content in (files | {checksums.MANIFEST: checksums.manifest_of(files)}).items():
        yield f"runs/{key}/{name}", content


def _digest(file: IO[bytes]) -> bytes:
    """SHA-256, in hexadecimal, of all but the digest at the end, before which the file is left."""
    left = file.seek(0, 2) - _DIGEST_LENGTH
    file.seek(0)
    content = hashlib.sha256()
    while left > 0:
        block = file.read(min(left, 2**20))
        content.update(block)
        left -= len(block)
    return content.hexdigest().encode()


def _unpack(source: Path, root: Path) -> None:
    altered = InputError(f"{source} is not what 'repro runs export' wrote: copy it again; nothing was imported")
    try:
        file = source.open("rb")
    except OSError as error:
        raise InputError(f"{source} cannot be read ({error.strerror})") from None
    with file:
        digest = _digest(file)
        if file.read() != digest:
            raise altered
        try:
            with ZipFile(file) as archive:
                _unpack_members(archive, source, root)
        except (BadZipFile, zlib.error, RuntimeError, EOFError):
            raise altered from None


def _unpack_members(archive: ZipFile, source: Path, root: Path) -> None:
    folders: dict[str, list[ZipInfo]] = {}
    names = set()
    for info in archive.infolist():
        found = _MEMBER.fullmatch(info.filename)
        if found is None or info.filename in names:
            raise InputError(f"{source}: member {info.filename!r} is no part of a run; nothing was imported")
        names.add(info.filename)
        folders.setdefault(found[1], []).append(info)
    needed, free = sum(info.file_size for info in archive.infolist()), shutil.disk_usage(root.parent).free
    if needed > free:
        raise InputError(f"{source} needs {needed:,} bytes in the store, where {free:,} are free: make room")
    for folder, infos in folders.items():
        atomic.write_folder(root / folder, {Path(info.filename).name: archive.read(info) for info in infos})


def _require_runs(unpacked: Store, keys: Sequence[str], source: Path) -> None:
    """Check every run."""
    try:
        for key in keys:
            record = unpacked.load(key)
            if record.has_weights:
                record.network()
        odd = sorted({path.parent.name for path in unpacked.root.glob("runs/*/*")} - set(keys))
        if odd:
            raise checksums.DamagedError(unpacked.folder(odd[0]), unpacked.root, "is no run")
    except InputError as error:
        fault = str(error).replace(f"{unpacked.root}/", "").rpartition(": ")[0]
        raise InputError(f"{source}: {fault}; nothing was imported") from None


def _add(store: Store, key: str, unpacked: Store) -> bool:
    """Move a run into the store where it has none."""
    with store.writing():
        added = key not in store
        if added:
            atomic.move_folder(unpacked.folder(key), store.folder(key))
            atomic.remove(store.failure_path(key))
    return added
