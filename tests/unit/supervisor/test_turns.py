"""What comes by the hundred is spread over several turns of the loop; none of it is lost or comes too late."""

import asyncio
import threading
from pathlib import Path

import pytest

from aurora_desktop.core.events import ServiceStateChanged
from aurora_desktop.supervisor import turns
from aurora_desktop.supervisor.ending import Ending
from aurora_desktop.supervisor.processes import SERVICE_MARKER, SPAWN_MARKER, STATE_MARKER, ProcessInfo
from aurora_desktop.supervisor.strays import Strays
from aurora_desktop.supervisor.tree import Identity, Tree
from aurora_desktop.supervisor.turns import SLICE_S, Turns
from supervisor.machine import FakeTable, process
from supervisor.stage import Stage, surroundings, telling
from supervisor.yard import WAIT_S, in_loop


class HandClock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now


@in_loop
async def test_a_turn_has_time_until_its_slice_is_used_up_and_the_next_has_it_again() -> None:
    clock = HandClock()
    shared = Turns(clock, asyncio.get_running_loop())
    assert shared.has_time()
    clock.now += SLICE_S / 2
    assert shared.has_time()
    clock.now += SLICE_S
    assert not shared.has_time()
    await asyncio.sleep(0)
    assert shared.has_time()
    await asyncio.sleep(0)


class HidingOnce(FakeTable):
    """Its first reading misses a process: its parent forked it and ended while the table was read."""

    def __init__(self) -> None:
        super().__init__()
        self.readings = 0
        self.read_twice = asyncio.Event()

    def all(self) -> dict[int, ProcessInfo]:
        self.readings += 1
        if self.readings == 1:
            return {}
        self.read_twice.set()
        return super().all()


@in_loop
async def test_a_tree_is_gone_only_when_two_readings_say_so(tmp_path: Path) -> None:
    clock, table, gone = HandClock(), HidingOnce(), asyncio.Event()
    around = surroundings(tmp_path, clock=clock)
    around.table = table
    table.put(process(101), {SPAWN_MARKER: "marker"})
    ending = Ending(Tree(table, "marker", Identity(100, 1)), around, gone.set)
    ending.send(0)
    await table.read_twice.wait()
    await asyncio.sleep(0)
    assert not gone.is_set()
    table.remove(101)
    clock.now += 1.0
    async with asyncio.timeout(WAIT_S):
        await gone.wait()


@in_loop
async def test_two_that_end_at_the_same_moment_share_both_readings(tmp_path: Path) -> None:
    around = surroundings(tmp_path, clock=HandClock())
    first = around.processes()
    second = around.processes_after(first)
    assert second is not first
    assert around.processes_after(first) is second


class Threaded(FakeTable):
    """Remembers in which threads it was read."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[int] = []

    def all(self) -> dict[int, ProcessInfo]:
        self.threads.append(threading.get_ident())
        return super().all()


@in_loop
async def test_whether_a_process_is_a_stray_is_read_beside_the_loop(tmp_path: Path) -> None:
    around = surroundings(tmp_path, clock=HandClock())
    around.table = table = Threaded()
    marks = {STATE_MARKER: around.paths.digest, SPAWN_MARKER: "marker", SERVICE_MARKER: "web"}
    table.put(process(101), marks)
    assert await Strays(around, tuple).service_of(101) == "web"
    assert len(table.threads) == 1
    assert threading.get_ident() not in table.threads


@in_loop
async def test_a_spawn_that_is_put_off_does_not_come_after_a_stop(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("a", "b", "c")
    async with stage.supervising({name: telling(autostart=False) for name in names}) as supervisor:
        monkeypatch.setattr(turns, "SLICE_S", -1.0)  # no turn has time
        supervisor.start(names, "test")
        assert {supervisor.view(name).state for name in names} == {"starting"}
        supervisor.stop(("b",), "test")
        await asyncio.sleep(0)
        monkeypatch.undo()
        await stage.until_state(supervisor, a="running", b="stopped", c="running")
        assert supervisor.view("b").pid is None


@in_loop
async def test_the_process_of_a_spawn_that_was_put_off_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard looks at the trees of the marked services whenever a state is told."""
    web = telling(type="notify", autostart=False)
    async with stage.supervising({"web": web}) as supervisor:
        monkeypatch.setattr(turns, "SLICE_S", -1.0)
        supervisor.start(("web",), "test")
        assert supervisor.view("web").pid is None
        monkeypatch.undo()
        await stage.until(lambda: any(event.pid for event in stage.told(ServiceStateChanged, "service:web")))
        assert supervisor.view("web").state == "starting"
