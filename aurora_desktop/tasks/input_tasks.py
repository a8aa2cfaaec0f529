"""Tasks of the kind `input`: a list of actions, done one after another through the gate, like anyone's.

No worker is between: the input agent has its own. What was not done is never done again by itself, and every action
has an id of its own, by which the input agent refuses it a second time.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.input import request as input_request
from aurora_desktop.input.errors import InputRefusedError
from aurora_desktop.input.view import InputFace, Submission, TaskView
from aurora_desktop.tasks.messages import Ended
from aurora_desktop.tasks.task import Task, TaskRequest

MOST_ACTIONS = 1000
AFTER_RESTART = "Aurora ended while it acted; which of its actions were done is in the history of mouse and keyboard"
"""Why a task of this kind that was at work is `uncertain` afterwards."""
_HINT = 'Give `actions`, or a prompt like [{"action": "left_click", "at": {"x": 10, "y": 20}}]'


def submissions(task: TaskRequest | Task) -> tuple[Submission, ...]:
    """The task's actions, none of them queued yet. Raises AuroraError that names the first that is wrong."""
    raw = listed_actions(task)
    if not raw:
        raise AuroraError("There is nothing to do", "the list of actions is empty", _HINT)
    if len(raw) > MOST_ACTIONS:
        detail = f"{len(raw):,} actions; at most {MOST_ACTIONS:,}"
        raise AuroraError("Too many actions", detail, "Submit them as several tasks.")
    return tuple(_submission(number, action) for number, action in enumerate(raw, 1))


def listed_actions(task: TaskRequest | Task) -> Sequence[Any]:
    """What is listed, as it was written. Raises AuroraError for a prompt that is no list."""
    return task.actions or _from_prompt(task.prompt)


def _from_prompt(prompt: str) -> Sequence[Any]:
    if not prompt.strip():
        return ()
    try:
        found = json.loads(prompt)
    except (ValueError, RecursionError) as error:
        reason = f": {error.msg} in line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise AuroraError("The prompt is no list of actions", f"it is not JSON{reason}", _HINT) from None
    if not isinstance(found, list):
        raise AuroraError("The prompt is no list of actions", f"it is a JSON {type(found).__name__}", _HINT)
    return found


def _submission(number: int, raw: Any) -> Submission:
    if not isinstance(raw, Mapping):
        raise AuroraError(f"Action {number} is none", "expected an object with an `action`", _HINT)
    try:
        return input_request.parse(raw)
    except InputRefusedError as error:
        detail = ": ".join(part for part in (error.title, error.detail) if part)
        raise AuroraError(f"Action {number} cannot be understood", detail, error.hint) from error


class InputTasks:
    """Performs tasks of the kind `input`; any number of them may wait for the input agent's one queue."""

    def __init__(self, face: InputFace, clock: Clock) -> None:
        self._face, self._clock = face, clock
        self._at_work: dict[str, _Performing] = {}

    async def perform(self, task: Task, on_action: Callable[[str], object] = lambda _: None) -> Ended:
        """Do the task's actions until one is not done; never raises. `on_action` is told each in words.

        Cancelled itself (Aurora quits), it takes back the action that is in flight.
        """
        performing = _Performing(self._face, self._clock, task, on_action)
        self._at_work[task.id] = performing
        try:
            return await performing.run()
        finally:
            del self._at_work[task.id]

    def cancel(self, task_id: str, by: str) -> bool:
        """Take back the action that waits or is being done, and do none after it; False when there is no such task."""
        performing = self._at_work.get(task_id)
        if performing is None:
            return False
        performing.stop("cancelled", f"cancelled by {by}", by)
        return True


class _Performing:
    """One task, action by action."""

    def __init__(self, face: InputFace, clock: Clock, task: Task, on_action: Callable[[str], object]) -> None:
        self._face, self._clock, self._task, self._on_action = face, clock, task, on_action
        self._began_at = clock.wall()
        self._lines: list[str] = []
        self._current = ""
        self._is_begun = False
        self._stopped: tuple[Literal["cancelled", "timeout"], str] | None = None

    def stop(self, ending: Literal["cancelled", "timeout"], why: str, by: str) -> None:
        if self._stopped is None:
            self._stopped = ending, why
        if self._current:
            self._face.cancel(self._current, by)

    async def run(self) -> Ended:
        too_late = asyncio.get_running_loop().call_later(
            self._task.timeout_s, self.stop, "timeout", f"it took longer than {self._task.timeout_s:g} s", "aurora"
        )
        try:
            return await self._all()
        except AuroraError as error:
            return self._ended("error", f"{error.in_one_line}.")
        finally:
            too_late.cancel()
            if self._current:
                self._face.cancel(self._current, "aurora")

    async def _all(self) -> Ended:
        actions = submissions(self._task)
        for number, action in enumerate(actions, 1):
            if self._stopped is not None:
                return self._ended(*self._stopped)
            done = await self._one(number, action)
            self._lines.append(_line(number, done))
            if done.outcome != "done":
                where = f"action {number} of {len(actions)} ({done.sentence or done.action})"
                why = f"{where} was not done: {done.outcome}: {done.reason}"
                return self._ended("error", why) if self._stopped is None else self._ended(*self._stopped)
        return self._ended("completed", "")

    async def _one(self, number: int, action: Submission) -> TaskView:
        task = self._task
        action_id = f"{task.id}-{task.attempt}-{number}"
        view = self._face.submit(
            replace(
                action,
                task_id=action_id,
                agent=action.agent or task.agent,
                operator_user=action.operator_user or task.operator_user,
            )
        )
        self._is_begun, self._current = True, action_id
        self._on_action(view.sentence or view.action)
        done = await self._face.finished(action_id)
        self._current = ""
        return done

    def _ended(self, ending: Literal["completed", "error", "cancelled", "timeout"], error: str) -> Ended:
        return Ended(
            task_id=self._task.id,
            attempt=self._task.attempt,
            ending=ending,
            result="\n".join(self._lines),
            error=error,
            began=self._is_begun,
            started_at=self._began_at,
            finished_at=self._clock.wall(),
        )


def _line(number: int, view: TaskView) -> str:
    """`2. click at 10, 20: done`, and what it gave back."""
    line = f"{number}. {view.sentence or view.action}: {view.outcome}"
    if view.reason:
        line += f" ({view.reason})"
    return line + (f" {msgspec.json.encode(view.result).decode()}" if view.result else "")
