"""Names of keys as agents write them: `ctrl+shift+t`, `cmd+space`, `ctrl++`, `pgdn`."""

import difflib
from collections.abc import Iterable
from typing import Final

from aurora_desktop.input.key_names import KEYS, MODIFIERS

from .protocol import CannotError

# To the names of X keysyms, lower case to exact.
ALIASES: Final = {
    **KEYS,
    **{
        name: {"ctrl": "Control_L", "alt": "Alt_L", "shift": "Shift_L", "super": "Super_L"}[key]
        for name, key in MODIFIERS.items()
    },
    "altgr": "ISO_Level3_Shift",
}
_OFFERED = 3


def split_keys(keys: str) -> tuple[str, ...]:
    """The names in `ctrl+shift+t`; the key `+` itself may stand at the end (`ctrl++`). Raises CannotError."""
    if keys == "+":
        return ("+",)
    plus_at_end = keys.endswith("++")
    names = [name.strip() if len(name) > 1 else name for name in (keys[:-2] if plus_at_end else keys).split("+")]
    if plus_at_end:
        names.append("+")
    if not all(names):
        raise CannotError(f"in the keys “{keys}” a name is missing")
    if len(set(names)) < len(names):
        raise CannotError(f"in the keys “{keys}” one is named twice")
    return tuple(names)


def unknown_key(name: str, known: Iterable[str]) -> CannotError:
    """The refusal of a name, with those that look like it."""
    names = {candidate.lower(): candidate for candidate in (*known, *ALIASES)}
    near = difflib.get_close_matches(name.lower(), names, _OFFERED, cutoff=0.6)
    offered = " or ".join(f"“{names[candidate]}”" for candidate in near)
    return CannotError(f"no key is named “{name}”" + (f"; did you mean {offered}?" if offered else ""))
