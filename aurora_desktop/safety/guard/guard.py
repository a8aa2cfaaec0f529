"""The guard's parts put together: who is told of what."""

import contextlib
import os
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.safety.clearance import Clearance
from aurora_desktop.safety.guard.arming import Arming
from aurora_desktop.safety.guard.channel import Channel as Line
from aurora_desktop.safety.guard.cleanup import Cleanup
from aurora_desktop.safety.guard.confirming import Confirming
from aurora_desktop.safety.guard.door import Answer, Door, retire_predecessor
from aurora_desktop.safety.guard.drill import StopDrill
from aurora_desktop.safety.guard.eyes import Eyes, NoEyes, Sight, deaf
from aurora_desktop.safety.guard.loop import Loop
from aurora_desktop.safety.guard.operator_first import OperatorFirst
from aurora_desktop.safety.guard.presses import PressCounter, RawInput
from aurora_desktop.safety.guard.signals import on_sigterm
from aurora_desktop.safety.guard.standby import Standby
from aurora_desktop.safety.guard.stop_channel import StopChannel
from aurora_desktop.safety.guard.stopping import Stopper
from aurora_desktop.safety.guard.trees import MarkedTrees
from aurora_desktop.safety.hotkey import parse
from aurora_desktop.safety.messages import (
    Arm,
    Configure,
    Confirm,
    Disarm,
    Drill,
    ExpectPress,
    FromGuard,
    HotkeyProven,
    Marked,
    Ping,
    Pong,
    Renew,
    Retire,
    Stop,
    ToGuard,
)
from aurora_desktop.safety.permit import HeldTable, Permit, SharedPage

if sys.platform == "win32":
    raise ImportError("the guard is built on Unix sockets and signals")

LIVES_S = 5.0
"""How often a guard without a main looks whether any marked service lives."""


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
            self._look_at_operator,
        )
        self._stopper = Stopper(loop, self._clearance, self._cleanup, self._trees, held, self._end_worker, self._tell)
        self._confirming = Confirming(loop, eyes, self._tell, self._suspicion_changed)
        self._hotkey_text = "ctrl+alt+shift+escape"
        self._hotkey = parse(self._hotkey_text)
        self._second = Standby(
            loop,
            eyes,
            self._arming,
            self._hotkey,
            self._second_saw_hotkey,
            self._second_is_lost,
            lambda: self._channel.tell(),
        )
        self._channel = StopChannel(loop, eyes, lambda: self._second.is_up, self._tell, self._arming.lose)
        self._operator_first = OperatorFirst(self._permit, held, lambda: self._confirming.is_expecting, self._tell)
        self._drill = StopDrill(loop, lambda: self._tell(HotkeyProven(self._hotkey_text)))
        self._counter = PressCounter()
        self._door = Door(loop, places.socket, self._command)
        self._is_orphan = False
        link = socket.socket(fileno=places.channel)
        self._line = Line(loop, link, self._take, self._main_is_gone, _complain)

    def run(self) -> None:
        """Raises OSError, RuntimeError when the socket cannot be had."""
        on_sigterm(self._loop, lambda: self._retire("the guard was asked to end"))
        self._door.open()
        self._eyes.open()
        self._channel.begin()
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
        self._operator_first.is_wanted = message.operator_first
        self._arming.failsafe_corners = message.failsafe_corners
        self._arming.needs_second = message.pynput or self._eyes.kind == "pynput"
        self._second.watch_for(self._hotkey)
        self._channel.check()

    def _expect_press(self) -> None:
        """Arming may follow."""
        self._confirming.expect()
        self._second.expect_arming()

    def _set_drill(self, *, on: bool) -> None:
        if on and not self._arming.is_under_way:
            self._drill.begin()
        else:
            self._drill.end()

    def _arm(self, message: Arm, link: int | None) -> None:
        why_not = ""
        if not self._clearance.is_granted():
            why_not = "the emergency stop is latched"
        elif self._stopper.is_running:
            why_not = "an emergency stop is under way"
        self._drill.end()
        self._arming.arm(message, link, why_not)

    def _main_is_gone(self) -> None:
        self._is_orphan = True
        self._arming.disarm("Aurora's main process is gone")
        self._drill.end()
        self._stay_while_needed()

    def _stay_while_needed(self) -> None:
        if self._trees.any_lives():
            self._loop.call_later(LIVES_S, self._stay_while_needed)
        else:
            self._retire("Aurora's main process is gone")

    def _retire(self, reason: str) -> None:
        self._arming.disarm(reason)
        self._cleanup.run(lambda _released, _problem: self._loop.stop())

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
            "listening": self._channel.health.listening,
            "second": self._second.is_up,
            "detail": self._channel.health.detail,
            "orphan": self._is_orphan,
        }

    def _press(self, detector: str, *, physical: bool) -> None:
        """One of the detectors saw the hotkey."""
        if self._drill.is_on and (physical or self._eyes.kind == "pynput"):
            self._drill.prove()  # what a program sends proves nothing, and stops as ever
            return
        began = self._loop.now()
        which = self._counter.count(detector, began)
        if which == "second":
            self._stopper.stop_frozen(began)
        elif which == "first":
            self._stop("hotkey")

    # --- what is seen -----------------------------------------------------------------------------------------

    def saw_hotkey(self, *, physical: bool) -> None:
        self._press("display", physical=physical)

    def _second_saw_hotkey(self) -> None:
        # In a drill it tells of the same press as the display, which alone can say whose it was.
        if not self._drill.is_on or self._eyes.kind != "x11":
            self._press("pynput", physical=False)

    def saw_input(self, event: RawInput) -> None:
        self._confirming.saw(event)
        if event.physical and self._arming.is_armed:
            self._operator_first.saw(event)

    def saw_pointer(self, *, in_corner: bool) -> None:
        self._arming.saw_pointer(in_corner=in_corner)
        if in_corner and self._arming.is_armed and self._arming.failsafe_corners:
            self._stop("corner")

    # --- the display ------------------------------------------------------------------------------------------

    def display_up(self) -> None:
        self._channel.tell_ready()
        self._eyes.watch_for(self._hotkey)
        if not self._arming.is_armed:
            self._cleanup.run(lambda _released, _problem: None)
        self._channel.check()

    def display_lost(self, why: str) -> None:
        self._channel.lose_display(why)

    def _second_is_lost(self, problem: str) -> None:
        if self._eyes.kind == "pynput":
            self._channel.health = deaf(f"the hotkey detector ended: {problem}")
        if self._arming.needs_second:
            self._arming.lose(f"the second hotkey detector ended: {problem}")

    # --- arming -----------------------------------------------------------------------------------------------

    def _armed_changed(self) -> None:
        under_way = self._arming.is_under_way
        self._operator_first.calm()
        self._eyes.set_armed(armed=under_way)
        self._confirming.set_deaf(deaf=under_way)
        self._second.arming_changed()

    def _look_at_operator(self, now: float) -> None:
        self._operator_first.look(now)

    def _suspicion_changed(self) -> None:
        if self._arming.is_armed:
            self._operator_first.update()

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


def _complain(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"guard: {text}\n".encode(errors="replace"))


def run(places: Places) -> None:
    """Take over from a predecessor, and guard. Raises OSError, RuntimeError."""
    retire_predecessor(places.socket)
    Guard(places).run()
