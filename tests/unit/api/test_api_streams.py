"""The stream of events for readers that stay: server-sent events and WebSocket."""

import asyncio
import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.house import House, read_all
from api.streaming import SseReader, Told, WsReader
from aurora_desktop.api import taking
from aurora_desktop.api.event_filter import EVENT_TYPES
from aurora_desktop.api.streams import hub, ring
from aurora_desktop.api.streams.ring import MAX_RECORDS
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AuroraStopping

ALL_KEPT = 5000


def _ids(told: list[Told]) -> list[int | None]:
    return [one.id for one in told]


def _burst(house: House, count: int, detail: str = "x") -> None:
    """Publish them in one turn of the loop."""
    first = house.publish(detail=detail)
    event = house.journal[first - 1].event
    house.call(lambda: [house.bus.publish(event) for _ in range(count - 1)])


def _hub(house: House) -> hub.Hub:
    return house.api._hub


async def _readers(house: House, count: int) -> None:
    while _hub(house).readers != count:  # noqa: ASYNC110  # nobody tells of the coming and going of readers
        await asyncio.sleep(0)


def _until_readers(house: House, count: int) -> None:
    house.run(lambda: _readers(house, count))


@contextlib.contextmanager
def _sse(house: House, query: str = "", *headers: str) -> Iterator[SseReader]:
    with SseReader(house, query, *headers) as stream:
        yield stream
    _until_readers(house, 0)


# --- server-sent events -------------------------------------------------------------------------------------------


def test_a_reader_hears_what_happens_from_now_on(house: House) -> None:
    house.publish(detail="before")
    with _sse(house) as stream:
        assert stream.next() == Told("message", 1, None)
        house.publish("service:web", "went away")
        (told,) = stream.events(1)
        assert (told.name, told.id, told.data["id"]) == ("message", 2, 2)
        assert told.data["event"]["detail"] == "went away"


def test_the_head_says_what_it_is_and_forbids_to_keep_it(house: House) -> None:
    with _sse(house) as stream:
        assert stream.head.startswith("HTTP/1.1 200 ")
        assert "content-type: text/event-stream" in stream.head
        assert "cache-control: no-store" in stream.head
        assert "content-length" not in stream.head


def test_its_head_alone_has_an_end(house: House) -> None:
    with house.connect() as connection:
        connection.sendall(house.head("HEAD /v1/events/stream HTTP/1.1", "Connection: close"))
        assert b"text/event-stream" in read_all(connection)


def test_since_gives_what_was_before(house: House) -> None:
    for _ in range(4):
        house.publish()
    with _sse(house, "since=2") as stream:
        assert _ids(stream.events(2)) == [3, 4]


def test_a_reader_that_comes_back_misses_nothing(house: House) -> None:
    for _ in range(4):
        house.publish()
    with _sse(house, "since=0", "Last-Event-ID: 3") as stream:
        house.publish()
        assert _ids(stream.events(2)) == [4, 5]


@pytest.mark.parametrize("given", ["x", "-1", "1.5", "9" * 30, "0" * 5000, "٣"])
def test_an_id_that_is_none_is_refused(house: House, given: str) -> None:
    status, body, _ = house.ask("GET", "/v1/events/stream", Last_Event_ID=given.encode().decode("latin-1"))
    assert (status, body["title"]) == (400, "`Last-Event-ID` is not an id of an event")


def test_a_since_in_the_future_is_told_the_true_end(house: House) -> None:
    house.publish()
    with _sse(house, "since=999") as stream:
        assert stream.next() == Told("message", 1, None)
        assert stream.next() == Told("reset", 1, {"since": 999, "last_id": 1})
        house.publish()
        assert _ids(stream.events(1)) == [2]


def test_filters_by_several_components_and_types(house: House) -> None:
    with _sse(house, "since=0&component=service:*,machine&type=part_*") as stream:
        for component in ("service:web", "guard", "machine", "service:db"):
            house.publish(component)
        house.call(lambda: house.bus.publish(AuroraStopping(at=0.0, component="machine", reason="r")))
        house.publish("machine")
        assert _ids(stream.events(4)) == [1, 3, 4, 6]


def test_filters_hold_for_what_was_before_too(house: House) -> None:
    for component in ("service:web", "guard", "machine", "service:db"):
        house.publish(component)
    with _sse(house, "since=0&component=service:*") as stream:
        assert _ids(stream.events(2)) == [1, 4]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("type=part_faild", "Did you mean `part_failed`?"),
        ("type=nothing*", "See docs/events.md"),
        ("nothing=1", "Known here: since, component, type"),
        ("since=-1", ""),
        ("component=" + "a,b," * 100, ""),
    ],
)
def test_a_wrong_query_is_refused_with_the_way_out(house: House, query: str, words: str) -> None:
    status, body, _ = house.ask("GET", f"/v1/events/stream?{query}")
    assert status == 400
    assert words in body["hint"]
    with WsReader(house, query) as refused:
        assert refused.refusal == (400, body)


