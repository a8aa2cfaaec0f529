"""Reads the audit log beside an Aurora that may be writing it."""

from collections import deque
from pathlib import Path
from typing import Any

import msgspec

from aurora_desktop.core.paths import StatePaths
from aurora_desktop.input.audit.anchor import read_anchor
from aurora_desktop.input.audit.files import lines, log_files
from aurora_desktop.input.audit.verify import Verdict, verify

MOST_TRIES = 3
_decoder = msgspec.json.Decoder(dict[str, Any])


def verify_log(paths: StatePaths) -> Verdict:
    """The verdict over all files. Blocks, about a second for each 50 MB; raises AuditError.

    A rotation in the middle shows the same records twice or not at all, so a bad verdict over files that were renamed
    meanwhile is not taken for one.
    """
    for _ in range(MOST_TRIES - 1):
        before = _shape(paths.input_log)
        verdict = _verify_once(paths)
        if verdict.is_good or before == _shape(paths.input_log):
            return verdict
    return _verify_once(paths)


def last_records(log: Path, limit: int) -> list[dict[str, Any]]:
    """The last records, oldest first; lines that are no records are left out. Raises OSError."""
    found: deque[dict[str, Any]] = deque(maxlen=limit)
    for file in reversed(log_files(log)):
        older = deque(_records(file), maxlen=limit - len(found))
        found.extendleft(reversed(older))
        if len(found) == limit:
            break
    return list(found)


def _verify_once(paths: StatePaths) -> Verdict:
    anchor = read_anchor(paths.state_db)  # first: the log is never behind it
    return verify(log_files(paths.input_log), anchor)


def _shape(log: Path) -> list[tuple[str, int]]:
    """The files and which they are; it changes with each rotation."""
    found = []
    for file in log_files(log):
        try:
            found.append((file.name, file.stat().st_ino))
        except OSError:
            found.append((file.name, 0))
    return found


def _records(file: Path) -> Any:
    for line in lines(file):
        try:
            yield _decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeError):
            continue
