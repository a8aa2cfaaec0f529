"""One check of many watched agents: how long it takes, and how long it holds up the loop meanwhile.

Run in a process of its own: python -m rig.watched FOLDER AGENTS RUNS; prints a JSON object, case to samples in ms.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path

from rig.bench import Bench
from rig.figures import Figure

AGENTS = 10_000
CASES = ("all work", "nothing moves", "all silent, and waiting for their operator")
TICK_S = 0.002
QUIET_S = 100.0
"""Below the proactive threshold: nobody is silent yet."""


def watched(bench: Bench) -> list[Figure]:
    """A check of AGENTS workspaces of five entries each, and the longest turn of the loop while it went on."""
    check = bench.report.figure("watched", f"{AGENTS} watched agents: one check", "ms", "target: under 200")
    cpu = bench.report.figure("watched_cpu", "CPU time of that check, all threads", "ms")
    turn = bench.report.figure("watched_loop", "the loop's longest turn during that check", "ms", "target: under 50")
    for who in CASES:
        bench.report.measure([check, cpu, turn], who, partial(_measure, bench, (check, cpu, turn), who))
    return [check, cpu, turn]


def _measure(bench: Bench, figures: Sequence[Figure], who: str) -> None:
    folder = bench.folder / f"watched-{CASES.index(who)}"
    runs = max(5, bench.runs)
    command = [sys.executable, "-m", "rig.watched", str(folder), str(AGENTS), str(runs), who]
    ran = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise RuntimeError(ran.stderr.strip().splitlines()[-1])
    samples = json.loads(ran.stdout)
    for figure, name in zip(figures, ("check", "cpu", "turn"), strict=True):
        figure.add(who, *samples[name])


def make_workspaces(root: Path, count: int) -> list[Path]:
    """Workspaces as agents leave them: status, inbox, a log and two files."""
    status = json.dumps({"agent_id": "", "status": "WAITING", "last_updated": "2026-01-31 12:00:00"})
    made = []
    for number in range(count):
        folder = root / f"Agent-{number}"
        (folder / "inbox").mkdir(parents=True)
        for name in ("notes.md", "work.py", "agent.log"):
            (folder / name).write_text(name)
        (folder / "status.json").write_text(status)
        made.append(folder)
    return made


def main(folder: Path, count: int, runs: int, who: str) -> dict[str, list[float]]:
    """One case, in this process."""
    workspaces = make_workspaces(folder / "root", count)
    return asyncio.run(_checks(folder, workspaces, runs, who))


async def _checks(folder: Path, workspaces: list[Path], runs: int, who: str) -> dict[str, list[float]]:
    from rig.watching import watching  # the program itself, so only in this process

    samples: dict[str, list[float]] = {"check": [], "cpu": [], "turn": []}
    with watching(folder) as (watch, clock):
        await watch.check_once()
        for _ in range(runs):
            _let_work(workspaces if who == CASES[0] else [])
            clock.advance({CASES[0]: 30.0, CASES[1]: QUIET_S / runs, CASES[2]: 400.0}[who])
            for name, ms in zip(samples, await _timed(watch.check_once), strict=True):
                samples[name].append(ms)
    return samples


def _let_work(workspaces: list[Path]) -> None:
    for folder in workspaces:
        os.utime(folder / "status.json")


async def _timed(check: Callable[[], Coroutine[None, None, None]]) -> tuple[float, float, float]:
    """How long it took, the CPU time of it, and the loop's longest turn meanwhile, in ms."""
    turns = asyncio.ensure_future(_longest_turn())
    await asyncio.sleep(TICK_S)
    began, used = time.perf_counter(), time.process_time()
    await check()
    took_ms, cpu_ms = (time.perf_counter() - began) * 1e3, (time.process_time() - used) * 1e3
    turns.cancel()
    return took_ms, cpu_ms, await turns * 1e3


async def _longest_turn() -> float:
    """Seconds by which the latest of many short sleeps came late; the answer once it is cancelled."""
    longest = 0.0
    try:
        while True:
            due = time.perf_counter() + TICK_S
            await asyncio.sleep(TICK_S)
            longest = max(longest, time.perf_counter() - due)
    except asyncio.CancelledError:
        return longest


if __name__ == "__main__":
    where, many, times, case = sys.argv[1:]
    print(json.dumps(main(Path(where), int(many), int(times), case)))
