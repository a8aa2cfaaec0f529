"""Events through pyautogui: the portable default, and a second choice on X11.

Of pyautogui only single presses, releases, moves and notches are used: its longer calls cannot be stopped half way.
It drops what it cannot type without a word, so text is checked before; its failsafe raises in releases too, so they are
made without it.
"""

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from . import keynames
from .characters import naming, untypable
from .protocol import WHEEL_DOWN, WHEEL_LEFT, WHEEL_RIGHT, WHEEL_UP, Around, CannotError, DisplayLostError, Key, Stroke

_OWN_NAMES = {
    "Control_L": "ctrl", "Alt_L": "alt", "Shift_L": "shift",
    "Super_L": "command" if sys.platform == "darwin" else "win",
    "Return": "enter", "Escape": "esc", "Page_Up": "pageup", "Page_Down": "pagedown", "Print": "printscreen",
    "BackSpace": "backspace", "Caps_Lock": "capslock", "Num_Lock": "numlock", "Scroll_Lock": "scrolllock",
    "Menu": "apps", "plus": "+", "minus": "-", "comma": ",", "period": ".",
    "XF86AudioRaiseVolume": "volumeup", "XF86AudioLowerVolume": "volumedown", "XF86AudioMute": "volumemute",
}  # fmt: skip
_WRITTEN_BY = {"\n": "enter", "\t": "tab"}
_NOTCH = 120 if sys.platform == "win32" else 1
FAILSAFE_REASON = "failsafe corner"


class Keys(Protocol):
    """What the keys of pyautogui's map write on this keyboard."""

    def refresh(self) -> None: ...

    def around(self, held: frozenset[int], pointer: tuple[int, int]) -> Around: ...

    def stroke(self, character: str) -> Stroke | None: ...


class OwnKeys:
    """Outside X11 pyautogui's own map is all that is known: codes, on Windows with the modifiers in the upper byte."""

    def __init__(self, codes: Mapping[str, int | None]) -> None:
        self._strokes: dict[str, Stroke] = {}
        plain = {code: name for name, code in codes.items() if _is_plain(name, code)}
        shift = codes.get("shift")
        for character, code in codes.items():
            if len(character) != 1 or code is None or not 0 <= code < 0x200:
                continue
            shifted = code > 0xFF or (sys.platform == "darwin" and _needs_shift(character))
            name = plain.get(code & 0xFF)
            if name is not None and (not shifted or shift is not None):
                modifiers = (Key(int(shift or 0), "shift"),) if shifted else ()
                self._strokes[character] = Stroke(modifiers, Key(code & 0xFF, name))

    def refresh(self) -> None:
        """Nothing to be read anew."""

    def around(self, held: frozenset[int], pointer: tuple[int, int]) -> Around:  # noqa: ARG002 - the protocol's
        return Around(pointer)

    def stroke(self, character: str) -> Stroke | None:
        return self._strokes.get(character)


def _is_plain(name: str, code: int | None) -> bool:
    return code is not None and 0 <= code <= 0xFF and not (len(name) == 1 and _needs_shift(name))


def _needs_shift(character: str) -> bool:
    return character.isupper() or character in '~!@#$%^&*()_+{}|:"<>?'


