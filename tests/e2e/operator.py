"""The operator's own hands: an RFB client of Xvnc, whose input arrives there as that of a physical device."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

_TIMEOUT_S = 15.0
_LATIN = 0xFF
_UNICODE = 0x0100_0000
_EXTENDED_SIZE = -308

# Control first and Shift last, as hands do; the keysym of a letter says by itself whether Shift is held.
KEYSYMS = {
    "ctrl": 0xFFE3,
    "alt": 0xFFE9,
    "shift": 0xFFE1,
    "super": 0xFFEB,
    "ctrl_r": 0xFFE4,
    "alt_r": 0xFFEA,
    "shift_r": 0xFFE2,
    "escape": 0xFF1B,
    "return": 0xFF0D,
    "tab": 0xFF09,
    "space": 0x20,
    "backspace": 0xFF08,
    "delete": 0xFFFF,
    "home": 0xFF50,
    "left": 0xFF51,
    "up": 0xFF52,
    "right": 0xFF53,
    "down": 0xFF54,
    "end": 0xFF57,
    **{f"f{number}": 0xFFBD + number for number in range(1, 13)},
}
_SHIFTS = ("shift", "shift_r")


def keysym(name: str, *, shifted: bool = False) -> int:
    """The X keysym of a key's name or of one character. Raises KeyError."""
    if len(name) > 1:
        return KEYSYMS[name.lower()]
    code = ord(name.upper() if shifted else name)
    return code if code <= _LATIN else _UNICODE + code


def keysyms(combination: str) -> list[int]:
    """`ctrl+alt+shift+Escape` in the order in which it is pressed."""
    names = combination.split("+")
    shifted = any(name.lower() in _SHIFTS for name in names)
    return [keysym(name, shifted=shifted) for name in names]


class Operator:
    """RFB 3.8 without a password. What the server says is read and thrown away, but for its answer to `sync`."""

    def __init__(self, address: str | tuple[str, int]) -> None:
        """Connect to a socket's path or to host and port. Raises OSError."""
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.settimeout(_TIMEOUT_S)
        self._socket.connect(address)
        if family == socket.AF_INET:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buttons = 0
        self._place = (0, 0)
        self._screen_id = 0
        self._shake_hands()

    def __enter__(self) -> "Operator":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave; the server lets go of whatever was held."""
        self._socket.close()

    # --- keys -------------------------------------------------------------------------------------------------

    def key(self, symbol: int, down: bool) -> None:
        self._socket.sendall(struct.pack(">BBxxI", 4, int(down), symbol))

    def press(self, combination: str) -> None:
        """Press and release: `ctrl+alt+shift+Escape`."""
        with self.holding(combination):
            pass

    @contextmanager
    def holding(self, combination: str) -> Iterator[None]:
        """The keys held down for the length of the block."""
        symbols = keysyms(combination)
        self._socket.sendall(b"".join(struct.pack(">BBxxI", 4, 1, symbol) for symbol in symbols))
        try:
            yield
        finally:
            self._socket.sendall(b"".join(struct.pack(">BBxxI", 4, 0, symbol) for symbol in reversed(symbols)))

    def type_text(self, text: str) -> None:
        for character in text:
            symbol = KEYSYMS["return"] if character == "\n" else keysym(character)
            self.key(symbol, down=True)
            self.key(symbol, down=False)

    # --- the pointer ------------------------------------------------------------------------------------------

    def move(self, x: int, y: int) -> None:
        self._place = (x, y)
        self._point()

    def button(self, number: int, down: bool) -> None:
        """Button 1 to 8; 4 to 7 are the wheel."""
        bit = 1 << number - 1
        self._buttons = self._buttons | bit if down else self._buttons & ~bit
        self._point()

    def click(self, x: int, y: int, number: int = 1) -> None:
        with self.holding_button(x, y, number):
            pass

    @contextmanager
    def holding_button(self, x: int, y: int, number: int = 1) -> Iterator[None]:
        """The button held down at a place for the length of the block."""
        self.move(x, y)
        self.button(number, down=True)
        try:
            yield
        finally:
            self.button(number, down=False)

    def _point(self) -> None:
        self._socket.sendall(struct.pack(">BBHH", 5, self._buttons, *self._place))

    # --- the screen -------------------------------------------------------------------------------------------

    def resize(self, width: int, height: int) -> None:
        """Give the desktop another size."""
        self._socket.sendall(
            struct.pack(">BxHHBxIHHHHI", 251, width, height, 1, self._screen_id, 0, 0, width, height, 0)
        )
        self.sync()

    # --- the protocol -----------------------------------------------------------------------------------------

    def sync(self) -> None:
        """Until the server has taken all that was sent: it is asked for one pixel."""
        self._socket.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, 1, 1))
        while self._message() != 0:
            pass

    def _shake_hands(self) -> None:
        self._receive(12)
        self._socket.sendall(b"RFB 003.008\n")
        offered = self._receive(self._receive(1)[0])
        assert 1 in offered, f"the server wants security: {offered!r}"
        self._socket.sendall(b"\x01")
        assert self._receive(4) == bytes(4), "the server refused"
        self._socket.sendall(b"\x01")  # shared with other operators
        (name_length,) = struct.unpack(">20xI", self._receive(24))
        self._receive(name_length)
        self._socket.sendall(struct.pack(">BxHii", 2, 2, 0, _EXTENDED_SIZE))  # raw pixels, and leave to resize
        self.sync()

    def _message(self) -> int:
        """Read one message of the server; its type."""
        kind = self._receive(1)[0]
        if kind == 0:
            (count,) = struct.unpack(">xH", self._receive(3))
            for _ in range(count):
                self._rectangle()
        elif kind == 1:
            (count,) = struct.unpack(">xHH", self._receive(5))[1:]
            self._receive(count * 6)
        elif kind == 3:
            self._receive(struct.unpack(">xxxI", self._receive(7))[0])
        return kind

    def _rectangle(self) -> None:
        _, _, width, height, encoding = struct.unpack(">HHHHi", self._receive(12))
        if encoding != _EXTENDED_SIZE:
            self._receive(width * height * 4)
            return
        for _ in range(self._receive(4)[0]):
            self._screen_id = int.from_bytes(self._receive(16)[:4], "big")

    def _receive(self, count: int) -> bytes:
        content = b""
        while len(content) < count:
            chunk = self._socket.recv(count - len(content))
            if not chunk:
                raise ConnectionError("the VNC server has gone")
            content += chunk
        return content
