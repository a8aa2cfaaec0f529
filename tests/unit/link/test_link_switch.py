"""The switch: nothing of the link while it is off, another one for other settings, and a new one after a fault."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aurora_desktop.core.clock import SystemClock
from aurora_desktop.core.events import PartFailed
from aurora_desktop.core.settings.schema_link import LinkSettings
from aurora_desktop.link import switch as switch_module
from aurora_desktop.link.connection import Link
from aurora_desktop.link.errors import LinkOffError
from aurora_desktop.link.surroundings import Surroundings
from aurora_desktop.link.switch import LinkSwitch

from .brain import Served
from .brain import jwt as signed
from .rig import FakeTasks, Told, open_database


@pytest.fixture
def served() -> Iterator[Served]:
    with Served() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")


class Room:
    def __init__(self, folder: Path, settings: LinkSettings) -> None:
        self.told, self.database = Told(), open_database(folder)
        self.switch = LinkSwitch(
            settings,
            Surroundings(
                clock=SystemClock(), publish=self.told.publish, database=self.database, secrets_folder=folder,
                tasks=FakeTasks(), journal=self.told, shared=lambda: ("", ""),
            ),
        )  # fmt: skip
        self._changed = asyncio.Event()
        self.switch.watch(self._changed.set)

    async def until(self, *states: str) -> None:
        async with asyncio.timeout(60):
            while self.switch.view().state not in states:
                self._changed.clear()
                await self._changed.wait()


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - of another thread, or another process
            await asyncio.sleep(0.01)


def lived(room: Room, work: Coroutine[Any, Any, None]) -> None:
    async def live() -> None:
        running = asyncio.ensure_future(room.switch.run())
        try:
            await work
        finally:
            await room.switch.close()
            await running

    asyncio.run(live())
    room.database.close()


def test_a_program_without_a_link_imports_nothing_of_it() -> None:
    program = (
        "import sys; import aurora_desktop.parts;"
        "sys.exit(any(m in sys.modules for m in ('websockets', 'aurora_desktop.link.connection')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_it_is_off_until_settings_turn_it_on_and_off_again(tmp_path: Path, served: Served) -> None:
    room = Room(tmp_path, LinkSettings())

    async def work() -> None:
        with pytest.raises(LinkOffError):
            await room.switch.send("9", "hello")
        with pytest.raises(LinkOffError):
            room.switch.reconnect()
        with pytest.raises(LinkOffError):
            await room.switch.forget_dead()
        room.switch.apply(msgspec.convert(served.settings(), LinkSettings))
        message = await room.switch.send("9", "hello")
        assert message.status == "waiting"
        await room.until("online")
        assert await room.switch.inbox() == ()
        for settled in (await room.switch.retry_dead(), await room.switch.forget_dead()):
            assert (settled.enabled, settled.outbox.dead_count) == (True, 0)
        assert room.switch.reconnect().enabled
        room.switch.apply(LinkSettings())
        await room.until("offline")
        assert not room.switch.view().enabled

    lived(room, work())


def test_another_identity_gets_another_session_that_names_the_first(tmp_path: Path, served: Served) -> None:
    settings = msgspec.convert(served.settings(), LinkSettings)
    room = Room(tmp_path, settings)

    async def work() -> None:
        await room.until("online")
        first = room.switch.view().session
        room.switch.apply(msgspec.convert(served.settings(ai_name="other"), LinkSettings))
        await room.until("offline", "connecting", "authenticating")
        await room.until("online")
        before, second = served.brain.sessions.values()
        assert second["metadata"] == {"handed_over_from": first}
        await eventually(lambda: before["status"] == "ended" and len(served.brain.revoked) == 1)
        assert second["status"] == "active"

    lived(room, work())


def test_another_server_gets_its_farewell_after_a_restart_too(tmp_path: Path, served: Served) -> None:
    def settings(server: Served) -> LinkSettings:
        return msgspec.convert(server.settings(), LinkSettings)

    room = Room(tmp_path, settings(served))
    lived(room, room.until("online"))
    assert [each["status"] for each in served.brain.sessions.values()] == ["active"]
    with Served() as other:
        again = Room(tmp_path, settings(other))

        async def work() -> None:
            await again.until("online")
            await eventually(lambda: [each["status"] for each in served.brain.sessions.values()] == ["ended"])

        lived(again, work())
        assert [each["status"] for each in other.brain.sessions.values()] == ["active"]


def test_a_token_that_is_too_old_for_a_farewell_is_exchanged(tmp_path: Path, served: Served) -> None:
    room = Room(tmp_path, msgspec.convert(served.settings(), LinkSettings))
    lived(room, room.until("online"))
    served.brain.revoked.update(told_tokens(tmp_path))
    again = Room(tmp_path, msgspec.convert(served.settings(ai_name="other"), LinkSettings))

    async def work() -> None:
        await again.until("online")
        await eventually(lambda: [s["status"] for s in served.brain.sessions.values()] == ["ended", "active"])

    lived(again, work())


def told_tokens(folder: Path) -> list[str]:
    return [msgspec.json.decode((folder / "link-tokens").read_bytes())["token"]]


def test_turned_off_it_ends_its_session_and_leaves_no_tokens(tmp_path: Path, served: Served) -> None:
    room = Room(tmp_path, msgspec.convert(served.settings(), LinkSettings))

    async def work() -> None:
        await room.until("online")
        assert told_tokens(tmp_path)
        room.switch.apply(LinkSettings())
        await eventually(lambda: not (tmp_path / "link-tokens").exists())
        (session,) = served.brain.sessions.values()
        assert (session["status"], len(served.brain.revoked)) == ("ended", 1)
        room.switch.apply(msgspec.convert(served.settings(), LinkSettings))
        await room.until("online")
        assert [each["status"] for each in served.brain.sessions.values()] == ["ended", "active"]

    lived(room, work())
    assert [each["status"] for each in served.brain.sessions.values()] == ["ended", "active"]  # a quit ends none


def test_turned_off_while_the_server_is_away_it_waits_for_nobody(tmp_path: Path, served: Served) -> None:
    room = Room(tmp_path, msgspec.convert(served.settings(), LinkSettings))

    async def work() -> None:
        await room.until("online")
        await asyncio.to_thread(served.close_door)
        await room.until("backing_off")
        asked = len(served.brain.asked)
        room.switch.apply(LinkSettings())
        await eventually(lambda: not (tmp_path / "link-tokens").exists())
        assert len(served.brain.asked) == asked

    lived(room, work())


def test_a_fault_of_ours_is_told_without_a_token_and_the_link_begun_anew(
    tmp_path: Path, served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    token = signed(exp=1)
    faults = [RuntimeError(f"a fault of ws://127.0.0.1/?token={token}")]
    alive = Link.run

    async def run(link: Link) -> None:
        if faults:
            raise faults.pop()
        await alive(link)

    monkeypatch.setattr(Link, "run", run)
    monkeypatch.setattr(switch_module, "AGAIN_S", 0.01)
    room = Room(tmp_path, msgspec.convert(served.settings(), LinkSettings))

    async def work() -> None:
        await room.until("online")
        (failed,) = room.told.of(PartFailed)
        assert "RuntimeError: a fault of ws://127.0.0.1/?token=***" in failed.detail
        assert "Traceback" in caplog.text
        assert token not in caplog.text

    lived(room, work())
