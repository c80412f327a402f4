"""Clips: waveforms and their labels in memory-mapped form, whatever source they came from."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SAMPLE_RATE = 22_050
"""Hz; every source is brought to this rate (Appendix A.1)."""

COLUMNS = ("filename", "scene", "city", "location", "device")


@dataclass(frozen=True)
class Clips:
    """A set of recordings of equal length.

    Attributes:
        waveforms: int16, (clips, samples), mono at 22,050 Hz, full scale 32768; memory-mapped, read-only.
        table: one row a clip, the columns `COLUMNS`. `city` is the axis along which places are held out (for
            ESC-10 the fold), `location` the recording place within it, `device` "a" for the training device.
        scenes: the class names in label order.
        fingerprint: SHA-256 of waveforms and table.
    """

    waveforms: NDArray[np.int16]
    table: pd.DataFrame
    scenes: tuple[str, ...]
    fingerprint: str

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class index of every clip, (clips,)."""
        return pd.Categorical(self.table["scene"], categories=list(self.scenes)).codes.astype(np.int64)

    @property
    def devices(self) -> tuple[str, ...]:
        """The recording devices, sorted."""
        return tuple(sorted(self.table["device"].unique()))


def read_clips(folder: Path) -> Clips:
    """Open what `write_clips` wrote."""
    info = json.loads((folder / "info.json").read_text())
    table = pd.read_csv(folder / "table.csv", dtype=str, keep_default_na=False)
    waveforms = np.load(folder / "waveforms.npy", mmap_mode="r")
    return Clips(waveforms, table, tuple(info["scenes"]), info["fingerprint"])


def write_clips(folder: Path, table: pd.DataFrame, samples: int, waveforms: Iterable[NDArray[np.int16]]) -> None:
    """Write table and waveforms (one array of `samples` a row, in order); `folder` appears whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        content = hashlib.sha256()
        store = np.lib.format.open_memmap(
            aside / "waveforms.npy", mode="w+", dtype=np.int16, shape=(len(table), samples)
        )
        for row, waveform in enumerate(waveforms):
            store[row] = waveform
            content.update(store[row].tobytes())
        store.flush()
        text = table.loc[:, list(COLUMNS)].to_csv(index=False, lineterminator="\n")
        content.update(text.encode())
        (aside / "table.csv").write_text(text)
        info = {"scenes": sorted(table["scene"].unique()), "fingerprint": content.hexdigest()}
        (aside / "info.json").write_text(json.dumps(info))
        aside.rename(folder)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def recorded_together(table: pd.DataFrame, device: str) -> pd.DataFrame:
    """The moments that both device a and `device` recorded: their row numbers in columns "a" and "other".

    Two clips are of one moment if their file names differ at most in the device's name at the end.
    """
    stem = table["filename"].str.rsplit(".", n=1).str[0]
    moment = pd.Series(
        [name.removesuffix(f"-{by}") for name, by in zip(stem, table["device"], strict=True)], index=table.index
    )
    seen, other = (moment[table["device"] == name].reset_index() for name in ("a", device))
    both = seen.merge(other, on=0, suffixes=("_a", "_other"))
    return pd.DataFrame({"a": both["index_a"], "other": both["index_other"]})
