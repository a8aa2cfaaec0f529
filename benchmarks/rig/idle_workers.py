"""What workers cost while there is nothing to do."""

import time

from rig.bench import Bench
from rig.figures import Figure
from rig.machine import cpu_seconds, pss_mb
from rig.workers import WorkerLine, shell_task, workers

WORKERS = 5
SETTLE_S = 1.0


def idle_workers(bench: Bench) -> list[Figure]:
    """Five workers that have had no task yet, and the same five after one each."""
    pss = bench.report.figure("idle_workers_pss", f"{WORKERS} idle workers: memory of each, PSS", "MB")
    cpu = bench.report.figure("idle_workers_cpu", f"{WORKERS} idle workers: CPU of each", "% of one core")

    def measure() -> None:
        with workers(bench.folder / "idle", WORKERS) as lines:
            _leave_alone(bench, pss, cpu, "before their first task", lines)
            for number, line in enumerate(lines):
                line.do(shell_task(bench.folder / "idle", f"first-{number}", "echo done"))
            _leave_alone(bench, pss, cpu, "after a task each", lines)

    bench.report.measure([pss, cpu], "before their first task", measure)
    return [pss, cpu]


def _leave_alone(bench: Bench, pss: Figure, cpu: Figure, who: str, lines: list[WorkerLine]) -> None:
    time.sleep(SETTLE_S)
    pids = [line.pid for line in lines]
    before = [cpu_seconds([pid]) for pid in pids]
    time.sleep(bench.idle_s)
    pss.add(who, *(pss_mb([pid]) for pid in pids))
    cpu.add(who, *(100 * (cpu_seconds([pid]) - was) / bench.idle_s for pid, was in zip(pids, before, strict=True)))
