"""What main and a worker say to each other: one JSON object per line on the workers' socket.

A worker introduces itself with `Hello`, and again whenever main came back; what it tells of an attempt it repeats until
it is acknowledged, so nothing is lost while no main listens.
"""

from typing import Any, Literal

from msgspec import Struct, field

from aurora_desktop.core.settings.schema_tasks import AgentKind, Permissions
from aurora_desktop.core.task_events import ApprovalDecision
from aurora_desktop.tasks.task import Activity, Expectation, Usage

Ending = Literal["completed", "error", "timeout", "cancelled", "interrupted", "crashed", "refused"]
"""How an attempt ended. `interrupted`: the worker was asked to end; `crashed`: the agent died without a result;
`refused`: it never began (its mark was there already, the folder is gone, the program cannot be started)."""


class _ToWorker(Struct, frozen=True, tag_field="type", tag=str.lower):
    pass


class Run(_ToWorker, frozen=True, kw_only=True):
    """Do this. `folder` is the task's own (see `folder.py`); `resume` names the agent's session to go on with.

    `program`: program and first arguments; `args`: added to those of the adapter. `env`: names to pass (None: all).
    `prompt_way` and `has_events` are of the kind `command`. `output_max_bytes`: of the raw output that is kept.
    """

    task_id: str
    attempt: int
    agent: str
    kind: AgentKind
    program: tuple[str, ...]
    args: tuple[str, ...] = ()
    prompt: str
    prompt_way: Literal["argument", "stdin", "file"] = "argument"
    has_events: bool = False
    cwd: str
    folder: str
    env: tuple[str, ...] | None = None
    model: str | None = None
    permissions: Permissions = "ask"
    timeout_s: float
    silence_s: float
    grace_s: float
    resume: str | None = None
    session_id: str = ""
    """A UUID to begin a new session with, where the agent lets us choose it."""
    expect: Expectation = Expectation()
    output_max_bytes: int = 64_000_000
    max_usd: float | None = None
    """What this attempt may still spend, told to agents that can keep to it themselves while they work."""


class Stop(_ToWorker, frozen=True):
    """End the attempt: TERM, grace, then the whole tree. `ending` is what it is to count as."""

    task_id: str
    ending: Literal["cancelled", "error"]
    reason: str


class Answer(_ToWorker, frozen=True):
    """The operator's word on a question of the agent; `message` tells the agent why not."""

    task_id: str
    ask_id: str
    decision: ApprovalDecision
    message: str = ""


class Hold(_ToWorker, frozen=True):
    """Freeze the agent's tree (or let it go on): a budget waits for the operator."""

    task_id: str
    held: bool


class Acknowledge(_ToWorker, frozen=True):
    """Main has the end of this attempt safely: the worker may forget it."""

    task_id: str
    attempt: int


ToWorker = Run | Stop | Answer | Hold | Acknowledge


class _FromWorker(Struct, frozen=True, tag_field="type", tag=str.lower):
    pass


class Hello(_FromWorker, frozen=True, kw_only=True):
    """`task_id` and `attempt`: what it is doing, or has done and not been acknowledged."""

    worker: str
    pid: int
    token: str
    task_id: str | None = None
    attempt: int = 0


class Beat(_FromWorker, frozen=True):
    """Every two seconds, also while the agent works."""

    task_id: str | None = None
    activity: Activity | None = None


class Began(_FromWorker, frozen=True):
    """The agent's process is there; `started` are its ticks since boot, which tell it from a later one of that pid."""

    task_id: str
    attempt: int
    pid: int
    started: int = 0


class Doing(_FromWorker, frozen=True):
    """The activity has changed, or more was spent, or the agent's session is known."""

    task_id: str
    activity: Activity
    usage: Usage
    session_id: str | None = None


class Asking(_FromWorker, frozen=True):
    """The agent asks for permission. `summary`: one line; `detail`: all of it, readable, at most 20,000 characters."""

    task_id: str
    ask_id: str
    tool: str
    summary: str
    detail: str = ""
    reason: str = ""


class AskingNoMore(_FromWorker, frozen=True):
    """The question is of no use any more: the agent went on, or ended."""

    task_id: str
    ask_id: str


class Ended(_FromWorker, frozen=True, kw_only=True):
    """The end of an attempt, sent again after each `Hello` until acknowledged. `usage` is of this attempt alone.

    `result`: the agent's last words, at most 1,000,000 characters; `error`: what went wrong, in words. Of a `timeout`
    the fact `limit` tells which: "silence" or "total".
    """

    task_id: str
    attempt: int
    ending: Ending
    result: str = ""
    error: str = ""
    exit_code: int | None = None
    session_id: str | None = None
    usage: Usage = Usage()
    denials: tuple[str, ...] = ()
    began: bool = False
    """Whether the agent's process was started at all: only what never began may be given out again without asking."""
    passes: bool = False
    """Whether it was `refused` for a trouble of the machine that passes: it is tried again later."""
    stdout_lines: int = 0
    stderr_lines: int = 0
    started_at: float | None = None
    finished_at: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)


FromWorker = Hello | Beat | Began | Doing | Asking | AskingNoMore | Ended
