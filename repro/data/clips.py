"""Clips: memory-mapped waveforms and their labels, the same for every source."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.files.atomic import flush, make_folder, move_folder, write_file
from repro.files.checksums import DamagedError

SAMPLE_RATE = 22_050  # Hz; every source is brought to this rate (Appendix A.1)

COLUMNS = ("filename", "scene", "city", "location", "device")

WAVEFORMS, TABLE, INFO = "waveforms.npy", "table.csv", "info.json"  # what a prepared set's folder holds

RECORD_EVERY = 64  # rows after which a preparation's progress is recorded: a killed one has to repeat fewer than these


def samples_in(seconds: float) -> int:
    """Number of samples of a clip that lasts this long."""
    return round(seconds * SAMPLE_RATE)


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
    """Open what `write_clips` wrote.

    Raises:
        DamagedError: a file is lost, cut or altered, as far as opening it shows.
    """
    try:
        info = json.loads((folder / INFO).read_text())
        table = pd.read_csv(folder / TABLE, dtype=str, keep_default_na=False)
        waveforms = np.load(folder / WAVEFORMS, mmap_mode="r")
        return Clips(waveforms, table, tuple(info["scenes"]), info["fingerprint"])
    except (OSError, ValueError, LookupError, TypeError):
        raise DamagedError(folder, folder) from None


def partial_folder(folder: Path) -> Path:
    """Where the clips of `folder` are written until they are complete."""
    return folder.with_name(f".{folder.name}.partial")


def rows_written(folder: Path) -> int:
    """How many rows of an unfinished `folder` are safely on the disk: the row that `write_clips` can continue from."""
    aside = partial_folder(folder)
    try:
        (aside / WAVEFORMS).stat()  # gone where the folder's removal was killed
        return int(json.loads((aside / INFO).read_text())["rows"])
    except FileNotFoundError:
        return 0


def write_clips(
    folder: Path, table: pd.DataFrame, samples: int, waveforms: Iterable[NDArray[np.int16]], first_row: int = 0
) -> None:
    """Write table and waveforms, one array of `samples` a row, in order, from `first_row` on.

    `folder` appears whole or not at all. Until then its files are in `partial_folder(folder)`. After an interruption
    at any moment a call with `first_row = rows_written(folder)` continues, to the same bytes; a call with
    `first_row = 0` starts over. The caller holds a lock. A memory map is not used, since a full disk would then end
    the process with a signal.

    Raises:
        ValueError: the waveforms are not as many as the table's rows, or not of that length.
        OSError: the disk is full, or cannot be written.
    """
    aside = partial_folder(folder)
    if first_row == 0:
        shutil.rmtree(aside, ignore_errors=True)
    make_folder(aside)
    row = first_row
    with (aside / WAVEFORMS).open("r+b" if first_row else "w+b") as file:
        start = file.write(_header((len(table), samples)))
        file.truncate(file.seek(first_row * samples * 2, os.SEEK_CUR))
        for row, waveform in enumerate(waveforms, start=first_row + 1):
            if waveform.shape != (samples,):
                raise ValueError(f"waveform {row} is {waveform.shape}, not {samples} samples long")
            file.write(waveform.astype("<i2").tobytes())
            if row % RECORD_EVERY == 0:
                flush(file)
                write_file(aside / INFO, json.dumps({"rows": row}).encode())
        if row != len(table):
            raise ValueError(f"{row} waveforms for {len(table)} clips")
        flush(file)
        text = table.loc[:, list(COLUMNS)].to_csv(index=False, lineterminator="\n").encode()
        file.seek(start)
        fingerprint = _fingerprint(file, text)
    write_file(aside / TABLE, text)
    info = {"rows": row, "scenes": sorted(table["scene"].unique()), "fingerprint": fingerprint}
    write_file(aside / INFO, json.dumps(info).encode())
    move_folder(aside, folder)


def require_sound_clips(folder: Path) -> None:
    """Raise InputError unless every byte of what `write_clips` wrote is as its fingerprint says."""
    try:
        clips = read_clips(folder)
        rows, header = len(clips.waveforms), _header(clips.waveforms.shape)
        with (folder / WAVEFORMS).open("rb") as file:
            sound = file.read(len(header)) == header
            sound &= _fingerprint(file, (folder / TABLE).read_bytes()) == clips.fingerprint
        sound &= len(clips.table) == rows == json.loads((folder / INFO).read_bytes()).get("rows", rows)
        sound &= clips.scenes == tuple(sorted(set(clips.table["scene"])))
    except Exception:  # reading altered bytes may raise anything
        sound = False
    if not sound:
        raise DamagedError(folder, folder)


def _header(shape: tuple[int, ...]) -> bytes:
    """How a file of waveforms begins."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<i2", "fortran_order": False, "shape": shape})
    return header.getvalue()


def _fingerprint(file: IO[bytes], table: bytes) -> str:
    """SHA-256 over what is left of an open file of waveforms, and over the table."""
    content = hashlib.sha256()
    while block := file.read(2**20):
        content.update(block)
    content.update(table)
    return content.hexdigest()


def recorded_together(table: pd.DataFrame, device: str) -> pd.DataFrame:
    """The moments that both device a and `device` recorded: their row numbers in columns "a" and "other".

    Two clips are of one moment if their file names differ at most in the device's name at the end.
    """
    moment = _moments(table)
    seen, other = (moment[table["device"] == name].reset_index() for name in ("a", device))
    both = seen.merge(other, on=0, suffixes=("_a", "_other"))
    return pd.DataFrame({"a": both["index_a"], "other": both["index_other"]})


def moment_of(table: pd.DataFrame, row: int) -> dict[str, int]:
    """The clips of the moment that a clip is of: row number by device, in the order of the table."""
    moment = _moments(table)
    together = table.index[moment == moment[row]]
    return {str(table["device"][number]): int(number) for number in together}


def _moments(table: pd.DataFrame) -> pd.Series[str]:
    """What the clips of one moment have in common: the file name without the device's name and without its suffix."""
    stem = table["filename"].str.rsplit(".", n=1).str[0]
    names = [name.removesuffix(f"-{by}") for name, by in zip(stem, table["device"], strict=True)]
    return pd.Series(names, index=table.index)
