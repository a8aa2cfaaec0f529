"""The one stream: every event, numbered, to every reader, whatever one of them does."""

import logging
from collections.abc import Callable

import pytest

from aurora_desktop.core.bus import Bus
from aurora_desktop.core.events import AuroraStopping, Record


def event(reason: str = "test") -> AuroraStopping:
    return AuroraStopping(at=1.0, component="aurora", reason=reason)


def broken(_: Record) -> None:
    raise ValueError("a broken reader")


def test_readers_are_called_in_the_order_of_subscription() -> None:
    bus, order = Bus(), list[str]()
    for name in ("first", "second", "third"):
        bus.subscribe(lambda _, name=name: order.append(name))  # type: ignore[misc] # mypy cannot infer the default
    bus.publish(event())
    assert order == ["first", "second", "third"]


def test_ids_go_on_from_the_last_one_of_the_journal() -> None:
    bus, seen = Bus(last_id=41), list[Record]()
    bus.subscribe(seen.append)
    assert [bus.publish(event("a")), bus.publish(event("b"))] == [42, 43]
    assert seen == [Record(42, event("a")), Record(43, event("b"))]
    assert bus.last_id == 43


def test_a_broken_reader_keeps_no_event_from_the_others() -> None:
    bus, seen = Bus(), list[Record]()
    bus.subscribe(broken)
    bus.subscribe(seen.append)
    bus.publish(event("a"))
    bus.publish(event("b"))
    assert [record.id for record in seen] == [1, 2]


def test_a_broken_reader_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    bus = Bus()
    bus.subscribe(broken)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            bus.publish(event())
    (told,) = caplog.records
    assert "a broken reader" in (told.exc_text or "")


def test_each_broken_reader_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def broken_too(_: Record) -> None:
        raise KeyError("another")

    bus = Bus()
    bus.subscribe(broken)
    bus.subscribe(broken_too)
    with caplog.at_level(logging.ERROR):
        bus.publish(event())
    assert len(caplog.records) == 2


def test_a_reader_gets_nothing_after_it_unsubscribed() -> None:
    bus, seen = Bus(), list[Record]()
    unsubscribe = bus.subscribe(seen.append)
    unsubscribe()
    unsubscribe()
    bus.publish(event())
    assert seen == []


def test_a_reader_that_unsubscribes_while_it_reads_takes_nobody_along() -> None:
    bus, seen, ends = Bus(), list[str](), list[Callable[[], None]]()

    def once(_: Record) -> None:
        seen.append("once")
        ends[0]()

    ends.append(bus.subscribe(once))
    bus.subscribe(lambda _: seen.append("always"))
    bus.publish(event())
    bus.publish(event())
    assert seen == ["once", "always", "always"]


def test_a_reader_that_subscribes_another_does_not_show_it_the_same_event() -> None:
    bus, seen = Bus(), list[Record]()

    def bring_another(_: Record) -> None:
        bus.subscribe(seen.append)

    bus.subscribe(bring_another)
    bus.publish(event())
    assert seen == []
