"""One recording checked whole: its container, its format, every sample, its checksum."""

from __future__ import annotations

import hashlib
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from repro.data.containers import is_cut_ogg, wav_frames
from repro.data.faults import printable

BLOCK = 2**18
"""Samples decoded at a time, so that neither a long file nor a false header takes memory."""


class Expected(NamedTuple):
    """What the recordings of a set have in common; None where they differ."""

    rate: int | None = None
    seconds: float | None = None


class Samples(NamedTuple):
    """What has been seen of a file's samples: frames decoded, samples not finite, and the range of the finite ones."""

    frames: int
    not_finite: int
    low: float
    high: float


def complaints(path: Path, expected: Expected, checksums: tuple[tuple[str, str], ...] = ()) -> list[str]:
    """All that is wrong with an audio file; nothing where it is sound.

    Args:
        path: the file, opened for reading alone.
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
        # by its descriptor: libsndfile takes the format from the content then, never from the name, and opens no other
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


def _checksum_complaints(file: FileIO, checksums: tuple[tuple[str, str], ...]) -> list[str]:
    found = []
    for algorithm, wanted in checksums:
        file.seek(0)
        actual = hashlib.file_digest(file, algorithm).hexdigest()
        if actual != wanted.lower():
            found.append(f"{algorithm} is {actual} instead of {printable(wanted)}")
    return found
