"""How long the loop of the whole house is held at once while all its services start, restart and stop.

Run in a process of its own: python -m rig.held FOLDER EDITS (settings in FOLDER/aurora.yaml; in an edit each service
gets another environment). Prints a JSON object: what was done to the longest stalls in ms.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.watch import SettingsSource
from aurora_desktop.house import House

LOOK_S = 0.005
QUIET_S = 1.0
TIMEOUT_S = 60.0


class LoopWatch:
    """Sleeps 5 ms again and again, and notes by how much it came too late at worst."""

    def __init__(self) -> None:
        self._longest_s = 0.0

    async def run(self) -> None:
        while True:
            began_s = time.perf_counter()
            await asyncio.sleep(LOOK_S)
            self._longest_s = max(self._longest_s, time.perf_counter() - began_s - LOOK_S)

    def longest_ms(self) -> float:
        """Since it was asked last."""
        longest_s, self._longest_s = self._longest_s, 0.0
        return longest_s * 1e3


class Held:
    """One house, from its start to its end."""

    def __init__(self, folder: Path) -> None:
        self._settings = folder / "aurora.yaml"
        self._text = self._settings.read_text(encoding="utf-8")
        paths = StatePaths(folder / "state")
        paths.make()
        self._house = House(
            paths, SettingsSource.load(self._settings), environment=dict(os.environ), own={}, mode="headless"
        )
        self._watch = LoopWatch()
        self._before: set[int | None] = set()
        self.longest_ms: dict[str, list[float]] = {}

    async def live(self, edits: int) -> None:
        watching = asyncio.create_task(self._watch.run())
        await self._house.begin()
        await self._settle("start")
        for number in range(edits):
            self._edit(number)
            await self._settle("restart by one edit of the settings")
        self._kill_all()
        await self._settle("death of all")
        self._house.supervisor.restart(self._names(), "benchmark")
        await self._settle("restart by the operator")
        self._house.supervisor.stop(self._names(), "benchmark")
        await self._until(lambda: not any(self._pids()))
        self._note("stop by the operator")
        self._house.supervisor.start(self._names(), "benchmark")
        await self._settle("start by the operator")
        await self._house.close("benchmark")
        self._note("quit")
        watching.cancel()

    def _names(self) -> tuple[str, ...]:
        return tuple(view.name for view in self._house.supervisor.views())

    def _pids(self) -> list[int | None]:
        return [view.pid for view in self._house.supervisor.views()]

    def _edit(self, number: int) -> None:
        text = self._text.replace("    command:", f"    env: {{EDIT: {number}}}\n    command:")
        self._settings.write_text(text, encoding="utf-8")

    def _kill_all(self) -> None:
        for pid in filter(None, self._pids()):
            os.kill(pid, signal.SIGKILL)

    async def _settle(self, what: str) -> None:
        """Until every service has another process than before, and for a moment after that."""
        await self._until(lambda: all(self._pids()) and not self._before.intersection(self._pids()))
        self._before = set(self._pids())
        await asyncio.sleep(QUIET_S)
        self._note(what)

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while not holds():  # noqa: ASYNC110 - a view has no event, and what is watched is the loop
                await asyncio.sleep(0.1)

    def _note(self, what: str) -> None:
        self.longest_ms.setdefault(what, []).append(self._watch.longest_ms())


async def held(folder: Path, edits: int) -> dict[str, list[float]]:
    found = Held(folder)
    await found.live(edits)
    return found.longest_ms


if __name__ == "__main__":
    where, times = sys.argv[1:]
    print(json.dumps(asyncio.run(held(Path(where), int(times)))))
