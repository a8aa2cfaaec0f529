"""The figures of the supervisor, beside its rivals and beside the limit, in the same run.

    .venv/bin/python benchmarks/supervisor.py [--quick] [--only restart] [--json FILE]

The rivals come with `uv sync --group bench`. What is not there is said and left out.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rig.bench import HEADLESS, TRAY, Bench, run
from rig.child import NoCompilerError
from rig.faults import hang, memory
from rig.figures import Figure
from rig.idle import idle
from rig.programs import Circus, Contender, Limit, Supervisord, fresh, settings_text, surroundings

BLOCKS = 3
FASTEST_CHECK_S = 0.1
HEARTBEAT_SERVICES = 100
HELD_SERVICES = 100
HELD_EDITS = 3
IN_A_SHELL = ("/bin/sh", "-c", '"$0" "$@" & wait')
QUICK_CHECKS = "supervisor: {check_interval_s: 0.1}\n"  # so that the history of checks is full within seconds


def contenders(bench: Bench) -> list[Contender]:
    """Everybody, the limit first."""
    found: list[Contender] = [Limit(), HEADLESS, TRAY, Supervisord("supervisord, default")]
    try:
        chatter = bench.nursery.command("chatter", "chatter")
        found.append(Supervisord("supervisord, fastest", chatter, settle_s=0.5, spread_s=0.2))
    except NoCompilerError:
        pass
    fastest = Circus(f"circus, check_delay {FASTEST_CHECK_S:g}", FASTEST_CHECK_S, spread_s=FASTEST_CHECK_S)
    return [*found, Circus("circus, default"), fastest]


def restart(bench: Bench) -> list[Figure]:
    """Each kill hits a service of its own, so that every contender's default for a first restart holds."""
    per_block = max(1, bench.runs // BLOCKS)
    figure = bench.report.figure(
        "restart",
        "restart: kill -9 of a service to its new child's main()",
        "ms",
        f"{BLOCKS} blocks in turn, in each {per_block} services, each killed once; the child is {bench.nursery.kind}",
    )
    for _ in range(BLOCKS):
        for one in contenders(bench):
            bench.report.measure([figure], one.who, partial(_kill_each, bench, figure, one, per_block))
    return [figure]


def _kill_each(bench: Bench, figure: Figure, contender: Contender, count: int) -> None:
    with bench.contending(contender, bench.services(count)):
        born = bench.nursery.wait_all("born", count)
        time.sleep(contender.settle_s)
        for child in random.sample(born, count):
            time.sleep(random.uniform(0.1, 0.1 + contender.spread_s))
            killed_ns = time.monotonic_ns()
            os.kill(child.pid, signal.SIGKILL)
            figure.add(contender.who, (bench.nursery.wait("born", child.name).at_ns - killed_ns) / 1e6)


def cold(bench: Bench) -> list[Figure]:
    """From the exec of the program to the main() of all services; and of that, from the first child to the last."""
    rounds = max(1, bench.runs // 6)
    figures = []
    for count in (10, 100):
        whole = bench.report.figure(
            f"cold_{count}",
            f"cold start: exec of the program to the main() of all {count} services",
            "s",
            "files were read before, so nothing waits for the disk that a second start would not wait for",
        )
        children = bench.report.figure(f"cold_{count}_children", f"of that, first to last of {count} main()", "s")
        figures += [whole, children]
        for number in range(rounds + 1):
            for one in contenders(bench):
                into = (whole, children) if number else (Figure("", "warm-up", ""), Figure("", "", ""))
                bench.report.measure([whole, children], one.who, partial(_start_all, bench, into, one, count))
    return figures


def _start_all(bench: Bench, into: Sequence[Figure], contender: Contender, count: int) -> None:
    with bench.contending(contender, bench.services(count)) as program:
        times = [said.at_ns for said in bench.nursery.wait_all("born", count)]
        into[0].add(contender.who, (max(times) - program.begun_ns) / 1e9)
        into[1].add(contender.who, (max(times) - min(times)) / 1e9)


def heartbeat(bench: Bench) -> list[Figure]:
    """One beat over so many services, in the process itself."""
    figure = bench.report.figure(
        "heartbeat", f"heartbeat with {HEARTBEAT_SERVICES} services", "ms", "snapshot, health and publishing"
    )

    def measure() -> None:
        folder = fresh(bench.folder, "inside")
        settings = settings_text(bench.services(HEARTBEAT_SERVICES)) + QUICK_CHECKS
        (folder / "aurora.yaml").write_text(settings, encoding="utf-8")
        try:
            _inside(figure, "heartbeat", folder, bench.runs * 5)
        finally:
            bench.nursery.sweep()

    bench.report.measure([figure], "one heartbeat", measure)
    return [figure]


def held(bench: Bench) -> list[Figure]:
    """The lease of the emergency stop is kept by the same loop, and ends after 150 ms."""
    figures = []
    for kind, prefix in (("programs", ()), ("shells with a program each", IN_A_SHELL)):
        figure = bench.report.figure(
            f"held_{kind.split()[0]}",
            f"longest time that Aurora's loop is held while {HELD_SERVICES} {kind} ...",
            "ms",
            "headless; one sample is the worst of a whole run of it",
        )
        figures.append(figure)
        for _ in range(max(2, bench.runs // 6)):
            bench.report.measure([figure], "all", partial(_hold, bench, figure, prefix))
    return figures


def _hold(bench: Bench, figure: Figure, prefix: Sequence[str]) -> None:
    names = (f"s{number:03}" for number in range(HELD_SERVICES))
    services = {name: {"command": [*prefix, *bench.nursery.command(name)]} for name in names}
    folder = fresh(bench.folder, "inside")
    (folder / "aurora.yaml").write_text(settings_text(services), encoding="utf-8")
    try:
        _python(figure, "rig.held", str(folder), str(HELD_EDITS))
    finally:
        bench.nursery.sweep()


def save(bench: Bench) -> list[Figure]:
    """What somebody is told is safe."""
    figure = bench.report.figure("save", "durable state save", "ms", "one at a time, each waited for")

    def measure() -> None:
        _inside(figure, "save", fresh(bench.folder, "inside"), bench.runs * 30)

    bench.report.measure([figure], "durable save of 1 KiB", measure)
    return [figure]


def _inside(figure: Figure, what: str, folder: Path, runs: int) -> None:
    _python(figure, "rig.inside", what, str(folder), str(runs))


def _python(figure: Figure, module: str, *arguments: str) -> None:
    """Run it in a process of its own; it prints the samples of each series as JSON."""
    command = [sys.executable, "-m", module, *arguments]
    environment = surroundings(PYTHONPATH=str(Path(__file__).parent))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError((done.stderr.strip().splitlines() or ["it ended"])[-1])
    for who, samples in json.loads(done.stdout).items():
        figure.add(who, *samples)


MEASUREMENTS = {
    "restart": restart,
    "cold": cold,
    "memory": memory,
    "hang": hang,
    "heartbeat": heartbeat,
    "held": held,
    "save": save,
    "idle": idle,
}

if __name__ == "__main__":
    run("Measure the supervisor beside its rivals.", MEASUREMENTS)
