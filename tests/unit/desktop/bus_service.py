"""A service on a D-Bus session bus, in a thread of the test."""

import threading
from typing import Any

from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import Proxy, open_dbus_connection

QUIT = "QuitTheTestService"


class BusService:
    """Owns `name` on the bus and sends what `answer` returns, until it is stopped."""

    name = ""

    def __init__(self, bus: str) -> None:
        self._bus = bus
        self._connection = open_dbus_connection(bus)
        Proxy(message_bus, self._connection).RequestName(self.name)
        self._thread = threading.Thread(target=self._serve, name=self.name)
        self._thread.start()

    def answer(self, member: str, message: Any) -> list[Any]:
        """The messages to send for a call of `member`."""
        raise NotImplementedError

    def stop(self) -> None:
        """Leave the bus, as a daemon does that crashes."""
        address = DBusAddress("/", bus_name=self._connection.unique_name, interface="aurora.Test")
        with open_dbus_connection(self._bus) as other:
            other.send(new_method_call(address, QUIT))
            self._thread.join()
        self._connection.close()

    def _serve(self) -> None:
        while True:
            message = self._connection.receive()
            if message.header.message_type != MessageType.method_call:
                continue
            member = message.header.fields[HeaderFields.member]
            if member == QUIT:
                return
            for reply in self.answer(member, message):
                self._connection.send(reply)
