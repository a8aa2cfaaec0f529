"""Desktop notifications that can be answered: each has buttons, and a thread that listens while it is open.

`org.freedesktop.Notifications` tells of a pressed button by a signal, some daemons to the sender's own connection
alone. So each such notification has a connection of its own, which one thread writes and reads; it ends with the
notification.
"""

import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aurora_desktop.desktop.bus_connection import NO_BUS, BusConnection, BusError

log = logging.getLogger(__name__)

MAX_OPEN = 5
"""More than that nobody answers; those beyond are shown without buttons."""
LISTENS_S = 6 * 3600.0
"""A daemon that dies never says that a notification was closed."""
_NAME = "org.freedesktop.Notifications"
_PATH = "/org/freedesktop/Notifications"


Choice = tuple[str, str]
"""A button: key and label. The key `default` stands for a click on the notification itself."""
OnChoice = Callable[[str], None]
"""Called with the key of the button, in the thread that listens."""
Arguments = Callable[[list[str], bool], tuple[Any, ...]]
"""The arguments of `Notify`, from the list of actions and whether the daemon understands markup."""


class Offers:
    """The notifications that are open and have buttons."""

    def __init__(self, environ: Mapping[str, str], timeout_s: float) -> None:
        self._environ = environ
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._open: set[_Offer] = set()

    def show(self, arguments: Arguments, choices: Sequence[Choice], on_choice: OnChoice) -> bool:
        """Whether it is shown with its buttons; False where the daemon has none, or too many are open. Blocks."""
        with self._lock:
            if len(self._open) >= MAX_OPEN:
                return False
        try:
            offer = _Offer(BusConnection(self._environ, self._timeout_s), on_choice, self._forget)
        except BusError as error:
            log.debug("no notification with buttons was shown: %s", error)
            return False
        with self._lock:
            self._open.add(offer)
        if offer.show(arguments, choices):
            offer.start()
            return True
        self._forget(offer)
        return False

    def close(self) -> None:
        """Listen to none of them any more; waits for the threads."""
        with self._lock:
            offers = tuple(self._open)
        for offer in offers:
            offer.stop()

    def _forget(self, offer: "_Offer") -> None:
        with self._lock:
            self._open.discard(offer)


class _Offer:
    """One notification, from its `Notify` until it is closed or answered."""

    def __init__(self, bus: BusConnection, on_choice: OnChoice, on_end: Callable[["_Offer"], None]) -> None:
        self._bus = bus
        self._on_choice = on_choice
        self._on_end = on_end
        self._id = 0
        self._heard: deque[Any] = deque()
        self._thread = threading.Thread(target=self._listen, name="notification", daemon=True)

    def show(self, arguments: Arguments, choices: Sequence[Choice]) -> bool:
        """Hear first, then speak: an answer may come at once."""
        from jeepney import DBusAddress, MatchRule  # type: ignore[import-untyped]  # jeepney ships no types
        from jeepney.bus_messages import message_bus  # type: ignore[import-untyped]  # as above

        address = DBusAddress(_PATH, bus_name=_NAME, interface=_NAME)
        rule = MatchRule(type="signal", interface=_NAME, path=_PATH)
        try:
            (capabilities,) = self._bus.call(address, "GetCapabilities")
            if "actions" not in capabilities:
                return self._give_up()
            self._bus.jeepney.filter(rule, queue=self._heard)
            self._bus.call(message_bus, "AddMatch", "s", rule.serialise())
            actions = [word for choice in choices for word in choice]
            sent = arguments(actions, "body-markup" in capabilities)
            (self._id,) = self._bus.call(address, "Notify", "susssasa{sv}i", *sent)
        except BusError as error:
            log.debug("no notification with buttons was shown: %s", error)
            return self._give_up()
        return True

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """From another thread."""
        try:
            self._bus.jeepney.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            log.debug("a notification had ended already")
        self._thread.join()

    def _listen(self) -> None:
        try:
            answer = self._answer(time.monotonic() + LISTENS_S)
        finally:
            self._bus.close()
            self._on_end(self)
        if answer:
            self._on_choice(answer)

    def _answer(self, deadline: float) -> str:
        """The key of the button; "" when it was closed, or nobody can say so any more."""
        from jeepney import HeaderFields

        while True:
            try:
                left_s = max(deadline - time.monotonic(), 0.0)
                signal = self._bus.jeepney.recv_until_filtered(self._heard, timeout=left_s)
            except NO_BUS:
                return ""
            member, body = signal.header.fields[HeaderFields.member], signal.body
            if body and body[0] == self._id:
                if member == "ActionInvoked":
                    return str(body[1])
                if member == "NotificationClosed":
                    return ""

    def _give_up(self) -> bool:
        self._bus.close()
        return False
