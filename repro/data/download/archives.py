"""Zip archives from elsewhere, unpacked only after every member has been found harmless."""

from __future__ import annotations

import shutil
import stat
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from repro.errors import InputError
from repro.progress import bar

_ENCRYPTED = 0x1


def unpack(path: Path, folder: Path, limit: int, top: str = "") -> None:
    """Write the files of a zip archive below `folder`, less the leading folder `top` (such as "set/") of their names.

    Raises:
        InputError: it is no zip archive or a damaged one, or a member is refused: a name that is absolute, has "..",
            a drive or a backslash, or comes twice; a link or device; encrypted; or all of them together would be
            larger than `limit` bytes. Nothing has been written then, unless it was damage inside a member.
        OSError: a file cannot be written.
    """
    try:
        with ZipFile(path) as archive:
            files = _checked(archive, path, limit, top)
            for name, member in bar(files.items(), desc=f"unpacking {path.name}", unit="file"):
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, target.open("wb") as sink:
                    shutil.copyfileobj(source, sink)
    # zipfile's own NotImplementedError: a method of compression that it does not know
    except (BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise InputError(f"{path} is not an intact zip archive ({error}): fetch it again") from None


def _checked(archive: ZipFile, path: Path, limit: int, top: str) -> dict[PurePosixPath, ZipInfo]:
    """The members that are files, under the names they are to have."""
    members = archive.infolist()
    size = sum(member.file_size for member in members)
    if size > limit:
        raise _refusal(path, f"its files would take up {size:,} bytes, where at most {limit:,} are expected")
    files: dict[PurePosixPath, ZipInfo] = {}
    folded: set[str] = set()  # a file system may take "A" and "a" for one name
    for member in members:
        fault = _fault(member)
        if not fault and not member.is_dir():
            name = PurePosixPath(member.filename.removeprefix(top))
            if str(name).casefold() in folded:
                fault = "comes twice"
            folded.add(str(name).casefold())
            files[name] = member
        if fault:
            raise _refusal(path, f"its member {member.orig_filename!r} {fault}")
    return files


def _fault(member: ZipInfo) -> str:
    """What forbids to unpack a member, or nothing."""
    name = member.orig_filename
    kind = stat.S_IFMT(member.external_attr >> 16)
    if name.startswith("/"):
        return "has an absolute name"
    if ".." in PurePosixPath(name).parts:
        return "would leave the folder"
    if "\\" in name or "\0" in name or PureWindowsPath(name).drive:
        return "has a name with a backslash, a NUL or a drive"
    if not PurePosixPath(name).parts:
        return "has no name"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if member.flag_bits & _ENCRYPTED:
        return "is encrypted"
    return ""


def _refusal(path: Path, fault: str) -> InputError:
    return InputError(f"{path} is refused: {fault}; nothing was unpacked")
