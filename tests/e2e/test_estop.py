"""The emergency stop, from every source, with the real program, a real display and an operator's hands."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from . import machine
from .cockpit import HOTKEY, Cockpit
from .fields import Canvas
from .loads import LOADS, PLACE
from .services import calm, family, family_pids
from .waiting import eventually, holds

pytestmark = pytest.mark.brake


@pytest.fixture
def canvas(cockpit: Cockpit, tmp_path: Path) -> Iterator[Canvas]:
    """What the agent acts upon."""
    with Canvas(cockpit.screen, tmp_path, place=PLACE) as canvas:
        yield canvas


@pytest.fixture
def at_work(cockpit: Cockpit, canvas: Canvas) -> Callable[[], str]:
    """Arm, and have an agent type; gives the task's id."""

    def begin() -> str:
        cockpit.start_armed()
        canvas.take_keyboard()
        with cockpit.busy(LOADS["typing"]) as task:
            return str(task["task_id"])

    return begin


def _stops(cockpit: Cockpit) -> list[dict[str, object]]:
    return cockpit.aurora.events("emergency_stopped")


# --- the stop key ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("load", LOADS)
def test_the_hotkey_stops_the_agent_whatever_it_does(cockpit: Cockpit, canvas: Canvas, load: str) -> None:
    cockpit.start_armed()
    canvas.take_keyboard()
    with cockpit.busy(LOADS[load]) as task, cockpit.operator.holding(HOTKEY):
        cockpit.until_stopped("hotkey")
    ended = cockpit.task(task["task_id"], 10)
    assert (ended["status"], ended["outcome"] in ("partial", "uncertain")) == ("failed", True), ended
    cockpit.stays_silent()
    cockpit.until_no_worker()


def test_the_hotkey_stops_the_agent_while_main_stands_still(cockpit: Cockpit, at_work: Callable[[], str]) -> None:
    at_work()
    with machine.stopped(cockpit.aurora.pid):
        with cockpit.operator.holding(HOTKEY):
            eventually(lambda: not cockpit.aurora.paths.clearance.exists(), "the latch is set")
        cockpit.until_no_worker()
        cockpit.stays_silent()
    cockpit.until_stopped("hotkey")


@pytest.mark.parametrize("lock", ["Caps_Lock", "Num_Lock"])
def test_a_lock_of_the_keyboard_changes_nothing(cockpit: Cockpit, canvas: Canvas, lock: str) -> None:
    """Neither for what is held to arm, nor for what is typed, nor for the stop."""
    cockpit.screen.press(lock)
    try:
        cockpit.start_armed()
        canvas.take_keyboard()
        with cockpit.busy(LOADS["typing"]), cockpit.operator.holding(HOTKEY):
            cockpit.until_stopped("hotkey")
        cockpit.stays_silent()
    finally:
        cockpit.screen.press(lock)


def test_a_part_of_the_hotkey_does_not_stop(cockpit: Cockpit, canvas: Canvas) -> None:
    cockpit.start_armed(operator_first=False)
    canvas.take_keyboard()
    with cockpit.busy(LOADS["typing"]):
        for part in ("ctrl+shift+Escape", "ctrl+alt+shift", "Escape"):
            cockpit.operator.press(part)
        cockpit.operator.sync()
        cockpit.until_events(cockpit.observer.mark())
    assert cockpit.control()["state"] == "armed"


def test_the_hotkey_latches_when_nothing_is_armed(cockpit: Cockpit) -> None:
    cockpit.start_armed()
    cockpit.aurora.command("disarm")
    cockpit.until_control("disarmed")
    cockpit.operator.press(HOTKEY)
    cockpit.until_stopped("hotkey")


def test_another_hotkey_can_be_set(cockpit: Cockpit, at_work: Callable[[], str]) -> None:
    cockpit.write_gate()
    cockpit.start(hotkey="ctrl+super+F9")
    cockpit.hotkey = "ctrl+super+F9"
    cockpit.arm_by_hand()
    cockpit.operator.press(HOTKEY)
    cockpit.operator.sync()
    assert cockpit.control()["state"] == "armed"
    cockpit.operator.press("ctrl+super+F9")
    cockpit.until_stopped("hotkey")


# --- the other sources ----------------------------------------------------------------------------------------


def _by_command(cockpit: Cockpit) -> None:
    done = cockpit.aurora.command("estop", "--reason", "a test")
    assert done.returncode == 0, done.stderr


def _by_api(cockpit: Cockpit) -> None:
    cockpit.aurora.client.post("/v1/estop", {"reason": "a test"}, scope="read")


def _by_guard_socket(cockpit: Cockpit) -> None:
    with _guard_socket(cockpit) as guard:
        guard.sendall(b"stop test\n")
        assert json.loads(guard.makefile().readline())["stopped"] is True


