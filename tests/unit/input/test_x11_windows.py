"""Which window has the keyboard, in front of a display that a test plays."""

from types import SimpleNamespace
from typing import Any

import pytest

from aurora_desktop.input.backends.x11.windows import Windows

ROOT, FRAME, CLIENT, OTHER = 100, 20, 21, 30
POINTER_ROOT = 1


class PlayedDisplay:
    """CLIENT lies in FRAME; requests are told as (name, window)."""

    def __init__(self) -> None:
        self.root = ROOT
        self.focus, self.pointer_in, self.active = POINTER_ROOT, FRAME, 0
        self.core = SimpleNamespace(
            GetInputFocus=lambda: SimpleNamespace(focus=self.focus),
            QueryPointer=lambda _root: SimpleNamespace(child=self.pointer_in),
            QueryTree=self._tree,
        )

    def ask(self, *replies: Any) -> list[Any]:
        return list(replies)

    def maybe(self, reply: Any) -> Any:
        return reply

    def property(self, window: int, name: str) -> bytes:
        return b"1" if name == "WM_STATE" and window in (CLIENT, OTHER) else b""

    def properties(self, *wanted: tuple[int, str]) -> list[bytes]:
        return [self.property(window, name) for window, name in wanted]

    def numbers(self, window: int, name: str) -> tuple[int, ...]:
        return (self.active,) if name == "_NET_ACTIVE_WINDOW" and self.active else ()

    def _tree(self, window: int) -> Any:
        parent = {CLIENT: FRAME}.get(window, ROOT)
        return SimpleNamespace(parent=parent, children=(CLIENT,) if window == FRAME else ())


@pytest.fixture
def display() -> PlayedDisplay:
    return PlayedDisplay()


def focused(windows: Windows) -> int:
    window = windows.focused()
    return window.id if window is not None else 0


def test_a_keyboard_that_follows_the_pointer_is_with_the_window_under_it(display: PlayedDisplay) -> None:
    windows = Windows(display)  # type: ignore[arg-type]  # what is asked of a connection
    assert focused(windows) == CLIENT
    display.pointer_in = OTHER
    assert (focused(windows), windows.client_of_focus(POINTER_ROOT)) == (OTHER, OTHER)
    display.pointer_in = 0
    assert focused(windows) == 0


def test_an_active_window_that_changes_without_the_focus_is_noticed(display: PlayedDisplay) -> None:
    windows = Windows(display)  # type: ignore[arg-type]  # what is asked of a connection
    display.focus = ROOT
    for active in (CLIENT, OTHER, 0):
        display.active = active
        assert focused(windows) == active


def test_a_part_of_a_window_stands_for_the_whole(display: PlayedDisplay) -> None:
    windows = Windows(display)  # type: ignore[arg-type]  # what is asked of a connection
    display.focus = CLIENT
    assert focused(windows) == CLIENT
