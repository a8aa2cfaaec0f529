"""Which backend serves here."""

import sys

from aurora_desktop.safety.permit import HeldTable

from .protocol import CannotError, Desktop, InputBackend


def choose(name: str, held: HeldTable) -> tuple[InputBackend, Desktop]:
    """The backend of this name, `auto` for the best one here. Raises CannotError, DisplayLostError."""
    if sys.platform == "linux":
        return _on_x11(name, held)
    if name == "xtest":
        raise CannotError("`xtest` is for X11 alone")
    from .portable_desktop import PortableDesktop
    from .pyautogui_backend import OwnKeys, PyautoguiBackend

    return PyautoguiBackend(OwnKeys), PortableDesktop()


def _on_x11(name: str, held: HeldTable) -> tuple[InputBackend, Desktop]:
    from .x11.connection import Connection
    from .x11.desktop import X11Desktop
    from .x11.keyboard import Keyboard
    from .x11.xtest import XtestBackend

    connection = Connection()
    keyboard = Keyboard(connection, held)
    desktop = X11Desktop(connection)
    if name != "pyautogui":
        return XtestBackend(connection, keyboard), desktop
    from .pyautogui_backend import PyautoguiBackend
    from .x11.pyautogui_keys import X11Keys

    return PyautoguiBackend(lambda names: X11Keys(connection, keyboard, names)), desktop
