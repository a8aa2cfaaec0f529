"""Looks ahead: samples memory, descriptors, disk, errors and restarts, and announces what will run out. Advice alone.

Memory comes from what the supervisor samples anyway; descriptors are counted every fifth time, of main processes
alone. A tenth of the series is judged after each sample, so that no turn of the loop is long.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from msgspec import Struct

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import (
    AnyEvent,
    Record,
    ServiceDegraded,
    ServiceFailed,
    ServiceRestarting,
    service_component,
)
from aurora_desktop.core.healing_events import PredictionKind
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.storage_events import StorageFailing
from aurora_desktop.healing.machine.announcing import Announcer, Key, Said, Standing, Tally
from aurora_desktop.healing.machine.descriptors import descriptor_limit, open_descriptors
from aurora_desktop.healing.machine.machine_store import Kept, MachineStore
from aurora_desktop.healing.machine.prediction import HOUR_S, Forecast, RateForecast, forecast, goes_on, rate_forecast
from aurora_desktop.healing.machine.readings import Machine, Reading
from aurora_desktop.healing.machine.series import Series
from aurora_desktop.healing.view import PredictionView
from aurora_desktop.supervisor.outcome import format_bytes
from aurora_desktop.supervisor.view import ServiceView

MACHINE = "machine"
DESCRIPTORS_EVERY = 5
JUDGED_EVERY = 10
SAVED_EVERY = 30
EVENTS_KEPT = 128
RATE_WINDOWS_S = (3 * HOUR_S, 12 * HOUR_S, 24 * HOUR_S)
LEAST_LEAK = 5_000_000.0
LEAST_DESCRIPTORS = 24.0
LEAST_DISK_SHARE = 0.002
SAME_START_S = 30.0


class Origin(Struct, frozen=True):
    """What the samples are of: a process with the monotonic time of its start; the disk is 0, since ever."""

    pid: int = 0
    started: float = 0.0

    def is_same(self, other: "Origin") -> bool:
        """The time of a start is measured a little differently each time."""
        return self.pid == other.pid and abs(self.started - other.started) < SAME_START_S


class Watched(Struct):
    """One quantity of one origin; `limit` is where it ends."""

    origin: Origin
    limit: float
    least_rise: float
    series: Series


class Rate(Struct, frozen=True):
    """So many events within so many seconds are too many."""

    most: int
    window_s: float


class Sources(Struct, frozen=True):
    """What is sampled: the supervisor's views, the machine (in a thread), and open and allowed files of a process."""

    services: Callable[[], tuple[ServiceView, ...]]
    machine: Machine
    open_descriptors: Callable[[int], int | None] = open_descriptors
    descriptor_limit: Callable[[int], int | None] = descriptor_limit


