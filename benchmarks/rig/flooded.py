"""What a flood of output costs a worker: memory at its peak, time, and CPU."""

import time
from pathlib import Path
from typing import NamedTuple

from rig.bench import Bench
from rig.figures import Figure
from rig.machine import cpu_seconds
from rig.workers import shell_task, workers

MOST_RUNS = 3
DONE = '; echo; echo \'{"type": "result", "text": "done"}\''


class Flood(NamedTuple):
    who: str
    script: str
    has_events: bool = False


def floods(size: int) -> tuple[Flood, ...]:
    """By the number of bytes of the greatest."""
    event = '{"type": "message", "text": "%s"}' % ("and so on " * 20)
    return (
        Flood(f"{size:,} bytes of lines", f"yes 'and so on and so on' | head -c {size}"),
        Flood(f"{size:,} bytes of events", f"yes '{event}' | head -c {size}{DONE}", has_events=True),
        Flood(f"one line of {size // 10:,} bytes", f"head -c {size // 10} /dev/zero | tr '\\0' x"),
        Flood("the same, among events", f"head -c {size // 10} /dev/zero | tr '\\0' x{DONE}", has_events=True),
    )


def flooded(bench: Bench) -> list[Figure]:
    """Each flood in a worker of its own that has done a task before."""
    note = "64 MB of the output are kept; the writer and the worker share the machine"
    peak = bench.report.figure("flood_peak", "flood: most memory of the worker (RSS)", "MB", note)
    took = bench.report.figure("flood_time", "flood: until its end is told", "s")
    cpu = bench.report.figure("flood_cpu", "flood: CPU of the worker", "s")
    for number, flood in enumerate(floods(100_000_000 if bench.quick else 1_000_000_000)):

        def measure(number: int = number, flood: Flood = flood) -> None:
            for run in range(1 if bench.quick else MOST_RUNS):
                _flood(bench.folder / f"flood-{number}-{run}", flood, (peak, took, cpu))

        bench.report.measure([peak, took, cpu], flood.who, measure)
    return [peak, took, cpu]


def _flood(folder: Path, flood: Flood, figures: tuple[Figure, Figure, Figure]) -> None:
    with workers(folder, 1) as (line,):
        line.do(shell_task(folder, "first", "echo done"))
        cpu_before, began_at = cpu_seconds([line.pid]), time.perf_counter()
        ended = line.do(shell_task(folder, "flood", flood.script, has_events=flood.has_events))
        if ended.ending != "completed":
            raise RuntimeError(f"it ended as {ended.ending}: {ended.error}")
        peak, took, cpu = figures
        took.add(flood.who, time.perf_counter() - began_at)
        cpu.add(flood.who, cpu_seconds([line.pid]) - cpu_before)
        peak.add(flood.who, _peak_mb(line.pid))


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000
