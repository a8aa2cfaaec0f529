"""The marked services: frozen or stopped with their whole trees, out of the table that main keeps current."""

import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from aurora_desktop.safety.messages import MarkedTree

if sys.platform == "win32":
    raise ImportError("trees are stopped and killed by signals of Unix")

if TYPE_CHECKING:
    from aurora_desktop.supervisor.tree import Tree


_PASSES = 5
# A signal is sent at once, but a process on another core is seen to stand still a moment later.
_SETTLE_S = 0.001


class Held(NamedTuple):
    """Names of services by what became of them."""

    frozen: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class MarkedTrees:
    """The table, whole. What finding a tree needs is loaded once there is something in it, and not in a stop."""

    def __init__(self, complain: Callable[[str], None]) -> None:
        self._complain = complain
        self._trees: dict[str, tuple[MarkedTree, Tree]] = {}
        self._frozen: tuple[str, ...] = ()

    def replace(self, marked: tuple[MarkedTree, ...]) -> None:
        """Take a new table. What a process was seen to own is remembered while it stays in the table."""
        self._trees = {tree.name: (tree, self._known(tree) or _make(tree)) for tree in marked}
        self._frozen = tuple(name for name in self._frozen if name in self._trees)

    def _known(self, marked: MarkedTree) -> "Tree | None":
        before = self._trees.get(marked.name)
        return before[1] if before is not None and before[0] == marked else None

    def hold(self) -> Held:
        """Freeze all of them; those to be stopped are killed once nothing in them runs, or in spite of it."""
        frozen: list[str] = []
        stopped: list[str] = []
        failed: list[str] = []
        for name, (marked, tree) in self._trees.items():
            is_frozen = self._attempt(name, _freeze, tree)
            if marked.action == "freeze":
                (frozen if is_frozen else failed).append(name)
            else:
                (stopped if self._attempt(name, _kill, tree) else failed).append(name)
        # Also what did not freeze: the second press is to end that above all.
        self._frozen = tuple(name for name, (marked, _) in self._trees.items() if marked.action == "freeze")
        return Held(tuple(frozen), tuple(stopped), tuple(failed))

    def kill_frozen(self) -> Held:
        """End what the last `hold()` froze, or tried to."""
        names, self._frozen = self._frozen, ()
        stopped = [n for n in names if n in self._trees and self._attempt(n, _kill, self._trees[n][1])]
        return Held(stopped=tuple(stopped), failed=tuple(name for name in names if name not in stopped))

    def any_lives(self) -> bool:
        return any(tree.main_is_alive() or tree.members() for _, tree in self._trees.values())

    def _attempt(self, name: str, do: "Callable[[Tree], bool]", tree: "Tree") -> bool:
        try:
            return do(tree)
        except Exception as error:  # noqa: BLE001 - one tree's fault must not save the next one
            self._complain(f"{name} could not be held: {error!r}")
            return False


def _make(marked: MarkedTree) -> "Tree":
    from aurora_desktop.supervisor.processes import process_table
    from aurora_desktop.supervisor.tree import Identity, Tree

    return Tree(process_table(), marked.marker, Identity(marked.pid, marked.started))


def _freeze(tree: "Tree") -> bool:
    from aurora_desktop.supervisor.tree import freeze

    freeze(tree)
    for _ in range(_PASSES):
        if all(info.is_stopped for info in tree.members().values()):
            return True
        time.sleep(_SETTLE_S)
    return False


def _kill(tree: "Tree") -> bool:
    """The whole tree at once, so that none of it is left to clean up or to start another."""
    from aurora_desktop.supervisor.processes import process_table
    from aurora_desktop.supervisor.tree import signal_all

    for _ in range(_PASSES):
        members = tree.members()
        if not members:
            return True
        signal_all(members.values(), signal.SIGKILL, process_table())
    return not tree.members()
