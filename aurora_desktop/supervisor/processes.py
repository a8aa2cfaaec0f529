"""Reading the machine's processes: raw `/proc` on Linux (100 trees in about 1 ms), psutil elsewhere.

A process is identified by pid and start time together, since pids are used again. Start times are in units that
differ by platform and only ever compared for equality.
"""

import sys
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

SPAWN_MARKER = "AURORA_SPAWN"
STATE_MARKER = "AURORA_STATE"
SERVICE_MARKER = "AURORA_SERVICE"
PROBE_MARKER = "probe"
"""The AURORA_SPAWN of a probe's command: of a service, and no part of its tree."""


class ProcessInfo(NamedTuple):
    """One process: `session` 0 where there are none, CPU in seconds, memory (resident) in bytes."""

    pid: int
    parent: int
    session: int
    started: int
    program: str
    is_zombie: bool
    is_stopped: bool
    cpu_s: float
    memory_bytes: int


class ProcessTable(Protocol):
    def read(self, pid: int) -> ProcessInfo | None:
        """The process, or `None` when there is none (any more)."""
        ...

    def all(self) -> dict[int, ProcessInfo]: ...

    def environment(self, pid: int) -> Mapping[str, str]:
        """Its environment as it was at exec; empty when it cannot be read."""
        ...

    def children(self, pid: int) -> tuple[int, ...]:
        """Its direct children."""
        ...

    def boot_id(self) -> str:
        """Differs after each boot of the machine."""
        ...

    def age_s(self, pid: int) -> float:
        """Seconds since it was started; 0.0 when unknown."""
        ...

    def proportional_bytes(self, pids: Iterable[int]) -> int:
        """Memory in bytes with shared pages counted once where the platform tells; slower than `memory_bytes`."""
        ...


def process_table() -> ProcessTable:
    """The table of this platform; only the one that is needed is loaded."""
    if sys.platform == "linux":
        from aurora_desktop.supervisor.processes_linux import LinuxProcessTable

        return LinuxProcessTable()
    from aurora_desktop.supervisor.processes_portable import PortableProcessTable

    return PortableProcessTable()