@contextmanager
def _guard_socket(cockpit: Cockpit) -> Iterator[socket.socket]:
    """A connection that the guard has taken: it has answered once."""
    with socket.socket(socket.AF_UNIX) as guard:
        guard.settimeout(10)
        guard.connect(str(cockpit.aurora.paths.guard_socket))
        guard.sendall(b"status\n")
        assert json.loads(guard.makefile().readline())["pid"] == cockpit.guard_pid()
        yield guard


def _by_window(cockpit: Cockpit) -> None:
    cockpit.take_window()
    cockpit.operator.press("F12")


def _by_tray(cockpit: Cockpit) -> None:
    icon = eventually(cockpit.screen.icon, "the icon is in the tray")
    cockpit.operator.click(*icon.middle, number=3)
    menu = eventually(cockpit.screen.menu, "a right click opens the menu")
    cockpit.operator.click(menu.x + 30, menu.y + 14)


def _by_corner(cockpit: Cockpit) -> None:
    cockpit.operator.move(0, 0)
    cockpit.operator.sync()


SOURCES = {
    "command": _by_command,
    "api": _by_api,
    "test": _by_guard_socket,
    "window": _by_window,
    "tray": _by_tray,
    "corner": _by_corner,
}


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_stops_the_agent_and_latches(cockpit: Cockpit, at_work: Callable[[], str], source: str) -> None:
    task_id = at_work()
    SOURCES[source](cockpit)
    cockpit.until_stopped(source)
    assert cockpit.task(task_id, 10)["status"] == "failed"
    cockpit.stays_silent()
    cockpit.until_no_worker()


def test_the_command_stops_while_main_stands_still(cockpit: Cockpit, at_work: Callable[[], str]) -> None:
    at_work()
    with machine.stopped(cockpit.aurora.pid):
        _by_command(cockpit)
        assert not cockpit.aurora.paths.clearance.exists()
        cockpit.stays_silent()
    cockpit.until_stopped("command")


def test_several_sources_at_once_are_one_stop(cockpit: Cockpit, at_work: Callable[[], str]) -> None:
    at_work()
    with ExitStack() as stack:
        callers = [stack.enter_context(_guard_socket(cockpit)) for _ in range(3)]
        with machine.stopped(cockpit.guard_pid()):  # so that it finds all of them waiting
            for caller in callers:
                caller.sendall(b"stop test\n")
            cockpit.operator.press(HOTKEY)
        answers = [json.loads(caller.makefile().readline()) for caller in callers]
    assert all(answer["stopped"] for answer in answers)
    cockpit.until_control("latched")
    cockpit.stays_silent()
    assert len(_stops(cockpit)) == 1


# --- marked services ------------------------------------------------------------------------------------------


def test_marked_services_are_frozen_or_stopped_with_their_trees(cockpit: Cockpit, tmp_path: Path) -> None:
    book = tmp_path / "book"
    services = {
        "frozen": family(book, on_estop="freeze"),
        "stopped": calm(on_estop="stop"),
        "ignored": calm(),
    }
    cockpit.start_armed(services)
    cockpit.aurora.until("stopped", "running", "ready")
    tree = eventually(lambda: family_pids(book), "the whole family is there")
    stopped, ignored = cockpit.aurora.service_pid("stopped"), cockpit.aurora.service_pid("ignored")
    cockpit.operator.press(HOTKEY)
    cockpit.until_control("latched")
    eventually(lambda: all(machine.state_of(pid) == "T" for pid in tree), "the whole tree stands still")
    eventually(lambda: not machine.is_alive(stopped), "the other one was stopped")
    assert machine.is_alive(ignored)
    assert machine.state_of(ignored) != "T"
    eventually(lambda: "frozen" in cockpit.control()["frozen"], "it is shown as frozen")


def test_the_second_press_stops_what_the_first_one_froze(cockpit: Cockpit, tmp_path: Path) -> None:
    book = tmp_path / "book"
    cockpit.start_armed({"frozen": family(book, on_estop="freeze")})
    tree = eventually(lambda: family_pids(book), "the whole family is there")
    cockpit.operator.press(HOTKEY)
    eventually(lambda: all(machine.state_of(pid) == "T" for pid in tree), "the whole tree stands still")
    cockpit.operator.press(HOTKEY)
    eventually(lambda: not any(machine.is_alive(pid) for pid in tree), "the whole tree is stopped")
    assert cockpit.until_control("latched")["frozen"] == []
    cockpit.aurora.until("frozen", "stopped", "failed", "frozen")


