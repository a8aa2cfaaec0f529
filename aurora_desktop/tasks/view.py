"""What tasks show of themselves, and what can be asked of them: plain values that window, door and command read."""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from aurora_desktop.core.task_events import ApprovalDecision, ApprovalKind, TaskStatus
from aurora_desktop.supervisor.view import ServiceView
from aurora_desktop.tasks.task import Activity, TaskRequest, Usage


class TaskView(Struct, frozen=True, kw_only=True):
    """A task as it is now, without its whole prompt and result (see `TaskDetail`). Times in Unix time."""

    id: str
    number: int
    agent: str
    role: str
    status: TaskStatus
    summary: str
    """The first words of the prompt, one line."""
    cause: str = ""
    held: str = ""
    hint: str = ""
    """The next step that the operator can take, where there is one."""
    worker: str = ""
    attempt: int = 0
    max_attempts: int = 0
    priority: int = 0
    activity: Activity | None = None
    usage: Usage = Usage()
    cwd: str = ""
    created_at: float
    started_at: float | None = None
    finished_at: float | None = None
    timeout_s: float = 0.0
    frozen: bool = False
    can_resume: bool = False
    """Whether `resume` can go on with the agent's own session, or thaw it."""
    run_id: str | None = None
    step: int = 0
    round: int = 0


