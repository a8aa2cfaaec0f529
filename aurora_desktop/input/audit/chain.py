"""The chain: each line carries its number, the hash of the line before, and last of all its own hash."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from aurora_desktop.core.storage.jsonl import to_json

NO_HASH = "0" * 64
MAX_LINE_BYTES = 4 * 2**20
RESERVED = frozenset({"seq", "prev", "hash"})
_END = re.compile(rb',"hash":"([0-9a-f]{64})"\}\Z')


class Head(Struct, frozen=True):
    """The last record of a chain: its number, counted from 1, and its hash."""

    seq: int
    hash: str


START = Head(0, NO_HASH)


class Link(Struct, frozen=True):
    """What a sound line says of its place in the chain."""

    seq: int
    prev: str
    hash: str

    @property
    def head(self) -> Head:
        return Head(self.seq, self.hash)

    def follows(self, head: Head) -> bool:
        """Whether it is the next record after `head`."""
        return self.seq == head.seq + 1 and self.prev == head.hash


_decoder = msgspec.json.Decoder(Link)


def seal(fields: Mapping[str, Any], head: Head) -> tuple[bytes, Head]:
    """The record that follows `head` as a line, newline included, and the new head. `fields` must not be empty.

    The hash is the SHA-256 of the line's bytes as they are before `hash` is added to them.
    """
    if RESERVED.intersection(fields):
        raise ValueError(f"{sorted(RESERVED)} are the chain's own fields")
    place = f',"seq":{head.seq + 1},"prev":"{head.hash}"'.encode()
    body = to_json(fields)[:-1] + place
    digest = hashlib.sha256(body + b"}").hexdigest()
    return body + f',"hash":"{digest}"}}\n'.encode(), Head(head.seq + 1, digest)


def link_of(line: bytes) -> Link | None:
    """The place of a line in the chain; None unless it is a whole line, as it was written."""
    if not line.endswith(b"\n"):
        return None
    end = _END.search(line[:-1])
    if end is None or hashlib.sha256(line[: end.start()] + b"}").hexdigest().encode() != end[1]:
        return None
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeError):
        return None


def is_torn(piece: bytes) -> bool:
    """Whether bytes that are no sound record look like a write that a power cut left unfinished.

    Such a piece lacks its end, or has holes of zeros; a whole line with a wrong hash is neither.
    """
    if not piece.endswith(b"\n"):
        return True
    try:
        return not isinstance(msgspec.json.decode(piece), dict)
    except (msgspec.DecodeError, UnicodeError):
        return not piece.endswith(b"}\n")
