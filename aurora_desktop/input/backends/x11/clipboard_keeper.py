"""A process that lends the clipboard: saves what is there, offers a text, and puts back what was there before.

Told over stdin: a `Request`, then `restore` (or the end of stdin: whoever asked was killed). It says `ready` once the
text can be pasted and `taken` when it was. As X keeps no contents but those of a living program, it stays to serve what
was there before until somebody copies something else. Kept are all forms that the earlier owner hands out, up to
SAVED_BYTES and SAVING_S; more than that is lost.
"""

import os
import select
import struct
import sys
import time
from typing import Any

import msgspec

from aurora_desktop.input.backends.protocol import DisplayLostError

from .connection import Connection

READY, TAKEN, TAKEN_BY_OTHERS = b"ready", b"taken", b"taken by others"
SAVED_BYTES = 32 << 20
SAVING_S = 1.5
_CHUNK = 1 << 16
_SELECTION_NOTIFY = 31
_PROPERTY_CHANGE = 0x400000
_EVENT_MASK = 0x800  # CWEventMask
_NOT_CONTENT = {"TARGETS", "MULTIPLE", "TIMESTAMP", "SAVE_TARGETS", "DELETE", "INSERT_PROPERTY", "INSERT_SELECTION"}
_TEXT_TARGETS = ("UTF8_STRING", "text/plain;charset=utf-8", "text/plain", "TEXT", "STRING")
_PRIVATE_HINT = "x-kde-passwordManagerHint"  # clipboard managers that know it keep no copy

Content = tuple[int, int, bytes]  # type, format, value
Contents = dict[int, Content]  # by target


class Request(msgspec.Struct, frozen=True):
    """What to offer, where, and into which window it is to be pasted (0: any)."""

    text: str
    selections: tuple[str, ...]
    window: int
    secret: bool


