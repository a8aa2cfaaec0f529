"""What happens on the link to the collaboration server: a part of the closed set of `events.py`.

Contents of messages are in no event, only their first words; tokens are nowhere. Causes are whole phrases in words.
"""

from typing import ClassVar, Literal

from aurora_desktop.core.event import Event

LinkState = Literal["offline", "connecting", "authenticating", "online", "degraded", "backing_off", "refused"]


class LinkStateChanged(Event, frozen=True):
    """`attempt` counts those since it was last online; `next_attempt_in_s` None where none is planned."""

    previous: LinkState
    state: LinkState
    cause: str
    hint: str = ""
    attempt: int = 0
    next_attempt_in_s: float | None = None


class LinkSessionChanged(Event, frozen=True):
    """Another session at the server; `session` is its short identifier, `previous` that of the one before it."""

    session: str
    cause: str
    previous: str = ""


class LinkMessageReceived(Event, frozen=True):
    """A message, told once. `task_id`: the task that was made of it; `cause`: why none was, where it asked for one."""

    message_id: str
    sender: str
    kind: str
    summary: str
    task_id: str = ""
    cause: str = ""


class LinkMessageFailed(Event, frozen=True):
    """A message of ours is not sent any more: it lies with the dead letters."""

    error: ClassVar[bool] = True

    key: str
    recipient: str
    cause: str
    tries: int = 0


class LinkWarning(Event, frozen=True):
    """Something about the link that one should know: told once for each `topic` while it lasts.

    `needs_operator`: only a person can mend it, and may not know of it yet.
    """

    topic: str
    detail: str
    hint: str = ""
    needs_operator: bool = False
