"""What each key of the current layout writes, with which modifiers, worked out as the programs themselves will."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from aurora_desktop.input.backends.protocol import Key, Stroke

from .xkbcommon import Keymap

SHIFT_SYMBOL, SHIFT_R_SYMBOL, LEVEL3_SYMBOL, RETURN_SYMBOL, TAB_SYMBOL = 0xFFE1, 0xFFE2, 0xFE03, 0xFF0D, 0xFF09
LOCK_MASK = 2
# The keys that every keyboard has come before those that only the map has (a key for `(` alone): who passes keycodes
# on, to a virtual machine or a remote desktop, knows them.
_COMMON_KEYS = frozenset((*range(10, 62), 65))
_KEYPAD = range(0xFF80, 0xFFBE)
_WRITTEN_BY = {"\n": RETURN_SYMBOL, "\t": TAB_SYMBOL}


class KeyState(NamedTuple):
    """What changes the meaning of keys without anyone holding one: locked modifiers and the layout in use."""

    locked: int
    group: int


class Layout:
    """A snapshot: characters and keysyms to strokes. Common keys first, then fewest modifiers, then by keycode."""

    def __init__(self, keymap: Keymap, state: KeyState, lent: frozenset[int] = frozenset()) -> None:
        """`lent`: spare keycodes whose meaning is ours and changes."""
        self.state, self._lent = state, lent
        self.spares = tuple(code for code in range(max(keymap.first, 9), keymap.last + 1) if keymap.is_spare(code))
        self.masks: dict[int, int] = {}  # modifier keys: keycode to mask
        self._characters: dict[str, Stroke] = {}
        self._symbols: dict[int, Stroke] = {}
        self._learn_modifiers(keymap)
        everything = range(keymap.first, keymap.last + 1)
        for codes in (sorted(_COMMON_KEYS.intersection(everything)), everything):
            for modifiers, mask in self._levels(keymap):
                self._learn_level(keymap, codes, modifiers, mask)

    def stroke(self, character: str) -> Stroke | None:
        symbol = _WRITTEN_BY.get(character)
        return self._symbols.get(symbol) if symbol else self._characters.get(character)

    def stroke_of_symbol(self, symbol: int) -> Stroke | None:
        return self._symbols.get(symbol)

    def modifiers_for(self, keymap: Keymap, code: int, character: str) -> tuple[Key, ...] | None:
        """With which modifiers the key writes the character in this state; None if with none of ours."""
        for modifiers, mask in self._levels(keymap):
            keymap.set_state(mask, *self.state)
            if keymap.character(code) == character:
                return modifiers
        return None

    def _learn_modifiers(self, keymap: Keymap) -> None:
        for code in range(keymap.first, keymap.last + 1):
            keymap.set_state(0, *self.state)
            mask = keymap.mask_of(code)
            if mask:
                self.masks[code] = mask & 0xFF
        keymap.set_state(0, *self.state)

    def _levels(self, keymap: Keymap) -> Iterator[tuple[tuple[Key, ...], int]]:
        shift, level3 = (self._modifier(keymap, symbol) for symbol in (SHIFT_SYMBOL, LEVEL3_SYMBOL))
        yield (), 0
        for modifiers in ((shift,), (level3,), (shift, level3)):
            present = tuple(key for key in modifiers if key is not None)
            if len(present) == len(modifiers):
                yield present, sum(self.masks[key.code] for key in present)

    def _modifier(self, keymap: Keymap, symbol: int) -> Key | None:
        keymap.set_state(0, *self.state)
        code = next((code for code in self.masks if keymap.symbol(code) == symbol), None)
        return None if code is None else Key(code, "shift" if symbol == SHIFT_SYMBOL else "altgr")

    def _learn_level(self, keymap: Keymap, codes: Iterable[int], modifiers: tuple[Key, ...], mask: int) -> None:
        keymap.set_state(mask, *self.state)
        for code in codes:
            symbol, character = keymap.symbol(code), keymap.character(code)
            if not symbol or code in self._lent:
                continue
            stroke = Stroke(modifiers, Key(code, character or hex(symbol)))
            self._symbols.setdefault(symbol, stroke)
            if character and symbol not in _KEYPAD:
                self._characters.setdefault(character, stroke)
