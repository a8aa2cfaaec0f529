"""The infrastructure agent: looks at CPU, memory and disk, heals what it may, and says what it may not and why."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

import apsw
from msgspec import Struct

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AnyEvent, Record
from aurora_desktop.core.healing_events import MachineResource, ResourceBreached, ResourceRelieved, SpaceFreed
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.settings.schema_healing import InfrastructureSettings
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.healing.machine.breach import Rule, Watched, judge
from aurora_desktop.healing.machine.cleanup import Freed, clean_up_of, free_space
from aurora_desktop.healing.machine.culprits import Programs, cpu_words, memory_words
from aurora_desktop.healing.machine.permissions import find_out
from aurora_desktop.healing.machine.readings import Machine, Reading, Times, cpu_percent
from aurora_desktop.healing.view import MachineAction, PermissionView, ResourceView
from aurora_desktop.supervisor.outcome import format_bytes
from aurora_desktop.supervisor.view import ServiceView

COMPONENT = "machine"
RESOURCES: tuple[MachineResource, ...] = ("cpu", "memory", "disk")
HISTORY_KEPT = 60
ACTIONS_KEPT = 200
AGAIN_S = 600.0
"""While a breach goes on, healing is tried again after this long."""

log = logging.getLogger(__name__)


class Hands(Struct, frozen=True):
    """What the agent works with, given by the house.

    `services` and `restart` are the supervisor's; `memory_of` counts shared pages once; `prune` prunes the journal;
    `programs` watches the process table for a moment.
    """

    machine: Machine
    services: Callable[[], tuple[ServiceView, ...]]
    restart: Callable[[str, str], None]
    memory_of: Callable[[str], Awaitable[int | None]]
    prune: Callable[[], Awaitable[int]]
    programs: Callable[[], Awaitable[Programs]]


class Infrastructure:
    """`run` looks every `interval_s`; `read` keeps the history; the rest answers what is known now."""

    def __init__(
        self,
        settings: Settings,
        paths: StatePaths,
        *,
        clock: Clock,
        publish: Callable[[AnyEvent], object],
        hands: Hands,
    ) -> None:
        self._settings = settings
        self._paths = paths
        self._clock = clock
        self._publish = publish
        self._hands = hands
        self._watched = {resource: Watched() for resource in RESOURCES}
        self._percents: dict[MachineResource, deque[float]] = {r: deque(maxlen=HISTORY_KEPT) for r in RESOURCES}
        self._details: dict[MachineResource, str] = dict.fromkeys(RESOURCES, "")
        self._healed_at: dict[MachineResource, float] = {}
        self._permissions: tuple[PermissionView, ...] = ()
        self._times: Times | None = None
        self._is_blind = False
        self._actions: deque[MachineAction] = deque(maxlen=ACTIONS_KEPT)
        self._began = clock.wall(), clock.monotonic()

    # --- what is known --------------------------------------------------------------------------------------------

    def views(self) -> tuple[ResourceView, ...]:
        """Each resource that was read at least once."""
        return tuple(
            ResourceView(
                resource=resource,
                percent=round(percents[-1], 1),
                limit=self._limit(resource),
                detail=self._details[resource],
                breached_s=round(self._watched[resource].breached_s, 1),
                is_breached=self._watched[resource].is_breached,
                history=tuple(percents),
            )
            for resource, percents in self._percents.items()
            if percents
        )

    def permissions(self) -> tuple[PermissionView, ...]:
        """What it may and may not do, as it was last found out."""
        return self._permissions

    def history(self) -> tuple[MachineAction, ...]:
        """Breaches, reliefs and what was freed, oldest first."""
        return tuple(self._actions)

    def read(self, record: Record) -> None:
        """A reader of the bus; also to be given the journal's newest records of `machine` at the start."""
        event = record.event
        if isinstance(event, ResourceBreached | ResourceRelieved):
            self._keep(record.id, event, event.resource)
        elif isinstance(event, SpaceFreed):
            self._keep(record.id, event, "disk", event.freed_bytes)

    def _keep(
        self, id_: int, event: ResourceBreached | ResourceRelieved | SpaceFreed, resource: str, freed_bytes: int = 0
    ) -> None:
        self._actions.append(
            MachineAction(
                id=id_,
                at=event.at,
                action=event.event_type(),
                resource=resource,
                detail=event.cause,
                freed_bytes=freed_bytes,
            )
        )

    def apply(self, settings: Settings) -> None:
        """Changed settings: limits hold from the next look on."""
        self._settings = settings

    # --- looking --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self.look()
            await asyncio.sleep(self._options.interval_s)

    async def look(self) -> None:
        """Read the machine once, tell what changed, and heal what may be healed."""
        reading = await self._reading()
        if reading is None:
            return
        with contextlib.suppress(OSError):  # a folder that goes away while it is looked at: the next look tells
            self._permissions = await asyncio.to_thread(find_out, self._settings, self._paths)
        cpu = cpu_percent(self._times, reading.times)
        self._times = reading.times
        if cpu is not None:
            await self._judge("cpu", cpu, "of all cores")
        memory = f"{format_bytes(reading.memory_available)} of {format_bytes(reading.memory_total)} left"
        await self._judge("memory", reading.memory_percent, memory)
        disk = f"{format_bytes(reading.disk_free)} of {format_bytes(reading.disk_total)} left at {self._paths.root}"
        await self._judge("disk", reading.disk_percent, disk)

    async def _reading(self) -> Reading | None:
        """None when it cannot be read just now; said once."""
        try:
            reading = await asyncio.to_thread(self._hands.machine)
        except (OSError, ValueError, KeyError, IndexError) as error:
            if not self._is_blind:
                log.warning("the machine cannot be looked at: %s", words(error))
            self._is_blind = True
            return None
        self._is_blind = False
        return reading

    async def _judge(self, resource: MachineResource, percent: float, detail: str) -> None:
        now = self._clock.monotonic()
        self._percents[resource].append(percent)
        self._details[resource] = detail
        rule = Rule(self._limit(resource), self._options.lasting_s, self._options.interval_s)
        watched, change = judge(self._watched[resource], percent, now, rule)
        self._watched[resource] = watched
        if change == "relieved":
            cause = f"{_NAMES[resource]} is well below its limit again: {percent:.0f} %, {detail}"
            self._publish(
                ResourceRelieved(
                    at=self._clock.wall(), component=COMPONENT, resource=resource, value=round(percent, 1), cause=cause
                )
            )
        elif change == "breached":
            await self._breached(resource, percent, detail)
        elif watched.is_breached and percent > rule.limit and now - self._healed_at.get(resource, now) >= AGAIN_S:
            await self._heal(resource)

    async def _breached(self, resource: MachineResource, percent: float, detail: str) -> None:
        lasting_s = round(self._watched[resource].breached_s, 1)
        said = [f"{_NAMES[resource]} is at {percent:.0f} % for {lasting_s:.0f} s ({detail})"]
        said += [part for part in (await self._culprits(resource), await self._intention(resource)) if part]
        self._publish(
            ResourceBreached(
                at=self._clock.wall(),
                component=COMPONENT,
                resource=resource,
                value=round(percent, 1),
                limit=self._limit(resource),
                lasting_s=lasting_s,
                cause="; ".join(said),
            )
        )
        await self._heal(resource)

    async def _culprits(self, resource: MachineResource) -> str:
        if resource == "disk":
            return ""
        tell = cpu_words if resource == "cpu" else memory_words
        return tell(self._hands.services(), await self._hands.programs())

    async def _intention(self, resource: MachineResource) -> str:
        """What healing does about it, or why nothing."""
        if not self._settings.healing.enabled:
            return "nothing is done, since `healing.enabled` is false"
        if resource == "cpu":
            return "Aurora slows down nobody: it only names them"
        if resource == "memory":
            heavy = await self._over_their_mark()
            return f"restarting {heavy[0]}" if heavy else "no service is over its own `memory_high`: none is restarted"
        denied = [f"may not {p.what}: {p.why}" for p in self._permissions[:-2] if not p.allowed]
        return "; ".join(["cleaning up", *denied])

    # --- healing --------------------------------------------------------------------------------------------------

    async def _heal(self, resource: MachineResource) -> None:
        if not self._settings.healing.enabled:
            return
        self._healed_at[resource] = self._clock.monotonic()
        if resource == "disk":
            await self.clean_up()
        elif resource == "memory" and (heavy := await self._over_their_mark()):
            self._restart(heavy[0])

    async def clean_up(self) -> Freed:
        """Free what may be freed on the disk now, and tell it."""
        freed = await free_space(clean_up_of(self._settings, self._paths), self._earliest_now())
        try:
            pruned = await self._hands.prune()
        except (OSError, apsw.Error) as error:
            freed.refused += (f"the journal was not pruned: {words(error)}",)
        else:
            freed.done += (f"{pruned} old events removed from the journal",) if pruned else ()
        unable = f"; not done: {'; '.join(freed.refused)}" if freed.done and freed.refused else ""
        self._publish(
            SpaceFreed(
                at=self._clock.wall(),
                component=COMPONENT,
                freed_bytes=freed.freed_bytes,
                files=freed.files,
                cause=freed.sentence + unable,
            )
        )
        return freed

    def _earliest_now(self) -> float:
        """The wall clock, or less where it was set ahead since the start: a jump makes no file old."""
        wall, monotonic = self._began
        return min(self._clock.wall(), wall + self._clock.monotonic() - monotonic)

    async def _over_their_mark(self) -> list[str]:
        """Services over their own `memory_high`, shared pages counted once; the one that is most over it first."""
        over: dict[str, float] = {}
        for view in self._hands.services():
            service = self._settings.services.get(view.name)
            high = service.memory_high if service else None
            if high is None or (view.memory_bytes or 0) <= high:
                continue
            used = await self._hands.memory_of(view.name) or 0
            if used > high:
                over[view.name] = used / high
        return sorted(over, key=lambda name: -over[name])

    def _restart(self, name: str) -> None:
        """One at a time: the next one, if the memory is still short, after AGAIN_S."""
        try:
            self._hands.restart(name, "the machine's memory runs short, and it is over its `memory_high`")
        except AuroraError as error:
            log.warning("%s was not restarted: %s", name, error.title)

    @property
    def _options(self) -> InfrastructureSettings:
        return self._settings.healing.infrastructure

    def _limit(self, resource: MachineResource) -> float:
        options = self._options
        return {"cpu": options.cpu_percent, "memory": options.memory_percent, "disk": options.disk_percent}[resource]


_NAMES: Mapping[MachineResource, str] = {"cpu": "the CPU", "memory": "the memory", "disk": "the disk"}
