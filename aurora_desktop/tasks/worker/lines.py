"""Cutting a stream of bytes into lines, in memory that one endless line cannot fill."""

MOST_LINE_BYTES = 1_000_000


class LineCutter:
    """Whole lines without their ends (`\\n` or `\\r\\n`); of a longer one the first `most` bytes."""

    def __init__(self, most: int = MOST_LINE_BYTES) -> None:
        self._most = most
        self._part = bytearray()
        self._skips = False
        self.cut_lines = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        first, *others = chunk.split(b"\n")
        found = self._add(first)
        if others:
            *whole, last = others
            found += self._end_of_line()
            found += [self._cut(line) for line in whole]
            found += self._add(last)
        return found

    def flush(self) -> list[bytes]:
        """What stands after the last end of a line, once there will be no more."""
        return self._end_of_line() if self._part or self._skips else []

    def _add(self, piece: bytes) -> list[bytes]:
        if self._skips:
            return []
        self._part += piece[: self._most + 1 - len(self._part)]
        if len(self._part) <= self._most:
            return []
        self._skips = True
        self.cut_lines += 1
        del self._part[self._most :]
        return [self._taken()]

    def _cut(self, line: bytes) -> bytes:
        if len(line) <= self._most:
            return line.removesuffix(b"\r")
        self.cut_lines += 1
        return line[: self._most]

    def _end_of_line(self) -> list[bytes]:
        if self._skips:
            self._skips = False
            return []
        return [self._taken().removesuffix(b"\r")]

    def _taken(self) -> bytes:
        line = bytes(self._part)
        self._part.clear()
        return line
