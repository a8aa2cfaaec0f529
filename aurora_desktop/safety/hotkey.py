"""The panic hotkey as it is written in the settings: modifiers and one key, `ctrl+alt+shift+escape`."""

from typing import Final

from msgspec import Struct

from aurora_desktop.core.errors import AuroraError

MODIFIERS: Final = ("ctrl", "alt", "shift", "super")

# Numbers of X11's keysymdef.h, which other platforms' names are translated from.
MODIFIER_KEYSYMS: Final[dict[str, frozenset[int]]] = {
    "ctrl": frozenset({0xFFE3, 0xFFE4}),
    "alt": frozenset({0xFFE9, 0xFFEA, 0xFFE7, 0xFFE8}),
    "shift": frozenset({0xFFE1, 0xFFE2}),
    "super": frozenset({0xFFEB, 0xFFEC}),
}
_NAMED: Final[dict[str, int]] = {
    "escape": 0xFF1B,
    "pause": 0xFF13,
    "print": 0xFF61,
    "scroll_lock": 0xFF14,
    "space": 0x20,
    "tab": 0xFF09,
    "return": 0xFF0D,
    "backspace": 0xFF08,
    "delete": 0xFFFF,
    "insert": 0xFF63,
    "home": 0xFF50,
    "end": 0xFF57,
    "page_up": 0xFF55,
    "page_down": 0xFF56,
    "left": 0xFF51,
    "up": 0xFF52,
    "right": 0xFF53,
    "down": 0xFF54,
    "menu": 0xFF67,
    "break": 0xFF6B,
    **{f"f{number}": 0xFFBD + number for number in range(1, 25)},
}
_OTHER_NAMES: Final = {
    "esc": "escape",
    "enter": "return",
    "del": "delete",
    "ins": "insert",
    "prior": "page_up",
    "pageup": "page_up",
    "next": "page_down",
    "pagedown": "page_down",
    "printscreen": "print",
}


class Hotkey(Struct, frozen=True):
    """Modifiers in the order of MODIFIERS, and a key's name in lower case with its keysym."""

    modifiers: tuple[str, ...]
    key: str
    keysym: int

    @property
    def label(self) -> str:
        """As it is shown: `Ctrl+Alt+Shift+Escape`."""
        return "+".join(part.replace("_", " ").title().replace(" ", "") for part in (*self.modifiers, self.key))

    def keysym_groups(self) -> tuple[frozenset[int], ...]:
        """One set of keysyms for each key of the combination: any of a set will do."""
        upper = ord(self.key.upper()) if len(self.key) == 1 else self.keysym
        return (*(MODIFIER_KEYSYMS[name] for name in self.modifiers), frozenset({self.keysym, upper}))


def parse(text: str) -> Hotkey:
    """The hotkey that `text` names. Raises AuroraError with a hint when it names none."""
    *modifiers, key = (part.strip().lower() for part in text.split("+"))
    for name in modifiers:
        if name not in MODIFIERS:
            raise _refusal(text, f"`{name}` is no modifier", MODIFIERS, name)
    if not modifiers or len(set(modifiers)) < len(modifiers):
        raise _refusal(text, "one to four different modifiers come before the key", (), "")
    key = _OTHER_NAMES.get(key, key)
    if len(key) == 1 and key.isascii() and key.isalnum():
        keysym = ord(key)
    elif key in _NAMED:
        keysym = _NAMED[key]
    else:
        raise _refusal(text, f"`{key}` is no key that is known here", tuple(_NAMED), key)
    return Hotkey(tuple(name for name in MODIFIERS if name in modifiers), key, keysym)


def _refusal(text: str, detail: str, known: tuple[str, ...], wrong: str) -> AuroraError:
    import difflib  # only here: the guard keeps its memory small

    near = difflib.get_close_matches(wrong, known, 1)
    hint = f"Did you mean `{near[0]}`?" if near else "Write it like `ctrl+alt+shift+escape`."
    return AuroraError(f"`{text}` is no hotkey", detail, hint)
