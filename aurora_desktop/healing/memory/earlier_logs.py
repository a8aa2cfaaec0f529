"""Reads the logs of the earlier systems as far as they can be read: torn lines, odd encodings, arrays or lines."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aurora_desktop.core.errors import AuroraError

MAX_FILE_BYTES = 512 * 2**20
MAX_WHOLE_BYTES = 32 * 2**20
"""A file that is one JSON value has to be held whole."""
MAX_LINE = 16 * 1024

TORN = "is no JSON: torn or foreign"
TOO_LONG = "is longer than 16 KiB"


class EarlierLog:
    """The records of one file; `skipped` counts what could not be read by its reason, once they were gone through."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.skipped: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Any]:
        """Raises AuroraError for a file that cannot be read at all."""
        try:
            size = self.path.stat().st_size
            if not self.path.is_file() or size > MAX_FILE_BYTES:
                raise _unreadable(self.path, "it is no file" if size <= MAX_FILE_BYTES else "it is larger than 512 MiB")
            whole = self._whole(size)
            yield from [whole] if whole is not None else self._lines()
        except OSError as error:
            raise _unreadable(self.path, error.strerror or str(error)) from error

    def _whole(self, size: int) -> Any:
        """The JSON value that the file is; None when it is a file of lines."""
        if size > MAX_WHOLE_BYTES:
            return None
        try:
            value = json.loads(decoded(self.path.read_bytes()))
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict | list) else None

    def _lines(self) -> Iterator[Any]:
        with self.path.open("rb") as file:
            wide = file.read(2) in (b"\xff\xfe", b"\xfe\xff")
            file.seek(0)
            lines = decoded(file.read(MAX_WHOLE_BYTES)).encode().splitlines() if wide else file
            for line in lines:
                if text := decoded(line).strip():
                    yield from self._record(text)

    def _record(self, text: str) -> Iterator[Any]:
        if len(text) > MAX_LINE:
            self.skipped[TOO_LONG] += 1
            return
        try:
            yield json.loads(text)
        except (ValueError, RecursionError):
            self.skipped[TORN] += 1


def decoded(raw: bytes) -> str:
    """UTF-8 with or without its mark, UTF-16 with it, else what Windows used to write."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _unreadable(path: Path, why: str) -> AuroraError:
    return AuroraError("The log cannot be imported", f"{path}: {why}", "Name a log of an earlier system, as JSON lines")
