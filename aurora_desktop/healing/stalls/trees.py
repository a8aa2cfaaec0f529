"""What the process trees of services use: CPU seconds as a growing sum, and network bytes where they are known."""

from collections.abc import Iterable, Mapping

from aurora_desktop.healing.stalls.rule import Token
from aurora_desktop.healing.stalls.sockets import Traffic
from aurora_desktop.supervisor.census import Census, Snapshot
from aurora_desktop.supervisor.processes import ProcessTable
from aurora_desktop.supervisor.tree import Tree

_Identity = tuple[int, int]


class TreeMeter:
    """Of several trees by name. `snapshot` reads the machine (in a thread), `cpu_s` works it out (on the loop)."""

    def __init__(self, table: ProcessTable) -> None:
        self._census = Census(table)
        self._seen: dict[str, tuple[str, dict[_Identity, float]]] = {}
        self._used_s: dict[str, float] = {}
        self._members: dict[str, tuple[int, ...]] = {}

    def snapshot(self) -> Snapshot:
        """With its indexes: the one of markers reads the environment of each process that is new."""
        everyone = self._census.take()
        _ = everyone.by_marker, everyone.by_parent, everyone.by_session
        return everyone

    def cpu_s(self, trees: Mapping[str, Tree], everyone: Snapshot) -> dict[str, float]:
        """CPU seconds used since the first look. A member that ended takes nothing away from what it had used."""
        self._forget_all_but(trees)
        return {name: self._grown(name, tree, everyone) for name, tree in trees.items()}

    def traffic(self, names: Iterable[str], sockets: Traffic) -> dict[str, Token]:
        """For each tree of the last `cpu_s` its sockets and their bytes, as one token. Blocking."""
        found = {name: sockets.of(self._members[name]) for name in names if name in self._members}
        return {name: token for name, token in found.items() if token is not None}

    def _grown(self, name: str, tree: Tree, everyone: Snapshot) -> float:
        members = tree.members(everyone)
        used = {(info.pid, info.started): info.cpu_s for info in members.values()}
        marker, before = self._seen.get(name, ("", {}))
        if marker == tree.marker:
            grown_s = sum(max(0.0, cpu_s - before.get(who, 0.0)) for who, cpu_s in used.items())
            self._used_s[name] = self._used_s.get(name, 0.0) + grown_s
        self._seen[name] = (tree.marker, used)
        self._members[name] = tuple(members)
        return self._used_s.setdefault(name, 0.0)

    def _forget_all_but(self, trees: Mapping[str, Tree]) -> None:
        for name in self._seen.keys() - trees.keys():
            del self._seen[name]
            self._used_s.pop(name, None)
            self._members.pop(name, None)