def test_a_silent_stream_says_that_it_is_there(house: House) -> None:
    house.publish()
    _hub(house).keep_alive_s = 0.01
    with _sse(house) as stream, WsReader(house) as socket:
        assert [stream.next(), stream.next()] == [Told("message", 1, None)] * 2
        assert socket.next() == {"records": [], "last_id": 1}


def test_what_is_passed_by_is_not_asked_for_again(house: House) -> None:
    _hub(house).keep_alive_s = 0.01
    with _sse(house, "component=guard") as stream:
        assert stream.next() == Told("message", 0, None)
        house.publish("machine")
        while (told := stream.next()) == Told("message", 0, None):
            pass
        assert told == Told("message", 1, None)


def test_each_event_is_encoded_once_for_all(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    true = ring.encoded
    monkeypatch.setattr(ring, "encoded", lambda record: encoded.append(record.id) or true(record))
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(SseReader(house)) for _ in range(10)]
        _until_readers(house, 10)
        _burst(house, 3)
        for stream in streams:
            assert _ids(stream.events(3)) == [1, 2, 3]
    assert encoded == [1, 2, 3]


def test_what_happens_together_is_sent_together(house: House) -> None:
    with WsReader(house) as stream:
        _until_readers(house, 1)
        _burst(house, 50)
        message = stream.next()
        assert [record["id"] for record in message["records"]] == list(range(1, 51))
        assert message["last_id"] == 50


def test_the_bus_is_not_read_without_a_reader(house: House) -> None:
    before = len(house.bus._readers)
    with _sse(house):
        assert len(house.bus._readers) == before + 1
    assert len(house.bus._readers) == before


# --- slow readers -------------------------------------------------------------------------------------------------


def test_a_slow_reader_is_told_and_gets_everything_from_the_journal(house: House) -> None:
    with SseReader(house, receive_bytes=4096) as stream:
        _until_readers(house, 1)
        house.publish()
        stream.events(1)
        for _ in range(10):
            _burst(house, MAX_RECORDS // 4, "x" * 1000)  # more than socket, transport and memory hold together
        total = house.bus.last_id
        told = stream.events(total)
        (gap,) = [one for one in told if one.name == "gap"]
        assert gap.data["kept"] is True
        assert gap.data["before"] > gap.data["after"] + 1
        ids = [one.id for one in told if one.name == "message"]
        assert ids == list(range(2, total + 1))


def test_what_the_journal_has_lost_is_told(house: House) -> None:
    _burst(house, 10)
    house.call(lambda: house.journal.__delitem__(slice(0, 6)))
    with _sse(house, "since=2") as stream:
        gap, *told = stream.events(5)
        assert (gap.name, gap.data) == ("gap", {"after": 2, "before": 7, "kept": False})
        assert _ids(told) == [7, 8, 9, 10]


def test_an_empty_journal_is_a_gap_as_well(house: House) -> None:
    _burst(house, 3)
    house.call(house.journal.clear)
    with _sse(house, "since=1") as stream:
        assert stream.events(1)[0].data == {"after": 1, "before": 4, "kept": False}
        house.publish()
        assert _ids(stream.events(1)) == [4]


def test_a_reader_that_takes_nothing_is_cut_off(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "TAKE_TIMEOUT_S", 0.05)
    with SseReader(house, receive_bytes=4096), WsReader(house, "since=0"):
        _until_readers(house, 2)
        _burst(house, ALL_KEPT, "x" * 2000)
        _until_readers(house, 0)
    assert house.ask("GET", "/v1/status")[0] == 200


def test_a_damaged_journal_ends_the_stream_with_the_reason(house: House) -> None:
    house.publish()
    house.journal_error = AuroraError("The journal cannot be read", "journal.db: disk I/O error", "Check the disk")
    with _sse(house, "since=0") as stream:
        (told,) = stream.events(1)
        assert (told.name, told.data["title"]) == ("error", "The journal cannot be read")
        assert stream.next() is None
    with WsReader(house, "since=0") as socket:
        assert socket.next() is None
        assert socket.closed is not None
        assert socket.closed[0] == 1011


def test_too_many_readers_leave_room_for_a_stop(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MAX_READERS", 1)
    with _sse(house):
        status, body, _ = house.ask("GET", "/v1/events/stream")
        assert (status, body["title"]) == (503, "Too many read the stream of events")
        with WsReader(house) as refused:
            assert refused.refusal == (503, body)
        assert house.ask("POST", "/v1/estop", {})[0] == 200


def test_closing_the_door_ends_the_streams(house: House) -> None:
    with SseReader(house) as stream, WsReader(house) as socket:
        _until_readers(house, 2)
        house.close()
        assert stream.next() == Told("message", 0, None)
        assert stream.next() is None
        assert socket.next() is None
        assert socket.closed == (1012, "")


# --- WebSocket ----------------------------------------------------------------------------------------------------


def test_a_websocket_hears_the_same(house: House) -> None:
    house.publish()
    with WsReader(house, "since=0") as socket:
        house.publish("service:web")
        first, second = socket.records(2)
        assert (first["id"], second["event"]["component"]) == (1, "service:web")


def test_a_websocket_is_told_of_resets_and_gaps(house: House) -> None:
    _burst(house, 4)
    house.call(lambda: house.journal.__delitem__(slice(0, 2)))
    with WsReader(house, "since=99") as socket:
        assert socket.next() == {"reset": {"since": 99, "last_id": 4}}
    with WsReader(house, "since=0") as socket:
        assert socket.next() == {"gap": {"after": 0, "before": 3, "kept": False}}


def test_a_websocket_that_speaks_is_told_that_nobody_listens(house: House) -> None:
    with WsReader(house) as socket:
        socket.say("hello")
        assert socket.next() is None
        assert socket.closed == (1008, "nothing is read here: filters stand in the address")
    _until_readers(house, 0)


def test_a_websocket_that_leaves_is_forgotten(house: House) -> None:
    with WsReader(house):
        _until_readers(house, 1)
    _until_readers(house, 0)


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("Authorization", "", 401),
        ("Authorization", "Bearer wrong", 401),
        ("Host", "evil.example", 403),
        ("Origin", "http://evil.example", 403),
        ("Origin", "null", 403),
    ],
)
def test_a_foreign_websocket_is_refused_before_the_upgrade(house: House, header: str, value: str, status: int) -> None:
    with WsReader(house, **{header: value}) as socket:
        assert socket.refusal is not None
        assert socket.refusal[0] == status
        assert socket.refusal[1].keys() >= {"title", "detail", "hint"}
    _until_readers(house, 0)


