"""Ending a whole process tree: a signal, then SIGKILL on demand, until nothing of it is left."""

import asyncio
import contextlib
from collections.abc import Callable

from aurora_desktop.supervisor.processes import ProcessInfo
from aurora_desktop.supervisor.surroundings import Surroundings
from aurora_desktop.supervisor.tree import Tree, signal_all

SIGKILL = 9  # by number: Windows has no name for it, and os.kill ends the process there
_FIRST_LOOK_S = 0.002
_LONGEST_LOOK_S = 0.1


class Ending:
    """The end of one tree. `send` may be called again with a stronger signal; `on_gone` is called once.

    Members that turn up after the signal (a fork in the last moment) get it too: the tree is read anew until it
    is empty.
    """

    def __init__(self, tree: Tree, around: Surroundings, on_gone: Callable[[], None]) -> None:
        self._tree = tree
        self._around = around
        self._on_gone = on_gone
        self._signal = 0
        self._reached: set[tuple[int, int]] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def send(self, number: int) -> None:
        """Signal every member at once, in this call, then wait for the end in the background."""
        self._signal = number
        self._reached.clear()
        with contextlib.suppress(OSError):  # no file descriptor just now: the wait looks again
            self._signal_new(self._tree.members(self._around.processes(self._tree.taken_at)))
        self._wake.set()
        if self._task is None:
            self._task = self._around.loop.create_task(self._wait())

    def main_ended(self) -> None:
        """Look again now: the main process is gone, and mostly that was all."""
        self._wake.set()

    def abandon(self) -> None:
        """Leave the tree as it is; `on_gone` is not called any more."""
        if self._task is not None:
            self._task.cancel()

    def _signal_new(self, members: dict[int, ProcessInfo]) -> None:
        fresh = [info for info in members.values() if (info.pid, info.started) not in self._reached]
        self._reached.update((info.pid, info.started) for info in fresh)
        signal_all(fresh, self._signal, self._around.table)

    async def _members_for_sure(self) -> dict[int, ProcessInfo]:
        """Never empty by one reading alone: one that forked and ended while it was made would hide its child.

        Between both, all who look at the same moment see the first one, and so share the second.
        """
        first = self._around.processes(self._tree.taken_at)
        members = self._tree.members(first)
        if not members:
            await asyncio.sleep(0)
            members = self._tree.members(self._around.processes_after(first))
        return members

    async def _wait(self) -> None:
        delay_s = _FIRST_LOOK_S
        while True:
            self._wake.clear()
            try:
                members = await self._members_for_sure()
            except OSError:  # no file descriptor just now
                await asyncio.sleep(_LONGEST_LOOK_S)
                continue
            if not members:
                break
            self._signal_new(members)
            try:
                await asyncio.wait_for(self._wake.wait(), delay_s)
            except TimeoutError:
                delay_s = min(delay_s * 2, _LONGEST_LOOK_S)
        await self._around.turns.mine()
        self._on_gone()
