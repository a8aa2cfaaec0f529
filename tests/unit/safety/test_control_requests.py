"""An agent asks for mouse and keyboard: what becomes of it is the operator's, and never an arming by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from core.clocks import FakeClock

from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.input_events import ControlRequestAnswered, ControlRequested
from aurora_desktop.safety.requests import QUIET_S, ControlRequests
from aurora_desktop.safety.standing import Standing
from aurora_desktop.safety.view import ControlState, Decided

FOR_EVER = 300.0


class Desk:
    """The requests, how control stands, and what was told."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.stands = Standing("disarmed", "the operator has not armed control")
        self.told: list[AnyEvent] = []
        self.requests = ControlRequests(self.clock, self.told.append, lambda: self.stands)

    def become(self, state: ControlState, reason: str = "") -> None:
        self.stands = Standing(state, reason, "a hint")
        self.requests.look()

    async def while_asked(self, then: Callable[[], Any], wait_s: float = FOR_EVER) -> Decided:
        """What is decided once `then` was done, with the request open."""
        asking = asyncio.create_task(self.requests.ask("claude", "to fill in the form", wait_s))
        await asyncio.sleep(0)
        assert self.requests.current is not None
        assert not asking.done()
        then()
        return await asking

    def answers(self) -> list[str]:
        return [event.decision for event in self.told if isinstance(event, ControlRequestAnswered)]


def run(work: Callable[[Desk], Awaitable[None]]) -> Desk:
    desk = Desk()

    async def main() -> None:
        await work(desk)

    asyncio.run(main())
    return desk


@pytest.mark.parametrize(
    ("then", "decision", "code"),
    [
        (lambda desk: desk.become("armed"), "armed", ""),
        (lambda desk: desk.requests.decline(), "declined", ""),
        (lambda desk: desk.requests.withdraw("Aurora quits"), "withdrawn", ""),
        (lambda desk: desk.become("latched", "stopped by hotkey"), "refused", "latched"),
        (lambda desk: desk.become("closed", "the screen is locked"), "refused", "closed"),
    ],
)
def test_the_operator_decides(then: Callable[[Desk], None], decision: str, code: str) -> None:
    async def work(desk: Desk) -> None:
        decided = await desk.while_asked(lambda: then(desk))
        assert (decided.decision, decided.code) == (decision, code)
        assert desk.requests.current is None

    desk = run(work)
    assert desk.answers() == [code or decision]


def test_it_is_told_who_asks_and_why() -> None:
    async def work(desk: Desk) -> None:
        def look() -> None:
            request = desk.requests.current
            assert request is not None
            assert (request.agent, request.reason, request.until - request.asked_at) == (
                "claude", "to fill in the form", FOR_EVER
            )  # fmt: skip
            desk.become("armed")

        await desk.while_asked(look)

    told = run(work).told[0]
    assert isinstance(told, ControlRequested)
    assert (told.agent, told.reason) == ("claude", "to fill in the form")


@pytest.mark.parametrize(
    ("state", "decision", "code"),
    [("armed", "armed", ""), ("latched", "refused", "latched"), ("closed", "refused", "closed")],
)
def test_what_is_no_question_is_not_asked(state: ControlState, decision: str, code: str) -> None:
    async def work(desk: Desk) -> None:
        desk.become(state, "so it is")
        decided = await desk.requests.ask("claude", "", FOR_EVER)
        assert (decided.decision, decided.code) == (decision, code)

    assert run(work).told == []


def test_arming_under_way_is_waited_for() -> None:
    async def work(desk: Desk) -> None:
        def arm() -> None:
            desk.become("arming")
            assert desk.requests.current is not None
            desk.become("armed")

        assert (await desk.while_asked(arm)).decision == "armed"

    run(work)


def test_nobody_answers() -> None:
    async def work(desk: Desk) -> None:
        decided = await desk.requests.ask("", "", 0.0)
        assert (decided.decision, bool(decided.hint)) == ("unanswered", True)

    desk = run(work)
    assert desk.answers() == ["unanswered"]


def test_one_agent_asks_at_a_time() -> None:
    async def work(desk: Desk) -> None:
        first = asyncio.create_task(desk.requests.ask("claude", "", FOR_EVER))
        await asyncio.sleep(0)
        second = await desk.requests.ask("codex", "", FOR_EVER)
        assert (second.decision, second.code, second.detail) == (
            "refused", "busy", "claude asks the operator just now"
        )  # fmt: skip
        desk.become("armed")
        assert (await first).decision == "armed"

    run(work)


def test_after_a_no_the_operator_is_left_alone() -> None:
    async def work(desk: Desk) -> None:
        await desk.while_asked(desk.requests.decline)
        desk.clock.advance(QUIET_S - 1)
        decided = await desk.requests.ask("claude", "please", FOR_EVER)
        assert (decided.code, decided.hint) == ("too_soon", "Ask again in 1 s, or ask the operator in words")
        desk.clock.advance(1)
        assert (await desk.while_asked(lambda: desk.become("armed"))).decision == "armed"

    run(work)


def test_who_leaves_withdraws_the_question() -> None:
    async def work(desk: Desk) -> None:
        asking = asyncio.create_task(desk.requests.ask("claude", "", FOR_EVER))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait({asking})
        assert desk.requests.current is None

    assert run(work).answers() == ["withdrawn"]


def test_a_no_without_a_question_is_nothing() -> None:
    async def work(desk: Desk) -> None:
        desk.requests.decline()

    assert run(work).told == []
