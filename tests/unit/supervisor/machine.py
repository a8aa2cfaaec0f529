"""A machine whose processes a test makes up."""

from collections.abc import Iterable, Mapping

from aurora_desktop.supervisor.processes import SERVICE_MARKER, SPAWN_MARKER, STATE_MARKER, ProcessInfo


def process(
    pid: int,
    *,
    parent: int = 1,
    session: int | None = None,
    started: int = 1,
    program: str = "program",
    is_zombie: bool = False,
    is_stopped: bool = False,
    cpu_s: float = 0.0,
    memory_bytes: int = 0,
) -> ProcessInfo:
    """A process, leader of its own session unless said otherwise."""
    session = pid if session is None else session
    return ProcessInfo(pid, parent, session, started, program, is_zombie, is_stopped, cpu_s, memory_bytes)


def marks(marker: str, service: str = "web", state: str = "state") -> dict[str, str]:
    """The environment of a service's process."""
    return {SPAWN_MARKER: marker, STATE_MARKER: state, SERVICE_MARKER: service}


class FakeTable:
    """A process table that holds what was put into it."""

    def __init__(self, *infos: ProcessInfo) -> None:
        self.infos = {info.pid: info for info in infos}
        self.environments: dict[int, Mapping[str, str]] = {}
        self.boot = "this boot"
        self.proportional: int | None = None

    def put(self, info: ProcessInfo, environment: Mapping[str, str] | None = None) -> ProcessInfo:
        self.infos[info.pid] = info
        if environment is not None:
            self.environments[info.pid] = environment
        return info

    def remove(self, pid: int) -> None:
        del self.infos[pid]

    def read(self, pid: int) -> ProcessInfo | None:
        return self.infos.get(pid)

    def all(self) -> dict[int, ProcessInfo]:
        return dict(self.infos)

    def environment(self, pid: int) -> Mapping[str, str]:
        return self.environments.get(pid, {})

    def children(self, pid: int) -> tuple[int, ...]:
        return tuple(info.pid for info in self.infos.values() if info.parent == pid)

    def boot_id(self) -> str:
        return self.boot

    def age_s(self, pid: int) -> float:
        return 100.0 - self.infos[pid].started

    def proportional_bytes(self, pids: Iterable[int]) -> int:
        if self.proportional is not None:
            return self.proportional
        return sum(self.infos[pid].memory_bytes for pid in pids)
