"""Waiting for what is to happen, with a deadline and without guessing how long it takes."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 60.0
_POLL_S = 0.02


def eventually(condition: Callable[[], T | None], what: str = "", timeout_s: float = PATIENCE_S) -> T:
    """The first true value of `condition`, asked every 20 ms. Raises AssertionError with its last value when late.

    An AssertionError of the condition itself counts as "not yet" and is shown at the deadline.
    """
    deadline = time.monotonic() + timeout_s
    last: object = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = value
        except AssertionError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what or 'the condition'} (last: {last})")
        time.sleep(_POLL_S)


def holds(condition: Callable[[], object], during_s: float, what: str = "") -> None:
    """Ask `condition` all along for `during_s` seconds; for what must not happen although there is time for it."""
    deadline = time.monotonic() + during_s
    while time.monotonic() < deadline:
        assert condition(), f"did not hold: {what or 'the condition'}"
        time.sleep(_POLL_S)
