"""Reads what an agent said, piece by piece: while it works, afterwards, and once it is compressed."""

import asyncio
import gzip
import zlib
from pathlib import Path
from typing import IO, cast

import msgspec
from msgspec.structs import replace

from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.view import Entry, Transcript

MOST_ENTRIES = 1000
MOST_BYTES = 1_000_000
"""Read at once, in about 10 ms; a single line may be so long too."""
_UNPACKING = (EOFError, zlib.error, gzip.BadGzipFile)

_decoder = msgspec.json.Decoder(Entry)


async def read(folder: TaskFolder, offset: int, limit: int, *, is_finished: bool) -> Transcript:
    """Entries from `offset` (in bytes, uncompressed) on: `limit` or MOST_ENTRIES, and MOST_BYTES at the most.

    A last line that is not whole waits for the next time, unless the task `is_finished`. What cannot be read is told
    as an entry of the kind `error`.
    """
    return await asyncio.to_thread(read_blocking, folder, offset, limit, is_finished=is_finished)


def read_blocking(folder: TaskFolder, offset: int, limit: int, *, is_finished: bool) -> Transcript:
    """The same, for who is in a thread already."""
    start, most = max(0, offset), max(1, min(limit, MOST_ENTRIES))
    before = 0  # bytes in the parts that were passed: a task that was done once more has two
    parts = [part for part in (packed(folder.transcript), folder.transcript) if part.exists()]
    for part in parts:
        try:
            with _opened(part) as file:
                page = _read(file, start - before, most)
                length = file.tell()
        except FileNotFoundError:
            continue  # compressed or removed a moment ago
        except (OSError, *_UNPACKING) as error:
            trouble = _trouble(f"the rest cannot be read: {getattr(error, 'strerror', None) or error}")
            return Transcript(entries=(trouble,), next_offset=start, is_over=is_finished)
        if page.entries or part == parts[-1]:
            is_over = page.is_over and is_finished and part == parts[-1]
            return replace(page, next_offset=page.next_offset + before, is_over=is_over)
        before += length
    return Transcript(entries=(), next_offset=start, is_over=is_finished)


def _opened(part: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(part, "rb")) if part.suffix == ".gz" else part.open("rb")


def packed(path: Path) -> Path:
    """Where the compressed form of a file of a task's folder lies."""
    return path.with_name(path.name + ".gz")


def _read(file: IO[bytes], start: int, most: int) -> Transcript:
    """One page of one part; `is_over`: there is no whole line behind it yet."""
    offset = file.seek(start)
    entries: list[Entry] = []
    while len(entries) < most and offset - start < MOST_BYTES:
        line = file.readline(MOST_BYTES)
        is_whole = line.endswith(b"\n")
        if not is_whole and len(line) < MOST_BYTES:
            return Transcript(entries=tuple(entries), next_offset=offset, is_over=True)
        entries.append(_entry(line) if is_whole else _too_long(file))
        offset = offset + len(line) if is_whole else file.tell()
    return Transcript(entries=tuple(entries), next_offset=offset, is_over=False)


def _too_long(file: IO[bytes]) -> Entry:
    """Pass over the rest of a line that no worker wrote like this."""
    while (rest := file.readline(MOST_BYTES)) and not rest.endswith(b"\n"):
        pass
    return _trouble(f"a line of more than {MOST_BYTES:,} bytes is left out")


def _entry(line: bytes) -> Entry:
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeError):
        return _trouble("a line of the transcript cannot be read")


def _trouble(text: str) -> Entry:
    return Entry(at=0.0, kind="error", text=text, failed=True)
