"""The bytes of X11, as its specification has them, and answers that are cut short."""

import struct

import pytest

from aurora_desktop.safety.guard.x11 import protocol as x
from aurora_desktop.safety.guard.x11.address import Entry, choose, parse_authority, parse_display
from aurora_desktop.safety.guard.x11.devices import Devices

KEYBOARD = x.Device(7, x.SLAVE_KEYBOARD, "AT Translated Set 2 keyboard", enabled=True, keys=248)
MOUSE = x.Device(6, x.SLAVE_POINTER, "USB Mouse", enabled=True, keys=0)
POWER = x.Device(8, x.SLAVE_KEYBOARD, "Power Button", enabled=True, keys=248)
XTEST = x.Device(5, x.SLAVE_KEYBOARD, "Virtual core XTEST keyboard", enabled=True, keys=248)
MASTER = x.Device(3, 2, "Virtual core keyboard", enabled=True, keys=248)


@pytest.mark.parametrize(
    "request_bytes",
    [
        x.hello(b"", b""),
        x.query_extension(b"XTEST"),
        x.notify_of_structure(1),
        x.query_pointer(1),
        x.get_keyboard_mapping(8, 255),
        x.empty_keycode(8, 7),
        x.fake_release(132, x.KEY_RELEASE, 50),
        x.xi_query_version(131),
        x.xi_query_devices(131),
        x.xi_select_events(131, 1, {0: 1, 7: 2}),
        x.xi_get_selected_events(131, 1),
        x.query_device_state(131, 5),
    ],
)
def test_every_request_is_as_long_as_it_says(request_bytes: bytes) -> None:
    assert len(request_bytes) % 4 == 0
    if request_bytes[:1] != x.BYTE_ORDER:
        assert struct.unpack_from("=H", request_bytes, 2)[0] * 4 == len(request_bytes)


def _reply(body: bytes) -> bytes:
    return struct.pack("=BBHI", 1, 0, 1, (len(body) - 24) // 4) + body


def test_devices_are_read_with_their_keys() -> None:
    key_class = struct.pack("=HHHHI", 0, 3, 7, 1, 8)
    pad = b"\0" * 3
    info = struct.pack("=HHHHHBx", 7, 4, 3, 1, 5, 1) + b"Board" + pad + key_class
    assert list(x.parse_devices(_reply(struct.pack("=H22x", 1) + info))) == [
        x.Device(7, 4, "Board", enabled=True, keys=1)
    ]


def test_the_state_of_a_device() -> None:
    keys = struct.pack("=BBBB", 0, 36, 248, 0) + bytes([0] * 4 + [0b100] + [0] * 27)
    buttons = struct.pack("=BBBB", 1, 36, 10, 0) + bytes([0b1011] + [0] * 31)
    valuators = struct.pack("=BBBB", 2, 4, 0, 0)
    raw = _reply(struct.pack("=B23x", 3) + valuators + keys + buttons)
    assert x.parse_device_state(raw) == ((34,), (1, 3))


def test_a_raw_event() -> None:
    event = struct.pack("=BBHIHHIIHHII", 35, 131, 9, 0, x.RAW_KEY_PRESS, 7, 123456, 50, 7, 0, 0, 0)
    assert x.parse_raw(event) == x.Raw(x.RAW_KEY_PRESS, 7, 123456, 50, 7)


def test_keycodes_are_found_in_every_column() -> None:
    keymap = x.Keymap(8, 2, (0, 0, 0xFF1B, 0, 0, 0xFF1B))
    assert keymap.keycodes_of(frozenset({0xFF1B})) == {9, 10}


# --- which devices count -------------------------------------------------------------------------------------------


def test_masters_are_left_out_and_xtest_is_synthetic() -> None:
    devices = Devices.sorted_out([MASTER, XTEST, MOUSE, KEYBOARD])
    assert devices == Devices((MOUSE, KEYBOARD), (XTEST,))
    assert devices.keyboards() == (KEYBOARD.name,)


def test_while_armed_nothing_of_the_agent_is_heard_and_all_of_the_operator() -> None:
    devices = Devices((MOUSE, KEYBOARD), (XTEST,))
    armed, idle = devices.masks(armed=True, suspicious=False), devices.masks(armed=False, suspicious=False)
    wary = devices.masks(armed=True, suspicious=True)
    assert (armed[XTEST.id], bool(idle[XTEST.id]), bool(wary[XTEST.id])) == (0, True, True)
    motion = 1 << x.RAW_MOTION
    assert [bool(masks[MOUSE.id] & motion) for masks in (armed, idle, wary)] == [True, False, True]


@pytest.mark.parametrize("devices", [(), (MOUSE,), (POWER,), (KEYBOARD._replace(enabled=False),)])
def test_without_a_keyboard_nobody_can_be_heard(devices: tuple[x.Device, ...]) -> None:
    found = Devices(devices, (XTEST,))
    masks = found.masks(armed=False, suspicious=False)
    assert "no physical keyboard" in found.health(masks, masks).detail


def test_a_device_that_the_display_forgot_is_noticed() -> None:
    found = Devices((MOUSE, KEYBOARD), (XTEST,))
    masks = found.masks(armed=False, suspicious=False)
    assert found.health(masks, masks).listening
    forgotten = {**masks, KEYBOARD.id: 0}
    assert found.health(forgotten, masks).detail == f"the display sends no events of {KEYBOARD.name}"


def test_a_display_under_wayland_is_not_to_be_relied_on() -> None:
    found = Devices((KEYBOARD._replace(name="xwayland-keyboard:13"),), ())
    masks = found.masks(armed=False, suspicious=False)
    assert "Wayland" in found.health(masks, masks).detail


# --- where it listens ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("display", "number", "screen", "last"),
    [
        (":0", 0, 0, "/tmp/.X11-unix/X0"),
        (":12.1", 12, 1, "/tmp/.X11-unix/X12"),
        ("unix:3", 3, 0, "/tmp/.X11-unix/X3"),
        ("localhost:10.0", 10, 0, ("localhost", 6010)),
        ("[::1]:1", 1, 0, ("::1", 6001)),
    ],
)
def test_names_of_displays(display: str, number: int, screen: int, last: str | tuple[str, int]) -> None:
    address = parse_display(display)
    assert (address.number, address.screen, address.places[-1]) == (number, screen, last)


@pytest.mark.parametrize("display", ["", "0", ":", ":x", ":0.x", "host"])
def test_what_names_no_display(display: str) -> None:
    with pytest.raises(ValueError, match="names no display"):
        parse_display(display)


def _entry(family: int, address: bytes, number: bytes, data: bytes, name: bytes = b"MIT-MAGIC-COOKIE-1") -> bytes:
    fields = (address, number, name, data)
    return struct.pack(">H", family) + b"".join(struct.pack(">H", len(field)) + field for field in fields)


def test_the_key_of_this_machine_and_display_is_chosen() -> None:
    raw = (
        _entry(256, b"elsewhere", b"0", b"wrong")
        + _entry(256, b"here", b"1", b"other")
        + _entry(256, b"here", b"0", b"odd", b"XDM-AUTHORIZATION-1")
        + _entry(256, b"here", b"0", b"right")
    )
    assert choose(list(parse_authority(raw)), 0, b"here") == (b"MIT-MAGIC-COOKIE-1", b"right")
    assert choose([Entry(65535, b"", b"", b"other", b"")], 0, b"here") == (b"", b"")


def test_a_cut_file_of_keys_is_told() -> None:
    with pytest.raises(struct.error):
        list(parse_authority(_entry(256, b"here", b"0", b"right") + b"\1"))
