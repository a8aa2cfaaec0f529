"""The guard's own socket: any process of this user may stop everything, without main between."""

import contextlib
import os
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from aurora_desktop.safety.guard.loop import Loop

if sys.platform == "win32":
    raise ImportError("the guard's socket is a Unix socket")

_LINE_BYTES = 1024
_VISITORS = 16
_BACKLOG = 128
_PATIENCE_S = 5.0

Answer = Callable[[dict[str, object]], None]
OnCommand = Callable[[str, str, Answer], None]


class Door:
    """`on_command(word, argument, answer)` for each line `stop SOURCE`, `status` or `retire`."""

    def __init__(self, loop: Loop, path: Path, on_command: OnCommand) -> None:
        self._loop, self._path, self._on_command = loop, path, on_command
        self._listener: socket.socket | None = None
        self._inode = 0
        self._visitors: list[_Visitor] = []

    def open(self) -> None:
        """Take the place of whoever had it. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            with short_path(self._path) as path:
                listener.bind(path)
        except OSError:
            listener.close()
            raise
        finally:
            os.umask(mask)
        listener.listen(_BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - it takes no keyword
        self._listener = listener
        self._inode = self._path.stat().st_ino
        self._loop.watch(listener.fileno(), self._let_in)

    def close(self) -> None:
        """Remove the socket, if it still is ours."""
        if self._listener is None:
            return
        with contextlib.suppress(OSError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
        self._loop.unwatch(self._listener.fileno())
        self._listener.close()
        self._listener = None
        for visitor in tuple(self._visitors):
            visitor.close()

    def _let_in(self) -> None:
        assert self._listener is not None  # noqa: S101 - it is what became readable
        try:
            link, _ = self._listener.accept()
        except OSError:
            return
        if not _is_ours(link):
            link.close()
            return
        if len(self._visitors) >= _VISITORS:
            self._visitors[0].close()  # a stop is always let in
        self._visitors.append(_Visitor(self._loop, link, self._on_command, self._visitors.remove))


class _Visitor:
    """One connection: lines in, one line of JSON out for each."""

    def __init__(
        self, loop: Loop, link: socket.socket, on_command: OnCommand, on_close: Callable[["_Visitor"], None]
    ) -> None:
        self._loop, self._socket, self._on_command, self._on_close = loop, link, on_command, on_close
        self._inbox = b""
        link.setblocking(False)  # noqa: FBT003 - it takes no keyword
        loop.watch(link.fileno(), self._read)
        self._patience = loop.call_later(_PATIENCE_S, self.close)
        self._is_open = True
        self._has_left = False
        self._owed = 0

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._patience.cancel()
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()
            self._on_close(self)

    def _read(self) -> None:
        try:
            data = self._socket.recv(_LINE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        *lines, self._inbox = (self._inbox + data).split(b"\n")
        if not data:
            self._loop.unwatch(self._socket.fileno())  # it may still wait for its answers
            self._has_left = True
        for line in lines:
            word, _, argument = line.decode(errors="replace").strip().partition(" ")
            self._owed += 1
            self._on_command(word, argument.strip(), self._answer)
        if (self._has_left and not self._owed) or len(self._inbox) > _LINE_BYTES:
            self.close()

    def _answer(self, answer: dict[str, object]) -> None:
        if not self._is_open:
            return
        with contextlib.suppress(OSError):
            self._socket.send(msgspec.json.encode(answer) + b"\n")
        self._owed -= 1
        if self._has_left and not self._owed:
            self.close()


def retire_predecessor(path: Path, patience_s: float = 1.0) -> None:
    """Ask a guard that an earlier main left behind to go; one that does not answer is killed.

    Raises RuntimeError when it refuses, since its main lives.
    """
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(patience_s)
        with short_path(path) as name:
            link.connect(name)
        pid = _peer(link)[0]
        try:
            link.sendall(b"retire\n")
            while answer := link.recv(_LINE_BYTES):  # it closes when it goes
                if b"false" in answer:
                    raise RuntimeError("another guard of this state dir serves a main that lives")
        except TimeoutError:
            if pid > 0:
                os.kill(pid, 9)


class short_path:  # noqa: N801 - used as a function: `with short_path(path) as name`
    """A name for a socket that fits into the 108 bytes of its address, however deep it lies."""

    def __init__(self, path: Path) -> None:
        self._path, self._folder = path, -1

    def __enter__(self) -> str:
        if sys.platform != "linux" or len(os.fsencode(self._path)) < 100:
            return str(self._path)
        self._folder = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._folder}/{self._path.name}"

    def __exit__(self, *_: object) -> None:
        if self._folder >= 0:
            os.close(self._folder)


def _is_ours(link: socket.socket) -> bool:
    """The file's mode keeps other users out; this tells where a platform does not honour it."""
    return _peer(link)[1] in (os.getuid(), -1)


def _peer(link: socket.socket) -> tuple[int, int]:
    """Pid and user of the other end; 0 and -1 where the platform does not tell."""
    if sys.platform != "linux":
        return 0, -1
    pid, uid, _ = struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return pid, uid
