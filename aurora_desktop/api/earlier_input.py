"""The input agent in the shapes and words of the earlier system; fields may be added, none renamed or dropped."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from aurora_desktop.api.problems import ProblemError
from aurora_desktop.core.storage.jsonl import timestamp
from aurora_desktop.input.view import InputView, Status, TaskView

DIALECT = "legacy"
_STATUS: Mapping[Status, str] = {"retrying": "running", "failed": "error"}
_DISABLED = frozenset({"closed", "latched", "disarmed"})

Parameters = dict[str, Any]


class _Named(Struct):
    action_type: str


class Submitted(Struct, frozen=True):
    task_id: str
    status: str
    action_type: str


class Task(Struct, frozen=True, kw_only=True):
    task_id: str
    action_type: str
    parameters: Parameters
    operator_user: str
    status: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    error: str | None
    result: Parameters | None
    retry_count: int
    outcome: str | None


class Size(Struct, frozen=True):
    width: int
    height: int


class Position(Struct, frozen=True):
    """null while no worker runs, for then nobody looks."""

    x: int | None
    y: int | None


class QueueStatus(Struct, frozen=True, kw_only=True):
    queue_size: int
    screen_size: Size
    mouse_position: Position
    recent_tasks: tuple[Task, ...]


def submitted(view: TaskView, request: bytes) -> Submitted:
    """With the name that the request, which was understood before, gave to the action; queued it is in any case."""
    try:
        name = msgspec.json.decode(request, type=_Named).action_type
    except (msgspec.MsgspecError, UnicodeError):  # of another dialect, or in an envelope
        name = action_of(view.action, view.parameters)[0]
    return Submitted(view.task_id, _status(view), name)


def task(view: TaskView) -> Task:
    """An action that the earlier system did not have keeps its own name and parameters."""
    action_type, parameters = action_of(view.action, view.parameters)
    return Task(
        task_id=view.task_id,
        action_type=action_type,
        parameters=parameters,
        operator_user=view.operator_user,
        status=_status(view),
        created_at=timestamp(view.created_at),
        started_at=_moment(view.started_at),
        finished_at=_moment(view.finished_at),
        error=(view.reason or view.outcome or "failed") if view.status == "failed" else None,
        result=view.result,
        retry_count=view.retry_count,
        outcome=view.outcome,
    )


def status(view: InputView) -> QueueStatus:
    x, y = view.pointer or (None, None)
    return QueueStatus(
        queue_size=view.queue_size,
        screen_size=Size(view.screen_width, view.screen_height),
        mouse_position=Position(x, y),
        recent_tasks=tuple(task(one) for one in view.recent),
    )


def in_their_words(problem: ProblemError) -> ProblemError:
    """Scripts of that system look for `disabled` in the detail of a closed gate."""
    if problem.code not in _DISABLED:
        return problem
    detail = f"input control is disabled: {problem.detail or problem.title}"
    return ProblemError(problem.status, problem.title, detail, problem.hint, problem.code)


def action_of(action: str, parameters: Parameters) -> tuple[str, Parameters]:
    """The action as that system names it: `left_click` is `click`."""
    return _WAYS[action](parameters) if action in _WAYS else (action, parameters)


def _status(view: TaskView) -> str:
    return _STATUS.get(view.status, view.status)


def _moment(at: float | None) -> str | None:
    return None if at is None else timestamp(at)


def _place(parameters: Parameters) -> Parameters:
    """`x` and `y` in the numbers that were given; nothing for an action at the pointer."""
    point = parameters.get("at")
    return {"x": point["x"], "y": point["y"]} if isinstance(point, dict) else {}


def _click(button: str, clicks: int) -> Callable[[Parameters], tuple[str, Parameters]]:
    return lambda given: ("click", {**_place(given), "button": button, "clicks": clicks})


def _key(given: Parameters) -> tuple[str, Parameters]:
    keys, presses = given.get("keys", ""), given.get("presses", 1)
    if "+" in keys[:-1] and presses == 1:
        return "hotkey", {"keys": keys.split("+")}
    return "press_key", {"key": keys, "presses": presses}


def _drag(given: Parameters) -> tuple[str, Parameters]:
    """That system drags by a distance from the pointer, and knows no path."""
    points = given["points"]
    if not given.get("relative") or len(points) != 2:
        return "drag_path", given
    start, end = points
    distance = {axis: end[axis] - start[axis] for axis in ("x", "y")}
    return "drag", {**distance, "duration": given.get("duration_s", 0), "button": given.get("button", "left")}


_WAYS: Mapping[str, Callable[[Parameters], tuple[str, Parameters]]] = {
    "left_click": _click("left", 1),
    "middle_click": _click("middle", 1),
    "triple_click": _click("left", 3),
    "right_click": lambda given: ("right_click", _place(given)),
    "double_click": lambda given: ("double_click", _place(given)),
    "mouse_move": lambda given: ("move_to", {**_place(given), "duration": given.get("duration_s", 0)}),
    "type": lambda given: ("type_text", {"text": given.get("text"), "interval": given.get("interval_s", 0)}),
    "key": _key,
    "scroll": lambda given: ("scroll", {"amount": -given.get("dy", 0), **_place(given)}),
    "drag_path": _drag,
}
