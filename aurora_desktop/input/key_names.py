"""Names of keys as agents write them, and the one name that each has in our actions: the X keysym's.

What is not listed passes as it is: single characters, `F5`, `KP_0`, `XF86AudioMute`. Whether such a key exists is the
worker's to say, which knows the keyboard.
"""

from collections.abc import Iterable
from typing import Final

from aurora_desktop.core.settings.problems import shown_key

MODIFIERS: Final = {
    "ctrl": "ctrl", "control": "ctrl", "control_l": "ctrl", "control_r": "ctrl", "ctrlleft": "ctrl",
    "ctrlright": "ctrl", "ctrl_l": "ctrl", "ctrl_r": "ctrl", "controlleft": "ctrl", "controlright": "ctrl",
    "alt": "alt", "alt_l": "alt", "alt_r": "alt", "altleft": "alt", "altright": "alt", "option": "alt",
    "optionleft": "alt", "optionright": "alt",
    "shift": "shift", "shift_l": "shift", "shift_r": "shift", "shiftleft": "shift", "shiftright": "shift",
    "super": "super", "super_l": "super", "super_r": "super", "meta": "super", "meta_l": "super", "meta_r": "super",
    "metaleft": "super", "metaright": "super", "cmd": "super", "command": "super", "win": "super", "winleft": "super",
    "winright": "super", "windows": "super",
}  # fmt: skip

KEYS: Final = {
    "enter": "Return", "return": "Return", "esc": "Escape", "escape": "Escape", "tab": "Tab", "space": "space",
    "spacebar": "space", "backspace": "BackSpace", "back_space": "BackSpace", "delete": "Delete", "del": "Delete",
    "insert": "Insert", "ins": "Insert", "home": "Home", "end": "End",
    "pageup": "Page_Up", "page_up": "Page_Up", "pgup": "Page_Up", "prior": "Page_Up",
    "pagedown": "Page_Down", "page_down": "Page_Down", "pgdn": "Page_Down", "pgdown": "Page_Down", "next": "Page_Down",
    "up": "Up", "arrowup": "Up", "down": "Down", "arrowdown": "Down", "left": "Left", "arrowleft": "Left",
    "right": "Right", "arrowright": "Right",
    "capslock": "Caps_Lock", "caps_lock": "Caps_Lock", "numlock": "Num_Lock", "num_lock": "Num_Lock",
    "scrolllock": "Scroll_Lock", "scroll_lock": "Scroll_Lock", "pause": "Pause", "break": "Break",
    "print": "Print", "printscreen": "Print", "prtsc": "Print", "prtscr": "Print", "prntscrn": "Print",
    "menu": "Menu", "apps": "Menu", "contextmenu": "Menu", "help": "Help",
    "plus": "plus", "minus": "minus", "comma": "comma", "period": "period",
    "volumeup": "XF86AudioRaiseVolume", "volumedown": "XF86AudioLowerVolume", "volumemute": "XF86AudioMute",
    "playpause": "XF86AudioPlay", "nexttrack": "XF86AudioNext", "prevtrack": "XF86AudioPrev",
    "browserback": "XF86Back", "browserforward": "XF86Forward", "browserrefresh": "XF86Refresh",
    **{f"f{n}": f"F{n}" for n in range(1, 36)},
    **{f"num{n}": f"KP_{n}" for n in range(10)},
}  # fmt: skip

_SIGNS: Final = {"+": "plus", " ": "space", "\n": "Return", "\r": "Return", "\t": "Tab"}


def split_keys(combination: str) -> list[str]:
    """The keys of `ctrl+shift+t`; a `+` that is a key itself is the last one or alone (`ctrl++`)."""
    if combination == "+":
        return ["+"]
    if combination.endswith("++"):
        return [*combination[:-2].split("+"), "+"]
    return combination.split("+")


def canonical_key(name: str) -> str:
    """Our name of a key: `ctrl`, `Return`, `a`; one that is not listed stays as it is."""
    if name in _SIGNS:
        return _SIGNS[name]
    folded = name.strip().lower()
    return MODIFIERS.get(folded) or KEYS.get(folded) or name.strip()


def combination_of(names: Iterable[str]) -> str:
    """The names joined as our actions write them; a letter beside other keys is the key, so in lower case.

    Raises ValueError if there is none, or one of them is empty.
    """
    keys = [canonical_key(name) for name in names]
    if not keys or not all(keys):
        raise ValueError("a key without a name")
    return "+".join(key.lower() if len(keys) > 1 and len(key) == 1 and key.isascii() else key for key in keys)


def canonical_modifiers(written: str) -> str:
    """`Control_L+SHIFT` as `ctrl+shift`, each once. Raises ValueError naming what is no modifier."""
    names = [name.strip().lower() for name in written.split("+")]
    for name in names:
        if name not in MODIFIERS:
            raise ValueError(f"`{shown_key(name)}` is no modifier")
    return "+".join(dict.fromkeys(MODIFIERS[name] for name in names))
