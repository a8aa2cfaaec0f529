"""The guard's parts put together: who is told of what."""

import contextlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.safety.clearance import Clearance
from aurora_desktop.safety.guard.arming import DISPLAY_PATIENCE_S, Arming
from aurora_desktop.safety.guard.channel import Channel as Line
from aurora_desktop.safety.guard.cleanup import Cleanup
from aurora_desktop.safety.guard.confirming import Confirming
from aurora_desktop.safety.guard.detector import SecondDetector
from aurora_desktop.safety.guard.door import Answer, Door, retire_predecessor
from aurora_desktop.safety.guard.eyes import Eyes, Health, NoEyes, Sight, deaf
from aurora_desktop.safety.guard.loop import Loop, Timer
from aurora_desktop.safety.guard.presses import HumanWatch, PressCounter, RawInput
from aurora_desktop.safety.guard.stopping import Stopper
from aurora_desktop.safety.guard.trees import MarkedTrees
from aurora_desktop.safety.hotkey import Hotkey, parse
from aurora_desktop.safety.messages import (
    DRILL_S,
    SECOND_PRESS_S,
    Arm,
    Channel,
    Configure,
    Confirm,
    Disarm,
    Drill,
    ExpectPress,
    FromGuard,
    HotkeyProven,
    Human,
    Marked,
    Ping,
    Pong,
    Ready,
    Renew,
    Retire,
    Stop,
    ToGuard,
)
from aurora_desktop.safety.permit import HeldTable, Permit, SharedPage

if sys.platform == "win32":
    raise ImportError("the guard is built on Unix sockets and signals")

CHECK_S = 5.0
DRILL_ECHO_S = 0.5
"""After a proof: how long the other detector may take to tell of the same press."""

_NO_ANSWER = deaf("the display does not answer", "")


class Places(Struct, frozen=True):
    """What the guard is started with: descriptors of the channel and the two pages; its socket, the clearance file."""

    channel: int
    permit: int
    held: int
    socket: Path
    clearance: Path


