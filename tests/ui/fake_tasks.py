"""A stand-in of the coordinator, with a realistic mix of tasks, and what agents say."""

import asyncio
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.task_events import ApprovalDecision, TaskStatus
from aurora_desktop.tasks.task import FINISHED, Activity, TaskRequest, Usage
from aurora_desktop.tasks.view import (
    ApprovalView,
    CliAgentView,
    Entry,
    Healed,
    PipelineRun,
    TaskDetail,
    TaskView,
    Transcript,
    WorkerView,
)

from .fakes import a_view

PROMPT = """Make the importer resume after a dropped connection.

- keep the offset of the last row that was acknowledged
- do not read a row twice
- add a test that cuts the connection in the middle"""


def a_work_task(number: int, status: TaskStatus = "running", **more: object) -> TaskView:
    """A task of claude with a plausible rest for its state."""
    created = 1_790_000_000.0 + number
    began = created + 2 if status not in ("queued", "cancelled") else None
    given: dict[str, object] = {
        "agent": "claude", "role": "", "summary": f"Task of number {number}", "created_at": created,
        "started_at": began, "finished_at": created + 90 if status in FINISHED else None, "attempt": 1 if began else 0,
        "max_attempts": 3, "cwd": "/home/ada/projects/importer", "timeout_s": 1200.0,
        "worker": "claude-1" if status in ("running", "leased", "waiting_approval") else "",
    }  # fmt: skip
    return TaskView(id=f"task_{number:08x}", number=number, status=status, **{**given, **more})  # type: ignore[arg-type]  # by name


def some_tasks(now: float) -> tuple[TaskView, ...]:
    """Tasks in every state there is, newest first."""
    claude = Usage(cost_usd=0.4212, input_tokens=182_400, output_tokens=9_120)
    codex = Usage(input_tokens=48_100, output_tokens=3_900)

    def made(number: int, status: TaskStatus, ago: float, summary: str, **more: object) -> TaskView:
        times: dict[str, object] = {"created_at": now - ago, "started_at": now - ago + 4}
        if status in FINISHED:
            times["finished_at"] = now - ago + 190
        if status == "queued":
            times["started_at"] = None
        return a_work_task(number, status, summary=summary, **{**times, **more})

    return (
        made(61, "queued", 12, "Write the release notes of 2.4 from the merged pull requests", role="coder"),
        made(60, "queued", 40, "Translate the settings page into Czech", agent="codex", held="codex is at work"),
        made(
            59, "running", 74, "Make the importer resume after a dropped connection", usage=claude, role="coder",
            activity=Activity(kind="tool", since=now - 12, detail="Bash"), worker="coder-1",
        ),
        made(
            58, "waiting_approval", 130, "Remove the tables that nothing reads any more", usage=claude,
            activity=Activity(kind="waiting_permission", since=now - 41), worker="claude-1",
        ),
        made(
            57, "running", 260, "Find out why the nightly report takes two hours", agent="codex", usage=codex,
            activity=Activity(kind="retrying_provider", since=now - 3, attempt=2, most_attempts=10, detail="529"),
            worker="codex-1",
        ),
        made(
            56, "running", 400, "Port the scheduler to the new queue", role="architect", frozen=True,
            activity=Activity(kind="frozen", since=now - 90), can_resume=True, worker="architect-1", usage=claude,
        ),
        made(
            55, "uncertain", 900, "Upgrade the staging database to version 16",
            cause="the worker was killed while the agent worked", can_resume=True,
            hint="Resume it in its session, retry it from the beginning, or cancel it", worker="", usage=claude,
        ),
        made(54, "completed", 3600, "Fix the flaky test of the login form", usage=replace(claude, cost_usd=0.004)),
        made(53, "completed", 4000, "Review what was done for the login form", role="critic", usage=claude),
        made(
            52, "error", 4400, "Deploy the documentation", role="deployer",
            cause="the provider refused: 401, not logged in",
            hint="Log in with `claude login`", can_resume=True, usage=Usage(cost_usd=0.0),
        ),
        made(51, "timeout", 9000, "Rewrite the parser without regular expressions", cause="took longer than 20 min",
             agent="codex", can_resume=True, usage=codex),
        made(50, "cancelled", 9500, "Rename everything", cause="cancelled by window"),
        made(49, "dead", 12_000, "Bisect the crash of the exporter", cause="3 attempts were lost", attempt=3),
    )  # fmt: skip


