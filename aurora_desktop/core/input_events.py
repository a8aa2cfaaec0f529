"""What happens to mouse and keyboard, and what agents do with them: a part of the closed set of `events.py`."""

from typing import ClassVar, Literal

from aurora_desktop.core.event import Event


class ControlArmed(Event, frozen=True):
    """The operator gave agents mouse and keyboard until `until` (Unix time in seconds)."""

    mode: Literal["act", "ask", "dry_run"]
    until: float


class ControlDisarmed(Event, frozen=True):
    """Control was taken back, without a latch: it ran out, was given up, or a part of the chain was lost."""

    reason: str


class ControlRequested(Event, frozen=True):
    """An agent asks the operator for mouse and keyboard; `reason` in the agent's own words."""

    agent: str
    reason: str = ""


class ControlRequestAnswered(Event, frozen=True):
    """What became of it: the operator armed or declined, or nobody answered; or it was `closed`, `latched`."""

    agent: str
    decision: Literal[
        "armed", "declined", "unanswered", "withdrawn", "refused", "closed", "latched", "busy", "too_soon"
    ]
    detail: str = ""


class EmergencyStopped(Event, frozen=True):
    """Everything was stopped: `latency_ms` from the first sign to nothing held; `released` keys and buttons."""

    recovery: ClassVar[bool] = True
    error: ClassVar[bool] = True

    source: str
    latency_ms: float
    released: int = 0
    frozen: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    detail: str = ""


class EmergencyReset(Event, frozen=True):
    """The operator cleared the latch; nothing is resumed by it."""

    recovery: ClassVar[bool] = True

    by: str


class StopChannelLost(Event, frozen=True):
    """The panic hotkey cannot be relied on: the gate is closed until it can."""

    recovery: ClassVar[bool] = True
    error: ClassVar[bool] = True

    detail: str
    hint: str = ""


class StopChannelRecovered(Event, frozen=True):
    recovery: ClassVar[bool] = True

    detail: str = ""


class WorkerCrashed(Event, frozen=True):
    """A worker process ended unasked. `restart_count` counts since Aurora started."""

    recovery: ClassVar[bool] = True
    error: ClassVar[bool] = True

    error_text: str
    restart_count: int


class WorkerRestarting(Event, frozen=True):
    recovery: ClassVar[bool] = True

    restart_count: int


class InputFinished(Event, frozen=True):
    """An input task came to its end; `reason` in words unless it was simply done."""

    task_id: str
    action: str
    status: Literal["completed", "failed"]
    outcome: Literal["refused", "not_started", "done", "partial", "uncertain"]
    agent: str = ""
    reason: str = ""
    duration_s: float = 0.0


class HumanActive(Event, frozen=True):
    """The operator used mouse or keyboard while an agent acted, and it was paused (or goes on again)."""

    active: bool


class AuditFailing(Event, frozen=True):
    """The audit log cannot be written: the gate is closed."""

    error: ClassVar[bool] = True

    path: str
    detail: str


class AuditAltered(Event, frozen=True):
    """The audit log is not as Aurora left it: somebody changed, cut or removed it. A new chain tells so."""

    recovery: ClassVar[bool] = True
    error: ClassVar[bool] = True

    path: str
    detail: str
