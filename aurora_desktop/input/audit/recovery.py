"""Finds the place to write on in an audit log: after a quit, a crash, a power cut, or somebody else's hand."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from aurora_desktop.core.storage.rotation import archives
from aurora_desktop.input.audit.anchor import Anchored
from aurora_desktop.input.audit.chain import START, Head, is_torn, link_of
from aurora_desktop.input.audit.files import lines


class Note(Struct, frozen=True):
    """Something found that the log itself is to tell, as the event record `event`; `altered`: it was no accident."""

    event: str
    detail: str
    altered: bool = False
    fields: dict[str, Any] = {}


class Recovered(Struct, frozen=True):
    """The next record follows `head`; the file, if there is one, ends with a whole line."""

    head: Head
    notes: tuple[Note, ...] = ()


class _Scan(Struct):
    """How far the chain holds: up to `head`, whose line ends at byte `end` of the log; then comes `broken`, if any."""

    head: Head
    end: int
    lacks_newline: bool = False
    broken: bytes | None = None


def recover(path: Path, base: Anchored | None) -> Recovered:
    """Look at what was written after `base`, mend a torn end, and say from where to go on. Blocks; raises OSError.

    `base` is what must be there: the anchor at the start, what was acknowledged later on.
    """
    if base is None:
        return _without_anchor(path)
    if _is_at(path, base):
        scan = _follow(path, base.head, base.size)
    elif (rotated := _follow_archive(path, base)) is not None:
        scan = _follow(path, rotated, 0)
    else:
        return _altered(path, base)
    return _mended(path, base, scan)


def _is_at(path: Path, base: Anchored) -> bool:
    """Whether the line that ends at `base.size` is the record of `base`; a log that begins after it ends at 0."""
    if not base.size:
        return True
    end = 0
    try:
        for line in lines(path):
            end += len(line)
            if end >= base.size:
                link = link_of(line)
                return end == base.size and link is not None and link.head == base.head
    except FileNotFoundError:
        return False
    return False


def _follow_archive(path: Path, base: Anchored) -> Head | None:
    """The last record of the newest archive, if `base` is in there and the chain holds: a crash during a rotation."""
    for newest in archives(path)[-1:]:
        if _is_at(newest, base):
            scan = _follow(newest, base.head, base.size)
            return scan.head if scan.broken is None and not scan.lacks_newline else None
    return None


def _follow(path: Path, head: Head, start: int) -> _Scan:
    """The chain in one file from byte `start` on."""
    scan = _Scan(head, start)
    for line in _lines_behind(path, start):
        whole = line if line.endswith(b"\n") else line + b"\n"
        link = link_of(whole)
        if link is None or not link.follows(scan.head):
            scan.broken = line
            break
        scan.head, scan.lacks_newline = link.head, whole is not line
        scan.end += len(line)
    return scan


def _lines_behind(path: Path, start: int) -> Iterator[bytes]:
    if not os.path.lexists(path):
        return
    end = 0
    for line in lines(path):
        if end >= start:
            yield line
        end += len(line)


def _mended(path: Path, base: Anchored, scan: _Scan) -> Recovered:
    if scan.lacks_newline:
        _append(path, b"\n")
    if scan.broken is None:
        return Recovered(scan.head)
    if not is_torn(scan.broken):
        return _altered(path, base)
    torn_bytes = _set_aside(path, scan.end)
    detail = f"{torn_bytes} bytes of an unfinished write were moved to {_torn(path).name}"
    return Recovered(scan.head, (Note("tail_repaired", detail, fields={"torn_bytes": torn_bytes}),))


def _altered(path: Path, base: Anchored) -> Recovered:
    """Go on behind everything that is there, linked to what is known to be ours."""
    fields = {"expected_seq": base.seq, "expected_hash": base.hash}
    if not os.path.lexists(path):
        detail = f"the audit log is gone, with records up to {base.seq}"
        return Recovered(base.head, (Note("log_missing", detail, altered=True, fields=fields),))
    _end_line(path)
    highest = max([base.seq, *_numbers(lines(path))])
    detail = f"record {base.seq} is not where it was written: the audit log was changed"
    note = Note("log_altered", detail, altered=True, fields=fields)
    return Recovered(Head(highest, base.hash), (note,))


def _without_anchor(path: Path) -> Recovered:
    """The chain of the log itself is all there is to go by."""
    head = START
    for file in (*archives(path)[-1:], *([path] if os.path.lexists(path) else [])):
        for line in lines(file):
            if (link := link_of(line)) is not None:
                head = link.head
    if os.path.lexists(path):
        _end_line(path)
    if head == START:
        return Recovered(head)
    return Recovered(head, (Note("anchor_lost", f"there is no anchor for the log that ends with record {head.seq}"),))


def _numbers(found: Iterable[bytes]) -> Iterator[int]:
    return (link.seq for line in found if (link := link_of(line)) is not None)


def _end_line(path: Path) -> None:
    with path.open("rb") as file:
        if not file.seek(0, 2):
            return
        file.seek(-1, 2)
        is_ended = file.read(1) == b"\n"
    if not is_ended:
        _append(path, b"\n")


def _append(path: Path, content: bytes) -> None:
    with open(path, "ab", buffering=0) as file:
        file.write(content)


def _set_aside(path: Path, start: int) -> int:
    """Move what comes after byte `start` to the end of `<name>.torn`; the number of bytes."""
    with open(path, "r+b", buffering=0) as file, open(_torn(path), "ab", opener=_private) as torn:
        file.seek(start)
        moved = 0
        while block := file.read(2**20):
            torn.write(block)
            moved += len(block)
        torn.write(b"\n")
        torn.flush()
        os.fsync(torn.fileno())
        file.truncate(start)
        return moved


def _torn(path: Path) -> Path:
    return path.with_name(path.name + ".torn")


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
