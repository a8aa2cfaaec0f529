"""The addresses of agents at work: submit, look, follow, cancel, deny.

Nothing here allows what an agent asks for, or lets go on what the emergency stop froze: these are the operator's, in
the window. A question can be brought to the operator's screen, and be denied.
"""

import asyncio
import difflib
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Annotated, NoReturn

from msgspec import Meta, Struct
from msgspec.structs import replace
from starlette.requests import Request

from aurora_desktop.api import shapes
from aurora_desktop.api.answering import Operation, Reply, get, post, within
from aurora_desktop.api.context import ApiContext
from aurora_desktop.api.feed import EventFeed
from aurora_desktop.api.idempotency import chosen_key
from aurora_desktop.api.paging import PageQuery, next_page, page
from aurora_desktop.api.problems import ProblemError
from aurora_desktop.api.query import Offset, Query, Wait, WaitQuery
from aurora_desktop.api.task_scopes import check_agents, check_submission
from aurora_desktop.api.task_secrets import discreet, discreet_question, discreet_transcript
from aurora_desktop.api.tasks_shapes import (
    STATUSES,
    DenyRequest,
    NamesRequest,
    ShownReply,
    SubmitRequest,
    TaskCommand,
)
from aurora_desktop.core.event import Event
from aurora_desktop.core.settings.values import Environment
from aurora_desktop.core.storage.tailing import read_from
from aurora_desktop.core.task_events import TaskFinished, TaskStateChanged, TaskStatus, TaskSubmitted
from aurora_desktop.tasks.discretion import secrets
from aurora_desktop.tasks.task import AT_WORK
from aurora_desktop.tasks.view import (
    ApprovalView,
    CliAgentView,
    Healed,
    PipelineRun,
    TaskDetail,
    TasksFace,
    TaskView,
    Transcript,
    WorkerView,
)

MAX_LISTED = 1000
MAX_ENTRIES = 1000
MAX_CHECK_S = 120.0
MAX_HEAL_S = 120.0
LOG_CHUNK_BYTES = 256 * 1024
# What an agent says is no event: its transcript is looked at so often while somebody waits for more.
FOLLOW_INTERVAL_S = 0.25
_TASK_NEWS = (TaskFinished, TaskStateChanged, TaskSubmitted)


class TasksQuery(Struct, frozen=True):
    status: Annotated[str, Meta(description="Several with commas between; without it all")] = ""
    agent: str = ""
    limit: Annotated[int, Meta(ge=1, le=MAX_LISTED)] = 200
    cursor: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class TaskQuery(Struct, frozen=True, rename={"while_": "while"}):
    wait_s: Wait = 0.0
    while_: Annotated[str, Meta(description="The status that is known; without it the one it has now")] = ""


class TranscriptQuery(Struct, frozen=True):
    offset: Offset = 0
    limit: Annotated[int, Meta(ge=1, le=MAX_ENTRIES)] = 500
    wait_s: Wait = 0.0


class OffsetQuery(Struct, frozen=True):
    offset: Offset = 0


