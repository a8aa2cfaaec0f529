"""Who uses most of what runs short: services of Aurora's by name, other programs by theirs."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from aurora_desktop.core.clock import Clock
from aurora_desktop.supervisor.outcome import format_bytes
from aurora_desktop.supervisor.processes import ProcessInfo
from aurora_desktop.supervisor.view import ServiceView

MOST_NAMED = 3
WATCH_S = 1.0
_LEAST_CPU = 10.0
_LEAST_MEMORY = 50_000_000


class Programs(Struct, frozen=True):
    """What the programs of the machine use, summed up by name: percent of one core, and resident bytes."""

    cpu: Mapping[str, float] = {}
    memory: Mapping[str, int] = {}


async def look_at_programs(processes: Callable[[], Mapping[int, ProcessInfo]], clock: Clock) -> Programs:
    """Watch the whole process table for WATCH_S; `processes` reads it, and is called in a thread."""
    before, began = await asyncio.to_thread(processes), clock.monotonic()
    await asyncio.sleep(WATCH_S)
    after = await asyncio.to_thread(processes)
    return programs_of(before, after, max(0.001, clock.monotonic() - began))


def programs_of(before: Mapping[int, ProcessInfo], after: Mapping[int, ProcessInfo], passed_s: float) -> Programs:
    """Between two readings of the process table that lie `passed_s` seconds apart."""
    cpu: dict[str, float] = {}
    memory: Counter[str] = Counter()
    for pid, info in after.items():
        memory[info.program] += info.memory_bytes
        earlier = before.get(pid)
        spent_s = info.cpu_s - (earlier.cpu_s if earlier is not None and earlier.started == info.started else 0.0)
        cpu[info.program] = cpu.get(info.program, 0.0) + 100.0 * spent_s / passed_s
    return Programs(cpu, memory)


def cpu_words(services: Iterable[ServiceView], programs: Programs) -> str:
    """Who uses the CPU, in words; "" when nobody stands out."""
    used = {view.name: view.cpu_percent or 0.0 for view in services}
    mine = [f"service {name} ({percent:.0f} % of a core)" for name, percent in _most(used, _LEAST_CPU)]
    other = [f"`{name}` ({percent:.0f} % of a core)" for name, percent in _most(programs.cpu, _LEAST_CPU)]
    return _words(mine, other)


def memory_words(services: Iterable[ServiceView], programs: Programs) -> str:
    """Who uses the memory, in words; "" when nobody stands out."""
    used = {view.name: float(view.memory_bytes or 0) for view in services}
    mine = [f"service {name} ({format_bytes(int(size))})" for name, size in _most(used, _LEAST_MEMORY)]
    by_program = {name: float(size) for name, size in programs.memory.items()}
    other = [f"`{name}` ({format_bytes(int(size))})" for name, size in _most(by_program, _LEAST_MEMORY)]
    return _words(mine, other)


def _most(used: Mapping[str, float], least: float) -> list[tuple[str, float]]:
    worth_telling = [(name, value) for name, value in used.items() if value >= least]
    return sorted(worth_telling, key=lambda pair: -pair[1])[:MOST_NAMED]


def _words(services: list[str], programs: list[str]) -> str:
    parts = []
    if services:
        parts.append("of the services " + ", ".join(services) + " use most")
    if programs:
        parts.append("of all programs " + ", ".join(programs))
    return "; ".join(parts)
