"""Control in the main process, in front of a guard that a test plays: who may act, who may not, and why."""

import asyncio
import functools
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from core.clocks import FakeClock

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.input_events import (
    ControlArmed,
    ControlDisarmed,
    EmergencyReset,
    EmergencyStopped,
    StopChannelLost,
    StopChannelRecovered,
    WorkerCrashed,
    WorkerRestarting,
)
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import InputPolicy, InputSettings, Settings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.safety import chain, control
from aurora_desktop.safety.around import Around
from aurora_desktop.safety.control import Control
from aurora_desktop.safety.gate import GateFile
from aurora_desktop.safety.in_force import InForce
from aurora_desktop.safety.messages import (
    HOLD_S,
    NO_KEYBOARD,
    Arm,
    Armed,
    Channel,
    Configure,
    Confirm,
    Confirmed,
    Disarm,
    Disarmed,
    Drill,
    FromGuard,
    HotkeyProven,
    MarkedTree,
    NotArmed,
    Ready,
    Renew,
    Stop,
    Stopped,
    ToGuard,
    WorkerEnded,
)
from aurora_desktop.safety.standing import Obstacle
from aurora_desktop.safety.store import MIGRATIONS, SafetyStore
from aurora_desktop.safety.view import Confirmation, ControlView

HELD = Confirmation(pressed_at=1)
OPEN_GATE = "operator_enabled: true\nfeatures: {control_mouse_keyboard: true}\n"


class PlayedLink:
    """A guard that answers as told; `deaf` answers nothing."""

    def __init__(self, _loop: Any, _paths: Any, _environment: Any, on_message: Any, on_lost: Any) -> None:
        self.say: Callable[[FromGuard], None] = on_message
        self.lose: Callable[[str], None] = on_lost
        self.sent: list[ToGuard] = []
        self.is_up = True
        self.deaf = False
        self.good = True
        self.refusal = ""
        self.covered: list[str] = []

    async def start(self) -> None:
        self.say(Ready(1, "x11", tells_physical=True))
        self.say(Channel(listening=True))

    async def close(self) -> None:
        self.is_up = False

    def cover(self, reason: str) -> None:
        self.covered.append(reason)

    def send(self, message: ToGuard) -> None:
        self.sent.append(message)
        loop = asyncio.get_running_loop()
        if self.deaf:
            return
        match message:
            case Confirm(id=number):
                loop.call_soon(self.say, Confirmed(number, good=self.good, reason="" if self.good else "synthetic"))
            case Disarm(reason=reason):
                loop.call_soon(self.say, Disarmed(1, reason, 4, in_flight=False))
            case Stop(source=source):
                loop.call_soon(self.say, stopped(source))

    def arm(self, message: Arm, worker_socket: socket.socket) -> None:
        self.sent.append(message)
        answer = NotArmed(message.generation, self.refusal) if self.refusal else Armed(message.generation, 99)
        if not self.deaf:
            asyncio.get_running_loop().call_soon(self.say, answer)

    def told(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.sent if isinstance(message, kind)]


def stopped(source: str, **fields: Any) -> Stopped:
    usual = {"latency_ms": 1.0, "released": 2, "latched": True, "events": 7, "in_flight": False, "at": 1.0}
    return Stopped(source=source, **{**usual, **fields})


class PlayedServices:
    def __init__(self) -> None:
        self.held: list[str] = []
        self.thawed: list[str] = []

    def trees(self) -> tuple[MarkedTree, ...]:
        return ()

    def hold(self, cause: str) -> None:
        self.held.append(cause)

    def release(self) -> None:
        self.held.clear()

    def frozen(self) -> tuple[str, ...]:
        return ()

    def thaw(self, names: tuple[str, ...], cause: str) -> None:
        self.thawed.extend(names)


class PlayedHands:
    def __init__(self) -> None:
        self.taken: list[str] = []
        self.dropped: list[tuple[str, int, bool, bool]] = []

    def take(self, worker_socket: socket.socket, generation: int, mode: str) -> None:
        worker_socket.close()
        self.taken.append(mode)

    def drop(self, reason: str, *, events: int, in_flight: bool, stopped: bool) -> None:
        self.dropped.append((reason, events, in_flight, stopped))

    def doing(self) -> tuple[str, str]:
        return ("", "")


