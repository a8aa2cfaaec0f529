"""The real program, with a watch over the frames of its window inside, and events as fast as is asked for.

Usage: python busy_aurora.py FOLDER [the arguments of aurora]. At SIGUSR1 it begins, with the events a second that
FOLDER/order.json tells; at SIGUSR2 it ends and writes FOLDER/done.json. What opening the door took of memory is in
FOLDER/door.json.
"""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

from aurora_desktop.app import run
from aurora_desktop.cli.main import main
from aurora_desktop.core.events import ProbeFailing
from aurora_desktop.house import House

FRAME_S = 1 / 60
# Events come in handfuls, as those of real services do.
HANDFUL_S = 0.01
# What is behind after the machine stood still is caught up in handfuls too: a burst of a thousand in one turn of the
# loop would be no thousand a second.
MOST_IN_A_HANDFUL = 50
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Inside:
    """Lives in the program's own loop, which is also that of its window."""

    def __init__(self, house: House, folder: Path) -> None:
        self._house = house
        self._folder = folder
        self._tasks: list[asyncio.Task[None]] = []
        self._gaps_ms: list[float] = []
        self._work_ms: list[float] = []
        self._published = 0
        self._began = (0.0, 0.0)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self._begin)
        loop.add_signal_handler(signal.SIGUSR2, self._end)

    def _begin(self) -> None:
        order = json.loads((self._folder / "order.json").read_text())
        self._gaps_ms, self._work_ms, self._published = [], [], 0
        self._began = time.monotonic(), time.process_time()
        works = (self._watch(), self._publish(order["events_per_s"]))
        self._tasks = [asyncio.get_running_loop().create_task(work) for work in works]

    def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        passed_s, cpu_s = time.monotonic() - self._began[0], time.process_time() - self._began[1]
        told = {
            "gaps_ms": self._gaps_ms,
            "work_ms": self._work_ms,
            "published": self._published,
            "cpu_percent": 100 * cpu_s / passed_s,
        }
        write(self._folder / "done.json", told)

    async def _watch(self) -> None:
        before, worked = time.monotonic(), time.thread_time()
        while True:
            await asyncio.sleep(FRAME_S)
            now, work = time.monotonic(), time.thread_time()
            self._gaps_ms.append((now - before) * 1e3)
            self._work_ms.append((work - worked) * 1e3)
            before, worked = now, work

    async def _publish(self, per_s: int) -> None:
        began = time.monotonic()
        while per_s:
            await asyncio.sleep(HANDFUL_S)
            due = int((time.monotonic() - began) * per_s) - self._published
            for _ in range(min(due, MOST_IN_A_HANDFUL)):
                self._house.bus.publish(
                    ProbeFailing(at=time.time(), component="machine", probe="liveness", detail="a benchmark's event")
                )
                self._published += 1


def write(path: Path, value: object) -> None:
    """At once, so that a reader finds all of it or none."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(value))
    draft.replace(path)


def memory_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES / 1e6


def put_inside(folder: Path) -> None:
    """Let the house tell what its door took, and have somebody inside once it is there."""
    begin, open_door = House.begin, House._open_door

    async def begun(house: House) -> None:
        await begin(house)
        Inside(house, folder)
        write(folder / "ready.json", {})

    async def opened(house: House, *parts: object) -> None:
        before_mb = memory_mb()
        await open_door(house, *parts)  # type: ignore[arg-type]  # whatever it is given
        write(folder / "door.json", {"mb": memory_mb() - before_mb})

    House.begin = begun  # type: ignore[method-assign]
    House._open_door = opened  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    put_inside(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:], run=run))
