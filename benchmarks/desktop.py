"""The figures of the desktop: how soon it is there, and what it takes to have it there.

    .venv/bin/python benchmarks/desktop.py [--quick] [--only start] [--json FILE]

A real tray (icewm) on a display of its own (Xvfb). What is missing is said and left out.
"""

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

from rig.bench import TRAY, Bench, run
from rig.figures import Figure
from rig.idle import idle_figures, is_window, leave_alone, open_and_close, open_window, raise_window
from rig.machine import pss_by_kind_mb
from rig.programs import RIG, Aurora, fresh, running
from rig.x11 import Seen, XServer

SHOWN_TIMEOUT_S = 30.0
SETTLE_S = 3.0
SERVICES = 10
OPENED_AGAIN = 5
WINDOW = Aurora("Aurora, window", "")


def start(bench: Bench) -> list[Figure]:
    """From exec to what a person sees, beside the least that any tray app made with PySide6 takes."""
    figure = bench.report.figure(
        "start",
        "cold start: exec to mapped on the screen",
        "s",
        f"with {SERVICES} services; files were read before; the tray is icewm's",
    )
    ways: dict[str, Callable[[Figure, str], None]] = {
        "limit: PySide6 with an icon, tray": partial(_start_floor, bench),
        "Aurora, tray (window hidden)": partial(_start_aurora, bench, TRAY, _is_icon),
        "Aurora, tray (window opens too)": partial(_start_aurora, bench, WINDOW, _is_icon),
        "Aurora, window": partial(_start_aurora, bench, WINDOW, is_window),
    }
    for number in range(_rounds(bench) + 1):
        for who, measure in ways.items():
            into = figure if number else Figure("", "warm-up", "")
            bench.report.measure([figure], who, partial(measure, into, who))
    return [figure]


def _rounds(bench: Bench) -> int:
    return max(1, bench.runs // 3)


def _is_icon(seen: Seen) -> bool:
    return seen.wm_class.startswith("aurora-desktop") and seen.width <= 64


def _start_aurora(bench: Bench, contender: Aurora, wanted: Callable[[Seen], bool], into: Figure, who: str) -> None:
    server = XServer(bench.screen.name)
    try:
        with bench.contending(contender, bench.services(SERVICES)) as program:
            _, at_ns = server.wait_for(wanted, SHOWN_TIMEOUT_S)
            into.add(who, (at_ns - program.begun_ns) / 1e9)
            bench.nursery.wait_all("born", SERVICES)
    finally:
        server.close()


def _start_floor(bench: Bench, into: Figure, who: str) -> None:
    command = [sys.executable, str(RIG / "floor_tray.py")]
    server = XServer(bench.screen.name)
    try:
        with running(command, fresh(bench.folder, "floor"), bench.screen.environment) as program:
            _, at_ns = server.wait_for(lambda seen: seen.wm_class.startswith("floor-tray"), SHOWN_TIMEOUT_S)
            into.add(who, (at_ns - program.begun_ns) / 1e9)
    finally:
        server.close()


def window(bench: Bench) -> list[Figure]:
    """From the wish to see the window (a second start, a click) to the window on the screen."""
    figure = bench.report.figure(
        "window",
        "opening the window: asked for to mapped",
        "ms",
        f"with {SERVICES} services; the wish comes through the local API; the first time its modules are imported",
    )
    for _ in range(max(1, bench.runs // 10)):
        bench.report.measure([figure], "the first time", partial(_open_often, bench, figure))
    return [figure]


def _open_often(bench: Bench, figure: Figure) -> None:
    with bench.contending(TRAY, bench.services(SERVICES)):
        bench.nursery.wait_all("born", SERVICES)
        time.sleep(SETTLE_S)
        figure.add("the first time", _opened_ms(bench))
        for _ in range(OPENED_AGAIN):
            figure.add("again", _opened_ms(bench))


def _opened_ms(bench: Bench) -> float:
    """Opens the window and closes it again."""
    server = XServer(bench.screen.name)
    try:
        began_ns = time.monotonic_ns()
        raise_window(bench)
        seen, at_ns = server.wait_for(is_window, SHOWN_TIMEOUT_S)
        time.sleep(1.0)
        server.ask_to_close(seen.id)
        server.wait_gone(is_window, SHOWN_TIMEOUT_S)
        return (at_ns - began_ns) / 1e6
    finally:
        server.close()


def memory(bench: Bench) -> list[Figure]:
    """Where the memory lies, before the window was ever opened and after."""
    figures = []
    for name, title, prelude in (
        ("memory_closed", "PSS of the main process, window never opened", None),
        ("memory_opened", "PSS of the main process, window opened and closed", open_and_close),
    ):
        figure = bench.report.figure(name, title, "MB", f"with {SERVICES} services")
        figures.append(figure)
        bench.report.measure([figure], "all of it", partial(_split, bench, figure, prelude))
    return figures


def _split(bench: Bench, figure: Figure, prelude: Callable[[Bench], None] | None) -> None:
    with bench.contending(TRAY, bench.services(SERVICES)) as program:
        bench.nursery.wait_all("born", SERVICES)
        time.sleep(SETTLE_S)
        if prelude is not None:
            prelude(bench)
        kinds = pss_by_kind_mb(program.pid)
        figure.add("all of it", sum(kinds.values()))
        for kind, megabytes in kinds.items():
            if megabytes >= 0.1:
                figure.add(kind, megabytes)


def idle(bench: Bench) -> list[Figure]:
    """The window open and in nobody's hands: what showing a hundred services costs."""
    figures = idle_figures(bench)
    for count in (10, 100):
        services = partial(bench.services, count)
        leave_alone(bench, figures, f"{count:3} services, window open", TRAY, services, open_window)
    return figures


MEASUREMENTS: dict[str, Callable[[Bench], Sequence[Figure]]] = {
    "start": start,
    "window": window,
    "memory": memory,
    "idle": idle,
}

if __name__ == "__main__":
    run("Measure the desktop on a display of its own.", MEASUREMENTS)
