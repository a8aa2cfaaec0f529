"""A high priority for another process, which RealtimeKit gives to programs of a logged-in user, as it does to sound."""

import logging
import os
from collections.abc import Mapping

from aurora_desktop.desktop.bus_connection import SYSTEM_BUS, BusConnection, BusError

_NAME = "org.freedesktop.RealtimeKit1"
_PATH = "/org/freedesktop/RealtimeKit1"

log = logging.getLogger(__name__)


def raise_priority(pid: int, nice: int, environ: Mapping[str, str] = os.environ, bus: str = SYSTEM_BUS) -> bool:
    """Ask for it; whether it was given. Blocks, a second or two at the most."""
    try:
        connection = BusConnection(environ, bus=bus)
    except BusError as error:
        log.info("no higher priority for process %d: %s", pid, error)
        return False
    try:
        _ask(connection, pid, nice)
    except BusError as error:
        log.info("no higher priority for process %d: %s", pid, error)
        return False
    finally:
        connection.close()
    return True


def _ask(connection: BusConnection, pid: int, nice: int) -> None:
    from jeepney import DBusAddress  # type: ignore[import-untyped]  # jeepney ships no types

    address = DBusAddress(_PATH, bus_name=_NAME, interface=_NAME)
    # The thread of the same number is the process's first.
    connection.call(address, "MakeThreadHighPriorityWithPID", "tti", pid, pid, nice)
