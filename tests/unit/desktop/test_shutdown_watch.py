"""The machine's shutdown is held up until Aurora has ended: logind, as far as that matters, on a bus of its own."""

import os
import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from jeepney import DBusAddress, new_error, new_method_return, new_signal
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import Proxy, open_dbus_connection

from aurora_desktop.desktop.shutdown_watch import ShutdownWatch
from desktop.bus_service import BusService

MANAGER = DBusAddress("/org/freedesktop/login1", interface="org.freedesktop.login1.Manager")
WAIT_S = 30.0


class Logind(BusService):
    """Gives out one end of a pipe as the lock: it is let go of when the other end reads its end."""

    name = "org.freedesktop.login1"

    def __init__(self, bus: str, *, refuses: bool = False) -> None:
        self.asked: queue.Queue[tuple[Any, ...]] = queue.Queue()
        self.refuses = refuses
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
        reply = new_method_return(message, "v", (("t", 7_000_000),))
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


@pytest.fixture
def logind(session_bus: str) -> Iterator[Logind]:
    service = Logind(session_bus)
    yield service
    service.close()


def test_the_lock_is_taken_and_let_go_of_at_the_end(logind: Logind, session_bus: str) -> None:
    watch = ShutdownWatch(lambda _: None, session_bus)
    watch.start()
    what, who, _, mode = logind.asked.get(timeout=WAIT_S)
    assert (what, who, mode) == ("shutdown", "Aurora Desktop", "delay")
    logind.asked.get(timeout=WAIT_S)
    watch.close()
    assert logind.is_let_go()


def test_a_shutdown_is_told_with_the_time_that_there_is(logind: Logind, session_bus: str) -> None:
    told: queue.Queue[float] = queue.Queue()
    watch = ShutdownWatch(told.put, session_bus)
    watch.start()
    for _ in range(2):
        logind.asked.get(timeout=WAIT_S)
    logind.shut_down()
    assert told.get(timeout=WAIT_S) == 7.0
    watch.close()
    assert logind.is_let_go()


def ended(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(WAIT_S)
    assert name not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize("bus", ["unix:path=/nowhere/bus"])
def test_without_a_bus_nothing_is_told(bus: str) -> None:
    told: list[float] = []
    watch = ShutdownWatch(told.append, bus)
    watch.start()
    ended("shutdown-watch")
    watch.close()
    assert told == []


def test_a_refusal_of_logind_is_no_failure(session_bus: str) -> None:
    service = Logind(session_bus, refuses=True)
    watch = ShutdownWatch(lambda _: None, session_bus)
    watch.start()
    ended("shutdown-watch")
    watch.close()
    assert service.is_let_go()
    service.close()