class Keeper:
    """Calls raise DisplayLostError."""

    def __init__(self, connection: Connection, request: Request) -> None:
        self._x, self._request = connection, request
        screen = connection.xcb.get_setup().roots[connection.xcb.pref_screen]
        self._window: int = connection.xcb.generate_id()
        connection.core.CreateWindow(
            0, self._window, connection.root, -1, -1, 1, 1, 0, 2, screen.root_visual, _EVENT_MASK, [_PROPERTY_CHANGE]
        )
        self._same_client = ~connection.xcb.get_setup().resource_id_mask & 0xFFFFFFFF
        self._selections = {connection.atom(name): name for name in request.selections}
        self._saved: dict[int, Contents] = {}
        self._offered: dict[int, Contents] = {}
        self._events: list[Any] = []
        self._restored = False
        connection.listeners.append(self._events.append)

    def offer(self) -> None:
        """Save what is there, then offer the text in its place."""
        deadline = time.monotonic() + SAVING_S
        for selection in self._selections:
            self._saved[selection] = self._save(selection, deadline)
        for selection in self._selections:
            self._own(selection, self._text())
        self._x.sync()

    def restore(self) -> None:
        """Offer what was there before, or give the selection up where nothing was."""
        self._restored = True
        for selection in list(self._offered):
            if self._saved[selection]:
                self._offered[selection] = self._saved[selection]
            else:
                del self._offered[selection]
                self._x.core.SetSelectionOwner(0, selection, 0)
        self._request = Request("", (), 0, secret=False)
        self._x.sync()

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to serve."""
        return not self._offered

    def serve(self) -> list[bytes]:
        """Answer who asks; what is to be told about it."""
        self._x.pump()
        told = []
        events, self._events[:] = self._events[:], []
        for event in events:
            kind = type(event).__name__
            if kind == "SelectionClearEvent":
                self._offered.pop(event.selection, None)
            elif kind == "SelectionRequestEvent":
                told += self._answer(event)
        return told

    # --- saving ---------------------------------------------------------------------------------------------------

    def _save(self, selection: int, deadline: float) -> Contents:
        [owner] = self._x.ask(self._x.core.GetSelectionOwner(selection))
        if not owner.owner:
            return {}
        offered = self._fetch(selection, self._x.atom("TARGETS"), deadline)
        if offered is None:
            return {}
        saved: Contents = {}
        left = SAVED_BYTES
        for target in struct.unpack(f"={len(offered[2]) // 4}I", offered[2][: len(offered[2]) // 4 * 4]):
            if self._x.atom_name(target) in _NOT_CONTENT:
                continue
            content = self._fetch(selection, target, deadline)
            if content is not None and len(content[2]) <= left:
                saved[target] = content
                left -= len(content[2])
        return saved

    def _fetch(self, selection: int, target: int, deadline: float) -> Content | None:
        place = self._x.atom("AURORA_SAVED")
        self._x.core.DeleteProperty(self._window, place)
        self._x.core.ConvertSelection(self._window, selection, target, place, 0)
        event = self._await("SelectionNotifyEvent", deadline, target=target)
        if event is None or not event.property:
            return None
        content = self._property(place)
        return self._incremental(place, deadline) if content[0] == self._x.atom("INCR") else content

    def _incremental(self, place: int, deadline: float) -> Content | None:
        parts: list[bytes] = []
        while self._await("PropertyNotifyEvent", deadline, atom=place, state=0) is not None:
            kind, form, part = self._property(place)
            if not part:
                return kind, form, b"".join(parts)
            parts.append(part)
            if sum(map(len, parts)) > SAVED_BYTES:
                return None
        return None

    def _property(self, place: int) -> Content:
        [reply] = self._x.ask(self._x.core.GetProperty(1, self._window, place, 0, 0, SAVED_BYTES // 4))
        return reply.type, reply.format, bytes(reply.value.raw)

    def _await(self, kind: str, deadline: float, **fields: int) -> Any | None:
        """The next event of this kind with these fields; others stay for `serve`."""
        while True:
            self._x.xcb.flush()
            self._x.pump()
            for event in self._events:
                if type(event).__name__ == kind and all(
                    getattr(event, name) == value for name, value in fields.items()
                ):
                    self._events.remove(event)
                    return event
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            select.select([self._x.xcb.get_file_descriptor()], [], [], left)

    # --- serving --------------------------------------------------------------------------------------------------

    def _own(self, selection: int, contents: Contents) -> None:
        self._x.core.SetSelectionOwner(self._window, selection, 0)
        self._offered[selection] = contents

    def _text(self) -> Contents:
        utf8 = self._request.text.encode()
        contents = {self._x.atom(name): (self._x.atom(name), 8, utf8) for name in _TEXT_TARGETS[:-1]}
        contents[self._x.atom("TEXT")] = (self._x.atom("UTF8_STRING"), 8, utf8)
        if self._request.text.isascii():
            contents[self._x.atom("STRING")] = (self._x.atom("STRING"), 8, utf8)
        if self._request.secret:
            contents[self._x.atom(_PRIVATE_HINT)] = (self._x.atom(_PRIVATE_HINT), 8, b"secret")
        return contents

    def _answer(self, event: Any) -> list[bytes]:
        place = event.property or event.target
        content = self._content(event.selection, event.target)
        if content is not None:
            self._put(event.requestor, place, content)
        answer = (event.time, event.requestor, event.selection, event.target, place if content else 0)
        self._x.core.SendEvent(0, event.requestor, 0, struct.pack("=BB2xIIIII8x", _SELECTION_NOTIFY, 0, *answer))
        self._x.xcb.flush()
        is_text = event.target in {self._x.atom(name) for name in _TEXT_TARGETS}
        if self._restored or content is None or not is_text:
            return []
        wanted = self._request.window
        ours = not wanted or event.requestor & self._same_client == wanted & self._same_client
        return [TAKEN if ours else TAKEN_BY_OTHERS]

    def _content(self, selection: int, target: int) -> Content | None:
        contents = self._offered.get(selection)
        if contents is None or target != self._x.atom("TARGETS"):
            return None if contents is None else contents.get(target)
        atoms = (target, *contents)
        return self._x.atom("ATOM"), 32, struct.pack(f"={len(atoms)}I", *atoms)

    def _put(self, window: int, place: int, content: Content) -> None:
        """In pieces, since a request has a limit; nobody reads before the notification."""
        kind, form, value = content
        for start in range(0, max(len(value), 1), _CHUNK):
            part = value[start : start + _CHUNK]
            mode = 0 if start == 0 else 2  # replace, append
            self._x.core.ChangeProperty(mode, window, place, kind, form, len(part) * 8 // (form or 8), part)


def main() -> int:
    """Until there is nothing left to serve, or the display is gone."""
    connection = Connection()
    descriptor = sys.stdin.fileno()
    rest = bytearray()
    request_line = _read_line(descriptor, rest)
    keeper = Keeper(connection, msgspec.json.decode(request_line, type=Request))
    del request_line
    keeper.offer()
    _say(READY)
    waiting_on: list[int] = [connection.xcb.get_file_descriptor(), descriptor]
    while not keeper.is_over:
        for word in keeper.serve():
            _say(word)
        ready = select.select(waiting_on, [], [], 1.0)[0]
        if descriptor in ready:
            os.read(descriptor, 4096)
            waiting_on.remove(descriptor)
            keeper.restore()
    return 0


def _read_line(descriptor: int, rest: bytearray) -> bytes:
    while b"\n" not in rest:
        chunk = os.read(descriptor, _CHUNK)
        if not chunk:
            break
        rest += chunk
    return bytes(rest.split(b"\n", 1)[0])


def _say(word: bytes) -> None:
    try:
        os.write(sys.stdout.fileno(), word + b"\n")
    except OSError:
        return  # whoever asked is gone: stdin says so too


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DisplayLostError:
        sys.exit(1)
