"""A task, and what may become of it."""

from typing import Any, Literal

from msgspec import Struct

from aurora_desktop.core.settings.schema_tasks import Permissions, Retry
from aurora_desktop.core.task_events import TaskStatus

WAITING: frozenset[TaskStatus] = frozenset({"queued", "uncertain"})
AT_WORK: frozenset[TaskStatus] = frozenset({"leased", "running", "waiting_approval"})
FINISHED: frozenset[TaskStatus] = frozenset({"completed", "error", "timeout", "cancelled", "dead"})

MOST_PROMPT_BYTES = 1_000_000
"""In UTF-8. Linux takes no single argument over 131,071 bytes: longer prompts go through standard input or a file."""

ActivityKind = Literal[
    "starting",
    "thinking",
    "tool",
    "waiting_permission",
    "retrying_provider",
    "silent",
    "finishing",
    "frozen",
]


class Activity(Struct, frozen=True, kw_only=True):
    """What an agent is doing. `since` in Unix time; `detail` the tool, or why the provider is asked again."""

    kind: ActivityKind
    since: float
    detail: str = ""
    attempt: int = 0
    most_attempts: int = 0


class Usage(Struct, frozen=True, kw_only=True):
    """What a task has spent so far, over all its attempts. Cost in US dollars; None where the agent tells none."""

    cost_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


class Expectation(Struct, frozen=True, kw_only=True):
    """What a result must have besides not being empty: files (relative to the folder), and a pattern in its text."""

    files: tuple[str, ...] = ()
    pattern: str | None = None


class TaskRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A task as it is submitted. Exactly one of `agent`, `role` and `pipeline`.

    `cwd`: absolute or below `~`; default: the agent's. `env`: names of Aurora's variables that the agent gets besides
    the basic ones (None: all). `timeout_s` and `silence_s` stand for the agent's; `max_usd` and `max_tokens` win over
    its budget if they are lower. `permissions` looser than the agent's are for the window alone.
    `continues`: the id of an ended task of the same agent: its session is gone on with, where the agent can do that.
    `expect`: see Expectation. `actions`: for an agent of the kind `input`, instead of a prompt.
    """

    prompt: str = ""
    agent: str = ""
    role: str = ""
    pipeline: str = ""
    cwd: str | None = None
    env: tuple[str, ...] | None = None
    timeout_s: float | None = None
    silence_s: float | None = None
    priority: int = 0
    retry: Retry = "resume"
    max_attempts: int | None = None
    max_usd: float | None = None
    max_tokens: int | None = None
    model: str | None = None
    permissions: Permissions | None = None
    expect: Expectation = Expectation()
    actions: tuple[dict[str, Any], ...] = ()
    continues: str = ""
    idempotency_key: str | None = None
    operator_user: str = ""
    source: str = "command"


class Task(Struct, frozen=True, kw_only=True):
    """A task in the queue, as `state.db` keeps it. Times in Unix time; higher `priority` first, then by `number`.

    `id` is `task_<hex>`. `number` grows with each task. `attempt` counts those begun. `pool` is the role, or the agent
    where there is none: whose workers do it. `session_id`: the agent's own session, to be resumed. `held`: why it waits
    although it is its turn. `run_id`, `step`, `round`: its place in a run of a pipeline. `after_result`: filled into
    the role's template for `{result}`.
    """

    id: str
    number: int
    agent: str
    role: str = ""
    prompt: str = ""
    cwd: str = ""
    env: tuple[str, ...] | None = None
    timeout_s: float = 300.0
    silence_s: float = 120.0
    priority: int = 0
    retry: Retry = "resume"
    max_attempts: int = 3
    max_usd: float | None = None
    max_tokens: int | None = None
    model: str | None = None
    permissions: Permissions = "ask"
    expect: Expectation = Expectation()
    actions: tuple[dict[str, Any], ...] = ()
    idempotency_key: str | None = None
    operator_user: str = ""
    source: str = "command"
    status: TaskStatus = "queued"
    cause: str = ""
    held: str = ""
    worker: str = ""
    attempt: int = 0
    lost: int = 0
    lease_until: float | None = None
    heartbeat_at: float | None = None
    session_id: str | None = None
    usage: Usage = Usage()
    result: str = ""
    error: str = ""
    exit_code: int | None = None
    created_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None
    run_id: str | None = None
    step: int = 0
    round: int = 0
    after_result: str = ""
    refusals: int = 0
    """How often in a row the machine could not start its agent."""
    not_before: float = 0.0
    """It waits for this time, since the machine could not start its agent."""
    avoid_worker: str = ""
    """Not to be given to this worker again, if its pool has another: it stalled there."""
    summary: str = ""
    prompt_sha256: str = ""
    resumes: bool = False
    """Whether the next attempt goes on with the session instead of beginning anew."""
    cancelling: str = ""
    """Who asked that it be cancelled, while its attempt is being ended."""
    stopping: str = ""
    """Why it is being ended as an error, while its attempt is."""
    spent_before: Usage = Usage()
    """By the attempts before this one: `usage` is this and what the attempt tells."""
    budget_asked: str = ""
    """The limit that it stands still for until the operator has answered."""
    budget_key: str = ""
    budget_passed: tuple[str, ...] = ()
    """Keys of the limits that the operator let it go beyond."""

    @property
    def pool(self) -> str:
        return self.role or self.agent

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED
