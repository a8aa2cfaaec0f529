"""The rules of the queue, without a clock or a socket of their own: who gets what, and what becomes of an attempt."""

import heapq
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.settings.schema_tasks import AgentKind
from aurora_desktop.core.task_events import TaskStatus
from aurora_desktop.tasks.messages import Ended
from aurora_desktop.tasks.task import FINISHED, Task

RESUMABLE: frozenset[AgentKind] = frozenset({"claude", "codex", "acp"})
"""Kinds of agents that have sessions of their own; of the others none is ever known."""

REFUSAL_DELAY_S, LONGEST_REFUSAL_DELAY_S = 5.0, 60.0
MOST_REFUSALS = 12
"""In a row, over some eight minutes: a machine that cannot start a process for so long does not mend itself."""

_AGAIN: frozenset[TaskStatus] = frozenset({"queued"})
_AFTER_WORK: frozenset[TaskStatus] = FINISHED | {"queued", "uncertain"}
TRANSITIONS: Mapping[TaskStatus, frozenset[TaskStatus]] = {
    "queued": frozenset({"leased", "running", "uncertain", "cancelled", "error", "dead"}),
    "leased": _AFTER_WORK | {"running", "waiting_approval"},
    "running": _AFTER_WORK | {"waiting_approval"},
    "waiting_approval": _AFTER_WORK | {"running"},
    "uncertain": frozenset({"queued", "running", "cancelled"}),
    "completed": _AGAIN,
    "error": _AGAIN,
    "timeout": _AGAIN,
    "cancelled": _AGAIN,
    "dead": _AGAIN,
}
"""`queued` or `uncertain` to `running`: a worker came back with an attempt that was given up."""


# --- who gets what ------------------------------------------------------------------------------------------------

Lane = tuple[str, str]
"""Pool and agent: of the tasks in one lane either all may be given out now, or none."""


class Slot(NamedTuple):
    """A worker that could take a task: at once (`idle`), soon (`starting`), or once it is started (`asleep`)."""

    worker: str
    pool: str
    readiness: Literal["idle", "starting", "asleep"] = "idle"


class Room(NamedTuple):
    """How many more tasks may be at work: of all, and of each agent (none named: none)."""

    total: int
    agents: Mapping[str, int]


class Assignment(NamedTuple):
    task: Task
    slot: Slot


_RANK = {"idle": 0, "starting": 1, "asleep": 2}


def turn(task: Task) -> tuple[int, int]:
    """What comes first sorts first: the higher priority, then the lower number."""
    return -task.priority, task.number


def assign(
    lanes: Mapping[Lane, Sequence[Task]], slots: Sequence[Slot], room: Room, crowds: Mapping[str, int], now: float
) -> list[Assignment]:
    """Who gets which task. `lanes`: queued tasks in their `turn`; `crowds`: how many workers a pool has at all.

    `now`: Unix time, for those that wait for theirs. No worker gets two, none gets one that it is to avoid while its
    pool has others, and no limit is passed. Costs nothing for tasks whose turn it is not.
    """
    free: dict[str, list[Slot]] = {}
    for candidate in sorted(slots, key=lambda slot: _RANK[slot.readiness]):
        free.setdefault(candidate.pool, []).append(candidate)
    left, agents = room.total, dict(room.agents)
    heads = [(turn(tasks[0]), lane, 0) for lane, tasks in lanes.items() if tasks and free.get(lane[0])]
    heapq.heapify(heads)
    chosen = []
    while heads and left > 0:
        _, lane, place = heapq.heappop(heads)
        pool, agent = lane
        if agents.get(agent, 0) <= 0 or not free[pool]:
            continue
        task = lanes[lane][place]
        slot = _fitting(task, free[pool], crowds.get(pool, 0)) if _is_due(task, now) else None
        if slot is not None:
            free[pool].remove(slot)
            left, agents[agent] = left - 1, agents[agent] - 1
            chosen.append(Assignment(task, slot))
        if place + 1 < len(lanes[lane]):
            heapq.heappush(heads, (turn(lanes[lane][place + 1]), lane, place + 1))
    return chosen


def _is_due(task: Task, now: float) -> bool:
    """A clock that was set back lets nobody wait for longer than was said."""
    return not now < task.not_before <= now + LONGEST_REFUSAL_DELAY_S


def _fitting(task: Task, slots: Sequence[Slot], crowd: int) -> Slot | None:
    return next((slot for slot in slots if crowd <= 1 or slot.worker != task.avoid_worker), None)


# --- what becomes of an attempt -----------------------------------------------------------------------------------


class Loss(Struct, frozen=True, kw_only=True):
    """An attempt that came to nothing. `began`: whether the agent was started; `counts`: whether it is to be counted
    (not when Aurora itself ended it); `avoid`: the worker that is not to have it again; `stopped`: it was at work when
    the emergency stop came, after which nothing goes on but by the operator's word."""

    began: bool
    cause: str
    counts: bool = True
    avoid: str = ""
    stopped: bool = False


class Next(Struct, frozen=True, kw_only=True):
    """What becomes of a task: its fields after an attempt."""

    status: TaskStatus
    cause: str
    resumes: bool = False
    lost: int = 0
    avoid_worker: str = ""
    refusals: int = 0
    not_before: float = 0.0