class Guard:
    """Runs until it is retired, or until main is gone and no marked service lives."""

    def __init__(self, places: Places) -> None:
        self._loop = loop = Loop(self._fault)
        self._permit = Permit(SharedPage(places.permit, writable=True))
        self._held = held = HeldTable(SharedPage(places.held, writable=True))
        self._permit.revoke()
        self._eyes = eyes = _eyes(loop, self)
        self._cleanup = Cleanup(loop, eyes, held)
        self._clearance = Clearance(places.clearance)
        self._trees = MarkedTrees(_complain)
        self._arming = Arming(
            loop,
            eyes,
            self._cleanup,
            (places.permit, places.held),
            self._permit,
            held,
            self._tell,
            self._armed_changed,
            self._tick,
        )
        self._stopper = Stopper(loop, self._clearance, self._cleanup, self._trees, held, self._end_worker, self._tell)
        self._confirming = Confirming(loop, eyes, self._tell, self._suspicion_changed)
        self._second = SecondDetector(loop, self._second_saw_hotkey, self._second_changed)
        self._door = Door(loop, places.socket, self._command)
        self._counter, self._human = PressCounter(), HumanWatch()
        self._hotkey_text = "ctrl+alt+shift+escape"
        self._hotkey: Hotkey = parse(self._hotkey_text)
        self._operator_first = True
        self._drill: Timer | None = None
        self._second_end: Timer | None = None
        self._told: Channel | None = None
        self._health = _NO_ANSWER
        self._ready: Ready | None = None
        self._is_orphan = False
        link = socket.socket(fileno=places.channel)
        self._line = Line(loop, link, self._take, self._main_is_gone, _complain)

    def run(self) -> None:
        """Raises OSError, RuntimeError when the socket cannot be had."""
        wake_up = _heed_signals()
        self._loop.watch(wake_up.fileno(), lambda: self._retire_at(wake_up))
        self._door.open()
        self._eyes.open()
        self._loop.call_later(CHECK_S, self._check_again)
        if self._eyes.kind != "x11":
            self.display_up()
        self._loop.run()
        self._door.close()
        self._second.stop()

    def _tell(self, message: FromGuard) -> None:
        self._line.send(message)

    # --- what main says ---------------------------------------------------------------------------------------

    def _take(self, message: ToGuard, take_fd: Callable[[], int | None]) -> None:
        match message:
            case Renew():
                self._arming.renew()
            case Ping():
                self._tell(Pong(message.id))
            case Stop():
                self._stop(message.source)
            case Disarm():
                self._arming.disarm(message.reason)
            case Arm():
                self._arm(message, take_fd())
            case Configure():
                self._configure(message)
            case Marked():
                self._trees.replace(message.trees)
            case ExpectPress():
                self._expect_press()
            case Confirm():
                self._confirming.judge(message)
            case Drill():
                self._set_drill(on=message.on)
            case Retire():
                self._retire("Aurora quits")

    def _configure(self, message: Configure) -> None:
        try:
            self._hotkey, self._hotkey_text = parse(message.hotkey), message.hotkey
        except AuroraError as error:
            _complain(str(error))
        self._eyes.watch_for(self._hotkey)
        self._operator_first = message.operator_first
        self._arming.failsafe_corners = message.failsafe_corners
        self._arming.needs_second = message.pynput or self._eyes.kind == "pynput"
        if self._second_is_wanted():
            self._second.start(self._hotkey)
        self._check()

    def _arm(self, message: Arm, link: int | None) -> None:
        why_not = ""
        if not self._clearance.is_granted():
            why_not = "the emergency stop is latched"
        elif self._stopper.is_running:
            why_not = "an emergency stop is under way"
        self._set_drill(on=False)
        self._arming.arm(message, link, why_not)

    def _main_is_gone(self) -> None:
        self._is_orphan = True
        self._arming.disarm("Aurora's main process is gone")
        self._set_drill(on=False)
        self._stay_while_needed()

    def _stay_while_needed(self) -> None:
        if self._trees.any_lives():
            self._loop.call_later(CHECK_S, self._stay_while_needed)
        else:
            self._retire("Aurora's main process is gone")

    def _retire(self, reason: str) -> None:
        self._arming.disarm(reason)
        self._cleanup.run(lambda _released, _problem: self._loop.stop())

    def _retire_at(self, wake_up: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            if signal.SIGTERM in wake_up.recv(64):
                self._retire("the guard was asked to end")

    # --- stopping ---------------------------------------------------------------------------------------------

    def _stop(self, source: str, on_stopped: Callable[[object], None] | None = None) -> None:
        began = self._loop.now()
        try:
            self._arming.refuse("an emergency stop is under way")
        finally:
            self._stopper.stop(source, began, on_stopped)

    def _end_worker(self) -> None:
        self._arming.end()

    def _command(self, word: str, argument: str, answer: Answer) -> None:
        """What comes in at the guard's own socket."""
        if word == "stop":
            began = self._loop.now()

            def stopped(_stopped: object) -> None:
                latency_ms = round((self._loop.now() - began) * 1000, 3)
                answer({"stopped": True, "latency_ms": latency_ms, "latched": not self._clearance.is_granted()})

            self._stop(argument or "socket", stopped)
        elif word == "status":
            answer(self._status())
        elif word == "retire":
            answer({"retired": self._is_orphan})
            if self._is_orphan:
                self._retire("the next guard takes over")
        else:
            answer({"error": "say `stop SOURCE`, `status` or `retire`"})

    def _status(self) -> dict[str, object]:
        return {
            "pid": os.getpid(),
            "armed": self._arming.is_armed,
            "generation": self._arming.generation,
            "latched": not self._clearance.is_granted(),
            "listening": self._health.listening,
            "second": self._second.is_up,
            "detail": self._health.detail,
            "orphan": self._is_orphan,
        }

    def _press(self, detector: str, *, physical: bool) -> None:
        """One of the detectors saw the hotkey."""
        if self._drill is not None and (physical or self._eyes.kind == "pynput"):
            self._prove()  # what a program sends proves nothing, and stops as ever
            return
        began = self._loop.now()
        which = self._counter.count(detector, began)
        if which == "second":
            self._stopper.stop_frozen(began)
        elif which == "first":
            self._stop("hotkey")

    # --- the drill --------------------------------------------------------------------------------------------

    def _set_drill(self, *, on: bool) -> None:
        if self._drill is not None:
            self._drill.cancel()
        begin = on and not self._arming.is_under_way
        self._drill = self._loop.call_later(DRILL_S, lambda: self._set_drill(on=False)) if begin else None
        self._is_proven = False

    def _prove(self) -> None:
        if self._drill is None or self._is_proven:
            return
        self._is_proven = True
        self._tell(HotkeyProven(self._hotkey_text))
        self._drill.cancel()
        self._drill = self._loop.call_later(DRILL_ECHO_S, lambda: self._set_drill(on=False))

    # --- what is seen -----------------------------------------------------------------------------------------

    def saw_hotkey(self, *, physical: bool) -> None:
        self._press("display", physical=physical)

    def _second_saw_hotkey(self) -> None:
        # In a drill it tells of the same press as the display, which alone can say whose it was.
        if self._drill is None or self._eyes.kind != "x11":
            self._press("pynput", physical=False)

    def saw_input(self, event: RawInput) -> None:
        self._confirming.saw(event)
        if event.physical and self._operator_first and self._arming.is_armed and self._may_disturb():
            news = self._human.touched(event.at)
            self._permit.pause(paused=True)
            if news:
                self._tell(Human(active=True))

    def _may_disturb(self) -> bool:
        return self._held.is_busy or self._human.is_active

    def saw_pointer(self, *, in_corner: bool) -> None:
        self._arming.saw_pointer(in_corner=in_corner)
        if in_corner and self._arming.is_armed and self._arming.failsafe_corners:
            self._stop("corner")

    def _tick(self, now: float) -> None:
        if self._human.quiet_in_s(now) <= 0:
            self._calm()

    def _calm(self) -> None:
        if self._human.is_active:
            self._human.calm()
            self._update_pause()
            self._tell(Human(active=False))

    def _update_pause(self) -> None:
        """A press that may confirm something is judged in quiet: the agent waits meanwhile."""
        self._permit.pause(paused=self._human.is_active or self._confirming.is_expecting)

    # --- the display ------------------------------------------------------------------------------------------

    def display_up(self) -> None:
        self._be_ready()
        self._eyes.watch_for(self._hotkey)
        if not self._arming.is_armed:
            self._cleanup.run(lambda _released, _problem: None)
        self._check()

    def display_lost(self, why: str) -> None:
        self._be_ready()
        self._take_health(deaf(why, "Aurora connects again by itself."))

    def _be_ready(self) -> None:
        ready = Ready(os.getpid(), self._eyes.kind, self._eyes.tells_physical)
        if ready != self._ready:
            self._ready = ready
            self._tell(ready)

    def _check_again(self) -> None:
        self._loop.call_later(CHECK_S, self._check_again)
        self._check()

    def _check(self) -> None:
        patience = self._loop.call_later(DISPLAY_PATIENCE_S, lambda: self._take_health(_NO_ANSWER))

        def take(health: Health) -> None:
            patience.cancel()
            self._take_health(health)

        self._eyes.check(take)

    def _take_health(self, health: Health) -> None:
        self._health = health
        if not health.listening:
            self._arming.lose(health.detail)
        self._tell_channel()

    def _tell_channel(self) -> None:
        health = self._health
        now = Channel(health.listening, health.detail, health.hint, health.keyboards, self._second.is_up)
        if now != self._told:
            self._told = now
            self._tell(now)

    # --- the second detector ----------------------------------------------------------------------------------

    def _second_is_wanted(self) -> bool:
        return self._eyes.kind == "pynput" or (self._arming.needs_second and self._arming.is_under_way)

    def _second_changed(self, problem: str) -> None:
        self._arming.second_is_up = self._second.is_up
        if problem and self._second.is_lost:
            self._second_is_lost(problem)
        self._tell_channel()
        self._arming.advance()

    def _second_is_lost(self, problem: str) -> None:
        if self._eyes.kind == "pynput":
            self._health = deaf(f"the hotkey detector ended: {problem}")
        if self._arming.needs_second:
            self._arming.lose(f"the second hotkey detector ended: {problem}")

    def _expect_press(self) -> None:
        """Arming may follow: what takes long to start begins now."""
        self._confirming.expect()
        if self._arming.needs_second:
            self._keep_second_for(SECOND_PRESS_S * 4)

    def _keep_second_for(self, seconds: float) -> None:
        if self._second_end is not None:
            self._second_end.cancel()
        self._second.start(self._hotkey)
        self._second_end = self._loop.call_later(seconds, self._end_second)

    def _end_second(self) -> None:
        if not self._second_is_wanted():
            self._second.stop()
            self._arming.second_is_up = False
            self._tell_channel()

    # --- arming -----------------------------------------------------------------------------------------------

    def _armed_changed(self) -> None:
        under_way = self._arming.is_under_way
        self._calm()
        self._eyes.set_armed(armed=under_way)
        self._confirming.set_deaf(deaf=under_way)
        if self._second_is_wanted():
            self._second.start(self._hotkey)
            self._arming.second_is_up = self._second.is_up
        else:
            # A second press may still come.
            self._second_end = self._loop.call_later(SECOND_PRESS_S, self._end_second)

    def _suspicion_changed(self) -> None:
        if self._arming.is_armed:
            self._update_pause()

    def _fault(self, error: Exception) -> None:
        """A part of the guard failed: it goes on, and nothing stays armed."""
        _complain("".join(traceback.format_exception(error)))
        self._arming.lose(f"the guard itself failed: {error!r}")


def _eyes(loop: Loop, sight: Sight) -> Eyes:
    if sys.platform == "darwin":
        return NoEyes("pynput", "", "")
    if not os.environ.get("DISPLAY"):
        return NoEyes("none", "there is no X display (DISPLAY is not set)", "Start Aurora in an X11 session.")
    from aurora_desktop.safety.guard.x11.eyes import X11Eyes

    return X11Eyes(loop, sight, os.environ)


def _heed_signals() -> socket.socket:
    """A socket on which SIGTERM can be read; what a terminal sends is ignored."""
    reading, writing = socket.socketpair()
    reading.setblocking(False)  # noqa: FBT003 - it takes no keyword
    writing.setblocking(False)  # noqa: FBT003 - it takes no keyword
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    signal.set_wakeup_fd(writing.detach())
    return reading


def _complain(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"guard: {text}\n".encode(errors="replace"))


def run(places: Places) -> None:
    """Take over from a predecessor, and guard. Raises OSError, RuntimeError."""
    retire_predecessor(places.socket)
    Guard(places).run()
