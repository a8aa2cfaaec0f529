"""Tasks of agents in the shapes and words of the earlier system; fields may be added, none renamed or dropped."""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from aurora_desktop.core.storage.jsonl import timestamp
from aurora_desktop.core.task_events import TaskStatus
from aurora_desktop.tasks.task import TaskRequest
from aurora_desktop.tasks.view import CliAgentView, Entry, TaskDetail

DEFAULT_AGENT = "claude"
SHOWN_CHARACTERS = 1000
"""Of a prompt and a result, where several tasks are listed."""
LINE_CHARACTERS = 4000
_STATUS: Mapping[TaskStatus, str] = {
    "leased": "running",
    "waiting_approval": "running",
    "uncertain": "error",
    "dead": "error",
}
_CLUSTER_STATUS: Mapping[TaskStatus, str] = {
    "queued": "pending",
    "leased": "running",
    "running": "running",
    "waiting_approval": "running",
    "completed": "completed",
    "cancelled": "cancelled",
}
_UNWELL = frozenset({"error", "retry"})


class MessageRequest(Struct, frozen=True):
    """`metadata`: of these `operator_user` is kept. What scripts send besides is passed over, as it always was."""

    prompt: str
    agent: str | None = None
    metadata: dict[str, Any] | None = None


class CommandRequest(MessageRequest, frozen=True, kw_only=True):
    """`timeout`: seconds, instead of the agent's."""

    timeout: Annotated[float, Meta(gt=0)] | None = None


class LogLine(Struct, frozen=True, kw_only=True):
    timestamp: str
    stream: Literal["stdout", "stderr"]
    message: str
    agent: str
    task_id: str


class Task(Struct, frozen=True, kw_only=True):
    """`status`: queued, running, completed, error, timeout or cancelled; `state`: the same in our own, finer words."""

    id: str
    agent: str
    prompt: str
    status: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    timeout: float
    result: str | None
    error: str | None
    logs: tuple[LogLine, ...]
    state: TaskStatus


class CommandReply(Struct, frozen=True):
    agent: str
    task: Task


class Agent(Struct, frozen=True, kw_only=True):
    """`available`: false once its program was found to be unusable; `tasks`: the newest first, without their logs."""

    available: bool
    running: bool
    tasks: tuple[Task, ...]
    running_tasks: int
    queued_tasks: int
    version: str
    detail: str


class AgentsReply(Struct, frozen=True):
    agents: dict[str, Agent]


class LogsReply(Struct, frozen=True):
    logs: tuple[LogLine, ...]


class Message(Struct, frozen=True, kw_only=True):
    role: Literal["user", "assistant"]
    content: str
    timestamp: str
    agent: str
    task_id: str


class MessageReply(Struct, frozen=True, kw_only=True):
    """`route`: the agent that got it; `history`: what was asked of it and answered, oldest first."""

    route: str
    response: str
    task: Task
    history: tuple[Message, ...]


class StateReply(Struct, frozen=True, kw_only=True):
    timestamp: str
    route: str
    agents: dict[str, Agent]
    history: tuple[Message, ...]


def request_of(wanted: MessageRequest, timeout_s: float | None = None) -> TaskRequest:
    """The task that is asked for."""
    user = (wanted.metadata or {}).get("operator_user")
    return TaskRequest(
        prompt=wanted.prompt,
        agent=wanted.agent or DEFAULT_AGENT,
        timeout_s=timeout_s,
        operator_user=user if isinstance(user, str) else "",
        source="api",
    )


def task(detail: TaskDetail, logs: Iterable[LogLine] = ()) -> Task:
    view = detail.view
    return Task(
        id=view.id,
        agent=view.agent,
        prompt=detail.prompt,
        status=_STATUS.get(view.status, view.status),
        created_at=timestamp(view.created_at),
        started_at=_moment(view.started_at),
        finished_at=_moment(view.finished_at),
        timeout=view.timeout_s,
        result=detail.result or None,
        error=_error(detail),
        logs=tuple(logs),
        state=view.status,
    )


def brief(detail: TaskDetail) -> Task:
    """The task as it stands among others."""
    return task(replace(detail, prompt=detail.prompt[:SHOWN_CHARACTERS], result=detail.result[:SHOWN_CHARACTERS]))


def agent(view: CliAgentView, tasks: Iterable[Task]) -> Agent:
    return Agent(
        available=view.available is not False,
        running=view.running > 0,
        tasks=tuple(tasks),
        running_tasks=view.running,
        queued_tasks=view.queued,
        version=view.version,
        detail=view.detail,
    )


def log_line(detail: TaskDetail, entry: Entry, masked: Callable[[str], str]) -> LogLine:
    """What the agent said or did, cut where it is long; what failed is told as the standard error."""
    message = masked(f"{entry.tool}: {entry.text}" if entry.tool else entry.text)
    return LogLine(
        timestamp=timestamp(entry.at),
        stream="stderr" if entry.failed or entry.kind in _UNWELL else "stdout",
        message=message[:LINE_CHARACTERS],
        agent=detail.view.agent,
        task_id=detail.view.id,
    )


def messages(details: Iterable[TaskDetail]) -> tuple[Message, ...]:
    """What was asked and answered, in the order of the tasks."""
    return tuple(message for detail in details for message in _exchange(detail))


def cluster_status(status: TaskStatus) -> str:
    """`pending`, `running`, `completed`, `cancelled` or `failed`."""
    return _CLUSTER_STATUS.get(status, "failed")


def _exchange(detail: TaskDetail) -> Iterable[Message]:
    view = detail.view
    about: dict[str, str] = {"agent": view.agent, "task_id": view.id}
    yield Message(role="user", content=detail.prompt[:SHOWN_CHARACTERS], timestamp=timestamp(view.created_at), **about)
    if view.finished_at is not None and (answer := detail.result or _error(detail)):
        content = answer[:SHOWN_CHARACTERS]
        yield Message(role="assistant", content=content, timestamp=timestamp(view.finished_at), **about)


def _error(detail: TaskDetail) -> str | None:
    view = detail.view
    if _STATUS.get(view.status, view.status) not in ("error", "timeout", "cancelled"):
        return None
    return detail.error or view.cause or view.status


def _moment(at: float | None) -> str | None:
    return None if at is None else timestamp(at)
