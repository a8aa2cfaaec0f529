"""What the keys of pyautogui's map write on X11: it knows keycodes, the layout knows what they mean."""

from collections.abc import Mapping

from aurora_desktop.input.backends.protocol import Around, Key, Stroke

from .connection import Connection
from .keyboard import Keyboard


class X11Keys:
    """Only what the layout writes with a key that pyautogui can press without adding modifiers of its own."""

    def __init__(self, connection: Connection, keyboard: Keyboard, codes: Mapping[str, int | None]) -> None:
        self._x, self._keyboard = connection, keyboard
        # pyautogui presses Shift by itself for these names, whatever the layout.
        self._names = {code: name for name, code in codes.items() if code and not _adds_shift(name)}

    def refresh(self) -> None:
        self._keyboard.refresh()

    def around(self, held: frozenset[int], pointer: tuple[int, int]) -> Around:
        focus, state = self._x.ask(self._x.core.GetInputFocus(), self._keyboard.request_state())
        others = self._keyboard.see(state, focus.focus, held)
        return Around(pointer, focus.focus, others, self._keyboard.number)

    def stroke(self, character: str) -> Stroke | None:
        stroke = self._keyboard.layout_stroke(character)
        if stroke is None or any(key.code not in self._names for key in (*stroke.modifiers, stroke.key)):
            return None
        return Stroke(tuple(map(self._named, stroke.modifiers)), self._named(stroke.key))

    def _named(self, key: Key) -> Key:
        return Key(key.code, self._names[key.code])


def _adds_shift(name: str) -> bool:
    return len(name) == 1 and (name.isupper() or name in '~!@#$%^&*()_+{}|:"<>?')
