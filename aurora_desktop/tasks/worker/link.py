"""The worker's end of the socket to main: never blocks for long, and comes back by itself for ever."""

import contextlib
import os
import socket
import sys

SHORTEST_WAIT_S = 0.05
LONGEST_WAIT_S = 1.0
CONNECT_S = 1.0
FORSAKEN_S = 600.0
"""Without main and without the file of its token, which each main finds or makes: its state dir is gone for good."""
MOST_UNSENT_BYTES = 64_000
"""Above this, what is only news (a beat, an activity) is left out until main reads again."""
MOST_LINE_BYTES = 16_000_000
"""A prompt of 1 MB is at most 6 MB as JSON; who sends more is not main."""


class Link:
    """`token_file` is read at each connection, since main may have made a new one. Times are monotonic."""

    def __init__(self, address: str, token_file: str) -> None:
        self._address = address
        self._token_file = token_file
        self._socket: socket.socket | None = None
        self._unsent = bytearray()
        self._unread = bytearray()
        self._next_try_at = 0.0
        self._nothing_since: float | None = None
        self._wait_s = SHORTEST_WAIT_S

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    @property
    def readers(self) -> list[socket.socket]:
        """What to `select` for reading."""
        return [] if self._socket is None else [self._socket]

    @property
    def writers(self) -> list[socket.socket]:
        """What to `select` for writing."""
        return self.readers if self._unsent else []

    @property
    def next_try_at(self) -> float | None:
        """When `open` is worth a try (monotonic); None while the connection stands."""
        return None if self.is_open else self._next_try_at

    def open(self, now: float) -> str | None:
        """The token, if the connection stands now and did not before; else None, and the next try is later.

        It is later each time, until main said something: one that only closes must not keep us busy.
        """
        if self.is_open or now < self._next_try_at:
            return None
        self._next_try_at = now + self._wait_s
        self._wait_s = min(self._wait_s * 2, LONGEST_WAIT_S)
        try:
            with open(self._token_file, encoding="ascii") as file:
                token = file.read().strip()
            self._nothing_since = None
            if not _is_token(token):
                return None
            self._socket = _connected(self._address)
        except FileNotFoundError:
            if not os.path.exists(self._token_file) and self._nothing_since is None:
                self._nothing_since = now
            return None
        except (OSError, ValueError):
            return None
        return token

    def is_forsaken(self, now: float) -> bool:
        """Whether no main can come any more that knows of us."""
        return not self.is_open and self._nothing_since is not None and now > self._nothing_since + FORSAKEN_S

    def send(self, line: bytes, *, is_news: bool = False) -> None:
        """Nothing is sent without a connection, or when it is only news and main does not read."""
        if self._socket is None or (is_news and len(self._unsent) > MOST_UNSENT_BYTES):
            return
        self._unsent += line
        self.flush()

    def flush(self) -> None:
        """Send what the socket takes now."""
        while self._socket is not None and self._unsent:
            try:
                sent = self._socket.send(memoryview(self._unsent)[:65536])
            except BlockingIOError:
                return
            except OSError:
                self.lose()
                return
            del self._unsent[:sent]

    def receive(self) -> list[bytes]:
        """The lines that main said."""
        if self._socket is None:
            return []
        try:
            data = self._socket.recv(262144)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data or len(self._unread) > MOST_LINE_BYTES:
            self.lose()
            return []
        self._wait_s = SHORTEST_WAIT_S
        self._unread += data
        *lines, rest = self._unread.split(b"\n")
        self._unread = rest
        return [bytes(line) for line in lines if line]

    def lose(self) -> None:
        """Close the connection; `open` makes a new one."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
        self._socket = None
        self._unsent.clear()
        self._unread.clear()


def _is_token(text: str) -> bool:
    """An empty one is a file half written; one that JSON must escape is none of main's."""
    return bool(text) and text.isprintable() and '"' not in text and "\\" not in text


def _connected(address: str) -> socket.socket:
    """`@name` is an abstract socket, `host:port` TCP, all else a path. Raises OSError."""
    host, _, port = address.rpartition(":")
    is_tcp = bool(host) and port.isdigit() and os.sep not in address
    if is_tcp or sys.platform == "win32":
        family, target = socket.AF_INET, (host.strip("[]"), int(port))
        return _opened(socket.socket(family, socket.SOCK_STREAM), target)
    target_path = "\0" + address[1:] if address.startswith("@") else address
    return _opened(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), target_path)


def _opened(fresh: socket.socket, target: str | tuple[str, int]) -> socket.socket:
    try:
        fresh.settimeout(CONNECT_S)
        fresh.connect(target)
        fresh.settimeout(0)
    except OSError:
        fresh.close()
        raise
    return fresh
