"""The operator's own devices on X11: raw XInput2 events of slave devices, matched by keycodes, whoever grabs them."""

import struct
from collections.abc import Callable, Mapping
from typing import Literal

from aurora_desktop.safety.guard.combination import KeyboardState
from aurora_desktop.safety.guard.eyes import Health, Sight, deaf
from aurora_desktop.safety.guard.loop import Loop
from aurora_desktop.safety.guard.presses import RawInput
from aurora_desktop.safety.guard.x11 import protocol as x
from aurora_desktop.safety.guard.x11.connection import Connection, OnReply
from aurora_desktop.safety.guard.x11.devices import Devices
from aurora_desktop.safety.guard.x11.releasing import Releasing
from aurora_desktop.safety.hotkey import Hotkey

RECONNECT_S = 1.0
_PRESSED = frozenset({x.RAW_KEY_PRESS, x.RAW_BUTTON_PRESS, x.RAW_TOUCH_BEGIN})
_KINDS: dict[int, Literal["key", "motion"]] = {
    x.RAW_KEY_PRESS: "key",
    x.RAW_KEY_RELEASE: "key",
    x.RAW_MOTION: "motion",
}


class X11Eyes:
    """Connects, and connects again each second after a loss; `Sight` is told of both."""

    kind = "x11"

    def __init__(self, loop: Loop, sight: Sight, environment: Mapping[str, str]) -> None:
        self._loop, self._sight, self._environment = loop, sight, environment
        self._connection: Connection | None = None
        self._setup = x.Setup(0, 0, 0, 8, 255)
        self._size = (0, 0)
        self._xinput = self._xtest = 0
        self._devices = Devices()
        self._physical: frozenset[int] = frozenset()
        self._keyboard = KeyboardState()
        self._hotkey: Hotkey | None = None
        self._keymap = x.Keymap(8, 1, ())
        self._keymap_is_stale = False
        self._armed = self._suspicious = False
        self._pointer_is_asked = False
        self.tells_physical = False

    # --- connecting -------------------------------------------------------------------------------------------

    def open(self) -> None:
        connection = Connection(self._loop, self._connected, self._take_event, self._lost)
        self._connection = connection
        connection.open(self._environment.get("DISPLAY", ""), self._environment)

    def _connected(self, setup: x.Setup) -> None:
        self._setup, self._size = setup, (setup.width, setup.height)
        self._pointer_is_asked = False
        self._ask(x.query_extension(b"XInputExtension"), self._take_xinput)
        self._ask(x.query_extension(b"XTEST"), self._take_xtest)
        self._flush()

    def _take_xinput(self, reply: bytes | None) -> None:
        self._xinput = x.parse_extension(reply) if reply else 0

    def _take_xtest(self, reply: bytes | None) -> None:
        self._xtest = x.parse_extension(reply) if reply else 0
        if not self._xinput or not self._xtest:
            self._give_up("the display lacks XInput2 or XTEST")
            return
        self._ask(x.xi_query_version(self._xinput), self._take_version)
        self._ask(x.notify_of_structure(self._setup.root))
        self._ask(x.xi_query_devices(self._xinput), self._take_devices)
        self._ask_for_keymap(self._begin)
        self._flush()

    def _take_version(self, reply: bytes | None) -> None:
        self.tells_physical = reply is not None and x.parse_version(reply) >= (2, 1)

    def _begin(self) -> None:
        if not self.tells_physical:
            self._give_up("the display's XInput2 is older than 2.1")
            return
        self._sight.display_up()

    def _give_up(self, why: str) -> None:
        if self._connection is not None:
            self._connection.close()
        self._lost(why)

    def _lost(self, why: str) -> None:
        self._connection = None
        self._devices, self._physical = Devices(), frozenset()
        self._keyboard.set_devices((), ())
        self._sight.display_lost(why)
        self._loop.call_later(RECONNECT_S, self.open)

    # --- what the guard asks for --------------------------------------------------------------------------------

    def watch_for(self, hotkey: Hotkey) -> None:
        self._hotkey = hotkey
        self._match(merge=False)

    def set_armed(self, *, armed: bool) -> None:
        self._armed = armed
        self._select()

    def set_suspicious(self, *, suspicious: bool) -> None:
        self._suspicious = suspicious
        self._select()

    def check(self, done: Callable[[Health], None]) -> None:
        if self._connection is None or not self._xinput:
            done(deaf("there is no connection to the display"))
            return
        if self._keymap_is_stale:
            self._ask_for_keymap(lambda: None)
        for device in self._physical:
            # A release may have been missed, for instance while another virtual terminal was in front.
            self._ask(x.query_device_state(self._xinput, device), self._take_state_of(device))

        def ask_what_is_sent(reply: bytes | None) -> None:
            self._take_devices(reply)
            request = x.xi_get_selected_events(self._xinput, self._setup.root)
            # As it is now: what is asked for may change before the answer comes.
            wanted = self._devices.masks(armed=self._armed, suspicious=self._suspicious)
            self._ask(request, lambda selected: done(self._health(selected, wanted)))
            self._flush()

        self._ask(x.xi_query_devices(self._xinput), ask_what_is_sent)
        self._flush()

    def _health(self, reply: bytes | None, wanted: dict[int, int]) -> Health:
        if reply is None:
            return deaf("the display does not say which events it sends")
        if self._hotkey is not None and not all(self._keyboard.groups):
            detail = f"no key of this keyboard layout makes {self._hotkey.label}"
            return deaf(detail, "Choose another `input.hotkey` in the settings.", self._devices.keyboards())
        return self._devices.health(x.parse_selected(reply), wanted)

    def look_at_pointer(self) -> None:
        if not self._pointer_is_asked and self._connection is not None:
            self._pointer_is_asked = True
            self._ask(x.query_pointer(self._setup.root), self._take_pointer)
            self._flush()

    def _take_pointer(self, reply: bytes | None) -> None:
        self._pointer_is_asked = False
        if reply is not None:
            column, row = x.parse_pointer(reply)
            width, height = self._size
            self._sight.saw_pointer(in_corner=column in (0, width - 1) and row in (0, height - 1))

    def release(self, remapped: tuple[int, ...], done: Callable[[int], None]) -> None:
        if self._connection is not None and self._xtest:
            devices = [device.id for device in self._devices.synthetic]
            releasing = Releasing(self._connection, self._xinput, self._xtest, devices, done)
            releasing.start(remapped, self._keymap.width)

    # --- devices and keys ---------------------------------------------------------------------------------------

    def _take_devices(self, reply: bytes | None) -> None:
        found = Devices.sorted_out(x.parse_devices(reply)) if reply else Devices()
        if found == self._devices:
            return
        new = {device.id for device in found.physical} - self._physical
        self._devices = found
        self._physical = frozenset(device.id for device in found.physical)
        self._keyboard.set_devices(self._physical, (device.id for device in found.synthetic))
        for device in new:
            self._ask(x.query_device_state(self._xinput, device), self._take_state_of(device))
        self._select()

    def _take_state_of(self, device: int) -> OnReply:
        def take(reply: bytes | None) -> None:
            if reply is not None:
                self._keyboard.set_down(device, x.parse_device_state(reply)[0])

        return take

    def _select(self) -> None:
        if self._connection is not None and self._xinput and (self._devices.physical or self._devices.synthetic):
            masks = self._devices.masks(armed=self._armed, suspicious=self._suspicious)
            self._ask(x.xi_select_events(self._xinput, self._setup.root, masks))
            self._flush()

    def _ask_for_keymap(self, then: Callable[[], None]) -> None:
        first, last = self._setup.min_keycode, self._setup.max_keycode

        def take(reply: bytes | None) -> None:
            if reply is not None:
                self._keymap = x.parse_keymap(reply, first)
                self._match(merge=self._armed)
            then()

        self._keymap_is_stale = False
        self._ask(x.get_keyboard_mapping(first, last), take)

    def _match(self, *, merge: bool) -> None:
        """Look the hotkey's keycodes up; while armed (`merge`) no remapping by the agent takes any of them away."""
        if self._hotkey is None:
            return
        groups = tuple(self._keymap.keycodes_of(keysyms) for keysyms in self._hotkey.keysym_groups())
        if merge and len(self._keyboard.groups) == len(groups):
            groups = tuple(new | old for new, old in zip(groups, self._keyboard.groups, strict=True))
        self._keyboard.watch_for(groups)

    # --- events -------------------------------------------------------------------------------------------------

    def _take_event(self, event: bytes) -> None:
        kind = event[0] & 0x7F
        if kind == x.GENERIC and event[1] == self._xinput:
            raw = x.parse_raw(event)
            if raw.type == x.HIERARCHY_CHANGED:
                self._ask(x.xi_query_devices(self._xinput), self._take_devices)
                self._flush()
            elif raw.device == raw.source:
                self._take_raw(raw)
        elif kind == x.MAPPING_NOTIFY:
            self._take_mapping(first=event[5], count=event[6])
        elif kind == x.CONFIGURE_NOTIFY and struct.unpack_from("=I", event, 8)[0] == self._setup.root:
            self._size = struct.unpack_from("=HH", event, 20)

    def _take_raw(self, raw: x.Raw) -> None:
        physical, pressed = raw.device in self._physical, raw.type in _PRESSED
        is_key = _KINDS.get(raw.type) == "key"
        completes = is_key and pressed and self._keyboard.press(raw.device, raw.detail)
        if is_key and not pressed:
            self._keyboard.release(raw.device, raw.detail)
        if completes:
            self._sight.saw_hotkey(physical=physical)
        kind: Literal["key", "motion", "button"] = _KINDS.get(raw.type, "button")
        self._sight.saw_input(RawInput(kind, pressed, raw.detail, raw.device, physical, raw.x_time, self._loop.now()))
        if raw.type == x.RAW_MOTION and physical and self._armed:
            self.look_at_pointer()  # a flick into a corner may be over before the next regular look

    def _take_mapping(self, first: int, count: int) -> None:
        """An agent that types remaps spare keycodes many times a second: those wait for the next check."""
        self._keymap_is_stale = True
        watched = frozenset[int]().union(*self._keyboard.groups)
        if any(first <= keycode < first + count for keycode in watched):
            self._ask_for_keymap(lambda: None)
            self._flush()

    def _ask(self, request: bytes, on_reply: OnReply | None = None) -> None:
        if self._connection is not None:
            self._connection.request(request, on_reply)

    def _flush(self) -> None:
        if self._connection is not None:
            self._connection.flush()
