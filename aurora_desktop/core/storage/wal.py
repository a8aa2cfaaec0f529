"""Looks at the end of a write-ahead log for commits that SQLite no longer sees.

With `synchronous=FULL` each commit is on disk before the next one begins. So behind the last frame that
SQLite accepts there can be, after a power cut, the remains of one transaction at the most. Two commit frames
of the same generation there mean that something acknowledged was damaged since.
Layout: https://sqlite.org/fileformat2.html#the_write_ahead_log
"""

import struct
from pathlib import Path

_HEADER = struct.Struct(">8I")  # magic, version, page size, sequence, two salts, two checksums
_FRAME = struct.Struct(">6I")  # page number, size of the database after a commit or 0, two salts, two checksums
_MAGIC = 0x377F0682  # its lowest bit says that the checksums are big-endian


def lost_commits(path: Path, frames_seen: int) -> int:
    """Number of acknowledged commits behind the `frames_seen` frames that SQLite accepts; 0 for a sound log."""
    try:
        with path.open("rb") as file:
            content = file.read(_HEADER.size)
            if len(content) < _HEADER.size:
                return 0
            _, _, page_size, _, *salts, _, _ = _HEADER.unpack(content)
            if not _is_header_sound(content):
                return 1 if file.read(1) else 0
            commits = 0
            step = _FRAME.size + page_size
            file.seek(_HEADER.size + frames_seen * step)
            while len(frame := file.read(_FRAME.size)) == _FRAME.size:
                _, committed, *frame_salts, _, _ = _FRAME.unpack(frame)
                commits += bool(committed) and frame_salts == salts
                file.seek(page_size, 1)
            return commits if commits > 1 else 0
    except FileNotFoundError:
        return 0


def salts(path: Path) -> bytes:
    """What tells one generation of the log from the next: a log that is begun anew has others; b"" without one.

    Raises OSError.
    """
    try:
        with path.open("rb") as file:
            return file.read(_HEADER.size)[16:24]
    except FileNotFoundError:
        return b""


def _is_header_sound(header: bytes) -> bool:
    magic = _HEADER.unpack(header)[0]
    if magic & ~1 != _MAGIC:
        return False
    words = struct.unpack(">8I" if magic & 1 else "<8I", header)
    first = second = 0
    for even, odd in zip(words[0:6:2], words[1:6:2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return (first, second) == _HEADER.unpack(header)[6:8]
