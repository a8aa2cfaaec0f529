"""Which of the display's devices are the operator's own, and what is to be heard of each."""

from collections.abc import Iterable
from typing import NamedTuple

from aurora_desktop.safety.guard.eyes import Health, deaf
from aurora_desktop.safety.guard.x11 import protocol as x
from aurora_desktop.safety.messages import NO_KEYBOARD

# Devices with keys that are no keyboards: buttons of the case, the keys of screens and headsets, and Xvfb's dummy.
_NO_KEYBOARDS = (
    "xvfb",
    "power button",
    "sleep button",
    "lid switch",
    "video bus",
    "camera",
    "webcam",
    "headset",
    "hdmi",
)
_SLAVES = (x.SLAVE_POINTER, x.SLAVE_KEYBOARD, x.FLOATING_SLAVE)

_PRESSES = sum(
    1 << kind
    for kind in (
        x.RAW_KEY_PRESS,
        x.RAW_KEY_RELEASE,
        x.RAW_BUTTON_PRESS,
        x.RAW_BUTTON_RELEASE,
        x.RAW_TOUCH_BEGIN,
        x.RAW_TOUCH_END,
    )
)
_MOTION = 1 << x.RAW_MOTION
_HIERARCHY = 1 << x.HIERARCHY_CHANGED


class Devices(NamedTuple):
    """The slave devices of a display: the operator's own and XTEST's."""

    physical: tuple[x.Device, ...] = ()
    synthetic: tuple[x.Device, ...] = ()

    @classmethod
    def sorted_out(cls, found: Iterable[x.Device]) -> "Devices":
        slaves = [device for device in found if device.use in _SLAVES]
        return cls(
            tuple(device for device in slaves if "XTEST" not in device.name),
            tuple(device for device in slaves if "XTEST" in device.name),
        )

    def keyboards(self) -> tuple[str, ...]:
        """The names of what the hotkey can be pressed on."""
        return tuple(
            device.name
            for device in self.physical
            if device.enabled and device.use != x.SLAVE_POINTER and device.keys and not _is_no_keyboard(device.name)
        )

    def masks(self, *, armed: bool, suspicious: bool) -> dict[int, int]:
        """What is to be sent to us, by device. The agent's own events are not while it acts: they would be a flood."""
        physical = _PRESSES | (_MOTION if armed or suspicious else 0)
        synthetic = _PRESSES | _MOTION if suspicious else 0 if armed else _PRESSES
        masks = {device.id: physical for device in self.physical}
        masks.update({device.id: synthetic for device in self.synthetic})
        return {x.ALL_DEVICES: _HIERARCHY, **masks}

    def health(self, selected: dict[int, int], wanted: dict[int, int]) -> Health:
        """Judged by what the display says it sends to us."""
        names = self.keyboards()
        if any(name.lower().startswith("xwayland-") for name in names):
            return deaf("under Wayland the hotkey is seen in some windows only", "Log in to an X11 session.")
        if not names:
            return deaf(NO_KEYBOARD, "Connect a keyboard, or work at the display's own screen.")
        missing = [device for device in self.physical if wanted.get(device.id, 0) & ~selected.get(device.id, 0)]
        if missing:
            return deaf(f"the display sends no events of {missing[0].name}", "", names)
        return Health(listening=True, keyboards=names)


def _is_no_keyboard(name: str) -> bool:
    return any(part in name.lower() for part in _NO_KEYBOARDS)