class Foresight:
    """`run` samples for ever; `read` counts errors and restarts; `views` tells what stands."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        publish: Callable[[AnyEvent], object],
        sources: Sources,
        store: MachineStore,
    ) -> None:
        """Blocking: reads what was kept."""
        self._settings = settings
        self._clock = clock
        self._sources = sources
        self._store = store
        self._announcer = Announcer(clock, publish)
        self._watched: dict[Key, Watched] = {}
        self._errors: dict[str, deque[float]] = {}
        self._restarts: dict[str, deque[float]] = {}
        self._began = clock.monotonic()
        self._round = 0
        self._on_change: Callable[[], None] = lambda: None
        self._kept = store.samples()
        self._restore()

    # --- what is known --------------------------------------------------------------------------------------------

    def views(self) -> tuple[PredictionView, ...]:
        """What stands, the nearest first."""
        return self._announcer.views()

    @property
    def made(self) -> int:
        """Predictions made so far, over restarts."""
        return self._announcer.tally.made

    @property
    def false(self) -> int:
        """How many of them were wrong: it did not happen, and nobody had done anything about it."""
        return self._announcer.tally.false

    def watch(self, on_change: Callable[[], None]) -> None:
        """Call `on_change` when what stands was seen anew: a nearer time, another confidence."""
        self._on_change = on_change

    def apply(self, settings: Settings) -> None:
        self._settings = settings
        if not settings.healing.prediction.enabled:
            self._announcer.forget_all("prediction is switched off")

    def read(self, record: Record) -> None:
        """A reader of the bus."""
        event = record.event
        if event.error and event.component != MACHINE:
            self._count(self._errors, event.component)
        if isinstance(event, ServiceRestarting):
            self._count(self._restarts, event.component)
        elif isinstance(event, ServiceFailed) and event.kind == "memory":
            self._announcer.came_true((event.component, "memory_leak"), event.cause)
        elif isinstance(event, ServiceDegraded):
            self._announcer.came_true((event.component, "restart_rate"), event.cause)
        elif isinstance(event, StorageFailing) and "full" in event.detail:
            self._announcer.came_true((MACHINE, "disk_full"), event.detail)

    def _count(self, times: dict[str, deque[float]], component: str) -> None:
        times.setdefault(component, deque(maxlen=EVENTS_KEPT)).append(self._clock.monotonic())

    # --- sampling -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Sample for ever; what was seen is kept also at the end."""
        try:
            while True:
                await asyncio.sleep(self._settings.healing.prediction.interval_s)
                if self._settings.healing.prediction.enabled:
                    await self.sample()
        finally:
            self.save()

    async def sample(self) -> None:
        """Take one sample of everything, and judge a tenth of it."""
        self._round += 1
        views = {service_component(view.name): view for view in self._sources.services()}
        reading = None
        with contextlib.suppress(OSError, ValueError, KeyError, IndexError):  # the infrastructure agent tells of that
            reading = await asyncio.to_thread(self._sources.machine)
        for component, view in views.items():
            self._sample_service(component, view, reading)
        if reading is not None:
            self._sample_disk(reading)
        self._forget_the_gone(views)
        await self._judge_some()
        if self._round % SAVED_EVERY == 0:
            self.save()

    def _sample_service(self, component: str, view: ServiceView, reading: Reading | None) -> None:
        if view.pid is None or view.uptime_s is None:
            return
        origin = Origin(view.pid, self._clock.monotonic() - view.uptime_s)
        if view.memory_bytes is not None:
            room = reading.memory_available if reading is not None else 0
            limit = float(view.memory_max or view.memory_bytes + room)
            self._add((component, "memory_leak"), origin, view.memory_bytes, limit, LEAST_LEAK)
        if self._round % DESCRIPTORS_EVERY == 0:
            self._sample_descriptors((component, "descriptor_growth"), origin)

    def _sample_descriptors(self, key: Key, origin: Origin) -> None:
        opened, limit = self._sources.open_descriptors(origin.pid), self._sources.descriptor_limit(origin.pid)
        if opened is None or limit is None:
            return
        self._add(key, origin, opened, limit, LEAST_DESCRIPTORS)
        if opened >= limit - 1:
            self._announcer.came_true(key, f"{opened} of {limit} files are open")

    def _sample_disk(self, reading: Reading) -> None:
        key: Key = (MACHINE, "disk_full")
        used, total = reading.disk_total - reading.disk_free, reading.disk_total
        self._add(key, Origin(), used, total, LEAST_DISK_SHARE * total)
        if reading.disk_free < 0.001 * total:
            self._announcer.came_true(key, "the disk is full")

    def _add(self, key: Key, origin: Origin, value: float, limit: float, least_rise: float) -> None:
        watched = self._watched.get(key)
        if watched is None or not watched.origin.is_same(origin):
            if watched is not None:
                self._announcer.forget(key, "it was started anew")
            watched = self._watched[key] = Watched(origin, limit, least_rise, Series())
            self._restore_samples(key, watched)
        watched.limit = limit
        watched.series.add(self._clock.monotonic(), value)

    def _forget_the_gone(self, views: dict[str, ServiceView]) -> None:
        """Services that are not in the settings any more, or do not run: their memory is nobody's now."""
        for key in list(self._watched):
            view = views.get(key[0])
            if key[0] != MACHINE and (view is None or view.pid is None):
                del self._watched[key]
                self._announcer.forget(key, "it does not run any more")
        for times in (self._errors, self._restarts):
            for component in [c for c in times if c.startswith("service:") and c not in views]:
                del times[component]

    # --- judging --------------------------------------------------------------------------------------------------

    async def _judge_some(self) -> None:
        changed = False
        for number, (key, watched) in enumerate(list(self._watched.items())):
            if number % JUDGED_EVERY == self._round % JUDGED_EVERY:
                changed |= self._judge(key, watched)
                await asyncio.sleep(0)
        if self._round % JUDGED_EVERY == 0:
            changed |= self._judge_rates()
        if changed:
            self._on_change()

    def _judge(self, key: Key, watched: Watched) -> bool:
        points, standing = watched.series.points(), self._announcer.standing.get(key)
        if standing is not None and standing.basis is not None:
            found = goes_on(points, standing.basis, watched.limit)
        else:
            found = forecast(points, watched.limit, watched.least_rise, self._horizon_s)
        return self._announcer.look(key, None if found is None else _said(key[1], found, watched.limit))

    def _judge_rates(self) -> bool:
        alerts, changed = self._settings.alerts, False
        for component, times in list(self._errors.items()):
            limit = Rate(alerts.error_threshold, alerts.error_window_s)
            changed |= self._judge_rate((component, "error_rate"), times, limit)
        for component, times in list(self._restarts.items()):
            service = self._settings.services.get(component.removeprefix("service:"))
            if service is not None:
                limit = Rate(service.start_limit_burst, service.start_limit_interval_sec)
                changed |= self._judge_rate((component, "restart_rate"), times, limit)
        return changed

    def _judge_rate(self, key: Key, times: deque[float], limit: Rate) -> bool:
        now = self._clock.monotonic()
        if sum(at > now - limit.window_s for at in times) >= limit.most:
            self._announcer.came_true(key, f"{limit.most} within {limit.window_s:g} s")
            return True
        earliest = times[0] if len(times) == EVENTS_KEPT else self._began
        for length_s in RATE_WINDOWS_S:
            begin = max(earliest, now - length_s)
            found = rate_forecast(list(times), begin, now, limit.most / limit.window_s, self._horizon_s)
            if found is not None:
                return self._announcer.look(key, _said_of_rate(key[1], found, limit))
        return self._announcer.look(key, None)

    @property
    def _horizon_s(self) -> float:
        return self._settings.healing.prediction.horizon_h * HOUR_S

    # --- kept over restarts ---------------------------------------------------------------------------------------

    def save(self) -> None:
        """Keep samples, what stands and the tally; not waited for."""
        self._store.keep_samples([self._kept_now(key, watched) for key, watched in self._watched.items()])
        self._store.keep("predictions_standing", list(self._announcer.standing.values()))
        self._store.keep("predictions_tally", self._announcer.tally)

    def _kept_now(self, key: Key, watched: Watched) -> Kept:
        wall, now = self._clock.wall(), self._clock.monotonic()
        started_at = wall - now + watched.origin.started
        return Kept(" ".join(key), watched.origin.pid, started_at, wall, now, watched.series.kept())

    def _restore(self) -> None:
        """What rests on rates alone is let go: they are counted anew."""
        self._announcer.tally = self._store.value("predictions_tally", Tally) or Tally()
        for standing in self._store.value("predictions_standing", list[Standing]) or []:
            if standing.basis is not None:
                self._announcer.standing[standing.key] = standing

    def _restore_samples(self, key: Key, watched: Watched) -> None:
        """The samples of the same process, as long ago as they were taken."""
        kept = self._kept.pop(" ".join(key), None)
        if kept is None:
            return
        wall, now = self._clock.wall(), self._clock.monotonic()
        if key[0] == MACHINE or watched.origin.is_same(Origin(kept.pid, now - wall + kept.started_at)):
            away_s = max(0.0, wall - kept.saved_at)
            with contextlib.suppress(ValueError):
                watched.series.restore(kept.points, now - away_s - kept.clock)
        else:
            self._announcer.forget(key, "it was started anew")


