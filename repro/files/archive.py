"""ZIP files that show any change to a byte: the comment, which ends the file, holds the SHA-256 of all before it.

They hold no time of day, so the same content gives the same bytes.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from repro.files import atomic
from repro.files.checksums import StoredError

MARK = b"runs of repro, sha256 "
_DIGEST_LENGTH = 64


class ArchiveError(StoredError):
    """An archive cannot be read, or is not what was written."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault, "copy it again")


def write_archive(target: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """Write an archive, whole or not at all.

    Args:
        target: the file; one that is there is replaced.
        members: names and contents, in their order.

    Raises:
        OSError: it cannot be written; `target` is as before.
    """
    with atomic.new_file(target) as file:
        with ZipFile(file, "w") as archive:
            for name, content in members:
                info = ZipInfo(name)  # without the time of day
                info.create_system, info.external_attr = 3, 0o644 << 16
                archive.writestr(info, content, ZIP_DEFLATED)
            archive.comment = MARK + b"0" * _DIGEST_LENGTH
        digest = _digest(file)
        file.write(digest)


@contextmanager
def open_archive(path: Path) -> Iterator[ZipFile]:
    """Open an archive after comparing all of it with its SHA-256.

    Raises:
        ArchiveError: it cannot be read, or is not what was written; also where that shows only as a member is read.
    """
    altered = ArchiveError(f"{path} is not what was stored")
    try:
        file = path.open("rb")
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read ({error.strerror})") from None
    with file:
        digest = _digest(file)
        if file.read() != digest:
            raise altered
        try:
            with ZipFile(file) as archive:
                yield archive
        except (BadZipFile, zlib.error, RuntimeError, EOFError):
            raise altered from None


def read_archive(path: Path) -> dict[str, bytes]:
    """The contents of a small archive by name; checks it as `open_archive` does."""
    with open_archive(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _digest(file: IO[bytes]) -> bytes:
    """SHA-256, in hexadecimal, of all but the digest at the end; the file is left at the digest."""
    left = file.seek(0, 2) - _DIGEST_LENGTH
    file.seek(0)
    content = hashlib.sha256()
    while left > 0:
        block = file.read(min(left, 2**20))
        content.update(block)
        left -= len(block)
    return content.hexdigest().encode()
