"""What is found to be ill, what is done about it, and who is told: a part of the closed set of `events.py`.

Causes are whole phrases in words; secrets are masked before they come here.
"""

from typing import ClassVar, Literal

from aurora_desktop.core.event import Event

RemedyOutcome = Literal["worked", "failed", "undone", "undo_failed", "refused"]
MachineResource = Literal["cpu", "memory", "disk"]
PredictionKind = Literal["memory_leak", "disk_full", "descriptor_growth", "error_rate", "restart_rate"]


class AgentStalled(Event, frozen=True):
    """Alive, and no sign of work for `silent_s` seconds; `source` was the last that showed any.

    `proactive`: only the gentle threshold is passed yet.
    """

    recovery: ClassVar[bool] = True
    error: ClassVar[bool] = True

    source: str
    silent_s: float
    cause: str
    proactive: bool = False


class AgentResumed(Event, frozen=True):
    """It works again, as `source` shows, after `stalled_s` seconds."""

    recovery: ClassVar[bool] = True

    source: str
    stalled_s: float
    cause: str


class WatchTrouble(Event, frozen=True):
    """Something that is needed to watch agents cannot be read: a workspace, `agents.root`, `orchestration.yml`.

    Told once, and once more when it is over (`recovered`).
    """

    detail: str
    hint: str = ""
    recovered: bool = False


class FaultDiagnosed(Event, frozen=True):
    """A failure was recognised: `kind` is its short name; `signature` its message with what varies folded out.

    `remedies` are the names of what may help, gentlest first; without any, `next_step` says what to do.
    """

    recovery: ClassVar[bool] = True

    failure_id: int
    kind: str
    cause: str
    signature: str
    remedies: tuple[str, ...] = ()
    next_step: str = ""


class RemedyStarted(Event, frozen=True):
    recovery: ClassVar[bool] = True

    failure_id: int
    remedy: str
    attempt: int
    cause: str


class RemedyFinished(Event, frozen=True):
    """`worked` only when the verification saw that it helped, not when the remedy merely ran."""

    recovery: ClassVar[bool] = True

    failure_id: int
    remedy: str
    outcome: RemedyOutcome
    cause: str
    duration_s: float


class RemedyOffered(Event, frozen=True):
    """A remedy waits for the operator's word in the window; `command` is exactly what would run, if anything."""

    recovery: ClassVar[bool] = True

    offer_id: int
    failure_id: int
    remedy: str
    cause: str
    command: tuple[str, ...] = ()


class OfferClosed(Event, frozen=True):
    """The operator accepted or declined an offer, or it is of no use any more."""

    recovery: ClassVar[bool] = True

    offer_id: int
    answer: Literal["accepted", "declined", "expired"]


class Escalated(Event, frozen=True):
    """Healing gave up after `attempts` and rests until the operator acts."""

    recovery: ClassVar[bool] = True
    error: ClassVar[bool] = True

    cause: str
    attempts: int
    hint: str = ""


class EscalationCleared(Event, frozen=True):
    recovery: ClassVar[bool] = True

    by: str


class ResourceBreached(Event, frozen=True):
    """The machine is over a limit, lastingly: `value` and `limit` in percent; `cause` also says what may be done."""

    recovery: ClassVar[bool] = True
    error: ClassVar[bool] = True

    resource: MachineResource
    value: float
    limit: float
    lasting_s: float
    cause: str


class ResourceRelieved(Event, frozen=True):
    recovery: ClassVar[bool] = True

    resource: MachineResource
    value: float
    cause: str


class SpaceFreed(Event, frozen=True):
    """Logs were compressed or old temporary files removed: `freed_bytes` in `files` files."""

    recovery: ClassVar[bool] = True

    freed_bytes: int
    files: int
    cause: str


class Predicted(Event, frozen=True):
    """If it goes on like this, `kind` happens at `due` (Unix time); `confidence` from 0 to 1. Advice alone."""

    kind: PredictionKind
    due: float
    confidence: float
    cause: str
    advice: str = ""


class PredictionWithdrawn(Event, frozen=True):
    """It did not go on like this; `came_true`: it had happened before."""

    kind: PredictionKind
    cause: str
    came_true: bool = False


class TuningProposed(Event, frozen=True):
    """Measurements suggest another value of a setting; it waits for the operator's word."""

    proposal_id: int
    setting: str
    old: str
    new: str
    cause: str


class TuningEnded(Event, frozen=True):
    """A proposal was applied, declined, kept after its trial, or taken back because the outcome was worse."""

    recovery: ClassVar[bool] = True

    proposal_id: int
    setting: str
    result: Literal["applied", "declined", "kept", "taken_back"]
    cause: str


class ErrorsAccumulated(Event, frozen=True):
    """`count` errors of this component within `window_s` seconds; `cause` is the newest of them."""

    recovery: ClassVar[bool] = True

    count: int
    window_s: float
    cause: str


class AddressExposed(Event, frozen=True):
    """The address of a channel for alerts has a secret that lies where it is less safe than in a keyring."""

    channel: str
    cause: str
    hint: str = ""


class AlertSent(Event, frozen=True):
    """An alert reached a channel after `tries`."""

    channel: str
    kind: str
    cause: str
    tries: int = 1


class AlertFailed(Event, frozen=True):
    """An alert did not reach a channel, and is not tried again."""

    error: ClassVar[bool] = True

    channel: str
    kind: str
    cause: str
    tries: int = 1
