"""The last day by the minute, in memory: for a chart that is there although nobody runs a Prometheus."""

from collections import deque
from typing import NamedTuple

from msgspec import Struct

from aurora_desktop.api.metrics.counts import Counts
from aurora_desktop.api.metrics.snapshot import Snapshot
from aurora_desktop.healing.machine.readings import Machine, Times, cpu_percent

KEPT_MINUTES = 24 * 60
MINUTE_S = 60.0


class MachineNow(Struct, frozen=True):
    """The machine in percent; None: it could not be looked at. The processor: the mean since the look before."""

    cpu_percent: float | None = None
    memory_percent: float | None = None
    disk_percent: float | None = None


class Measures(Struct, frozen=True, kw_only=True):
    """Of one minute. What is counted is of this minute alone; the rest is as it was at its end.

    `cpu_percent`, `memory_percent`, `disk_percent`: of the machine, null where it could not be looked at;
    `aurora_cpu_percent` (of one core), `aurora_memory_bytes`: of Aurora's main process. `loop_lag_s`: the mean of it.
    """

    cpu_percent: float | None
    memory_percent: float | None
    disk_percent: float | None
    requests: int
    input_actions: int
    input_errors: int
    tasks_finished: int
    task_timeouts: int
    restarts: int
    errors: int
    queue_depth: int
    tasks_at_work: int
    services_up: int
    services: int
    heartbeat_lag_s: float
    loop_lag_s: float
    aurora_memory_bytes: int
    aurora_cpu_percent: float


class Minute(Measures, frozen=True, kw_only=True):
    """`at`: Unix time of its end."""

    at: float


class Totals(NamedTuple):
    """What is counted, from the beginning on."""

    requests: int = 0
    input_actions: int = 0
    input_errors: int = 0
    tasks_finished: int = 0
    task_timeouts: int = 0
    restarts: int = 0
    errors: int = 0
    lags: int = 0
    lag_s: float = 0.0


def totals(counts: Counts) -> Totals:
    return Totals(
        requests=counts.requests.total(),
        input_actions=counts.actions.total(),
        input_errors=sum(count for (_, outcome), count in counts.actions.items() if outcome != "done"),
        tasks_finished=counts.finished.total(),
        task_timeouts=sum(count for (_, status), count in counts.finished.items() if status == "timeout"),
        restarts=counts.restarts.total(),
        errors=counts.errors.total(),
        lags=counts.loop_lag_s.count,
        lag_s=counts.loop_lag_s.total,
    )


class MinuteHistory:
    """`add` is called once a minute; `last` gives them, oldest first."""

    def __init__(self) -> None:
        self._minutes: deque[Minute] = deque(maxlen=KEPT_MINUTES)
        self._before = Totals()

    def add(self, snapshot: Snapshot, machine: MachineNow) -> None:
        now = totals(snapshot.counts)
        self._minutes.append(minute(self._before, now, snapshot, machine))
        self._before = now

    def last(self, minutes: int) -> tuple[Minute, ...]:
        return tuple(self._minutes)[-minutes:] if minutes > 0 else ()


class MachineWatch:
    """Looks at the machine, in a thread."""

    def __init__(self, read: Machine) -> None:
        self._read = read
        self._times: Times | None = None

    def look(self) -> MachineNow:
        try:
            reading = self._read()
        except (OSError, ValueError, LookupError):  # a disk that is gone, or a `/proc` that is none
            return MachineNow()
        before, self._times = self._times, reading.times
        cpu = cpu_percent(before, reading.times)
        rounded = None if cpu is None else round(cpu, 1)
        return MachineNow(rounded, round(reading.memory_percent, 1), round(reading.disk_percent, 1))


def minute(before: Totals, now: Totals, snapshot: Snapshot, machine: MachineNow) -> Minute:
    since = Totals._make(new - old for new, old in zip(now, before, strict=True))
    beat = snapshot.heartbeat
    return Minute(
        at=snapshot.at,
        cpu_percent=machine.cpu_percent,
        memory_percent=machine.memory_percent,
        disk_percent=machine.disk_percent,
        requests=since.requests,
        input_actions=since.input_actions,
        input_errors=since.input_errors,
        tasks_finished=since.tasks_finished,
        task_timeouts=since.task_timeouts,
        restarts=since.restarts,
        errors=since.errors,
        queue_depth=snapshot.queue_depth,
        tasks_at_work=sum(agent.running for agent in snapshot.agents),
        services_up=sum(service.is_up for service in snapshot.services),
        services=len(snapshot.services),
        heartbeat_lag_s=beat.lag_ms / 1000 if beat else 0.0,
        loop_lag_s=round(since.lag_s / since.lags, 6) if since.lags else 0.0,
        aurora_memory_bytes=beat.memory_bytes if beat else 0,
        aurora_cpu_percent=beat.cpu_percent if beat else 0.0,
    )