def some_runs(now: float) -> tuple[tuple[PipelineRun, ...], tuple[TaskView, ...]]:
    """Runs of pipelines, newest first, and the tasks of their steps."""
    usage = Usage(cost_usd=0.31, input_tokens=88_000, output_tokens=4_100)

    def step(number: int, role: str, place: int, status: TaskStatus, ago: float, **more: object) -> TaskView:
        times = {"created_at": now - ago, "started_at": now - ago + 2}
        if status in FINISHED:
            times["finished_at"] = now - ago + 130
        given = {"role": role, "step": place, "round": 1, "run_id": "run_1", "usage": usage, **times, **more}
        return a_work_task(number, status, summary="Make the importer resume after a dropped connection", **given)

    bash = Activity(kind="tool", since=now - 12, detail="Bash")
    failed = "step 1 of 2 (coder) failed: the provider refused: 401, not logged in"
    tasks = (
        step(44, "coder", 1, "running", 60, round=2, activity=bash, worker="coder-1"),
        step(43, "critic", 2, "completed", 200),
        step(42, "coder", 1, "completed", 360),
        step(41, "architect", 0, "completed", 500),
        step(40, "coder", 0, "error", 4000, run_id="run_2", cause="the provider refused: 401, not logged in"),
    )
    begun = {"repeat_from": 1, "round": 2, "max_rounds": 3, "created_at": now - 500}
    runs = (
        PipelineRun(
            id="run_1", pipeline="reviewed", summary=tasks[0].summary, steps=("architect", "coder", "critic"),
            status="running", task_ids=tuple(task.id for task in reversed(tasks[:4])), **begun,
        ),
        PipelineRun(
            id="run_2", pipeline="release", summary="Write the release notes of 2.4", steps=("coder", "deployer"),
            status="failed", round=1, max_rounds=1, task_ids=(tasks[4].id,), cause=failed, created_at=now - 4000,
            finished_at=now - 3870,
        ),
        PipelineRun(
            id="run_3", pipeline="reviewed", summary="Port the scheduler to the new queue", status="completed",
            steps=("architect", "coder", "critic"), round=1, max_rounds=3, task_ids=("task_pruned",),
            created_at=now - 90_000, finished_at=now - 88_000,
        ),
    )  # fmt: skip
    return runs, tasks


def some_entries(now: float) -> tuple[Entry, ...]:
    """What an agent says and does in a few minutes."""
    diff = (
        "--- a/importer/stream.py\n+++ b/importer/stream.py\n@@ -41,9 +41,14 @@ class Stream:\n     def rows(self):\n"
        "-        for row in self._source:\n-            yield row\n+        while True:\n"
        "+            try:\n+                yield from self._source.after(self._acknowledged)\n"
        "+                return\n"
        "+            except ConnectionResetError:\n+                self._wait_before_the_next_try()\n \n"
        "     def acknowledge(self, row):\n         self._acknowledged = row.offset"
    )
    output = "\n".join(f"tests/test_stream.py::test_row_{n} PASSED" for n in range(24)) + "\n24 passed in 1.93s"
    trace = 'Traceback (most recent call last):\n  File "tests/test_stream.py", line 88\nAssertionError: 12 != 11'
    looks = "I'll look at how the importer reads its rows first, then at the tests that it has."
    thought = "The stream keeps no offset. It is enough to remember the last acknowledged row."
    wrong = (
        "One row too many: the row that was in flight is counted twice.\n\n"
        "The offset must move only when the row is acknowledged, so I move it there."
    )
    listing = "\n".join(f"{n:4}  line" for n in range(1, 96))
    at = now - 70
    return (
        Entry(at=at, kind="note", text="Began with attempt 1 in session 5c1f0a1e"),
        Entry(at=at + 3, kind="message", text=looks),
        Entry(at=at + 5, kind="tool", tool="Read", text="importer/stream.py"),
        Entry(at=at + 5.4, kind="tool_result", tool="Read", text="", detail=listing),
        Entry(at=at + 9, kind="thinking", text=thought),
        Entry(at=at + 14, kind="tool", tool="Edit", text="importer/stream.py"),
        Entry(at=at + 14, kind="diff", tool="Edit", text="importer/stream.py", detail=diff),
        Entry(at=at + 20, kind="tool", tool="Bash", text="pytest -q tests/test_stream.py"),
        Entry(at=at + 24, kind="tool_result", tool="Bash", text="", detail=trace, failed=True),
        Entry(at=at + 25, kind="retry", text="The provider is asked again (1 of 10): 529, overloaded"),
        Entry(at=at + 30, kind="message", text=wrong),
        Entry(at=at + 36, kind="asks", tool="Bash", text="git stash && pytest -q"),
        Entry(at=at + 48, kind="answer", text="allowed once, by you"),
        Entry(at=at + 52, kind="tool", tool="Bash", text="pytest -q tests/test_stream.py"),
        Entry(at=at + 58, kind="tool_result", tool="Bash", text="", detail=output),
    )  # fmt: skip


