"""Reads an audit log from end to end and names the first record that is not as it was written."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from aurora_desktop.input.audit.anchor import Anchored
from aurora_desktop.input.audit.chain import START, Head, Link, is_torn, link_of
from aurora_desktop.input.audit.files import lines

Kind = Literal["edited", "deleted", "reordered", "inserted", "cut_tail", "missing_file", "unreadable"]


TROUBLES = frozenset({"log_altered", "log_missing", "tail_repaired", "anchor_lost"})
MOST_NOTES = 100


class _Telling(Struct):
    event: object = None
    detail: object = ""


_telling = msgspec.json.Decoder(_Telling)


class Finding(Struct, frozen=True):
    """The first bad place: `line` counts from 1, `seq` is the number of the record that should be there."""

    kind: Kind
    file: str
    line: int
    seq: int | None
    detail: str


class Verdict(Struct, frozen=True, kw_only=True):
    """`finding` is None for a log that is as it was written; `more`: bad places after the first one.

    `notes`: what is no tampering, but worth knowing. `first_seq`, `last_seq`: of the records that are there.
    """

    finding: Finding | None = None
    more: int = 0
    records: int = 0
    first_seq: int | None = None
    last_seq: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        return self.finding is None

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        if self.finding is None:
            span = f", {self.first_seq} to {self.last_seq}" if self.records else ""
            count = f"{self.records} record{'' if self.records == 1 else 's'}"
            return f"the audit log is as it was written: {count}{span}"
        bad = self.finding
        place = f"{bad.file}, line {bad.line}" if bad.line else bad.file
        record = f", record {bad.seq}" if bad.seq is not None else ""
        return f"the audit log was changed: {bad.kind.replace('_', ' ')} at {place}{record}: {bad.detail}"


def verify(paths: Sequence[Path], anchor: Anchored | None) -> Verdict:
    """Check the files, given oldest first, against each other and the anchor. Blocks; memory stays constant."""
    walk = Walk(anchor)
    for path in paths:
        walk.enter(path.name)
        try:
            for line in lines(path):
                walk.feed(line)
        except OSError as error:
            walk.cannot_read(error.strerror or str(error))
    return walk.verdict()


class _Doubt(Struct, frozen=True):
    """The first of some lines that are no sound records: what it is depends on what follows."""

    file: str
    line: int
    torn: bool


class Walk:
    """Follows the chain from line to line; after a bad place it goes on from the next sound record."""

    def __init__(self, anchor: Anchored | None) -> None:
        self._anchor = anchor
        self._head: Head | None = None
        self._finding: Finding | None = None
        self._more = 0
        self._gap = range(0)
        self._doubt: _Doubt | None = None
        self._records = 0
        self._first_seq: int | None = None
        self._notes: list[str] = []
        self._file = ""
        self._line = 0
        self._head_at = ("", 0)

    def enter(self, file: str) -> None:
        """The lines that follow are of this file."""
        self._file, self._line = file, 0

    def feed(self, line: bytes) -> None:
        """The next line, newline included."""
        self._line += 1
        link = link_of(line)
        if link is None:
            self._doubt = self._doubt or _Doubt(self._file, self._line, is_torn(line))
            return
        if b'"event":"' in line:
            self._note(line, link)
        if not self._settle(link):
            self._place(link)

    def cannot_read(self, why: str) -> None:
        """The rest of this file is out of reach."""
        self._find("unreadable", self._file, self._line, None, why)

    def verdict(self) -> Verdict:
        """After the last line."""
        self._settle_end()
        if self._anchor is None:
            self._notes.append("there is no anchor: a tail that was cut off cannot be noticed")
        else:
            self._compare_end(self._anchor)
        return Verdict(
            finding=self._finding,
            more=self._more,
            records=self._records,
            first_seq=self._first_seq,
            last_seq=self._head.seq if self._head else None,
            notes=tuple(self._notes),
        )

    def _note(self, line: bytes, link: Link) -> None:
        """What the log tells of itself: that it was changed, gone, torn, or lost its anchor."""
        try:
            told = _telling.decode(line)
        except (msgspec.DecodeError, UnicodeError):  # a forger's: his hash may be right and his text no text
            return
        if isinstance(told.event, str) and told.event in TROUBLES and len(self._notes) < MOST_NOTES:
            self._notes.append(f"record {link.seq}: {told.detail}")

    def _settle(self, link: Link) -> bool:
        """Whether doubtful lines before this one stood in for records, which is told, and it is the next one then."""
        if (doubt := self._doubt) is None:
            return False
        self._doubt = None
        if link.follows(self._head or START):
            self._find("inserted", doubt.file, doubt.line, None, "what stands here between two records is none")
            return False
        expected = self._expected()
        self._find("edited", doubt.file, doubt.line, expected, "this line is not as it was written")
        if expected is not None and link.seq <= expected:
            return False
        self._accept(link)
        return True

    def _place(self, link: Link) -> None:
        head = self._head
        expected = self._expected()
        if expected is not None and link.seq > expected:
            self._find_gap(expected, link)
        elif head and link.seq <= head.seq:
            self._find_repeated(link)
            return
        elif head and link.prev != head.hash:
            detail = f"the hash that record {link.seq} holds of it is another"
            self._find("edited", *self._head_at, head.seq, detail)
        self._accept(link)

    def _accept(self, link: Link) -> None:
        self._head, self._head_at = link.head, (self._file, self._line)
        self._records += 1
        if self._first_seq is None:
            self._first_seq = link.seq
        anchor = self._anchor
        if anchor and link.seq == anchor.seq and link.hash != anchor.hash:
            self._find("edited", self._file, self._line, link.seq, "it is not the record that was anchored")

    def _expected(self) -> int | None:
        """The number that comes next; of the first record only the highest that it may have is known."""
        if self._head:
            return self._head.seq + 1
        return self._anchor.first_seq if self._anchor else None

    def _find_gap(self, expected: int, link: Link) -> None:
        kind: Kind = "missing_file" if self._line == 1 else "deleted"
        span = f"record {expected} is" if link.seq == expected + 1 else f"records {expected} to {link.seq - 1} are"
        if self._finding is None:
            self._gap = range(expected, link.seq)
        self._find(kind, self._file, self._line, expected, f"{span} missing before this line")

    def _find_repeated(self, link: Link) -> None:
        """A number that was passed already: moved here from the gap that was found, or put in."""
        if self._finding and link.seq in self._gap:
            first = self._finding
            detail = f"record {link.seq} stands in line {self._line} of {self._file}"
            self._finding = Finding("reordered", first.file, first.line, first.seq, detail)
            self._gap = range(0)
        else:
            detail = f"the number {link.seq} was there before"
            self._find("inserted", self._file, self._line, link.seq, detail)

    def _settle_end(self) -> None:
        """Doubtful lines at the end: unfinished writes, if all that was anchored is there."""
        if (doubt := self._doubt) is None:
            return
        is_whole = self._anchor is None or (self._head.seq if self._head else 0) >= self._anchor.seq
        if doubt.torn and is_whole and doubt.file == self._file:
            self._notes.append(f"the end of {doubt.file} was torn in line {doubt.line}, behind what was anchored")
        else:
            seq = self._expected()
            self._find("edited", doubt.file, doubt.line, seq, "this line is not as it was written")

    def _compare_end(self, anchor: Anchored) -> None:
        last = self._head.seq if self._head else 0
        if last >= anchor.seq:
            return
        file, line = self._head_at
        if not self._records:
            self._find("missing_file", self._file or "the log", 0, anchor.first_seq, f"{anchor.seq} records were there")
        else:
            self._find(
                "cut_tail", file, line, last + 1, f"records {last + 1} to {anchor.seq} were there after this line"
            )

    def _find(self, kind: Kind, file: str, line: int, seq: int | None, detail: str) -> None:
        if self._finding is None:
            self._finding = Finding(kind, file, line, seq, detail)
        else:
            self._more += 1
