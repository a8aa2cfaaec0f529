"""The operator, the observer and the armed Aurora of the benchmarks: borrowed from the end-to-end tests."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rig.bench import Bench
from rig.programs import fresh

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))

from e2e.aurora import Aurora, clean_environment
from e2e.cockpit import HOTKEY, Cockpit
from e2e.fields import Canvas, GtkField, QtField, XtermField
from e2e.observer import KEY_PRESS, Held, Observed, Observer
from e2e.vnc import VncScreen

FULL_SPEED = {"events_per_s": 5000, "policy": {"max_actions_per_s": 1000, "max_characters_per_s": 100_000}}

__all__ = [
    "FULL_SPEED",
    "HOTKEY",
    "KEY_PRESS",
    "Canvas",
    "Cockpit",
    "GtkField",
    "Held",
    "Observed",
    "Observer",
    "QtField",
    "VncScreen",
    "XtermField",
    "cockpit",
    "display",
    "within",
]


@contextmanager
def display(bench: Bench) -> Iterator[VncScreen]:
    """A display with an operator and a window manager."""
    with VncScreen(fresh(bench.folder, "screen")) as screen:
        screen.start_host()
        yield screen


@contextmanager
def cockpit(bench: Bench, **settings: Any) -> Iterator[Cockpit]:
    """An Aurora with these settings of `input`, armed by the operator's hand. What went wrong is printed in the end."""
    with ExitStack() as stack:
        screen = stack.enter_context(display(bench))
        operator = stack.enter_context(screen.operator())
        observer = stack.enter_context(Observer(screen.name))
        folder = fresh(bench.folder, "aurora")
        aurora = Aurora(folder, clean_environment(folder, **screen.environment))
        stack.callback(_clean_up, aurora)
        made = Cockpit(aurora, screen, operator, observer)
        made.start_armed(**{"arm_minutes": 480, **settings})
        yield made


def _clean_up(aurora: Aurora) -> None:
    for complaint in aurora.clean_up():
        print(f"    {complaint}", file=sys.stderr)


def within(condition: Callable[[], object], timeout_s: float) -> bool:
    """Whether it came true in time, asked every millisecond."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True
