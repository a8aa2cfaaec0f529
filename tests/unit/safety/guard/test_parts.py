"""The guard's small parts: loop, channel, cleaning up, confirming, the second detector's matching."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from aurora_desktop.safety.clearance import Clearance
from aurora_desktop.safety.guard.channel import Channel
from aurora_desktop.safety.guard.cleanup import Cleanup
from aurora_desktop.safety.guard.confirming import Confirming
from aurora_desktop.safety.guard.eyes import NoEyes
from aurora_desktop.safety.guard.loop import Loop
from aurora_desktop.safety.guard.presses import RawInput
from aurora_desktop.safety.guard.second import Matcher, name_of
from aurora_desktop.safety.guard.session import Session
from aurora_desktop.safety.guard.stopping import Stopper
from aurora_desktop.safety.guard.trees import MarkedTrees
from aurora_desktop.safety.hotkey import parse
from aurora_desktop.safety.messages import Confirm, Confirmed, FromGuard, Renew, Stopped, ToGuard
from aurora_desktop.safety.permit import HeldTable, Permit, SharedPage, create_page


def _raise(error: Exception) -> None:
    raise error


@pytest.fixture
def loop() -> Loop:
    return Loop(_raise)


@pytest.fixture
def held() -> Iterator[HeldTable]:
    fd = create_page("held")
    page = SharedPage(fd, writable=True)
    yield HeldTable(page)
    page.close()
    os.close(fd)


class FakeEyes(NoEyes):
    """A display that holds what a test says; `silent` answers nothing."""

    tells_physical = True

    def __init__(self, *holds: int, silent: bool = False) -> None:
        super().__init__("x11", "", "")
        self.holds = list(holds)
        self.silent = silent
        self.emptied: list[tuple[int, ...]] = []

    def release(self, remapped: tuple[int, ...], done: Callable[[int], None]) -> None:
        self.emptied.append(remapped)
        if not self.silent:
            done(self.holds.pop(0) if self.holds else 0)


# --- the loop ------------------------------------------------------------------------------------------------------


def test_one_callback_that_raises_keeps_none_from_running() -> None:
    faults: list[Exception] = []
    ran: list[int] = []
    loop = Loop(faults.append)
    loop.call_soon(lambda: _raise(ValueError("one")))
    loop.call_soon(lambda: ran.append(1))
    loop.call_soon(loop.stop)
    loop.run()
    assert [str(fault) for fault in faults] == ["one"]
    assert ran == [1]


def test_timers_run_in_order_and_cancelled_ones_never(loop: Loop) -> None:
    ran: list[str] = []
    loop.call_later(0.002, lambda: ran.append("later"))
    loop.call_later(0.001, lambda: ran.append("cancelled")).cancel()
    loop.call_soon(lambda: ran.append("soon"))
    loop.call_later(0.003, loop.stop)
    loop.run()
    assert ran == ["soon", "later"]


def test_a_descriptor_closed_by_an_earlier_callback_is_left_alone(loop: Loop) -> None:
    pairs = [socket.socketpair() for _ in range(2)]
    ran: list[int] = []

    def close_all() -> None:
        ran.append(1)
        for ours, _ in pairs:
            loop.unwatch(ours.fileno())

    for ours, theirs in pairs:
        loop.watch(ours.fileno(), close_all)
        theirs.send(b"x")
    loop.turn()
    assert ran == [1]
    for pair in pairs:
        for end in pair:
            end.close()


# --- the channel ---------------------------------------------------------------------------------------------------


def _channel(loop: Loop, took: list[tuple[ToGuard, int | None]], complaints: list[str]) -> socket.socket:
    ours, theirs = socket.socketpair()
    Channel(loop, theirs, lambda message, take_fd: took.append((message, take_fd())), loop.stop, complaints.append)
    return ours


def test_what_is_not_understood_is_told_and_skipped(loop: Loop) -> None:
    took: list[tuple[ToGuard, int | None]] = []
    complaints: list[str] = []
    with _channel(loop, took, complaints) as main:
        main.sendall(b'{"type":"renew"}\nnonsense\n{"type":"ren')
        loop.turn()
        main.sendall(b'ew"}\n')
        loop.turn()
    loop.run()
    assert [message for message, _ in took] == [Renew(), Renew()]
    assert len(complaints) == 1


def test_a_descriptor_comes_along_and_is_not_inherited(loop: Loop) -> None:
    took: list[tuple[ToGuard, int | None]] = []
    with _channel(loop, took, []) as main, open(os.devnull) as file:
        socket.send_fds(main, [b'{"type":"renew"}\n'], [file.fileno()])
        loop.turn()
    loop.run()
    fd = took[0][1]
    assert fd is not None
    assert not os.get_inheritable(fd)
    os.close(fd)


# --- the stop ------------------------------------------------------------------------------------------------------


def test_a_fault_in_one_step_of_a_stop_leaves_the_others_and_the_next_stop(tmp_path: Path, held: HeldTable) -> None:
    faults: list[Exception] = []
    told: list[FromGuard] = []
    loop = Loop(faults.append)
    clearance = tmp_path / "clearance.json"
    clearance.write_text("{}")
    stopper = Stopper(
        loop,
        Clearance(clearance),
        Cleanup(loop, FakeEyes(1), held),
        MarkedTrees(lambda _: None),
        held,
        lambda: _raise(OSError("the worker could not be ended")),
        told.append,
    )
    loop.call_soon(lambda: stopper.stop("hotkey", loop.now()))
    loop.call_later(0.02, lambda: stopper.stop("tray", loop.now()))
    loop.call_later(0.06, loop.stop)
    loop.run()
    assert not clearance.exists()
    assert [message.source for message in told if isinstance(message, Stopped)] == ["hotkey", "tray"]
    assert len(faults) == 2


# --- its children --------------------------------------------------------------------------------------------------


def test_a_worker_that_cannot_be_watched_is_ended_and_permitted_nothing(
    loop: Loop, held: HeldTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    def refuse(pid: int) -> int:
        started.append(pid)
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    page = create_page("permit")
    permit = Permit(SharedPage(page, writable=True))
    link, other = socket.socketpair()
    with link, other, pytest.raises(OSError, match="Too many"):
        Session(loop, permit, held, 1).begin(("sh", "-c", "exec sleep 60"), link.fileno(), page, page, lambda _: None)
    os.close(page)
    assert permit.generation == 0
    with pytest.raises(ProcessLookupError):
        os.kill(started[0], 0)


# --- cleaning up ---------------------------------------------------------------------------------------------------


def test_it_sweeps_until_nothing_is_held_and_twice_later(loop: Loop, held: HeldTable) -> None:
    eyes = FakeEyes(2, 1)
    cleanup = Cleanup(loop, eyes, held)
    held.remap(200)
    told: list[tuple[int, str]] = []
    cleanup.run(lambda released, problem: told.append((released, problem)))
    assert told == [(3, "")]
    while cleanup.is_running:
        loop.turn()
    assert eyes.emptied == [(200,)] * 5


def test_a_display_without_an_answer_is_not_waited_for(loop: Loop, held: HeldTable) -> None:
    cleanup = Cleanup(loop, FakeEyes(silent=True), held)
    told: list[tuple[int, str]] = []
    cleanup.run(lambda released, problem: told.append((released, problem)))
    cleanup.run(lambda released, problem: told.append((released, problem)))
    while len(told) < 2:
        loop.turn()
    assert "does not answer" in told[0][1]
    assert told[0] == told[1]


def test_keys_that_are_pressed_again_and_again_are_told(loop: Loop, held: HeldTable) -> None:
    told: list[tuple[int, str]] = []
    Cleanup(loop, FakeEyes(*[1] * 100), held).run(lambda released, problem: told.append((released, problem)))
    assert "again and again" in told[0][1]


# --- confirming ----------------------------------------------------------------------------------------------------


def _confirming(loop: Loop, answers: list[Confirmed]) -> Confirming:
    return Confirming(loop, FakeEyes(), answers.append, lambda: None)


def _press(loop: Loop, ago_s: float) -> RawInput:
    return RawInput("key", pressed=True, code=9, device=7, physical=True, x_time=5000, at=loop.now() - ago_s)


def test_a_press_made_while_synthetic_input_went_unheard_confirms_nothing(loop: Loop) -> None:
    answers: list[Confirmed] = []
    confirming = _confirming(loop, answers)
    confirming.set_deaf(deaf=True)
    confirming.saw(_press(loop, 1.5))
    confirming.judge(Confirm(1, 5000, "key"))
    confirming.expect()  # announced, but too late
    confirming.judge(Confirm(2, 5000, "key"))
    assert [answer.good for answer in answers] == [False, False]
    assert "not known" in answers[0].reason


def test_a_press_that_was_announced_does_while_armed(loop: Loop) -> None:
    answers: list[Confirmed] = []
    confirming = _confirming(loop, answers)
    confirming.set_deaf(deaf=True)
    confirming.saw(_press(loop, 0.95))
    confirming._deaf_until = loop.now() - 0.9
    confirming.is_expecting = True
    confirming.judge(Confirm(1, 5000, "key"))
    while not answers:
        loop.turn()
    assert answers == [Confirmed(1, good=True)]


def test_where_nothing_tells_physical_nothing_confirms(loop: Loop) -> None:
    answers: list[Confirmed] = []
    Confirming(loop, NoEyes("none", "", ""), answers.append, lambda: None).judge(Confirm(1, 5000, "key"))
    assert "cannot tell" in answers[0].reason


# --- the second detector -------------------------------------------------------------------------------------------


def test_it_matches_once_per_press() -> None:
    matcher = Matcher(parse("ctrl+shift+escape"))
    assert [matcher.press(name) for name in ("ctrl", "shift", "escape", "escape", "a")] == [
        False,
        False,
        True,
        *[False] * 2,
    ]
    matcher.release("escape")
    assert matcher.press("escape")


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (SimpleNamespace(name="ctrl_r"), "ctrl"),
        (SimpleNamespace(name="cmd"), "super"),
        (SimpleNamespace(name="esc"), "escape"),
        (SimpleNamespace(name="f1"), "f1"),
        (SimpleNamespace(vk=65, char="A"), "a"),
        (SimpleNamespace(vk=4711, char=None), "vk4711"),
    ],
)
def test_pynputs_names_are_translated(key: object, name: str) -> None:
    assert name_of(key, parse("ctrl+shift+escape")) == name


@pytest.mark.skipif(os.name == "nt", reason="numbers of X11")
def test_alt_that_arrives_as_meta_is_alt() -> None:
    assert name_of(SimpleNamespace(vk=0xFFE7, char=None), parse("ctrl+alt+escape")) == "alt"
