"""What goes on with a token that is rotated: streams, and requests that wait for news, end at once and say so."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from api.house import PATIENCE_S, House, read_all
from api.streaming import SseReader, WsReader
from aurora_desktop.api.admission import Admission, Entry, RevokedError
from aurora_desktop.core.tokens import Scope, rotate_token

OVER = "The token opens nothing any more"


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


async def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110  # nobody tells of the coming of requests
        await asyncio.sleep(0)


def _admission(house: House) -> Admission:
    assert house.api._security is not None
    return house.api._security._admission


def _asked(house: House, thread: ThreadPoolExecutor, method: str, path: str, *body: Any, scope: Scope) -> Future[Any]:
    """The answer to come of a request that is under way."""
    asked = thread.submit(house.ask, method, path, *body, scope=scope)
    house.run(lambda: _until(lambda: bool(_admission(house)._held)))
    return asked


# --- streams ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["", "component=service:web", "since=0"])
def test_server_sent_events_end_with_an_event_that_says_why(house: House, wanted: str) -> None:
    house.publish(detail="before")
    with SseReader(house, wanted) as stream:
        assert stream.next() is not None
        rotate_token(house.paths, "operate")
        told = list(iter(stream.next, None))
    assert (told[-1].name, told[-1].data["status"], told[-1].data["title"]) == ("error", 401, OVER)
    assert [one for one in told if one.name == "error"] == told[-1:]
    house.run(lambda: _until(lambda: house.api._hub.readers == 0))


def test_a_websocket_is_closed_with_the_code_that_says_why(house: House) -> None:
    with WsReader(house) as stream:
        house.publish()
        assert stream.records(1)
        rotate_token(house.paths, "read")
        assert list(iter(stream.next, None)) == []
        assert stream.closed == (3000, OVER)
    house.run(lambda: _until(lambda: house.api._hub.readers == 0))


@pytest.mark.parametrize("spoil", ["unlink", "chmod", "symlink"])
def test_a_token_file_that_is_spoilt_ends_them_too(house: House, tmp_path: Path, spoil: str) -> None:
    path = house.paths.tokens / "operate"
    with SseReader(house) as stream:
        assert stream.next() is not None
        if spoil == "chmod":
            path.chmod(0o644)
        else:
            path.rename(tmp_path / "kept")
        if spoil == "symlink":
            path.symlink_to(tmp_path / "kept")
        told = list(iter(stream.next, None))
    assert told[-1].data["title"] == OVER


def test_those_with_another_token_go_on(house: House) -> None:
    with SseReader(house) as cut, WsReader(house) as kept:  # the tokens are `operate` and `read`
        assert cut.next() is not None
        rotate_token(house.paths, "operate")
        assert list(iter(cut.next, None))[-1].name == "error"
        house.publish(detail="after")
        (record,) = kept.records(1)
    assert record["event"]["detail"] == "after"


def test_the_new_token_goes_on_where_the_old_one_was_cut(house: House) -> None:
    with SseReader(house) as stream:
        assert stream.next() is not None
        rotate_token(house.paths, "operate")
        assert list(iter(stream.next, None))[-1].name == "error"
    number = house.publish(detail="between")
    with SseReader(house, "", f"Last-Event-ID: {number - 1}") as stream:
        (told,) = stream.events(1)
    assert told.data["event"]["detail"] == "between"


# --- requests that wait -------------------------------------------------------------------------------------------


def test_a_long_poll_ends(house: House, thread: ThreadPoolExecutor) -> None:
    asked = _asked(house, thread, "GET", "/v1/events?since=0&wait_s=60", scope="read")
    rotate_token(house.paths, "read")
    status, body, _ = asked.result(PATIENCE_S)
    assert (status, body["title"]) == (401, OVER)
    assert "new one" in body["hint"]


def test_the_question_to_the_operator_is_withdrawn(house: House, thread: ThreadPoolExecutor) -> None:
    house.control.decided = None
    asked = _asked(house, thread, "POST", "/v1/control/request", {"wait_s": 60}, scope="input")
    rotate_token(house.paths, "input")
    assert asked.result(PATIENCE_S)[0] == 401
    assert house.control.withdrawn.wait(PATIENCE_S)


def test_what_was_ordered_before_is_answered_to_its_end(house: House, thread: ThreadPoolExecutor) -> None:
    """It is done: to answer that it was refused would have it done once more."""
    house.supervisor.stuck.add("web")
    body = {"names": ["web"], "wait": True, "timeout_s": 0.5}
    asked = thread.submit(house.ask, "POST", "/v1/services/stop", body)
    house.run(lambda: _until(lambda: bool(house.supervisor.calls)))
    rotate_token(house.paths, "operate")
    status, reply, _ = asked.result(PATIENCE_S)
    assert (status, reply["settled"]) == (200, False)


def test_what_is_sent_slowly_with_a_token_that_is_rotated_meanwhile_is_not_done(house: House) -> None:
    body = b'{"names": ["web"]}'
    head = ("Content-Type: application/json", f"Content-Length: {len(body)}", "Expect: 100-continue")
    with house.connect() as connection:
        connection.sendall(house.head("POST /v1/services/stop HTTP/1.1", *head))
        assert b"100" in connection.recv(100)  # the token was good, and the body is waited for
        rotate_token(house.paths, "operate")
        connection.sendall(body)
        assert b" 401 " in read_all(connection)
    assert house.supervisor.calls == []


def test_nobody_looks_at_the_files_while_nobody_is_held(house: House) -> None:
    assert house.ask("GET", "/v1/status")[0] == 200
    house.run(lambda: _until(lambda: _admission(house)._timer is None))


# --- the rule -----------------------------------------------------------------------------------------------------


TOKENS: dict[Scope, bytes] = {"read": b"r", "operate": b"o"}


def test_a_token_is_valid_while_one_of_its_scopes_has_it() -> None:
    entry = Entry(TOKENS, {"read", "operate"})
    assert entry.is_valid(TOKENS)
    assert entry.is_valid({"operate": b"o"})
    assert not entry.is_valid({"read": b"o", "operate": b"r"})
    assert not entry.is_valid({})


def test_a_cancellation_from_elsewhere_stays_one() -> None:
    async def main() -> None:
        admission = Admission(lambda: TOKENS)

        async def work() -> None:
            with admission.held(Entry(TOKENS, {"read"})):
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_one_that_swallows_the_first_cancellation_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurora_desktop.api.admission.LOOK_EVERY_S", 0.001)
    swallowed = []

    async def stubborn(admission: Admission) -> None:
        with admission.held(Entry(TOKENS, {"read"})):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed.append(1)
            await asyncio.Event().wait()

    async def main() -> int:
        with pytest.raises(RevokedError):
            await stubborn(Admission(dict))
        this = asyncio.current_task()
        return this.cancelling() if this is not None else -1

    assert asyncio.run(main()) == 0
    assert swallowed == [1]
