"""The guard itself: an operator at a real X display, a worker that presses real keys, and every way to be stopped."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xcffib
import xcffib.xproto
import xcffib.xtest

from aurora_desktop.safety.messages import (
    HOLD_S,
    Channel,
    Confirm,
    Confirmed,
    Disarm,
    Disarmed,
    Drill,
    ExpectPress,
    HotkeyProven,
    Human,
    Marked,
    MarkedTree,
    NotArmed,
    Ready,
    Retire,
    Stop,
    Stopped,
    TreesHeld,
    WorkerEnded,
)
from aurora_desktop.supervisor.processes import SPAWN_MARKER, process_table

from . import machine
from .guard_rig import HOTKEY, LETTER, SHIFT, GuardRig
from .observer import Observer
from .operator import Operator
from .screen import Screen
from .vnc import VncScreen
from .waiting import PATIENCE_S, eventually, holds

pytestmark = pytest.mark.brake

NOWHERE = (300, 300)
ESCAPE, SPARE = 0xFF1B, 0x0100_0123


@pytest.fixture(scope="module")
def vnc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VncScreen]:
    """A display of this module's own, without a window manager that has keys and menus of its own."""
    with VncScreen(tmp_path_factory.mktemp("screen")) as screen:
        yield screen


@pytest.fixture
def operator(vnc: VncScreen) -> Iterator[Operator]:
    with vnc.operator() as operator:
        operator.move(*NOWHERE)
        operator.sync()
        yield operator


@pytest.fixture
def display(vnc: VncScreen) -> Iterator["Display"]:
    with contextlib.closing(Display(vnc.environment["DISPLAY"])) as display:
        yield display


@pytest.fixture
def rig(tmp_path: Path, vnc: VncScreen, operator: Operator) -> Iterator[GuardRig]:
    with GuardRig(tmp_path / "state", vnc.environment) as rig:
        rig.prepare()
        yield rig


class Display:
    """A program that uses the display, and may send input of its own."""

    def __init__(self, name: str) -> None:
        module: Any = xcffib
        self._connection = module.connect(name)
        self._xtest = self._connection(xcffib.xtest.key)
        self._root = self._connection.setup.roots[0].root

    def close(self) -> None:
        self._connection.disconnect()

    def fake(self, kind: int, detail: int, x: int = 0, y: int = 0) -> None:
        self._xtest.FakeInput(kind, detail, 0, self._root if kind == 6 else 0, x, y, 0)
        self.settle()

    def settle(self) -> None:
        """In the turn of the display that answers this it has taken what others had written before."""
        self._connection.core.GetInputFocus().reply()

    def press(self, *codes: int) -> None:
        """All together. What it finds held at its start the guard releases, which may be this: press again then."""
        for code in codes:
            self.fake(2, code)
        for code in reversed(codes):
            self.fake(3, code)

    def grab_keyboard(self) -> None:
        assert self._connection.core.GrabKeyboard(1, self._root, 0, 1, 1).reply().status == 0

    def held(self) -> list[int]:
        keys = self._connection.core.QueryKeymap().reply().keys
        buttons = self._connection.core.QueryPointer(self._root).reply().mask >> 8 & 31
        return [8 * i + bit for i, byte in enumerate(keys) for bit in range(8) if byte >> bit & 1] + [buttons] * (
            buttons > 0
        )

    def keycode(self, keysym: int) -> int:
        first, last = self._connection.setup.min_keycode, self._connection.setup.max_keycode
        reply = self._connection.core.GetKeyboardMapping(first, last - first + 1).reply()
        return first + list(reply.keysyms).index(keysym) // reply.keysyms_per_keycode

    def remap(self, keycode: int, keysym: int) -> None:
        self._connection.core.ChangeKeyboardMapping(1, keycode, 2, [keysym, keysym])
        self._connection.core.GetInputFocus().reply()

    def combination(self) -> list[int]:
        return [self.keycode(keysym) for keysym in (0xFFE3, 0xFFE9, 0xFFE1, ESCAPE)]


def _command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def _nothing_held(display: Display) -> None:
    eventually(lambda: not display.held(), "nothing is held")


# --- the stop key --------------------------------------------------------------------------------------------------


