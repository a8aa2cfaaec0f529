"""Tells when the operator leaves: the screen is locked, or the machine goes to sleep.

On Linux by D-Bus: `org.freedesktop.ScreenSaver` (and the names that GNOME, Cinnamon, MATE and Xfce use) on the session
bus, logind's `Lock` and `PrepareForSleep` on the system bus. One thread per bus, blocked in a read nearly always.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from aurora_desktop.desktop.bus_connection import NO_BUS, SYSTEM_BUS

log = logging.getLogger(__name__)

LOCKED = "the screen was locked"
ASLEEP = "the machine goes to sleep"
_SCREEN_SAVERS = (
    "org.freedesktop.ScreenSaver",
    "org.gnome.ScreenSaver",
    "org.cinnamon.ScreenSaver",
    "org.mate.ScreenSaver",
    "org.xfce.ScreenSaver",
)
_LOGIND = "org.freedesktop.login1"
_NO_SESSION_BUS: Final = (
    "no session bus (%s): the screen saver's lock is not seen, so a locked screen may leave control armed until its "
    "time is over; start Aurora from within the desktop session, where DBUS_SESSION_BUS_ADDRESS is set"
)
_NO_SYSTEM_BUS: Final = (
    "no system bus (%s): locks and sleep are not told by logind, so a locked screen may leave control armed until its "
    "time is over; start D-Bus's system bus and systemd-logind, then Aurora again"
)


class SessionWatch:
    """Calls `left(reason)` from a thread of its own, each time that the operator leaves."""

    def __init__(self, left: Callable[[str], None], environ: Mapping[str, str] = os.environ) -> None:
        self._left = left
        self._environ = environ
        self._connections: list[Any] = []
        self._ended = False

    def start(self) -> None:
        """Returns at once; where there is no bus (Windows, macOS, a bare session) nothing is told but to the log."""
        if sys.platform in ("win32", "darwin"):
            return
        if session_bus := self._session_bus():
            self._begin("session", session_bus, _session_rules())
        else:
            log.warning(_NO_SESSION_BUS, "DBUS_SESSION_BUS_ADDRESS is not set")
        self._begin("system", SYSTEM_BUS, _system_rules())

    def close(self) -> None:
        """The threads end with their connections."""
        self._ended = True
        for connection in self._connections:
            try:
                connection.sock.shutdown(2)
            except OSError:
                log.debug("a bus was gone already")

    def _begin(self, name: str, bus: str, rules: list[Any]) -> None:
        threading.Thread(target=self._watch, args=(bus, rules), name=f"session-watch-{name}", daemon=True).start()

    def _session_bus(self) -> str:
        runtime = self._environ.get("XDG_RUNTIME_DIR")
        return self._environ.get("DBUS_SESSION_BUS_ADDRESS") or (f"unix:path={runtime}/bus" if runtime else "")

    def _watch(self, bus: str, rules: list[Any]) -> None:
        from jeepney.io.blocking import open_dbus_connection  # type: ignore[import-untyped]  # jeepney ships no types

        try:
            with open_dbus_connection(bus=bus) as connection:
                self._connections.append(connection)
                _subscribe(connection, rules)
                while not self._ended:
                    self._consider(connection.receive())
        except NO_BUS as error:
            if not self._ended:
                why = getattr(error, "strerror", None) or str(error) or type(error).__name__
                log.warning(_NO_SYSTEM_BUS if bus == SYSTEM_BUS else _NO_SESSION_BUS, why)

    def _consider(self, message: Any) -> None:
        fields = {field.name: value for field, value in message.header.fields.items()}
        match fields.get("member"), tuple(message.body):
            case ("ActiveChanged", (True,)) | ("Lock", _):
                self._left(LOCKED)
            case ("PrepareForSleep", (True,)):
                self._left(ASLEEP)


def _session_rules() -> list[Any]:
    from jeepney import MatchRule  # type: ignore[import-untyped]  # jeepney ships no types

    return [MatchRule(type="signal", interface=name, member="ActiveChanged") for name in _SCREEN_SAVERS]


def _system_rules() -> list[Any]:
    from jeepney import MatchRule  # as above

    manager, session = f"{_LOGIND}.Manager", f"{_LOGIND}.Session"
    return [
        MatchRule(type="signal", sender=_LOGIND, interface=manager, member="PrepareForSleep"),
        MatchRule(type="signal", sender=_LOGIND, interface=session, member="Lock"),
    ]


def _subscribe(connection: Any, rules: list[Any]) -> None:
    from jeepney import message_bus  # as above

    for rule in rules:
        connection.send_and_get_reply(message_bus.AddMatch(rule), timeout=2.0)
