"""The machine, the workers and the whole in the shapes of the earlier system; fields may be added, none dropped."""

import os
from collections.abc import Iterable, Sequence

from msgspec import Struct

from aurora_desktop.api.metrics.history import Measures, Minute
from aurora_desktop.api.shapes import ComponentStatus
from aurora_desktop.core.storage.jsonl import timestamp
from aurora_desktop.healing.machine.readings import Reading
from aurora_desktop.healing.view import HealingView, MachineAction
from aurora_desktop.safety.view import ControlView
from aurora_desktop.tasks.view import WorkerView

MEBIBYTE = 1024 * 1024


# --- the cluster --------------------------------------------------------------------------------------------------


class ClusterCounts(Struct, frozen=True, kw_only=True):
    total_workers: int
    healthy_workers: int
    unhealthy_workers: int
    initialized: bool


class SystemPercents(Struct, frozen=True, kw_only=True):
    cpu_percent: float
    memory_percent: float
    disk_percent: float
    uptime_seconds: float


class Worker(Struct, frozen=True, kw_only=True):
    type: str
    status: str
    pid: int | None
    healthy: bool
    started_at: str | None
    task_count: int
    error_count: int


class InfrastructureStatus(Struct, frozen=True, kw_only=True):
    monitoring_active: bool
    healing_actions_count: int
    permissions: dict[str, bool]


class ClusterReply(Struct, frozen=True, kw_only=True):
    cluster: ClusterCounts
    system: SystemPercents
    workers: dict[str, Worker]
    infrastructure: InfrastructureStatus


class LiveWorker(Struct, frozen=True, kw_only=True):
    """`uptime` in seconds; null while it does not run."""

    id: str
    type: str
    status: str
    pid: int | None
    tasks_completed: int
    errors: int
    uptime: float | None


class LiveSummary(Struct, frozen=True):
    total: int
    healthy: int
    unhealthy: int


class LiveReply(Struct, frozen=True):
    agents: tuple[LiveWorker, ...]
    summary: LiveSummary


class HealedReply(Struct, frozen=True):
    healed_workers: tuple[str, ...]
    count: int
    message: str


class SubmittedReply(Struct, frozen=True):
    task_id: str
    agent_type: str
    status: str


class ClusterTaskReply(Struct, frozen=True, kw_only=True):
    task_id: str
    status: str
    result: str | None
    error: str | None


class HealingAction(Struct, frozen=True, kw_only=True):
    timestamp: str
    action: str
    resource: str
    detail: str
    freed_bytes: int


class HistoryReply(Struct, frozen=True):
    history: tuple[HealingAction, ...]
    is_monitoring: bool


class Cpu(Struct, frozen=True):
    percent: float
    count: int


class Memory(Struct, frozen=True):
    percent: float
    available_mb: float


class Disk(Struct, frozen=True):
    percent: float
    free_gb: float


class System(Struct, frozen=True):
    cpu: Cpu
    memory: Memory
    disk: Disk


class MetricsReply(Struct, frozen=True, kw_only=True):
    timestamp: str
    system: System
    workers: ClusterCounts


def counts(workers: Sequence[WorkerView]) -> ClusterCounts:
    healthy = sum(worker.healthy for worker in workers)
    return ClusterCounts(
        total_workers=len(workers),
        healthy_workers=healthy,
        unhealthy_workers=len(workers) - healthy,
        initialized=bool(workers),
    )


def percents(reading: Reading, healing: HealingView | None, uptime_s: float) -> SystemPercents:
    return SystemPercents(
        cpu_percent=cpu_of(healing),
        memory_percent=round(reading.memory_percent, 1),
        disk_percent=round(reading.disk_percent, 1),
        uptime_seconds=uptime_s,
    )


def cpu_of(healing: HealingView | None) -> float:
    """As healing measured it last, between two of its looks; 0 before the second."""
    machine = healing.machine if healing is not None else ()
    return next((view.percent for view in machine if view.resource == "cpu"), 0.0)


