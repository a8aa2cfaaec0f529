"""What the brake of a house does besides control: its care, its lock on the display, how the worker is started."""

import asyncio
import contextlib
from types import SimpleNamespace

import pytest
from core.clocks import FakeClock

from aurora_desktop import brake
from aurora_desktop.brake import Brake


class FullFolder:
    def __init__(self) -> None:
        self.asked = 0
        self.twice = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def prune(self) -> int:
        self.asked += 1
        if self.asked == 2:
            self._loop.call_soon_threadsafe(self.twice.set)
        raise PermissionError("not yours")


def test_pictures_that_cannot_be_removed_end_no_other_care(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brake, "CARE_S", 0)
    monkeypatch.setattr(brake, "PRUNE_EVERY", 2)

    async def play() -> None:
        caring = Brake.__new__(Brake)
        folder = FullFolder()
        given = {"audit": SimpleNamespace(trouble=None), "_clock": FakeClock(), "_evidence": folder}
        caring.__dict__.update(given | {"control": SimpleNamespace(guard_pid=0), "_hurried": 0})
        task = asyncio.ensure_future(caring._care())
        told = asyncio.ensure_future(folder.twice.wait())
        await asyncio.wait((task, told), timeout=5, return_when=asyncio.FIRST_COMPLETED)
        assert not task.done()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(play())


def test_each_guard_that_could_not_take_a_high_priority_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(brake, "raise_priority", lambda pid, nice, _environment: asked.append((pid, nice)))
    monkeypatch.setattr(brake, "is_hurried", {11: False, 12: True, 13: False}.__getitem__)

    async def play() -> None:
        hurrying = Brake.__new__(Brake)
        hurrying.__dict__.update({"_hurried": 0, "_environment": {}})
        for pid in (0, 11, 11, 12, 0, 13):
            hurrying.__dict__["control"] = SimpleNamespace(guard_pid=pid)
            await hurrying._hurry_guard()

    asyncio.run(play())
    assert asked == [(11, -11), (13, -11)]


@pytest.mark.parametrize("names", [(":0", ":0.0", "unix:0", "unix:0.1"), ("far:10", "far:10.0")])
def test_one_display_has_one_lock_however_it_is_written(names: tuple[str, ...]) -> None:
    assert len({brake._plain(name) for name in names}) == 1


def test_different_displays_have_different_locks() -> None:
    assert len({brake._plain(name) for name in (":0", ":1", ":10", "far:0", "wayland-0", "wayland-1")}) == 6


def test_the_worker_takes_nothing_from_the_folder_that_aurora_was_started_in() -> None:
    assert "-P" in brake.WORKER
