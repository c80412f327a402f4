"""Runs in one file, to take them from the machine that trained them to one that shows them.

An archive (`repro.files.archive`) of runs/<key>/<file>, the same bytes for the same runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from repro.errors import InputError
from repro.files import checksums
from repro.files.archive import open_archive, write_archive
from repro.store.record import WEIGHTS
from repro.store.record_format import ARRAYS, RECORD, read_run, record_of
from repro.store.store import Store

_MEMBER = re.compile(rf"runs/([0-9a-f]{{20}})/({'|'.join(map(re.escape, (RECORD, ARRAYS, WEIGHTS)))})")


def export_runs(store: Store, keys: Sequence[str], target: Path, weights: bool) -> None:
    """Write runs that the store itself holds to one file, with or without the networks' weights.

    Raises:
        InputError: a run is lost or damaged, or the file cannot be written; it is then as it was before.
    """
    try:
        write_archive(target, (member for key in sorted(keys) for member in _members(store.folder(key), weights)))
    except OSError as error:
        raise InputError(f"{target} cannot be written ({error.strerror}): choose another place") from None


def import_runs(store: Store, source: Path) -> tuple[int, int]:
    """Add the runs that `export_runs` wrote; those that the store itself holds already are left as they are.

    All but the networks, which are checked when they are used, is checked before the store is changed. A run then
    appears whole or not at all; an import that was interrupted is completed by importing again.

    Returns:
        How many runs were added to the store, and how many it had already.

    Raises:
        InputError: the file is not what was exported or does not hold runs alone, a run's key is not the hash of its
            content, or the store cannot be written to.
    """
    with open_archive(source) as archive:
        names: dict[str, list[str]] = {}
        for name in archive.namelist():
            found = _MEMBER.fullmatch(name)
            if found is None or name in names.get(found[1], []):
                raise InputError(f"{source}: member {name!r} is no part of a run; nothing was imported")
            names.setdefault(found[1], []).append(name)

        def files(key: str) -> dict[str, bytes]:
            return {Path(name).name: archive.read(name) for name in names[key]}

        for key in names:
            try:
                record_of(key, files(key), Path("runs") / key)
            except checksums.StoredError as error:
                raise InputError(f"{source}: {error.fault}; nothing was imported") from None
        added = sum(store.save(key, files(key)) for key in names)
    return added, len(names) - added


def _members(folder: Path, weights: bool) -> Iterator[tuple[str, bytes]]:
    """Names and contents, checked as they are read."""
    if weights and not read_run(folder).has_weights:
        raise InputError(f"run {folder.name} came without its weights: leave out --weights")
    for name in (RECORD, ARRAYS, WEIGHTS) if weights else (RECORD, ARRAYS):
        yield f"runs/{folder.name}/{name}", checksums.read(folder, name)
