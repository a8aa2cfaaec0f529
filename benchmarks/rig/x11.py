"""As much of the X protocol as it takes to see a window come and to close it as a person would.

It waits for events of the server instead of asking again and again, so that looking costs the measured program
nothing. Only for displays that were started here: local, without authority, little-endian.
"""

import select
import socket
import struct
import time
from collections.abc import Callable, Iterator

from msgspec import Struct

_VIEWABLE = 2
_SUBSTRUCTURE_NOTIFY = 1 << 19
_WM_CLASS = 67
_GRACE_S = 0.1  # a window that came into being before its parent was listened to is found by looking


class Seen(Struct, frozen=True):
    """A window that is mapped, with all that it lies in."""

    id: int
    width: int
    height: int
    wm_class: str


class XServer:
    """One connection."""

    def __init__(self, display: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(f"/tmp/.X11-unix/X{display.removeprefix(':')}")
        self._socket.sendall(struct.pack("<BxHHHHxx", 0x6C, 11, 0, 0, 0))
        status, _, _, length = struct.unpack("<BxHHH", self._receive(8))
        body = self._receive(length * 4)
        if status != 1:
            raise ConnectionRefusedError(body.decode(errors="replace"))
        vendor, _, _, formats = struct.unpack_from("<HHBB", body, 16)
        self.root: int = struct.unpack_from("<I", body, 32 + (vendor + 3) // 4 * 4 + 8 * formats)[0]
        self._changed = False

    def close(self) -> None:
        self._socket.close()

    def wait_for(self, wanted: Callable[[Seen], bool], timeout_s: float) -> tuple[Seen, int]:
        """The first visible window that is wanted, and the monotonic time in ns. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while True:
            self._changed = False
            for seen in self.visible(listen=True):
                if wanted(seen):
                    return seen, time.monotonic_ns()
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(f"the window did not come within {timeout_s:g} s")
            self._wait_for_event(min(left_s, _GRACE_S))

    def wait_gone(self, wanted: Callable[[Seen], bool], timeout_s: float) -> None:
        """Until no visible window is wanted. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while any(map(wanted, self.visible(listen=True))):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the window did not go within {timeout_s:g} s")
            self._wait_for_event(_GRACE_S)

    def visible(self, *, listen: bool = False) -> Iterator[Seen]:
        """Every visible window that has a class; with `listen`, have the server tell of changes below each."""
        ahead = [self.root]
        while ahead:
            window = ahead.pop()
            if listen:
                self._send(struct.pack("<BxHIII", 2, 4, window, 1 << 11, _SUBSTRUCTURE_NOTIFY))
            if not self._is_visible(window):
                continue
            wm_class = self._wm_class(window)
            if wm_class and (size := self._size(window)) is not None:
                yield Seen(window, *size, wm_class)
            ahead += self._children(window)

    def ask_to_close(self, window: int) -> None:
        """What the close button does: WM_DELETE_WINDOW."""
        protocols, delete = self._atom(b"WM_PROTOCOLS"), self._atom(b"WM_DELETE_WINDOW")
        message = struct.pack("<BBHII5I", 33, 32, 0, window, protocols, delete, 0, 0, 0, 0)
        self._send(struct.pack("<BBHII", 25, 0, 11, window, 0) + message)
        self._children(self.root)  # its answer tells that the message was taken

    def _is_visible(self, window: int) -> bool:
        reply = self._ask(struct.pack("<BxHI", 3, 2, window))
        return reply is not None and reply[26] == _VIEWABLE

    def _children(self, window: int) -> tuple[int, ...]:
        reply = self._ask(struct.pack("<BxHI", 15, 2, window))
        if reply is None:
            return ()
        count: int = struct.unpack_from("<H", reply, 16)[0]
        return struct.unpack_from(f"<{count}I", reply, 32)

    def _wm_class(self, window: int) -> str:
        reply = self._ask(struct.pack("<BBHIIIII", 20, 0, 6, window, _WM_CLASS, 0, 0, 64))
        if reply is None:
            return ""
        length: int = struct.unpack_from("<I", reply, 16)[0]
        return reply[32 : 32 + length].replace(b"\0", b" ").decode(errors="replace").strip()

    def _size(self, window: int) -> tuple[int, int] | None:
        reply = self._ask(struct.pack("<BxHI", 14, 2, window))
        return None if reply is None else struct.unpack_from("<HH", reply, 16)

    def _atom(self, name: bytes) -> int:
        padded = name + b"\0" * (-len(name) % 4)
        reply = self._ask(struct.pack("<BBHHxx", 16, 0, 2 + len(padded) // 4, len(name)) + padded)
        if reply is None:
            raise ConnectionError("no atom")
        return int(struct.unpack_from("<I", reply, 8)[0])

    def _ask(self, request: bytes) -> bytes | None:
        """The reply; `None` when the window is gone."""
        self._send(request)
        sequence = self._sequence & 0xFFFF
        while True:
            packet = self._packet()
            (answered,) = struct.unpack_from("<H", packet, 2)
            if packet[0] == 1:
                return packet
            if packet[0] == 0 and answered == sequence:
                return None

    _sequence = 0

    def _send(self, request: bytes) -> None:
        self._sequence += 1
        self._socket.sendall(request)

    def _packet(self) -> bytes:
        packet = self._receive(32)
        if packet[0] == 1:
            return packet + self._receive(4 * int(struct.unpack_from("<I", packet, 4)[0]))
        self._changed |= packet[0] > 1
        return packet

    def _wait_for_event(self, timeout_s: float) -> None:
        if not self._changed and select.select([self._socket], [], [], timeout_s)[0]:
            self._packet()

    def _receive(self, count: int) -> bytes:
        content = b""
        while len(content) < count:
            chunk = self._socket.recv(count - len(content))
            if not chunk:
                raise ConnectionError("the X server has gone")
            content += chunk
        return content