def test_the_token_of_input_does_not_open_it_nor_one_in_the_address(house: House) -> None:
    with WsReader(house, Authorization=f"Bearer {house.token('input')}") as socket:
        assert socket.refusal is not None
        assert socket.refusal[0] == 403
    with WsReader(house, f"token={house.token('read')}") as socket:
        assert socket.refusal is not None
        assert socket.refusal[0] == 400


def test_a_page_of_our_own_origin_may(house: House) -> None:
    with WsReader(house, Origin=f"http://127.0.0.1:{house.port}") as socket:
        assert socket.refusal is None


def test_without_an_upgrade_it_says_what_it_is(house: House) -> None:
    status, body, _ = house.ask("GET", "/v1/events/ws")
    assert (status, body["title"]) == (426, "This address speaks WebSocket")


def test_a_broken_handshake_is_refused(house: House) -> None:
    with house.connect() as connection:
        connection.sendall(house.head("GET /v1/events/ws HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket"))
        assert connection.recv(100).startswith(b"HTTP/1.1 400")


# --- the long poll has the filters too ----------------------------------------------------------------------------


def test_the_long_poll_filters_alike(house: House) -> None:
    for component in ("service:web", "guard", "service:db"):
        house.publish(component)
    for query, expected in (
        ("since=0&component=service:*", [1, 3]),
        ("component=guard,service:db", [2, 3]),
        ("since=0&type=part_failed&limit=1", [1]),
        ("since=0&type=aurora_*", []),
        ("since=0&type=aurora_*&wait_s=0.01", []),
    ):
        _, body, _ = house.ask("GET", f"/v1/events?{query}")
        assert [record["id"] for record in body["records"]] == expected


def test_lone_surrogates_do_not_stop_the_stream(house: House) -> None:
    with _sse(house) as stream:
        house.publish(detail="caf\udce9")
        (told,) = stream.events(1)
        assert json.dumps(told.data["event"]["detail"]) == '"caf?"'


def test_every_type_that_users_are_told_of_exists() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs/events.md").read_text()
    listed = set(re.findall(r"[a-z]+_[a-z_]+", text.partition("Among others:")[2].partition("All of them")[0]))
    assert len(listed) > 50
    assert listed <= EVENT_TYPES
