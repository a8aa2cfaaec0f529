"""Everything that happens, as one closed set of typed events.

The journal stores them, the window shows them, the API pushes them and the heartbeat counts them.
`at` is Unix time in seconds; `component` is `service:<name>`, `agent:<name>`, `worker:<name>`, `coordinator`,
`input_agent`, `guard`, `heartbeat`, `machine`, `link` or `aurora`.
Causes are whole phrases in words. No event carries the value of an environment variable or of a secret.
"""

from typing import ClassVar, Literal

import msgspec

from aurora_desktop.core.event import Event
from aurora_desktop.core.link_events import (
    LinkMessageFailed,
    LinkMessageReceived,
    LinkSessionChanged,
    LinkStateChanged,
    LinkWarning,
)
from aurora_desktop.core.task_events import (
    AgentAvailable,
    AgentUnavailable,
    ApprovalAnswered,
    ApprovalAsked,
    BudgetReached,
    TaskFinished,
    TaskStateChanged,
    TaskSubmitted,
    TaskUncertain,
)

FailureKind = Literal["exit", "spawn", "start_timeout", "startup", "liveness", "watchdog", "memory", "stall"]
RemedyOutcome = Literal["worked", "failed", "undone", "undo_failed", "refused"]
MachineResource = Literal["cpu", "memory", "disk"]
PredictionKind = Literal["memory_leak", "disk_full", "descriptor_growth", "error_rate", "restart_rate"]
ProbeKind = Literal["startup", "readiness", "liveness"]
OperatorVerb = Literal["start", "stop", "restart", "pause", "resume", "quit"]
Verdict = Literal["healthy", "degraded", "unhealthy"]


class AuroraStarted(Event, frozen=True):
    version: str
    pid: int
    mode: Literal["desktop", "headless"]


class AuroraStopping(Event, frozen=True):
    reason: str


class AuroraStopped(Event, frozen=True):
    reason: str
    uptime_s: float


class OperatorCommand(Event, frozen=True):
    """The operator asked for something; `source` is `window`, `tray`, or `command` for whatever speaks to the API."""

    command: OperatorVerb
    source: str

    @property
    def is_by_hand(self) -> bool:
        """Whether it was the operator for certain: behind a command there may be a script, or an agent."""
        return self.source in ("window", "tray")


class ServiceStateChanged(Event, frozen=True):
    previous: str
    state: str
    cause: str
    pid: int | None = None


class ServiceFailed(Event, frozen=True):
    """A service ended or was found unwell; `log_tail` holds the last lines that it printed."""

    recovery: ClassVar[bool] = True
    error: ClassVar[bool] = True

    kind: FailureKind
    cause: str
    pid: int | None = None
    exit_code: int | None = None
    signal: str | None = None
    uptime_s: float = 0.0
    log_tail: tuple[str, ...] = ()


class ServiceRestarting(Event, frozen=True):
    """Attempt `attempt` (1 is the first) to bring the service back, `delay_s` seconds from now."""

    recovery: ClassVar[bool] = True

    attempt: int
    delay_s: float
    cause: str


class ServiceRecovered(Event, frozen=True):
    """Up again after `attempts` restarts and `downtime_s` seconds."""

    recovery: ClassVar[bool] = True

    attempts: int
    downtime_s: float
    cause: str


class ServiceDegraded(Event, frozen=True):
    """The restart budget is spent; tried again every `retry_s` seconds at the most."""

    recovery: ClassVar[bool] = True
    error: ClassVar[bool] = True

    cause: str
    attempts: int
    retry_s: float


class ServiceGaveUp(Event, frozen=True):
    """Cannot start, or ended and is not to be restarted; `hint` says how to mend it."""

    recovery: ClassVar[bool] = True
    error: ClassVar[bool] = True

    cause: str
    hint: str = ""


class ServiceAdopted(Event, frozen=True):
    """Found running from an earlier Aurora and taken over, same pid."""

    recovery: ClassVar[bool] = True

    pid: int
    uptime_s: float


class StrayEnded(Event, frozen=True):
    """A process that a service left behind was ended."""

    recovery: ClassVar[bool] = True

    pid: int
    program: str


class LimitWarning(Event, frozen=True):
    """Memory in bytes or CPU in percent of one core came near to or over `limit`."""

    recovery: ClassVar[bool] = True

    resource: Literal["memory", "cpu"]
    value: float
    limit: float
    cause: str


class ProbeFailing(Event, frozen=True):
    """Told once when a probe begins to fail, and once (`recovered`) when it succeeds again."""

    probe: ProbeKind
    detail: str
    recovered: bool = False


class SupervisionPaused(Event, frozen=True):
    paused: bool


class Stalled(Event, frozen=True):
    """Aurora itself stood still for `stall_s` seconds; every child's deadline was moved on by as much."""

    stall_s: float


class ClockJumped(Event, frozen=True):
    """The wall clock moved by `delta_s` seconds against the monotonic one: set by hand, or a suspend."""

    delta_s: float


