"""The floor under a queue of agents: to start and await their program, with no queue at all."""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial

from rig.agents import Ledger
from rig.bench import Bench
from rig.figures import Figure
from rig.programs import fresh

PROCESSES, PROCESSES_QUICK = 3_000, 300


def spawn(bench: Bench) -> list[Figure]:
    """One after another, from one process: what no queue that starts a program for each task can do without."""
    count = PROCESSES_QUICK if bench.quick else PROCESSES
    figure = bench.report.figure("spawn_floor", "start and end of the agent alone", "tasks/s", "one after another")
    ledger = Ledger(fresh(bench.folder, "floor"), 0)
    try:
        for who, start in (("posix_spawn", _by_posix_spawn), ("subprocess", _by_subprocess)):
            bench.report.measure([figure], who, partial(_rate, figure, who, start, [*ledger.command, "once"], count))
    finally:
        ledger.close()
    return [figure]


def _rate(figure: Figure, who: str, start: Callable[[Sequence[str]], None], command: Sequence[str], count: int) -> None:
    began = time.monotonic()
    for _ in range(count):
        start(command)
    figure.add(who, count / (time.monotonic() - began))


def _by_posix_spawn(command: Sequence[str]) -> None:
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    os.waitpid(os.posix_spawn(command[0], command, os.environ, file_actions=quiet), 0)


def _by_subprocess(command: Sequence[str]) -> None:
    """As a worker starts its agent, pipes and session included."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        process.communicate()