class Stage:
    def __init__(self, tmp_path: Path, **settings: Any) -> None:
        self.paths = StatePaths(tmp_path)
        self.gate = tmp_path / "operator_enabled.yaml"
        self.gate.write_text(OPEN_GATE)
        self.clock = FakeClock()
        self.events: list[AnyEvent] = []
        self.services, self.hands = PlayedServices(), PlayedHands()
        self.obstacle: Obstacle | None = None
        self.database = Database.open(tmp_path / "state.db", MIGRATIONS, 1)
        self.control = self.make(**settings)

    def make(self, **settings: Any) -> Control:
        store = SafetyStore(self.database)
        self.in_force = InForce(store, self.clock, Settings(input=InputSettings(**settings)))
        around = Around(
            paths=self.paths,
            environment={},
            clock=self.clock,
            publish=self.events.append,
            gate=GateFile(self.gate),
            store=store,
            in_force=self.in_force,
            confirmed=lambda: self.control.apply(),
            services=self.services,
            obstacle=lambda: self.obstacle,
            worker_command=("worker",),
        )
        return Control(around)

    def apply(self, settings: InputSettings) -> None:
        """As the house does with a changed file."""
        self.in_force.want(Settings(input=settings))
        self.control.apply()

    @property
    def link(self) -> PlayedLink:
        link = self.control._chain.link
        assert isinstance(link, PlayedLink)
        return link

    async def ready(self) -> None:
        """Cleared and proven."""
        await self.control.reset(HELD)
        self.link.say(HotkeyProven(self.control.settings.hotkey))

    async def armed(self, mode: Any = "act") -> None:
        await self.ready()
        await self.control.arm(mode, HELD)

    def view(self) -> ControlView:
        return self.control.view()

    def told(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0.005)


@asynccontextmanager
async def staged(tmp_path: Path, **settings: Any) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path, **settings)
    await stage.control.begin(stage.hands)
    yield stage
    await stage.control.end()
    stage.database.close()


@pytest.fixture(autouse=True)
def played_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "GuardLink", PlayedLink)
    monkeypatch.setattr(control, "GATE_LOOK_S", 0.02)
    monkeypatch.setattr(control, "LEASE_RENEW_S", 0.01)


def in_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        async def whole() -> None:
            await test(*args, **kwargs)

        asyncio.run(whole())

    return run


# --- arming -------------------------------------------------------------------------------------------------------


