"""The summary of a set of recordings, and the file that it is kept in."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.data.features import N_MELS
from repro.data.split import FOLD, split_by_city_and_scene, split_by_fold
from repro.files.archive import read_archive, write_archive
from repro.files.checksums import StoredError

VERSION = 1  # raised whenever the same recordings would give another summary

FREQUENCIES = np.geomspace(50, 10_000, 70)
"""Hz at which a microphone's response is given, nine to the octave; each the mean power over a ninth of an octave."""

FLAT_FROM = 100.0  # Hz from which on, to 10 kHz, a response's mean is 0 dB, and its deviation from flat is taken


@dataclass(frozen=True)
class Moment:
    """A moment that device a and another one recorded.

    Attributes:
        device: the other one.
        scene, city: of the moment.
        rows: of its two clips in the table of the recordings, device a's first.
        mel: A-weighted levels in dB, float16, (2, 256, frames).
    """

    device: str
    scene: str
    city: str
    rows: tuple[int, int]
    mel: NDArray[np.float16]

    @cached_property
    def difference(self) -> NDArray[np.float32]:
        """What the other device changes, in dB, (256, frames)."""
        return np.asarray(self.mel[1].astype(np.float32) - self.mel[0].astype(np.float32))

    @property
    def shares(self) -> tuple[float, float]:
        """Shares of the difference's variance that lie between its frequencies, and between its frames."""
        whole = self.difference.var() or 1.0
        return float(self.difference.mean(axis=1).var() / whole), float(self.difference.mean(axis=0).var() / whole)


ABOUT = ("recordings", "fingerprint", "seconds", "places", "variance", "separation", "moment", "compressed")
"""The fields of a summary that its file holds as JSON."""

LEVELS: dict[str, range | NDArray[np.float64]] = {
    "spectra": range(N_MELS),
    "shift": range(N_MELS),
    "responses": FREQUENCIES,
}
"""The fields that are tables of levels, with their rows."""


def _no_levels() -> pd.DataFrame:
    return pd.DataFrame(index=range(N_MELS), dtype=np.float32)


@dataclass(frozen=True)
class Summary:
    """A set of recordings in numbers; an empty one where nothing is known of it.

    Attributes:
        recordings: which these are, as of `recordings_of`.
        fingerprint: of their content.
        seconds: length of a clip.
        places: how many recording places there are.
        cells: clips by scene, city and device, columns scene, city, device, official, clips; `official` is the side
            of TAU's own split, "" for clips on neither side and where its lists are not known.
        spectra: mean level in dB(A) by mel band (rows) and device (columns).
        shift: by how much the level of the unseen devices differs from device a's at the same moments, likewise.
        points: clips in the plane of the first two principal components, columns device, scene, first, second.
        variance: share of the variance along either component.
        separation: how far apart devices and classes lie, in %; a row a measure.
        moment: a moment through two devices; None where nothing is known.
        responses: of the measured microphones in dB (columns) by frequency in Hz (rows); no columns where none were.
        compressed: the microphones that compress, too.
    """

    recordings: dict[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    seconds: float = 0.0
    places: int = 0
    cells: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["scene", "city", "device", "official", "clips"], dtype=float)
    )
    spectra: pd.DataFrame = field(default_factory=_no_levels)
    shift: pd.DataFrame = field(default_factory=_no_levels)
    points: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["device", "scene", "first", "second"], dtype=float)
    )
    variance: tuple[float, float] = (0.0, 0.0)
    separation: pd.DataFrame = field(default_factory=pd.DataFrame)
    moment: Moment | None = None
    responses: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(index=FREQUENCIES, dtype=np.float32))
    compressed: tuple[str, ...] = ()

    def sides(self, fold: int = 0, official: bool = False) -> pd.DataFrame:
        """The cells with a column `side`: "train", "seen", "unseen", or "not used".

        Args:
            fold: the fold that is left out for testing; 0 for a split by city and scene.
            official: TAU's own split instead.
        """
        cells = self.cells.assign(side="not used")
        if cells.empty:
            return cells
        if official:
            split = split_by_fold(cells.rename(columns={"official": FOLD}))
        elif fold:
            left_out = np.where(cells["city"] == f"fold{fold}", "test", "train")
            split = split_by_fold(cells.assign(**{FOLD: left_out}))
        else:
            split = split_by_city_and_scene(cells)
        for side in ("train", "seen", "unseen"):
            cells.loc[getattr(split, side), "side"] = side
        return cells

    @property
    def deviations(self) -> pd.Series[float]:
        """Every microphone's deviation from flat: the standard deviation of its response in dB, ascending."""
        return self.responses[self.responses.index >= FLAT_FROM].std(ddof=0).sort_values()

    def save(self, path: Path) -> None:
        """Write one .npz without pickles; the same summary gives the same bytes.

        Raises:
            OSError: it cannot be written.
        """
        write_archive(path, ((f"{name}.npy", _bytes(array)) for name, array in self._arrays()))

    def _arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        moment = self.moment
        about = {"version": VERSION} | {name: getattr(self, name) for name in ABOUT}
        about["separation"] = self.separation.to_dict("split")
        about["moment"] = [moment.device, moment.scene, moment.city, moment.rows] if moment else None
        yield "about", np.array(json.dumps(about))
        for name in ("cells", "points"):
            for column, of_clips in getattr(self, name).items():
                values = of_clips.to_numpy()
                yield f"{name}.{column}", values.astype(str) if values.dtype == object else values
        for name in LEVELS:
            table = getattr(self, name)
            yield f"{name}.columns", np.array([*table], dtype=str)
            yield f"{name}.values", table.to_numpy(np.float32)
        if moment:
            yield "moment.mel", moment.mel

    @classmethod
    def load(cls, path: Path) -> Summary:
        """Read what `save` wrote.

        Raises:
            StoredError: it cannot be read, is not what was written, or was written by another version.
        """
        arrays = {
            name.removesuffix(".npy"): np.load(io.BytesIO(content), allow_pickle=False)
            for name, content in read_archive(path).items()
        }
        about = json.loads(str(arrays["about"]))
        if (version := about.pop("version")) != VERSION:
            fault = f"{path} is a summary of version {version}, not {VERSION}"
            raise StoredError(fault, "make it again with repro data summarise")
        about["separation"] = pd.DataFrame(**about["separation"])
        about["variance"], about["compressed"] = tuple(about["variance"]), tuple(about["compressed"])
        if about["moment"]:
            device, scene, city, rows = about["moment"]
            about["moment"] = Moment(device, scene, city, (rows[0], rows[1]), arrays["moment.mel"])
        for name in ("cells", "points"):
            columns = {key.partition(".")[2]: array for key, array in arrays.items() if key.startswith(f"{name}.")}
            about[name] = pd.DataFrame(
                {key: v.astype(object) if v.dtype.kind == "U" else v for key, v in columns.items()}
            )
        for name, index in LEVELS.items():
            about[name] = pd.DataFrame(arrays[f"{name}.values"], index, arrays[f"{name}.columns"].tolist())
        return cls(**about)


def _bytes(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array, order="C"), allow_pickle=False)
    return file.getvalue()
