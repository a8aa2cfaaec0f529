"""The agent with all that it started, wherever that went."""

import contextlib
import os
import sys
from collections.abc import Iterable

from aurora_desktop.supervisor.census import Census, Snapshot
from aurora_desktop.supervisor.processes import ProcessInfo, ProcessTable
from aurora_desktop.supervisor.tree import Identity, Tree


class AgentTree(Tree):
    """Members are told by marker, session, ancestry and job as everywhere, and are our own children besides: orphans
    come to us, and we have no children but the agent's. We carry the marker too: neither we nor whoever started us is a
    member."""

    def __init__(self, table: ProcessTable, census: Census, marker: str, main: Identity) -> None:
        super().__init__(table, marker, main)
        self._census = census

    def members(self, everyone: Snapshot | None = None) -> dict[int, ProcessInfo]:
        everyone = self._census.take() if everyone is None else everyone
        found = super().members(everyone)
        for pid in everyone.with_descendants(set(everyone.by_parent.get(os.getpid(), ()))):
            if not everyone[pid].is_zombie:
                found[pid] = everyone[pid]
        return {pid: info for pid, info in found.items() if pid not in _ourselves(everyone)}


def is_childless() -> bool:
    """Whether this process surely has no child at all, dead or alive; only the main thread may have started any.

    As subreaper we become the parent of whatever our descendants leave: without a child we have no descendant, and an
    empty list cannot have been read in the middle of a change. One small file, instead of all processes of the machine.
    """
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb", buffering=0) as children:
            return not children.read(1)
    except OSError:  # no Linux, or a kernel without CONFIG_PROC_CHILDREN
        return False


def _ourselves(everyone: Snapshot) -> set[int]:
    """This process and its ancestors."""
    found: set[int] = set()
    pid = os.getpid()
    while pid in everyone and pid not in found:
        found.add(pid)
        pid = everyone[pid].parent
    return found


def reap_orphans(children: Iterable[int], agent: int, table: ProcessTable) -> None:
    """Collect what became ours and has ended; the agent itself is collected by who waits for it."""
    if sys.platform == "win32":
        return
    for pid in children:
        info = table.read(pid) if pid != agent else None
        if info is not None and info.is_zombie:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
