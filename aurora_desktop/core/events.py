"""Everything that happens, as one closed set of typed events.

The journal stores them, the window shows them, the API pushes them and the heartbeat counts them.
`at` is Unix time in seconds; `component` is `service:<name>`, `agent:<name>`, `worker:<name>`, `coordinator`,
`input_agent`, `guard`, `heartbeat`, `machine`, `link` or `aurora`.
Causes are whole phrases in words. No event carries the value of an environment variable or of a secret.
"""

from typing import ClassVar, Literal

import msgspec

from aurora_desktop.core.event import Event
from aurora_desktop.core.healing_events import (
    AddressExposed,
    AgentResumed,
    AgentStalled,
    AlertFailed,
    AlertSent,
    ErrorsAccumulated,
    Escalated,
    EscalationCleared,
    FaultDiagnosed,
    OfferClosed,
    Predicted,
    PredictionWithdrawn,
    RemedyFinished,
    RemedyOffered,
    RemedyStarted,
    ResourceBreached,
    ResourceRelieved,
    SpaceFreed,
    TuningEnded,
    TuningProposed,
    WatchTrouble,
)
from aurora_desktop.core.input_events import (
    AuditAltered,
    AuditFailing,
    ControlArmed,
    ControlDisarmed,
    ControlRequestAnswered,
    ControlRequested,
    EmergencyReset,
    EmergencyStopped,
    HumanActive,
    InputFinished,
    StopChannelLost,
    StopChannelRecovered,
    WorkerCrashed,
    WorkerRestarting,
)
from aurora_desktop.core.link_events import (
    LinkMessageFailed,
    LinkMessageReceived,
    LinkSessionChanged,
    LinkStateChanged,
    LinkWarning,
)
from aurora_desktop.core.storage_events import (
    BackupFailed,
    BackupMade,
    DamageFound,
    StorageFailing,
    StorageQuarantined,
    StorageRecovered,
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
