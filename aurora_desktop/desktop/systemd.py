"""Aurora as a `Type=notify` unit: tells systemd when it is ready, alive and stopping (sd_notify).

The variables are taken out of the environment at the start, so that no child speaks in Aurora's name:
`own = take_notify_environment()`, then `notify("READY=1", own)`.
"""

import logging
import os
import socket
import sys
from collections.abc import Mapping, MutableMapping

log = logging.getLogger(__name__)

_NAMES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


def take_notify_environment(environ: MutableMapping[str, str] = os.environ) -> dict[str, str]:
    """Remove and return what systemd left for us alone."""
    return {name: environ.pop(name) for name in _NAMES if name in environ}


def notify(state: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Send `READY=1`, `WATCHDOG=1`, `STOPPING=1` or `STATUS=...`; returns whether systemd was told."""
    address = environ.get("NOTIFY_SOCKET", "")
    if sys.platform == "win32" or not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            # A systemd that does not read must not hold up the event loop.
            channel.settimeout(0.05)
            channel.sendto(state.encode(), address)
    except OSError as error:
        log.debug("systemd was not told %r: %s", state, error)
        return False
    return True


def watchdog_interval_s(environ: Mapping[str, str] = os.environ) -> float | None:
    """Seconds between two `WATCHDOG=1`, half of what systemd grants; None when it does not watch us."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        granted_us = int(environ["WATCHDOG_USEC"])
    except (KeyError, ValueError):
        return None
    return granted_us / 2_000_000 if granted_us > 0 else None
