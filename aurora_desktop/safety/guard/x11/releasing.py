"""Releasing what XTEST's devices hold: exactly that, since a release of what the operator holds would be felt."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aurora_desktop.safety.guard.x11 import protocol as x

if TYPE_CHECKING:
    from collections.abc import Callable

    from aurora_desktop.safety.guard.x11.connection import Connection


class Releasing:
    """Asks each synthetic device what it holds, and lets go of it; `done` gets the number once all have answered."""

    def __init__(
        self, connection: "Connection", xinput: int, xtest: int, devices: Sequence[int], done: "Callable[[int], None]"
    ) -> None:
        """`xinput`, `xtest`: opcodes; `devices`: the numbers of the synthetic ones."""
        self._connection, self._xinput, self._xtest = connection, xinput, xtest
        self._devices = devices
        self._open = len(devices)
        self._held = 0
        self._remapped: tuple[int, ...] = ()
        self._width = 1
        self._done = done

    def start(self, remapped: tuple[int, ...], width: int) -> None:
        """`remapped`: spare keycodes to be emptied afterwards, of `width` keysyms each."""
        self._remapped, self._width = remapped, width
        for device in self._devices:
            self._connection.request(x.query_device_state(self._xinput, device), self._take)
        self._connection.flush()
        if not self._devices:
            self._finish()

    def _take(self, reply: bytes | None) -> None:
        keys, buttons = x.parse_device_state(reply) if reply else ((), ())
        for keycode in keys:
            self._connection.request(x.fake_release(self._xtest, x.KEY_RELEASE, keycode))
        for button in buttons:
            self._connection.request(x.fake_release(self._xtest, x.BUTTON_RELEASE, button))
        self._held += len(keys) + len(buttons)
        self._open -= 1
        if not self._open:
            self._finish()
        self._connection.flush()

    def _finish(self) -> None:
        for keycode in self._remapped:
            self._connection.request(x.empty_keycode(keycode, self._width))
        self._connection.flush()
        self._done(self._held)
