"""The input agent's addresses: submit, look, wait, cancel; ours and the earlier system's."""

import asyncio
import os
import re
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from aurora_desktop.api import earlier_input, shapes
from aurora_desktop.api.answering import QUICKLY_READ_BYTES, Operation, Reply, get, post, within
from aurora_desktop.api.context import ApiContext
from aurora_desktop.api.feed import EventFeed
from aurora_desktop.api.idempotency import key_of
from aurora_desktop.api.key_store import Keys
from aurora_desktop.api.problems import ProblemError, problem_of
from aurora_desktop.api.query import Query, WaitQuery
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.input.actions import Action, Paste, Type
from aurora_desktop.input.errors import UnknownTaskError
from aurora_desktop.input.request import new_task_id, parse
from aurora_desktop.input.view import HISTORY_KEPT, Display, InputFace, InputView, Submission, TaskView

SOURCE = "api"
MAX_PICTURE_BYTES = 64 * 1024 * 1024
_PICTURE_ID = re.compile(r"[0-9a-f]{12}")
_NOT_TOLD = "not told here, for it shows the secret text"


async def _parsed(raw: bytes, dialect: str = "auto") -> Submission:
    """A long body, and above all a long wrong one, takes its time: not the loop's, which keeps the lease meanwhile."""
    if len(raw) <= QUICKLY_READ_BYTES:
        return parse(raw, dialect)
    return await asyncio.to_thread(parse, raw, dialect)


_OTHER = "The same with `task_id`, `agent`, `operator_user` beside it, or an action of another dialect"
# Parsed by `input.request`, which knows the dialects; so it is described here.
ACTION_REQUEST = (Action, Annotated[dict[str, Any], Meta(description=_OTHER)])


class HistoryQuery(Struct, frozen=True):
    limit: Annotated[int, Meta(ge=1, le=HISTORY_KEPT)] = HISTORY_KEPT


class InputDoor:
    def __init__(self, context: ApiContext, feed: EventFeed) -> None:
        self._context = context
        self._feed = feed
        self._keys = Keys(context.database) if context.database is not None else None

    def routes(self) -> list[Operation]:
        return [
            post("/v1/input/submit", self.submit, statuses=(200, 202), body=ACTION_REQUEST, creates=True),
            get("/v1/input/status", self.status),
            get("/v1/input/history", self.history),
            get("/v1/input/displays", self.displays),
            get("/v1/input/pictures/{picture_id}", self.picture, media_type="image/png"),
            get("/v1/input/task/{task_id}", self.task),
            post("/v1/input/task/{task_id}/cancel", self.cancel),
            post("/input/submit", self.submit_earlier, statuses=(202,), body=ACTION_REQUEST, creates=True),
            get("/input/status", self.status_earlier),
            get("/input/task/{task_id}", self.task_earlier),
        ]

    # --- ours -------------------------------------------------------------------------------------------------

    async def submit(self, request: Request, query: WaitQuery) -> Reply[TaskView]:
        """Have one action performed: 202 with the task, 200 when it was over within `wait_s` seconds."""
        agent = self._agent()
        queued = await self._submitted(request, agent, await _parsed(await request.body()))
        view = await self._waited(agent, queued, query.wait_s)
        return Reply(200 if _is_over(view) else 202, view)

    async def status(self) -> InputView:
        """The gate, the queue and the displays."""
        return shapes.brief_view(self._agent().view())

    async def history(self, query: HistoryQuery) -> list[TaskView]:
        """The last actions and how they ended, newest first."""
        return [shapes.brief(task) for task in self._agent().view().recent[: query.limit]]

    async def displays(self) -> tuple[Display, ...]:
        """The displays, as the worker told of them last: none before control was armed for the first time."""
        return self._agent().view().displays

    async def picture(self, picture_id: str) -> Response:
        """The PNG of a `screenshot` or `zoom`, by the `id` of its result."""
        found = None
        if _PICTURE_ID.fullmatch(picture_id):
            found = await asyncio.to_thread(_read_picture, self._context.paths.evidence / f"{picture_id}.png")
        if found is None:
            hint = "Its id is in the `result` of the action; the oldest pictures are removed"
            raise ProblemError(404, f"There is no picture `{picture_id}`", "", hint)
        return Response(found, media_type="image/png")

    async def task(self, task_id: str, query: WaitQuery) -> TaskView:
        """One action; with `wait_s` once it is over."""
        agent = self._agent()
        return await self._waited(agent, agent.task(task_id), query.wait_s)

    async def cancel(self, task_id: str) -> shapes.CancelReply:
        """Take it out of the queue, or stop it between two events."""
        agent = self._agent()
        agent.task(task_id)
        cancelled = agent.cancel(task_id, SOURCE)
        return shapes.CancelReply(cancelled, agent.task(task_id))

    # --- the earlier system's ---------------------------------------------------------------------------------

    async def submit_earlier(self, request: Request) -> Reply[earlier_input.Submitted]:
        """Have one action performed, in the words of the earlier system."""
        Query(request)
        agent = self._agent()
        raw = await request.body()
        submission = await _parsed(raw, earlier_input.DIALECT)
        try:
            view = await self._submitted(request, agent, submission)
        except ProblemError as problem:
            raise earlier_input.in_their_words(problem) from None
        return Reply(202, earlier_input.submitted(view, raw))

    async def status_earlier(self) -> earlier_input.QueueStatus:
        """The queue in the words of the earlier system."""
        return earlier_input.status(shapes.brief_view(self._agent().view()))

    async def task_earlier(self, task_id: str) -> earlier_input.Task:
        """One action in the words of the earlier system."""
        return earlier_input.task(self._agent().task(task_id))

    # ----------------------------------------------------------------------------------------------------------

    async def _submitted(self, request: Request, agent: InputFace, submission: Submission) -> TaskView:
        """The task; with an idempotency key that was there before, the one that it made then. Raises ProblemError."""
        key = key_of(request)
        if key is None or self._keys is None:
            return _submit(agent, submission)
        named = replace(submission, task_id=submission.task_id or new_task_id())
        claim = await self._keys.claim(key, named.task_id, await request.body())
        if not claim.is_new:
            return _made_before(agent, claim.made)
        try:
            return _submit(agent, named)
        except ProblemError:
            await self._keys.release(key)
            raise

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


def _read_picture(path: Path) -> bytes | None:
    """None where there is none, or a link in its place. For a thread."""
    try:
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
            return file.read(MAX_PICTURE_BYTES)
    except OSError:
        return None


def _made_before(agent: InputFace, task_id: str) -> TaskView:
    """Raises ProblemError 409 where it is not remembered any more: it is not done again."""
    try:
        return agent.task(task_id)
    except UnknownTaskError:
        raise ProblemError(
            409,
            "This action was submitted before",
            f"as {task_id}; it is not done again",
            "See `aurora audit show` for how it ended, or take a new idempotency key",
            "duplicate",
        ) from None


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
