"""Taking over from an Aurora that died: its services are adopted, what is left of others is ended."""

import asyncio
import contextlib
import signal as signals
from collections.abc import Callable, Mapping

from aurora_desktop.supervisor.adoption import Found, find
from aurora_desktop.supervisor.definition import definition_digest
from aurora_desktop.supervisor.ending import SIGKILL, Ending
from aurora_desktop.supervisor.runner import Runner
from aurora_desktop.supervisor.stimuli import Freeze, Restart
from aurora_desktop.supervisor.surroundings import Surroundings
from aurora_desktop.supervisor.telling import tell_strays

REMOVED_GRACE_S = 3.0
KILL_S = 5.0


class Takeover:
    """`runners` by name; `on_change` is called when a stray tree is gone."""

    def __init__(self, around: Surroundings, runners: Mapping[str, Runner], on_change: Callable[[], object]) -> None:
        self._around = around
        self._runners = runners
        self._on_change = on_change
        self._strays: set[Ending] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def is_busy(self) -> bool:
        """Whether trees are still being ended."""
        return bool(self._strays)

    async def perform(self) -> None:
        """Adopt what can be adopted and end the rest; returns once nothing stands in the way of a start."""
        around = self._around
        entries = await asyncio.to_thread(around.ledger.entries)
        found = find(entries, around.table, around.paths.digest, around.clock.monotonic())
        alive = {tree.tree.marker for tree in found}
        around.ledger.forget(entry.marker for entry in entries if entry.marker not in alive)
        for tree in sorted(found, key=lambda tree: tree.age_s):
            if not self._adopt(tree):
                self._end(tree)
        # What cannot be killed (another user's, or stuck in the kernel) must not keep all others down.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), REMOVED_GRACE_S + KILL_S)

    def _adopt(self, found: Found) -> bool:
        runner = self._runners.get(found.service)
        if runner is None or runner.has_processes or not found.has_main:
            return False
        try:
            runner.adopt(found.tree, found.age_s, ready=found.ready)
        except ProcessLookupError:
            return False
        if found.frozen:
            runner.feed(Freeze("still frozen from before"))
        elif found.definition and found.definition != definition_digest(runner.spec):
            runner.feed(Restart("its definition changed while Aurora was away"))
        return True

    def _end(self, found: Found) -> None:
        def gone() -> None:
            self._strays.discard(ending)
            self._around.ledger.ended(found.tree.marker)
            self._on_change()
            if not self._strays:
                self._idle.set()

        tell_strays(found.service, found.tree, self._around)
        ending = Ending(found.tree, self._around, gone)
        self._strays.add(ending)
        self._idle.clear()
        if found.has_main and found.service not in self._runners:
            # Removed from the settings while Aurora was away: a whole service, which may have things to put in order.
            ending.send(signals.SIGTERM)
            self._around.loop.call_later(REMOVED_GRACE_S, self._kill, ending)
        else:
            ending.send(SIGKILL)

    def _kill(self, ending: Ending) -> None:
        if ending in self._strays:
            ending.send(SIGKILL)
