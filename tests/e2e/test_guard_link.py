"""Main's hold on the guard: it comes back when it is lost, and is covered for meanwhile."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from aurora_desktop.core.paths import StatePaths
from aurora_desktop.safety.clearance import Clearance
from aurora_desktop.safety.guard_link import GuardLink
from aurora_desktop.safety.messages import (
    LEASE_RENEW_S,
    Arm,
    Armed,
    Channel,
    Configure,
    Disarm,
    Disarmed,
    FromGuard,
    NotArmed,
    Ready,
    Renew,
)
from aurora_desktop.supervisor.exits import owned

from . import machine
from .guard_rig import HOTKEY, LETTER, WORKER
from .observer import Observer
from .vnc import VncScreen
from .waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.brake


@pytest.fixture(scope="module")
def vnc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VncScreen]:
    """A display of this module's own, without a window manager that has keys and menus of its own."""
    with VncScreen(tmp_path_factory.mktemp("screen")) as screen:
        yield screen


@pytest.fixture
def observer(vnc: VncScreen) -> Iterator[Observer]:
    with vnc.operator() as operator:
        operator.move(300, 300)
        operator.sync()
        with Observer(vnc.environment["DISPLAY"]) as observer:
            yield observer


class Main:
    """The main process, as far as the guard needs it."""

    def __init__(self, folder: Path, vnc: VncScreen) -> None:
        self.paths = StatePaths(folder)
        self.paths.make()
        Clearance(self.paths.clearance).grant("the operator")
        self.said: list[FromGuard] = []
        self.losses: list[str] = []
        self._news = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.link = GuardLink(loop, self.paths, vnc.environment_with(), self._take, self._lose)
        self._generation = 0

    def _take(self, message: FromGuard) -> None:
        self.said.append(message)
        self._news.set()

    def _lose(self, reason: str) -> None:
        self.losses.append(reason)
        self._news.set()

    async def until(self, condition: Callable[[], object], what: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._news.clear()
                await self._news.wait()
        assert condition(), what

    def heard(self, *kinds: type[FromGuard]) -> list[FromGuard]:
        return [message for message in self.said if isinstance(message, kinds)]

    async def arm(self) -> int:
        """The worker's pid."""
        self._generation += 1
        before = len(self.heard(Armed))
        ours, workers = socket.socketpair()
        with ours, workers:
            command = (sys.executable, "-P", str(WORKER), "stubborn", str(LETTER))
            self.link.arm(Arm(self._generation, command, "act"), workers)
        await self.until(lambda: len(self.heard(Armed)) > before or self.heard(NotArmed), "armed")
        assert not self.heard(NotArmed), self.heard(NotArmed)
        armed = self.heard(Armed)[-1]
        assert isinstance(armed, Armed)
        held = self.link.held
        await asyncio.to_thread(eventually, lambda: 1 in held.buttons(), "the worker holds its keys")
        return armed.worker_pid

    async def renew(self) -> None:
        while True:
            self.link.send(Renew())
            await asyncio.sleep(LEASE_RENEW_S)


@contextlib.asynccontextmanager
async def running(folder: Path, vnc: VncScreen) -> AsyncIterator[Main]:
    main = Main(folder, vnc)
    await main.link.start()
    main.link.send(Configure(HOTKEY, failsafe_corners=True, operator_first=True, pynput=False))
    await main.until(lambda: main.heard(Channel), "the guard listens")
    renewing = asyncio.create_task(main.renew())
    try:
        yield main
    finally:
        renewing.cancel()
        await main.link.close()


def test_it_starts_and_retires_a_guard(tmp_path: Path, vnc: VncScreen, observer: Observer) -> None:
    async def go() -> None:
        async with running(tmp_path, vnc) as main:
            pid = main.link.pid
            assert main.link.is_up
            assert machine.is_alive(pid)
            assert pid in owned  # no stray of a service
            worker = await main.arm()
            assert main.link.permit.generation == 1
            assert main.link.held.keys() == (LETTER,)
        assert not machine.is_alive(pid)
        assert pid not in owned
        assert not machine.is_alive(worker)
        assert not main.losses
        assert not main.paths.guard_socket.exists()

    asyncio.run(go())
    eventually(lambda: not observer.held(), "nothing is held")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_a_guard_that_is_lost_is_covered_for_and_replaced(
    tmp_path: Path, vnc: VncScreen, observer: Observer, number: signal.Signals
) -> None:
    async def go() -> None:
        async with running(tmp_path, vnc) as main:
            guard, worker = main.link.pid, await main.arm()
            os.kill(guard, number)
            await main.until(lambda: main.losses, "the loss is noticed")
            assert not main.link.is_up
            await main.until(lambda: len(main.heard(Ready)) == 2, "there is another guard")
            assert main.link.pid != guard
            assert not machine.is_alive(guard)
            assert not machine.is_alive(worker)
            assert main.link.permit.generation == 0
            assert main.link.restarts == 1
            await main.arm()

    asyncio.run(go())
    eventually(lambda: not observer.held(), "nothing is held")


def test_an_idle_guard_that_stands_still_is_noticed(tmp_path: Path, vnc: VncScreen, observer: Observer) -> None:
    async def go() -> None:
        async with running(tmp_path, vnc) as main:
            os.kill(main.link.pid, signal.SIGSTOP)
            await main.until(lambda: main.losses, "the loss is noticed")
            assert "did not answer" in main.losses[0]
            await main.until(lambda: len(main.heard(Ready)) == 2, "there is another guard")

    asyncio.run(go())


def test_main_that_covers_ends_guard_and_worker(tmp_path: Path, vnc: VncScreen, observer: Observer) -> None:
    async def go() -> None:
        async with running(tmp_path, vnc) as main:
            worker = await main.arm()
            main.link.cover("it did not answer a stop")
            assert main.losses == ["it did not answer a stop"]
            await main.until(lambda: len(main.heard(Ready)) == 2, "there is another guard")
            assert not machine.is_alive(worker)

    asyncio.run(go())
    eventually(lambda: not observer.held(), "nothing is held")


def test_armed_and_disarmed_many_times_nothing_leaks(tmp_path: Path, vnc: VncScreen, observer: Observer) -> None:
    async def go() -> None:
        async with running(tmp_path, vnc) as main:
            counts = []
            for number in range(12):
                await main.arm()
                main.link.send(Disarm("enough"))
                await main.until(lambda count=number: len(main.heard(Disarmed)) > count, "disarmed")
                counts.append((len(os.listdir("/proc/self/fd")), len(os.listdir(f"/proc/{main.link.pid}/fd"))))
            assert counts[-1] == counts[2]

    asyncio.run(go())
