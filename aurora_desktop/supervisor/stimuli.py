"""What can happen to a service (stimuli) and what can be done about it (effects): the words of the policy."""

from msgspec import Struct

from aurora_desktop.core.events import FailureKind
from aurora_desktop.supervisor.outcome import Outcome

# --- stimuli: what happened -------------------------------------------------------------------------------------


class Start(Struct, frozen=True):
    """Wanted from now on; by the operator it also forgets the count of restarts."""

    cause: str


class Stop(Struct, frozen=True):
    """Not wanted any more; with `hold` it goes on waiting for its dependencies instead."""

    cause: str
    hold: bool = False


class Restart(Struct, frozen=True):
    cause: str


class Heal(Struct, frozen=True):
    """Restart it at once, whatever its backoff: by healing, so that its earlier restarts are not forgotten."""

    cause: str


class DependenciesChanged(Struct, frozen=True):
    pass


class Spawned(Struct, frozen=True):
    pass


class SpawnFailed(Struct, frozen=True):
    """`permanent`: trying again cannot help until somebody mends it."""

    cause: str
    hint: str = ""
    permanent: bool = True


class Adopted(Struct, frozen=True):
    """Its process of an earlier Aurora was found; `ready` as it was noted then, `up_since` when it was spawned."""

    ready: bool
    up_since: float


class Started(Struct, frozen=True):
    """The startup probe succeeded, or READY=1 came while a readiness probe is still to decide."""


class Ready(Struct, frozen=True):
    """The readiness probe succeeds, or READY=1 came and there is no readiness probe."""


class NotReady(Struct, frozen=True):
    cause: str


class Unwell(Struct, frozen=True):
    """Alive, and to be replaced."""

    kind: FailureKind
    cause: str


class Exited(Struct, frozen=True):
    """The main process ended; `strays` processes of its tree are still there."""

    outcome: Outcome
    strays: int = 0


class TreeGone(Struct, frozen=True):
    """No process of it is left."""


class TimerDue(Struct, frozen=True):
    pass


class Resumed(Struct, frozen=True):
    """Supervision goes on after a pause."""


class Freeze(Struct, frozen=True):
    cause: str


class Thaw(Struct, frozen=True):
    cause: str


Stimulus = (
    Start | Stop | Restart | Heal | DependenciesChanged | Spawned | SpawnFailed | Adopted | Started | Ready | NotReady
    | Unwell | Exited | TreeGone | TimerDue | Resumed | Freeze | Thaw
)  # fmt: skip

# --- effects: what to do ----------------------------------------------------------------------------------------


class Spawn(Struct, frozen=True):
    pass


class Terminate(Struct, frozen=True):
    """Send `kill_signal` to the whole tree and report `TreeGone` once nothing is left of it."""


class Kill(Struct, frozen=True):
    """SIGKILL the whole tree and report `TreeGone` once nothing is left of it."""


class Suspend(Struct, frozen=True):
    """SIGSTOP the whole tree."""


class Continue(Struct, frozen=True):
    """SIGCONT the whole tree."""


class TellFailed(Struct, frozen=True):
    kind: FailureKind
    cause: str
    outcome: Outcome | None = None


class TellRestarting(Struct, frozen=True):
    attempt: int
    delay_s: float
    cause: str


class TellRecovered(Struct, frozen=True):
    attempts: int
    downtime_s: float
    cause: str


class TellDegraded(Struct, frozen=True):
    cause: str
    attempts: int
    retry_s: float


class TellGaveUp(Struct, frozen=True):
    cause: str
    hint: str


Effect = (
    Spawn | Terminate | Kill | Suspend | Continue
    | TellFailed | TellRestarting | TellRecovered | TellDegraded | TellGaveUp
)  # fmt: skip
