"""logind, as far as a shutdown matters, on a bus of the test's own."""

import os
import queue
import threading
from typing import Any

from jeepney import DBusAddress, new_error, new_method_return, new_signal
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import Proxy, open_dbus_connection

from .bus_service import BusService

MANAGER = DBusAddress("/org/freedesktop/login1", interface="org.freedesktop.login1.Manager")
DELAY_S = 7.0


class Logind(BusService):
    """Gives out one end of a pipe as the lock: it is let go of when the other end reads its end."""

    name = "org.freedesktop.login1"

    def __init__(self, bus: str, *, refuses: bool = False, delay_s: float = DELAY_S) -> None:
        self.asked: queue.Queue[tuple[Any, ...]] = queue.Queue()
        self.refuses, self.delay_s = refuses, delay_s
        self.held, self._given = os.pipe()
        self._bus = bus
        self._connection = open_dbus_connection(bus, enable_fds=True)
        Proxy(message_bus, self._connection).RequestName(self.name)
        self._thread = threading.Thread(target=self._serve, name=self.name)
        self._thread.start()

    def answer(self, member: str, message: Any) -> list[Any]:
        if member == "Inhibit":
            if self.refuses:
                return [new_error(message, "org.freedesktop.DBus.Error.AccessDenied")]
            self.asked.put(tuple(message.body))
            return [new_method_return(message, "h", (self._given,))]
        reply = new_method_return(message, "v", (("t", int(self.delay_s * 1e6)),))
        self.asked.put(("the delay",))
        return [reply]

    def shut_down(self) -> None:
        with open_dbus_connection(self._bus) as connection:
            connection.send(new_signal(MANAGER, "PrepareForShutdown", "b", (True,)))

    def is_let_go(self) -> bool:
        """Once nobody holds the lock any more; waits for it."""
        os.close(self._given)
        return os.read(self.held, 1) == b""

    def close(self) -> None:
        self.stop()
        os.close(self.held)