def some_agents() -> tuple[CliAgentView, ...]:
    return (
        CliAgentView(
            name="claude", kind="claude", program="claude", available=True, version="2.1.197", running=3, queued=1,
            day_usage=Usage(cost_usd=4.2, input_tokens=2_000_000, output_tokens=80_000),
        ),
        CliAgentView(
            name="codex", kind="codex", program="codex", available=True, version="0.171.0", running=1, queued=1
        ),
        CliAgentView(
            name="gemini", kind="acp", program="gemini --acp", available=False, detail="`gemini` was not found",
            hint="Install it, or name its path under `agents` in the settings",
        ),
        CliAgentView(name="input", kind="input", program="", available=True),
    )  # fmt: skip


def a_worker(name: str, status: str = "idle", **more: object) -> WorkerView:
    runs = status not in ("asleep", "stopped")
    given: dict[str, object] = {
        "pool": name.rpartition("-")[0], "agent": "claude", "healthy": status != "unhealthy",
        "pid": 41_000 + len(name) if runs else None, "uptime_s": 5_400.0 if runs else None,
        "service": a_view(f"worker:{name}", "ready" if runs else "stopped"),
    }  # fmt: skip
    return WorkerView(name=name, status=status, **{**given, **more})  # type: ignore[arg-type]  # by name


def some_workers(now: float) -> tuple[WorkerView, ...]:
    bash = Activity(kind="tool", since=now - 12, detail="Bash")
    retry = Activity(kind="retrying_provider", since=now - 3, attempt=2, most_attempts=10)
    wrong = a_view("worker:executor-1", "unhealthy", problem="no sign of life for 9 s")
    return (
        a_worker("architect-1", "frozen", activity=Activity(kind="frozen", since=now - 90), tasks_completed=12),
        a_worker("coder-1", "busy", activity=bash, tasks_completed=31, errors=2, task_id="task_0000003b"),
        a_worker("coder-2", tasks_completed=28),
        a_worker("critic-1", "asleep", tasks_completed=9),
        a_worker("executor-1", "unhealthy", service=wrong, errors=4, tasks_completed=3),
        a_worker("deployer-1", "asleep", tasks_completed=2, errors=1),
        a_worker("claude-1", "busy", activity=Activity(kind="waiting_permission", since=now - 41), tasks_completed=44),
        a_worker("codex-1", "busy", agent="codex", activity=retry, tasks_completed=17),
    )


def an_approval(number: int = 1, **more: object) -> ApprovalView:
    given: dict[str, object] = {
        "task_id": "task_0000003a", "agent": "claude", "kind": "tool", "tool": "Bash",
        "summary": "psql staging -c 'DROP TABLE audit_2019, audit_2020'",
        "detail": "psql staging <<'SQL'\nBEGIN;\nDROP TABLE audit_2019;\nDROP TABLE audit_2020;\nCOMMIT;\nSQL",
        "reason": "The tables were found to be read by nothing since March.", "asked_at": 1_790_000_000.0 + number,
        "cwd": "/home/ada/projects/importer",
    }  # fmt: skip
    return ApprovalView(id=f"ask_{number}", **{**given, **more})  # type: ignore[arg-type]  # by name


def some_approvals(now: float) -> tuple[ApprovalView, ...]:
    return (
        an_approval(1, asked_at=now - 41),
        an_approval(
            2, kind="budget", tool="", summary="2 USD for one task of claude are spent", detail="", reason="",
            asked_at=now - 8, task_id="task_0000003b",
        ),
    )  # fmt: skip