class TaskDetail(Struct, frozen=True, kw_only=True):
    view: TaskView
    prompt: str
    result: str = ""
    error: str = ""
    exit_code: int | None = None
    session_id: str | None = None
    log_path: str = ""
    """`logs/tasks/<id>.log`, once the task has ended."""
    transcript_path: str = ""
    """The readable stream while it works, see `worker/transcript.py`; "" once it is removed."""


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a transcript. `at` in Unix time; `text` is what to show, `detail` what to show on demand."""

    at: float
    kind: Literal["message", "thinking", "tool", "tool_result", "diff", "retry", "asks", "answer", "note", "error"]
    text: str
    tool: str = ""
    detail: str = ""
    failed: bool = False


class Transcript(Struct, frozen=True, kw_only=True):
    """Entries from `offset` on; ask again with `next_offset`. `is_over`: nothing will be added."""

    entries: tuple[Entry, ...]
    next_offset: int
    is_over: bool


class CliAgentView(Struct, frozen=True, kw_only=True):
    """An agent. `available`: None until its program was asked for its version. Costs since local midnight."""

    name: str
    kind: str
    program: str
    available: bool | None
    version: str = ""
    detail: str = ""
    hint: str = ""
    running: int = 0
    queued: int = 0
    concurrency: int = 1
    day_usage: Usage = Usage()


class WorkerView(Struct, frozen=True, kw_only=True):
    """A worker. `status`: `asleep` (ended for want of work, started when needed), `starting`, `idle`, `busy`, `frozen`,
    `unhealthy`, `stopped`. `uptime_s` None while it does not run; `service` is how the supervisor sees it."""

    name: str
    pool: str
    agent: str
    status: Literal["asleep", "starting", "idle", "busy", "frozen", "unhealthy", "stopped"]
    healthy: bool
    pid: int | None = None
    task_id: str | None = None
    activity: Activity | None = None
    tasks_completed: int = 0
    errors: int = 0
    started_at: float | None = None
    uptime_s: float | None = None
    heartbeat_age_s: float | None = None
    service: ServiceView


class ApprovalView(Struct, frozen=True, kw_only=True):
    """A question that waits for the operator."""

    id: str
    task_id: str
    agent: str
    kind: ApprovalKind
    tool: str
    summary: str
    detail: str = ""
    reason: str = ""
    asked_at: float
    cwd: str = ""


class PipelineRun(Struct, frozen=True, kw_only=True):
    """A run of a pipeline. `steps`: its roles in order; `task_ids` in the order of their start; `round` counts from 1.

    `repeat_from`: the place in `steps` that a further round begins with; `summary`: the first words of its prompt.
    """

    id: str
    pipeline: str
    summary: str = ""
    steps: tuple[str, ...] = ()
    repeat_from: int = 0
    status: Literal["running", "completed", "failed", "cancelled"]
    round: int
    max_rounds: int
    task_ids: tuple[str, ...]
    cause: str = ""
    created_at: float = 0.0
    finished_at: float | None = None


class Healed(Struct, frozen=True, kw_only=True):
    workers: tuple[str, ...]
    message: str


class TaskTroubles(Struct, frozen=True, kw_only=True):
    """What waits for the operator; of uncertain tasks the oldest hundred. `unavailable`: agents that cannot be used,
    `workers`: those that do not come up, while tasks wait for them."""

    uncertain: tuple[TaskView, ...] = ()
    approvals: tuple[ApprovalView, ...] = ()
    unavailable: tuple[CliAgentView, ...] = ()
    workers: tuple[WorkerView, ...] = ()


class TasksFace(Protocol):
    """The public face of the tasks; all calls on the loop's thread.

    Errors are AuroraError. `answer` with anything but `deny`, and `thaw`, are the operator's: no door but the window
    calls them.
    """

    async def submit(self, request: TaskRequest) -> TaskView:
        """Take a task; it is on disk when this returns. The task that has this `idempotency_key` already is returned.

        Raises AuroraError for unknown names, an empty or too long prompt, NUL, a missing or forbidden folder and a full
        queue.
        """
        ...

    def tasks(
        self, *, limit: int = 200, statuses: Sequence[TaskStatus] = (), agent: str = "", before: int | None = None
    ) -> tuple[TaskView, ...]:
        """The newest first, of those with a number below `before`; finished ones while their result is kept, then from
        the history."""
        ...

    def view(self, task_id: str) -> TaskView:
        """As it is listed: for who asks often. Raises UnknownTaskError."""
        ...

    def task(self, task_id: str) -> TaskDetail:
        """With its prompt and result, a megabyte each at the most, from the disk. Raises UnknownTaskError."""
        ...

    async def transcript(self, task_id: str, offset: int = 0, limit: int = 500) -> Transcript: ...

    async def cancel(self, task_id: str, by: str) -> TaskView: ...

    async def retry(self, task_id: str, by: str) -> TaskView:
        """Once more from the beginning: a finished, dead or uncertain task. It keeps its id; attempts count on."""
        ...

    async def resume(self, task_id: str, by: str) -> TaskView:
        """Go on with the agent's own session, after an error, a timeout, or when it is not known how it ended."""
        ...

    async def thaw(self, task_id: str) -> TaskView:
        """Let an agent go on that the emergency stop froze, once it is reset."""
        ...

    def approvals(self) -> tuple[ApprovalView, ...]: ...

    async def answer(self, approval_id: str, decision: ApprovalDecision, by: str, message: str = "") -> None: ...

    def show_approval(self, approval_id: str) -> bool:
        """Open the question on the operator's screen; False when there is none. Raises AuroraError if unknown."""
        ...

    def agents(self) -> tuple[CliAgentView, ...]: ...

    async def check_agents(self, names: Sequence[str] = ()) -> tuple[CliAgentView, ...]:
        """Ask their programs for their versions now."""
        ...

    def workers(self) -> tuple[WorkerView, ...]: ...

    async def heal_workers(self, names: Sequence[str], by: str) -> Healed:
        """Replace workers that are not well (none named), or the named ones."""
        ...

    def runs(self) -> tuple[PipelineRun, ...]:
        """The newest first."""
        ...

    async def cancel_run(self, run_id: str, by: str) -> PipelineRun:
        """No further step is made, and the one that is being done is cancelled. Raises UnknownTaskError."""
        ...

    def watch(self, on_change: Callable[[], None]) -> None:
        """Call `on_change` after each change of what these show that no event tells."""
        ...
