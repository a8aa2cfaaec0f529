"""Displays by their connectors' names, from RandR."""

from typing import Any

from aurora_desktop.input.backends.protocol import ScreenLayout
from aurora_desktop.input.view import Display

from .connection import Connection

_CHANGES = 0b111  # screen, crtc, output


class Screens:
    """The monitors of the X screen; pixels are the server's own, so that every scale is 1."""

    def __init__(self, connection: Connection) -> None:
        """Raises DisplayLostError."""
        self._x = connection
        self._randr = connection.extension("randr")
        self._randr.SelectInput(connection.root, _CHANGES)
        self._changed = False
        connection.listeners.append(self._on_event)

    def layout(self) -> ScreenLayout:
        """Raises DisplayLostError."""
        monitors, root = self._x.ask(self._randr.GetMonitors(self._x.root, 1), self._x.core.GetGeometry(self._x.root))
        displays = tuple(self._display(monitor) for monitor in monitors.monitors)
        whole = Display(id="screen", x=0, y=0, width=root.width, height=root.height, primary=True)
        return ScreenLayout(displays or (whole,), root.width, root.height)

    def has_changed(self) -> bool:
        """Raises DisplayLostError."""
        self._x.pump()
        changed, self._changed = self._changed, False
        return changed

    def _on_event(self, event: Any) -> None:
        # RandR tells of outputs; monitors that a program made of them come as a change of the root window alone.
        is_of_root = type(event).__name__ == "ConfigureNotifyEvent" and event.window == self._x.root
        if is_of_root or type(event).__module__ == "xcffib.randr":
            self._changed = True

    def _display(self, monitor: Any) -> Display:
        return Display(
            id=self._x.atom_name(monitor.name),
            x=monitor.x,
            y=monitor.y,
            width=monitor.width,
            height=monitor.height,
            primary=bool(monitor.primary),
        )
