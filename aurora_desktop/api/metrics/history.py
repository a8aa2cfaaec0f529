"""The last day by the minute, in memory: for a chart that is there although nobody runs a Prometheus."""

from collections import deque
from typing import NamedTuple

from msgspec import Struct

from aurora_desktop.api.metrics.counts import Counts
from aurora_desktop.api.metrics.snapshot import Snapshot

KEPT_MINUTES = 24 * 60
MINUTE_S = 60.0


class Minute(Struct, frozen=True, kw_only=True):
    """One minute. What is counted is of this minute alone; the rest is as it was at its end.

    `at`: Unix time of its end; `loop_lag_s`: the mean of it.
    """

    at: float
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
    memory_bytes: int
    cpu_percent: float


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

    def add(self, snapshot: Snapshot) -> None:
        now = totals(snapshot.counts)
        self._minutes.append(minute(self._before, now, snapshot))
        self._before = now

    def last(self, minutes: int) -> tuple[Minute, ...]:
        return tuple(self._minutes)[-minutes:] if minutes > 0 else ()


def minute(before: Totals, now: Totals, snapshot: Snapshot) -> Minute:
    since = Totals._make(new - old for new, old in zip(now, before, strict=True))
    beat = snapshot.heartbeat
    return Minute(
        at=snapshot.at,
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
        memory_bytes=beat.memory_bytes if beat else 0,
        cpu_percent=beat.cpu_percent if beat else 0.0,
    )
