"""Faults that a program shows by itself: it eats memory, it hangs. How long until Aurora has acted."""

import os
import random
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from rig.bench import HEADLESS, Bench
from rig.child import Said
from rig.figures import Figure
from rig.programs import Services

MEMORY_MAX = 64_000_000
SETTLE_S = 2.0
REPLACED_TIMEOUT_S = 60.0


def memory(bench: Bench) -> list[Figure]:
    """From the moment at which the child itself sees that it passed `memory_max` to its death."""
    figure = bench.report.figure(
        "memory", "child over memory_max to its death", "s", f"memory_max {MEMORY_MAX}, 32 MB more are taken at once"
    )
    for who, more in (("dies of SIGTERM", ()), ("ignores SIGTERM", ("deaf",))):
        bench.report.measure([figure], who, partial(_breaches, bench, figure, who, more))
    return [figure]


def _breaches(bench: Bench, figure: Figure, who: str, more: tuple[str, ...]) -> None:
    names = [f"eater{number:02}" for number in range(_count(bench))]
    eat = ("eat", str(MEMORY_MAX), *more)
    services = {name: {"command": bench.nursery.command(name, *eat), "memory_max": MEMORY_MAX} for name in names}
    with bench.contending(HEADLESS, services):
        eaters = bench.nursery.wait_all("listening", len(names))
        time.sleep(SETTLE_S)
        for eater in eaters:
            time.sleep(random.uniform(0.1, 0.6))
            figure.add(who, _death_after_breach_s(bench, eater))


def _death_after_breach_s(bench: Bench, eater: Said) -> float:
    pidfd = os.pidfd_open(eater.pid)
    try:
        os.kill(eater.pid, signal.SIGUSR1)
        died_ns = _wait_for_end(pidfd)
        return (died_ns - bench.nursery.wait("breach", eater.name).at_ns) / 1e9
    finally:
        os.close(pidfd)


def _wait_for_end(pidfd: int) -> int:
    if not select.select([pidfd], [], [], REPLACED_TIMEOUT_S)[0]:
        raise TimeoutError(f"it still lived after {REPLACED_TIMEOUT_S:g} s")
    return time.monotonic_ns()


def hang(bench: Bench) -> list[Figure]:
    """From SIGSTOP to the main() of the child that replaces it."""
    figure = bench.report.figure(
        "hang", "hung child (SIGSTOP) to replaced", "s", "several hang in one Aurora, at random moments"
    )
    ways = {"http liveness probe, defaults": probed_services, "watchdog_sec: 1": _watched_services}
    for who, make in ways.items():
        bench.report.measure([figure], who, partial(_hangs, bench, figure, who, make))
    return [figure]


def probed_services(bench: Bench, count: int) -> Services:
    """So many services with a liveness probe of default pace, each answering on a port of its own."""
    services = {}
    for number, port in enumerate(_free_ports(count)):
        name = f"web{number:03}"
        probe = {"http": {"url": f"http://127.0.0.1:{port}/"}}
        services[name] = {"command": bench.nursery.command(name, "http", str(port)), "liveness_probe": probe}
    return services


def _watched_services(bench: Bench, count: int) -> Services:
    names = [f"dog{number:03}" for number in range(count)]
    return {name: {"command": bench.nursery.command(name, "watchdog"), "watchdog_sec": 1} for name in names}


def _count(bench: Bench) -> int:
    return max(3, bench.runs // 3)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _hangs(bench: Bench, figure: Figure, who: str, make: Callable[[Bench, int], Services]) -> None:
    services = make(bench, _count(bench))
    with bench.contending(HEADLESS, services):
        children = bench.nursery.wait_all("listening", len(services))
        time.sleep(SETTLE_S)
        bench.nursery.forget()
        hung = {}
        for child in random.sample(children, len(children)):
            time.sleep(random.uniform(0.2, 1.0))
            hung[child.name] = time.monotonic_ns()
            os.kill(child.pid, signal.SIGSTOP)
        for name, at_ns in hung.items():
            figure.add(who, (bench.nursery.wait("born", name, REPLACED_TIMEOUT_S).at_ns - at_ns) / 1e9)
