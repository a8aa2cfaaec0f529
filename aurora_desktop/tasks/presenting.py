"""Tasks, agents and workers as they are shown: plain values."""

from typing import Literal

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.settings.schema_tasks import AgentKind, CliAgent
from aurora_desktop.core.task_events import TaskStatus
from aurora_desktop.supervisor.view import ServiceView
from aurora_desktop.tasks.policy import can_resume
from aurora_desktop.tasks.roster import Worker
from aurora_desktop.tasks.task import AT_WORK, Activity, Task, Usage
from aurora_desktop.tasks.verification import Checked
from aurora_desktop.tasks.view import CliAgentView, TaskView, WorkerView

WorkerStatus = Literal["asleep", "starting", "idle", "busy", "frozen", "unhealthy", "stopped"]
_RESUMED_FROM: frozenset[TaskStatus] = frozenset({"uncertain", "error", "timeout", "cancelled", "dead"})


def view_of_task(task: Task, worker: Worker | None, held: str, kind: AgentKind | None, remedy: str = "") -> TaskView:
    """`worker`: who has it; `held`: why it may not begin now, with the `remedy`; `kind` of its agent, if it has one."""
    frozen = worker is not None and worker.is_frozen and task.status in AT_WORK
    resumable = task.status in _RESUMED_FROM and can_resume(task, kind)
    return TaskView(
        id=task.id, number=task.number, agent=task.agent, role=task.role, status=task.status, summary=task.summary,
        cause=_cause(task), held=held if task.status == "queued" else "",
        hint=remedy or _hint(task, frozen=frozen, resumable=resumable), worker=task.worker, attempt=task.attempt,
        max_attempts=task.max_attempts, priority=task.priority, activity=_activity(task, worker, frozen=frozen),
        usage=task.usage, cwd=task.cwd, created_at=task.created_at, started_at=task.started_at,
        finished_at=task.finished_at, timeout_s=task.timeout_s, frozen=frozen, can_resume=frozen or resumable,
        run_id=task.run_id, step=task.step, round=task.round,
    )  # fmt: skip


def _cause(task: Task) -> str:
    return f"being cancelled by {task.cancelling}" if task.cancelling else task.cause


def _hint(task: Task, *, frozen: bool, resumable: bool) -> str:
    if frozen:
        return "Resume it in the window once the emergency stop is reset, or cancel it."
    if task.status == "uncertain":
        ways = "Resume its session, retry" if resumable else "Look at what it did, then retry"
        return f"{ways} it from the beginning, or cancel it."
    if task.status == "waiting_approval":
        return "Answer its question in the window."
    if task.status in ("error", "timeout", "dead"):
        return "Resume or retry it." if resumable else "Retry it once the cause is mended."
    return ""


def _activity(task: Task, worker: Worker | None, *, frozen: bool) -> Activity | None:
    if worker is None or task.status not in AT_WORK:
        return None
    return _frozen(worker, task.started_at or task.created_at) if frozen else worker.activity


def _frozen(worker: Worker, at_the_latest: float) -> Activity:
    """Standing still, since some time after it began what it did last."""
    return Activity(kind="frozen", since=worker.activity.since if worker.activity is not None else at_the_latest)


def view_of_agent(
    name: str, agent: CliAgent, checked: Checked | None, tasks: tuple[int, int], day_usage: Usage
) -> CliAgentView:
    """`tasks`: how many are at work, and how many wait."""
    is_own = agent.kind == "input"
    return CliAgentView(
        name=name, kind=agent.kind, program=" ".join(agent.program), running=tasks[0], queued=tasks[1],
        available=True if is_own else (checked.available if checked is not None else None),
        version=checked.version if checked is not None else "", detail=checked.detail if checked is not None else "",
        hint=checked.hint if checked is not None else "", concurrency=agent.concurrency, day_usage=day_usage,
    )  # fmt: skip


def view_of_worker(worker: Worker, service: ServiceView, clock: Clock, heard_s: float) -> WorkerView:
    """`heard_s`: seconds since it was last heard of."""
    status = _worker_status(worker, service)
    runs = service.pid is not None
    now = clock.wall()
    activity = _frozen(worker, now) if status == "frozen" and worker.task_id else worker.activity
    return WorkerView(
        name=worker.name, pool=worker.post.pool, agent=worker.post.agent, status=status,
        healthy=status in ("asleep", "starting", "idle", "busy"), pid=service.pid, task_id=worker.task_id or None,
        activity=activity, tasks_completed=worker.completed, errors=worker.errors,
        started_at=now - service.uptime_s if runs and service.uptime_s is not None else None,
        uptime_s=service.uptime_s if runs else None, heartbeat_age_s=max(0.0, heard_s) if worker.is_up else None,
        service=service,
    )  # fmt: skip


def _worker_status(worker: Worker, service: ServiceView) -> WorkerStatus:
    match service.state:
        case "frozen":
            return "frozen"
        case "stopped":
            return "asleep"
        case "stopping":
            return "stopped"
        case "failed" | "degraded" | "unhealthy":
            return "unhealthy"
        case "waiting":
            return "unhealthy" if service.problem else "starting"
    if worker.task_id:
        return "busy"
    return "idle" if worker.is_up else "starting"
