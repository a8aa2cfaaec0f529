"""The receiving end of `sd_notify`: READY=1 and WATCHDOG=1 of services, told apart by the sender's pid."""

import asyncio
import contextlib
import logging
import os
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

_CREDENTIALS = struct.Struct("3i")
_LONGEST_PATH = 100  # sun_path holds 108 bytes
_MOST_PER_WAKE = 256


def notify_address(state_root: Path, digest: str) -> str:
    """The same address over restarts of Aurora, so that adopted services still reach it.

    A state dir with a very long path gets an abstract socket (`@name`) instead.
    """
    path = state_root / "notify.sock"
    return str(path) if len(os.fsencode(path)) <= _LONGEST_PATH else f"@aurora-desktop-{digest}"


def parse(message: bytes) -> dict[str, str]:
    """The assignments of one datagram; what is not `NAME=value` is passed over."""
    lines = message.decode("utf-8", "replace").split("\n")
    return {name: value for name, found, value in (line.partition("=") for line in lines) if found}


class NotifySocket:
    """Calls `on_message(pid, assignments)` in the loop for each datagram. Linux only; elsewhere it never opens."""

    def __init__(self, address: str, on_message: Callable[[int, dict[str, str]], None]) -> None:
        self.address = address
        self._on_message = on_message
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Raises OSError when the address cannot be bound."""
        if sys.platform != "linux":
            return
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            self._bind(opened)
        except OSError:
            opened.close()
            raise
        self._socket, self._loop = opened, loop
        loop.add_reader(opened.fileno(), self._readable)

    def _bind(self, opened: socket.socket) -> None:
        if self.address.startswith("@"):
            opened.bind("\0" + self.address[1:])
            return
        # The lock on the state dir is held: a socket file that lies there belongs to no living Aurora.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.address)
        opened.bind(self.address)
        os.chmod(self.address, 0o600)

    def close(self) -> None:
        """Stop listening; the socket file stays for the next Aurora to replace."""
        if self._socket is not None and self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _readable(self) -> None:
        for _ in range(_MOST_PER_WAKE):
            if self._socket is None or not self._receive(self._socket):
                return

    def _receive(self, opened: socket.socket) -> bool:
        if sys.platform == "win32":
            return False
        try:
            data, ancillary, _, _ = opened.recvmsg(4096, socket.CMSG_SPACE(_CREDENTIALS.size) + 256)
        except OSError:
            return False
        pid = 0
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == getattr(socket, "SCM_CREDENTIALS", -1):
                pid = _CREDENTIALS.unpack(payload[: _CREDENTIALS.size])[0]
            elif level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                _close_all(payload)
        if pid:
            self._on_message(pid, parse(data))
        return True


def _close_all(payload: bytes) -> None:
    """File descriptors that came along uninvited (FDSTORE) would be leaked otherwise."""
    count = len(payload) // 4
    for fd in struct.unpack(f"{count}i", payload[: count * 4]):
        os.close(fd)
