"""What a remedy may touch. There is no way in here to end a process that Aurora did not start."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.supervisor.view import ServiceView


class Ran(Struct, frozen=True):
    """A command that ended, or (`code` None) did not within its time; `output` is the end of what it printed."""

    code: int | None
    output: str

    @property
    def ok(self) -> bool:
        return self.code == 0


class Holder(Struct, frozen=True):
    """A process that holds a port, a file or a lock.

    `is_stray`: Aurora started it for a service, and it belongs to no service's present tree, so that it may be ended.
    `service`: whose stray it is, or to whose present tree it belongs; "" for what Aurora did not start.
    """

    pid: int
    program: str
    is_stray: bool
    service: str = ""
    started: int = 0
    """With the pid, who it is: in the platform's own unit, as `ProcessInfo.started`."""


class Tended(Protocol):
    """The services as the supervisor has them, and whether anything may be done to one now (see `Tending`)."""

    def names(self) -> tuple[str, ...]: ...

    def definition(self, name: str) -> Service | None: ...

    def view(self, name: str) -> ServiceView | None: ...

    def is_up(self, name: str) -> bool: ...

    def why_not(self, name: str) -> str:
        """Why nothing may be done to it, in words; "" when it may."""
        ...


class Yard(Protocol):
    """All calls on the loop's thread."""

    @property
    def clock(self) -> Clock: ...

    def service(self, name: str) -> Service | None:
        """Its definition, or None when the settings do not have it (any more)."""
        ...

    def view(self, name: str) -> ServiceView | None: ...

    def folder(self, name: str) -> Path:
        """The folder that the service runs in."""
        ...

    def environment(self, name: str) -> Mapping[str, str]:
        """The environment that the service is started with; its values are never told."""
        ...

    def restart(self, name: str, cause: str) -> None:
        """Restart the service at once, whatever its backoff; told as done by healing. Raises AuroraError."""
        ...

    def set_environment(self, name: str, variable: str, value: str | None) -> None:
        """From its next start on, until Aurora ends or (None) it is taken back."""
        ...

    def raise_descriptor_limit(self, name: str) -> int | None:
        """Let the service open as many files as the system allows from its next start on; the limit, or None."""
        ...

    async def holders_of_port(self, port: int) -> list[Holder]: ...

    async def holders_of_file(self, path: Path) -> list[Holder]:
        """Those that have it open or hold a lock on it."""
        ...

    async def end_stray(self, holder: Holder) -> bool:
        """End it; False, and nothing is done, unless it still is a stray of ours at that moment."""
        ...

    async def run(self, name: str, command: Sequence[str], timeout_s: float, *, in_folder: Path | None = None) -> Ran:
        """A command in the service's folder and environment; its whole tree is ended when the time is over."""
        ...

    async def until_well(self, name: str, timeout_s: float, stays_s: float) -> bool:
        """Whether the service comes up within the time, and then stays up so long."""
        ...
