"""What goes in and out of the addresses of tasks, beside the views of `tasks/view.py`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from aurora_desktop.api.shapes import Body, Name
from aurora_desktop.core.task_events import TaskStatus
from aurora_desktop.tasks.task import TaskRequest

MAX_NAMES = 1000
MAX_MESSAGE = 2000

Source = Literal["api", "command"]
"""Who speaks through the door, as the events tell it; the window does not come this way."""


class SubmitRequest(TaskRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TaskRequest as any client may send it: never in the window's name, which may give more permissions."""

    source: Source = "api"


class TaskCommand(Body, frozen=True):
    """The body of cancel, retry and resume."""

    by: Source = "api"


class DenyRequest(Body, frozen=True):
    """`message`: why not, for the agent to read."""

    message: Annotated[str, Meta(max_length=MAX_MESSAGE)] = ""
    by: Source = "api"


class NamesRequest(Body, frozen=True):
    """Agents or workers; none named means all (of workers, those that are not well)."""

    names: Annotated[tuple[Name, ...], Meta(max_length=MAX_NAMES)] = ()
    by: Source = "api"


class ShownReply(Struct, frozen=True):
    """`shown`: false when this Aurora has no screen."""

    shown: bool


STATUSES: tuple[TaskStatus, ...] = (
    "queued",
    "leased",
    "running",
    "waiting_approval",
    "uncertain",
    "completed",
    "error",
    "timeout",
    "cancelled",
    "dead",
)
