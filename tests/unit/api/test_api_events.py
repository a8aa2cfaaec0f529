"""The stream of events: by id, by component, and waiting for the next one."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from api.house import House
from aurora_desktop.api.feed import RECENT_KEPT, EventFeed
from aurora_desktop.core.bus import Bus
from aurora_desktop.core.events import PartFailed, Record


def _ids(answer: Any) -> list[int]:
    return [record["id"] for record in answer["records"]]


def _events(house: House, query: str = "") -> Any:
    status, body, _ = house.ask("GET", f"/v1/events?{query}", scope="read")
    assert status == 200
    return body


def test_a_record_has_its_id_and_the_event_with_its_type(house: House) -> None:
    house.publish("service:web", "went away")
    (record,) = _events(house)["records"]
    assert record["id"] == 1
    assert record["event"].pop("at") > 0
    assert record["event"] == {"type": "part_failed", "component": "service:web", "detail": "went away"}


def test_events_by_id_oldest_first(house: House) -> None:
    for _ in range(5):
        house.publish()
    assert _ids(_events(house, "since=2")) == [3, 4, 5]
    assert _ids(_events(house, "since=2&limit=2")) == [3, 4]
    assert _events(house, "since=2&limit=2")["last_id"] == 5


def test_without_since_the_newest(house: House) -> None:
    for _ in range(5):
        house.publish()
    assert _ids(_events(house, "limit=2")) == [4, 5]


def test_events_of_one_component(house: House) -> None:
    for component in ("service:web", "service:db", "service:web"):
        house.publish(component)
    assert _ids(_events(house, "since=0&component=service:web")) == [1, 3]
    assert _ids(_events(house, "component=service:web&limit=1")) == [3]
    assert _ids(_events(house, "component=service:none")) == []


def test_an_event_that_is_not_in_the_journal_yet_is_told(house: House) -> None:
    house.publish()
    house.call(house.journal.clear)
    assert _ids(_events(house, "since=0")) == [1]


def test_a_waiting_reader_wakes_with_the_event(house: House) -> None:
    with ThreadPoolExecutor(1) as readers:
        waiting = readers.submit(_events, house, "since=0&wait_s=60")
        house.publish("service:db", "first")
        assert _ids(waiting.result(20)) == [1]


def test_a_waiting_reader_of_one_component_sleeps_on_over_others(house: House) -> None:
    with ThreadPoolExecutor(1) as readers:
        waiting = readers.submit(_events, house, "since=0&wait_s=60&component=service:web")
        for component in ("service:db", "service:db", "service:web"):
            house.publish(component)
        assert _ids(waiting.result(20)) == [3]


def test_a_wait_is_bounded(house: House) -> None:
    assert _events(house, "since=0&wait_s=0.01") == {"records": [], "last_id": 0}


def test_a_since_in_the_future_is_answered_at_once_with_the_true_end(house: House) -> None:
    house.publish()
    assert _events(house, "since=999999&wait_s=60") == {"records": [], "last_id": 1}


def test_closing_answers_waiting_readers(house: House) -> None:
    with ThreadPoolExecutor(1) as readers:
        waiting = readers.submit(_events, house, "since=0&wait_s=60")
        asyncio.run_coroutine_threadsafe(_until_connected(house), house._loop).result(20)
        house.close()
        assert waiting.result(20) == {"records": [], "last_id": 0}


def test_closing_answers_one_who_waits_for_services(house: House) -> None:
    house.supervisor.stuck = {"web"}
    with ThreadPoolExecutor(1) as readers:
        body = {"names": ["web"], "wait": True, "timeout_s": 600}
        waiting = readers.submit(house.ask, "POST", "/v1/services/start", body)
        asyncio.run_coroutine_threadsafe(_until_connected(house), house._loop).result(20)
        house.close()
        assert waiting.result(20)[1]["settled"] is False


async def _until_connected(house: House) -> None:
    server = house.api._server
    assert server is not None
    while not server.server_state.tasks:  # noqa: ASYNC110  # uvicorn tells no event of a request's arrival
        await asyncio.sleep(0)


def _feed(journal: Callable[[int, int, str | None], list[Record]], bus: Bus) -> EventFeed:
    feed = EventFeed(bus, journal)
    feed.open()
    return feed


def _publish(bus: Bus, count: int, component: str = "aurora") -> None:
    for _ in range(count):
        bus.publish(PartFailed(at=0.0, component=component, detail=""))


@pytest.mark.parametrize("committed", [0, 1, 10, 600])
def test_journal_and_recent_events_join_without_gap_or_repetition(committed: int) -> None:
    async def joined() -> list[int]:
        bus = Bus()
        held: list[Record] = []
        bus.subscribe(held.append)
        feed = _feed(lambda since, limit, _: [r for r in held if since < r.id <= committed][:limit], bus)
        _publish(bus, 600)
        return [r.id for r in feed.after(0, 1000, None)]

    first_recent = 600 - RECENT_KEPT + 1
    expected = [i for i in range(1, 601) if i <= committed or i >= first_recent]
    assert asyncio.run(joined()) == expected


def test_the_newest_of_a_rare_component_are_found() -> None:
    async def found() -> list[int]:
        bus = Bus()
        held: list[Record] = []
        bus.subscribe(held.append)
        feed = _feed(lambda since, limit, c: [r for r in held if r.id > since and r.event.component == c][:limit], bus)
        for _ in range(3):
            _publish(bus, 1, "service:rare")
            _publish(bus, 900)
        return [r.id for r in feed.newest(2, "service:rare")]

    assert asyncio.run(found()) == [902, 1803]


def test_a_feed_that_starts_late_asks_the_journal_for_what_was_before() -> None:
    async def found() -> tuple[list[int], list[int]]:
        bus = Bus(last_id=50)
        asked: list[int] = []

        def journal(since: int, limit: int, _: str | None) -> list[Record]:
            asked.append(since)
            return []

        feed = _feed(journal, bus)
        _publish(bus, 2)
        return [r.id for r in feed.after(50, 10, None)], [r.id for r in feed.after(10, 10, None)] and asked

    assert asyncio.run(found()) == ([51, 52], [10])