class PyautoguiBackend:
    """Every call may raise DisplayLostError. `keys` is made from pyautogui's names and codes."""

    name = "pyautogui"

    def __init__(self, keys: Callable[[Mapping[str, int | None]], Keys]) -> None:
        """Raises CannotError, DisplayLostError."""
        self._gui = _import_pyautogui()
        self._codes: dict[str, int | None] = dict(self._gui.platformModule.keyboardMapping)
        self._keys = keys(self._codes)

    def begin_action(self) -> None:
        self._keys.refresh()

    def around(self, held: frozenset[int]) -> Around:
        x, y = self._call(self._gui.position)
        return self._keys.around(held, (int(x), int(y)))

    def move(self, x: int, y: int) -> tuple[int, int]:
        self._call(self._gui.moveTo, x, y, _pause=False)
        place = self._call(self._gui.position)
        return int(place[0]), int(place[1])

    def button(self, number: int, *, down: bool) -> None:
        if number in (WHEEL_UP, WHEEL_DOWN, WHEEL_LEFT, WHEEL_RIGHT):
            if down:
                self._notch(number)
            return
        button = ("left", "middle", "right")[number - 1]
        call = self._gui.mouseDown if down else self._gui.mouseUp
        self._call(call, button=button, failsafe=down, _pause=False)

    def key(self, key: Key, *, down: bool) -> None:
        call = self._gui.keyDown if down else self._gui.keyUp
        self._call(call, key.name, failsafe=down, _pause=False)

    # --- keys and text ----------------------------------------------------------------------------------------------

    def chord_problem(self, keys: str) -> str:
        try:
            self.chord(keys)
        except CannotError as error:
            return str(error)
        return ""

    def chord(self, keys: str) -> tuple[Key, ...]:
        """Raises CannotError."""
        pressed: dict[int, Key] = {}
        for name in keynames.split_keys(keys):
            stroke = self._stroke_named(name)
            for key in (*stroke.modifiers, stroke.key):
                pressed.setdefault(key.code, key)
        return tuple(pressed.values())

    def text_problem(self, text: str) -> str:
        refused = {character for character in set(text) if untypable(character) or self._stroke(character) is None}
        return f"pyautogui cannot type these characters exactly: {naming(refused)}" if refused else ""

    def is_ready_for(self, character: str) -> bool:
        return self._stroke(character) is not None

    def stroke(self, character: str) -> Stroke:
        """Raises CannotError."""
        stroke = self._stroke(character)
        if stroke is None:
            raise CannotError(f"{naming(character)} cannot be typed any more")
        return stroke

    def is_text_read(self) -> bool:
        return True  # the keyboard map is left as it is

    def end_text(self) -> None:
        """Nothing to undo."""

    # --- below ------------------------------------------------------------------------------------------------------

    def _stroke(self, character: str) -> Stroke | None:
        name = _WRITTEN_BY.get(character)
        return self._stroke_named(name) if name else self._keys.stroke(character)

    def _stroke_named(self, name: str) -> Stroke:
        if len(name) == 1 and (stroke := self._keys.stroke(name)) is not None:
            return stroke
        symbol = keynames.ALIASES.get(name.lower(), name)
        own = _OWN_NAMES.get(symbol, symbol.lower())
        code = self._codes.get(own)
        if code is None:
            raise keynames.unknown_key(name, self._codes)
        return Stroke((), Key(code & 0xFF, own))

    def _notch(self, number: int) -> None:
        sideways = number in (WHEEL_LEFT, WHEEL_RIGHT)
        amount = _NOTCH if number in (WHEEL_UP, WHEEL_RIGHT) else -_NOTCH
        self._call(self._gui.hscroll if sideways else self._gui.vscroll, amount, _pause=False)

    def _call(self, call: Callable[..., Any], *arguments: Any, failsafe: bool = True, **options: Any) -> Any:
        self._gui.FAILSAFE = failsafe
        try:
            return call(*arguments, **options)
        except self._gui.FailSafeException as error:
            raise CannotError(FAILSAFE_REASON) from error
        except Exception as error:  # each platform raises its own when the display is gone
            raise DisplayLostError(f"pyautogui failed: {type(error).__name__}: {error}") from error
        finally:
            self._gui.FAILSAFE = True


def _import_pyautogui() -> Any:
    """Without its screenshot and message helpers, which need tkinter. Raises CannotError."""
    sys.modules.setdefault("mouseinfo", None)  # type: ignore[arg-type] # None makes its import fail, as pyautogui expects
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        raise DisplayLostError("there is no display")
    try:
        gui: Any = importlib.import_module("pyautogui")
    except Exception as error:  # without a display it raises what Xlib happens to raise
        raise CannotError(f"pyautogui cannot be used here: {type(error).__name__}: {error}") from error
    gui.PAUSE = gui.MINIMUM_DURATION = gui.MINIMUM_SLEEP = gui.DARWIN_CATCH_UP_TIME = 0
    return gui
