"""Published data sets, fetched into a folder as their loader reads them.

`FOLDER/.get/` holds what is under way: the lock, the archive as it arrives, what is being unpacked, and `state.json`,
which names the set and the archives whose files are in place. An archive is deleted once they are, so that the most
that is needed at a time is the set and one archive.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from filelock import FileLock, Timeout

from repro.data.download.fetch import arrived, fetch
from repro.data.download.published import SETS, Archive, Published
from repro.errors import InputError

WORK = ".get"


def get(name: str, folder: Path) -> None:
    """Fetch the set `name` of `SETS` into `folder`, or what is still missing after an interruption.

    Raises:
        InputError: the folder holds other files or another set, is in use or cannot be written; too little space is
            free; an archive cannot be fetched or is not what it should be.
    """
    published = SETS[name]
    work = folder / WORK
    try:
        _require_own(folder)
        _require_space(published, _unpacked(name, folder), folder)
        work.mkdir(parents=True, exist_ok=True)
        with FileLock(work / "lock", timeout=0):
            unpacked = _unpacked(name, folder)  # anew: another process may just have ended
            if not unpacked:
                _record(name, folder, unpacked)
            for archive in published.archives:
                if archive.name not in unpacked:
                    _install(archive, published, folder)
                    unpacked.append(archive.name)
                    _record(name, folder, unpacked)
                (work / archive.name).unlink(missing_ok=True)
    except Timeout:
        raise InputError(f"{folder}: another process is fetching a data set into it: wait until it has ended") from None
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}): mend that and run it again") from None


def _require_own(folder: Path) -> None:
    """Refuse a folder with other files in it, some of which may have the names of the set's."""
    if folder.exists() and not (folder / WORK).exists() and any(folder.iterdir()):
        raise InputError(f"{folder} holds other files: name a folder that is empty or does not exist")


def _unpacked(name: str, folder: Path) -> list[str]:
    """The archives whose files are in place."""
    path = folder / WORK / "state.json"
    if not path.exists():
        return []
    try:
        state = json.loads(path.read_bytes())
        begun, unpacked = str(state["set"]), set(state["unpacked"])
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path} is damaged: delete {folder} and run the command again") from None
    if begun != name:
        raise InputError(f"{folder} holds the set '{begun}': name another folder for '{name}'")
    return [archive.name for archive in SETS[name].archives if archive.name in unpacked]


def _record(name: str, folder: Path, unpacked: list[str]) -> None:
    aside = folder / WORK / "state.json.new"
    aside.write_text(json.dumps({"set": name, "unpacked": unpacked}, indent=1))
    aside.replace(folder / WORK / "state.json")


def _require_space(published: Published, unpacked: list[str], folder: Path) -> None:
    """Compare the free space with the most that is needed at a time: all files, and the largest archive besides."""
    missing = [archive for archive in published.archives if archive.name not in unpacked]
    if not missing:
        return
    share = sum(archive.size for archive in missing) / sum(archive.size for archive in published.archives)
    largest = max(archive.size for archive in missing)
    present = sum(arrived(folder / WORK / archive.name) for archive in missing)
    needed = max(0, round(published.unpacked * share) + largest - present)
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        sizes = f"{needed / 1e9:.2f} GB are needed, {free / 1e9:.2f} GB are free"
        raise InputError(f"{folder}: {sizes}: make room or name another folder")


def _install(archive: Archive, published: Published, folder: Path) -> None:
    """Fetch one archive, unpack it aside, and move its files into place."""
    path = folder / WORK / archive.name
    aside = folder / WORK / "unpacked"
    fetch(archive.url, path, archive.md5)
    shutil.rmtree(aside, ignore_errors=True)
    try:
        published.unpack(path, aside)
    except InputError:
        path.unlink()
        shutil.rmtree(aside, ignore_errors=True)
        raise
    for source in sorted(file for file in aside.rglob("*") if file.is_file()):
        target = folder / source.relative_to(aside)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
    shutil.rmtree(aside)