class TasksDoor:
    def __init__(self, context: ApiContext, feed: EventFeed) -> None:
        self._context = context
        self._feed = feed

    def routes(self) -> list[Operation]:
        return [
            post("/v1/tasks", self.submit, statuses=(202,), creates=True),
            get("/v1/tasks", self.tasks, tagged=True),
            get("/v1/tasks/{task_id}", self.task),
            get("/v1/tasks/{task_id}/transcript", self.transcript),
            get("/v1/tasks/{task_id}/log", self.log),
            post("/v1/tasks/{task_id}/cancel", self.cancel),
            post("/v1/tasks/{task_id}/retry", self.retry),
            post("/v1/tasks/{task_id}/resume", self.resume),
            get("/v1/agents", self.agents, tagged=True),
            post("/v1/agents/check", self.check_agents),
            get("/v1/workers", self.workers),
            post("/v1/workers/heal", self.heal_workers),
            get("/v1/approvals", self.approvals, tagged=True),
            post("/v1/approvals/{approval_id}/deny", self.deny),
            post("/v1/approvals/{approval_id}/show", self.show_approval),
            get("/v1/runs", self.runs, tagged=True),
            get("/v1/runs/{run_id}", self.run),
            post("/v1/runs/{run_id}/cancel", self.cancel_run),
        ]

    # --- tasks ------------------------------------------------------------------------------------------------

    async def submit(self, request: Request, body: SubmitRequest) -> Reply[TaskView]:
        """Give agents work; the task that has this idempotency key already, if there is one.

        Work for an agent of the kind `input` takes the token `input`, all other the token `operate`.
        The key is the header `Idempotency-Key` or the field `idempotency_key`.
        """
        Query(request)
        check_submission(request, body, self._context.settings().tasks)
        key = chosen_key(request, body.idempotency_key)
        return Reply(202, await self._tasks().submit(replace(body, idempotency_key=key)))

    async def tasks(self, request: Request, query: TasksQuery) -> Reply[tuple[TaskView, ...]]:
        """The newest first. The header `Link` leads to the older ones."""
        statuses = _statuses(query.status)
        face, agent = self._tasks(), query.agent
        found = face.tasks(limit=query.limit, statuses=statuses, agent=agent, before=query.cursor)
        if agent and not found:  # of one that is not in the settings any more there may be some
            _check_known("agent", [agent], {view.name for view in face.agents()}, "aurora agents list")
        last = found[-1].number if len(found) == query.limit else None
        return Reply(200, found, next_page(request, last))

    async def task(self, task_id: str, query: TaskQuery) -> TaskDetail:
        """One task with its prompt, result and error; with `wait_s` once its status is another, or final."""
        face = self._tasks()
        status = query.while_ or face.view(task_id).status
        if query.wait_s:

            def is_another() -> bool:
                now = face.view(task_id).status
                return now != status or not (now in AT_WORK or now == "queued")

            await within(self._feed.until(is_another, _is_of(task_id)), self._feed, query.wait_s)
        detail = face.task(task_id)
        return discreet(detail, await self._secrets(detail.view.agent, detail.view.role))

    async def transcript(self, task_id: str, query: TranscriptQuery) -> Transcript:
        """What the agent said, from `offset` on; with `wait_s` it waits for more."""
        face, offset, limit = self._tasks(), query.offset, query.limit
        view = face.view(task_id)
        found = await face.transcript(task_id, offset, limit)
        if query.wait_s and not (found.entries or found.is_over):
            following = await within(_more(face, task_id, offset, limit), self._feed, query.wait_s)
            found = found if following.cancelled() else following.result()
        return discreet_transcript(found, await self._secrets(view.agent, view.role))

    async def log(self, task_id: str, query: OffsetQuery) -> shapes.LogReply:
        """The readable record that is written at the end of a task, up to 256 KiB from `offset` on."""
        detail = self._tasks().task(task_id)
        found = await asyncio.to_thread(_read_record, detail.log_path, query.offset)
        if found is None:
            when = "it is written at its end, and goes with the oldest output (`tasks.keep_max_days`)"
            hint = f"While it works: aurora task logs {detail.view.id} -f"
            raise ProblemError(404, f"There is no record of `{detail.view.id}`", when, hint)
        text, end = found
        hidden = await self._secrets(detail.view.agent, detail.view.role)
        return shapes.LogReply(detail.view.id, hidden.masked(text), end)

    async def cancel(self, task_id: str, body: TaskCommand) -> TaskView:
        """Take it back, or end its agent."""
        return await self._tasks().cancel(task_id, body.by)

    async def retry(self, request: Request, task_id: str, body: TaskCommand) -> TaskView:
        """Once more from the beginning: a finished, dead or uncertain task."""
        Query(request)
        face = self._tasks()
        check_agents(request, [face.view(task_id).agent], self._context.settings().tasks)
        return await face.retry(task_id, body.by)

    async def resume(self, request: Request, task_id: str, body: TaskCommand) -> TaskView:
        """Go on with the agent's own session; what was frozen is the operator's to thaw."""
        Query(request)
        face = self._tasks()
        view = face.view(task_id)
        check_agents(request, [view.agent], self._context.settings().tasks)
        if view.frozen:
            title, hint = (
                "A frozen agent goes on by the operator's word alone",
                "Resume or cancel it in Aurora's window",
            )
            raise ProblemError(403, title, "the emergency stop or a budget froze it", hint)
        return await face.resume(task_id, body.by)

    def counts(self) -> shapes.TaskCounts | None:
        """How much is to be done, and waits for the operator; None where nothing does tasks."""
        face = self._context.tasks
        if face is None:
            return None
        agents = face.agents()
        return shapes.TaskCounts(
            at_work=sum(agent.running for agent in agents),
            queued=sum(agent.queued for agent in agents),
            uncertain=len(face.tasks(limit=MAX_LISTED, statuses=("uncertain",))),
            approvals=len(face.approvals()),
        )

    def at_work(self) -> tuple[str, ...]:
        """The ids of the tasks that an agent has in hand."""
        face = self._context.tasks
        return tuple(view.id for view in face.tasks(limit=MAX_LISTED, statuses=tuple(AT_WORK))) if face else ()

    # --- agents and workers -----------------------------------------------------------------------------------

    async def agents(self) -> tuple[CliAgentView, ...]:
        """The programs that do tasks."""
        return self._tasks().agents()

    async def check_agents(self, body: NamesRequest) -> tuple[CliAgentView, ...]:
        """Ask the agents' programs for their versions now."""
        face = self._tasks()
        _check_known("agent", body.names, {view.name for view in face.agents()}, "aurora agents list")
        checking = await within(face.check_agents(body.names), self._feed, MAX_CHECK_S)
        if checking.cancelled():
            raise ProblemError(
                503, "The agents' programs did not answer", f"within {MAX_CHECK_S:g} s", "Check one alone"
            )
        return checking.result()

    async def workers(self) -> tuple[WorkerView, ...]:
        """The processes that have tasks done."""
        return self._tasks().workers()

    async def heal_workers(self, body: NamesRequest) -> Healed:
        """Replace the named workers, or those that are not well."""
        face = self._tasks()
        _check_known("worker", body.names, {view.name for view in face.workers()}, "aurora workers list")
        healing = await within(face.heal_workers(body.names, body.by), self._feed, MAX_HEAL_S)
        if healing.cancelled():
            raise ProblemError(
                503, "The workers are not all there again", f"after {MAX_HEAL_S:g} s", "See `aurora workers list`"
            )
        return healing.result()

    # --- questions --------------------------------------------------------------------------------------------

    async def approvals(self) -> list[ApprovalView]:
        """What agents ask the operator to allow."""
        return [discreet_question(view, await self._secrets(view.agent)) for view in self._tasks().approvals()]

    async def deny(self, approval_id: str, body: DenyRequest) -> shapes.DoneReply:
        """Deny it, with words for the agent. To allow it is the operator's, in the window."""
        await self._tasks().answer(approval_id, "deny", body.by, body.message)
        return shapes.DoneReply(f"{approval_id} is denied")

    async def show_approval(self, approval_id: str) -> ShownReply:
        """Bring the question to the operator's screen, where alone it can be allowed."""
        return ShownReply(self._tasks().show_approval(approval_id))

    # --- pipelines --------------------------------------------------------------------------------------------

    async def runs(self, request: Request, query: PageQuery) -> Reply[list[PipelineRun]]:
        """The runs of pipelines. The header `Link` leads to the next ones."""
        return page(request, self._tasks().runs(), lambda run: run.id, query)

    async def run(self, run_id: str, query: WaitQuery) -> PipelineRun:
        """One run of a pipeline; with `wait_s` it waits for its end."""
        face = self._tasks()
        if query.wait_s and _run(face, run_id).status == "running":

            def is_over() -> bool:
                return _run(face, run_id).status != "running"

            await within(
                self._feed.until(is_over, lambda event: isinstance(event, _TASK_NEWS)), self._feed, query.wait_s
            )
        return _run(face, run_id)

    async def cancel_run(self, run_id: str, body: TaskCommand) -> PipelineRun:
        """No further step is made, and the one that is being done is cancelled."""
        return await self._tasks().cancel_run(run_id, body.by)

    # ----------------------------------------------------------------------------------------------------------

    def _tasks(self) -> TasksFace:
        if self._context.tasks is None:
            raise ProblemError(503, "Agents at work are not running", "", "See `aurora status`")
        return self._context.tasks

    async def _secrets(self, agent: str, role: str = "") -> Environment:
        return await asyncio.to_thread(secrets, self._context.settings().tasks, agent, role)


