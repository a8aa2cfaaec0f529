"""How soon an agent is silent: after the stop key, after a part of the chain was killed or stands still."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial

from msgspec import Struct

from aurora_desktop.core.errors import AuroraError
from rig.bench import Bench
from rig.cockpit import FULL_SPEED, HOTKEY, KEY_PRESS, Cockpit, Observed, cockpit, within
from rig.figures import Figure
from rig.loads import LOADS, Load, Targets, targets

ESCAPE = 9  # its keycode on every X keyboard of a PC
MODIFIERS = (37, 50, 64)  # Control, Shift, Alt of the hotkey
AT_WORK_MS = 100
PERMITTED_PER_S = 200
FLOOD_PER_S = 4000
MISSED_S = 2.0
QUIET_S = 0.35
TRIES = 5
LEASE_S = 0.15
_SPREAD = (0.02, 0.4)  # a trial's moment within the action, in s


class IdleAgentError(RuntimeError):
    """There was nothing to be stopped."""


class Trial(Struct, frozen=True):
    """One stop as the observer saw it, in ms after the cause."""

    last_ms: float
    released_ms: float
    held: bool
    missed: bool


def stop(bench: Bench) -> list[Figure]:
    """Every kind of action at the permitted rate; idle, with busy cores, with main frozen."""
    return _stops_at(bench, "stop", PERMITTED_PER_S)


def flood(bench: Bench) -> list[Figure]:
    """The same far above the permitted rate."""
    return _stops_at(bench, "flood", FLOOD_PER_S)


def _stops_at(bench: Bench, name: str, rate: int) -> list[Figure]:
    figures = _figures(bench, name, "stop key")
    # Else the operator's first modifier would pause the agent, and hide how quick the stop is.
    settings = {**FULL_SPEED, "events_per_s": rate, "operator_first": False}
    with cockpit(bench, **settings) as pit, targets(pit, bench.folder / "targets") as aims:
        for condition, around in CONDITIONS.items():
            for load in LOADS:
                who = f"{load.name}, {rate}/s, {condition}"
                bench.report.measure(figures, who, partial(_stops, bench, figures, who, (pit, aims, load, around)))
    return figures


def _figures(bench: Bench, name: str, cause: str) -> list[Figure]:
    note = "by the X server's own clock, in whole ms; read from X RECORD by another process"
    yes = "1: yes, 0: no"
    return [
        bench.report.figure(f"{name}_last", f"{cause} to the last press or move", "ms", note),
        bench.report.figure(f"{name}_released", f"{cause} to the last release", "ms", "0: nothing was held"),
        bench.report.figure(f"{name}_held", f"{cause}: something is held in the end", "trial", yes),
        bench.report.figure(f"{name}_missed", f"{cause}: missed", "trial", yes),
    ]


def _add(figures: Sequence[Figure], who: str, trial: Trial) -> None:
    last, released, held, missed = figures
    last.add(who, trial.last_ms)
    released.add(who, trial.released_ms)
    held.add(who, float(trial.held))
    missed.add(who, float(trial.missed))


# --- the stop key ---------------------------------------------------------------------------------------------


@contextmanager
def _idle(_: Cockpit) -> Iterator[None]:
    yield


@contextmanager
def _busy(_: Cockpit) -> Iterator[None]:
    """Two loops, which is one for each core of the machine that the targets were set on."""
    loops = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(2)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


@contextmanager
def _frozen(pit: Cockpit) -> Iterator[None]:
    """Main stands still, but not yet for so long that the lease has ended."""
    os.kill(pit.aurora.pid, signal.SIGSTOP)
    try:
        time.sleep(random.uniform(0.0, LEASE_S / 3))
        yield
    finally:
        os.kill(pit.aurora.pid, signal.SIGCONT)


Around = Callable[[Cockpit], AbstractContextManager[None]]
CONDITIONS = {"idle": _idle, "two busy loops": _busy, "main frozen": _frozen}


def _stops(bench: Bench, figures: Sequence[Figure], who: str, stage: tuple[Cockpit, Targets, Load, Around]) -> None:
    for _ in range(bench.runs):
        _add(figures, who, _of_one_at_work(stage[0], partial(_stop_once, *stage)))


def _of_one_at_work(pit: Cockpit, trial: Callable[[], Trial]) -> Trial:
    """A trial in which the agent had lost the lease before its moment came proves nothing: it is made again."""
    for _ in range(TRIES):
        if pit.control()["state"] != "armed":
            pit.arm_by_hand()
        try:
            return trial()
        except IdleAgentError as error:
            print(f"    once more: {error}", file=sys.stderr)
    raise RuntimeError(f"the agent was not at work in {TRIES} trials")


def _stop_once(pit: Cockpit, aims: Targets, load: Load, around: Around) -> Trial:
    clearance = pit.aurora.paths.clearance
    with _under_way(pit, aims, load) as mark, around(pit):
        with pit.operator.holding(HOTKEY):
            taken = within(lambda: not clearance.exists(), MISSED_S)
            time.sleep(QUIET_S)
            seen = pit.observer.since(mark)
        pit.operator.sync()
        held = bool(pit.observer.held())
    pressed = next(n for n, event in enumerate(seen) if event.kind == KEY_PRESS and event.detail == ESCAPE)
    _must_have_worked(seen[:pressed], seen[pressed].server_ms)
    behind = [event for event in seen[pressed + 1 :] if event.detail != ESCAPE]
    return _trial(behind, seen[pressed].server_ms, held=held, missed=not taken)


def _must_have_worked(before: Sequence[Observed], now_ms: int) -> None:
    """A stop of an agent that had nothing more to do would prove nothing. Raises IdleAgentError."""
    own = [event.server_ms for event in before if event.is_press and event.detail not in MODIFIERS]
    if not own or now_ms - own[-1] > AT_WORK_MS:
        raise IdleAgentError("the agent was not at work when the stop key was pressed")


@contextmanager
def _under_way(pit: Cockpit, aims: Targets, load: Load) -> Iterator[int]:
    """The action, at a moment nobody chose; a mark from before it. Raises IdleAgentError."""
    aims.ready(load)
    pit.observer.clear()
    try:
        pit.until_under_way(pit.submit(load.action), 0)
    except (AuroraError, AssertionError) as error:
        raise IdleAgentError(str(error)) from error
    time.sleep(random.uniform(*_SPREAD))
    yield 0


def _trial(behind: list[Observed], began_ms: float, *, held: bool, missed: bool) -> Trial:
    last = max((event.server_ms for event in behind if event.is_press), default=began_ms)
    released = max((event.server_ms for event in behind if not event.is_press), default=began_ms)
    return Trial(last - began_ms, released - began_ms, held, missed)


# --- parts of the chain killed, or standing still -------------------------------------------------------------


def kill(bench: Bench) -> list[Figure]:
    """SIGKILL of each part at a random moment. `missed`: control was still armed afterwards."""
    return _each_part(bench, "kill", signal.SIGKILL)


def freeze(bench: Bench) -> list[Figure]:
    """SIGSTOP of each part in the middle of an action, and SIGCONT a second later, when all has to be let go."""
    return _each_part(bench, "freeze", signal.SIGSTOP)


PARTS: dict[str, Callable[[Cockpit], int]] = {
    "worker": Cockpit.worker_pid,
    "guard": Cockpit.guard_pid,
    "main": lambda pit: pit.aurora.pid,
}


def _each_part(bench: Bench, name: str, number: signal.Signals) -> list[Figure]:
    figures = _figures(bench, name, f"{number.name} of a part")
    with ExitStack() as stack:
        pit = stack.enter_context(cockpit(bench))
        aims = stack.enter_context(targets(pit, bench.folder / "targets"))
        for part in PARTS:
            for load in LOADS:
                who = f"{part}, {load.name}"
                bench.report.measure(
                    figures, who, partial(_signals, bench, figures, who, (pit, aims, load, part, number))
                )
    return figures


def _signals(
    bench: Bench, figures: Sequence[Figure], who: str, stage: tuple[Cockpit, Targets, Load, str, signal.Signals]
) -> None:
    for _ in range(bench.runs):
        _add(figures, who, _of_one_at_work(stage[0], partial(_signal_once, *stage)))


def _signal_once(pit: Cockpit, aims: Targets, load: Load, part: str, number: signal.Signals) -> Trial:
    pid = PARTS[part](pit)
    with _under_way(pit, aims, load) as mark:
        began_ms = time.monotonic_ns() // 1_000_000
        try:
            os.kill(pid, number)
        except ProcessLookupError as error:
            raise IdleAgentError("it had ended by itself: the lease was lost") from error
        time.sleep(1.0)
        behind = [event for event in pit.observer.since(mark) if event.server_ms > began_ms]
        if number == signal.SIGSTOP:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        _wait_for_main(pit)
        armed = pit.control()["state"] == "armed"
        _disarm(pit)  # a worker that only stood still goes on, which is right
        within(lambda: not pit.observer.held(), MISSED_S)
    missed = armed and not (part == "worker" and number == signal.SIGSTOP)
    return _trial(behind, began_ms, held=bool(pit.observer.held()), missed=missed)


def _wait_for_main(pit: Cockpit) -> None:
    if not pit.aurora.is_running:
        pit.aurora.start_desktop()


def _disarm(pit: Cockpit) -> None:
    if pit.control()["state"] == "armed":
        pit.aurora.command("disarm")
        pit.until_control("disarmed")
