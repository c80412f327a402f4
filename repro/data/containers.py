"""How much audio a file's header promises.

libsndfile takes the number of frames from the file's size where a WAV has been cut, and stops without an error at the
last page that a cut Ogg still has, so that what is missing has to be found in the container itself.
"""

from __future__ import annotations

import os
import struct
from io import FileIO

UNCOMPRESSED = {1, 3, 6, 7, 0xFFFE}
"""Format tags of WAVs whose frames all have the same size: PCM, float, A-law, mu-law, extensible."""

OGG_HEADER = 27
OGG_LAST_PAGE = 4
"""Flag of a page that ends its stream."""


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
