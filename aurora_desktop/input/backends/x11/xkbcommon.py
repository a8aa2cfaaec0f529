"""libxkbcommon: names of keysyms, and what each key gives in which state, as Qt and GTK read it too."""

import ctypes
from typing import Final

_NO_FLAGS: Final = 0
_IGNORE_CASE: Final = 1
_DOWN: Final = 1
_EFFECTIVE_DEPRESSED: Final = 1  # XKB_STATE_MODS_DEPRESSED


class Library:
    """The functions that we call. Raises OSError where the libraries are missing."""

    def __init__(self) -> None:
        self.core = ctypes.CDLL("libxkbcommon.so.0")
        self.x11 = ctypes.CDLL("libxkbcommon-x11.so.0")
        self.context = _handle(self.core, "xkb_context_new", _NO_FLAGS)

    def keysym(self, name: str) -> int:
        """The keysym of this name, exact before any case; 0 if there is none."""
        written = name.encode()
        found = self.core.xkb_keysym_from_name(written, _NO_FLAGS)
        return int(found or self.core.xkb_keysym_from_name(written, _IGNORE_CASE))

    def keysym_of(self, character: str) -> int:
        """The keysym that stands for exactly this character; 0 if there is none."""
        keysym = self.core.xkb_utf32_to_keysym(ctypes.c_uint32(ord(character)))
        return int(keysym) if keysym and self.core.xkb_keysym_to_utf32(keysym) == ord(character) else 0

    def case_pair(self, keysym: int) -> tuple[int, int]:
        """The symbol in lower and in upper case; itself twice where it has no such pair."""
        lower, upper = int(self.core.xkb_keysym_to_lower(keysym)), int(self.core.xkb_keysym_to_upper(keysym))
        return (lower, upper) if keysym in (lower, upper) else (keysym, keysym)


class Keymap:
    """The server's keyboard map as it is now, with a state to ask it. Free it with `close`."""

    def __init__(self, library: Library, connection: int) -> None:
        """`connection`: the address of the xcb connection. Raises OSError."""
        self._library, self._core = library, library.core
        device = library.x11.xkb_x11_get_core_keyboard_device_id(ctypes.c_void_p(connection))
        self._keymap = _handle(
            library.x11,
            "xkb_x11_keymap_new_from_device",
            library.context,
            ctypes.c_void_p(connection),
            device,
            _NO_FLAGS,
        )
        self._state = _handle(self._core, "xkb_state_new", self._keymap)
        self.first = int(self._core.xkb_keymap_min_keycode(self._keymap))
        self.last = int(self._core.xkb_keymap_max_keycode(self._keymap))

    def is_spare(self, code: int) -> bool:
        """Whether the key of this code means nothing at all."""
        return not self._core.xkb_keymap_num_layouts_for_key(self._keymap, code)

    def set_state(self, pressed: int, locked: int, group: int) -> None:
        """Masks of modifiers that are pressed and locked, and the layout's number."""
        self._core.xkb_state_update_mask(self._state, pressed, 0, locked, 0, 0, group)

    def character(self, code: int) -> str:
        """What the key writes in the state that was set, or ""."""
        number = self._core.xkb_state_key_get_utf32(self._state, code)
        return chr(number) if number else ""

    def symbol(self, code: int) -> int:
        """The keysym of the key in the state that was set; 0 for none."""
        return int(self._core.xkb_state_key_get_one_sym(self._state, code))

    def mask_of(self, code: int) -> int:
        """The modifiers that this key holds while it is down, in the state that was set; 0 for other keys."""
        before = self._core.xkb_state_serialize_mods(self._state, _EFFECTIVE_DEPRESSED)
        self._core.xkb_state_update_key(self._state, code, _DOWN)
        mask = self._core.xkb_state_serialize_mods(self._state, _EFFECTIVE_DEPRESSED)
        self._core.xkb_state_update_key(self._state, code, 0)
        return int(mask & ~before)

    def close(self) -> None:
        self._core.xkb_state_unref(self._state)
        self._core.xkb_keymap_unref(self._keymap)


def connect(library: Library, connection: int) -> None:
    """Tell the server that XKB is spoken on this connection. Raises OSError."""
    if not library.x11.xkb_x11_setup_xkb_extension(ctypes.c_void_p(connection), 1, 0, 0, None, None, None, None):
        raise OSError("the X server does not speak XKB")


def _handle(library: ctypes.CDLL, function: str, *arguments: object) -> ctypes.c_void_p:
    call = library[function]
    call.restype = ctypes.c_void_p
    address = call(*arguments)
    if not address:
        raise OSError(f"{function} failed")
    return ctypes.c_void_p(address)