def test_it_says_what_it_watches(rig: GuardRig) -> None:
    ready = rig.until(Ready)
    assert (ready.pid, ready.kind, ready.tells_physical) == (rig.process.pid, "x11", True)
    assert rig.said(Channel)[-1].keyboards == ("TigerVNC keyboard",)


@pytest.mark.parametrize("manner", ["obedient", "stubborn", "careless"])
def test_the_hotkey_ends_the_worker_and_releases_everything(
    rig: GuardRig, operator: Operator, display: Display, manner: str
) -> None:
    worker = rig.arm(manner)
    assert display.held()
    operator.press(HOTKEY)
    stopped = rig.until(Stopped)
    assert (stopped.source, stopped.latched, stopped.second_press) == ("hotkey", True, False)
    assert rig.has_ended(worker)
    assert rig.permit.generation == 0
    assert not rig.clearance.exists()
    _nothing_held(display)


@pytest.mark.parametrize("combination", ["ctrl_r+alt+shift+escape", "ctrl+alt+shift_r+escape", "escape+ctrl+alt+shift"])
def test_either_side_and_any_order_will_do(rig: GuardRig, operator: Operator, combination: str) -> None:
    operator.press(combination)
    rig.until(Stopped)


@pytest.mark.parametrize("combination", ["ctrl+alt+escape", "ctrl+shift+escape", "escape"])
def test_less_than_the_combination_stops_nothing(rig: GuardRig, operator: Operator, combination: str) -> None:
    operator.press(combination)
    operator.sync()
    assert rig.ask("status")["latched"] is False
    assert not rig.said(Stopped)


def test_what_the_agent_holds_does_not_hide_it(rig: GuardRig, operator: Operator, display: Display) -> None:
    rig.arm("stubborn", tuple(display.combination()[1:3]))
    operator.press(HOTKEY)
    assert rig.until(Stopped).source == "hotkey"
    _nothing_held(display)


def test_a_grab_does_not_hide_it(rig: GuardRig, operator: Operator, display: Display) -> None:
    display.grab_keyboard()
    operator.press(HOTKEY)
    rig.until(Stopped)


def test_no_remapping_by_the_agent_takes_it_away(rig: GuardRig, operator: Operator, display: Display) -> None:
    escape = display.keycode(ESCAPE)
    rig.arm("stubborn", (LETTER,))
    display.remap(escape, SPARE)
    try:
        with operator.holding("ctrl+alt+shift"):
            operator.key(SPARE, down=True)  # the same key of the operator's keyboard, which now bears this
            assert rig.until(Stopped).source == "hotkey"
            operator.key(SPARE, down=False)
            operator.sync()
    finally:
        display.remap(escape, ESCAPE)


def test_a_synthetic_combination_stops_too(rig: GuardRig, display: Display) -> None:
    eventually(lambda: display.press(*display.combination()) or rig.said(Stopped), "it stops")
    assert rig.said(Stopped)[0].latched


def test_a_stop_of_many_sources_is_one(rig: GuardRig, operator: Operator) -> None:
    rig.arm("stubborn")
    operator.press(HOTKEY)
    rig.send(Stop("window"))
    with rig.visitor() as link:
        link.sendall(b"stop one\nstop two\n")
        answers = link.makefile("rb")
        assert b'"stopped":true' in answers.readline()
        assert b'"stopped":true' in answers.readline()
    assert sum(stopped.released > 0 for stopped in rig.said(Stopped)) <= 1


# --- marked services -----------------------------------------------------------------------------------------------


