"""Waiting until a service has nothing to do: no output, and next to no CPU, for some seconds."""

import asyncio
import os

from msgspec import Struct

from aurora_desktop.core.clock import Clock
from aurora_desktop.healing.yard import Yard
from aurora_desktop.supervisor.processes import ProcessTable

BUSY_PERCENT = 5.0


class Look(Struct, frozen=True):
    """One look at a service: its log's size and the CPU seconds of its processes, at a monotonic time."""

    at: float
    pid: int | None
    log_bytes: int
    cpu_s: float

    def is_quiet_since(self, before: "Look") -> bool:
        """Whether nothing was printed and less than BUSY_PERCENT of a core used since the look before."""
        if self.log_bytes != before.log_bytes or self.at <= before.at:
            return False
        return 100.0 * (self.cpu_s - before.cpu_s) / (self.at - before.at) < BUSY_PERCENT


def look(name: str, yard: Yard, table: ProcessTable, clock: Clock) -> Look:
    view = yard.view(name)
    pid = view.pid if view is not None else None
    cpu_s = sum_cpu_s(pid, table) if pid is not None else 0.0
    return Look(clock.monotonic(), pid, _size(view.log_path if view is not None else ""), cpu_s)


def sum_cpu_s(root: int, table: ProcessTable) -> float:
    """CPU seconds of a process and its descendants."""
    total, ahead, seen = 0.0, [root], set[int]()
    while ahead:
        pid = ahead.pop()
        if pid not in seen and (info := table.read(pid)) is not None:
            seen.add(pid)
            total += info.cpu_s
            ahead.extend(table.children(pid))
    return total


async def until_quiet(
    name: str, yard: Yard, table: ProcessTable, quiet_s: float, within_s: float, look_s: float
) -> bool:
    """Wait for `quiet_s` of quiet; False when `within_s` is over before. A process that was replaced is quiet."""
    clock = yard.clock
    first = before = look(name, yard, table, clock)
    quiet_from = before.at
    while before.at - first.at < within_s:
        await asyncio.sleep(look_s)
        now = look(name, yard, table, clock)
        if now.pid != first.pid:
            return True
        if not now.is_quiet_since(before):
            quiet_from = now.at
        if now.at - quiet_from >= quiet_s:
            return True
        before = now
    return False


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size if path else 0
    except OSError:
        return 0