async def _more(face: TasksFace, task_id: str, offset: int, limit: int) -> Transcript:
    """Once there is more of the transcript, or it is over."""
    while True:
        await asyncio.sleep(FOLLOW_INTERVAL_S)
        found = await face.transcript(task_id, offset, limit)
        if found.entries or found.is_over:
            return found


def _read_record(path: str, offset: int) -> tuple[str, int] | None:
    """Its text from `offset` on, and where that ends; None if there is none. For a thread."""
    return read_from(Path(path), offset, LOG_CHUNK_BYTES) if path and Path(path).exists() else None


def _is_of(task_id: str) -> Callable[[Event], bool]:
    """Whether an event tells of a new status of this task."""
    return lambda event: isinstance(event, _TASK_NEWS) and event.task_id == task_id


def _run(face: TasksFace, run_id: str) -> PipelineRun:
    for run in face.runs():
        if run.id == run_id:
            return run
    raise ProblemError(404, f"There is no run `{run_id}`", "", "See `aurora task runs`")


def _statuses(text: str) -> tuple[TaskStatus, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    _check_known("status", names, STATUSES, "docs/tasks.md", code=400)
    return tuple(status for status in STATUSES if status in names)


def _check_known(what: str, names: Iterable[str], there: Collection[str], where: str, code: int = 404) -> None:
    """Raises ProblemError with the near one for the first name that is not there."""
    for name in names:
        if name not in there:
            _refuse(what, name, there, where, code)


def _refuse(what: str, name: str, there: Collection[str], where: str, code: int) -> NoReturn:
    near = difflib.get_close_matches(name, sorted(there), 1)
    raise ProblemError(
        code, f"There is no {what} `{name}`", "", f"Did you mean `{near[0]}`?" if near else f"See `{where}`"
    )
