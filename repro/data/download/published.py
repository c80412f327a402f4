"""What is known of the published data sets: where their archives lie, how they are verified and unpacked.

TAU Urban Acoustic Scenes 2020 Mobile, development set, is Zenodo record 3819968; sizes and sums are those that the
set's authors give in dcase_util, and soundata has the same sums. ESC-10 is a GitHub repository at one commit. GitHub
packs it anew, not always into the same bytes, so there it is the recordings that are verified, by esc10_files.csv; the
authors and licences in it are those of the repository's README.
"""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from repro.data.download.archives import unpack
from repro.errors import InputError
from repro.progress import bar


@dataclass(frozen=True)
class Archive:
    """A zip file on a server; `size` in bytes. `md5` is None where the server makes it anew with other bytes."""

    url: str
    size: int
    md5: str | None

    @property
    def name(self) -> str:
        """Its file name."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class Published:
    """A data set: `unpack` writes an archive's share of it to a new folder; all of it takes up `unpacked` bytes."""

    archives: tuple[Archive, ...]
    unpacked: int
    unpack: Callable[[Path, Path], None]
    terms: str


TAU_TOP = "TAU-urban-acoustic-scenes-2020-mobile-development"
TAU_UNPACKED = 31_000_000_000
"""Bytes: 23,035 recordings of 10 s, 44.1 kHz and 24 bits are 30.5e9, lists and texts a few million."""

_TAU_FILES = (
    ("meta", 214_159, "6eae9db553ce48e4ea246e34e50a3cf5"),
    ("doc", 18_066, "175f40dc3fec144347abad4d2962b7ae"),
    ("audio.1", 1_726_039_031, "b1e85b8a908d3d6a6ab73268f385d5c8"),
    ("audio.2", 1_782_268_370, "4310a13cc2943d6ce3f70eba7ba4c784"),
    ("audio.3", 1_870_468_865, "ed38956c4246abb56190c1e9b602b7b8"),
    ("audio.4", 1_879_413_176, "97ab8560056b6816808dedc044dcc023"),
    ("audio.5", 1_823_936_584, "b50f5e0bfed33cd8e52cb3e7f815c6cb"),
    ("audio.6", 1_827_246_144, "fbf856a3a86fff7520549c899dc94372"),
    ("audio.7", 1_728_630_243, "0dbffe7b6e45564da649378723284062"),
    ("audio.8", 1_748_646_043, "bb6f77832bf0bd9f786f965beb251b2e"),
    ("audio.9", 1_780_487_215, "a65596a5372eab10c78e08a0de797c9e"),
    ("audio.10", 1_726_068_853, "2ad595819ffa1d56d2de4c7ed43205a6"),
    ("audio.11", 1_744_480_272, "0ad29f7040a4e6a22cfd639b3a6738e5"),
    ("audio.12", 1_738_707_195, "e5f4400c6b9697295fab4cf507155a2f"),
    ("audio.13", 1_835_797_785, "8855ab9f9896422746ab4c5d89d8da2f"),
    ("audio.14", 1_846_390_881, "092ad744452cd3e7de78f988a3d13020"),
    ("audio.15", 1_869_032_508, "4b5eb85f6592aebf846088d9df76b420"),
    ("audio.16", 436_971_777, "2e0a89723e58a3836be019e6996ae460"),
)


def unpack_tau2020(archive: Path, folder: Path) -> None:
    """All files of the archive, less the set's own top folder."""
    unpack(archive, folder, TAU_UNPACKED, f"{TAU_TOP}/")


ESC_COMMIT = "553c8f1743b9dba6b282e1323c3ca8fa76923448"
ESC_UNPACKED = 100_000_000
"""Bytes: 400 recordings are 41.5e6; the repository holds a picture and a table besides."""

ESC_COLUMNS = ("filename", "fold", "freesound_clip", "take", "label", "sha256", "source", "author", "license")


def esc10_files() -> list[dict[str, str]]:
    """The set's recordings, keys `ESC_COLUMNS`, those of a class together; `filename` is below audio/."""
    listing = (resources.files("repro.data.download") / "esc10_files.csv").read_text("utf-8")
    rows = list(csv.DictReader(listing.splitlines()))
    for row in rows:
        row["fold"], row["freesound_clip"], row["take"] = row["filename"].removesuffix(".ogg").split("-")
        row["source"] = f"https://freesound.org/people/{quote(row['author'])}/sounds/{row['freesound_clip']}/"
    return rows


def unpack_esc10(archive: Path, folder: Path) -> None:
    """The set's recordings as audio/, wherever they lie in the archive, and meta.csv with sums, authors and licences.

    Raises:
        InputError: naming every recording that is missing or altered.
    """
    content = folder / "archive"
    unpack(archive, content, ESC_UNPACKED)
    expected = {row["filename"]: row["sha256"] for row in esc10_files()}
    found = {path.name: path for path in content.rglob("*.ogg") if path.name in expected}
    wrong = [f"{name} is missing" for name in expected if name not in found]
    for name, path in bar(found.items(), desc="verifying", unit="file"):
        if hashlib.sha256(path.read_bytes()).hexdigest() != expected[name]:
            wrong.append(f"{name} is altered")
    if wrong:
        raise InputError(f"{archive.name}: {len(wrong)} faults, nothing was installed: {', '.join(wrong)}")
    (folder / "audio").mkdir()
    for name, path in found.items():
        path.rename(folder / "audio" / name)
    shutil.rmtree(content)
    with (folder / "meta.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ESC_COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(esc10_files())


SETS = {
    "tau2020": Published(
        archives=tuple(
            Archive(f"https://zenodo.org/records/3819968/files/{TAU_TOP}.{part}.zip", size, md5)
            for part, size, md5 in _TAU_FILES
        ),
        unpacked=TAU_UNPACKED,
        unpack=unpack_tau2020,
        terms="18 archives, 27.4 GB; free for research, commercial use is prohibited: the terms come with it",
    ),
    "esc10": Published(
        archives=(Archive(f"https://github.com/karolpiczak/ESC-10/archive/{ESC_COMMIT}.zip", 42_000_000, None),),
        unpacked=ESC_UNPACKED,
        unpack=unpack_esc10,
        terms="an archive of about 40 MB; CC BY 3.0, each clip's author and licence are in meta.csv",
    ),
}
"""What can be fetched."""
