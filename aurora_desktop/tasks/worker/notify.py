"""The sending end of `sd_notify`, without a library: what the supervisor's watchdog hears."""

import contextlib
import os
import socket
import sys


class Notifier:
    """Tells NOTIFY_SOCKET; without one, nothing. A supervisor that is not there now hears the next beat."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        self._socket: socket.socket | None = None
        if self._address and sys.platform != "win32":
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.settimeout(0)

    def tell(self, message: str) -> None:
        """`READY=1`, `WATCHDOG=1`, ..."""
        if self._socket is not None:
            address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
            with contextlib.suppress(OSError):
                self._socket.sendto(message.encode(), address)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
