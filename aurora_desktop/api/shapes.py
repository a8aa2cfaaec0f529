"""What goes in and out of the door: one struct for each body, strict on the way in."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from aurora_desktop.api.problems import ProblemError
from aurora_desktop.core.events import Record, Verdict
from aurora_desktop.heartbeat.health import Problem as HealthProblem
from aurora_desktop.input.view import InputView, TaskView
from aurora_desktop.safety.view import ControlView
from aurora_desktop.supervisor.view import ServiceView, State

MAX_WAIT_S = 600.0
MAX_BODY_TEXT = 50_000
MAX_ASKED_S = 300.0
Name = Annotated[str, Meta(min_length=1, max_length=200)]
# Characters and points that a list of tasks shows of each.
_SHOWN_OF: Mapping[type, int] = {str: 1000, list: 100, tuple: 100}


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """A body without fields, and the base of those that have some."""


class ServicesRequest(Body, frozen=True, kw_only=True):
    """`wait`: answer once every named service is settled, or after `timeout_s` seconds."""

    names: Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(min_length=1, max_length=1000)]
    wait: bool = False
    timeout_s: Annotated[float, Meta(gt=0, le=MAX_WAIT_S)] = 120.0


class QuitRequest(Body, frozen=True):
    reason: Annotated[str, Meta(min_length=1, max_length=200)] = "asked by the command"


class StopRequest(Body, frozen=True):
    """`reason`: why, in the words of whoever stops; kept with the event."""

    reason: Annotated[str, Meta(max_length=200)] = ""


class ControlRequestBody(Body, frozen=True, kw_only=True):
    """An agent asks for mouse and keyboard: `agent` is its name and `reason` why, as the operator reads them."""

    agent: Annotated[str, Meta(max_length=100)] = ""
    reason: Annotated[str, Meta(max_length=300)] = ""
    wait_s: Annotated[float, Meta(ge=0, le=MAX_ASKED_S)] = 60.0


class RemedyTestRequest(Body, frozen=True):
    """`text`: a message, or the last lines of a log; `service`: whose, where that matters."""

    text: Annotated[str, Meta(min_length=1, max_length=MAX_BODY_TEXT)]
    service: Name | None = None


class HealRequest(Body, frozen=True):
    """`name`: of a service or an agent; without it all. `check_now`: look only."""

    name: Name | None = None
    check_now: bool = False


class ImportRequest(Body, frozen=True):
    """`source`: the log's name; `lines`: one JSON object each."""

    source: Annotated[str, Meta(min_length=1, max_length=100)]
    lines: Annotated[list[str], Meta(min_length=1, max_length=1000)]


class TaskCounts(Struct, frozen=True, kw_only=True):
    """Tasks that agents work on, that wait their turn, and that wait for the operator; and questions that do."""

    at_work: int = 0
    queued: int = 0
    uncertain: int = 0
    approvals: int = 0


class StatusReply(Struct, frozen=True, kw_only=True):
    """The whole in one look; `services` counts them by state; `control`, `tasks` are null where there is no such part.

    `on_quit`: what becomes of services and agents at work when Aurora is quit.

    `started_at`: Unix time; another one is another Aurora, be it in the same process.
    """

    verdict: Verdict
    sentence: str
    next_step: str
    problems: tuple[HealthProblem, ...]
    uptime_s: float
    started_at: float
    pid: int
    version: str
    mode: str
    paused: bool
    control: ControlView | None
    services: dict[str, int]
    tasks: TaskCounts | None
    on_quit: Literal["stop", "leave"]


class ServiceRow(Struct, frozen=True, kw_only=True):
    """A service without its histories; the fields mean what they mean in ServiceView."""

    name: str
    state: State
    pid: int | None
    uptime_s: float | None
    restarts: int
    memory_bytes: int | None
    cpu_percent: float | None
    last_cause: str
    cause: str
    problem: str
    hint: str
    since: float
    next_attempt_in_s: float | None
    memory_max: int | None
    adopted: bool
    autostart: bool
    type: str
    requires: tuple[str, ...]
    program: str
    log_path: str


class ActionReply(Struct, frozen=True):
    """`settled`: whether every service was where it was asked to be, or could not get there, in time."""

    services: tuple[ServiceRow, ...]
    settled: bool


class LogReply(Struct, frozen=True):
    """`offset`: where the next read goes on, in bytes."""

    name: str
    text: str
    offset: int


class EventsReply(Struct, frozen=True):
    """`last_id`: id of the newest event of all; below the asked `since` when the journal was begun anew."""

    records: Sequence[Record]
    last_id: int


class QuitReply(Struct, frozen=True, kw_only=True):
    """`at_work`: ids of tasks whose agents work just now."""

    done: str
    at_work: tuple[str, ...] = ()


class DoneReply(Struct, frozen=True):
    done: str


class RaiseReply(Struct, frozen=True):
    """`raised`: false when this Aurora has no window."""

    raised: bool


class BrakeReply(Struct, frozen=True):
    """`control`: as it is now; null without an input agent. The event `emergency_stopped` tells when all is still."""

    done: str
    control: ControlView | None


class ControlDecision(Struct, frozen=True, kw_only=True):
    """`decision`: `armed`, `declined` or `unanswered`; `detail`, `hint`: in words. `control`: as it is now."""

    decision: str
    detail: str
    hint: str
    control: ControlView


class CancelReply(Struct, frozen=True):
    """`cancelled`: false when the task was over already."""

    cancelled: bool
    task: TaskView


class EmergencyStopReply(Struct, frozen=True):
    status: Literal["stopped"]
    reason: str


class HealthReply(Struct, frozen=True):
    status: Verdict


class ComponentStatus(Struct, frozen=True, omit_defaults=True):
    status: str
    error: str = ""


class HealthStatusReply(Struct, frozen=True, kw_only=True):
    timestamp: str
    uptime_seconds: float
    components: dict[str, ComponentStatus]
    error_counts: dict[str, int]
    recent_recovery_events: tuple[dict[str, object], ...]


class HeartbeatReply(Struct, frozen=True, kw_only=True):
    uptime_seconds: float
    last_heartbeat: str | None
    error_counts: dict[str, int]
    recent_recovery_events: tuple[dict[str, object], ...]
    running: bool


def row(view: ServiceView) -> ServiceRow:
    """The view without its histories."""
    return msgspec.convert(view, ServiceRow, from_attributes=True)


def brief(task: TaskView) -> TaskView:
    """The task as it stands in a list: of long texts and paths the beginning, and how long they are.

    A hundred texts of a million characters would hold the loop for longer than the brake's lease.
    """
    return msgspec.structs.replace(task, parameters=_brief(task.parameters))


def brief_view(view: InputView) -> InputView:
    """With every task in it brief."""
    return msgspec.structs.replace(
        view,
        running=brief(view.running) if view.running else None,
        queued=tuple(map(brief, view.queued)),
        recent=tuple(map(brief, view.recent)),
    )


def _brief(parameters: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in parameters.items():
        most = _SHOWN_OF.get(type(value))
        if most is None or len(value) <= most:
            shown[name] = value
        else:
            shown |= {name: value[:most], f"{name}_length": len(value)}
    return shown


B = TypeVar("B", bound=Struct)


def parse(body: bytes, shape: type[B]) -> B:
    """The body as `shape`; an empty one counts as `{}`. Raises ProblemError 400 with what is wrong and where."""
    try:
        request = msgspec.json.decode(body or b"{}", type=shape)
        json.loads(body or b"{}", object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise ProblemError(
            400, "The request body is not right", str(error), "docs/command.md has the shapes"
        ) from error
    return request


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field is given twice")
    return fields
