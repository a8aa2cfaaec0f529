"""Keeps log files within their size: full ones become `name.log.1.gz`, `name.log.2.gz` and so on, newest first.

All functions block: call them in a thread. Archives have mode 0600. Of two that want the same log one waits: they would
write the same archive.
"""

import contextlib
import glob
import gzip
import os
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Concatenate, NamedTuple, ParamSpec, TypeVar

import msgspec

from aurora_desktop.core.storage.full_disk import is_full
from aurora_desktop.core.storage.tailing import read_from, tail

__all__ = ["Rotation", "archives", "compress_archives", "copy_truncate", "read_from", "rotate", "set_aside", "tail"]

COMPRESSION = 5
SETTLED_BYTES = 64 * 1024
MOST_PASSES = 8
MOST_IN_MEMORY_BYTES = 4 * 2**20
MOST_BACKLOG_BYTES = 64 * 2**20
"""Of a flood no more than its newest so much is kept, or 16 times the limit of the log if that is more: compressing
gigabytes takes so long that the log grows by more than that meanwhile."""


P = ParamSpec("P")
T = TypeVar("T")

_at_work: defaultdict[Path, threading.RLock] = defaultdict(threading.RLock)


def _one_at_a_time(work: "Callable[Concatenate[Path, P], T]") -> "Callable[Concatenate[Path, P], T]":
    """The keeper of the logs and a clean-up may come to the same log at once, each in a thread."""

    @wraps(work)
    def alone(path: Path, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with _at_work[path]:
            return work(path, *args, **kwargs)

    return alone


class Rotation(msgspec.Struct, frozen=True):
    """What became of a log: its archive (None when none is kept), and bytes that found no place on the disk."""

    archive: Path | None
    archived_bytes: int
    dropped_bytes: int = 0
    detail: str = ""


@_one_at_a_time
def rotate(path: Path, keep: int) -> Rotation:
    """Turn a file that nobody but us holds open into the newest of `keep` archives. Raises OSError.

    When the disk has no room to compress, the archive stays as it is (`name.log.1`) until the next rotation.
    """
    size = path.stat().st_size
    if not keep:
        _shift(path, keep)
        path.unlink()
        return Rotation(None, 0)
    plain = set_aside(path, keep)
    compress_archives(path, keep)
    archive = _packed(plain)
    return Rotation(archive if archive.exists() else plain, size)


def set_aside(path: Path, keep: int) -> Path:
    """The quick half of `rotate`, by renaming alone; `keep` is 1 or more. Raises OSError."""
    _shift(path, keep)
    plain = _slot(path, 1)
    path.rename(plain)
    return plain


@_one_at_a_time
def compress_archives(path: Path, keep: int) -> None:
    """The slow half of `rotate`; what finds no room is tried again the next time."""
    for number in range(1, keep + 1):
        with contextlib.suppress(OSError):  # most are not there
            _compress(_slot(path, number))


def archives(path: Path) -> list[Path]:
    """The archives of a log, oldest first; of one that is there both ways (a crash) the plain one, which is whole."""
    found = []
    for number in sorted(_numbers(path), reverse=True):
        plain = _slot(path, number)
        found.append(plain if plain.exists() else _packed(plain))
    return found


@_one_at_a_time
def copy_truncate(path: Path, max_bytes: int, keep: int) -> Rotation | None:
    """Archive and empty a log that a child holds open for appending; None while it is within `max_bytes`.

    What the child writes between our last look at the size and the truncation right after it (microseconds)
    is lost. A child that writes faster than we compress loses what is older than the newest MOST_BACKLOG_BYTES, and
    what exceeds MOST_IN_MEMORY_BYTES in the last pass; that is told in `dropped_bytes`. Without room on the disk
    the oldest archives go first, then the content itself. Raises OSError for other troubles; then the log is as it
    was.
    """
    size = path.stat().st_size
    if size <= max_bytes:
        return None
    if not keep:
        _shift(path, 0)
        os.truncate(path, 0)
        return Rotation(None, 0)
    fresh = path.with_name(path.name + ".gz.part")
    with FileIO(path, "r+") as log:
        most = max(MOST_BACKLOG_BYTES, 16 * max_bytes)
        while (copied := _copied(log, fresh, most)) is None:
            if not _drop_oldest(path):
                return _give_up(log)
        _shift(path, keep)
        archive = _packed(_slot(path, 1))
        fresh.replace(archive)  # before the truncation: a crash in between leaves it twice, never not at all
        return _finish(log, archive, copied)


class _Span(NamedTuple):
    """The part of a log that was copied, as offsets in bytes."""

    start: int
    end: int


def _copied(log: FileIO, fresh: Path, most: int) -> _Span | None:
    """Compress the log up to its end, its newest `most` bytes; what was copied, or None when the disk is full."""
    try:
        with _create(fresh) as file:
            with gzip.GzipFile("", "wb", COMPRESSION, file) as packer:
                copied = _chase(log, packer, most)
            file.flush()
            os.fsync(file.fileno())
            return copied
    except OSError as error:
        fresh.unlink(missing_ok=True)
        if not is_full(error):
            raise
        return None


def _chase(log: FileIO, packer: gzip.GzipFile, most: int) -> _Span:
    """Copy until what was written meanwhile is little; a writer that is faster than us is not chased."""
    start = end = max(0, os.fstat(log.fileno()).st_size - most)
    before = None
    for _ in range(MOST_PASSES):
        rest = os.fstat(log.fileno()).st_size - end
        if before is not None and (rest <= SETTLED_BYTES or rest >= before):
            break
        log.seek(end)
        end += _copy(log, packer, rest)
        before = rest
    return _Span(start, end)


def _copy(source: FileIO, target: gzip.GzipFile, most: int) -> int:
    left = most
    while left > 0 and (block := source.read(min(left, 2**20))):
        target.write(block)
        left -= len(block)
    return most - left


def _finish(log: FileIO, archive: Path, copied: _Span) -> Rotation:
    rest = _rest(log, copied.end)
    size = os.fstat(log.fileno()).st_size
    log.truncate(0)
    kept = copied.end - copied.start
    dropped = copied.start + max(0, size - copied.end - len(rest))
    detail = "it was written faster than it could be copied" if dropped else ""
    if rest and (error := _append(archive, rest)):
        return Rotation(archive, kept, dropped + len(rest), f"no room on the disk to keep a copy: {error}")
    return Rotation(archive, kept + len(rest), dropped, detail)


def _rest(log: FileIO, start: int) -> bytes:
    log.seek(start)
    rest = bytearray()
    while len(rest) < MOST_IN_MEMORY_BYTES and (block := log.read(min(2**20, MOST_IN_MEMORY_BYTES - len(rest)))):
        rest += block
    return bytes(rest)


def _append(archive: Path, rest: bytes) -> OSError | None:
    """Add a second member to the archive; gzip files may be concatenated."""
    before = archive.stat().st_size
    try:
        with archive.open("ab") as file:
            file.write(gzip.compress(rest, COMPRESSION))
    except OSError as error:
        os.truncate(archive, before)
        return error
    return None


def _give_up(log: FileIO) -> Rotation:
    size = os.fstat(log.fileno()).st_size
    log.truncate(0)
    return Rotation(None, 0, size, "no room on the disk to keep a copy")


def _shift(path: Path, keep: int) -> None:
    """Free the first slot: each archive moves on by one, those beyond `keep` are removed."""
    for number in sorted(_numbers(path), reverse=True):
        for name in (_slot, _packed_slot):
            archive = name(path, number)
            if not archive.exists():
                continue
            if number >= keep:
                archive.unlink()
            else:
                archive.replace(name(path, number + 1))


def _drop_oldest(path: Path) -> bool:
    numbers = _numbers(path)
    if not numbers:
        return False
    for name in (_slot, _packed_slot):
        name(path, max(numbers)).unlink(missing_ok=True)
    return True


def _numbers(path: Path) -> set[int]:
    found = set()
    for entry in path.parent.glob(glob.escape(path.name) + ".*"):
        number = entry.name.removeprefix(path.name + ".").removesuffix(".gz")
        if number.isascii() and number.isdigit() and int(number):
            found.add(int(number))
    return found


def _slot(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _packed_slot(path: Path, number: int) -> Path:
    return _packed(_slot(path, number))


def _packed(plain: Path) -> Path:
    return plain.with_name(plain.name + ".gz")


def _compress(plain: Path) -> None:
    part = plain.with_name(plain.name + ".gz.part")
    try:
        with plain.open("rb") as source, _create(part) as file:
            with gzip.GzipFile("", "wb", COMPRESSION, file) as packer:
                shutil.copyfileobj(source, packer, 2**20)
            file.flush()
            os.fsync(file.fileno())
        part.replace(_packed(plain))
        plain.unlink()
    finally:
        part.unlink(missing_ok=True)


def _create(path: Path) -> BinaryIO:
    """A new file for writing that only this user can read."""
    path.unlink(missing_ok=True)
    return open(path, "xb", opener=_private)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
