"""The drill, the pause for the operator, and the stop channel: each by itself, on a loop that a test turns."""

import os
from collections.abc import Callable, Iterator

import pytest

from aurora_desktop.safety.guard import drill
from aurora_desktop.safety.guard.drill import StopDrill
from aurora_desktop.safety.guard.eyes import Health, NoEyes, deaf
from aurora_desktop.safety.guard.loop import Loop
from aurora_desktop.safety.guard.operator_first import OperatorFirst
from aurora_desktop.safety.guard.presses import QUIET_AFTER_S, RawInput
from aurora_desktop.safety.guard.stop_channel import StopChannel
from aurora_desktop.safety.messages import Channel, FromGuard, Human, Ready
from aurora_desktop.safety.permit import HeldTable, Permit, SharedPage, create_page


def _raise(error: Exception) -> None:
    raise error


@pytest.fixture
def loop() -> Loop:
    return Loop(_raise)


# --- the drill -------------------------------------------------------------------------------------------------------


def test_a_drill_is_proven_once_and_ends_soon_after(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drill, "ECHO_S", 0.001)
    proofs: list[str] = []
    stop_drill = StopDrill(loop, lambda: proofs.append("proven"))
    stop_drill.prove()
    assert (proofs, stop_drill.is_on) == ([], False)
    stop_drill.begin()
    stop_drill.prove()
    stop_drill.prove()
    assert (proofs, stop_drill.is_on) == (["proven"], True)
    loop.turn()
    assert not stop_drill.is_on


def test_a_drill_that_is_begun_anew_can_be_proven_anew(loop: Loop) -> None:
    proofs: list[str] = []
    stop_drill = StopDrill(loop, lambda: proofs.append("proven"))
    for _ in range(2):
        stop_drill.begin()
        stop_drill.prove()
    assert len(proofs) == 2
    stop_drill.end()
    assert not stop_drill.is_on


# --- operator first --------------------------------------------------------------------------------------------------


class Pausing:
    def __init__(self, permit: Permit, held: HeldTable) -> None:
        self.permit, self.held = permit, held
        self.is_confirming = False
        self.told: list[FromGuard] = []
        self.operator_first = OperatorFirst(permit, held, lambda: self.is_confirming, self.told.append)

    def touch(self, at: float) -> None:
        self.operator_first.saw(RawInput("key", pressed=True, code=38, device=8, physical=True, x_time=0, at=at))


@pytest.fixture
def pausing() -> Iterator[Pausing]:
    fds = create_page("permit"), create_page("held")
    pages = [SharedPage(fd, writable=True) for fd in fds]
    yield Pausing(Permit(pages[0]), HeldTable(pages[1]))
    for page, fd in zip(pages, fds, strict=True):
        page.close()
        os.close(fd)


def test_an_agent_that_acts_pauses_until_the_operator_is_quiet(pausing: Pausing) -> None:
    pausing.held.set_busy(busy=True)
    pausing.touch(1.0)
    pausing.touch(2.0)
    assert pausing.permit.is_paused
    pausing.operator_first.look(2.0 + QUIET_AFTER_S / 2)
    assert pausing.permit.is_paused
    pausing.operator_first.look(2.0 + QUIET_AFTER_S)
    assert not pausing.permit.is_paused
    assert pausing.told == [Human(active=True), Human(active=False)]


def test_an_idle_agent_is_not_disturbed_and_one_that_may_go_on_neither(pausing: Pausing) -> None:
    pausing.touch(1.0)
    pausing.held.set_busy(busy=True)
    pausing.operator_first.is_wanted = False
    pausing.touch(1.1)
    assert (pausing.permit.is_paused, pausing.told) == (False, [])


def test_a_press_that_may_confirm_something_is_judged_in_quiet(pausing: Pausing) -> None:
    pausing.held.set_busy(busy=True)
    pausing.touch(1.0)
    pausing.is_confirming = True
    pausing.operator_first.calm()
    assert pausing.permit.is_paused
    pausing.is_confirming = False
    pausing.operator_first.update()
    assert not pausing.permit.is_paused


# --- the stop channel ------------------------------------------------------------------------------------------------


class AskedEyes(NoEyes):
    def __init__(self) -> None:
        super().__init__("x11", "", "")
        self.asked: list[Callable[[Health], None]] = []

    def check(self, done: Callable[[Health], None]) -> None:
        self.asked.append(done)


def test_main_is_told_of_what_changed_alone_and_a_deaf_channel_is_lost(loop: Loop) -> None:
    told: list[FromGuard] = []
    lost: list[str] = []
    eyes = AskedEyes()
    channel = StopChannel(loop, eyes, lambda: False, told.append, lost.append)
    for health in (Health(listening=True), Health(listening=True), deaf("no keyboard", "connect one")):
        channel.check()
        eyes.asked.pop()(health)
    assert told == [Channel(listening=True), Channel(listening=False, detail="no keyboard", hint="connect one")]
    assert lost == ["no keyboard"]


def test_main_is_told_once_who_the_guard_is(loop: Loop) -> None:
    told: list[FromGuard] = []
    channel = StopChannel(loop, AskedEyes(), lambda: False, told.append, lambda _: None)
    channel.tell_ready()
    channel.tell_ready()
    assert told == [Ready(os.getpid(), "x11", tells_physical=False)]
