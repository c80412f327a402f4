"""What can be fetched: from where, with which checksums and sizes, and on which terms.

- `esc10`: a GitHub repository at one commit. GitHub may pack the same files into other bytes, so the recordings are
  checked and not the archive. Authors and licences in `esc10_files.csv` are those of the repository's README.
- `micirp`: 50 files of a GitHub repository at one commit.
- `tau2020`: Zenodo record 3819968, the development set of TAU Urban Acoustic Scenes 2020 Mobile. Sizes and MD5 are
  those that the set's authors give in dcase_util; soundata has the same.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from urllib.parse import quote, unquote


@dataclass(frozen=True)
class Source:
    """A file on a server, and the files of the data set that it brings.

    Attributes:
        url: where it is. A zip archive is unpacked.
        size: its bytes.
        hash: its checksum as pooch writes it, such as "md5:0f1e..."; None where its bytes may change.
        files: SHA-256 by path below the data set's folder. An archive may have them in any folder. Empty where only
            the archive itself lists them: they then have the paths that it gives them.
        top: the start of the archive's paths that is left out, such as "set/".
    """

    url: str
    size: int
    hash: str | None
    files: Mapping[str, str] = field(default_factory=dict)
    top: str = ""

    @property
    def name(self) -> str:
        """Its file name."""
        return unquote(self.url.rpartition("/")[2])


@dataclass(frozen=True)
class Dataset:
    """A published data set: what is fetched, on which terms, and the content of files that no server has, by path."""

    sources: tuple[Source, ...]
    terms: str
    texts: Mapping[str, str] = field(default_factory=dict)


def _text(name: str) -> str:
    """A file beside this module."""
    return (resources.files("repro.data.download") / name).read_text("utf-8")


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(_text(name).splitlines()))


_ESC10 = "https://github.com/karolpiczak/ESC-10/archive/553c8f1743b9dba6b282e1323c3ca8fa76923448.zip"
_MICIRP = "https://raw.githubusercontent.com/fschmid56/cpjku_dcase23/48d405f8f185e47a5aeb5d8dea45c051f33320aa"
_TAU = "https://zenodo.org/records/3819968/files"

SETS = {
    "esc10": Dataset(
        (
            Source(
                _ESC10,
                42_000_000,
                None,
                {f"audio/{row['filename']}": row["sha256"] for row in _rows("esc10_files.csv")},
            ),
        ),
        "an archive of about 40 MB; CC BY 3.0, each clip's author and licence are in meta.csv",
        {"meta.csv": _text("esc10_files.csv")},
    ),
    "micirp": Dataset(
        tuple(
            Source(
                f"{_MICIRP}/datasets/dirs/{quote(row['filename'])}",
                int(row["size"]),
                f"sha256:{row['sha256']}",
                {row["filename"]: row["sha256"]},
            )
            for row in _rows("micirp_files.csv")
        ),
        "50 files, 3 MB; Creative Commons, by MicIRP, the Microphone Impulse Response Project, and Xaudia.com",
    ),
    "tau2020": Dataset(
        tuple(
            Source(
                f"{_TAU}/{row['filename']}",
                int(row["size"]),
                f"md5:{row['md5']}",
                top="TAU-urban-acoustic-scenes-2020-mobile-development/",
            )
            for row in _rows("tau2020_files.csv")
        ),
        "18 archives, 27.4 GB; free for research, commercial use is prohibited: the terms come with it",
    ),
}
"""The data sets, by name."""