@pytest.fixture
def service(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A program with a child that is in a session of its own, as coding agents have."""
    code = (
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        "print('up', flush=True)\n"
        "time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, SPAWN_MARKER: tmp_path.name}
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    child = machine.children(process.pid)[0]
    yield process
    process.stdout.close()
    for pid in (child, process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(PATIENCE_S)


def _mark(rig: GuardRig, service: "subprocess.Popen[bytes]", marker: str, action: str = "freeze") -> None:
    info = process_table().read(service.pid)
    assert info is not None
    rig.send(Marked((MarkedTree("web", action, marker, service.pid, info.started),)))  # type: ignore[arg-type] # of the test


def test_a_stop_freezes_whole_trees_and_a_second_press_ends_them(
    rig: GuardRig, operator: Operator, service: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    _mark(rig, service, tmp_path.name)
    child = machine.children(service.pid)[0]
    with operator.holding("ctrl+alt+shift"):
        operator.press("escape")
        assert rig.until(TreesHeld).frozen == ("web",)
        assert machine.state_of(service.pid) == machine.state_of(child) == "T"
        mark = rig.mark()
        operator.press("escape")
        assert rig.until(Stopped, mark).second_press
        assert rig.until(TreesHeld, mark).stopped == ("web",)
    eventually(lambda: not machine.is_alive(child), "its child is gone")
    assert service.wait(PATIENCE_S) == -signal.SIGKILL


def test_what_is_to_be_stopped_is_stopped_at_once(
    rig: GuardRig, service: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    _mark(rig, service, tmp_path.name, "stop")
    rig.send(Stop("window"))
    assert rig.until(TreesHeld).stopped == ("web",)
    assert service.wait(PATIENCE_S) == -signal.SIGKILL


# --- what disarms --------------------------------------------------------------------------------------------------


def test_a_lost_lease_disarms_without_a_latch(rig: GuardRig, display: Display) -> None:
    worker = rig.arm("stubborn")
    rig.stop_renewing()
    disarmed = rig.until(Disarmed)
    assert disarmed.reason == "lost the lease: Aurora's main process did not answer for 150 ms"
    assert rig.has_ended(worker)
    assert rig.clearance.exists()
    _nothing_held(display)


def test_a_worker_that_dies_is_cleaned_up_after(rig: GuardRig, display: Display) -> None:
    rig.start_renewing()
    rig.ask_to_arm("crashing")
    ended = rig.until(WorkerEnded)
    assert ended.reason.startswith("the input worker exited with code 3 after ")
    assert ended.events == 2
    assert rig.permit.generation == 0
    _nothing_held(display)


def test_it_arms_again_after_all_that(rig: GuardRig, operator: Operator, display: Display) -> None:
    for _ in range(3):
        mark = rig.mark()
        rig.arm("stubborn")
        rig.send(Disarm("enough"))
        assert rig.until(Disarmed, mark).reason == "enough"
        _nothing_held(display)


def test_it_does_not_arm_while_latched(rig: GuardRig) -> None:
    rig.clearance.unlink()
    rig.ask_to_arm()
    assert rig.until(NotArmed).reason == "the emergency stop is latched"


def test_it_does_not_arm_twice(rig: GuardRig) -> None:
    rig.arm("stubborn")
    rig.ask_to_arm()
    assert rig.until(NotArmed).reason == "control is armed already"
    assert rig.ask("status")["generation"] == 1


def test_nothing_is_armed_where_every_device_is_synthetic(tmp_path: Path, screen: Screen) -> None:
    with GuardRig(tmp_path / "state", screen.environment) as rig:
        channel = rig.until(Channel)
        assert not channel.listening
        assert "no physical keyboard" in channel.detail
        rig.ask_to_arm()
        refused = rig.until(NotArmed)
        assert refused.reason.startswith("stop_channel_lost: no physical keyboard")
        assert refused.hint


def test_without_a_display_it_still_serves_its_socket(tmp_path: Path) -> None:
    with GuardRig(tmp_path / "state", {"DISPLAY": ""}) as rig:
        assert rig.until(Ready).kind == "none"
        assert not rig.until(Channel).listening
        assert rig.ask("stop test")["stopped"] is True
        assert not rig.clearance.exists()


@pytest.mark.parametrize("corner", [(0, 0), (1279, 0), (0, 799), (1279, 799)])
def test_the_pointer_in_a_corner_stops_everything(
    rig: GuardRig, operator: Operator, display: Display, corner: tuple[int, int]
) -> None:
    rig.arm("stubborn")
    operator.move(*corner)
    assert rig.until(Stopped).source == "corner"
    _nothing_held(display)


def test_an_agent_that_goes_to_a_corner_stops_itself(rig: GuardRig, display: Display) -> None:
    rig.arm("stubborn")
    display.fake(6, 0, 0, 0)
    assert rig.until(Stopped).source == "corner"


def test_it_does_not_arm_with_the_pointer_in_a_corner(rig: GuardRig, operator: Operator) -> None:
    operator.move(0, 0)
    operator.sync()
    rig.ask_to_arm()
    assert "corner" in rig.until(NotArmed).reason


def test_corners_can_be_off(tmp_path: Path, vnc: VncScreen, operator: Operator) -> None:
    with GuardRig(tmp_path / "state", vnc.environment) as rig:
        rig.prepare(corners=False)
        rig.arm("stubborn")
        operator.move(0, 0)
        operator.sync()
        holds(lambda: not rig.said(Stopped), 0.1, "nothing is stopped")


# --- the operator first --------------------------------------------------------------------------------------------


def test_the_operator_pauses_a_busy_agent_until_still(rig: GuardRig, operator: Operator) -> None:
    rig.arm("stubborn")
    operator.move(400, 300)
    assert rig.until(Human).active
    assert rig.permit.is_paused
    eventually(lambda: not rig.said(Human)[-1].active, "the operator is still")
    assert not rig.permit.is_paused


def test_the_agents_own_input_is_not_the_operators(rig: GuardRig, display: Display) -> None:
    rig.arm("stubborn")
    for x in range(100, 400):
        display.fake(6, 0, x, 300)
    assert not rig.said(Human)
    assert not rig.permit.is_paused


# --- confirmations -------------------------------------------------------------------------------------------------


@pytest.fixture
def press_times(observer: Observer) -> "PressTimes":
    return PressTimes(observer)


class PressTimes:
    """The display's time of the last press, as a window is told it."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._mark = observer.mark()

    def last(self) -> int:
        presses = eventually(
            lambda: [e for e in self._observer.since(self._mark) if e.kind in (2, 4)], "the press was seen"
        )
        return presses[-1].server_ms % (1 << 32)


def test_a_physical_press_held_for_a_second_confirms(
    rig: GuardRig, operator: Operator, press_times: PressTimes
) -> None:
    with operator.holding_button(*NOWHERE):
        pressed_at = press_times.last()
        rig.send(ExpectPress())
        rig.send(Confirm(1, pressed_at, "button"))
        assert rig.until(Confirmed) == Confirmed(1, good=True)


def test_a_press_that_was_let_go_early_does_not(rig: GuardRig, operator: Operator, press_times: PressTimes) -> None:
    operator.click(*NOWHERE)
    rig.send(Confirm(1, press_times.last(), "button"))
    confirmed = rig.until(Confirmed)
    assert not confirmed.good
    assert f"instead of {HOLD_S:g} s" in confirmed.reason


def test_another_kind_of_press_does_not(rig: GuardRig, operator: Operator, press_times: PressTimes) -> None:
    operator.press("space")
    rig.send(Confirm(1, press_times.last(), "button"))
    assert not rig.until(Confirmed).good


def test_a_synthetic_press_does_not(rig: GuardRig, display: Display, press_times: PressTimes) -> None:
    display.fake(4, 1)
    rig.send(Confirm(1, press_times.last(), "button"))
    confirmed = rig.until(Confirmed)
    assert not confirmed.good
    assert "operator's own devices" in confirmed.reason
    display.fake(5, 1)


@pytest.mark.parametrize("event", [(2, LETTER), (6, 0, 500, 500)], ids=["key", "motion"])
def test_synthetic_input_during_the_press_spoils_it(
    rig: GuardRig, operator: Operator, display: Display, press_times: PressTimes, event: tuple[int, ...]
) -> None:
    with operator.holding_button(*NOWHERE):
        pressed_at = press_times.last()
        rig.send(ExpectPress())
        rig.ask("status")  # it has read what came before
        display.settle()  # and the display what the guard asked of it then
        display.fake(*event)
        rig.send(Confirm(1, pressed_at, "button"))
        confirmed = rig.until(Confirmed)
    assert not confirmed.good
    assert "a program sent input" in confirmed.reason
    display.fake(3, LETTER)


# --- the drill -----------------------------------------------------------------------------------------------------


def test_in_a_drill_the_hotkey_proves_itself_once_and_stops_nothing(rig: GuardRig, operator: Operator) -> None:
    rig.send(Drill(on=True))
    operator.press(HOTKEY)
    operator.press(HOTKEY)
    assert rig.until(HotkeyProven).hotkey == HOTKEY
    operator.sync()
    assert rig.ask("status")["latched"] is False
    assert len(rig.said(HotkeyProven)) == 1
    assert rig.ask("stop socket")["stopped"] is True
    assert not rig.clearance.exists()


def test_a_synthetic_combination_proves_nothing(rig: GuardRig, display: Display) -> None:
    rig.send(Drill(on=True))
    rig.ask("status")
    eventually(lambda: display.press(*display.combination()) or rig.said(Stopped), "it stops")
    assert not rig.said(HotkeyProven)


def test_after_the_drill_the_hotkey_stops(rig: GuardRig, operator: Operator) -> None:
    rig.send(Drill(on=True))
    rig.send(Drill(on=False))
    rig.ask("status")
    operator.press(HOTKEY)
    rig.until(Stopped)


# --- its own socket ------------------------------------------------------------------------------------------------


def test_its_socket_is_this_users_alone(rig: GuardRig) -> None:
    assert rig.ask("status")["listening"] is True
    assert rig.socket.stat().st_mode & 0o777 == 0o600


def test_anybody_may_stop_without_main(rig: GuardRig, display: Display) -> None:
    worker = rig.arm("stubborn")
    answer = rig.ask("stop command")
    assert answer["stopped"] is True
    assert isinstance(answer["latency_ms"], float)
    assert rig.has_ended(worker)
    assert rig.until(Stopped).source == "command"
    _nothing_held(display)


def test_nobody_retires_a_guard_whose_main_lives(rig: GuardRig) -> None:
    assert rig.ask("retire") == {"retired": False}
    assert rig.process.poll() is None


@pytest.mark.parametrize("words", ["", "reset", "arm", "\x00\xff", "x" * 5000])
def test_nonsense_at_the_socket_does_no_harm(rig: GuardRig, words: str) -> None:
    with rig.visitor() as link:
        link.sendall(words.encode("latin-1") + b"\n")
        with contextlib.suppress(ConnectionResetError):
            link.recv(1000)
    assert rig.ask("status")["latched"] is False


def test_visitors_that_stay_keep_nobody_out(rig: GuardRig) -> None:
    with contextlib.ExitStack() as visitors:
        for _ in range(40):
            visitors.enter_context(rig.visitor())
        assert rig.ask("stop crowd")["stopped"] is True


@pytest.mark.parametrize(
    "data", [b"\n", b"nonsense\n", b'{"type":"arm"}\n', b"\xff\xfe\n", b"[" * 100_000 + b"\n", b'{"type":"fire"}\n']
)
def test_nonsense_from_main_does_no_harm(rig: GuardRig, data: bytes) -> None:
    rig.send_raw(data)
    assert rig.ask("stop test")["stopped"] is True


# --- parts that are lost -------------------------------------------------------------------------------------------


def test_a_hung_display_hinders_no_stop(tmp_path: Path) -> None:
    with VncScreen(tmp_path) as screen, screen.operator() as operator:
        operator.move(*NOWHERE)
        operator.sync()
        with GuardRig(tmp_path / "state", screen.environment) as rig:
            rig.prepare()
            worker = rig.arm("stubborn")
            with machine.stopped(screen.server_pid):
                assert rig.ask("stop command")["stopped"] is True
                assert rig.has_ended(worker)
                assert not rig.clearance.exists()
                assert "the display does not answer" in rig.until(Stopped).detail
            with contextlib.closing(Display(screen.environment["DISPLAY"])) as display:
                _nothing_held(display)


def test_a_display_that_hangs_disarms(tmp_path: Path) -> None:
    with VncScreen(tmp_path) as screen, screen.operator() as operator:
        operator.move(*NOWHERE)
        operator.sync()
        with GuardRig(tmp_path / "state", screen.environment) as rig:
            rig.prepare()
            rig.arm("stubborn")
            with machine.stopped(screen.server_pid):
                assert rig.until(Disarmed).reason == "stop_channel_lost: the display does not answer"


def test_a_display_that_dies_disarms_and_leaves_the_socket(tmp_path: Path) -> None:
    with VncScreen(tmp_path) as screen, screen.operator() as operator:
        operator.move(*NOWHERE)
        operator.sync()
        with GuardRig(tmp_path / "state", screen.environment) as rig:
            rig.prepare()
            rig.arm("stubborn")
            screen.kill_server()
            assert rig.until(Disarmed).reason.startswith("stop_channel_lost: the display closed the connection")
            assert not rig.said(Channel)[-1].listening
            assert rig.ask("stop command")["stopped"] is True


def test_the_second_detector_is_started_again_once(tmp_path: Path, vnc: VncScreen, operator: Operator) -> None:
    with GuardRig(tmp_path / "state", vnc.environment) as rig:
        rig.prepare(pynput=True)
        rig.arm("stubborn")
        for _ in range(2):
            eventually(lambda: rig.ask("status")["second"], "the second detector is up")
            (second,) = [pid for pid in machine.children(rig.process.pid) if "guard.second" in _command_line(pid)]
            machine.kill(second)
            eventually(lambda: not rig.ask("status")["second"] or rig.said(Disarmed), "its loss is noticed")
        assert rig.until(Disarmed).reason.startswith("stop_channel_lost: the second hotkey detector ended: killed")


def test_the_second_detector_stops_what_the_first_does_not_hear(
    tmp_path: Path, vnc: VncScreen, operator: Operator, display: Display
) -> None:
    with GuardRig(tmp_path / "state", vnc.environment) as rig:
        rig.prepare(pynput=True)
        rig.arm("stubborn", (LETTER,))
        display.press(*display.combination())  # synthetic: unheard by the first one while armed
        assert rig.until(Stopped).source == "hotkey"


def test_main_is_gone_and_nothing_is_marked(rig: GuardRig, display: Display) -> None:
    worker = rig.arm("stubborn")
    rig.leave()
    rig.until_gone()
    assert rig.has_ended(worker)
    assert not rig.socket.exists()
    _nothing_held(display)


def test_main_is_gone_and_marked_services_live(
    rig: GuardRig, operator: Operator, service: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    _mark(rig, service, tmp_path.name)
    worker = rig.arm("stubborn")
    rig.leave()
    eventually(lambda: rig.ask("status")["orphan"], "it has noticed")
    eventually(lambda: rig.has_ended(worker), "the worker is gone")
    assert rig.clearance.exists()
    operator.press(HOTKEY)
    eventually(lambda: machine.state_of(service.pid) == "T", "the service is frozen")
    assert not rig.clearance.exists()
    assert rig.ask("retire") == {"retired": True}
    rig.until_gone()


def test_the_next_guard_takes_over(
    rig: GuardRig, service: "subprocess.Popen[bytes]", tmp_path: Path, vnc: VncScreen
) -> None:
    _mark(rig, service, tmp_path.name)
    rig.leave()
    eventually(lambda: rig.ask("status")["orphan"], "it has noticed")
    with GuardRig(tmp_path / "state", vnc.environment) as following:
        following.prepare()
        rig.until_gone()
        assert following.ask("status")["pid"] == following.process.pid


@pytest.mark.parametrize("end", ["retire", "term"])
def test_it_goes_in_good_order(rig: GuardRig, display: Display, end: str) -> None:
    worker = rig.arm("stubborn")
    if end == "retire":
        rig.send(Retire())
    else:
        rig.process.terminate()
    rig.until_gone()
    assert rig.process.returncode == 0
    assert rig.has_ended(worker)
    assert rig.permit.generation == 0
    _nothing_held(display)


def test_a_terminals_signals_are_ignored(rig: GuardRig) -> None:
    for number in (signal.SIGINT, signal.SIGHUP):
        rig.process.send_signal(number)
    assert rig.ask("stop test")["stopped"] is True


def test_what_was_held_before_is_released_at_its_start(
    tmp_path: Path, vnc: VncScreen, operator: Operator, display: Display
) -> None:
    display.fake(2, SHIFT)
    display.fake(4, 1)
    assert display.held()
    with GuardRig(tmp_path / "state", vnc.environment):
        _nothing_held(display)


def test_what_the_operator_holds_is_not_released(rig: GuardRig, operator: Operator, display: Display) -> None:
    rig.arm("stubborn", (LETTER,))
    with operator.holding("ctrl"):
        operator.sync()
        control = display.keycode(0xFFE3)
        rig.ask("stop test")
        eventually(lambda: display.held() == [control], "only the operator's key is down")
        holds(lambda: display.held() == [control], 0.1, "it stays down")