_ADVICE: dict[PredictionKind, str] = {
    "memory_leak": "Restart it at a quiet moment, and look for what it keeps; `memory_high` lets Aurora do the first.",
    "descriptor_growth": "Look for files and connections that it does not close; a restart gives it time.",
    "disk_full": "Make room, or name folders in `healing.infrastructure.temp_folders` that may be cleared.",
    "error_rate": "Look at its log now, while there is time.",
    "restart_rate": "Look at its last failures: it will be degraded when its restart budget is spent.",
}


def _said(kind: PredictionKind, found: Forecast, limit: float) -> Said:
    per_h = found.per_s * HOUR_S
    seen = f"for {found.seen_s / HOUR_S:.0f} h"
    if kind == "descriptor_growth":
        sentence = (
            f"{per_h:.0f} more files stay open each hour, {seen}; {found.level:.0f} are open, {limit:.0f} allowed"
        )
    else:
        what = "the disk fills" if kind == "disk_full" else "its memory grows"
        sentence = (
            f"{what} by {format_bytes(per_h)} an hour, {seen}; {format_bytes(found.level)} of {format_bytes(limit)}"
        )
    return Said(found.in_s, found.confidence, sentence, _ADVICE[kind], found)


def _said_of_rate(kind: PredictionKind, found: RateForecast, limit: Rate) -> Said:
    what = "errors" if kind == "error_rate" else "restarts"
    sentence = (
        f"{what} come ever more often: {found.was_per_hour:.1f} an hour before, {found.per_hour:.1f} now;"
        f" if it goes on like this, {limit.most} within {limit.window_s:g} s"
    )
    return Said(found.in_s, found.confidence, sentence, _ADVICE[kind])
