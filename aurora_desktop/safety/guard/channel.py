"""The guard's end of the channel to main: lines of JSON, and the descriptors that come along with some."""

import array
import contextlib
import os
import socket
import sys
from collections import deque
from collections.abc import Callable

import msgspec

from aurora_desktop.safety.guard.loop import Loop
from aurora_desktop.safety.messages import FromGuard, ToGuard

if sys.platform == "win32":
    raise ImportError("descriptors come along with messages on Unix sockets alone")

_READ_BYTES = 65536
_LINE_BYTES = 4 << 20
_OUTBOX_BYTES = 1 << 20
_FDS = 4

OnMessage = Callable[[ToGuard, Callable[[], int | None]], None]


class Channel:
    """`on_message` gets each message and a function that takes the descriptor which came along (None: none did).

    What cannot be read as a message is reported to `complain` and skipped. Sending never waits: when main does not
    read, what is over a megabyte is dropped.
    """

    def __init__(
        self,
        loop: Loop,
        link: socket.socket,
        on_message: OnMessage,
        on_gone: Callable[[], None],
        complain: Callable[[str], None],
    ) -> None:
        self._loop, self._socket = loop, link
        self._on_message, self._on_gone, self._complain = on_message, on_gone, complain
        self._decoder = msgspec.json.Decoder(ToGuard)
        self._encoder = msgspec.json.Encoder()
        self._inbox = b""
        self._outbox = bytearray()
        self._fds: deque[int] = deque()
        self.is_open = True
        link.setblocking(False)  # noqa: FBT003 - it takes no keyword
        loop.watch(link.fileno(), self._read)

    def send(self, message: FromGuard) -> None:
        """Tell main, if it is still there."""
        if not self.is_open or len(self._outbox) > _OUTBOX_BYTES:
            return
        self._outbox += self._encoder.encode(message) + b"\n"
        self._write()

    def _write(self) -> None:
        try:
            while self._outbox:
                del self._outbox[: self._socket.send(self._outbox)]
        except BlockingIOError:
            pass
        except OSError:
            self._close()
            return
        self._loop.watch(self._socket.fileno(), self._read, self._write if self._outbox else None)

    def _read(self) -> None:
        try:
            data, fds = _receive(self._socket)
        except BlockingIOError:
            return
        except OSError:
            data, fds = b"", []
        self._fds.extend(fds)
        if not data:
            self._close()
            return
        *lines, self._inbox = (self._inbox + data).split(b"\n")
        if len(self._inbox) > _LINE_BYTES:
            self._inbox = b""
            self._complain("a message of main was too long and is skipped")
        for line in lines:
            self._take(line)
        if not self._inbox:
            self._drop_fds()  # they came with lines that had no use for them

    def _take(self, line: bytes) -> None:
        try:
            message = self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._complain(f"a message of main is not understood: {error}")
            return
        self._on_message(message, self._take_fd)

    def _take_fd(self) -> int | None:
        return self._fds.popleft() if self._fds else None

    def _drop_fds(self) -> None:
        while self._fds:
            os.close(self._fds.popleft())

    def _close(self) -> None:
        if not self.is_open:
            return
        self.is_open = False
        self._loop.unwatch(self._socket.fileno())
        with contextlib.suppress(OSError):
            self._socket.close()
        self._drop_fds()
        self._on_gone()


def _receive(link: socket.socket) -> tuple[bytes, list[int]]:
    """`socket.recv_fds` leaves the descriptors inheritable."""
    data, ancillary, _, _ = link.recvmsg(_READ_BYTES, socket.CMSG_SPACE(_FDS * array.array("i").itemsize))
    fds = array.array("i")
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
    for fd in fds:
        os.set_inheritable(fd, False)  # noqa: FBT003 - it takes no keyword
    return data, list(fds)
