"""Agents at work in memory: answers what it was given, and remembers what it was asked."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from aurora_desktop.core.bus import Bus
from aurora_desktop.core.settings.schema_tasks import Pipeline, TaskSettings
from aurora_desktop.core.task_events import ApprovalDecision, TaskStateChanged, TaskStatus
from aurora_desktop.supervisor.view import ServiceView
from aurora_desktop.tasks.admission import admit, check_target
from aurora_desktop.tasks.errors import UnknownApprovalError, UnknownTaskError
from aurora_desktop.tasks.task import AT_WORK, Activity, TaskRequest, Usage
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

AT = 1_750_000_000.0
SETTINGS = TaskSettings(pipelines={"review": Pipeline(steps=["coder", "critic"])})
QUESTION = ApprovalView(
    id="ask_1", task_id="task_2", agent="claude", kind="tool", tool="Bash", summary="rm -rf build", asked_at=AT
)
SAID = (
    Entry(at=AT, kind="message", text="I will look."),
    Entry(at=AT + 1, kind="tool", text="ls", tool="Bash", detail="ls -l"),
    Entry(at=AT + 2, kind="tool_result", text="a.txt", tool="Bash", failed=True),
)


def a_task(number: int, status: TaskStatus = "queued", **fields: Any) -> TaskView:
    given = {"agent": "claude", "role": "", "summary": "tidy up", "created_at": AT, "timeout_s": 300.0} | fields
    return TaskView(id=f"task_{number}", number=number, status=status, **given)


def an_agent(name: str, **fields: Any) -> CliAgentView:
    given = {"kind": name, "program": name, "available": True, "version": "2.1.0"} | fields
    return CliAgentView(name=name, **given)


def a_worker(name: str, **fields: Any) -> WorkerView:
    service = ServiceView(name=f"worker:{name}", state="running", cause="started", since=AT)
    given = {"pool": "claude", "agent": "claude", "status": "idle", "healthy": True, "service": service} | fields
    return WorkerView(name=name, **given)


class FakeTasks:
    """Three tasks, one of which asks; what is the operator's is noted in `operators`, and must never be."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.held = {
            "task_1": TaskDetail(view=a_task(1), prompt="tidy up\nand more"),
            "task_2": TaskDetail(
                view=a_task(
                    2, "waiting_approval", worker="claude-1", attempt=1, max_attempts=3, started_at=AT + 1,
                    activity=Activity(kind="waiting_permission", since=AT, detail="Bash"),
                    usage=Usage(cost_usd=0.12, input_tokens=1000, output_tokens=200), cwd="/home/ada/project",
                ),
                prompt="build it",
            ),
            "task_3": TaskDetail(
                view=a_task(3, "completed", started_at=AT + 1, finished_at=AT + 76), prompt="count", result="42 files"
            ),
        }  # fmt: skip
        self.said: dict[str, tuple[Entry, ...]] = {"task_2": SAID, "task_3": SAID}
        self.questions = [QUESTION]
        self.programs = [an_agent("claude", running=1, queued=1), an_agent("codex", available=None, version="")]
        self.crew = [a_worker("claude-1", status="busy", task_id="task_2", pid=77, uptime_s=75.0), a_worker("codex-1")]
        self.pipeline_runs: list[PipelineRun] = []
        self.has_screen = True
        self.waits: dict[str, Any] = {}  # why what is submitted does not begin
        self.course: list[dict[str, Any]] = []  # what happens to a task once it is submitted
        self.requests: list[TaskRequest] = []
        self.calls: list[tuple[str, ...]] = []
        self.operators: list[str] = []
        self.asked = threading.Event()
        self.stuck = False

    async def submit(self, request: TaskRequest) -> TaskView:
        self._check(request)
        self.requests.append(request)
        number = len(self.held) + 1
        run_id = "run_1" if request.pipeline else None
        view = a_task(number, agent=request.agent or "claude", role=request.role, run_id=run_id, **self.waits)
        self.held[view.id] = TaskDetail(view=view, prompt=request.prompt)
        if request.pipeline:
            run = PipelineRun(
                steps=("coder", "critic"),
                id="run_1",
                pipeline="review",
                status="running",
                round=1,
                max_rounds=3,
                task_ids=(view.id,),
            )
            self.pipeline_runs.append(run)
        asyncio.get_running_loop().call_soon(self._go_on, view.id)
        return view

    def _go_on(self, task_id: str) -> None:
        for step in self.course:
            self.change(task_id, **step)
            self.pipeline_runs = [replace(run, status=step["status"]) for run in self.pipeline_runs]

    def _check(self, request: TaskRequest) -> None:
        """By the rules of the real one. Raises TaskRefusedError."""
        check_target(request, SETTINGS)
        role = SETTINGS.pipelines[request.pipeline].steps[0] if request.pipeline else request.role
        admit(replace(request, pipeline="", role=role), SETTINGS, AT)

    def tasks(
        self, *, limit: int = 200, statuses: Sequence[TaskStatus] = (), agent: str = "", before: int | None = None
    ) -> tuple[TaskView, ...]:
        views = [detail.view for detail in reversed(self.held.values())]
        found = [
            view
            for view in views
            if (not statuses or view.status in statuses)
            and agent in ("", view.agent)
            and (before is None or view.number < before)
        ]
        return tuple(found[:limit])

    def view(self, task_id: str) -> TaskView:
        return self.task(task_id).view

    def task(self, task_id: str) -> TaskDetail:
        self.asked.set()
        if task_id not in self.held:
            raise UnknownTaskError(f"There is no task `{task_id}`", "", "See `aurora task list`")
        return self.held[task_id]

    async def transcript(self, task_id: str, offset: int = 0, limit: int = 500) -> Transcript:
        self.asked.set()
        entries = self.said.get(task_id, ())[offset : offset + limit]
        is_over = self.task(task_id).view.status not in ("queued", *AT_WORK)
        return Transcript(entries=entries, next_offset=offset + len(entries), is_over=is_over and not entries)

    async def cancel(self, task_id: str, by: str) -> TaskView:
        return self._did("cancel", task_id, by, "cancelled")

    async def retry(self, task_id: str, by: str) -> TaskView:
        return self._did("retry", task_id, by, "queued")

    async def resume(self, task_id: str, by: str) -> TaskView:
        return self._did("resume", task_id, by, "queued")

    async def thaw(self, task_id: str) -> TaskView:
        self.operators.append("thaw")
        return self.task(task_id).view

    def approvals(self) -> tuple[ApprovalView, ...]:
        return tuple(self.questions)

    async def answer(self, approval_id: str, decision: ApprovalDecision, by: str, message: str = "") -> None:
        self._question(approval_id)
        if decision != "deny":
            self.operators.append("allow")
        self.calls.append((decision, approval_id, by, message))

    def show_approval(self, approval_id: str) -> bool:
        self._question(approval_id)
        self.calls.append(("show", approval_id))
        return self.has_screen

    def agents(self) -> tuple[CliAgentView, ...]:
        return tuple(self.programs)

    async def check_agents(self, names: Sequence[str] = ()) -> tuple[CliAgentView, ...]:
        self.calls.append(("check", *names))
        await self._perhaps_never()
        return tuple(agent for agent in self.programs if agent.name in names or not names)

    def workers(self) -> tuple[WorkerView, ...]:
        return tuple(self.crew)

    async def heal_workers(self, names: Sequence[str], by: str) -> Healed:
        self.calls.append(("heal", *names, by))
        await self._perhaps_never()
        return Healed(workers=tuple(names), message=f"{len(names)} replaced" if names else "all are well")

    async def cancel_run(self, run_id: str, by: str) -> PipelineRun:
        self.calls.append(("cancel_run", run_id, by))
        run = next((run for run in self.pipeline_runs if run.id == run_id), None)
        if run is None:
            raise UnknownTaskError(f"There is no run `{run_id}`", "", "See `aurora task runs`")
        self.pipeline_runs = [replace(run, status="cancelled")]
        return self.pipeline_runs[0]

    def runs(self) -> tuple[PipelineRun, ...]:
        self.asked.set()
        return tuple(self.pipeline_runs)

    def watch(self, on_change: Callable[[], None]) -> None:
        return None

    # --- what happens to them -----------------------------------------------------------------------------------

    def change(self, task_id: str, status: TaskStatus, **fields: Any) -> None:
        """A task gets another status, and the events tell it; other fields are those of its detail."""
        before = self.held[task_id]
        hint = "See its log" if status == "error" else ""
        self.held[task_id] = replace(before, view=replace(before.view, status=status, hint=hint), **fields)
        self._bus.publish(
            TaskStateChanged(
                at=AT, component="agent:claude", task_id=task_id, previous=before.view.status, status=status
            )
        )

    def _did(self, what: str, task_id: str, by: str, status: TaskStatus) -> TaskView:
        self.task(task_id)
        self.calls.append((what, task_id, by))
        self.change(task_id, status)
        return self.held[task_id].view

    def _question(self, approval_id: str) -> None:
        if approval_id not in {question.id for question in self.questions}:
            raise UnknownApprovalError(f"There is no question `{approval_id}`", "", "See `aurora approvals`")

    async def _perhaps_never(self) -> None:
        if self.stuck:
            await asyncio.Event().wait()