def can_resume(task: Task, kind: AgentKind | None) -> bool:
    """Whether the agent's own session is known, and the agent is one that goes on with it."""
    return bool(task.session_id) and kind in RESUMABLE


def going_on(task: Task, earlier: Task | None, kind: AgentKind | None) -> Task:
    """A new task in the session of an earlier one: of the same agent, ended, and in the same folder. Else as it is."""
    fits = earlier is not None and earlier.is_finished and (earlier.agent, earlier.cwd) == (task.agent, task.cwd)
    if earlier is None or not fits or not can_resume(earlier, kind):
        return task
    return replace(task, session_id=earlier.session_id, resumes=True)


def after_loss(task: Task, loss: Loss, kind: AgentKind | None) -> Next:
    """The next attempt resumes the session, or begins anew where nothing was begun or the task says that it may.

    Else nobody knows what was done: the operator decides. After `max_attempts` it is given up.
    """
    lost = task.lost + loss.counts
    if task.cancelling:
        return Next(status="cancelled", cause=f"cancelled by {task.cancelling}", lost=lost)
    if task.stopping:
        return Next(status="error", cause=task.stopping, lost=lost)
    if lost >= task.max_attempts:
        times = "once" if lost == 1 else f"{lost} times"
        return Next(status="dead", cause=f"lost {times}, the last time: {loss.cause}", lost=lost)
    avoid = loss.avoid or task.avoid_worker
    if not loss.began:
        return Next(status="queued", cause=loss.cause, resumes=task.resumes, lost=lost, avoid_worker=avoid)
    if loss.stopped:
        return Next(status="uncertain", cause=f"the emergency stop ended it ({loss.cause})", lost=lost)
    if task.retry != "never" and can_resume(task, kind):
        return Next(status="queued", cause=loss.cause, resumes=True, lost=lost, avoid_worker=avoid)
    if task.retry == "safe" and kind != "input":  # what mouse and keyboard did is never done again by itself
        return Next(status="queued", cause=loss.cause, lost=lost, avoid_worker=avoid)
    return Next(status="uncertain", cause=loss.cause, lost=lost)


def after_refusal(task: Task, cause: str, now: float) -> Next:
    """The machine could not start the agent: nothing was run, and it is tried again, later each time."""
    refusals = task.refusals + 1
    if task.cancelling:
        return Next(status="cancelled", cause=f"cancelled by {task.cancelling}", lost=task.lost)
    if refusals >= MOST_REFUSALS:
        return Next(status="error", cause=f"{cause}; tried {refusals} times", lost=task.lost)
    delay_s = min(REFUSAL_DELAY_S * 2 ** (refusals - 1), LONGEST_REFUSAL_DELAY_S)
    return Next(
        status="queued", cause=f"{cause}; it is tried again in {delay_s:g} s", resumes=task.resumes, lost=task.lost,
        avoid_worker=task.avoid_worker, refusals=refusals, not_before=now + delay_s,
    )  # fmt: skip


def after_end(
    task: Task,
    ended: Ended,
    kind: AgentKind | None,
    *,
    now: float,
    by_us: bool = False,
    stopped: bool = False,
    has_others: bool,
) -> Next:
    """What becomes of a task whose worker told how the attempt ended.

    `now`: Unix time. `by_us`: Aurora ended the worker itself; `stopped`: by the emergency stop. `has_others`: its pool
    has another worker, who may try it after a silence.
    """
    match ended.ending:
        case "interrupted" | "crashed":
            cause = ended.error or ("the worker was ended" if ended.ending == "interrupted" else "the agent died")
            return after_loss(task, Loss(began=ended.began, cause=cause, counts=not by_us, stopped=stopped), kind)
        case "refused" if ended.began:
            return after_loss(task, Loss(began=True, cause=ended.error or "it was begun before"), kind)
        case "refused" if ended.passes:
            return after_refusal(task, ended.error, now)
        case "timeout" if has_others and is_silence(task, ended):
            loss = Loss(began=True, cause=ended.error or "the agent fell silent", avoid=task.worker)
            other = after_loss(task, loss, kind)
            if other.status == "queued":
                return other
        case "refused":
            return Next(status="error", cause=ended.error or "the agent could not be started", lost=task.lost)
        case "cancelled":
            return Next(status="cancelled", cause=ended.error or f"cancelled by {task.cancelling}", lost=task.lost)
    ending: TaskStatus = "timeout" if ended.ending == "timeout" else _PLAIN[ended.ending]
    return Next(status=ending, cause=ended.error, lost=task.lost)


_PLAIN: Mapping[str, TaskStatus] = {"completed": "completed", "error": "error"}


def is_silence(task: Task, ended: Ended) -> bool:
    """Whether it was ended for saying nothing, and not for taking too long in all."""
    if ended.ending != "timeout":
        return False
    told = ended.facts.get("limit")
    took_s = ended.finished_at - (ended.started_at or 0.0)
    return bool(told == "silence" or (told is None and ended.started_at is not None and took_s < task.timeout_s))


# --- leases -------------------------------------------------------------------------------------------------------


def is_stale(heard_at: float, now: float, patience_s: float, *, frozen: bool) -> bool:
    """Whether a worker was silent for too long. Both times leave out those in which Aurora itself stood still."""
    return not frozen and now - heard_at > patience_s
