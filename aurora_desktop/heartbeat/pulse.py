"""The heartbeat: every interval one snapshot of everything, published as an event."""

import asyncio
import contextlib
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Callable

from msgspec import Struct

from aurora_desktop.core.bus import Bus
from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import ClockJumped, Heartbeat, Record
from aurora_desktop.core.storage.jsonl import timestamp
from aurora_desktop.heartbeat.health import Health
from aurora_desktop.link.view import LinkView
from aurora_desktop.supervisor.view import ServiceView

RECENT_EVENTS = 5
CLOCK_JUMP_S = 5.0


class Readings(Struct, frozen=True):
    """All clocks read together, in seconds; `boot` goes on while the machine sleeps, `monotonic` (Linux) does not."""

    monotonic: float
    boot: float
    wall: float
    cpu: float


class Passed(Struct, frozen=True):
    """What passed between two readings, in seconds."""

    awake_s: float
    slept_s: float
    clock_jump_s: float
    cpu_s: float


def passed(before: Readings, after: Readings) -> Passed:
    """Sleep is what the boot clock counts beyond the monotonic one; a jump, what the wall clock tells beyond both."""
    awake_s = after.monotonic - before.monotonic
    since_boot_s = after.boot - before.boot
    slept_s = max(0.0, since_boot_s - awake_s)
    jump_s = (after.wall - before.wall) - max(awake_s, since_boot_s)
    return Passed(awake_s, slept_s, jump_s, after.cpu - before.cpu)


class Pulse:
    """Counts errors, and publishes a Heartbeat each `interval_s`; `last` is the newest one.

    `link`: how the link is, once there is one to ask.
    """

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        views: Callable[[], tuple[ServiceView, ...]],
        health: Callable[[], Health],
        interval_s: float,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._views = views
        self._health = health
        self._interval_s = interval_s
        self._interval_changed = asyncio.Event()
        self.last: Heartbeat | None = None
        self.link: Callable[[], LinkView] | None = None
        self._errors: Counter[str] = Counter()
        self._recent: deque[dict[str, object]] = deque(maxlen=RECENT_EVENTS)
        self._began = clock.monotonic()
        self._readings = self._read_clocks()

    def read(self, record: Record) -> None:
        """A reader of the bus: counts errors by component, keeps the newest recovery events."""
        event = record.event
        if event.error:
            self._errors[event.component] += 1
        if event.recovery:
            self._recent.append(
                {"timestamp": timestamp(event.at), "component": event.component, "event_type": event.event_type()}
            )

    @property
    def interval_s(self) -> float:
        return self._interval_s

    @interval_s.setter
    def interval_s(self, interval_s: float) -> None:
        if interval_s != self._interval_s:
            self._interval_s = interval_s
            self._interval_changed.set()

    async def run(self) -> None:
        """Beat for ever; a changed `interval_s` is followed by a beat at once."""
        due_s = self.interval_s
        while True:
            self.beat(due_s)
            self._interval_changed.clear()
            due_s = self.interval_s
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._interval_changed.wait(), due_s)

    def beat(self, due_s: float) -> Heartbeat:
        """One heartbeat, `due_s` seconds after the one before it."""
        readings = self._read_clocks()
        since = passed(self._readings, readings)
        lag_s = max(0.0, since.awake_s - due_s) if self.last is not None else 0.0
        self._readings = readings
        if abs(since.clock_jump_s) > CLOCK_JUMP_S:
            at = self._clock.wall()
            self._bus.publish(ClockJumped(at=at, component="aurora", delta_s=round(since.clock_jump_s, 1)))
        self.last = self._snapshot(since, lag_s)
        self._bus.publish(self.last)
        return self.last

    def _snapshot(self, since: Passed, lag_s: float) -> Heartbeat:
        health = self._health()
        link = self.link() if self.link is not None else LinkView()
        return Heartbeat(
            at=self._clock.wall(),
            component="heartbeat",
            uptime_seconds=round(self._clock.monotonic() - self._began, 3),
            verdict=health.verdict,
            sentence=health.sentence,
            lag_ms=round(lag_s * 1000, 1),
            missed=int(lag_s // self.interval_s),
            error_counts=dict(self._errors),
            recent_recovery_events=tuple(self._recent),
            services=dict(Counter(view.state for view in self._views())),
            memory_bytes=_own_memory(),
            cpu_percent=round(100 * since.cpu_s / since.awake_s, 2) if since.awake_s > 0 else 0.0,
            slept_s=round(since.slept_s, 1),
            link=link.state if link.enabled else "off",
            link_latency_ms=link.latency_ms or 0.0,
            link_waiting=link.outbox.waiting,
        )

    def _read_clocks(self) -> Readings:
        monotonic = self._clock.monotonic()
        return Readings(monotonic, _boot_clock(monotonic), self._clock.wall(), time.process_time())


def _boot_clock(monotonic: float) -> float:
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return monotonic


def _own_memory() -> int:
    """Resident memory in bytes."""
    if sys.platform == "linux":
        try:
            with open("/proc/self/statm", encoding="ascii") as statm:
                return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:  # no file descriptor just now
            return 0
    import psutil  # late: Linux does without it

    return int(psutil.Process().memory_info().rss)
