"""The link against the stand-in of its server, on real sockets."""

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from aurora_desktop.core.link_events import (
    LinkMessageFailed,
    LinkMessageReceived,
    LinkSessionChanged,
    LinkStateChanged,
    LinkWarning,
)
from aurora_desktop.link import backoff, connection, lifeline
from aurora_desktop.link import live as live_module
from aurora_desktop.link.jwt import UNKNOWN_LIFETIME_S

from .brain import Served
from .brain import jwt as signed
from .rig import MemoryTokens, Rig, Told


@pytest.fixture
def served() -> Iterator[Served]:
    with Served() as server:
        yield server


def lived(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def states(told: Told) -> list[str]:
    return [event.state for event in told.of(LinkStateChanged)]


def test_it_comes_online_by_the_states_in_between(tmp_path: Path, served: Served) -> None:
    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            await rig.until_state("online")
            assert states(rig.told) == ["connecting", "authenticating", "online"]
            view = rig.link.view()
            assert (view.attempt, view.is_up, len(view.session)) == (0, True, 7)
            assert view.latency_ms is not None

    lived(live())


def test_messages_go_out_in_order_and_come_in_once(tmp_path: Path, served: Served) -> None:
    brain = served.brain
    peer = brain.profile("peer")

    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            for number in range(20):
                await rig.send(peer, f"out {number}")
            await rig.until_state("online")
            for number in range(120):
                brain.post(peer, recipient_id=brain.profile("aurora"), content=f"in {number}")
            await rig.until(lambda: not len(rig.link.exchange.outbox))
            await rig.until(lambda: len(rig.told.of(LinkMessageReceived)) == 120)
        assert [m["content"] for m in brain.messages if m["sender_id"] != peer] == [f"out {n}" for n in range(20)]
        assert [event.summary for event in rig.told.of(LinkMessageReceived)] == [f"in {n}" for n in range(120)]

    lived(live())


def test_a_restart_keeps_session_tokens_and_what_was_received(tmp_path: Path, served: Served) -> None:
    brain = served.brain
    tokens, told = MemoryTokens(), Told()

    async def live(content: str) -> None:
        async with Rig(tmp_path, served.settings(), tokens=tokens, told=told).running() as rig:
            await rig.until_state("online")
            brain.post(7, recipient_id=brain.profile("aurora"), content=content)
            await rig.until(lambda: any(e.summary == content for e in told.of(LinkMessageReceived)))

    lived(live("before"))
    lived(live("after"))
    assert [event.summary for event in told.of(LinkMessageReceived)] == ["before", "after"]
    assert (brain.logins, len(brain.sessions), len(told.of(LinkSessionChanged))) == (1, 1, 1)


def test_a_session_that_the_server_forgot_is_replaced(tmp_path: Path, served: Served) -> None:
    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            await rig.until_state("online")
            served.brain.sessions.clear()
            rig.link.reconnect()
            await rig.until(lambda: len(rig.told.of(LinkSessionChanged)) == 2)
            first, second = rig.told.of(LinkSessionChanged)
            assert second.previous == first.session != second.session

    lived(live())


def test_a_session_that_is_somebody_elses_now_is_replaced(tmp_path: Path, served: Served) -> None:
    def refuse(method: str, path: str) -> Any:
        is_look = method == "GET" and "/session/" in path
        return (403, {"success": False, "error": "not your session"}) if is_look else None

    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            await rig.until_state("online")
            served.brain.answers.append(refuse)
            rig.link.reconnect()
            await rig.until(lambda: len(rig.told.of(LinkSessionChanged)) == 2)
            await rig.until_state("online")

    lived(live())


def test_to_connect_anew_is_no_fault(tmp_path: Path, served: Served) -> None:
    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            await rig.until_state("online")
            rig.link.reconnect()
            await rig.until(lambda: served.brain.greeted == 2)
            await rig.until_state("online")
            assert states(rig.told)[3:] == ["connecting", "authenticating", "online"]
            assert rig.told.of(LinkStateChanged)[3].cause.endswith(": as asked")
            assert rig.link.view().errors == ()

    lived(live())


def test_a_websocket_that_is_refused_costs_few_tokens(
    tmp_path: Path, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages pass without it, and it is tried ever more seldom."""
    ceilings: list[float] = []

    def wait_s(attempt: int, spent_s: float, chance: float, most_s: float) -> float:
        ceilings.append(most_s)
        return 0.001

    async def refuse(connection: ServerConnection) -> None:
        served.brain.greeted += 1
        await connection.send('{"type": "error", "error": "Authentication failed"}')

    served.close_door()
    monkeypatch.setattr(served.brain, "live", refuse)
    served.open_door()

    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            await rig.until_state("degraded")
            assert "Authentication failed" in rig.link.view().cause
            monkeypatch.setattr(lifeline.backoff, "wait_s", wait_s)
            rig.link.reconnect()
            await rig.until(lambda: served.brain.greeted > 20)
            await rig.send(9, "without it")
            await rig.until(lambda: not len(rig.link.exchange.outbox))
            assert backoff.REFUSED_S in ceilings
        assert (served.brain.logins, served.brain.refreshes <= 2) == (1, True)

    lived(live())


def test_what_waits_for_too_long_is_told_while_the_server_is_away(tmp_path: Path, served: Served) -> None:
    served.close_door()

    async def live() -> None:
        rig = Rig(tmp_path, served.settings(outbox={"max_age_days": 1e-9}))
        await rig.send(9, "too late")
        async with rig.running():
            await rig.until(lambda: rig.told.of(LinkMessageFailed))
            assert (len(rig.link.exchange.outbox), len(rig.link.view().outbox.dead)) == (0, 1)

    lived(live())


def test_a_part_that_fails_ends_the_link_and_not_in_silence(
    tmp_path: Path, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "GLANCE_S", 0.01)

    async def live() -> None:
        rig = Rig(tmp_path, served.settings())
        async with rig.running():
            await rig.until_state("online")

            def addresses() -> tuple[str, ...]:
                raise RuntimeError("a fault of ours")

            rig.link._ports = rig.link._ports._replace(addresses=addresses)
            with pytest.raises(RuntimeError, match="a fault of ours"):
                await rig.living

    lived(live())


def test_an_outage_is_survived_and_what_was_written_meanwhile_arrives(tmp_path: Path, served: Served) -> None:
    async def live() -> None:
        async with Rig(tmp_path, served.settings(reconnect_max_s=1)).running() as rig:
            await rig.until_state("online")
            await asyncio.to_thread(served.close_door)
            await rig.until_state("backing_off")
            await rig.send(9, "written in the dark")
            await asyncio.to_thread(served.open_door)
            await rig.until_state("online")
            await rig.until(lambda: not len(rig.link.exchange.outbox))
        assert [m["content"] for m in served.brain.messages] == ["written in the dark"]

    lived(live())


@pytest.mark.parametrize("skew_s", [-86_400.0, 86_400.0])
def test_a_server_whose_clock_is_a_day_off_is_no_trouble(tmp_path: Path, served: Served, skew_s: float) -> None:
    served.brain.skew_s = skew_s

    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            await rig.until_state("online")
            await rig.send(9, "hello")
            await rig.until(lambda: not len(rig.link.exchange.outbox))
        assert (served.brain.logins, served.brain.refreshes) == (1, 0)

    lived(live())


def test_a_message_that_cannot_be_read_keeps_no_other_back(tmp_path: Path, served: Served) -> None:
    brain = served.brain
    us = brain.profile("aurora")
    for content in ("before", "half \ud800 a character", {"no": "text"}, "after"):
        brain.post(7, recipient_id=us, content=content)
    brain.messages[0]["metadata"] = ["odd"]
    brain.messages.append({"recipient_id": us})

    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            await rig.until(lambda: len(rig.told.of(LinkMessageReceived)) == 4)
            told = rig.told.of(LinkMessageReceived)
            assert [e.summary for e in told] == ["before", "half ? a character", "", "after"]
            assert told[2].kind == "unreadable"

    lived(live())


def test_a_server_that_wants_quiet_gets_it(tmp_path: Path, served: Served) -> None:
    said = [(429, {"success": False, "error": "Rate limit exceeded", "retry_after": 0.3})]
    asked: list[int] = []

    def limit(method: str, path: str) -> Any:
        if path.endswith("inbox"):
            asked.append(len(said))
            return said.pop() if said else None
        return None

    served.brain.answers.append(limit)

    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            await rig.until_state("online")
            await rig.until(lambda: len(asked) > 1)
            assert [s for s in states(rig.told) if s == "backing_off"] == []
            assert "429" in rig.link.view().errors[0][1]

    lived(live())


def test_a_network_that_comes_back_is_not_waited_for(
    tmp_path: Path, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "BASE_S", 1000.0)
    monkeypatch.setattr(connection, "GLANCE_S", 0.01)
    served.close_door()

    async def live() -> None:
        rig = Rig(tmp_path, served.settings(reconnect_max_s=3600))
        rig.addresses = ()
        async with rig.running():
            await rig.until(lambda: rig.link.view().cause == "this machine has no network")
            assert rig.link.view().state == "offline"
            await asyncio.to_thread(served.open_door)
            rig.addresses = ("10.0.0.1",)
            await rig.until_state("online")

    lived(live())


def test_after_the_last_attempt_that_is_allowed_it_waits_for_a_word(tmp_path: Path, served: Served) -> None:
    served.close_door()

    async def live() -> None:
        async with Rig(tmp_path, served.settings(max_attempts=2, reconnect_max_s=1)).running() as rig:
            await rig.until(lambda: "given up after 2 attempts" in rig.link.view().cause)
            view = rig.link.view()
            assert (view.state, view.attempt, view.next_attempt_at) == ("offline", 2, None)
            await asyncio.to_thread(served.open_door)
            rig.link.reconnect()
            await rig.until_state("online")

    lived(live())


def test_a_refused_login_is_not_retried_blindly_and_a_word_tries_again(tmp_path: Path, served: Served) -> None:
    served.brain.refuses_login = True

    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            await rig.until_state("refused")
            assert "this identity is blocked" in rig.link.view().cause
            assert "admitted at the server" in rig.link.view().hint
            assert [path for _, path in served.brain.asked] == ["/api/v1/auth/login"]
            served.brain.refuses_login = False
            rig.link.reconnect()
            await rig.until_state("online")

    lived(live())


@pytest.mark.parametrize(
    ("status", "answer", "state"),
    [
        (404, {"success": False, "error": "AI not found"}, "refused"),
        (400, {"success": False, "error": "Missing required fields"}, "refused"),
        (404, {}, "backing_off"),
        (500, {"success": False, "error": "Login failed"}, "backing_off"),
    ],
)
def test_an_identity_that_the_server_does_not_know_is_refused_and_another_server_is_not(
    tmp_path: Path, served: Served, status: int, answer: dict[str, Any], state: str
) -> None:
    served.brain.answers.append(lambda *_: (status, dict(answer)))

    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            await rig.until_state("refused", "backing_off")
            view = rig.link.view()
            assert (view.state, f"it answered {status}" in view.cause) == (state, True)
            assert "ai_id" in view.hint or state != "refused"

    lived(live())


def alarms(told: Told) -> list[str]:
    return [event.topic for event in told.of(LinkWarning) if event.needs_operator]


def test_a_refusal_calls_for_the_operator_once(tmp_path: Path, served: Served) -> None:
    served.brain.refuses_login = True

    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            await rig.until_state("refused")
            logins = len(served.brain.asked)
            rig.link.reconnect()
            await rig.until(lambda: len(served.brain.asked) > logins and rig.link.standing.state == "refused")
            assert alarms(rig.told) == ["refused"]

    lived(live())


@pytest.mark.parametrize(("addresses", "called"), [(("10.0.0.1",), ["down"]), ((), [])])
def test_an_outage_calls_for_the_operator_when_it_is_long_and_the_network_is_there(
    tmp_path: Path, served: Served, monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...], called: list[str]
) -> None:
    monkeypatch.setattr(connection, "LONG_DOWN_S", 0.0)
    served.close_door()

    async def live() -> None:
        rig = Rig(tmp_path, served.settings(reconnect_max_s=1))
        rig.addresses = addresses
        async with rig.running():
            await rig.until(lambda: rig.link.view().attempt >= 2)
            assert alarms(rig.told) == called

    lived(live())


def test_a_short_outage_calls_for_nobody_and_giving_up_does(tmp_path: Path, served: Served) -> None:
    served.close_door()

    async def live() -> None:
        async with Rig(tmp_path, served.settings(max_attempts=2, reconnect_max_s=1)).running() as rig:
            await rig.until(lambda: rig.link.view().attempt == 2)
            assert alarms(rig.told) == ["given_up"]

    lived(live())


def test_a_token_that_is_taken_back_is_exchanged_once(tmp_path: Path, served: Served) -> None:
    tokens = MemoryTokens()

    async def live() -> None:
        async with Rig(tmp_path, served.settings(), tokens=tokens).running() as rig:
            await rig.until_state("online")
            served.brain.revoked.add(tokens.kept[-1].token)
            await rig.until(lambda: served.brain.refreshes)
            await rig.send(9, "with the new one")
            await rig.until(lambda: not len(rig.link.exchange.outbox))
        assert (served.brain.logins, served.brain.refreshes) == (1, 1)

    lived(live())


def test_a_server_without_states_is_told_of_once(tmp_path: Path, served: Served) -> None:
    async def live() -> None:
        rig = Rig(tmp_path, served.settings())
        rig.shared = ("1 tasks run", "healthy")
        async with rig.running():
            await rig.until(lambda: rig.link.view().missing)
            rig.link.reconnect()
            await rig.until(lambda: served.brain.greeted == 2)
        (warning,) = rig.told.of(LinkWarning)
        assert (warning.topic, rig.link.view().missing) == ("state", ("state",))
        assert [path for _, path in served.brain.asked].count("/api/v1/brain/state") == 1

    lived(live())


@pytest.mark.parametrize("raw", [b"\x00\xff", "no json", "[1]", '{"type": "strange"}', '{"no": "type"}', "[" * 90_000])
def test_frames_that_are_not_understood_do_no_harm(tmp_path: Path, served: Served, raw: str | bytes) -> None:
    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            await rig.until_state("online")
            await asyncio.to_thread(served.tell, raw)
            await rig.until(lambda: rig.told.of(LinkWarning))
            assert (rig.link.standing.state, served.brain.greeted) == ("online", 1)

    lived(live())


def test_a_flood_of_frames_is_no_flood_of_requests(tmp_path: Path, served: Served) -> None:
    async def live() -> None:
        async with Rig(tmp_path, served.settings(requests_per_min=60, poll_s=3600)).running() as rig:
            await rig.until_state("online")
            for number in range(200):
                await asyncio.to_thread(served.tell, f'{{"type": "strange {number}"}}')
            await rig.until(lambda: len(rig.told.of(LinkWarning)) == 20)
            polls = [path for _, path in served.brain.asked if path.endswith("inbox")]
            assert len(polls) < 40  # one each 2 s, however slow this machine is

    lived(live())


def test_a_frame_that_is_huge_costs_the_socket_and_no_more(tmp_path: Path, served: Served) -> None:
    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            await rig.until_state("online")
            await asyncio.to_thread(served.tell, '"' + "x" * 2_000_000 + '"')
            await rig.until(lambda: served.brain.greeted == 2)
            await rig.until_state("online")
            assert "degraded" in states(rig.told)
            assert "backing_off" not in states(rig.told)

    lived(live())


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak WebSocket"),
        (b"\x00\xff\x00", "does not speak WebSocket"),
        (b"", "does not speak WebSocket"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "answered 200 instead of opening a WebSocket"),
        (b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n", "answered 404 instead of opening a WebSocket"),
        (b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", "answered 503 instead of opening a WebSocket"),
        (b"HTTP/1.1 429 X\r\nContent-Length: 0\r\n\r\n", "answered 429 instead of opening a WebSocket"),
        (b"HTTP/1.1 302 X\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "answered 302 instead"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 100_000 + b"\r\n\r\n", "does not speak WebSocket"),
    ],
)
def test_something_else_where_the_websocket_should_be_is_told_and_messages_pass(
    tmp_path: Path, served: Served, said: bytes, told: str
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async def live() -> None:
        other = await asyncio.start_server(answer, "127.0.0.1", 0)
        address = f"ws://127.0.0.1:{other.sockets[0].getsockname()[1]}"
        async with other, Rig(tmp_path, served.settings(websocket_url=address)).running() as rig:
            await rig.until_state("degraded")
            view = rig.link.view()
            assert (told in view.cause, "link.websocket_url" in view.hint) == (True, True), view.cause
            await rig.send(9, "all the same")
            await rig.until(lambda: not len(rig.link.exchange.outbox))

    lived(live())


def test_a_websocket_that_says_nothing_is_given_up(
    tmp_path: Path, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "GREETING_S", 0.05)

    async def say_nothing(connection: ServerConnection) -> None:
        await connection.wait_closed()

    served.close_door()
    monkeypatch.setattr(served.brain, "live", say_nothing)
    served.open_door()

    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            await rig.until_state("degraded")
            assert "said nothing within 0.05 s" in rig.link.view().cause

    lived(live())


def test_a_challenge_is_answered_by_the_frame_that_counts(tmp_path: Path, served: Served) -> None:
    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            await rig.until(lambda: served.brain.subscriptions == 1)
            await asyncio.to_thread(served.tell, '{"type": "activity_verification"}')
            await rig.until(lambda: served.brain.subscriptions == 2)

    lived(live())


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhtml", "no JSON object"),
        (b"HTTP/1.1 302 X\r\nLocation: https://evil.example/x\r\nContent-Length: 0\r\n\r\n", "evil.example"),
        (b"HTTP/1.1 302 X\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n", "redirects (302)"),
        (b"", "cannot be reached"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "no JSON object"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"success":true}', "lacks something"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", "closed the connection without a whole answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n" + b"x" * 9_000_000, "larger than 8 MiB"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n" + b"[" * 90_000, "no JSON object"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\x00\xff\xfe\x01", "no JSON object"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "does not speak HTTP"),
    ],
)
def test_a_server_that_speaks_something_else_is_told_in_words(
    tmp_path: Path, served: Served, raw: bytes, told: str
) -> None:
    served.brain.raw, served.brain.hangs_up = raw, not raw

    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            await rig.until_state("backing_off")
            view = rig.link.view()
            assert told in view.cause
            assert "link.url" in view.hint or "lacks something" in told

    lived(live())


@pytest.mark.parametrize("token", ["opaque", "a.b.c", signed(ai_id=1), signed(alg="none"), f"{'x' * 3000}"])
def test_a_token_that_says_nothing_of_its_end_is_used_all_the_same(
    tmp_path: Path, served: Served, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setattr(served.brain, "who", lambda *_: 1)
    granted = {"success": True, "token": token, "refresh_token": "opaque too"}
    served.brain.answers.append(lambda _, path: (200, granted) if path.endswith("auth/login") else None)

    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            await rig.until_state("online")
            assert rig.tokens.kept[-1].lifetime_s == UNKNOWN_LIFETIME_S

    lived(live())


@pytest.mark.parametrize(
    ("granted", "told"),
    [
        ({"token": signed(iat=10, exp=5)}, "has expired already"),
        ({"token": signed(exp=5)}, "has expired already"),
        ({"token": "opaque", "expires_in": 0}, "has expired already"),
        ({"token": ""}, "characters that no token has"),
        ({"token": "two\r\nX-Evil: lines"}, "characters that no token has"),
        ({"token": 5}, "lacks something"),
        ({"token": None}, "lacks something"),
        ({}, "lacks something"),
    ],
)
def test_a_token_that_is_of_no_use_is_told_and_not_shown(
    tmp_path: Path, served: Served, granted: dict[str, Any], told: str
) -> None:
    served.brain.answers.append(lambda _, path: (200, dict(granted)) if path.endswith("auth/login") else None)

    async def live() -> None:
        async with Rig(tmp_path, served.settings()).running() as rig:
            await rig.until_state("backing_off")
            view = rig.link.view()
            assert told in view.cause
            assert "eyJ" not in view.cause + view.hint
            assert rig.tokens.kept == []

    lived(live())