class Heartbeat(Event, frozen=True):
    """The periodic snapshot: `missed` beats lost to a stall, `slept_s` seconds of suspend.

    `memory_bytes` (resident) and `cpu_percent` (of one core) are Aurora's own; `services` counts them by state.
    `link`: the state of the link to the collaboration server; `link_waiting` messages are still to be sent.
    """

    uptime_seconds: float
    verdict: Verdict
    sentence: str
    lag_ms: float
    missed: int
    error_counts: dict[str, int]
    recent_recovery_events: tuple[dict[str, object], ...]
    services: dict[str, int]
    memory_bytes: int
    cpu_percent: float
    slept_s: float = 0.0
    link: str = "off"
    link_latency_ms: float = 0.0
    link_waiting: int = 0


class SettingsApplied(Event, frozen=True):
    """The services that were added, changed and removed; `waiting`: what loosens safety and is not in force yet."""

    path: str
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


class SettingsRefused(Event, frozen=True):
    """The changed file has errors; the last good settings stay in force."""

    error: ClassVar[bool] = True

    path: str
    problems: tuple[str, ...]


class StorageFailing(Event, frozen=True):
    """A file of ours cannot be written; told once until `StorageRecovered`. `what` is lost or waits, in words."""

    error: ClassVar[bool] = True

    path: str
    detail: str
    what: str = "events"


class StorageRecovered(Event, frozen=True):
    path: str
    kept: int
    dropped: int


class StorageQuarantined(Event, frozen=True):
    """A damaged file was moved aside, never deleted, and a new one begun.

    `restored_from`: what the new one was made of, in words; "" if it is empty. `lost`: what is not in it any more.
    """

    error: ClassVar[bool] = True

    path: str
    moved_to: str
    reason: str
    restored_from: str = ""
    lost: str = ""


class BackupMade(Event, frozen=True):
    """A backup of the state was made, and restored for a test. `trouble`: why the second folder has it not."""

    backup_id: str
    reason: str
    size_bytes: int
    duration_s: float
    trouble: str = ""


class BackupFailed(Event, frozen=True):
    """A backup could not be made; told once until one is made again."""

    error: ClassVar[bool] = True

    detail: str
    hint: str = ""


class DamageFound(Event, frozen=True):
    """A file or a backup was found damaged while Aurora ran; `remedy` says what becomes of it."""

    error: ClassVar[bool] = True

    path: str
    detail: str
    remedy: str


class LogDropped(Event, frozen=True):
    """Output of a service was lost: its log was over its limit and the disk had no room to keep a copy."""

    dropped_bytes: int
    detail: str


class PartFailed(Event, frozen=True):
    """A part of Aurora itself failed; the others go on."""

    error: ClassVar[bool] = True

    detail: str


class ApiPortTrouble(Event, frozen=True):
    """The local API cannot open its port, and tries again; where there is a Unix socket, that serves meanwhile.

    Told once, and once more when it is over (`recovered`).
    """

    detail: str
    hint: str = ""
    recovered: bool = False


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


AnyEvent = (
    AuroraStarted
    | AuroraStopping
    | AuroraStopped
    | OperatorCommand
    | ServiceStateChanged
    | ServiceFailed
    | ServiceRestarting
    | ServiceRecovered
    | ServiceDegraded
    | ServiceGaveUp
    | ServiceAdopted
    | StrayEnded
    | LimitWarning
    | ProbeFailing
    | SupervisionPaused
    | Stalled
    | ClockJumped
    | Heartbeat
    | SettingsApplied
    | SettingsRefused
    | StorageFailing
    | StorageRecovered
    | StorageQuarantined
    | BackupMade
    | BackupFailed
    | DamageFound
    | LogDropped
    | PartFailed
    | ApiPortTrouble
    | ControlArmed
    | ControlDisarmed
    | ControlRequested
    | ControlRequestAnswered
    | EmergencyStopped
    | EmergencyReset
    | StopChannelLost
    | StopChannelRecovered
    | WorkerCrashed
    | WorkerRestarting
    | InputFinished
    | HumanActive
    | AuditFailing
    | AuditAltered
    | AgentStalled
    | AgentResumed
    | WatchTrouble
    | FaultDiagnosed
    | RemedyStarted
    | RemedyFinished
    | RemedyOffered
    | OfferClosed
    | Escalated
    | EscalationCleared
    | ResourceBreached
    | ResourceRelieved
    | SpaceFreed
    | Predicted
    | PredictionWithdrawn
    | TuningProposed
    | TuningEnded
    | ErrorsAccumulated
    | AddressExposed
    | AlertSent
    | AlertFailed
    | TaskSubmitted
    | TaskStateChanged
    | TaskFinished
    | TaskUncertain
    | ApprovalAsked
    | ApprovalAnswered
    | BudgetReached
    | AgentUnavailable
    | AgentAvailable
    | LinkStateChanged
    | LinkSessionChanged
    | LinkMessageReceived
    | LinkMessageFailed
    | LinkWarning
)


class Record(msgspec.Struct, frozen=True):
    """An event with its place in the stream: `id` grows by one with each event, over restarts too."""

    id: int
    event: AnyEvent


SERVICE_PREFIX = "service:"
AGENT_PREFIX = "agent:"
WORKER_PREFIX = "worker:"
"""Also how the supervisor's names of workers begin; no name of a service can hold a colon."""


def service_component(name: str) -> str:
    """The component of the service `name`; a worker is its own component."""
    return name if name.startswith(WORKER_PREFIX) else SERVICE_PREFIX + name


def agent_component(name: str) -> str:
    """The component of the watched agent `name`."""
    return AGENT_PREFIX + name
