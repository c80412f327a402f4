"""Published data sets, fetched into a folder as their loaders read them.

`FOLDER/.get/` holds the name of the set, a lock, what is being fetched, and the SHA-256 of the files of each archive
that only lists them itself. An archive is deleted when its files are in place.
"""

from __future__ import annotations

import json
import shutil
import sys
import zlib
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile

import pooch
from filelock import FileLock, Timeout

from repro import __version__
from repro.data.download.registry import SETS, Source
from repro.errors import InputError
from repro.progress import bar

WORK = ".get"

RETRIES = 3  # further tries of a download that fails, by pooch, after 1, 2 and 3 seconds

HEADERS = {"User-Agent": f"repro/{__version__} (pooch/{pooch.__version__})"}
"""Zenodo at times refuses programs that do not give a name of their own."""

AGAIN = "run the same command again later: it fetches only what is missing"


def get(name: str, folder: Path) -> None:
    """Fetch into a folder those files of a data set that are missing there or altered.

    Args:
        name: a key of `SETS`.
        folder: a folder that is empty, does not exist yet, or was given to an earlier call.

    Raises:
        InputError: the folder holds other files or another set, is in use or cannot be written; too little space is
            free; a download fails or is not the file that it should be; an archive has an unsafe member.
    """
    work, incoming = folder / WORK, folder / WORK / "incoming"
    pooch.get_logger().setLevel("WARNING")  # its line for every file would break the progress bar
    try:
        checked = bar(SETS[name].sources, desc=f"checking {name}", unit="file", delay=1, leave=False)
        todo = [source for source in checked if not _is_whole(source, folder)]
        texts = {path: text for path, text in SETS[name].texts.items() if not _holds(folder / path, text)}
        if not todo and not texts:
            return
        _require_own(name, folder)
        _require_space(todo, folder)
        work.mkdir(parents=True, exist_ok=True)
        with FileLock(work / "lock", timeout=0):
            (work / "set").write_text(name)
            try:
                for source in bar(todo, desc=name, unit="file"):
                    shutil.rmtree(incoming, ignore_errors=True)  # of a process that was killed
                    incoming.mkdir()
                    _install(source, folder, incoming)
                for path, text in texts.items():
                    (work / "text").write_text(text, "utf-8")
                    (work / "text").replace(folder / path)
            finally:
                shutil.rmtree(incoming, ignore_errors=True)
    except Timeout:
        raise InputError(f"{folder}: another process is fetching a data set into it: wait until it has ended") from None
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror or error}): make room, or name a folder that you may write to"
        ) from None


def _is_whole(source: Source, folder: Path) -> bool:
    """Whether all files of a source are in place and unaltered."""
    try:
        files = source.files or json.loads((folder / WORK / f"{source.name}.json").read_bytes())
    except (OSError, ValueError):
        return False  # its archive was not unpacked yet
    return bool(files) and all(_matches(folder / path, sha256) for path, sha256 in files.items())


def _matches(path: Path, sha256: str) -> bool:
    return path.is_file() and pooch.file_hash(str(path)) == sha256


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def _require_own(name: str, folder: Path) -> None:
    """Refuse a folder that holds other files or another set."""
    owner = folder / WORK / "set"
    if owner.exists():
        if (other := owner.read_text()) != name:
            raise InputError(f"{folder} holds the set '{other}': name another folder for '{name}'")
    elif folder.exists() and any(path.name != WORK for path in folder.iterdir()):
        raise InputError(f"{folder} holds other files: name a folder that is empty or does not exist")


def _require_space(todo: list[Source], folder: Path) -> None:
    """Refuse to begin what will not fit: all files, up to 1.2 times what is fetched, and the largest archive."""
    sizes = [source.size for source in todo]
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    needed, free = 1.2 * sum(sizes) + max(sizes, default=0), shutil.disk_usage(existing).free
    if needed > free:
        amounts = f"{needed / 1e9:.2f} GB are needed, {free / 1e9:.2f} GB are free"
        raise InputError(f"{folder}: {amounts}: make room or name another folder")


def _install(source: Source, folder: Path, incoming: Path) -> None:
    """Fetch one source into `incoming`, check what it brings, and move into place what is missing there."""
    arrived = _fetch(source, incoming)
    parts = _unpack(arrived, source, incoming / "files") if source.name.endswith(".zip") else {source.name: arrived}
    sums = {path: pooch.file_hash(str(part)) for path, part in parts.items()}
    if wrong := [path for path, sha256 in source.files.items() if sums.get(path) != sha256]:
        names = ", ".join(wrong[:3]) + (", ..." if len(wrong) > 3 else "")
        raise InputError(f"{source.url}: missing or altered, and nothing kept: {names} ({len(wrong)} files); {AGAIN}")
    for path, part in parts.items():
        if not _matches(folder / path, sums[path]):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            part.replace(folder / path)
    if not source.files:
        (incoming / "record").write_text(json.dumps(sums, indent=0))
        (incoming / "record").replace(folder / WORK / f"{source.name}.json")


def _fetch(source: Source, incoming: Path) -> Path:
    """Download a source with pooch, which keeps only a file with the right checksum."""
    fetcher = pooch.create(
        path=incoming.absolute(),  # pooch would take a leading "~" for the home folder
        base_url="",
        registry={source.name: source.hash},
        urls={source.name: source.url},
        retry_if_failed=RETRIES,
    )
    shown = source.name.endswith(".zip") and sys.stderr.isatty()
    downloader = pooch.HTTPDownloader(progressbar=shown, chunk_size=1 << 16, headers=HEADERS, timeout=60)
    try:
        return Path(fetcher.fetch(source.name, downloader=downloader))
    except OSError as error:
        if error.errno is not None:  # the disk's; the errors of the requests package have no number
            raise
        response = getattr(error, "response", None)
        if response is None:
            fault = f"no connection, or a broken one ({type(error).__name__}): check the network"
        else:
            fault = f"the server answers {response.status_code} {response.reason}"
        raise InputError(f"{source.url}: {fault}; {AGAIN}") from None
    except ValueError:
        raise InputError(f"{source.url}: not the file of {source.hash}, nothing was kept; {AGAIN}") from None


def _unpack(archive: Path, source: Source, folder: Path) -> dict[str, Path]:
    """Unpack the members that are needed; gives where each lies by its path in the data set.

    Nothing is written if any member would leave the folder.
    """
    places = {PurePosixPath(path).name: path for path in source.files}
    parts = {}
    try:
        with ZipFile(archive) as content:
            for name in content.namelist():
                if not (folder / name.removeprefix(source.top)).resolve().is_relative_to(folder.resolve()):
                    raise InputError(f"{source.url} is refused: its member '{name}' would leave the folder")
            for member in bar(content.infolist(), desc=f"unpacking {source.name}", delay=1, leave=False):
                path = member.filename.removeprefix(source.top)
                if places:
                    path = places.get(PurePosixPath(path).name, "")
                if path and not member.is_dir():
                    parts[path] = folder / path
                    parts[path].parent.mkdir(parents=True, exist_ok=True)
                    with content.open(member) as data, parts[path].open("wb") as file:
                        shutil.copyfileobj(data, file)
    except (BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise InputError(f"{source.url} is a broken zip archive ({error}), nothing was kept; {AGAIN}") from None
    return parts
