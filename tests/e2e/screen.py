"""A virtual X display of our own: server, session bus, window manager with tray, and a hand that clicks."""

import contextlib
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from .waiting import PATIENCE_S, eventually

SIZE = "1280x800x24"
_WINDOW_CLASS = "^aurora-desktop$"
_ICON_PX = 48  # larger is no icon in a tray
_MENU_PX = 500  # wider is no menu


class Window(NamedTuple):
    """A window of Aurora that can be seen; place and size in pixels."""

    id: int
    name: str
    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self) -> tuple[int, int]:
        return self.x + self.width // 2, self.y + self.height // 2


class Screen:
    """Ended with all that was started on it, by pid, when the `with` block is left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: subprocess.Popen[bytes] | None = None
        self._bus: subprocess.Popen[bytes] | None = None
        self._host: subprocess.Popen[bytes] | None = None
        self._side = 1
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Self:
        try:
            self._server, number = self._start_telling(*self._server_command())
            self._bus, address = self._start_telling("dbus-daemon", "--session", "--nofork", "--print-address={fd}")
        except BaseException:
            self._close()
            raise
        self.environment = {"DISPLAY": f":{number}", "DBUS_SESSION_BUS_ADDRESS": address}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        self.stop_host()
        for process in (self._bus, self._server):
            _end(process)

    def _server_command(self) -> tuple[str, ...]:
        return "Xvfb", "-displayfd", "{fd}", "-screen", "0", SIZE, "-nolisten", "tcp", "-noreset"

    def _start_telling(self, *command: str) -> tuple["subprocess.Popen[bytes]", str]:
        """A program that tells its address on the descriptor that stands for `{fd}`, and what it told."""
        reading, writing = os.pipe()
        with os.fdopen(reading) as told:
            process = self._start(*(part.format(fd=writing) for part in command), keep=writing)
            os.close(writing)
            address = told.readline().strip()
        assert address, f"{command[0]} did not start"
        return process, address

    def _start(self, *command: str, keep: int = -1) -> "subprocess.Popen[bytes]":
        environment = self.environment_with(HOME=str(self._folder), ICEWM_PRIVCFG=str(self._folder))
        with (self._folder / f"{command[0]}.out").open("ab") as output:
            return subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[keep] if keep >= 0 else [],
            )

    def environment_with(self, **more: str) -> dict[str, str]:
        """That of this test run on this display, for any program but Aurora itself: it is not measured."""
        return {**unmeasured(), **self.environment, **more}

    @property
    def name(self) -> str:
        return self.environment["DISPLAY"]

    @property
    def server_pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    def kill_server(self) -> None:
        """The X server is gone from one moment to the next."""
        assert self._server is not None
        self._server.kill()
        self._server.wait(PATIENCE_S)

    # --- the window manager with its tray -----------------------------------------------------------------------

    def start_host(self) -> None:
        """Have a window manager with a tray, if there is none."""
        if self._host is None or self._host.poll() is not None:
            self._host = self._start("icewm")
            eventually(lambda: self._ask("xdotool", "search", "--name", "^SystemTray$"), "the tray is there")

    def stop_host(self) -> None:
        _end(self._host)
        self._host = None

    # --- what can be seen -----------------------------------------------------------------------------------------

    def windows(self) -> list[Window]:
        """Everything of Aurora that is mapped: icon, window, menu, balloon."""
        ids = self._ask("xdotool", "search", "--onlyvisible", "--class", _WINDOW_CLASS).split()
        found = (self._window(int(window_id)) for window_id in dict.fromkeys(ids))
        return [window for window in found if window is not None]

    def _window(self, window_id: int) -> Window | None:
        told = self._ask("xdotool", "getwindowgeometry", "--shell", str(window_id))
        values = dict(line.split("=") for line in told.splitlines() if "=" in line)
        if "WIDTH" not in values:  # closed since it was listed
            return None
        name = self._ask("xdotool", "getwindowname", str(window_id)).strip()
        return Window(window_id, name, *(int(values[key]) for key in ("X", "Y", "WIDTH", "HEIGHT")))

    def named(self, pattern: str) -> Window | None:
        """A visible window whose title matches."""
        ids = self._ask("xdotool", "search", "--onlyvisible", "--name", pattern).split()
        return self._window(int(ids[0])) if ids else None

    def activate(self, window: Window) -> None:
        """Ask the window manager to bring it to the front, with the keyboard; no event is synthesised for that."""
        self._ask("xdotool", "windowactivate", str(window.id))

    def focused_name(self) -> str:
        """The title of the window that has the keyboard."""
        return self._ask("xdotool", "getactivewindow", "getwindowname").strip()

    def icon(self) -> Window | None:
        """The icon in the tray."""
        return next((window for window in self.windows() if max(window[4:]) <= _ICON_PX), None)

    def main_window(self) -> Window | None:
        return next((window for window in self.windows() if window.width > _MENU_PX), None)

    def menu(self) -> Window | None:
        """The menu of the icon, while it is open."""
        return next((window for window in self.windows() if _ICON_PX < window.width <= _MENU_PX), None)

    # --- the hand -------------------------------------------------------------------------------------------------

    def click(self, place: tuple[int, int], button: int = 1) -> None:
        x, y = map(str, place)
        self._ask("xdotool", "mousemove", x, y, "click", str(button))

    def click_icon(self, button: int = 1) -> None:
        """Each time some pixels beside the last, so that two clicks are never taken for a double click."""
        icon = eventually(self.icon, "the icon is in the tray")
        x, y = icon.middle
        self._side = -self._side
        self.click((x + self._side * icon.width // 4, y), button)

    def press(self, *keys: str) -> None:
        self._ask("xdotool", "key", *keys)

    def tell_xdotool(self, *words: str) -> None:
        """Synthetic input of a program that is not Aurora's."""
        self._ask("xdotool", *words)

    def _ask(self, *command: str) -> str:
        """What the program prints; "" when it found nothing."""
        environment = self.environment_with()
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30).stdout


def unmeasured() -> dict[str, str]:
    """This environment without what has coverage begin in each Python: a quarter of a second for nothing."""
    return {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")}


def _end(process: "subprocess.Popen[bytes] | None") -> None:
    if process is None:
        return
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
        return
    process.kill()
    process.wait(5)
