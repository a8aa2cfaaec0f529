"""The operator's hands on a display of Xvnc: what an RFB client presses there counts as pressed on a real keyboard."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

TIMEOUT_S = 15.0
KEYSYMS = {"ctrl": 0xFFE3, "alt": 0xFFE9, "shift": 0xFFE1, "escape": 0xFF1B}
"""Every other key is a single Latin character, which is its own keysym."""


class Hands:
    """RFB 3.8 without a password; keys alone, and the screen is never asked for."""

    def __init__(self, address: str) -> None:
        """Connect to a socket's path. Raises OSError, ValueError."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(TIMEOUT_S)
        self._socket.connect(address)
        self._shake()

    def __enter__(self) -> "Hands":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def press(self, combination: str) -> None:
        """Press and let go, like `ctrl+alt+shift+escape`."""
        with self.holding(combination):
            pass

    @contextmanager
    def holding(self, combination: str) -> Iterator[None]:
        """The keys held down for the length of the block."""
        names = combination.split("+")
        # A capital's keysym, for the server gives up Shift to make a small letter.
        keys = [KEYSYMS.get(name) or ord(name.upper() if "shift" in names else name) for name in names]
        self._send(keys, down=True)
        try:
            yield
        finally:
            self._send(keys[::-1], down=False)

    def _send(self, keys: list[int], *, down: bool) -> None:
        self._socket.sendall(b"".join(struct.pack(">BBxxI", 4, down, key) for key in keys))

    def _shake(self) -> None:
        """Versions, no security, a shared desktop; then the server's first words, which are of no interest."""
        self._receive(12)
        self._socket.sendall(b"RFB 003.008\n")
        if 1 not in self._receive(self._receive(1)[0]):
            raise ValueError("the server wants a password")
        self._socket.sendall(b"\x01")
        if any(self._receive(4)):
            raise ValueError("the server refused")
        self._socket.sendall(b"\x01")
        self._receive(struct.unpack(">20xI", self._receive(24))[0])

    def _receive(self, count: int) -> bytes:
        content = b""
        while len(content) < count:
            chunk = self._socket.recv(count - len(content))
            if not chunk:
                raise ConnectionError("the display has gone")
            content += chunk
        return content
