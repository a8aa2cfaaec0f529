"""The few requests and answers of X11, XInput2 and XTEST that the guard needs, as bytes; no I/O.

Numbers are those of X.h, XI2proto.h and xtestproto.h; byte order is the machine's own. Written out here, since xcffib
and its tables take 30 MB and answers are waited for in it, while a guard must be small and wait for nobody.
"""

import struct
import sys
from collections.abc import Iterator
from typing import Final, NamedTuple

BYTE_ORDER: Final = b"l" if sys.byteorder == "little" else b"B"

ERROR, REPLY = 0, 1
CONFIGURE_NOTIFY, MAPPING_NOTIFY, GENERIC = 22, 34, 35
HIERARCHY_CHANGED = 11
RAW_KEY_PRESS, RAW_KEY_RELEASE, RAW_BUTTON_PRESS, RAW_BUTTON_RELEASE, RAW_MOTION = 13, 14, 15, 16, 17
RAW_TOUCH_BEGIN, RAW_TOUCH_END = 22, 24
KEY_RELEASE, BUTTON_RELEASE = 3, 5
ALL_DEVICES = 0
SLAVE_POINTER, SLAVE_KEYBOARD, FLOATING_SLAVE = 3, 4, 5
_KEY_CLASS, _BUTTON_CLASS = 0, 1
_STRUCTURE_NOTIFY = 1 << 17


class Setup(NamedTuple):
    """What the display tells of itself when it lets us in."""

    root: int
    width: int
    height: int
    min_keycode: int
    max_keycode: int


class Device(NamedTuple):
    """An input device; `use` is one of the numbers above, `keys` its number of keys."""

    id: int
    use: int
    name: str
    enabled: bool
    keys: int


class Raw(NamedTuple):
    """A raw event of XInput2; `device` and `source` are the same for slave devices."""

    type: int
    device: int
    x_time: int
    detail: int
    source: int


