"""A service of `type: notify`: READY=1, then WATCHDOG=1 every `argv[1]` seconds (0: never)."""

import contextlib
import os
import signal
import socket
import sys
import time

address = os.environ["NOTIFY_SOCKET"]
address = "\0" + address[1:] if address.startswith("@") else address


def tell(message: str) -> None:
    """Whoever listens may be away for a while: that is no reason to end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out, contextlib.suppress(OSError):
        out.sendto(message.encode(), address)


tell("READY=1")
pause_s = float(sys.argv[1])
while pause_s:
    tell("WATCHDOG=1")
    time.sleep(pause_s)
signal.pause()
