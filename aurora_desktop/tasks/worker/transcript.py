"""The readable stream of a task: what was observed, as one `Entry` per line of `transcript.jsonl`."""

import os
from pathlib import Path
from typing import Literal

import msgspec

from aurora_desktop.tasks.adapters.adapter import (
    Asks,
    Observation,
    Odd,
    ProviderRetry,
    Said,
    ToolEnded,
    ToolStarted,
)
from aurora_desktop.tasks.view import Entry

MOST_BYTES = 20_000_000
"""Of one task, all attempts together."""
MOST_ENTRY_BYTES = 65_536
_END_BYTES = 100_000
"""Kept free for what is told at the end: how it ended, and what was left out."""
_CUT = " […]"


def entries(seen: Observation, at: float) -> list[Entry]:
    """What a transcript says of an observation: nothing of pieces, of bookkeeping and of odd lines."""
    match seen:
        case Said(text=text, kind=kind, partial=False):
            return [Entry(at=at, kind=kind, text=text)] if text.strip() else []
        case ToolStarted():
            started = Entry(at=at, kind="tool", text=seen.summary or seen.tool, tool=seen.tool, detail=seen.detail)
            diff = Entry(at=at, kind="diff", text=seen.summary or seen.tool, tool=seen.tool, detail=seen.diff)
            return [started, diff] if seen.diff else [started]
        case ToolEnded():
            return [Entry(at=at, kind="tool_result", text=seen.output, failed=seen.failed)]
        case ProviderRetry():
            return [Entry(at=at, kind="retry", text=_retry_in_words(seen))]
        case Asks():
            return [Entry(at=at, kind="asks", text=seen.summary, tool=seen.tool, detail=seen.detail)]
        case _:
            return []


def odd_entry(seen: Odd, line: bytes, at: float) -> Entry:
    """A line that was not understood: kept, and not fatal."""
    what = f"an unknown event `{seen.type}`" if seen.type else "a line that is no event"
    detail = line[:MOST_ENTRY_BYTES].decode("utf-8", "replace")
    return Entry(at=at, kind="note", text=f"{what}: {seen.reason}", detail=detail)


def _retry_in_words(seen: ProviderRetry) -> str:
    status = f", HTTP {seen.status}" if seen.status is not None else ""
    detail = f": {seen.detail}" if seen.detail else ""
    return f"the provider is asked again ({seen.attempt} of {seen.most_attempts}{status}){detail}"


def encoded(entry: Entry) -> bytes:
    """The line of an entry, its texts cut until it has at most MOST_ENTRY_BYTES."""
    room = MOST_ENTRY_BYTES // 2
    line = msgspec.json.encode(entry) + b"\n"
    while len(line) > MOST_ENTRY_BYTES:
        # A control character is six bytes in JSON: what was cut may still be too long.
        cut = msgspec.structs.replace(entry, text=_cut(entry.text, room), detail=_cut(entry.detail, room))
        line = msgspec.json.encode(cut) + b"\n"
        room //= 2
    return line


def _cut(text: str, room: int) -> str:
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= room else raw[:room].decode("utf-8", "ignore") + _CUT


class Transcript:
    """Appends to the file; once it is full a note says so, and only what is told at the end is added."""

    def __init__(self, path: Path) -> None:
        self._fd = _open_for_append(path)
        self._size = os.lseek(self._fd, 0, os.SEEK_END) if self._fd >= 0 else 0
        self._is_full = self._size >= MOST_BYTES - _END_BYTES
        self._pending: list[bytes] = []
        self._is_torn = False

    def add(self, entry: Entry) -> None:
        if self._is_full:
            return
        self._take(encoded(entry))
        if self._size >= MOST_BYTES - _END_BYTES - MOST_ENTRY_BYTES:
            note = "what follows is not shown here: there is more than 20 MB of it"
            self._take(encoded(Entry(at=entry.at, kind="note", text=note)))
            self._is_full = True

    def add_last(self, entry: Entry) -> None:
        """One of the few entries of the end, for which there is always room."""
        if self._size < MOST_BYTES:
            self._take(encoded(entry))

    def flush(self) -> None:
        """Write what was added; one line is never written in two pieces by us. A disk that takes none loses it."""
        data, self._pending = b"".join(self._pending), []
        if data and self._fd >= 0:
            data = b"\n" + data if self._is_torn else data
            try:
                self._is_torn = os.write(self._fd, data) < len(data)
            except OSError:  # a full disk: nothing of it was written
                return

    def close(self) -> None:
        self.flush()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _take(self, line: bytes) -> None:
        self._pending.append(line)
        self._size += len(line)


def _open_for_append(path: Path) -> int:
    """A torn last line, of a worker that was killed, is ended first; -1 when the file cannot be opened."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
        if os.lseek(fd, 0, os.SEEK_END) > 0:
            os.lseek(fd, -1, os.SEEK_END)
            if os.read(fd, 1) != b"\n":
                os.write(fd, b"\n")
    except OSError:
        return -1
    return fd


class Printed:
    """Turns plain output into few entries: at most one in EVERY_S, with the newest of what came since the last."""

    EVERY_S = 0.25
    MOST_BYTES = 16_384

    def __init__(self, kind: Literal["message", "note"] = "message", tool: str = "") -> None:
        self._kind = kind
        self._tool = tool
        self._text = bytearray()
        self._left_out = 0
        self._last_at = float("-inf")

    def add(self, data: bytes) -> None:
        self._text += data[-self.MOST_BYTES :]
        excess = len(self._text) - self.MOST_BYTES
        self._left_out += len(data) - min(len(data), self.MOST_BYTES) + max(0, excess)
        if excess > 0:
            del self._text[:excess]

    def due_at(self) -> float | None:
        """When `take` has something (monotonic); None while there is no whole line."""
        has_some = b"\n" in self._text or len(self._text) >= self.MOST_BYTES
        return self._last_at + self.EVERY_S if has_some else None

    def take(self, now: float, at: float, *, is_last: bool = False) -> list[Entry]:
        """Whole lines, unless it is the end or a line is longer than an entry."""
        if not self._text or (not is_last and now < self._last_at + self.EVERY_S):
            return []
        end = self._text.rfind(b"\n") + 1
        if is_last or (not end and len(self._text) >= self.MOST_BYTES):
            end = len(self._text)
        self._last_at = now
        text = self._text[:end].decode("utf-8", "replace").rstrip("\n")
        del self._text[:end]
        left_out, self._left_out = self._left_out, 0
        return self._entry(text, left_out, at) if text or left_out else []

    def _entry(self, text: str, left_out: int, at: float) -> list[Entry]:
        shown = f"[{left_out:,} bytes are in the whole output]\n{text}" if left_out else text
        return [Entry(at=at, kind=self._kind, text=shown, tool=self._tool)]
