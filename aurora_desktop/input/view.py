"""What the input agent shows of itself and what may be asked of it."""

from typing import Any, Literal, Protocol

from msgspec import Struct

from aurora_desktop.input.actions import Action
from aurora_desktop.safety.view import ControlView

Status = Literal["queued", "running", "retrying", "completed", "failed"]
Outcome = Literal["refused", "not_started", "done", "partial", "uncertain"]

HISTORY_KEPT = 50


class Submission(Struct, frozen=True, kw_only=True):
    """An action to be queued. `task_id`: chosen by the caller, refused if it was used before; "" for a new one."""

    action: Action
    task_id: str = ""
    agent: str = ""
    operator_user: str = ""


class TaskView(Struct, frozen=True, kw_only=True):
    """One input task. Times are Unix seconds. `parameters` never holds secret text.

    `result`: what the action gave back (`cursor_position`: x, y; `screenshot`, `zoom`: id, path, width, height;
    `list_windows`: windows).
    `evidence`: files of the screenshots before and after. `places`: where the pointer will act, in desktop pixels,
    once that is decided.
    """

    task_id: str
    action: str
    parameters: dict[str, Any]
    status: Status
    outcome: Outcome | None = None
    agent: str = ""
    operator_user: str = ""
    created_at: float
    started_at: float | None = None
    finished_at: float | None = None
    duration_s: float | None = None
    events: int = 0
    retry_count: int = 0
    reason: str = ""
    human_active: bool = False
    result: dict[str, Any] | None = None
    evidence: tuple[str, ...] = ()
    sentence: str = ""
    places: tuple[tuple[int, int], ...] = ()


class Display(Struct, frozen=True):
    """One display: stable id (its connector's or monitor's name) and its rectangle in desktop pixels."""

    id: str
    x: int
    y: int
    width: int
    height: int
    scale: float = 1.0
    primary: bool = False


class InputView(Struct, frozen=True, kw_only=True):
    """The queue and what is around it. `recent`: newest first, at most HISTORY_KEPT; `pointer`: where it was when an
    action last began."""

    control: ControlView
    queue_size: int
    queue_limit: int
    running: TaskView | None = None
    queued: tuple[TaskView, ...] = ()
    recent: tuple[TaskView, ...] = ()
    displays: tuple[Display, ...] = ()
    screen_width: int = 0
    screen_height: int = 0
    pointer: tuple[int, int] | None = None
    backend: str = ""


class Question(Struct, frozen=True, kw_only=True):
    """In the mode `ask`: what an agent wants to do; `places` in desktop pixels; `picture`: a file, or "".

    `text`: what would be typed, "" where there is none or it is secret.
    """

    task_id: str
    agent: str
    sentence: str
    text: str = ""
    places: tuple[tuple[int, int], ...] = ()
    picture: str = ""
    picture_left: int = 0
    picture_top: int = 0


class InputFace(Protocol):
    """The public face of the input agent; all calls on the loop's thread."""

    def submit(self, submission: Submission) -> TaskView:
        """Queue an action. Raises InputRefusedError (an AuroraError with `code`) when it is refused at once."""
        ...

    def view(self) -> InputView: ...

    def task(self, task_id: str) -> TaskView:
        """One task of the queue or the history. Raises UnknownTaskError."""
        ...

    async def finished(self, task_id: str) -> TaskView:
        """The task, once it is over."""
        ...

    def cancel(self, task_id: str, source: str) -> bool:
        """Take a task out of the queue, or stop it between two events; False when it was over already."""
        ...
