"""A connection to the display on which nothing is ever waited for: answers come to callbacks."""

import contextlib
import errno
import os
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable, Mapping

from aurora_desktop.safety.guard.loop import Loop
from aurora_desktop.safety.guard.x11 import protocol as x
from aurora_desktop.safety.guard.x11.address import Address, cookie, parse_display

if sys.platform == "win32":
    raise ImportError("the display is reached over sockets as Unix has them")

SETUP_PATIENCE_S = 3.0
_READ_BYTES = 1 << 18
_OUTBOX_BYTES = 1 << 20

OnReply = Callable[[bytes | None], None]


class Connection:
    """`on_up(setup)` once the display has let us in, then `on_event(bytes)` for each event, until `on_lost(why)`."""

    def __init__(
        self,
        loop: Loop,
        on_up: Callable[[x.Setup], None],
        on_event: Callable[[bytes], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._on_up, self._on_event, self._on_lost = on_up, on_event, on_lost
        self._socket: socket.socket | None = None
        self._address = Address("", 0, 0, ())
        self._is_up = False
        self._inbox = b""
        self._outbox = bytearray()
        self._sent = 0
        self._pending: deque[tuple[int, OnReply]] = deque()

    def open(self, display: str, environment: Mapping[str, str]) -> None:
        """Begin to connect; `on_lost` is told when it fails, at once or later."""
        try:
            self._address = parse_display(display)
            self._socket = _connect(self._address)
        except (ValueError, OSError) as error:
            problem = f"the display {display} cannot be reached: {error}"
            self._loop.call_soon(lambda: self._on_lost(problem))
            return
        self._outbox += x.hello(*cookie(self._address, environment))
        self._loop.watch(self._socket.fileno(), self._read, self._write)
        self._loop.call_later(SETUP_PATIENCE_S, self._lose_patience)

    def request(self, data: bytes, on_reply: OnReply | None = None) -> None:
        """Queue a request; `on_reply` gets the answer, or None for an error. Sent by `flush()`."""
        self._sent += 1
        self._outbox += data
        if on_reply is not None:
            self._pending.append((self._sent, on_reply))

    def flush(self) -> None:
        """Send what is queued, as far as it goes without waiting."""
        if self._socket is not None and self._is_up:
            self._write()

    def close(self) -> None:
        """Without telling anybody."""
        if self._socket is not None:
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()
            self._socket = None
            self._pending.clear()

    def _lose(self, why: str) -> None:
        if self._socket is not None:
            self.close()
            self._on_lost(why)

    def _lose_patience(self) -> None:
        if not self._is_up:
            self._lose("the display does not answer")

    def _write(self) -> None:
        if self._socket is None:
            return
        try:
            while self._outbox:
                del self._outbox[: self._socket.send(self._outbox)]
        except BlockingIOError:
            pass
        except OSError as error:
            self._lose(f"the connection to the display broke: {error.strerror}")
            return
        if len(self._outbox) > _OUTBOX_BYTES:
            self._lose("the display does not take what is sent to it")
            return
        self._loop.watch(self._socket.fileno(), self._read, self._write if self._outbox else None)

    def _read(self) -> None:
        if self._socket is None:
            return
        try:
            data = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose("the display closed the connection")
            return
        self._inbox += data
        if not self._is_up:
            self._take_setup()
        if self._is_up:
            self._take_messages()

    def _take_setup(self) -> None:
        if len(self._inbox) < 8:
            return
        status, reason_length, length = struct.unpack_from("=BB4xH", self._inbox)
        end = 8 + 4 * length
        if len(self._inbox) < end:
            return
        body, self._inbox = self._inbox[8:end], self._inbox[end:]
        if status != 1:
            self._lose(f"the display refuses us: {body[:reason_length].decode(errors='replace').strip()}")
            return
        setup = x.parse_setup(body, self._address.screen)
        self._is_up = True
        self._on_up(setup)

    def _take_messages(self) -> None:
        place, inbox = 0, self._inbox
        messages = []
        while len(inbox) - place >= 32:
            kind = inbox[place]
            length = 32
            if kind == x.REPLY or kind & 0x7F == x.GENERIC:
                length += 4 * struct.unpack_from("=I", inbox, place + 4)[0]
            if len(inbox) - place < length:
                break
            messages.append(inbox[place : place + length])
            place += length
        self._inbox = inbox[place:]
        for message in messages:
            self._take(message)

    def _take(self, message: bytes) -> None:
        if message[0] in (x.REPLY, x.ERROR):
            self._take_answer(message)
        elif self._socket is not None:
            self._on_event(message)

    def _take_answer(self, message: bytes) -> None:
        (sequence,) = struct.unpack_from("=H", message, 2)
        if self._pending and self._pending[0][0] & 0xFFFF == sequence:
            _, on_reply = self._pending.popleft()
            on_reply(message if message[0] == x.REPLY else None)


def _connect(address: Address) -> socket.socket:
    """A socket that is or will be connected. Raises OSError."""
    problem: OSError = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    for place in address.places:
        family = socket.AF_UNIX if isinstance(place, str) else _family(place)
        link = socket.socket(family, socket.SOCK_STREAM)
        link.setblocking(False)  # noqa: FBT003 - it takes no keyword
        try:
            link.connect(place)
        except BlockingIOError:
            return link  # over the network: it is writable once it is connected
        except OSError as error:
            problem = error
            link.close()
            continue
        return link
    raise problem


def _family(place: tuple[str, int]) -> socket.AddressFamily:
    with contextlib.suppress(OSError):
        return socket.getaddrinfo(*place, type=socket.SOCK_STREAM)[0][0]
    return socket.AF_INET
