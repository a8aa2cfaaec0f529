"""A supervisor with everything real around it, and what single parts of it need in tests."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from aurora_desktop.core.bus import Bus
from aurora_desktop.core.clock import Clock, StallMeter, SystemClock
from aurora_desktop.core.events import AnyEvent, ServiceStateChanged
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import Service, Settings, SupervisorSettings
from aurora_desktop.core.settings.values import Command
from aurora_desktop.core.storage.database import Database
from aurora_desktop.supervisor.engine import Supervisor
from aurora_desktop.supervisor.ledger import MIGRATIONS, Ledger
from aurora_desktop.supervisor.notify import notify_address
from aurora_desktop.supervisor.probes import Prober, Result
from aurora_desktop.supervisor.processes import process_table
from aurora_desktop.supervisor.runner import Runner
from aurora_desktop.supervisor.status import Status
from aurora_desktop.supervisor.stimuli import Stimulus
from aurora_desktop.supervisor.surroundings import Surroundings
from aurora_desktop.supervisor.tree import Tree
from supervisor.yard import WAIT_S, Yard

STATE_APPLICATION_ID = 0x41555253
E = TypeVar("E")
T = TypeVar("T")


def sh(script: str, **keys: Any) -> Service:
    """A service that runs a line of shell."""
    return Service(command=Command(["sh", "-c", script]), **keys)


def telling(words: str = "up", then: str = "exec sleep 600", **keys: Any) -> Service:
    """A service that tells `words` and its pid, then goes on."""
    return sh(f'echo {words} $$ >"$TELL"; {then}', **keys)


def stubborn(words: str = "up", **keys: Any) -> Service:
    """A service that no SIGTERM ends."""
    return sh(f'trap "" TERM; echo {words} $$ >"$TELL"; exec sleep 600', **keys)


class NoDatabase:
    """Takes every write and forgets it."""

    def submit(self, work: Callable[[Any], Any], within_s: float = 0.0) -> "Future[Any]":
        done: Future[Any] = Future()
        done.set_result(None)
        return done

    def read(self, sql: str, arguments: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        return []


def surroundings(
    root: Path,
    *,
    clock: Clock | None = None,
    publish: Callable[[AnyEvent], object] = lambda _: None,
    environment: Mapping[str, str] | None = None,
    **more: Any,
) -> Surroundings:
    """What a runner needs, around it; for the running loop."""
    clock = clock or SystemClock()
    paths = StatePaths(root)
    paths.make()
    return Surroundings(
        clock=clock,
        stalls=more.pop("stalls", None) or StallMeter(clock),
        loop=asyncio.get_running_loop(),
        table=process_table(),
        ledger=Ledger(NoDatabase()),
        paths=paths,
        publish=publish,
        environment=environment or {},
        notify_address=notify_address(paths.root, paths.digest),
        **more,
    )


class Listening(Runner):
    """Keeps what it is fed instead of acting on it; its processes are whatever the test says."""

    tree: Tree | None = None

    def __init__(self, spec: Service, around: Surroundings) -> None:
        super().__init__("web", spec, around, lambda _: (), lambda _: None)
        self.fed: list[Stimulus] = []
        self.status = Status(state="running", wanted=True)

    def feed(self, stimulus: Stimulus) -> None:
        self.fed.append(stimulus)


async def next_checks(count: int = 3) -> None:
    """Until so many checks of probes have been made, by whomever."""
    made = asyncio.Semaphore(0)
    original = Prober.check

    async def counted(self: Prober) -> Result:
        result = await original(self)
        made.release()
        return result

    Prober.check = counted  # type: ignore[method-assign] # put back below
    try:
        async with asyncio.timeout(WAIT_S):
            for _ in range(count):
                await made.acquire()
    finally:
        Prober.check = original  # type: ignore[method-assign] # as it was


class Watched(deque[T]):
    """A history that can be waited for."""

    def __init__(self) -> None:
        super().__init__(maxlen=60)
        self._grown = asyncio.Event()

    def append(self, value: T) -> None:
        super().append(value)
        self._grown.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(WAIT_S):
            while len(self) < count:
                self._grown.clear()
                await self._grown.wait()


class Stage:
    """Supervisors of one state dir, one after the other; `events` is all that they published."""

    def __init__(self, yard: Yard, root: Path) -> None:
        self.yard = yard
        self.paths = StatePaths(root / "state")
        self.paths.make()
        self.events: list[AnyEvent] = []
        self.bus = Bus()
        self.bus.subscribe(self._take)
        self._happened = asyncio.Event()

    def _take(self, record: Any) -> None:
        self.events.append(record.event)
        self._happened.set()

    @asynccontextmanager
    async def supervising(
        self, services: Mapping[str, Service], *, leave: bool = False, **keys: Any
    ) -> AsyncIterator[Supervisor]:
        """A supervisor that has begun; `keys` are the supervisor's settings. It ends with the block."""
        database = await asyncio.to_thread(Database.open, self.paths.state_db, MIGRATIONS, STATE_APPLICATION_ID)
        supervisor = Supervisor(
            settings_of(services, **keys),
            clock=SystemClock(),
            ledger=Ledger(database),
            paths=self.paths,
            publish=self.bus.publish,
            environment=self.yard.environment,
        )
        try:
            await supervisor.begin()
            yield supervisor
        finally:
            await supervisor.end(leave=leave)
            await asyncio.to_thread(database.close)

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait for the event after which it holds."""
        async with asyncio.timeout(WAIT_S):
            while not holds():
                self._happened.clear()
                await self._happened.wait()

    async def until_state(self, supervisor: Supervisor, **states: str) -> None:
        """Wait until the services named are in these states."""

        def found() -> dict[str, str]:
            return {name: supervisor.view(name).state for name in states}

        try:
            await self.until(lambda: found() == states)
        except TimeoutError:
            raise AssertionError(f"waited for {states}, found {found()}") from None

    def told(self, kind: type[E], component: str = "") -> list[E]:
        """The events of one kind (and one component)."""
        return [e for e in self.events if isinstance(e, kind) and component in ("", getattr(e, "component", ""))]

    def states(self, name: str) -> list[str]:
        """The states that a service went through."""
        return [event.state for event in self.told(ServiceStateChanged, f"service:{name}")]

    def order(self, state: str) -> list[str]:
        """The services in the order in which they came into a state."""
        return [e.component.partition(":")[2] for e in self.told(ServiceStateChanged) if e.state == state]


def settings_of(services: Mapping[str, Service], **keys: Any) -> Settings:
    return Settings(services=dict(services), supervisor=SupervisorSettings(**{"quit_timeout_s": 10.0, **keys}))
