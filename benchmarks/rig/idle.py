"""What Aurora costs while nothing happens: CPU and memory of all its processes, by number of services."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from aurora_desktop.cli.client import Client
from aurora_desktop.core.paths import StatePaths
from rig.bench import HEADLESS, TRAY, Bench
from rig.faults import probed_services
from rig.figures import Figure
from rig.machine import cpu_seconds, own_processes, pss_mb, rss_mb
from rig.programs import Aurora, Services
from rig.x11 import Seen, XServer

SERVICES = (0, 10, 100)
MOST = 100
SETTLE_S = 5.0
WINDOW_TIMEOUT_S = 30.0

Prelude = Callable[[Bench], None]
"""What a person did before leaving it alone."""


def idle(bench: Bench) -> list[Figure]:
    """Headless, in the tray with the window never opened, and with it opened once and closed; then with limits."""
    figures = idle_figures(bench)
    for count in SERVICES:
        services = partial(bench.services, count)
        leave_alone(bench, figures, f"{count:3} services, headless", HEADLESS, services)
        leave_alone(bench, figures, f"{count:3} services, tray, window never opened", TRAY, services)
        leave_alone(bench, figures, f"{count:3} services, tray, window opened once", TRAY, services, open_and_close)
    limited, probed = partial(bench.services, MOST, memory_max=10**9), partial(probed_services, bench, MOST)
    leave_alone(bench, figures, f"{MOST:3} services with memory_max, headless", HEADLESS, limited)
    leave_alone(bench, figures, f"{MOST:3} services with an http liveness probe, headless", HEADLESS, probed)
    return figures


def idle_figures(bench: Bench) -> list[Figure]:
    note = f"over {bench.idle_s:g} s, all processes of Aurora together, services not counted"
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
    make_services: Callable[[], Services],
    prelude: Prelude | None = None,
) -> None:
    """Start the services, do what comes before, and look at what it takes from then on."""

    def measure() -> None:
        services = make_services()
        with bench.contending(contender, services) as program:
            bench.nursery.wait_all("born", len(services))
            time.sleep(SETTLE_S)
            if prelude is not None:
                prelude(bench)
            for figure, sample in zip(figures, _taken(program.pid, bench.idle_s), strict=True):
                figure.add(who, sample)

    bench.report.measure(figures, who, measure)


def _taken(main: int, window_s: float) -> tuple[float, float, float]:
    """CPU in percent of a core over the window; PSS and RSS in MB at its end."""
    pids = own_processes(main)
    began_s, before_s = time.monotonic(), cpu_seconds(pids)
    time.sleep(window_s)
    cpu = 100 * (cpu_seconds(pids) - before_s) / (time.monotonic() - began_s)
    return cpu, pss_mb(pids), rss_mb(pids)


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
