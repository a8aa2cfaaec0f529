"""The watch over services with a `stall` rule and over agents: rounds of looks, and what follows from them."""

import asyncio
import difflib
import logging
from collections.abc import Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import FailureKind, OperatorCommand, PartFailed, Record
from aurora_desktop.core.healing_events import WatchTrouble
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.healing.ladder.store import LadderStore
from aurora_desktop.healing.memory.face import Memory
from aurora_desktop.healing.stalls.beside import Beside, is_special
from aurora_desktop.healing.stalls.command import EnvironmentOf, OwnRuns, Runs
from aurora_desktop.healing.stalls.entry import Entry, Extra
from aurora_desktop.healing.stalls.looking import look_at
from aurora_desktop.healing.stalls.orchestration import NAME, OrchestrationFile, filled_in, most_attempts
from aurora_desktop.healing.stalls.override import Override
from aurora_desktop.healing.stalls.roster import Listing, Watched, agents_of, listed, services_of
from aurora_desktop.healing.stalls.tending import Policy, Publish, Tending
from aurora_desktop.healing.view import AgentView, EscalationView
from aurora_desktop.supervisor.processes import ProcessTable
from aurora_desktop.supervisor.tree import Tree
from aurora_desktop.supervisor.view import ServiceView

log = logging.getLogger(__name__)

AT_ONCE = 4
"""So many agents are tended together: each rung waits for a disk."""
_AFTER_FAULT_S = 30.0
_SEEN_TO = ("start", "stop", "restart")
_SOON_S = 0.02
"""Before those follow that had no turn within the budget of a round: the loop's thread goes first."""


class Services(Protocol):
    """What the watch needs of the supervisor."""

    @property
    def paused(self) -> bool: ...

    @property
    def latched(self) -> bool: ...

    @property
    def stood_still_s(self) -> float: ...

    @property
    def table(self) -> ProcessTable: ...

    def views(self) -> tuple[ServiceView, ...]: ...

    def tree(self, name: str) -> Tree | None: ...

    def unwell(self, name: str, kind: FailureKind, cause: str) -> None: ...


class _Moment(Struct, frozen=True):
    """The supervisor as it was when a round began; `trees` by service, None for one that may not be judged."""

    paused: bool
    latched: bool
    trees: dict[str, Tree | None]


class _SortedOut(Struct):
    """`special` are those of whom more than their workspace is looked at."""

    looked_at: list[Entry] = []
    special: list[Entry] = []


