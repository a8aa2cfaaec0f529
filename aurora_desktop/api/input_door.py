"""The input agent's addresses: submit, look, wait, cancel; ours and the earlier system's."""

import asyncio

from starlette.requests import Request
from starlette.routing import Route

from aurora_desktop.api import earlier_input, shapes
from aurora_desktop.api.answering import Reply, body, get, post, within
from aurora_desktop.api.context import ApiContext
from aurora_desktop.api.feed import EventFeed
from aurora_desktop.api.problems import ProblemError, problem_of
from aurora_desktop.api.query import Query
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.input.actions import Action, Paste, Type
from aurora_desktop.input.request import parse
from aurora_desktop.input.view import HISTORY_KEPT, InputFace, Submission, TaskView

MAX_WAIT_S = 60.0
QUICKLY_READ_BYTES = 64 * 1024
SOURCE = "api"
_NOT_TOLD = "not told here, for it shows the secret text"


async def _parsed(raw: bytes, dialect: str = "auto") -> Submission:
    """A long body, and above all a long wrong one, takes its time: not the loop's, which keeps the lease meanwhile."""
    if len(raw) <= QUICKLY_READ_BYTES:
        return parse(raw, dialect)
    return await asyncio.to_thread(parse, raw, dialect)


class InputDoor:
    def __init__(self, context: ApiContext, feed: EventFeed) -> None:
        self._context = context
        self._feed = feed

    def routes(self) -> list[Route]:
        return [
            post("/v1/input/submit", self.submit),
            get("/v1/input/status", self.status),
            get("/v1/input/history", self.history),
            get("/v1/input/task/{id}", self.task),
            post("/v1/input/task/{id}/cancel", self.cancel),
            post("/input/submit", self.submit_earlier),
            get("/input/status", self.status_earlier),
            get("/input/task/{id}", self.task_earlier),
        ]

    # --- ours -------------------------------------------------------------------------------------------------

    async def submit(self, request: Request) -> object:
        """202 with the task; 200 when it was over within `wait_s` seconds."""
        wait_s = _wait_s(request)
        agent = self._agent()
        queued = _submit(agent, await _parsed(await request.body()))
        view = await self._waited(agent, queued, wait_s)
        return Reply(200 if _is_over(view) else 202, view)

    async def status(self, request: Request) -> object:
        Query(request)
        return shapes.brief_view(self._agent().view())

    async def history(self, request: Request) -> object:
        """Newest first."""
        limit = Query(request, "limit").integer("limit", HISTORY_KEPT, 1, HISTORY_KEPT)
        return [shapes.brief(task) for task in self._agent().view().recent[:limit]]

    async def task(self, request: Request) -> object:
        wait_s = _wait_s(request)
        agent = self._agent()
        return await self._waited(agent, agent.task(request.path_params["id"]), wait_s)

    async def cancel(self, request: Request) -> object:
        await body(request, shapes.Body)
        agent, task_id = self._agent(), request.path_params["id"]
        agent.task(task_id)
        cancelled = agent.cancel(task_id, SOURCE)
        return shapes.CancelReply(cancelled, agent.task(task_id))

    # --- the earlier system's ---------------------------------------------------------------------------------

    async def submit_earlier(self, request: Request) -> object:
        Query(request)
        agent = self._agent()
        raw = await request.body()
        submission = await _parsed(raw, earlier_input.DIALECT)
        try:
            view = _submit(agent, submission)
        except ProblemError as problem:
            raise earlier_input.in_their_words(problem) from None
        return Reply(202, earlier_input.submitted(view, raw))

    async def status_earlier(self, request: Request) -> object:
        Query(request)
        return earlier_input.status(shapes.brief_view(self._agent().view()))

    async def task_earlier(self, request: Request) -> object:
        Query(request)
        return earlier_input.task(self._agent().task(request.path_params["id"]))

    # ----------------------------------------------------------------------------------------------------------

    async def _waited(self, agent: InputFace, view: TaskView, wait_s: float) -> TaskView:
        """The task at its end, or as it is when the time is over."""
        if not wait_s or _is_over(view):
            return view
        waiting = await within(agent.finished(view.task_id), self._feed, wait_s)
        return agent.task(view.task_id) if waiting.cancelled() else waiting.result()

    def _agent(self) -> InputFace:
        if self._context.input is None:
            raise ProblemError(503, "The input agent is not running", "", "See `aurora status`")
        return self._context.input


def _wait_s(request: Request) -> float:
    return Query(request, "wait_s").number("wait_s", 0, 0, MAX_WAIT_S)


def _is_over(view: TaskView) -> bool:
    return view.status in ("completed", "failed")


def _submit(agent: InputFace, submission: Submission) -> TaskView:
    """Raises ProblemError, which never shows a secret text."""
    try:
        return agent.submit(submission)
    except AuroraError as error:
        raise _discreet(problem_of(error), submission.action) from None


def _discreet(problem: ProblemError, action: Action) -> ProblemError:
    """The problem without what would show a secret text."""
    if not isinstance(action, Type | Paste) or not action.secret:
        return problem
    parts = (problem.title, problem.detail, problem.hint)
    title, detail, hint = (_NOT_TOLD if action.text in part else part for part in parts)
    return ProblemError(problem.status, title, detail, hint, problem.code)
