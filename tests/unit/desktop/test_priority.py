"""A higher priority, asked of RealtimeKit: the bus and the question are real, the service is the test's."""

import queue
from typing import Any

import pytest
from jeepney import new_error, new_method_return

from aurora_desktop.desktop.priority import raise_priority
from desktop.bus_service import BusService


class RealtimeKit(BusService):
    name = "org.freedesktop.RealtimeKit1"

    def __init__(self, bus: str, error: str = "") -> None:
        self.asked: queue.Queue[tuple[Any, ...]] = queue.Queue()
        self._error = error
        super().__init__(bus)

    def answer(self, member: str, message: Any) -> list[Any]:
        self.asked.put((member, *message.body))
        return [new_error(message, self._error) if self._error else new_method_return(message)]


def test_it_is_asked_for_the_first_thread_of_the_process(session_bus: str) -> None:
    service = RealtimeKit(session_bus)
    assert raise_priority(4321, -11, bus=session_bus)
    service.stop()
    assert service.asked.get_nowait() == ("MakeThreadHighPriorityWithPID", 4321, 4321, -11)


def test_a_refusal_is_no_failure(session_bus: str) -> None:
    service = RealtimeKit(session_bus, error="org.freedesktop.DBus.Error.AccessDenied")
    assert not raise_priority(4321, -11, bus=session_bus)
    service.stop()


@pytest.mark.parametrize("bus", ["unix:path=/nowhere/bus"])
def test_without_a_bus_it_stays_as_it_is(bus: str) -> None:
    assert not raise_priority(4321, -11, bus=bus)


def test_without_realtimekit_it_stays_as_it_is(session_bus: str) -> None:
    assert not raise_priority(4321, -11, bus=session_bus)
