"""What the overlay needs of the X server and Qt does not offer, over a short connection of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import xcffib
from xcffib import xproto

_TRIES = 200


def set_class(window: int, name: str) -> None:
    """Set WM_CLASS of one window. Raises OSError."""
    both = f"{name}\0{name}\0".encode()
    with _connected() as connection:
        connection.core.ChangePropertyChecked(
            xproto.PropMode.Replace, window, xproto.Atom.WM_CLASS, xproto.Atom.STRING, 8, len(both), both
        ).check()


def await_unmapped(windows: list[int]) -> None:
    """Return once the server has taken them off the screen; after some milliseconds anyway. Raises OSError."""
    with _connected() as connection:
        for window in windows:
            for _ in range(_TRIES):
                if connection.core.GetWindowAttributes(window).reply().map_state == xproto.MapState.Unmapped:
                    break


@contextmanager
def _connected() -> Iterator[Any]:
    try:
        connect: Any = xcffib.connect  # untyped
        connection = connect()
        try:
            yield connection
        finally:
            connection.disconnect()
    except (xcffib.ConnectionException, xcffib.Error) as error:
        raise OSError(f"X server: {type(error).__name__}") from error