@in_loop
async def test_a_fresh_installation_is_latched_until_the_operator_clears_it(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        assert stage.view().state == "latched"
        assert stage.view().stopped_by == ""
        await stage.control.reset(HELD)
        assert stage.view().state == "disarmed"
        assert len(stage.told(EmergencyReset)) == 1


@in_loop
async def test_arming_wants_a_proven_stop_key_first(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.control.reset(HELD)
        with pytest.raises(AuroraError, match="Prove the stop key"):
            await stage.control.arm("act", HELD)
        stage.control.set_drill(on=True)
        assert stage.view().drill
        stage.link.say(HotkeyProven(stage.control.settings.hotkey))
        assert (stage.view().drill, stage.view().hotkey_state) == (False, "proven")
        await stage.control.arm("act", HELD)
        assert stage.view().is_open
        assert stage.hands.taken == ["act"]


@in_loop
async def test_a_press_that_was_not_the_operators_arms_and_resets_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.link.good = False
        with pytest.raises(AuroraError, match="does not count"):
            await stage.control.reset(HELD)
        assert stage.view().state == "latched"
        stage.link.good = True
        await stage.ready()
        stage.link.good = False
        with pytest.raises(AuroraError, match="does not count"):
            await stage.control.arm("act", HELD)
        assert (stage.view().state, stage.link.told(Arm)) == ("disarmed", [])


@in_loop
async def test_the_guards_refusal_is_told_and_leaves_it_disarmed(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.ready()
        stage.link.refusal = "the pointer is in a corner"
        with pytest.raises(AuroraError, match="could not be armed") as refused:
            await stage.control.arm("act", HELD)
        assert refused.value.detail == "the pointer is in a corner"
        assert (stage.view().state, stage.hands.taken, stage.told(ControlArmed)) == ("disarmed", [], [])


@in_loop
async def test_an_arming_that_is_cancelled_leaves_nothing_armed(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.ready()
        stage.link.arm = lambda message, _: stage.link.sent.append(message)  # type: ignore[method-assign]  # no answer
        arming = asyncio.ensure_future(stage.control.arm("act", HELD))
        await stage.until(lambda: stage.link.told(Arm))
        arming.cancel()
        await asyncio.wait((arming,))
        assert stage.view().state == "disarmed"
        assert len(stage.link.told(Disarm)) == 1


@in_loop
async def test_hands_that_cannot_take_over_leave_nothing_armed(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.ready()

        def fail(*_: Any) -> None:
            raise RuntimeError("no hands")

        stage.hands.take = fail  # type: ignore[method-assign]  # what a fault of ours would do
        with pytest.raises(RuntimeError):
            await stage.control.arm("act", HELD)
        assert stage.view().state == "disarmed"
        assert len(stage.link.told(Disarm)) == 1


@in_loop
async def test_while_armed_the_lease_is_renewed_and_the_time_counts_down(tmp_path: Path) -> None:
    async with staged(tmp_path, arm_minutes=2) as stage:
        await stage.armed("ask")
        await stage.until(lambda: len(stage.link.told(Renew)) >= 3)
        assert (stage.view().mode, stage.view().remaining_s) == ("ask", 120)
        stage.clock.advance(100)
        assert stage.view().remaining_s == 20
        stage.control.extend()
        assert stage.view().remaining_s == 120
        stage.clock.advance(121)
        await stage.until(lambda: stage.hands.dropped)
        assert stage.hands.dropped == [("the armed time is over", 4, False, False)]
        assert stage.view().state == "disarmed"


# --- what closes it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["gate", "clearance", "session", "audit", "display", "hotkey", "lock", "hands"])
@in_loop
async def test_whatever_is_lost_disarms_with_its_reason(tmp_path: Path, what: str) -> None:
    async with staged(tmp_path) as stage:
        await stage.armed()
        match what:
            case "gate":
                stage.gate.write_text(OPEN_GATE.replace("operator_enabled: true", "operator_enabled: 'true'"))
            case "clearance":
                stage.paths.clearance.unlink()
            case "session":
                stage.obstacle = Obstacle("this session is of no use")
            case "audit":
                stage.control.audit_failing("no room")
            case "display":
                stage.link.say(Channel(listening=False, detail="the display does not answer"))
            case "hotkey":
                stage.apply(InputSettings(hotkey="ctrl+alt+q"))
                stage.clock.advance(HOLD_S)
                await stage.control.confirm_settings(HELD)
            case "lock":
                stage.control.session_left("the screen was locked")
            case "hands":
                stage.control.disarm("window")

        def dropped() -> bool:
            stage.clock.advance(1)  # the gate is looked at a few times a second
            return bool(stage.hands.dropped)

        await stage.until(dropped)
        assert not stage.view().is_open
        (event,) = stage.told(ControlDisarmed)
        assert event.reason
        assert stage.link.told(Disarm)[-1].reason == event.reason


@in_loop
async def test_the_outer_gate_keeps_it_closed_with_its_reason_and_remedy(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.ready()
        stage.gate.unlink()
        stage.clock.advance(1)
        await stage.until(lambda: stage.view().state == "closed")
        assert str(stage.gate) in stage.view().reason + stage.view().hint
        with pytest.raises(AuroraError):
            await stage.control.arm("act", HELD)


@in_loop
async def test_an_audit_that_can_be_written_again_lets_it_be_armed(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.ready()
        stage.control.audit_failing("no room")
        assert "no room" in stage.view().reason
        stage.control.audit_recovered()
        assert stage.view().state == "disarmed"


@in_loop
async def test_a_lost_stop_channel_is_told_once_and_so_is_its_return(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.armed()
        for _ in range(2):
            stage.link.say(Channel(listening=False, detail="no keyboard"))
        assert stage.view().hotkey_state == "lost"
        for _ in range(2):
            stage.link.say(Channel(listening=True))
        assert [event.detail for event in stage.told(StopChannelLost)] == ["no keyboard"]
        assert len(stage.told(StopChannelRecovered)) == 1


@in_loop
async def test_a_lost_guard_disarms_and_the_outcome_stays_uncertain(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.armed()
        stage.link.deaf = True
        stage.link.lose("it was killed")
        await stage.until(lambda: stage.hands.dropped)
        assert stage.hands.dropped == [("the guard was lost: it was killed", 0, True, False)]
        assert stage.view().state == "closed"
        stage.link.say(Ready(2, "x11", tells_physical=True))
        stage.link.say(Channel(listening=True))
        assert stage.view().state == "disarmed"


@in_loop
async def test_a_crashed_worker_is_counted_and_started_again_at_the_next_arming(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.armed()
        stage.link.say(WorkerEnded(1, "killed by SIGKILL", 3, in_flight=True))
        assert stage.hands.dropped == [("killed by SIGKILL", 3, True, False)]
        assert (stage.view().state, stage.view().worker_restarts) == ("disarmed", 1)
        assert [e.restart_count for e in stage.told(WorkerCrashed)] == [1]
        assert stage.told(WorkerRestarting) == []
        await stage.control.arm("act", HELD)
        assert [e.restart_count for e in stage.told(WorkerRestarting)] == [1]


@in_loop
async def test_what_the_guard_says_of_an_earlier_generation_changes_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.armed()
        stage.link.say(Disarmed(7, "an old one", 0, in_flight=False))
        assert stage.view().is_open


# --- stopping -----------------------------------------------------------------------------------------------------


@in_loop
async def test_a_stop_latches_refuses_the_queue_holds_the_services_and_is_told(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.armed()
        stage.control.stop("tray")
        assert not stage.paths.clearance.exists()
        await stage.until(lambda: stage.told(EmergencyStopped))
        view = stage.view()
        assert (view.state, view.stopped_by, view.stopped_at) == ("latched", "tray", stage.clock.wall())
        assert stage.hands.dropped == [("stopped by tray", 7, False, True)]
        assert stage.services.held == ["stopped by tray"]
        (event,) = stage.told(EmergencyStopped)
        assert (event.source, event.released) == ("tray", 2)
        with pytest.raises(AuroraError):
            await stage.control.arm("act", HELD)


@in_loop
async def test_stops_at_once_are_told_once_but_a_second_press_and_a_later_one_are_told(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.armed()
        stage.link.say(stopped("hotkey"))
        stage.link.say(stopped("tray"))
        assert [event.source for event in stage.told(EmergencyStopped)] == ["hotkey"]
        assert (stage.view().stopped_by, len(stage.services.held)) == ("hotkey", 2)
        stage.link.say(stopped("hotkey", second_press=True))
        stage.clock.advance(1.0)
        stage.link.say(stopped("tray"))
        told = [event.source for event in stage.told(EmergencyStopped)]
        assert told == ["hotkey", "hotkey, pressed twice", "tray"]


@in_loop
async def test_a_stop_needs_no_answer_of_the_guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "STOP_ANSWER_S", 0.02)
    async with staged(tmp_path) as stage:
        await stage.armed()
        stage.link.deaf = True
        stage.control.stop("window")
        await stage.until(lambda: stage.told(EmergencyStopped))
        assert stage.link.covered
        assert stage.view().state == "latched"
        assert "main covered" in stage.told(EmergencyStopped)[0].detail


@in_loop
async def test_the_latch_outlives_the_program_and_names_who_stopped(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.armed()
        stage.link.say(stopped("hotkey"))
        stage.database.submit(lambda _: None).result()
        again = stage.make()
        assert again.is_latched_by_stop
        assert again.view().stopped_by == "hotkey"


@in_loop
async def test_a_stop_before_the_first_reset_outlives_the_program_too(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.link.say(stopped("tray"))
        assert (stage.view().state, stage.view().stopped_by) == ("latched", "tray")
        stage.database.submit(lambda _: None).result()
        assert stage.make().is_latched_by_stop
        await stage.control.reset(HELD)
        assert not stage.control.is_latched_by_stop


@in_loop
async def test_a_stop_while_the_press_that_resets_is_judged_wins(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.link.deaf = True
        resetting = asyncio.ensure_future(stage.control.reset(HELD))
        await stage.until(lambda: stage.link.told(Confirm))
        stage.link.say(stopped("hotkey"))
        stage.link.say(Confirmed(stage.link.told(Confirm)[0].id, good=True))
        with pytest.raises(AuroraError, match="A stop came"):
            await resetting
        assert not stage.paths.clearance.exists()


@in_loop
async def test_a_stop_while_the_latch_is_being_cleared_wins(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.control.reset(HELD)
        stage.link.say(stopped("hotkey"))
        resetting = asyncio.ensure_future(stage.control.reset(HELD))
        await stage.until(lambda: stage.paths.clearance.exists() or resetting.done())
        stage.link.say(stopped("hotkey"))
        await asyncio.wait((resetting,))
        assert not stage.paths.clearance.exists() or resetting.exception() is None
        assert stage.view().state == "latched"


@in_loop
async def test_a_reset_with_nothing_latched_is_refused_and_resumes_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.armed()
        stage.link.say(stopped("corner"))
        with pytest.raises(AuroraError, match="latched"):
            stage.control.thaw(("agent",))
        await stage.control.reset(HELD)
        assert (stage.view().state, stage.services.thawed) == ("disarmed", [])
        stage.control.thaw(("agent",))
        assert stage.services.thawed == ["agent"]
        with pytest.raises(AuroraError, match="nothing to reset"):
            await stage.control.reset(HELD)


# --- settings and passphrase --------------------------------------------------------------------------------------


@in_loop
async def test_what_loosens_waits_for_the_operator_and_what_tightens_does_not(tmp_path: Path) -> None:
    async with staged(tmp_path, policy=InputPolicy(max_actions_per_s=5)) as stage:
        stage.apply(InputSettings(policy=InputPolicy(max_actions_per_s=2)))
        assert (stage.control.settings.policy.max_actions_per_s, stage.view().pending) == (2, ())
        loose = InputSettings(policy=InputPolicy(max_actions_per_s=50))
        stage.apply(loose)
        assert stage.control.settings.policy.max_actions_per_s == 2
        assert any("max_actions_per_s" in sentence for sentence in stage.view().pending)
        stage.link.good = False
        with pytest.raises(AuroraError):
            await stage.control.confirm_settings(HELD)
        stage.link.good = True
        stage.clock.advance(HOLD_S)
        await stage.control.confirm_settings(HELD)
        assert (stage.control.settings, stage.view().pending) == (loose, ())


@pytest.mark.parametrize("name", ["events_per_s", "max_hold_s"])
@in_loop
async def test_limits_that_the_worker_is_told_once_disarm_when_they_are_tightened(tmp_path: Path, name: str) -> None:
    async with staged(tmp_path) as stage:
        await stage.armed()
        stage.apply(InputSettings(**{name: 1}))
        assert stage.view().state == "disarmed"
        assert "tightened" in stage.view().reason


@in_loop
async def test_a_shorter_time_to_be_armed_holds_at_once(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.armed()
        stage.apply(InputSettings(arm_minutes=1))
        assert (stage.view().state, stage.view().remaining_s) == ("armed", 60)
        stage.apply(InputSettings(arm_minutes=15))
        assert stage.view().remaining_s == 60


@in_loop
async def test_settings_that_change_while_they_are_confirmed_go_on_waiting(tmp_path: Path) -> None:
    async with staged(tmp_path, policy=InputPolicy(max_actions_per_s=5)) as stage:
        stage.apply(InputSettings(policy=InputPolicy(max_actions_per_s=10)))
        stage.clock.advance(HOLD_S)
        confirming = asyncio.ensure_future(stage.control.confirm_settings(HELD))
        await asyncio.sleep(0)
        stage.apply(InputSettings(policy=InputPolicy(max_actions_per_s=1000)))
        with pytest.raises(AuroraError, match="changed while"):
            await confirming
        with pytest.raises(AuroraError, match="changed while"):  # the press began before the change
            await stage.control.confirm_settings(HELD)
        assert stage.control.settings.policy.max_actions_per_s == 5
        stage.clock.advance(HOLD_S)
        await stage.control.confirm_settings(HELD)
        assert stage.control.settings.policy.max_actions_per_s == 1000


@in_loop
async def test_settings_loosened_while_aurora_did_not_run_wait_too(tmp_path: Path) -> None:
    async with staged(tmp_path, policy=InputPolicy(max_actions_per_s=5)) as stage:
        stage.database.submit(lambda _: None).result()
        again = stage.make(policy=InputPolicy(max_actions_per_s=50))
        assert again.settings.policy.max_actions_per_s == 5
        assert again.view().pending


@in_loop
async def test_the_guard_is_told_of_a_changed_hotkey_which_must_be_proven_anew(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.ready()
        stage.apply(InputSettings(hotkey="ctrl+alt+q"))
        stage.clock.advance(HOLD_S)
        await stage.control.confirm_settings(HELD)
        assert stage.link.told(Configure)[-1].hotkey == "ctrl+alt+q"
        assert stage.view().hotkey_state == "listening"


@in_loop
async def test_a_passphrase_stands_in_for_a_press_and_a_wrong_one_does_not(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.link.good = False
        with pytest.raises(AuroraError, match="held press"):
            await stage.control.set_passphrase("a long enough one")
        with pytest.raises(AuroraError, match="does not count"):
            await stage.control.allow_passphrase(HELD)
        stage.link.good = True
        await stage.control.allow_passphrase(HELD)
        stage.link.good = False
        await stage.control.set_passphrase("a long enough one")
        assert stage.view().has_passphrase
        with pytest.raises(AuroraError):
            await stage.control.reset(Confirmation(passphrase="not that one"))
        await stage.control.reset(Confirmation(passphrase="a long enough one"))
        assert stage.view().state == "disarmed"
        with pytest.raises(AuroraError, match="already"):
            await stage.control.set_passphrase("another long one")


@in_loop
async def test_drills_are_told_to_the_guard(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.control.set_drill(on=True)
        stage.control.set_drill(on=False)
        assert [message.on for message in stage.link.told(Drill)] == [True, False]


# --- what is told of it -------------------------------------------------------------------------------------------


@in_loop
async def test_who_watches_is_told_when_the_gate_file_changes_without_a_word(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        seen: list[str] = []
        stage.control.watch(lambda: seen.append(stage.view().state))

        def is_told(state: str) -> bool:
            stage.clock.advance(1.0)
            return state in seen[-1:]

        stage.gate.unlink()
        await stage.until(lambda: is_told("closed"))
        stage.gate.write_text(OPEN_GATE)
        await stage.until(lambda: is_told("latched"))


@in_loop
async def test_control_that_was_lost_says_why_until_it_is_armed_anew(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.armed()
        stage.link.say(Disarmed(1, "lost the lease", 0, in_flight=False))
        assert (stage.view().state, stage.view().reason) == ("disarmed", "lost the lease")
        await stage.control.arm("act", HELD)
        assert stage.view().reason == ""


@in_loop
async def test_no_drill_takes_the_stop_key_away_while_agents_may_act(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.ready()
        stage.control.set_drill(on=True)
        await stage.control.arm("act", HELD)
        assert (stage.view().drill, stage.link.told(Drill)[-1]) == (False, Drill(on=False))
        stage.control.set_drill(on=True)
        assert (stage.view().drill, stage.link.told(Drill)[-1]) == (False, Drill(on=False))


@in_loop
async def test_where_every_keyboard_is_synthetic_the_latch_is_cleared_by_passphrase(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.ready()
        stage.link.say(Channel(listening=False, detail=NO_KEYBOARD))
        stage.link.say(stopped("hotkey"))
        assert (stage.view().state, stage.view().needs_passphrase) == ("latched", True)
        await stage.control.set_passphrase("correct horse")
        await stage.control.reset(Confirmation(passphrase="correct horse"))
        assert (stage.view().state, stage.view().reason) == ("closed", NO_KEYBOARD)


# --- an agent that asks -------------------------------------------------------------------------------------------


@in_loop
async def test_an_agent_that_asks_is_shown_until_the_operator_arms(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.ready()
        asking = asyncio.create_task(stage.control.request("claude", "to fill in the form", 300.0))
        await stage.until(lambda: stage.view().request)
        assert stage.view().state == "disarmed"
        await stage.control.arm("act", HELD)
        assert (await asking).decision == "armed"
        assert (stage.view().state, stage.view().request) == ("armed", None)


@in_loop
async def test_a_stop_answers_an_agent_that_asks(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.ready()
        asking = asyncio.create_task(stage.control.request("claude", "", 300.0))
        await stage.until(lambda: stage.view().request)
        stage.control.stop("window")
        decided = await asking
        assert (decided.decision, decided.code) == ("refused", "latched")


@in_loop
async def test_the_operators_no_arms_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.ready()
        asking = asyncio.create_task(stage.control.request("claude", "", 300.0))
        await stage.until(lambda: stage.view().request)
        stage.control.decline_request()
        assert (await asking).decision == "declined"
        assert stage.view().state == "disarmed"
        assert stage.told(ControlArmed) == []