class Keymap(NamedTuple):
    """`width` keysyms for each keycode from `first` on."""

    first: int
    width: int
    keysyms: tuple[int, ...]

    def keycodes_of(self, wanted: frozenset[int]) -> frozenset[int]:
        """The keycodes that bear one of these keysyms, in whatever column."""
        return frozenset(self.first + place // self.width for place, sym in enumerate(self.keysyms) if sym in wanted)


# --- requests -----------------------------------------------------------------------------------------------------


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def hello(name: bytes, data: bytes) -> bytes:
    """The first words on a connection, with the display's key."""
    return struct.pack("=cxHHHH2x", BYTE_ORDER, 11, 0, len(name), len(data)) + _padded(name) + _padded(data)


def query_extension(name: bytes) -> bytes:
    return struct.pack("=BxHH2x", 98, 2 + len(_padded(name)) // 4, len(name)) + _padded(name)


def notify_of_structure(window: int) -> bytes:
    """Tell us when the size of `window` changes."""
    return struct.pack("=BxHIII", 2, 4, window, 1 << 11, _STRUCTURE_NOTIFY)


def query_pointer(window: int) -> bytes:
    return struct.pack("=BxHI", 38, 2, window)


def get_keyboard_mapping(first: int, last: int) -> bytes:
    return struct.pack("=BxHBB2x", 101, 2, first, last - first + 1)


def empty_keycode(keycode: int, width: int) -> bytes:
    """Give a keycode no keysyms."""
    return struct.pack("=BBHBB2x", 100, 1, 2 + width, keycode, width) + bytes(4 * width)


def fake_release(xtest: int, kind: int, detail: int) -> bytes:
    """Release a key (KEY_RELEASE) or button (BUTTON_RELEASE)."""
    return struct.pack("=BBHBB2xII8xhh7xB", xtest, 2, 9, kind, detail, 0, 0, 0, 0, 0)


def xi_query_version(xinput: int) -> bytes:
    """2.2: raw events come whoever grabs (2.1), touches too (2.2)."""
    return struct.pack("=BBHHH", xinput, 47, 2, 2, 2)


def xi_query_devices(xinput: int) -> bytes:
    return struct.pack("=BBHH2x", xinput, 48, 2, ALL_DEVICES)


def xi_select_events(xinput: int, window: int, masks: dict[int, int]) -> bytes:
    """`masks`: by device, one bit for each type of event."""
    body = b"".join(struct.pack("=HHI", device, 1, mask) for device, mask in masks.items())
    return struct.pack("=BBHIH2x", xinput, 46, 3 + len(body) // 4, window, len(masks)) + body


def xi_get_selected_events(xinput: int, window: int) -> bytes:
    return struct.pack("=BBHI", xinput, 60, 2, window)


def query_device_state(xinput: int, device: int) -> bytes:
    return struct.pack("=BBHB3x", xinput, 30, 2, device)


# --- answers ------------------------------------------------------------------------------------------------------


def parse_setup(raw: bytes, screen: int) -> Setup:
    """From the answer to `hello`, without its first 8 bytes. Raises struct.error, IndexError."""
    vendor, _, screens, formats = struct.unpack_from("=HHBB", raw, 16)
    min_keycode, max_keycode = struct.unpack_from("=BB", raw, 26)
    place = 32 + vendor + -vendor % 4 + 8 * formats
    found = []
    for _ in range(screens):
        root, width, height = struct.unpack_from("=I16xHH", raw, place)
        found.append(Setup(root, width, height, min_keycode, max_keycode))
        depths, place = raw[place + 39], place + 40
        for _ in range(depths):
            (visuals,) = struct.unpack_from("=2xH", raw, place)
            place += 8 + 24 * visuals
    return found[screen]


def parse_extension(raw: bytes) -> int:
    """Its major opcode; 0 when the display does not have it."""
    present, opcode = struct.unpack_from("=BB", raw, 8)
    return opcode if present else 0


def parse_pointer(raw: bytes) -> tuple[int, int]:
    x, y = struct.unpack_from("=hh", raw, 16)
    return x, y


def parse_version(raw: bytes) -> tuple[int, int]:
    major, minor = struct.unpack_from("=HH", raw, 8)
    return major, minor


def parse_keymap(raw: bytes, first: int) -> Keymap:
    (length,) = struct.unpack_from("=I", raw, 4)
    return Keymap(first, max(1, raw[1]), struct.unpack_from(f"={length}I", raw, 32))


def parse_devices(raw: bytes) -> Iterator[Device]:
    (count,) = struct.unpack_from("=H", raw, 8)
    place = 32
    for _ in range(count):
        device, use, _, classes, name_length, enabled = struct.unpack_from("=HHHHHB", raw, place)
        name = raw[place + 12 : place + 12 + name_length].decode(errors="replace")
        place += 12 + name_length + -name_length % 4
        keys = 0
        for _ in range(classes):
            kind, length, _, number = struct.unpack_from("=HHHH", raw, place)
            keys = number if kind == _KEY_CLASS else keys
            place += 4 * length
        yield Device(device, use, name, bool(enabled), keys)


def parse_selected(raw: bytes) -> dict[int, int]:
    """By device, the events that are sent to us."""
    (count,) = struct.unpack_from("=H", raw, 8)
    place, masks = 32, {}
    for _ in range(count):
        device, length = struct.unpack_from("=HH", raw, place)
        masks[device] = struct.unpack_from("=I", raw, place + 4)[0] if length else 0
        place += 4 + 4 * length
    return masks


def parse_device_state(raw: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The keycodes and the buttons that are down on one device."""
    keys: tuple[int, ...] = ()
    buttons: tuple[int, ...] = ()
    place = 32
    for _ in range(raw[8]):
        kind, length = raw[place], raw[place + 1]
        bits = raw[place + 4 : place + length]
        if kind == _KEY_CLASS:
            keys = _set_bits(bits)
        elif kind == _BUTTON_CLASS:
            buttons = tuple(button for button in _set_bits(bits) if button)
        place += max(2, length)
    return keys, buttons


def parse_raw(raw: bytes) -> Raw:
    kind, device, x_time, detail, source = struct.unpack_from("=8xHHIIH", raw)
    return Raw(kind, device, x_time, detail, source)


def _set_bits(raw: bytes) -> tuple[int, ...]:
    return tuple(8 * place + bit for place, byte in enumerate(raw) for bit in range(8) if byte >> bit & 1)