class FakeTasks:
    """Shows what it was given and remembers what it was asked; `refuses` makes it raise."""

    def __init__(self) -> None:
        self.shown: tuple[TaskView, ...] = ()
        self.asked: list[tuple[object, ...]] = []
        self.requests: list[TaskRequest] = []
        self.pipelines: tuple[PipelineRun, ...] = ()
        self.of_runs: tuple[TaskView, ...] = ()
        self.questions: tuple[ApprovalView, ...] = ()
        self.crew: tuple[WorkerView, ...] = ()
        self.known: tuple[CliAgentView, ...] = some_agents()
        self.said: dict[str, list[Entry]] = {}
        self.prompts: dict[str, str] = {}
        self.results: dict[str, str] = {}
        self.refuses: AuroraError | None = None
        self.gate: asyncio.Event | None = None
        self.watchers: list[Callable[[], None]] = []
        self.looked = 0

    def busy(self, now: float) -> None:
        """Something of everything."""
        self.shown, self.questions, self.crew = some_tasks(now), some_approvals(now), some_workers(now)
        self.pipelines, self.of_runs = some_runs(now)
        for task in (*self.shown, *self.of_runs):
            self.said[task.id] = list(some_entries(now))
            self.prompts[task.id] = PROMPT

    def tell(self) -> None:
        """Something changed."""
        for watcher in self.watchers:
            watcher()

    def become(self, task_id: str, **changes: object) -> None:
        """A task changes, and it is told."""
        self.shown = tuple(replace(task, **changes) if task.id == task_id else task for task in self.shown)
        self.tell()

    async def submit(self, request: TaskRequest) -> TaskView:
        if self.gate:
            await self.gate.wait()
        if self.refuses:
            raise self.refuses
        self.requests.append(request)
        number = max((task.number for task in self.shown), default=0) + 1
        agent, summary = request.agent or "claude", request.prompt.partition("\n")[0]
        task = a_work_task(number, "queued", agent=agent, role=request.role, summary=summary)
        self.shown = (task, *self.shown)
        return task

    def tasks(
        self, *, limit: int = 200, statuses: Sequence[TaskStatus] = (), agent: str = "", before: int | None = None
    ) -> tuple[TaskView, ...]:
        self.looked += 1
        found = [
            task for task in self.shown
            if (not statuses or task.status in statuses) and (not agent or task.agent == agent)
        ]  # fmt: skip
        return tuple(found[:limit])

    def view(self, task_id: str) -> TaskView:
        return self.task(task_id).view

    def task(self, task_id: str) -> TaskDetail:
        for task in (*self.shown, *self.of_runs):
            if task.id == task_id:
                ended = task.finished_at is not None
                return TaskDetail(
                    view=task, prompt=self.prompts.get(task_id, task.summary), result=self.results.get(task_id, ""),
                    error=task.cause if task.status == "error" else "", session_id="5c1f0a1e-7a0e",
                    exit_code=0 if task.status == "completed" else None,
                    log_path=f"/home/ada/.local/state/aurora-desktop/logs/tasks/{task_id}.log" if ended else "",
                )  # fmt: skip
        raise AuroraError(f"There is no task {task_id}")

    async def transcript(self, task_id: str, offset: int = 0, limit: int = 500) -> Transcript:
        if self.refuses:
            raise self.refuses
        entries = self.said.get(task_id, [])[offset : offset + limit]
        end = offset + len(entries)
        over = self.task(task_id).view.finished_at is not None and end >= len(self.said.get(task_id, []))
        return Transcript(entries=tuple(entries), next_offset=end, is_over=over)

    async def cancel(self, task_id: str, by: str) -> TaskView:
        return self._do("cancel", task_id, by)

    async def retry(self, task_id: str, by: str) -> TaskView:
        return self._do("retry", task_id, by)

    async def resume(self, task_id: str, by: str) -> TaskView:
        return self._do("resume", task_id, by)

    async def thaw(self, task_id: str) -> TaskView:
        return self._do("thaw", task_id)

    def approvals(self) -> tuple[ApprovalView, ...]:
        return self.questions

    async def answer(self, approval_id: str, decision: ApprovalDecision, by: str, message: str = "") -> None:
        if self.refuses:
            raise self.refuses
        self.asked.append(("answer", approval_id, decision, by, message))
        self.questions = tuple(each for each in self.questions if each.id != approval_id)

    def show_approval(self, approval_id: str) -> bool:
        return any(each.id == approval_id for each in self.questions)

    def agents(self) -> tuple[CliAgentView, ...]:
        return self.known

    async def check_agents(self, names: Sequence[str] = ()) -> tuple[CliAgentView, ...]:
        self.asked.append(("check", *names))
        return self.known

    def workers(self) -> tuple[WorkerView, ...]:
        return self.crew

    async def heal_workers(self, names: Sequence[str], by: str) -> Healed:
        if self.refuses:
            raise self.refuses
        self.asked.append(("heal", tuple(names), by))
        return Healed(workers=tuple(names), message=f"Replaced {', '.join(names) or 'none'}")

    def runs(self) -> tuple[PipelineRun, ...]:
        return self.pipelines

    async def cancel_run(self, run_id: str, by: str) -> PipelineRun:
        self.asked.append(("cancel_run", run_id, by))
        if self.refuses:
            raise self.refuses
        return next(run for run in self.pipelines if run.id == run_id)

    def watch(self, on_change: Callable[[], None]) -> None:
        self.watchers.append(on_change)

    def _do(self, what: str, task_id: str, *by: str) -> TaskView:
        self.asked.append((what, task_id, *by))
        if self.refuses:
            raise self.refuses
        return self.task(task_id).view
