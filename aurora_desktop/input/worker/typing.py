"""Text and keys, each press checked against the focus and the keyboard's state right before it."""

from collections.abc import Callable

from aurora_desktop.input.backends.protocol import Around, Key

from .brake import SLICE_S, BrokenError, LetGoError
from .hand import Hand

_OTHERS_LET_GO_S = 2.0
_BREATH_S = 0.05


class _NotNowError(Exception):
    """The keyboard is not as it was when the stroke was worked out."""


class Typist:
    """`guard_focus` raises when the keyboard went to another window.

    All calls raise what the hand raises, and CannotError.
    """

    def __init__(self, hand: Hand, guard_focus: Callable[[Around], None]) -> None:
        self._hand, self._guard_focus = hand, guard_focus
        self._keyboard = 0

    def type(self, text: str, interval_s: float) -> None:
        self._hand.before_key = self._examine
        self._wait_for_others()  # also looks where the focus is
        for character in text:
            self._type_one(character)
            if interval_s:
                self._wait(interval_s)
        self._hand.only_hold(())
        self.finish()

    def press_together(self, keys: str, duration_s: float = 0.0, presses: int = 1) -> None:
        """Hold these keys for a while, so many times."""
        self._hand.before_key = self._examine
        for _ in range(presses):
            with self._hand.unbroken():
                self.hold(keys)
                self._hand.wait(duration_s)
                self._hand.only_hold(())
        self.finish()

    def hold(self, keys: str) -> tuple[Key, ...]:
        """Press these keys and leave them down."""
        self._hand.before_key = self._examine
        self._wait_for_others()
        chord = self._hand.backend.chord(keys)
        for key in chord:
            while not self._pressed(key):
                self._wait_for_others()
                if self._hand.backend.chord(keys) != chord:
                    raise BrokenError("the keyboard changed while keys were pressed")
        return chord

    def finish(self) -> None:
        """Wait until what was typed has been read, then put the keyboard map back."""
        self._hand.before_key = None
        while not self._hand.backend.is_text_read():
            self._hand.brake.wait(SLICE_S)
        self._hand.backend.end_text()

    def _pressed(self, key: Key) -> bool:
        try:
            self._hand.press(key)
        except _NotNowError:
            return False
        return True

    def _type_one(self, character: str) -> None:
        while True:
            try:
                self._write(character)
                return
            except LetGoError:
                continue  # raised before a press only: the character was not pressed yet
            except _NotNowError:
                self._hand.only_hold(())
                self._wait_for_others()

    def _write(self, character: str) -> None:
        backend = self._hand.backend
        while not backend.is_ready_for(character):
            self._hand.wait(SLICE_S)
        if self._hand.held_for_s() > _BREATH_S:  # Shift, through many capitals
            self._hand.only_hold(())
        stroke = backend.stroke(character)
        self._hand.only_hold(stroke.modifiers)
        self._hand.press(stroke.key)
        self._hand.release(stroke.key)

    def _examine(self, around: Around) -> None:
        self._guard_focus(around)
        if around.modifiers_of_others or around.keyboard != self._keyboard:
            raise _NotNowError

    def _wait_for_others(self) -> None:
        """A modifier that somebody else holds would change what a key means."""
        end = self._hand.brake.now() + _OTHERS_LET_GO_S
        while (around := self._hand.look()).modifiers_of_others:
            if self._hand.brake.now() > end:
                raise BrokenError(f"{around.modifiers_of_others} is held down by somebody else")
            self._wait(SLICE_S)
        self._guard_focus(around)
        self._keyboard = around.keyboard

    def _wait(self, duration_s: float) -> None:
        try:
            self._hand.wait(duration_s)
        except LetGoError:
            return