class StallWatch:
    """`run` looks for ever, each at its interval; `check_now` looks at once. All calls on the loop's thread.

    `config_folder` is where `orchestration.yml` may lie; `override` is above all settings; `environment_of`
    gives what the commands of agents are started with, unless `run` is given to run them.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        publish: Publish,
        services: Services,
        store: LadderStore,
        memory: Memory,
        config_folder: Path,
        environment_of: EnvironmentOf,
        override: Override | None = None,
        run: Runs | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._publish = publish
        self._services = services
        self._store = store
        self._override = override or Override()
        run = run or OwnRuns(environment_of)
        self._beside = Beside(services.table, services.tree, lambda name: self._settings.services.get(name), run)
        self._orchestration = OrchestrationFile(config_folder / NAME)
        self._entries: dict[str, Entry] = {}
        self._special: list[Entry] = []
        self._of: tuple[object, ...] = ()
        self._listing = Listing()
        self._followed: Settings | None = None
        self._followed_at = 0.0
        self._problem = ""
        self._fault = ""
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._tended: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tending = Tending(
            clock=clock,
            fair_now=self._fair_now,
            publish=publish,
            store=store,
            memory=memory,
            unwell=services.unwell,
            run=run,
            policy=self._policy,
        )

    # --- what it is asked -------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look at each when it is due, for ever."""
        try:
            while True:
                await self._round_or_said()
                await self._until_due()
        finally:
            for task in self._tended:
                task.cancel()

    async def _round_or_said(self) -> None:
        """Whatever one look brings up, the next one comes; the same is told once."""
        try:
            await self._round()
        except Exception as error:  # a fault of ours in one look must not end the watch over all
            log.exception("a look at agents and services failed")
            told = f"a look at agents and services failed: {type(error).__name__}: {error}"
            if told != self._fault:
                self._fault = told
                self._publish(PartFailed(at=self._clock.wall(), component="aurora", detail=told))
            await asyncio.sleep(_AFTER_FAULT_S)

    def apply(self, settings: Settings) -> None:
        """Take over changed settings; whoever has the same rule as before keeps what was seen of it."""
        self._settings = settings
        self._wake.set()

    async def check_now(self, name: str | None = None, *, heal: bool = False) -> tuple[str, ...]:
        """Look at everybody, or at one, at once: a sentence each. With `heal` what helps is done before it returns.

        Raises AuroraError for a name that is not watched.
        """
        await self._round((), only=name)
        chosen = self._chosen(name)
        await self._round(chosen, unhurried=True, acts=heal)
        if heal:
            await self.settled()
        return tuple(f"{entry.component}: {entry.sentence}" for entry in chosen)

    def is_watched(self, name: str) -> bool:
        """Whether `name` (`worker`, `agent:worker` or `service:worker`) is watched, as far as the last look knows."""
        return any(name in (entry.component, entry.watched.name) for entry in self._entries.values())

    def views(self) -> tuple[AgentView, ...]:
        """Everybody who is watched, as the last look found them. From any thread."""
        return tuple(entry.view() for entry in self._entries.values())

    def stuck(self) -> tuple[AgentView, ...]:
        """Those who are stalled, or being woken; quick, also with ten thousand."""
        return tuple(entry.view() for entry in self._entries.values() if entry.state in ("stalled", "healing"))

    def escalations(self) -> tuple[EscalationView, ...]:
        """Those that wait for the operator, the newest first."""
        waiting = [entry for entry in self._entries.values() if entry.standing.ladder.escalated]
        waiting.sort(key=lambda entry: -entry.standing.escalated_at)
        return tuple(
            EscalationView(at=one.standing.escalated_at, component=one.component, sentence=one.sentence)
            for one in waiting
        )

    def clear_escalation(self, component: str, by: str) -> None:
        """The operator says that it is mended: the marker goes, and healing begins anew. Raises AuroraError."""
        entry = self._entries.get(component)
        if entry is None or not entry.standing.ladder.escalated:
            raise AuroraError(f"Nothing of `{component}` waits for you", "", "Look at the recovery page again.")
        self._start(self._tending.clear(entry, by))

    def read(self, record: Record) -> None:
        """A reader of the bus: the operator's own hand on a service says that it was seen to."""
        event = record.event
        if not (isinstance(event, OperatorCommand) and event.is_by_hand and event.command in _SEEN_TO):
            return
        entry = self._entries.get(event.component)
        if entry is not None and entry.standing.ladder.escalated:
            self._start(self._tending.clear(entry, f"the operator's {event.command}"))

    async def check_once(self) -> None:
        """One round over those who are due."""
        await self._round()

    async def settled(self) -> None:
        """Wait until everything that was begun by looks so far is done."""
        while self._tended:
            await asyncio.wait(tuple(self._tended))

    # --- rounds -----------------------------------------------------------------------------------------------

    async def _round(
        self,
        chosen: Iterable[Entry] | None = None,
        *,
        only: str | None = None,
        unhurried: bool = False,
        acts: bool = True,
    ) -> None:
        """Follow who is there; look at the chosen, or at those that are due; then act on what was seen."""
        async with self._lock:
            await self._follow()
            if only is not None:
                self._chosen(only)
            moment = self._moment()
            sorted_out = await asyncio.to_thread(self._sort_out, chosen, moment, acts)
            extras = await self._beside.of(sorted_out.special)
            wanted = await asyncio.to_thread(self._look, sorted_out.looked_at, extras, unhurried)
            for entry in wanted if acts else ():
                self._tend(entry)

    def _moment(self) -> _Moment:
        """What only the loop's thread may ask."""
        names = {entry.watched.service for entry in self._special if entry.watched.service is not None}
        trees = {name: self._services.tree(name) for name in names}
        return _Moment(paused=self._services.paused, latched=self._services.latched, trees=trees)

    def _sort_out(self, chosen: Iterable[Entry] | None, moment: _Moment, acts: bool) -> _SortedOut:
        """Who is due and may be looked at. In a thread: of ten thousand it takes longer than a turn of the loop may."""
        now = self._fair_now()
        if chosen is None:
            chosen = (entry for entry in self._entries.values() if entry.due <= now)
        found = _SortedOut()
        for entry in chosen:
            if entry.is_busy:
                continue
            if acts:  # who only asks puts nothing off, however often
                entry.due = now + self._interval_s(entry)
            if why := self._why_not_now(entry.watched, moment):
                entry.rest(why)
                continue
            self._goes_on(entry, moment)
            found.looked_at.append(entry)
            if is_special(entry.watched):
                found.special.append(entry)
        return found

    def _look(self, entries: list[Entry], extras: dict[str, Extra], unhurried: bool) -> list[Entry]:
        """Those who are to be tended after this look. In a thread: nobody else touches them meanwhile."""
        now = self._fair_now()
        look_at(entries, extras, now, unhurried=unhurried)
        for entry in entries:
            if entry.is_put_off:
                entry.due = now
        return [entry for entry in entries if not entry.is_put_off and self._tending.is_wanted(entry, now)]

    def _interval_s(self, entry: Entry) -> float:
        """What is being verified is also looked at right when its time is over."""
        interval_s = entry.watched.rule.check_interval_sec
        ladder = entry.standing.ladder
        if ladder.rung is None:
            return interval_s
        return min(interval_s, max(_SOON_S, ladder.deadline - self._fair_now()))

    async def _until_due(self) -> None:
        """Until the next is due, or the settings changed; what was tended meanwhile may be due earlier."""
        while self._followed is self._settings:
            self._wake.clear()
            wait_s = self._until_next_s()
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                return
            await asyncio.sleep(_SOON_S)

    def _until_next_s(self) -> float | None:
        """Seconds; None when nobody is watched."""
        now = self._fair_now()
        due = [entry.due for entry in self._entries.values() if not entry.is_busy]
        if self._settings.agents.root is not None:
            rule = filled_in(self._settings.agents.stall, self._orchestration.said)
            due.append(self._followed_at + self._override.over(rule).check_interval_sec)
        return max(_SOON_S, min(due) - now) if due else None

    def _tend(self, entry: Entry) -> None:
        async def work() -> None:
            try:
                async with self._turns:
                    await self._tending.tend(entry)
            finally:
                entry.is_busy = False
                entry.due = min(entry.due, self._fair_now() + self._interval_s(entry))
                self._wake.set()

        entry.is_busy = True
        self._start(work())

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tended.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """No task ends in silence."""
        self._tended.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("looking after an agent failed", exc_info=error)
            detail = f"looking after an agent failed: {type(error).__name__}: {error}"
            self._publish(PartFailed(at=self._clock.wall(), component="aurora", detail=detail))

    # --- who is there -----------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """New, vanished and renamed workspaces; changed settings; a changed `orchestration.yml`."""
        listing = Listing()
        self._followed = settings = self._settings
        self._followed_at = self._fair_now()
        if settings.agents.root is not None or settings.agents.watch:
            listing = await asyncio.to_thread(self._listed, settings.agents.root)
        self._tell_problem((*listing.problems, *filter(None, [self._orchestration.problem])))
        self._listing = listing if listing.is_known else replace(listing, names=self._listing.names)
        of = (settings, frozenset(self._listing.names), self._orchestration.said)
        if of != self._of:
            logs = {view.name: view.log_path for view in self._services.views()}
            is_complete = await asyncio.to_thread(self._regroup, settings, logs)
            self._of = of if is_complete else ()

    def _listed(self, root: str | None) -> Listing:
        self._orchestration.look()
        return listed(root)

    def _regroup(self, settings: Settings, logs: Mapping[str, str]) -> bool:
        """Whether everybody has the entry that the settings want; who is being tended gets it later. In a thread."""
        agents = agents_of(settings, sorted(self._listing.names), self._orchestration.said, self._override)
        everyone = [*services_of(settings, self._override), *agents]
        before, now = self._entries, self._fair_now()
        entries = {one.component: self._entry(one, before.get(one.component), logs, now) for one in everyone}
        self._special = [entry for entry in entries.values() if is_special(entry.watched)]
        self._entries = entries
        if self._listing.is_known:
            for component in self._store.components() - entries.keys():
                self._store.forget(component)
        return all(entries[one.component].watched == one for one in everyone)

    def _entry(self, watched: Watched, before: Entry | None, logs: Mapping[str, str], now: float) -> Entry:
        if before is not None and (before.is_busy or before.watched == watched):
            return before
        standing = before.lasting() if before is not None else self._tending.resumed(watched.component)
        made = Entry(watched, standing, logs.get(watched.service or ""), now)
        if before is not None:  # what was told is still to be told to be over
            made.told_problem, made.told_at = before.told_problem, before.told_at
        return made

    def _tell_problem(self, problems: tuple[str, ...]) -> None:
        text = "; ".join(problems)
        if text == self._problem:
            return
        before, self._problem = self._problem, text
        at = self._clock.wall()
        hint = "Correct the file, or `agents` in the settings; meanwhile it is as if it were not there." if text else ""
        self._publish(WatchTrouble(at=at, component="aurora", detail=text or before, hint=hint, recovered=not text))

    def _chosen(self, name: str | None) -> list[Entry]:
        if name is None:
            return list(self._entries.values())
        chosen = [one for one in self._entries.values() if name in (one.component, one.watched.name)]
        if not chosen:
            known = {one.watched.name for one in self._entries.values()}
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else "Give it a `stall` rule, or name it under `agents`."
            raise AuroraError(f"Nobody named `{name}` is watched for stalls", "", hint)
        return chosen

    # --- who may be looked at --------------------------------------------------------------------

    def _why_not_now(self, watched: Watched, moment: _Moment) -> str:
        """Why nothing may be expected of it: all is paused; a stop must not end by our waking somebody; and so on."""
        if moment.paused:
            return "supervision is paused"
        if watched.service is not None:
            return "" if moment.trees.get(watched.service) else f"service {watched.service} is not up"
        if moment.latched:
            return "the emergency stop holds"
        # Told once for all of them, not for each.
        return "" if watched.follow or self._listing.is_known else "`agents.root` cannot be read"

    def _goes_on(self, entry: Entry, moment: _Moment) -> None:
        """After a rest, or with a new process of its service, what is being verified has all of its time."""
        tree = moment.trees.get(entry.watched.service or "")
        is_new = tree is not None and tree.marker != entry.marker
        is_other = is_new and bool(entry.marker)
        if tree is not None:
            entry.marker = tree.marker
        if is_other:  # what an earlier process did, and what starting this one looks like, is no sign of work
            entry.begin_anew()
        if is_other and entry.watched.workspace is None:
            self._tending.begun_anew(entry)
        elif is_other or entry.rests:
            self._tending.restarted(entry)
        entry.rests = ""

    # --- small change -----------------------------------------------------------------------------------------

    def _fair_now(self) -> float:
        """Monotonic seconds without those in which Aurora or the machine stood still."""
        return self._clock.monotonic() - self._services.stood_still_s

    def _policy(self) -> Policy:
        said, settings = self._orchestration.said, self._settings
        return Policy(
            heals=settings.healing.enabled and said.heals,
            may_reset=said.may_reset,
            max_attempts=most_attempts(settings.agents, said),
            verify_s=settings.agents.verify_sec,
        )
