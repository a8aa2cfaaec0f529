"""Reads the logs of the earlier systems as far as they can be read: torn lines, odd encodings, arrays or lines."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.memory.importing import COMPONENT, TIME

MAX_FILE_BYTES = 512 * 2**20
MAX_WHOLE_BYTES = 32 * 2**20
"""A file that is one JSON value has to be held whole."""
MAX_LINE = 16 * 1024

MAX_DEPTH = 4
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_CONTAINER_WORDS = "history healing_history healing_applied actions recent_actions records events fixes failures items"
_CONTAINERS = frozenset(_CONTAINER_WORDS.split())

TORN = "is no JSON: torn or foreign"
TOO_LONG = "is longer than 16 KiB"


class EarlierLog:
    """The records of one file, each as a line of JSON.

    `skipped` counts what could not be read by its reason, once all of them were gone through.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.skipped: Counter[str] = Counter()

    def __iter__(self) -> Iterator[str]:
        """Raises AuroraError for a file that cannot be read at all."""
        try:
            size = self.path.stat().st_size
            if not self.path.is_file() or size > MAX_FILE_BYTES:
                raise _unreadable(self.path, "it is no file" if size <= MAX_FILE_BYTES else "it is larger than 512 MiB")
            whole = self._whole(size)
            for value in self._lines() if whole is None else (whole,):
                yield from self._records(value)
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
        """The values of the lines that have one."""
        with self.path.open("rb") as file:
            wide = file.read(2) in _WIDE
            file.seek(0)
            lines = decoded(file.read(MAX_WHOLE_BYTES)).encode().splitlines() if wide else file
            for line in lines:
                if text := decoded(line).strip():
                    yield from self._value(text)

    def _value(self, text: str) -> Iterator[Any]:
        try:
            yield json.loads(text)
        except (ValueError, RecursionError):
            self.skipped[TORN] += 1

    def _records(self, value: Any) -> Iterator[str]:
        for record in unpacked(value):
            line = json.dumps(record)
            if len(line) > MAX_LINE:
                self.skipped[TOO_LONG] += 1
            else:
                yield line


# --- what holds records -------------------------------------------------------------------------------------------


def unpacked(value: object, beside: Mapping[str, Any] | None = None, depth: int = 0) -> Iterator[object]:
    """The records in a value: itself, or those in its lists, with what stands beside them (`agent_id`).

    `{"history": [...]}`, `{"Agent-1": [...]}` and `{"agent_id": ..., "healing_applied": [...]}` are all in use.
    """
    if isinstance(value, list) and depth < MAX_DEPTH:
        for item in value:
            yield from unpacked(item, beside, depth + 1)
    elif isinstance(value, dict):
        yield from _of_object(value, beside or {}, depth)
    else:
        yield value


def _of_object(value: dict[str, Any], beside: Mapping[str, Any], depth: int) -> Iterator[object]:
    lists = _lists(value) if depth < MAX_DEPTH else []
    shared = {**beside, **{name: item for name, item in value.items() if name in COMPONENT}}
    for name, items in lists:
        owner = shared or ({} if name.lower() in _CONTAINERS else {"agent_id": name})
        yield from unpacked(items, owner, depth + 1)
    if not lists:
        yield {**beside, **value}


def _lists(value: Mapping[str, Any]) -> list[tuple[str, list[Any]]]:
    """Its lists of objects, unless it is a record itself."""
    if any(name in value for name in TIME) and not any(name in value for name in _CONTAINERS):
        return []
    lists = [(str(name), item) for name, item in value.items() if isinstance(item, list)]
    return [(name, items) for name, items in lists if any(isinstance(item, dict) for item in items)]


# ------------------------------------------------------------------------------------------------------------------


def decoded(raw: bytes) -> str:
    """UTF-8 with or without its mark, UTF-16 with it, else what Windows used to write."""
    if raw[:2] in _WIDE:
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _unreadable(path: Path, why: str) -> AuroraError:
    return AuroraError("The log cannot be imported", f"{path}: {why}", "Name a log of an earlier system, as JSON lines")
