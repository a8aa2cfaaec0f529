"""What the supervisor shows of itself: plain values that the window, the API and the heartbeat read."""

from typing import Literal, Protocol

from msgspec import Struct

State = Literal[
    "stopped", "waiting", "starting", "running", "ready", "unhealthy", "stopping", "degraded", "failed", "frozen"
]  # fmt: skip
Check = Literal["ok", "warn", "down", "off"]

CHECKS_KEPT = 60
SAMPLES_KEPT = 60


class ServiceView(Struct, frozen=True, kw_only=True):
    """One service as it is now.

    Memory in bytes and CPU in percent of one core, both over the whole process tree; `None` until sampled
    or while it does not run. Newest last in `checks` (one each `supervisor.check_interval_s`: `ok` up and
    well, `warn` on its way or unwell, `down` should be up and is not, `off` not wanted) and in the histories.
    """

    name: str
    state: State
    cause: str
    pid: int | None = None
    since: float
    uptime_s: float | None = None
    restarts: int = 0
    next_attempt_in_s: float | None = None
    memory_bytes: int | None = None
    memory_max: int | None = None
    cpu_percent: float | None = None
    last_cause: str = ""
    hint: str = ""
    problem: str = ""
    adopted: bool = False
    autostart: bool = True
    type: str = "simple"
    requires: tuple[str, ...] = ()
    program: str = ""
    log_path: str = ""
    healed: tuple[str, ...] = ()
    """What healing changed for its next starts, in words, without values of variables."""
    checks: tuple[Check, ...] = ()
    memory_history: tuple[int, ...] = ()
    cpu_history: tuple[float, ...] = ()

    @property
    def is_problem(self) -> bool:
        """Whether it keeps the whole from being healthy."""
        return bool(self.problem)


class SupervisorFace(Protocol):
    """The public face of the supervisor; all calls on the loop's thread.

    `start`, `stop` and `restart` return once the request is taken, raise `UnknownServiceError` with the
    near-miss for a name that is not there (then nothing was done), and carry `source` (`window`, `tray`
    or `command`) into the journal.
    """

    @property
    def paused(self) -> bool:
        """Whether the operator paused supervision."""
        ...

    def views(self) -> tuple[ServiceView, ...]:
        """Every service, in the order of the settings."""
        ...

    def worker_views(self) -> tuple[ServiceView, ...]:
        """The workers that do tasks: supervised alike, and no services of the operator's."""
        ...

    def view(self, name: str) -> ServiceView: ...

    def start(self, names: tuple[str, ...], source: str) -> None: ...

    def stop(self, names: tuple[str, ...], source: str) -> None: ...

    def restart(self, names: tuple[str, ...], source: str) -> None: ...

    def pause(self, source: str) -> None:
        """Go on watching, but start and restart nothing by itself until `resume`."""
        ...

    def resume(self, source: str) -> None: ...

    async def settled(self, names: tuple[str, ...]) -> None:
        """Wait until each named service is where it was asked to be, or cannot get there."""
        ...
