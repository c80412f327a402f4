"""One file over HTTP, continued where it broke off.

Neither soundata nor pooch does this. soundata moreover wants the archives of the evaluation set, keeps its index inside
site-packages, takes no lock, and lets a zip's members leave the target folder. pooch writes to a temporary file that it
deletes when it is interrupted, even while it verifies: up to 1.9 GB lost at a time. What remains of either is a request
and a checksum.
"""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path

import requests
from tqdm import tqdm

from repro.errors import InputError
from repro.progress import bar

TIMEOUT = (20, 60)
"""Seconds to wait for a connection, and for the next bytes."""

WAITS = (1, 2, 4, 8, 16, 32)
"""Seconds before each further try; counted anew whenever a try has brought the file forward."""

MAY_PASS = (requests.codes.request_timeout, requests.codes.too_many_requests)
"""Refusals that are worth another try, as are those from 500 on."""

CHUNK = 1 << 16
"""Bytes written at a time; less than this is lost when a connection breaks."""


def fetch(url: str, target: Path, md5: str | None) -> None:
    """Download `url` to `target`, unless it is there already.

    What has arrived stays in "`target`.part" until the whole file has been verified, and a later call asks for the
    rest only. A file that is not what `md5` says is deleted and fetched a second time.

    Raises:
        InputError: the server refuses, cannot be reached or breaks off time and again, or has another file.
        OSError: `target` cannot be written.
    """
    part = target.with_name(f"{target.name}.part")
    if target.exists():
        return
    for attempt in (1, 2):
        _complete(url, part)
        if md5 is None or _md5(part) == md5:
            part.replace(target)
            return
        part.unlink()
        if attempt == 1:
            tqdm.write(f"{url}: not the file of MD5 {md5}: deleted, fetching it again", file=sys.stderr)
    raise InputError(f"{url}: twice not the file of MD5 {md5}: deleted; try again later")


def arrived(target: Path) -> int:
    """Bytes of `target` that are on disk, be it whole or in part."""
    part = target.with_name(f"{target.name}.part")
    return next((path.stat().st_size for path in (target, part) if path.exists()), 0)


def _complete(url: str, part: Path) -> None:
    """Append to `part` what it lacks, trying again after failures that may pass."""
    waits = iter(WAITS)
    furthest = 0
    while True:
        try:
            return _receive(url, part)
        except requests.HTTPError as error:
            reason = str(error)
        except requests.RequestException as error:
            reason = f"no connection, or a broken one ({type(error).__name__})"
        size = part.stat().st_size if part.exists() else 0
        if size > furthest:
            furthest, waits = size, iter(WAITS)
        pause = next(waits, None)
        if pause is None:
            raise InputError(f"{url}: {reason}; what has arrived is kept: run the command again to continue")
        time.sleep(pause)


def _receive(url: str, part: Path) -> None:
    have = part.stat().st_size if part.exists() else 0
    # identity: a range is one of the bytes sent, and these must be the file's own
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            if response.headers.get("Content-Range") == f"bytes */{have}":
                return  # it was killed between the last byte and the verification
            part.unlink()
            return _receive(url, part)
        if not response.ok:
            answer = f"the server answers {response.status_code} {response.reason}"
            if response.status_code >= 500 or response.status_code in MAY_PASS:
                raise requests.HTTPError(answer)
            raise InputError(f"{url}: {answer}")
        if response.status_code != requests.codes.partial_content:
            have = 0  # the server ignores ranges and sends everything
        rest = response.headers.get("Content-Length")
        total = have + int(rest) if rest else None
        name = part.name.removesuffix(".part")
        progress = bar(desc=name, total=total, initial=have, unit="B", unit_scale=True)
        with progress, part.open("ab" if have else "wb") as file:
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                progress.update(len(chunk))


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
