"""One reading of the machine's processes with the indexes that finding trees needs, shared by all services."""

import asyncio
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TypeVar

from aurora_desktop.supervisor.processes import SPAWN_MARKER, ProcessInfo, ProcessTable

_OURSELVES = os.getpid()
"""What we started is no part of a service that we were started from."""
_Key = TypeVar("_Key", int, str)


class Snapshot(dict[int, ProcessInfo]):
    """Every process by pid; `marker_of` tells the AURORA_SPAWN of one, or ""."""

    def __init__(self, processes: Mapping[int, ProcessInfo], marker_of: Callable[[ProcessInfo], str]) -> None:
        super().__init__(processes)
        self._marker_of = marker_of

    @cached_property
    def by_parent(self) -> dict[int, list[int]]:
        """The pids of the children of each pid."""
        return self._indexed(lambda info: info.parent)

    @cached_property
    def by_session(self) -> dict[int, list[int]]:
        """The pids in each session."""
        return self._indexed(lambda info: info.session)

    @cached_property
    def by_marker(self) -> dict[str, list[int]]:
        """The pids that carry each marker."""
        return self._indexed(self._marker_of)

    def with_descendants(self, roots: set[int]) -> set[int]:
        """The roots and all that descend from them."""
        found = set(roots)
        ahead = list(roots)
        while ahead:
            fresh = [pid for pid in self.by_parent.get(ahead.pop(), ()) if pid not in found and pid != _OURSELVES]
            found.update(fresh)
            ahead.extend(fresh)
        return found

    def _indexed(self, key: Callable[[ProcessInfo], _Key]) -> dict[_Key, list[int]]:
        index: dict[_Key, list[int]] = {}
        for info in self.values():
            index.setdefault(key(info), []).append(info.pid)
        return index


class Census:
    """Takes snapshots; reads the environment of each process once in its life, whoever asks."""

    def __init__(self, table: ProcessTable) -> None:
        self._table = table
        self._markers: dict[tuple[int, int], str] = {}

    def take(self) -> Snapshot:
        return self._snapshot(self._table.all())

    async def take_apart(self) -> Snapshot:
        """The same with the reading in a thread: it takes 10 ms for each thousand processes."""
        return self._snapshot(await asyncio.to_thread(self._table.all))

    def _snapshot(self, processes: Mapping[int, ProcessInfo]) -> Snapshot:
        alive = {(info.pid, info.started) for info in processes.values()}
        self._markers = {identity: marker for identity, marker in self._markers.items() if identity in alive}
        return Snapshot(processes, self._marker_of)

    def _marker_of(self, info: ProcessInfo) -> str:
        identity = (info.pid, info.started)
        if identity in self._markers:
            return self._markers[identity]
        environment = self._table.environment(info.pid)
        marker = environment.get(SPAWN_MARKER, "")
        # It is empty for a moment in every exec: only of what has no memory (kernel, zombies) is that believed.
        if environment or not info.memory_bytes:
            self._markers[identity] = marker
        return marker
