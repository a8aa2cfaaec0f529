"""Whatever one part does at the end, the next is ended too."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from aurora_desktop.core.ending import Ending

PATIENCE_S = 60.0


async def for_ever() -> None:
    await asyncio.Event().wait()


async def stubborn(gate: asyncio.Event) -> None:
    while not gate.is_set():
        try:
            await gate.wait()
        except asyncio.CancelledError:
            continue


async def broken() -> None:
    raise RuntimeError("a fault of ours")


def ended(*parts: Coroutine[Any, Any, object], within_s: float = PATIENCE_S) -> None:
    async def end() -> None:
        ending = Ending()
        for part in parts:
            await ending.end("a part", part, within_s)

    asyncio.run(end())


def test_a_part_that_ends_is_waited_for() -> None:
    done: list[str] = []

    async def part() -> None:
        await asyncio.sleep(0)
        done.append("ended")

    ended(part())
    assert done == ["ended"]


def test_one_that_fails_is_written_down(caplog: pytest.LogCaptureFixture) -> None:
    ended(broken())
    assert "a part could not be ended in order" in caplog.text
    assert "a fault of ours" in caplog.text


def test_one_that_hangs_is_left(caplog: pytest.LogCaptureFixture) -> None:
    ended(for_ever(), within_s=0.01)
    assert "a part did not end in time, and is left" in caplog.text


def test_one_that_does_not_even_let_itself_be_cancelled_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurora_desktop.core.ending.LET_GO_S", 0.01)

    async def end() -> None:
        gate = asyncio.Event()
        await Ending().end("a part", stubborn(gate), 0.01)
        gate.set()

    asyncio.run(end())


def test_a_hurry_shortens_it_for_the_one_under_way_and_those_that_follow(caplog: pytest.LogCaptureFixture) -> None:
    async def end() -> None:
        ending = Ending()
        asyncio.get_running_loop().call_soon(ending.hurry)
        for name in ("first", "second"):
            await ending.end(name, for_ever(), PATIENCE_S * 1000)

    asyncio.run(asyncio.wait_for(end(), PATIENCE_S))
    assert [record.args for record in caplog.records] == [("first",), ("second",)]
