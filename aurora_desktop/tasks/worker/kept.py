"""A file that keeps the first and the newest half of what is written to it, in bounded space."""

import os
import threading
from pathlib import Path

_BLOCK = 1 << 20


class HeadAndTail:
    """At most `most` bytes of disk. What does not fit goes into two segments beside the file, the older of which is
    dropped when both are full; `close` puts what they hold at its end.

    From any thread. A disk that takes no more ends nothing: `trouble` says so once, and the bytes are counted as lost.
    """

    def __init__(self, path: Path, most: int) -> None:
        self.path = path
        self.total = 0
        self.kept = 0
        self.trouble = ""
        self._head_left = (most + 1) // 2
        self._segment_most = max(1, (most - self._head_left) // 2)
        self._older = path.with_name(path.name + ".tail-older")
        self._newer = path.with_name(path.name + ".tail-newer")
        self._lock = threading.Lock()
        self._in_segment = 0
        self._fd = self._opened(path)

    def write(self, data: bytes) -> None:
        with self._lock:
            self.total += len(data)
            rest = memoryview(data)
            while rest and self._fd >= 0:
                rest = rest[self._write_some(rest) :]

    def close(self) -> None:
        """Join the parts; without effect the second time."""
        with self._lock:
            self._close()
            segments = [part for part in (self._older, self._newer) if part.exists()]
            try:
                if segments:
                    self._join(segments)
            except OSError as error:
                self.trouble = self.trouble or str(error)
            self.kept = self.path.stat().st_size if self.path.exists() else 0

    @property
    def dropped(self) -> int:
        """Bytes that were written and are not in the file; right once it is closed."""
        return max(0, self.total - self.kept)

    def _write_some(self, data: memoryview) -> int:
        """How many bytes were dealt with; the file is closed when it takes no more."""
        try:
            if self._head_left:
                written = os.write(self._fd, data[: self._head_left])
                self._head_left -= written
                return written
            if not self._in_segment or self._in_segment >= self._segment_most:
                self._next_segment()
            written = os.write(self._fd, data[: self._segment_most - self._in_segment])
            self._in_segment += written
        except OSError as error:
            self.trouble = f"{self.path.name} cannot be written: {error.strerror or error}"
            self._close()
            return len(data)
        return written

    def _next_segment(self) -> None:
        self._close()
        if self._in_segment:
            self._newer.replace(self._older)
        self._in_segment = 0
        self._fd = self._opened(self._newer)

    def _join(self, segments: list[Path]) -> None:
        with open(self.path, "ab", buffering=0) as whole:
            for segment in segments:
                with open(segment, "rb", buffering=0) as part:
                    while block := part.read(_BLOCK):
                        whole.write(block)
                segment.unlink()

    def _opened(self, path: Path) -> int:
        try:
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
        except OSError as error:
            self.trouble = f"{path.name} cannot be made: {error.strerror or error}"
            return -1

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
