"""Folders whose manifest.json holds the SHA-256 of every other file, and JSON files that hold their own.

A file that was altered, cut or lost is refused by its name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from repro.errors import InputError
from repro.files import atomic

MANIFEST = "manifest.json"


class StoredError(InputError):
    """Something stored cannot be used.

    Attributes:
        fault: what is wrong; the message adds what to do about it.
    """

    def __init__(self, fault: str, fix: str) -> None:
        super().__init__(f"{fault}: {fix}")
        self.fault = fault


class DamagedError(StoredError):
    """A file is not what was stored."""

    def __init__(self, path: Path, stored: Path, fault: str = "is not what was stored") -> None:
        super().__init__(f"{path} {fault}", f"delete {stored}, and it is made again")


def manifest_of(files: Mapping[str, bytes]) -> bytes:
    """The manifest of these files' contents by name."""
    return _json({name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())})


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder with these files and their manifest, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    atomic.write_folder(target, {**files, MANIFEST: manifest_of(files)})


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file of a sealed folder, from its manifest.

    Raises:
        DamagedError: the manifest is missing or is not a manifest.
    """
    with suppress(OSError, ValueError):
        found = json.loads((folder / MANIFEST).read_bytes())
        if isinstance(found, dict) and all(isinstance(digest, str) for digest in found.values()):
            return found
    raise DamagedError(folder / MANIFEST if folder.is_dir() else folder, folder)


def read(folder: Path, name: str) -> bytes:
    """The content of a file of a sealed folder.

    Raises:
        DamagedError: the file is not what was stored, or the manifest is not.
    """
    expected = digests(folder).get(name)
    with suppress(OSError):
        content = (folder / name).read_bytes()
        if hashlib.sha256(content).hexdigest() == expected:
            return content
    raise DamagedError(folder / name, folder)


def require_files(folder: Path, needed: frozenset[str], optional: frozenset[str] = frozenset()) -> None:
    """Check, without reading them, that a sealed folder holds just the files that its manifest names.

    Raises:
        DamagedError: a file is lost or too many, or the manifest does not name those that are `needed`, or others than
            these and the `optional` ones.
    """
    listed = set(digests(folder))
    if not needed <= listed <= needed | optional:
        raise DamagedError(folder / MANIFEST, folder)
    found = {path.name for path in folder.iterdir() if not atomic.is_leftover(path)}  # nor what a file manager leaves
    odd = sorted(found ^ (listed | {MANIFEST}))
    if odd:
        raise DamagedError(folder / odd[0], folder)


def write_json(target: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object with its own SHA-256, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    atomic.write_file(target, _sealed(content))


def read_json(path: Path) -> dict[str, Any]:
    """Read what `write_json` wrote.

    Raises:
        DamagedError: it is not what was stored.
    """
    with suppress(OSError, ValueError, KeyError, TypeError):
        stored = path.read_bytes()
        content: dict[str, Any] = json.loads(stored)
        del content["sha256"]
        if _sealed(content) == stored:
            return content
    raise DamagedError(path, path)


def _sealed(content: Mapping[str, Any]) -> bytes:
    return _json({**content, "sha256": hashlib.sha256(_json(content)).hexdigest()})


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()
