"""The worker's life: set up, told what to do, ended."""

import contextlib
import time
from collections.abc import Callable

from aurora_desktop.input.backends.protocol import CannotError, Desktop, DisplayLostError, InputBackend
from aurora_desktop.input.messages import (
    Check,
    Checked,
    Do,
    Failed,
    Look,
    Picture,
    Pictured,
    Screen,
    Seen,
    Setup,
    ToWorker,
    Up,
)
from aurora_desktop.safety.permit import HeldTable

from .action import ActionRunner
from .brake import Brake, RevokedError
from .hand import Hand
from .line import MainLine
from .pictures import Pictures

IDLE_S = 0.02  # an idle worker asks the permit this often, too

Choose = Callable[[str, HeldTable], tuple[InputBackend, Desktop]]


class Worker:
    """Everything in one thread: what it reads, it reads between two events."""

    def __init__(self, line: MainLine, brake: Brake, held: HeldTable, setup: Setup, choose: Choose) -> None:
        """Raises DisplayLostError, CannotError where nothing can be done here."""
        self._line, self._brake, self._held, self._setup = line, brake, held, setup
        brake.interval_s = 1 / setup.events_per_s
        self._backend, self._desktop = choose(setup.backend, held)
        self._layout = self._desktop.layout()
        self._number = 1
        self._hand = Hand(
            self._backend,
            held,
            brake,
            lambda: self._layout,
            max_hold_s=setup.max_hold_s,
            corners=setup.failsafe_corners,
        )
        self._pictures = Pictures(setup.pictures, self._desktop, brake.wait)
        self._runner = ActionRunner(
            self._hand,
            self._desktop,
            self._pictures,
            line.say,
            self._screen_number,
            corners=setup.failsafe_corners,
        )

    def run(self, pid: int) -> str:
        """Work until nothing more is permitted; returns why. Raises DisplayLostError."""
        self._line.say(Up(self._backend.name, pid))
        self._tell_screen()
        try:
            while True:
                self._idle()
        except RevokedError as error:
            return str(error)
        finally:
            self._end()

    def _idle(self) -> None:
        message = self._line.next()
        if message is None:
            self._brake.check(timeout_s=IDLE_S)
        else:
            self._brake.check()
            self._take(message)
        self._screen_number()
        self._limit_hold()

    def _take(self, message: ToWorker) -> None:
        match message:
            case Do():
                self._do(message)
            case Look():
                self._look(message)
            case Check():
                self._check(message)
            case Picture():
                self._picture(message)

    def _do(self, do: Do) -> None:
        self._brake.action_id = do.id
        self._held.set_busy(busy=True)
        try:
            self._runner.run(do)
        finally:
            self._held.set_busy(busy=False)
            self._brake.action_id = None
            self._line.forget_cancelled(do.id)

    def _look(self, look: Look) -> None:
        windows = self._desktop.windows_at(look.places)
        pointer = self._backend.around(self._hand.keys).pointer
        self._line.say(Seen.of(look.id, windows, self._desktop.focused(), pointer))

    def _check(self, check: Check) -> None:
        self._backend.begin_action()
        problems = (
            self._backend.text_problem(check.text) if check.text else "",
            self._backend.chord_problem(check.keys) if check.keys else "",
        )
        self._line.say(Checked(check.id, "; ".join(filter(None, problems))))

    def _picture(self, picture: Picture) -> None:
        try:
            left, top = self._corner(picture)
            shot = self._pictures.rectangle(left, top, picture.width, picture.height)
        except CannotError as error:
            self._line.say(Pictured(picture.id, "", str(error)))
        else:
            self._line.say(Pictured(picture.id, str(shot["path"]), left=shot["left"], top=shot["top"]))

    def _corner(self, picture: Picture) -> tuple[int, int]:
        if not picture.window or (area := self._desktop.area(picture.window)) is None:
            return max(0, picture.x), max(0, picture.y)
        x, y, width, height = area
        return max(0, x + (width - picture.width) // 2), max(0, y + (height - picture.height) // 2)

    def _screen_number(self) -> int:
        """Also tells main when the displays changed."""
        if self._desktop.has_changed():
            layout = self._desktop.layout()
            if layout != self._layout:
                self._layout = layout
                self._number += 1
                self._tell_screen()
        return self._number

    def _tell_screen(self) -> None:
        self._line.say(Screen(self._number, *self._layout))

    def _limit_hold(self) -> None:
        """Between actions: what is still held is released after the limit, or when the operator comes."""
        too_long = self._hand.held_for_s() > self._hand.max_hold_s
        if too_long or (self._hand.held_for_s() and self._brake.is_paused):
            self._hand.let_go()

    def _end(self) -> None:
        with contextlib.suppress(DisplayLostError):
            self._hand.let_go()
        with contextlib.suppress(DisplayLostError):
            self._backend.end_text()
        self._desktop.close()


def wait_for_setup(line: MainLine, brake: Brake, patience_s: float = 10.0) -> Setup:
    """Main's first message. Raises RevokedError."""
    end = time.monotonic() + patience_s
    while (message := line.next()) is None:
        brake.check(timeout_s=IDLE_S)
        if time.monotonic() > end:
            raise RevokedError("main said nothing")
    if not isinstance(message, Setup):
        raise RevokedError("main did not begin with the set-up")
    return message


def failed(error: Exception) -> Failed:
    """What is told when nothing can be done here."""
    return Failed(str(error), "see `aurora doctor`")
