"""The real yard: what remedies may touch, through what the supervisor lets healing do."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import Record, ServiceFailed, ServiceStateChanged, service_component
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.values import Environment
from aurora_desktop.healing import commands, holders
from aurora_desktop.healing.yard import Holder, Ran
from aurora_desktop.supervisor.processes import ProcessTable, process_table
from aurora_desktop.supervisor.tending import Tending
from aurora_desktop.supervisor.tree import Identity
from aurora_desktop.supervisor.view import ServiceView

_MARKS = "AURORA_"


class SupervisedYard:
    """Implements `Yard`; `read` is to be a reader of the bus, for `until_well` waits for events.

    Whatever changes something raises AuroraError while the service may not be touched: the emergency stop is latched
    and is for it, supervision is paused, it was stopped or frozen, Aurora quits.
    """

    def __init__(self, tending: Tending, clock: Clock, table: ProcessTable | None = None) -> None:
        self._tending = tending
        self._clock = clock
        self._table = table or process_table()
        self._news: dict[str, asyncio.Event] = {}
        self._falls: dict[str, int] = {}

    def read(self, record: Record) -> None:
        """Wake whoever waits for this service."""
        event = record.event
        if isinstance(event, ServiceStateChanged | ServiceFailed) and event.component in self._news:
            is_up = isinstance(event, ServiceStateChanged) and event.state in ("running", "ready")
            self._falls[event.component] += not is_up
            self._news[event.component].set()

    # --- what it is -------------------------------------------------------------------------------------------

    @property
    def clock(self) -> Clock:
        return self._clock

    def service(self, name: str) -> Service | None:
        return self._tending.definition(name)

    def view(self, name: str) -> ServiceView | None:
        return self._tending.view(name)

    def folder(self, name: str) -> Path:
        return self._tending.folder(name)

    def environment(self, name: str) -> Mapping[str, str]:
        return Environment(self._tending.environment(name))

    # --- what is done -----------------------------------------------------------------------------------------

    def restart(self, name: str, cause: str) -> None:
        self._tending.restart(name, cause)

    def set_environment(self, name: str, variable: str, value: str | None) -> None:
        if value is not None:  # what is taken back may always be
            self._refuse_unless_allowed(name)
        self._tending.set_environment(name, variable, value)

    def raise_descriptor_limit(self, name: str) -> int | None:
        self._refuse_unless_allowed(name)
        return self._tending.raise_descriptor_limit(name)

    def _refuse_unless_allowed(self, name: str) -> None:
        if reason := self._tending.why_not(name):
            raise AuroraError(f"Nothing is done to `{name}` now", reason)

    # --- who holds what ---------------------------------------------------------------------------------------

    async def holders_of_port(self, port: int) -> list[Holder]:
        return await self._holders(await asyncio.to_thread(holders.pids_of_port, port))

    async def holders_of_file(self, path: Path) -> list[Holder]:
        return await self._holders(await asyncio.to_thread(holders.pids_of_file, path))

    async def _holders(self, pids: set[int]) -> list[Holder]:
        found = [await self._holder(pid) for pid in sorted(pids)]
        return [holder for holder in found if holder is not None]

    async def _holder(self, pid: int) -> Holder | None:
        info = self._tending.identify(pid)
        if info is None:
            return None
        stray_of = await self._tending.stray_of(pid)
        service = stray_of or await self._tending.member_of(pid) or ""
        return Holder(pid, info.program, stray_of is not None, service, info.started)

    async def end_stray(self, holder: Holder) -> bool:
        service = await self._tending.stray_of(holder.pid)
        if service is None or self._tending.is_latched(service):
            return False
        return await self._tending.end_stray(Identity(holder.pid, holder.started))

    # --- commands ---------------------------------------------------------------------------------------------

    async def run(self, name: str, command: Sequence[str], timeout_s: float, *, in_folder: Path | None = None) -> Ran:
        """As declared; refused while the emergency stop holds the service. Its secrets are masked in the output."""
        if self._tending.is_latched(name):
            raise AuroraError(f"Nothing is run for `{name}` now", "the emergency stop holds it back")
        environment = self._tending.environment(name)
        folder = in_folder or self._tending.folder(name)
        ran = await commands.run(command, folder, environment, timeout_s, self._table)
        return Ran(ran.code, self._own_values(environment).masked(ran.output))

    def _own_values(self, environment: Mapping[str, str]) -> Environment:
        """Those that are not Aurora's own: what the service's settings and its `env_file` say."""
        inherited = self._tending.inherited()
        return Environment({k: v for k, v in environment.items() if inherited.get(k) != v and not k.startswith(_MARKS)})

    # --- waiting ----------------------------------------------------------------------------------------------

    async def until_well(self, name: str, timeout_s: float, stays_s: float) -> bool:
        """Whether it comes up within the time and then stays up, as the same process, for `stays_s`.

        Time in which Aurora itself stood still is not counted. False at once when it is stopped, frozen or given up.
        """
        component = service_component(name)
        news = self._news.setdefault(component, asyncio.Event())
        self._falls.setdefault(component, 0)
        if not await self._comes_up(name, news, timeout_s):
            return False
        falls, pid = self._falls[component], self._pid(name)
        deadline = _Deadline(self._clock, self._tending, stays_s)
        while (left_s := deadline.left_s()) > 0:
            await _news_or(news, left_s)
            if self._falls[component] != falls or self._pid(name) != pid or not self._tending.is_up(name):
                return False
        return True

    async def _comes_up(self, name: str, news: asyncio.Event, timeout_s: float) -> bool:
        deadline = _Deadline(self._clock, self._tending, timeout_s)
        while not self._tending.is_up(name):
            view = self._tending.view(name)
            if view is None or view.state in ("failed", "frozen", "stopped"):
                return False
            if (left_s := deadline.left_s()) <= 0:
                return False
            await _news_or(news, left_s)
        return True

    def _pid(self, name: str) -> int | None:
        view = self._tending.view(name)
        return view.pid if view is not None else None


class _Deadline:
    """Moved on by the time in which Aurora itself could not run."""

    def __init__(self, clock: Clock, tending: Tending, timeout_s: float) -> None:
        self._clock = clock
        self._tending = tending
        self._at = clock.monotonic() + timeout_s
        self._stalled_s = tending.stalled_s()

    def left_s(self) -> float:
        return self._at + self._tending.stalled_s() - self._stalled_s - self._clock.monotonic()


async def _news_or(news: asyncio.Event, timeout_s: float) -> None:
    news.clear()
    try:
        await asyncio.wait_for(news.wait(), timeout_s)
    except TimeoutError:
        return
