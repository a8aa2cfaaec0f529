"""What happens to tasks and to the agents that do them: a part of the closed set of `events.py`.

Prompts and what agents say are in no event: they lie with the task. Causes are whole phrases in words.
"""

from typing import ClassVar, Literal

from aurora_desktop.core.event import Event

TaskStatus = Literal[
    "queued",
    "leased",
    "running",
    "waiting_approval",
    "uncertain",
    "completed",
    "error",
    "timeout",
    "cancelled",
    "dead",
]
"""`uncertain`: an attempt was lost half-way and nothing says that it may be repeated; it waits for the operator."""

ApprovalKind = Literal["tool", "budget"]
ApprovalDecision = Literal["once", "task", "deny"]


class TaskSubmitted(Event, frozen=True):
    """A task was taken into the queue; `component` is `agent:<name>`. `prompt_sha256` in hexadecimal."""

    task_id: str
    agent: str
    role: str = ""
    prompt_sha256: str = ""
    source: str = ""


class TaskStateChanged(Event, frozen=True):
    """`worker` has it, unless that is empty; `attempt` counts from 1, 0 before the first."""

    task_id: str
    previous: TaskStatus
    status: TaskStatus
    cause: str = ""
    worker: str = ""
    attempt: int = 0


class TaskFinished(Event, frozen=True):
    """The end of a task, whatever it was. Cost in US dollars, None where the agent tells none."""

    task_id: str
    agent: str
    status: TaskStatus
    duration_s: float = 0.0
    cause: str = ""
    cost_usd: float | None = None
    tokens: int = 0
    prompt_sha256: str = ""
    operator_user: str = ""


class TaskUncertain(Event, frozen=True):
    """An attempt was lost half-way: what it did is not known. The operator resumes, retries or cancels it."""

    error: ClassVar[bool] = True

    task_id: str
    cause: str


class ApprovalAsked(Event, frozen=True):
    """An agent waits for the operator's word; `summary` is one line without secrets."""

    approval_id: str
    task_id: str
    kind: ApprovalKind
    tool: str
    summary: str


class ApprovalAnswered(Event, frozen=True):
    """`by`: `window`, `command`, `api`, or `aurora` when the question was of no use any more."""

    approval_id: str
    task_id: str
    decision: ApprovalDecision
    by: str


class BudgetReached(Event, frozen=True):
    """A limit of cost or tokens was reached: `limit` in words, such as `2 USD a day for claude`."""

    error: ClassVar[bool] = True

    task_id: str
    limit: str
    action: Literal["stopped", "asked"]


class AgentUnavailable(Event, frozen=True):
    """The agent's program cannot be used, and its tasks wait."""

    error: ClassVar[bool] = True

    detail: str
    hint: str = ""


class AgentAvailable(Event, frozen=True):
    """The agent's program, which could not be used, can be used again."""

    detail: str