def test_a_reset_resumes_nothing_and_a_thaw_does(cockpit: Cockpit, tmp_path: Path) -> None:
    book = tmp_path / "book"
    cockpit.start_armed({"frozen": family(book, on_estop="freeze")})
    tree = eventually(lambda: family_pids(book), "the whole family is there")
    cockpit.operator.press(HOTKEY)
    eventually(lambda: all(machine.state_of(pid) == "T" for pid in tree), "the whole tree stands still")
    cockpit.reset()
    holds(lambda: all(machine.state_of(pid) == "T" for pid in tree), 0.5, "it stays frozen")
    assert cockpit.control()["state"] == "disarmed"


def test_frozen_services_stay_frozen_over_the_death_of_main(cockpit: Cockpit, tmp_path: Path) -> None:
    book = tmp_path / "book"
    cockpit.start_armed({"frozen": family(book, on_estop="freeze")})
    tree = eventually(lambda: family_pids(book), "the whole family is there")
    cockpit.operator.press(HOTKEY)
    eventually(lambda: all(machine.state_of(pid) == "T" for pid in tree), "the whole tree stands still")
    guard = cockpit.guard_pid()
    cockpit.aurora.crash()
    cockpit.aurora.start_desktop()
    cockpit.until_control("latched")
    cockpit.aurora.until_gone(guard)  # retired by its successor
    assert all(machine.state_of(pid) == "T" for pid in tree)


def test_the_hotkey_freezes_marked_services_after_the_death_of_main(cockpit: Cockpit, tmp_path: Path) -> None:
    book = tmp_path / "book"
    cockpit.start_armed({"frozen": family(book, on_estop="freeze")})
    tree = eventually(lambda: family_pids(book), "the whole family is there")
    guard = cockpit.guard_pid()
    cockpit.aurora.crash()
    cockpit.operator.press(HOTKEY)
    eventually(lambda: all(machine.state_of(pid) == "T" for pid in tree), "the whole tree stands still")
    cockpit.aurora.start_desktop()
    cockpit.aurora.until_gone(guard)  # retired by its successor
    cockpit.until_control("latched")


# --- the latch ------------------------------------------------------------------------------------------------


def test_the_latch_survives_a_crash_and_a_restart(cockpit: Cockpit, at_work: Callable[[], str]) -> None:
    at_work()
    cockpit.operator.press(HOTKEY)
    cockpit.until_control("latched")
    cockpit.aurora.crash()
    cockpit.aurora.start_desktop()
    cockpit.until_guarded()
    cockpit.until_control("latched")
    assert "stopped by" in str(cockpit.refusal("release_all"))


def test_a_fresh_installation_is_latched(cockpit: Cockpit) -> None:
    cockpit.write_gate()
    cockpit.start()
    cockpit.until_guarded()
    control = cockpit.until_control("latched")
    assert control["stopped_by"] == ""
    assert "never cleared" in control["reason"]


def test_what_waited_is_refused_and_not_replayed_after_a_reset(cockpit: Cockpit, at_work: Callable[[], str]) -> None:
    at_work()
    waiting = [cockpit.submit("key", keys="x")["task_id"] for _ in range(3)]
    cockpit.operator.press(HOTKEY)
    cockpit.until_control("latched")
    assert {cockpit.task(each, 10)["outcome"] for each in waiting} == {"refused"}
    cockpit.arm_by_hand()
    cockpit.stays_silent()


# --- nobody but the operator arms -----------------------------------------------------------------------------


@pytest.mark.parametrize(("keys", "state"), [("r", "latched"), ("a", "disarmed")])
def test_synthetic_keys_neither_reset_nor_arm(cockpit: Cockpit, keys: str, state: str) -> None:
    if state == "latched":
        cockpit.write_gate()
        cockpit.start()
        cockpit.until_guarded()
    else:
        cockpit.start_armed()
        cockpit.aurora.command("disarm")
    cockpit.until_control(state)
    cockpit.take_window()
    chord = ("ctrl", "shift", keys)
    cockpit.screen.tell_xdotool(*(word for key in chord for word in ("keydown", key)))
    try:
        holds(lambda: cockpit.control()["state"] == state, 1.5, "it stays as it is")
    finally:
        cockpit.screen.tell_xdotool(*(word for key in chord for word in ("keyup", key)))
    holds(lambda: cockpit.control()["state"] == state, 0.3, "it stays as it is")


def test_a_press_that_is_let_go_too_early_does_not_arm(cockpit: Cockpit) -> None:
    cockpit.start_armed()
    cockpit.aurora.command("disarm")
    cockpit.until_control("disarmed")
    cockpit.take_window()
    with cockpit.operator.holding("ctrl+shift+a"):
        holds(lambda: cockpit.control()["state"] == "disarmed", 0.6, "not yet")
    holds(lambda: cockpit.control()["state"] == "disarmed", 1.0, "not later either")
