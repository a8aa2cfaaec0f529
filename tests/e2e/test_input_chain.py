"""Each part of the chain killed or standing still: nothing stays held, nothing more comes, the gate is closed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aurora_desktop.safety.urgency import NICE

from . import machine
from .aurora import Aurora, clean_environment
from .cockpit import Cockpit
from .fields import Canvas
from .loads import LOADS, PLACE
from .observer import Observer
from .vnc import VncScreen
from .waiting import eventually, holds

pytestmark = pytest.mark.brake

PARTS: dict[str, Callable[[Cockpit], int]] = {
    "worker": Cockpit.worker_pid,
    "guard": Cockpit.guard_pid,
    "main": lambda cockpit: cockpit.aurora.pid,
}
UNDER_WAY = ("typing", "typing_with_shift", "dragging", "holding_a_key")


@pytest.fixture
def canvas(cockpit: Cockpit, tmp_path: Path) -> Iterator[Canvas]:
    """What the agent acts upon, with an armed Aurora behind it."""
    with Canvas(cockpit.screen, tmp_path, place=PLACE) as canvas:
        cockpit.start_armed()
        canvas.take_keyboard()
        yield canvas


@pytest.mark.parametrize("load", UNDER_WAY)
@pytest.mark.parametrize("part", ["worker", "guard"])
def test_the_death_of_a_part_lets_go_of_everything(cockpit: Cockpit, canvas: Canvas, part: str, load: str) -> None:
    with cockpit.busy(LOADS[load]) as task:
        machine.kill(PARTS[part](cockpit))
        cockpit.until_control("disarmed", "closed")
    cockpit.stays_silent()
    cockpit.until_no_worker()
    ended = cockpit.task(task["task_id"], 10)
    assert ended["outcome"] in ("partial", "uncertain"), ended


def may_hurry() -> bool:
    """Whether this user may take a higher priority by himself: the other way asks a service that is not here."""
    trial = "import os, sys; from aurora_desktop.safety.urgency import hurry; hurry(); sys.exit(os.nice(0) >= 0)"
    return subprocess.run([sys.executable, "-c", trial], check=False).returncode == 0


def test_the_guard_goes_ahead_of_the_worker_and_of_all_others(cockpit: Cockpit, canvas: Canvas) -> None:
    with cockpit.busy(LOADS["typing"]):
        niceness = {part: os.getpriority(os.PRIO_PROCESS, pid(cockpit)) for part, pid in PARTS.items()}
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    assert niceness == {"worker": max(usual, 0), "guard": NICE if may_hurry() else usual, "main": usual}


@pytest.mark.parametrize("load", UNDER_WAY)
def test_the_death_of_main_lets_go_of_everything(cockpit: Cockpit, canvas: Canvas, load: str) -> None:
    worker, guard = cockpit.worker_pid(), cockpit.guard_pid()
    with cockpit.busy(LOADS[load]):
        cockpit.aurora.crash()
    cockpit.aurora.until_gone(worker)  # it acts for as long as its lease lasts
    cockpit.stays_silent()
    cockpit.aurora.until_gone(guard)
    cockpit.aurora.start_desktop()
    cockpit.until_guarded()
    assert cockpit.control()["state"] == "disarmed"
    cockpit.stays_silent()


def test_a_worker_that_was_killed_is_told_and_counted(cockpit: Cockpit, canvas: Canvas) -> None:
    machine.kill(cockpit.worker_pid())
    assert cockpit.aurora.until_event("worker_crashed", "input_agent")["restart_count"] == 1
    assert cockpit.until_control("disarmed")["worker_restarts"] == 1
    cockpit.arm_by_hand()
    canvas.take_keyboard()
    assert cockpit.act("key", keys="a")["outcome"] == "done"


def test_a_guard_that_was_killed_comes_back_and_stops_again(cockpit: Cockpit, canvas: Canvas) -> None:
    guard = cockpit.guard_pid()
    machine.kill(guard)
    eventually(lambda: cockpit.guard_pid() != guard, "there is a new guard")
    cockpit.arm_by_hand()
    canvas.take_keyboard()
    with cockpit.busy(LOADS["typing"]):
        cockpit.operator.press(cockpit.hotkey)
        cockpit.until_control("latched")
    cockpit.stays_silent()


@pytest.mark.parametrize("load", UNDER_WAY)
def test_main_stands_still_and_the_agent_falls_silent(cockpit: Cockpit, canvas: Canvas, load: str) -> None:
    with cockpit.busy(LOADS[load]) as task, machine.stopped(cockpit.aurora.pid):
        cockpit.until_no_worker()
        cockpit.stays_silent()
    cockpit.until_control("disarmed")
    reasons = [event["reason"] for event in cockpit.aurora.events("control_disarmed")]
    assert any("did not answer" in reason for reason in reasons), reasons
    assert cockpit.task(task["task_id"], 10)["outcome"] in ("partial", "uncertain")


def test_the_guard_stands_still_and_the_agent_falls_silent(cockpit: Cockpit, canvas: Canvas) -> None:
    guard = cockpit.guard_pid()
    with cockpit.busy(LOADS["dragging"]):
        os.kill(guard, signal.SIGSTOP)
        cockpit.until_control("disarmed", "closed")
    cockpit.stays_silent()
    eventually(lambda: cockpit.guard_pid() != guard, "there is a new guard")
    cockpit.until_guarded()
    cockpit.until_no_worker()


def test_the_worker_stands_still_and_nothing_stays_held(cockpit: Cockpit, canvas: Canvas) -> None:
    with cockpit.busy(LOADS["typing_with_shift"]), machine.stopped(cockpit.worker_pid()):
        mark = cockpit.observer.mark()
        holds(lambda: cockpit.observer.mark() == mark, 0.3, "no event comes")
        cockpit.operator.press(cockpit.hotkey)
        cockpit.until_control("latched")
        cockpit.until_nothing_held()
    cockpit.stays_silent()
    cockpit.until_no_worker()


def test_a_gate_closed_in_the_middle_ends_the_action(cockpit: Cockpit, canvas: Canvas) -> None:
    with cockpit.busy(LOADS["dragging"]) as task:
        cockpit.write_gate("operator_enabled: false\n")
        cockpit.until_control("closed")
    cockpit.stays_silent()
    assert cockpit.task(task["task_id"], 10)["outcome"] in ("partial", "uncertain")
    cockpit.until_no_worker()


def test_disarming_ends_the_action_without_a_latch(cockpit: Cockpit, canvas: Canvas) -> None:
    with cockpit.busy(LOADS["dragging"]) as task:
        assert cockpit.aurora.command("disarm").returncode == 0
        cockpit.until_control("disarmed")
    cockpit.stays_silent()
    assert cockpit.task(task["task_id"], 10)["outcome"] in ("partial", "uncertain")


def test_a_screen_of_another_size_ends_the_action(cockpit: Cockpit, canvas: Canvas) -> None:
    try:
        with cockpit.busy(LOADS["dragging"]) as task:
            cockpit.operator.resize(1024, 768)
            ended = cockpit.task(task["task_id"], 20)
    finally:
        cockpit.operator.resize(1280, 800)
    assert ended["outcome"] in ("partial", "refused"), ended
    assert "screen" in ended["reason"] or "display" in ended["reason"], ended
    cockpit.stays_silent()


def test_the_operator_comes_first(cockpit: Cockpit, canvas: Canvas) -> None:
    with cockpit.busy({"action": "type", "text": "abc" * 300}) as task:
        cockpit.operator.move(700, 500)
        eventually(lambda: cockpit.control()["human_active"], "the agent was paused")
        cockpit.operator.sync()
        mark = cockpit.observer.mark()
        assert not cockpit.observer.held()
        cockpit.until_events(mark)  # the operator is still, and the agent goes on
    ended = cockpit.task(task["task_id"], 60)
    assert (ended["outcome"], ended["human_active"]) == ("done", True), ended
    assert canvas.content() == "abc" * 300


def test_a_drag_that_the_operator_interrupts_lets_go(cockpit: Cockpit, canvas: Canvas) -> None:
    with cockpit.busy(LOADS["dragging"]) as task:
        cockpit.operator.move(700, 500)
        ended = cockpit.task(task["task_id"], 30)
    assert (ended["outcome"], ended["human_active"]) == ("partial", True), ended
    cockpit.stays_silent()


def test_the_death_of_the_display_ends_everything(tmp_path: Path) -> None:
    with VncScreen(tmp_path) as screen:
        screen.start_host()
        operator, observer = screen.operator(), Observer(screen.name)
        aurora = Aurora(tmp_path, clean_environment(tmp_path, **screen.environment))
        try:
            cockpit = Cockpit(aurora, screen, operator, observer)
            cockpit.start_armed()
            parts = cockpit.guard_pid(), cockpit.worker_pid()
            screen.kill_server()
            aurora.until_gone(*parts)
            aurora.ended()
        finally:
            complaints = aurora.clean_up()
            operator.close()
            observer.close()
    assert not [each for each in complaints if "left alive" in each]
