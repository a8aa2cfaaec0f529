"""From characters and names of keys to keycodes that write exactly them, whatever the layout."""

import time
from collections.abc import Callable
from typing import Any

from aurora_desktop.input.backends import keynames
from aurora_desktop.input.backends.characters import naming, untypable
from aurora_desktop.input.backends.protocol import CannotError, DisplayLostError, Key, Stroke
from aurora_desktop.safety.permit import HeldTable

from . import xkbcommon
from .connection import Connection
from .layout import LOCK_MASK, KeyState, Layout
from .reading import ReadReceipt
from .spares import Spares

_CORE_KEYBOARD = 0x100  # XkbUseCoreKbd
_KEYBOARD_AND_MAP = 0b11  # events: another keyboard, or another map of it
_TYPES_SYMBOLS_MODIFIERS = 0b111
_MAP_NOTIFY = 1
_MODIFIER_NAMES = {1: "Shift", 4: "Ctrl", 8: "Alt", 64: "Super", 128: "AltGr"}
_MODIFIER_SYMBOLS = range(0xFFE1, 0xFFEF)


class Keyboard:
    """The keyboard of the X server. Every call may raise DisplayLostError."""

    def __init__(self, connection: Connection, held: HeldTable, now: Callable[[], float] = time.monotonic) -> None:
        self._x, self._held, self._now = connection, held, now
        self._xkb = connection.extension("xkb")
        self._focus = 0
        self.number = 0  # of the layout that strokes are worked out from
        self._spares = Spares()
        self._receipt = ReadReceipt(connection)
        try:
            self._library = xkbcommon.Library()
            xkbcommon.connect(self._library, connection.pointer_for_c())
        except OSError as error:
            raise DisplayLostError(f"the keyboard map cannot be read: {error}") from error
        parts = _TYPES_SYMBOLS_MODIFIERS
        self._xkb.SelectEvents(_CORE_KEYBOARD, _KEYBOARD_AND_MAP, 0, _KEYBOARD_AND_MAP, parts, parts, [])
        connection.listeners.append(self._on_event)
        self._is_stale = True
        self.refresh()

    def refresh(self) -> None:
        """Look whether another layout is in use or the map was changed; between two actions."""
        self.end_text()
        [state] = self._x.ask(self.request_state())
        self._x.pump()
        if self._is_stale:
            self._spares = Spares()
            self._see(state)
            self._spares = Spares(self._layout.spares)
        elif KeyState(state.lockedMods, state.group) != self._layout.state:
            self._see(state)

    def request_state(self) -> Any:
        """A request on its way; its reply is for `see`."""
        return self._xkb.GetState(_CORE_KEYBOARD)

    def see(self, state: Any, focus: int, held: frozenset[int]) -> str:
        """Take notice of the state and the focus; returns which modifiers others hold or latched ("Shift"), or ""."""
        self._focus = focus
        self._x.pump()
        if self._is_stale or KeyState(state.lockedMods, state.group) != self._layout.state:
            self._see(state)
        ours = 0
        for code in held:
            ours |= self._layout.masks.get(code, 0)
        theirs = state.baseMods & ~ours | state.latchedMods
        return "+".join(name for mask, name in _MODIFIER_NAMES.items() if theirs & mask)

    # --- text ---------------------------------------------------------------------------------------------------

    def layout_stroke(self, character: str) -> Stroke | None:
        """How the layout itself writes it, if it does."""
        return self._layout.stroke(character)

    def text_problem(self, text: str) -> str:
        """Why it cannot be typed exactly, or ""."""
        characters = set(text)
        refused = {character for character in characters if untypable(character)}
        refused |= {character for character in characters - refused if not self._can_write(character)}
        return f"these characters cannot be typed exactly: {naming(refused)}" if refused else ""

    def is_ready_for(self, character: str) -> bool:
        """Whether it can be typed now without harm to what was typed before. Raises CannotError."""
        if self._layout.stroke(character):
            return True
        symbol = self._symbol_for_spare(character)
        return self._spares.holding(symbol) is not None or self._settled(self._spares.is_free)

    def stroke(self, character: str) -> Stroke:
        """Raises CannotError."""
        stroke = self._layout.stroke(character)
        if stroke is not None:
            return stroke
        symbol = self._symbol_for_spare(character)
        code = self._lent(symbol)
        self._spares.used(symbol, self._now())
        return Stroke(self._modifiers(code, character), Key(code, character))

    def is_text_read(self) -> bool:
        """Raises CannotError."""
        return self._settled(self._spares.are_read)

    def end_text(self) -> None:
        """Empty the spare keycodes."""
        codes = self._spares.take_back()
        if not codes:
            return
        for code in codes:
            self._x.core.ChangeKeyboardMapping(1, code, 1, [0])
        self._receipt.forget()
        self._x.sync()
        for code in codes:
            self._held.unmap(code)

    # --- keys ---------------------------------------------------------------------------------------------------

    def chord_problem(self, keys: str) -> str:
        """Why these keys cannot be pressed, or ""."""
        try:
            for name in keynames.split_keys(keys):
                self._symbol_named(name)
        except CannotError as error:
            return str(error)
        return ""

    def chord(self, keys: str) -> tuple[Key, ...]:
        """The keys to press, in order; keys that the layout lacks are put on spare ones. Raises CannotError."""
        pressed: dict[int, Key] = {}
        for name in keynames.split_keys(keys):
            symbol = self._symbol_named(name)
            stroke = self._layout.stroke_of_symbol(symbol) or self._spare_stroke(symbol, name)
            for key in (*stroke.modifiers, stroke.key):
                pressed.setdefault(key.code, Key(key.code, name))
        return tuple(pressed.values())

    # --- below --------------------------------------------------------------------------------------------------

    def _on_event(self, event: Any) -> None:
        """Somebody changed the map; our own changes of spare keycodes do not count."""
        if type(event).__module__ != "xcffib.xkb":
            return
        raw = bytes(event.unpacker.buf[:18])  # xcffib takes every event of XKB for the first kind
        first, count = raw[16], raw[17]
        if raw[1] != _MAP_NOTIFY or not self._spares.codes.issuperset(range(first, first + count)):
            self._is_stale = True

    def _see(self, state: Any) -> None:
        self._is_stale = False
        keymap = self._read_keymap()
        self._layout = Layout(keymap, KeyState(state.lockedMods, state.group), self._spares.codes)
        self.number += 1
        keymap.close()

    def _read_keymap(self) -> xkbcommon.Keymap:
        try:
            return xkbcommon.Keymap(self._library, self._x.pointer_for_c())
        except OSError as error:
            raise DisplayLostError(f"the keyboard map cannot be read: {error}") from error

    def _can_write(self, character: str) -> bool:
        if self._layout.stroke(character):
            return True
        if not len(self._spares) or not self._library.keysym_of(character):
            return False
        return not self._layout.state.locked & LOCK_MASK or not _is_cased(character) or _has_case_pair(character)

    def _symbol_for_spare(self, character: str) -> int:
        symbol = self._library.keysym_of(character)
        if not symbol or not self._can_write(character):
            raise CannotError(f"the keyboard changed: {naming(character)} cannot be typed any more")
        return symbol

    def _symbol_named(self, name: str) -> int:
        symbol = self._library.keysym_of(name) if len(name) == 1 else 0
        symbol = symbol or self._library.keysym(keynames.ALIASES.get(name.lower(), name))
        if not symbol:
            raise keynames.unknown_key(name, _known_names())
        if not self._layout.stroke_of_symbol(symbol) and (symbol in _MODIFIER_SYMBOLS or not len(self._spares)):
            raise CannotError(f"this keyboard has no key “{name}”")
        return symbol

    def _settled(self, question: Callable[..., bool]) -> bool:
        answers = self._receipt.answers(self._focus)
        if answers and not question(self._now(), answers=True):
            self._spares.read_up_to(self._receipt.read_up_to(self._spares.number, self._now()))
        return question(self._now(), answers=answers)

    def _lent(self, symbol: int) -> int:
        code = self._spares.holding(symbol)
        if code is None:
            code = self._spares.lend(symbol)
            self._held.remap(code)
            lower, upper = self._library.case_pair(symbol)
            self._x.core.ChangeKeyboardMapping(1, code, 2, [lower, upper])
            self._x.sync()
        return code

    def _spare_stroke(self, symbol: int, name: str) -> Stroke:
        code = self._lent(symbol)
        self._spares.used(symbol, self._now())
        modifiers = self._modifiers(code, name) if len(name) == 1 else ()
        return Stroke(modifiers, Key(code, name))

    def _modifiers(self, code: int, character: str) -> tuple[Key, ...]:
        if not _is_cased(character):
            return ()
        keymap = self._read_keymap()
        modifiers = self._layout.modifiers_for(keymap, code, character)
        keymap.close()
        if modifiers is None:
            raise CannotError(f"{naming(character)} cannot be typed exactly now")
        return modifiers


def _is_cased(character: str) -> bool:
    return character.lower() != character.upper()


def _has_case_pair(character: str) -> bool:
    lower, upper = character.lower(), character.upper()
    return len(lower) == len(upper) == 1 and character in (lower, upper)


def _known_names() -> list[str]:
    import importlib

    keysyms = importlib.import_module("xcffib.keysymdef")
    return [name.removeprefix("XK_") for name in vars(keysyms) if name.startswith("XK_")]
