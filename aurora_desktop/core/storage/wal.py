"""Looks at the end of a write-ahead log for commits that SQLite no longer sees.

With `synchronous=FULL` each commit is on disk before the next one begins. So behind the last frame that
SQLite accepts there can be, after a power cut, the remains of one transaction at the most, or of several that failed
one over the other. Two commit frames of the same generation that follow on one another mean that something
acknowledged was damaged since.
Layout: https://sqlite.org/fileformat2.html#the_write_ahead_log
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

_HEADER = struct.Struct(">8I")  # magic, version, page size, sequence, two salts, two checksums
_FRAME = struct.Struct(">6I")  # page number, size of the database after a commit or 0, two salts, two checksums
_SUMS = struct.Struct(">2I")
_MAGIC = 0x377F0682  # its lowest bit says that the checksums are big-endian


def lost_commits(path: Path, frames_seen: int) -> int:
    """Number of acknowledged commits behind the `frames_seen` frames that SQLite accepts; 0 for a sound log."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER.size)
            if len(header) < _HEADER.size:
                return 0
            if not _is_header_sound(header):
                return 1 if file.read(1) else 0
            if sum(_commits(header, head) for head, _ in _frames(file, header, frames_seen, with_pages=False)) < 2:
                return 0
            commits = _most_in_a_row(header, _frames(file, header, frames_seen, with_pages=True))
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


def _frames(file: BinaryIO, header: bytes, first: int, *, with_pages: bool) -> Iterator[tuple[bytes, bytes]]:
    """Head and page of each frame from number `first` on, counted from 0; without `with_pages` the pages are b""."""
    page_size = _HEADER.unpack(header)[2]
    file.seek(_HEADER.size + first * (_FRAME.size + page_size))
    while len(head := file.read(_FRAME.size)) == _FRAME.size:
        yield head, file.read(page_size) if with_pages else b""
        if not with_pages:
            file.seek(page_size, 1)


def _commits(header: bytes, head: bytes) -> bool:
    """Whether a frame ends a transaction of this generation of the log."""
    committed, frame_salts = _FRAME.unpack(head)[1], head[8:16]
    return bool(committed) and frame_salts == header[16:24]


def _most_in_a_row(header: bytes, frames: Iterable[tuple[bytes, bytes]]) -> int:
    """Commits of frames that were written one after the other: each goes on with the checksum of the one before.

    What failing transactions left, each begun at the same place (a disk that is full as it syncs), lies there in
    pieces of one commit each.
    """
    most = commits = 0
    before: tuple[int, int] | None = None
    for head, page in frames:
        own = _SUMS.unpack(head[16:24])
        follows = before is not None and _checksum(header, head[:8] + page, before) == own
        commits = (commits if follows else 0) + _commits(header, head)
        most, before = max(most, commits), own
    return most


def _is_header_sound(header: bytes) -> bool:
    if _HEADER.unpack(header)[0] & ~1 != _MAGIC:
        return False
    return _checksum(header, header[:24], (0, 0)) == _SUMS.unpack(header[24:])


def _checksum(header: bytes, content: bytes, before: tuple[int, int]) -> tuple[int, int]:
    """Of whole pairs of words; what is left over, of a page that was cut off, makes it another one."""
    order = ">" if header[3] & 1 else "<"
    words = struct.unpack(f"{order}{len(content) // 8 * 2}I", content[: len(content) // 8 * 8])
    first, second = before
    for even, odd in zip(words[0::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