def workers_by_id(views: Iterable[WorkerView]) -> dict[str, Worker]:
    return {
        view.name: Worker(
            type=view.pool,
            status=view.status,
            pid=view.pid,
            healthy=view.healthy,
            started_at=timestamp(view.started_at) if view.started_at is not None else None,
            task_count=view.tasks_completed,
            error_count=view.errors,
        )
        for view in views
    }


def live(views: Sequence[WorkerView]) -> LiveReply:
    agents = tuple(
        LiveWorker(
            id=view.name,
            type=view.pool,
            status=view.status,
            pid=view.pid,
            tasks_completed=view.tasks_completed,
            errors=view.errors,
            uptime=view.uptime_s,
        )
        for view in views
    )
    told = counts(views)
    return LiveReply(agents, LiveSummary(told.total_workers, told.healthy_workers, told.unhealthy_workers))


def infrastructure(healing: HealingView | None, actions: int) -> InfrastructureStatus:
    return InfrastructureStatus(
        monitoring_active=healing is not None,
        healing_actions_count=actions,
        permissions={view.what: view.allowed for view in healing.permissions} if healing is not None else {},
    )


def healing_history(actions: Iterable[MachineAction], *, is_monitoring: bool) -> HistoryReply:
    return HistoryReply(
        tuple(
            HealingAction(
                timestamp=timestamp(action.at),
                action=action.action,
                resource=action.resource,
                detail=action.detail,
                freed_bytes=action.freed_bytes,
            )
            for action in actions
        ),
        is_monitoring,
    )


def system(reading: Reading, healing: HealingView | None) -> System:
    """Sizes in MiB and in 10^9 bytes."""
    return System(
        Cpu(cpu_of(healing), os.cpu_count() or 1),
        Memory(round(reading.memory_percent, 1), round(reading.memory_available / MEBIBYTE, 1)),
        Disk(round(reading.disk_percent, 1), round(reading.disk_free / 1e9, 1)),
    )


# --- control ------------------------------------------------------------------------------------------------------


class RestartedReply(Struct, frozen=True):
    status: str


class ControlStatusReply(Struct, frozen=True, kw_only=True):
    """`status`: `stopped` while the emergency stop is latched, `paused` while supervision is, else `running`.

    `operator_enabled`: whether the gate lets the operator arm; `control`: how mouse and keyboard stand.
    """

    status: str
    emergency_stop: bool
    operator_enabled: bool
    control: str
    reason: str
    uptime_seconds: float
    components: dict[str, ComponentStatus]


class ControlMetricsReply(Struct, frozen=True, kw_only=True):
    """`services` counts them by state; `restarts` over all of them; `error_counts` by component."""

    timestamp: str
    uptime_seconds: float
    cpu_percent: float
    memory_percent: float
    disk_percent: float
    services: dict[str, int]
    restarts: int
    tasks_running: int
    tasks_queued: int
    input_queue_size: int
    error_counts: dict[str, int]


class Sample(Measures, frozen=True, kw_only=True):
    """`timestamp`: the end of the minute."""

    timestamp: str


class MetricsHistoryReply(Struct, frozen=True):
    history: tuple[Sample, ...]


def control_status(
    control: ControlView | None, components: dict[str, ComponentStatus], uptime_s: float, *, paused: bool
) -> ControlStatusReply:
    state = control.state if control is not None else "closed"
    return ControlStatusReply(
        status="stopped" if state == "latched" else "paused" if paused else "running",
        emergency_stop=state == "latched",
        operator_enabled=state != "closed",
        control=state,
        reason=control.reason if control is not None else "there is no input agent",
        uptime_seconds=uptime_s,
        components=components,
    )


def metrics_history(minutes: Iterable[Minute]) -> MetricsHistoryReply:
    """What the door remembers of each minute, oldest first."""
    return MetricsHistoryReply(tuple(map(_sample, minutes)))


def _sample(minute: Minute) -> Sample:
    measures = {name: getattr(minute, name) for name in Measures.__struct_fields__}
    return Sample(timestamp=timestamp(minute.at), **measures)
