"""What is counted while it happens: a reader of the bus, from the first event of this Aurora on."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from aurora_desktop.api.metrics.histogram import Histogram
from aurora_desktop.core.event import Event
from aurora_desktop.core.events import Heartbeat, Record, ServiceFailed, ServiceRecovered, ServiceRestarting, Stalled
from aurora_desktop.core.healing_events import AlertFailed, AlertSent, RemedyFinished
from aurora_desktop.core.input_events import EmergencyStopped, InputFinished, WorkerCrashed
from aurora_desktop.core.task_events import TaskFinished, TaskSubmitted

# Upper bounds in seconds. Those of a stop hold the targets of the brake: 10 ms and 50 ms.
STOP_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3)
LAG_BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
ACTION_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
RECOVERY_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
TASK_BOUNDS = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)


class Counts(Struct, kw_only=True):
    """Since this Aurora began. Keys are labels; times in seconds, costs in US dollars."""

    requests: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By method, address (with its names in braces, "" for none of ours) and status."""
    events: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    action_s: Histogram = field(default_factory=lambda: Histogram(*ACTION_BOUNDS))
    input_worker_crashes: int = 0
    submitted: Counter[str] = field(default_factory=Counter)
    finished: Counter[tuple[str, str]] = field(default_factory=Counter)
    task_s: Histogram = field(default_factory=lambda: Histogram(*TASK_BOUNDS))
    tokens: Counter[str] = field(default_factory=Counter)
    cost_usd: dict[str, float] = field(default_factory=dict)
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    restarts: Counter[str] = field(default_factory=Counter)
    recovery_s: Histogram = field(default_factory=lambda: Histogram(*RECOVERY_BOUNDS))
    remedies: Counter[tuple[str, str]] = field(default_factory=Counter)
    stop_s: Histogram = field(default_factory=lambda: Histogram(*STOP_BOUNDS))
    stalls: int = 0
    stalled_s: float = 0.0
    loop_lag_s: Histogram = field(default_factory=lambda: Histogram(*LAG_BOUNDS))
    beats_missed: int = 0
    alerts: Counter[str] = field(default_factory=Counter)

    def read(self, record: Record) -> None:
        """A reader of the bus."""
        event = record.event
        self.events[event.event_type()] += 1
        if event.error:
            self.errors[event.component] += 1
        if (count := _COUNTED.get(type(event))) is not None:
            count(self, event)

    def copy(self) -> "Counts":
        """As they are now, for another thread."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.__struct_fields__}
        copies: dict[str, Any] = {name: v if isinstance(v, int | float) else v.copy() for name, v in values.items()}
        return Counts(**copies)


def _action(counts: Counts, event: InputFinished) -> None:
    counts.actions[event.action, event.outcome] += 1
    counts.action_s.observe(event.duration_s)


def _submitted(counts: Counts, event: TaskSubmitted) -> None:
    counts.submitted[event.agent] += 1


def _finished(counts: Counts, event: TaskFinished) -> None:
    counts.finished[event.agent, event.status] += 1
    counts.task_s.observe(event.duration_s)
    counts.tokens[event.agent] += event.tokens
    counts.cost_usd[event.agent] = counts.cost_usd.get(event.agent, 0.0) + (event.cost_usd or 0.0)


def _failed(counts: Counts, event: ServiceFailed) -> None:
    counts.failures[event.component, event.kind] += 1


def _restarting(counts: Counts, event: ServiceRestarting) -> None:
    counts.restarts[event.component] += 1


def _recovered(counts: Counts, event: ServiceRecovered) -> None:
    counts.recovery_s.observe(event.downtime_s)


def _remedied(counts: Counts, event: RemedyFinished) -> None:
    counts.remedies[event.remedy, event.outcome] += 1


def _stopped(counts: Counts, event: EmergencyStopped) -> None:
    counts.stop_s.observe(event.latency_ms / 1000)


def _stalled(counts: Counts, event: Stalled) -> None:
    counts.stalls += 1
    counts.stalled_s += event.stall_s


def _beat(counts: Counts, event: Heartbeat) -> None:
    counts.beats_missed += event.missed


def _crashed(counts: Counts, _: WorkerCrashed) -> None:
    counts.input_worker_crashes += 1


def _sent(counts: Counts, _: AlertSent) -> None:
    counts.alerts["sent"] += 1


def _not_sent(counts: Counts, _: AlertFailed) -> None:
    counts.alerts["failed"] += 1


_COUNTED: dict[type[Event], Callable[[Counts, Any], None]] = {
    InputFinished: _action,
    TaskSubmitted: _submitted,
    TaskFinished: _finished,
    ServiceFailed: _failed,
    ServiceRestarting: _restarting,
    ServiceRecovered: _recovered,
    RemedyFinished: _remedied,
    EmergencyStopped: _stopped,
    Stalled: _stalled,
    Heartbeat: _beat,
    WorkerCrashed: _crashed,
    AlertSent: _sent,
    AlertFailed: _not_sent,
}
