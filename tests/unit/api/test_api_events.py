"""The stream of events: by id, by component, and waiting for the next one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from api.house import House
from aurora_desktop.core.errors import AuroraError


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


def test_the_newest_of_a_rare_component_are_found(house: House) -> None:
    for _ in range(3):
        house.publish("service:busy")
        house.call(lambda: [house.bus.publish(house.journal[0].event) for _ in range(900)])
        house.publish("service:rare")
    assert _ids(_events(house, "component=service:rare&limit=2")) == [1804, 2706]


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


def test_the_journal_may_fail_and_the_door_stays_open(house: House) -> None:
    house.publish()
    house.journal_error = AuroraError("The journal cannot be read", "journal.db: disk I/O error", "Check the disk")
    for query in ("", "?since=0"):
        status, body, _ = house.ask("GET", f"/v1/events{query}")
        assert (status, body["title"], body["hint"]) == (409, "The journal cannot be read", "Check the disk")
    house.journal_error = None
    assert _ids(_events(house)) == [1]
