"""A coordinator with a database and a socket of its own, a supervisor by its word alone, and workers by script."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from core.clocks import FakeClock

from aurora_desktop.core.bus import Bus
from aurora_desktop.core.events import AnyEvent, FailureKind, Record, ServiceStateChanged
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema_tasks import CliAgent, TaskSettings
from aurora_desktop.core.settings.values import Command
from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.task_events import TaskStatus
from aurora_desktop.supervisor.view import ServiceView, State
from aurora_desktop.tasks.coordinator import MIGRATIONS, Coordinator, Helpers
from aurora_desktop.tasks.dispatch import PerformsInput
from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.messages import (
    Acknowledge,
    Began,
    Doing,
    Ended,
    Ending,
    FromWorker,
    Hello,
    Run,
    ToWorker,
)
from aurora_desktop.tasks.task import Activity, TaskRequest, Usage
from aurora_desktop.tasks.verification import Checked
from aurora_desktop.tasks.view import TaskView

WAIT_S = 10.0
M = TypeVar("M")
_decoder: msgspec.json.Decoder[ToWorker] = msgspec.json.Decoder(ToWorker)


class FakeWorkforce:
    """A supervisor that says of its workers what the test tells it to; every change is an event."""

    def __init__(self) -> None:
        self.publish: Callable[[AnyEvent], object] = lambda _: None
        self.stood_still_s = 0.0
        self.latched = False
        self.states: dict[str, State] = {}
        self.pids: dict[str, int] = {}
        self.employed: list[str] = []
        self.dismissed: list[tuple[str, bool]] = []
        self.thawed: list[str] = []
        self.replaced: list[tuple[str, FailureKind]] = []

    def worker_views(self) -> tuple[ServiceView, ...]:
        return tuple(
            ServiceView(name=name, state=state, cause="", since=0.0, pid=self.pids.get(name), uptime_s=1.0)
            for name, state in self.states.items()
        )

    def has_processes(self, name: str) -> bool:
        return name in self.pids

    def employ(self, names: tuple[str, ...], cause: str) -> None:
        self.employed += names

    def dismiss(self, names: tuple[str, ...], cause: str, *, kill: bool = False) -> None:
        self.dismissed += [(name, kill) for name in names]

    def thaw(self, names: tuple[str, ...], cause: str) -> None:
        self.thawed += names

    def unwell(self, name: str, kind: FailureKind, cause: str) -> None:
        self.replaced.append((name, kind))

    # --- what happens -----------------------------------------------------------------------------------------

    def becomes(self, worker: str, state: State, pid: int | None = None) -> None:
        name = f"worker:{worker}"
        previous = self.states.get(name, "stopped")
        self.states[name] = state
        if pid is None:
            self.pids.pop(name, None)
        else:
            self.pids[name] = pid
        self.publish(ServiceStateChanged(at=0.0, component=name, previous=previous, state=state, cause="", pid=pid))


class Hand:
    """A worker by script: it says what the test has it say, and keeps what it is told."""

    def __init__(self, hall: "Hall", name: str, pid: int) -> None:
        self.hall, self.name, self.pid = hall, name, pid
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self, task_id: str | None = None, attempt: int = 0) -> None:
        address = self.hall.coordinator.link.address
        self._reader, self._writer = await asyncio.open_unix_connection(address, limit=20_000_000)
        token = self.hall.coordinator.token_file.read_text().strip()
        self.say(Hello(worker=self.name, pid=self.pid, token=token, task_id=task_id, attempt=attempt))

    def say(self, message: FromWorker) -> None:
        assert self._writer is not None
        self._writer.write(msgspec.json.encode(message) + b"\n")

    async def hear(self, kind: type[M]) -> M:
        """The next message, which is to be of this kind."""
        assert self._reader is not None
        line = await asyncio.wait_for(self._reader.readline(), WAIT_S)
        assert line, "main has cut the connection"
        message = _decoder.decode(line)
        assert isinstance(message, kind), f"expected {kind.__name__}, got {message}"
        return message

    async def disconnect(self) -> None:
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):  # main may have cut it
                await self._writer.wait_closed()
            self._writer = None

    # --- a piece of work --------------------------------------------------------------------------------------

    async def begin(self, run: Run | None = None, session: str | None = None) -> Run:
        """Take what comes next and begin it, as a worker does: the mark first."""
        run = run or await self.hear(Run)
        TaskFolder(Path(run.folder)).began(run.attempt).touch(exist_ok=False)
        self.say(Began(run.task_id, run.attempt, 4242))
        if session is not None:
            self.say(Doing(run.task_id, Activity(kind="thinking", since=0.0), Usage(), session))
        return run

    async def finish(self, run: Run, ending: Ending = "completed", **fields: Any) -> None:
        """Tell the end, and wait until main has it."""
        self.say(ended(run, ending, **fields))
        told = await self.hear(Acknowledge)
        assert (told.task_id, told.attempt) == (run.task_id, run.attempt)


def ended(run: Run, ending: Ending = "completed", **fields: Any) -> Ended:
    given = {"began": True, "finished_at": 1.0, "result": "done" if ending == "completed" else ""} | fields
    return Ended(task_id=run.task_id, attempt=run.attempt, ending=ending, **given)


def write_down(run: Run, end: Ended) -> None:
    """As a worker does while no main listens."""
    TaskFolder(Path(run.folder)).ended(run.attempt).write_bytes(msgspec.json.encode(end))


class Hall:
    """`settings` with an agent `echo` (kind `command`) and its one worker, unless the test gives its own."""

    def __init__(self, folder: Path, settings: TaskSettings, input_tasks: PerformsInput | None = None) -> None:
        self.folder, self.settings = folder, settings
        self.paths = StatePaths(folder / "state")
        self.paths.make()
        self.clock = FakeClock()
        self.workforce = FakeWorkforce()
        self.input_tasks = input_tasks
        self.checked: dict[str, Checked] = {}
        self.shown: list[str] = []
        self.events: list[AnyEvent] = []
        self._heard = asyncio.Event()
        self.database = self._open_database()
        self.coordinator = self._begin()
        self._pids = iter(range(5000, 6000))
        self._hands: list[Hand] = []

    def _open_database(self) -> Database:
        return Database.open(self.paths.state_db, MIGRATIONS, 1)

    def _begin(self) -> Coordinator:
        bus = Bus()
        self.workforce.publish = bus.publish
        coordinator = Coordinator(
            self.settings,
            self.paths,
            clock=self.clock,
            publish=bus.publish,
            database=self.database,
            workforce=self.workforce,
            helpers=Helpers(self._verify, self.input_tasks),
        )
        bus.subscribe(coordinator.read)
        bus.subscribe(self._record)
        coordinator.watch(self._heard.set)
        coordinator.open()
        return coordinator

    def begin(self) -> None:
        """As the rounds do once the supervisor has adopted what runs."""
        self.coordinator.recover()

    async def _verify(self, name: str, agent: CliAgent) -> Checked:
        return self.checked.get(name, Checked(available=True, version="1.0"))

    def show_approval(self, approval_id: str) -> bool:
        """As the operator's screen."""
        self.shown.append(approval_id)
        return True

    def _record(self, record: Record) -> None:
        self.events.append(record.event)
        self._heard.set()

    # --- main dies and comes back -----------------------------------------------------------------------------

    async def restart(self) -> None:
        """Main was killed, and another begins over what is on disk; call `begin` when the workers are as they are."""
        await self.coordinator.close()
        self.database.close()
        self.database = self._open_database()
        self.coordinator = self._begin()

    async def close(self) -> None:
        for hand in self._hands:
            await hand.disconnect()
        await self.coordinator.close()
        self.database.close()

    # --- helpers ----------------------------------------------------------------------------------------------

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not is_so():
                self._heard.clear()
                await self._heard.wait()

    async def reaches(self, task_id: str, status: TaskStatus) -> TaskView:
        try:
            await self.until(lambda: self.status(task_id) == status)
        except TimeoutError:
            raise AssertionError(f"not {status}: {self.view(task_id)}") from None
        return self.view(task_id)

    def view(self, task_id: str) -> TaskView:
        return self.coordinator.task(task_id).view

    def status(self, task_id: str) -> TaskStatus:
        return self.view(task_id).status

    async def submit(self, prompt: str = "do it", **fields: Any) -> TaskView:
        fields = {"agent": "echo"} | fields if not fields.keys() & {"agent", "role", "pipeline"} else fields
        return await self.coordinator.submit(TaskRequest(prompt=prompt, cwd=str(self.folder), **fields))

    async def worker(self, name: str = "echo-1") -> Hand:
        """One whose process runs and who has introduced itself."""
        hand = self.start(name)
        await hand.connect()
        return hand

    def start(self, name: str = "echo-1") -> Hand:
        pid = next(self._pids)
        self.workforce.becomes(name, "starting", pid)
        self.workforce.becomes(name, "ready", pid)
        hand = Hand(self, name, pid)
        self._hands.append(hand)
        return hand

    async def dies(self, hand: Hand) -> None:
        """kill -9: the process first, then main sees its connection end, or the other way round."""
        await hand.disconnect()
        self.workforce.becomes(hand.name, "waiting")

    def of(self, kind: type[M]) -> list[M]:
        return [event for event in self.events if isinstance(event, kind)]


def agent(**fields: Any) -> CliAgent:
    return CliAgent(kind="command", command=Command(("echo",)), **fields)


def with_agents(**agents: CliAgent) -> TaskSettings:
    return TaskSettings(agents=agents)


@asynccontextmanager
async def hall(
    folder: Path, settings: TaskSettings | None = None, input_tasks: PerformsInput | None = None
) -> AsyncIterator[Hall]:
    opened = Hall(folder, settings or with_agents(echo=agent()), input_tasks)
    try:
        opened.begin()
        yield opened
    finally:
        await opened.close()
