"""Desktop notifications through `org.freedesktop.Notifications`.

Where there is no such service (also on Windows and macOS) `notify` says so, and the caller shows a balloon
of the tray instead.
"""

import html
import logging
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aurora_desktop.desktop.bus_connection import BusConnection, BusError
from aurora_desktop.desktop.offers import Choice, Offers, OnChoice

log = logging.getLogger(__name__)

Urgency = Literal["low", "normal", "critical"]

_LEVELS: dict[Urgency, int] = {"low": 0, "normal": 1, "critical": 2}
_REPLACES_NONE = 0
_DEFAULT_EXPIRY = -1


class Notifier:
    """Keeps one connection and opens it anew when it broke; blocks up to `timeout_s`, so call it in a thread."""

    def __init__(self, icon: str = "", environ: Mapping[str, str] = os.environ, timeout_s: float = 2.0) -> None:
        self._icon = icon
        self._environ = environ
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._bus: BusConnection | None = None
        self._understands_markup = False
        self._offers = Offers(environ, timeout_s)

    def offer(
        self, title: str, body: str, choices: Sequence[Choice], on_choice: OnChoice, urgency: Urgency = "normal"
    ) -> bool:
        """Show it with buttons; `on_choice` is called in a thread of the listener. Without, where there are none."""

        def arguments(actions: list[str], markup: bool) -> tuple[Any, ...]:
            return self._arguments(title, body, urgency, actions, markup=markup)

        if sys.platform in ("win32", "darwin"):
            return False
        return self._offers.show(arguments, choices, on_choice) or self.notify(title, body, urgency)

    def notify(self, title: str, body: str, urgency: Urgency = "normal") -> bool:
        """Show it; returns whether a notification service took it."""
        if sys.platform in ("win32", "darwin"):
            return False
        with self._lock:
            kept = self._bus is not None
            if self._try_to_send(title, body, urgency):
                return True
            # The bus or the daemon may have been restarted since the last notification.
            return kept and self._try_to_send(title, body, urgency)

    def close(self) -> None:
        self._offers.close()
        with self._lock:
            self._disconnect()

    def _try_to_send(self, title: str, body: str, urgency: Urgency) -> bool:
        try:
            self._send(self._bus or self._connect(), title, body, urgency)
        except BusError as error:
            log.debug("no notification was shown: %s", error)
            self._disconnect()
            return False
        return True

    def _connect(self) -> BusConnection:
        self._bus = BusConnection(self._environ, self._timeout_s)
        (capabilities,) = self._bus.call(_service(), "GetCapabilities")
        self._understands_markup = "body-markup" in capabilities
        return self._bus

    def _send(self, bus: BusConnection, title: str, body: str, urgency: Urgency) -> None:
        arguments = self._arguments(title, body, urgency, [], markup=self._understands_markup)
        bus.call(_service(), "Notify", "susssasa{sv}i", *arguments)

    def _arguments(
        self, title: str, body: str, urgency: Urgency, actions: list[str], *, markup: bool
    ) -> tuple[Any, ...]:
        shown = html.escape(body, quote=False) if markup else body
        hints = {"urgency": ("y", _LEVELS[urgency]), "desktop-entry": ("s", "aurora-desktop")}
        words = (_plain(title), _plain(shown))
        return ("Aurora Desktop", _REPLACES_NONE, self._icon, *words, actions, hints, _DEFAULT_EXPIRY)

    def _disconnect(self) -> None:
        if self._bus is not None:
            self._bus.close()
            self._bus = None


def _service() -> object:
    from jeepney import DBusAddress  # type: ignore[import-untyped]  # jeepney ships no types

    name = "org.freedesktop.Notifications"
    return DBusAddress("/org/freedesktop/Notifications", bus_name=name, interface=name)


def _plain(text: str) -> str:
    """D-Bus ends the connection of who sends NUL or text that is no valid UTF-8."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
