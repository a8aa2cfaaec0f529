"""The machine's shutdown is held up until Aurora has ended: logind, as far as that matters, on a bus of its own."""

import queue
import threading
from collections.abc import Iterator

import pytest

from aurora_desktop.desktop.shutdown_watch import ShutdownWatch

from .logind import DELAY_S, Logind

WAIT_S = 30.0


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
    assert told.get(timeout=WAIT_S) == DELAY_S
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
