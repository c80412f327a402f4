"""Checking one recording: its container, its format, every sample, its checksum.

libsndfile takes the number of frames from the file's size where a WAV was cut, and stops without an error at the last
page of an Ogg that was cut. What is missing has to be found in the container itself.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from repro.data.faults import printable

BLOCK = 2**18  # samples decoded at a time, so that neither a long file nor a false header takes memory

UNCOMPRESSED = {1, 3, 6, 7, 0xFFFE}
"""Format tags of WAVs whose frames all have the same size: PCM, float, A-law, mu-law, extensible."""

OGG_HEADER = 27
OGG_LAST_PAGE = 4  # flag of a page that ends its stream


class Expected(NamedTuple):
    """What the recordings of a set have in common; None where they differ."""

    rate: int | None = None
    seconds: float | None = None


class Samples(NamedTuple):
    """A file's samples in summary: frames decoded, samples that are not finite, and the range of the finite ones."""

    frames: int
    not_finite: int
    low: float
    high: float


def complaints(path: Path, expected: Expected, checksums: Iterable[tuple[str, str]] = ()) -> list[str]:
    """All that is wrong with an audio file, a line a fault.

    Args:
        path: the file, which is only read.
        expected: its rate and length.
        checksums: (algorithm, hexadecimal digest) that its bytes must have.
    """
    try:
        with path.open("rb", buffering=0) as file:
            return [*_audio_complaints(file, expected), *_checksum_complaints(file, checksums)]
    except OSError as error:
        return [f"unreadable: {error.strerror}"]


def _audio_complaints(file: FileIO, expected: Expected) -> list[str]:
    declared, cut = wav_frames(file), is_cut_ogg(file)
    file.seek(0)
    try:
        # By its descriptor: libsndfile then takes the format from the content, not from the name, and opens no other.
        with soundfile.SoundFile(file.fileno(), closefd=False) as sound:
            rate, channels = sound.samplerate, sound.channels
            samples = _decode(sound)
    except soundfile.LibsndfileError as error:
        return [f"unreadable: {' '.join(error.error_string.split())}"]
    wanted = None if expected.seconds is None else round(expected.seconds * rate)
    whole = declared if declared is not None and declared > samples.frames else wanted
    found = []
    if channels != 1:
        found.append(f"{'stereo: ' * (channels == 2)}{channels} channels instead of 1")
    if expected.rate not in (None, rate):
        found.append(f"wrong rate: {rate} Hz instead of {expected.rate} Hz")
    if whole is not None and samples.frames < whole:
        found.append(f"truncated: {samples.frames} of {whole} frames")
    elif cut:
        found.append(f"truncated: the Ogg stream breaks off after {samples.frames} frames")
    elif not samples.frames:
        found.append("holds no samples")
    if wanted is not None and samples.frames > wanted:
        found.append(f"too long: {samples.frames} frames instead of {wanted}")
    if samples.not_finite:
        found.append(f"not finite: {samples.not_finite} of {samples.frames * channels} samples")
    if samples.frames > 1 and samples.low == samples.high:
        found.append("silent: all samples are equal")
    return found


def _decode(sound: soundfile.SoundFile) -> Samples:
    frames, not_finite, low, high = 0, 0, np.inf, -np.inf
    while len(block := sound.read(max(1, BLOCK // sound.channels), dtype="float64", always_2d=True)):
        frames += len(block)
        finite = block[np.isfinite(block)]
        not_finite += block.size - finite.size
        low, high = finite.min(initial=low), finite.max(initial=high)
    return Samples(frames, not_finite, float(low), float(high))


def _checksum_complaints(file: FileIO, checksums: Iterable[tuple[str, str]]) -> list[str]:
    found = []
    for algorithm, wanted in checksums:
        file.seek(0)
        actual = hashlib.file_digest(file, algorithm).hexdigest()
        if actual != wanted.lower():
            found.append(f"{algorithm} is {actual} instead of {printable(wanted)}")
    return found


def wav_frames(file: FileIO) -> int | None:
    """Frames that the header of a WAV (RIFF or RF64) declares; None for other files, or without such a header."""
    file.seek(0)
    head = file.read(12)
    if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        return None
    frame_bytes, long_size = 0, 0
    while len(chunk := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", chunk)
        if name == b"data":
            size = long_size if size == 0xFFFFFFFF and long_size else size
            return size // frame_bytes if frame_bytes else None
        body = file.read(min(size, 32))
        if name == b"fmt " and len(body) >= 16 and struct.unpack("<H", body[:2])[0] in UNCOMPRESSED:
            frame_bytes = struct.unpack("<H", body[12:14])[0]
        elif name == b"ds64" and len(body) >= 16:
            long_size = struct.unpack("<Q", body[8:16])[0]
        file.seek(size - len(body) + size % 2, os.SEEK_CUR)
    return None


def is_cut_ogg(file: FileIO) -> bool:
    """Whether the file begins as an Ogg and does not end with a whole page that ends its stream."""
    size = file.seek(0, os.SEEK_END)
    position, flags = 0, OGG_LAST_PAGE
    while position < size:
        file.seek(position)
        header = file.read(OGG_HEADER)
        if header[:4] != b"OggS":
            return position > 0
        if len(header) < OGG_HEADER:
            return True
        flags, segments = header[5], file.read(header[26])
        position += OGG_HEADER + header[26] + sum(segments)
    return position > size or not flags & OGG_LAST_PAGE
