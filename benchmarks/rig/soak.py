"""A day of use in small: many actions, armed and disarmed again and again. What grows?"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xcffib
import xcffib.res
from msgspec import Struct

from rig.bench import Bench
from rig.cockpit import FULL_SPEED, Canvas, Cockpit, cockpit
from rig.figures import Figure
from rig.hands import PLACE, performed
from rig.machine import own_processes, pss_mb

_XCB: Any = xcffib  # half typed: half of it would not pass
ACTIONS_PER_ARMING = 100
BLOCKS = 10
SETTLE_S = 2.0


class Counted(Struct, frozen=True):
    """What Aurora's processes have taken, in one moment while armed."""

    pss_mb: float
    threads: int
    descriptors: int
    x_resources: int


def soak(bench: Bench) -> list[Figure]:
    """`runs` armings of 100 actions each; looked at after each tenth of them, always in the same state."""
    note = f"{bench.runs} armings of {ACTIONS_PER_ARMING} actions; one row for each tenth; all processes of Aurora"
    figures = [
        bench.report.figure("soak_pss", "soak: memory, PSS", "MB", note),
        bench.report.figure("soak_threads", "soak: threads", "threads"),
        bench.report.figure("soak_descriptors", "soak: file descriptors", "descriptors"),
        bench.report.figure("soak_x", "soak: resources of all clients in the X server", "resources"),
    ]
    with cockpit(bench, **FULL_SPEED) as pit, Canvas(pit.screen, bench.folder / "canvas", place=PLACE) as canvas:
        bench.report.measure(figures, "all", lambda: _go_on(bench, figures, pit, canvas))
    return figures


def _go_on(bench: Bench, figures: Sequence[Figure], pit: Cockpit, canvas: Canvas) -> None:
    armings = max(1, bench.runs // BLOCKS)
    _note(figures, "at first", pit)
    for block in range(1, BLOCKS + 1):
        for _ in range(armings):
            canvas.take_keyboard()
            _act(pit, canvas)
            pit.aurora.command("disarm")
            pit.until_control("disarmed")
            pit.arm_by_hand()
        canvas.forget()
        pit.observer.clear()
        _note(figures, f"after {block * armings * ACTIONS_PER_ARMING:7} actions", pit)


def _act(pit: Cockpit, canvas: Canvas) -> None:
    actions: list[dict[str, object]] = [
        {"action": "mouse_move", "at": {"x": 300, "y": 300}},
        {"action": "left_click", "at": {"x": 400, "y": 300}},
        {"action": "key", "keys": "a"},
        {"action": "type", "text": "aé漢😀"},
        {"action": "scroll", "dy": 1, "at": {"x": 400, "y": 300}},
    ]
    for number in range(ACTIONS_PER_ARMING):
        while not performed(pit, actions[number % len(actions)]):
            pit.arm_by_hand()
            canvas.take_keyboard()


def _note(figures: Sequence[Figure], who: str, pit: Cockpit) -> None:
    time.sleep(SETTLE_S)
    counted = _count(pit)
    print(f"    {who}: {counted}", file=sys.stderr)
    for figure, value in zip(
        figures, (counted.pss_mb, counted.threads, counted.descriptors, counted.x_resources), strict=True
    ):
        figure.add(who, float(value))


def _count(pit: Cockpit) -> Counted:
    pids = own_processes(pit.aurora.pid)
    return Counted(
        pss_mb(pids),
        sum(len(os.listdir(f"/proc/{pid}/task")) for pid in pids),
        sum(len(os.listdir(Path(f"/proc/{pid}/fd"))) for pid in pids),
        x_resources(pit.screen.name),
    )


def x_resources(display: str) -> int:
    """Windows, pixmaps, contexts and so on of all clients together; our own connection has the same few each time."""
    server = _XCB.connect(display=display)
    try:
        resources = server(_XCB.res.key)
        total = 0
        for client in resources.QueryClients().reply().clients:
            total += sum(kind.count for kind in resources.QueryClientResources(client.resource_base).reply().types)
        return total
    finally:
        server.disconnect()
