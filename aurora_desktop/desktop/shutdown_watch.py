"""Tells that the machine shuts down, and holds that up until Aurora has ended in order.

On Linux by logind's delay lock (`systemd-inhibit --list` shows it): systemd waits for it, `InhibitDelayMaxSec` at the
most (5 s by default), whether the power button, a menu or `shutdown` asked for it. One thread, blocked in a read.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from aurora_desktop.desktop.bus_connection import NO_BUS, SYSTEM_BUS

log = logging.getLogger(__name__)

DEFAULT_DELAY_S = 5.0
_NAME = "org.freedesktop.login1"
_PATH = "/org/freedesktop/login1"
_MANAGER = "org.freedesktop.login1.Manager"
_TIMEOUT_S = 2.0
_MOST_WAITING = 8


class ShutdownWatch:
    """Calls `going(delay_s)` from a thread of its own when the machine is about to go; it waits so long at the most."""

    def __init__(self, going: Callable[[float], None], bus: str = SYSTEM_BUS) -> None:
        self._going = going
        self._bus = bus
        self._connection: Any = None
        self._lock: int | None = None
        self._ended = False

    def start(self) -> None:
        """Returns at once; where there is no logind nothing is told but to the log."""
        if sys.platform == "linux":
            threading.Thread(target=self._watch, name="shutdown-watch", daemon=True).start()

    def close(self) -> None:
        """Let the machine go on, and the thread end."""
        self._ended = True
        self._release()
        if self._connection is not None:
            try:
                self._connection.sock.shutdown(2)
            except OSError:
                log.debug("the bus was gone already")

    def _watch(self) -> None:
        from jeepney.io.blocking import open_dbus_connection  # type: ignore[import-untyped]  # jeepney ships no types
        from jeepney.wrappers import DBusErrorResponse  # type: ignore[import-untyped]  # as above

        try:
            with open_dbus_connection(bus=self._bus, enable_fds=True) as connection:
                self._connection = connection
                with connection.filter(_rule(), bufsize=_MOST_WAITING) as told:  # also what comes between our questions
                    delay_s = self._hold(connection)
                    while not self._ended:
                        self._consider(connection.recv_until_filtered(told), delay_s)
        except (*NO_BUS, DBusErrorResponse) as error:
            if not self._ended:
                why = getattr(error, "strerror", None) or str(error) or type(error).__name__
                log.info("logind does not tell of a shutdown (%s): then SIGTERM does", why)
        finally:
            self._release()

    def _hold(self, connection: Any) -> float:
        """Take the lock, before the signal can come that it is for; how long it holds, in seconds."""
        from jeepney import (  # type: ignore[import-untyped]  # as above
            DBusAddress,
            Properties,
            message_bus,
            new_method_call,
        )

        connection.send_and_get_reply(message_bus.AddMatch(_rule()), timeout=_TIMEOUT_S)
        manager = DBusAddress(_PATH, bus_name=_NAME, interface=_MANAGER)
        what = ("shutdown", "Aurora Desktop", "Services are stopped in order, and the state is saved", "delay")
        (lock,) = _answer(connection, new_method_call(manager, "Inhibit", "ssss", what))
        self._lock = lock.to_raw_fd()
        os.set_inheritable(self._lock, False)  # noqa: FBT003  # by position alone. A service that got it would hold up every shutdown
        if self._ended:
            self._release()
        (delay,) = _answer(connection, Properties(manager).get("InhibitDelayMaxUSec"))
        return float(delay[1]) / 1e6 or DEFAULT_DELAY_S

    def _consider(self, message: Any, delay_s: float) -> None:
        fields = {field.name: value for field, value in message.header.fields.items()}
        if fields.get("member") == "PrepareForShutdown" and tuple(message.body) == (True,):
            self._going(delay_s)

    def _release(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


def _rule() -> Any:
    from jeepney import MatchRule  # as above

    return MatchRule(type="signal", interface=_MANAGER, member="PrepareForShutdown")


def _answer(connection: Any, message: Any) -> tuple[Any, ...]:
    from jeepney.wrappers import unwrap_msg  # as above

    return tuple(unwrap_msg(connection.send_and_get_reply(message, timeout=_TIMEOUT_S)))
