"""The status of one service as the policy knows it, and what follows from it alone. Times are monotonic seconds."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.events import FailureKind
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.supervisor.view import State

SETTLE_S = 1.0
"""A service without probes counts as recovered once it stayed up this long."""

AfterStop = Literal["stay", "start", "recover", "hold"]
"""What follows once the whole tree is gone: nothing, a start, the rule for failures, a wait for dependencies."""
ALIVE: frozenset[State] = frozenset({"starting", "running", "ready", "unhealthy", "stopping", "frozen"})


class Status(Struct, frozen=True, kw_only=True):
    """All that the policy knows of one service."""

    state: State = "stopped"
    cause: str = "not started yet"
    hint: str = ""
    wanted: bool = False
    finished: bool = False
    attempts: int = 0
    restarts: int = 0
    restart_times: tuple[float, ...] = ()
    budget_spent: bool = False
    retry_at: float | None = None
    start_deadline: float | None = None
    kill_at: float | None = None
    up_since: float | None = None
    down_since: float | None = None
    after_stop: AfterStop = "stay"
    failure: tuple[FailureKind, str] | None = None
    last_failure: str = ""
    frozen_from: State | None = None
    frozen_at: float = 0.0

    @property
    def is_alive(self) -> bool:
        """Whether a process of it is, or is about to be, there."""
        return self.state in ALIVE

    @property
    def deadline(self) -> float | None:
        """When `TimerDue` is to be fed next, if at all, but for `recovery_deadline`."""
        match self.state:
            case "waiting" | "degraded":
                return self.retry_at
            case "starting" | "running":
                return self.start_deadline
            case "stopping":
                return self.kill_at
        return None


class Blocker(Struct, frozen=True):
    """A dependency that is not up."""

    name: str
    state: State

    @property
    def is_down(self) -> bool:
        """Whether it will not come up by itself soon."""
        return self.state in ("stopped", "failed", "degraded", "frozen")


class Context(Struct, frozen=True, kw_only=True):
    """The circumstances of one step: `jitter` in [0, 1), `blockers` the dependencies that are not up."""

    now: float
    jitter: float = 0.0
    blockers: tuple[Blocker, ...] = ()
    paused: bool = False


def needs_signal_of_readiness(spec: Service) -> bool:
    """Whether being spawned is not enough to be up."""
    return spec.type == "notify" or spec.readiness_probe is not None or spec.startup_probe is not None


def is_up(status: Status, spec: Service) -> bool:
    """Whether dependents may start."""
    if spec.type == "oneshot":
        return status.finished
    if spec.type == "notify" or spec.readiness_probe is not None:
        return status.state == "ready"
    return status.state in ("running", "ready")


def recovery_deadline(status: Status, spec: Service) -> float | None:
    """When a service that is up is to be told recovered, or its count of restarts forgotten."""
    if status.up_since is None or status.attempts == 0 or status.state not in ("running", "ready"):
        return None
    if status.down_since is not None:
        return status.up_since + (0.0 if needs_signal_of_readiness(spec) else SETTLE_S)
    return status.up_since + spec.restart_reset_after_sec


def next_deadline(status: Status, spec: Service) -> float | None:
    """The earlier of both deadlines."""
    times = [t for t in (status.deadline, recovery_deadline(status, spec)) if t is not None]
    return min(times, default=None)


def shift(status: Status, stall_s: float) -> Status:
    """Move on what is held against the child by the time that we ourselves stood still."""
    start = None if status.start_deadline is None else status.start_deadline + stall_s
    kill = None if status.kill_at is None else status.kill_at + stall_s
    return replace(status, start_deadline=start, kill_at=kill)
