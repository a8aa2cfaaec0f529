"""What Aurora costs while nothing happens: CPU and memory of all its processes, by number of services."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from aurora_desktop.cli.client import Client
from aurora_desktop.core.paths import StatePaths
from rig.bench import HEADLESS, TRAY, Bench
from rig.figures import Figure
from rig.machine import cpu_seconds, own_processes, pss_mb, rss_mb
from rig.programs import Aurora
from rig.x11 import Seen, XServer

SERVICES = (0, 10, 100)
SETTLE_S = 5.0
WINDOW_TIMEOUT_S = 30.0

Prelude = Callable[[Bench], None]
"""What a person did before leaving it alone."""


def idle(bench: Bench) -> list[Figure]:
    """Headless, in the tray with the window never opened, and with it opened once and closed."""
    window_s = 10.0 if bench.quick else 30.0
    figures = idle_figures(bench, window_s)
    for count in SERVICES:
        for who, contender, prelude in (
            ("headless", HEADLESS, nothing),
            ("tray, window never opened", TRAY, nothing),
            ("tray, window opened once", TRAY, open_and_close),
        ):
            leave_alone(bench, figures, f"{count:3} services, {who}", contender, count, prelude, window_s)
    return figures


def idle_figures(bench: Bench, window_s: float) -> list[Figure]:
    note = f"over {window_s:g} s, all processes of Aurora together, services not counted"
    return [
        bench.report.figure("idle_cpu", "idle: CPU", "% of one core", note),
        bench.report.figure("idle_pss", "idle: memory, PSS", "MB", "shared pages counted by their share"),
        bench.report.figure("idle_rss", "idle: memory, RSS", "MB", "the same, shared pages counted in full"),
    ]


def leave_alone(
    bench: Bench,
    figures: Sequence[Figure],
    who: str,
    contender: Aurora,
    count: int,
    prelude: Prelude,
    window_s: float,
) -> None:
    """Start so many services, do what comes before, and look at what it takes from then on."""
    bench.report.measure(figures, who, partial(_leave_alone, bench, figures, who, contender, count, prelude, window_s))


def _leave_alone(
    bench: Bench,
    figures: Sequence[Figure],
    who: str,
    contender: Aurora,
    count: int,
    prelude: Prelude,
    window_s: float,
) -> None:
    cpu, pss, rss = figures
    with bench.contending(contender, bench.services(count)) as program:
        bench.nursery.wait_all("born", count)
        time.sleep(SETTLE_S)
        prelude(bench)
        pids = own_processes(program.pid)
        began_s, before_s = time.monotonic(), cpu_seconds(pids)
        time.sleep(window_s)
        cpu.add(who, 100 * (cpu_seconds(pids) - before_s) / (time.monotonic() - began_s))
        now = own_processes(program.pid)
        pss.add(who, pss_mb(now))
        rss.add(who, rss_mb(now))


def nothing(_: Bench) -> None:
    """Nobody touched it."""


def raise_window(bench: Bench) -> None:
    """Ask the running Aurora for its window, as a second start does."""
    Client(StatePaths(bench.folder / "state" / "state")).post("/v1/window/raise")


def is_window(seen: Seen) -> bool:
    return seen.wm_class.startswith("aurora-desktop") and seen.width > 200


def open_window(bench: Bench) -> None:
    """Open it and let it paint."""
    server = XServer(bench.screen.name)
    try:
        raise_window(bench)
        server.wait_for(is_window, WINDOW_TIMEOUT_S)
    finally:
        server.close()
    time.sleep(SETTLE_S)


def open_and_close(bench: Bench) -> None:
    open_window(bench)
    server = XServer(bench.screen.name)
    try:
        seen, _ = server.wait_for(is_window, WINDOW_TIMEOUT_S)
        server.ask_to_close(seen.id)
        server.wait_gone(is_window, WINDOW_TIMEOUT_S)
    finally:
        server.close()
    time.sleep(SETTLE_S)
