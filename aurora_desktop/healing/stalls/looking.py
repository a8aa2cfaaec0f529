"""One round over many: everybody cheaply, then closely those who may be judged, within a budget of time."""

import time
from collections.abc import Iterable, Mapping

from aurora_desktop.healing.stalls.entry import NO_EXTRA, Entry, Extra

CLOSE_LOOKS_S = 0.04
"""For close looks in one go; who has no turn is judged in the next, which follows at once."""
BREATH = 64
"""After so many the loop's thread gets its turn, whatever the interpreter's switch interval is."""


def look_at(entries: Iterable[Entry], extras: Mapping[str, Extra], now: float, *, unhurried: bool = False) -> None:
    """Look at each; `is_put_off` is set for those that are still to be looked at closely. Blocking."""
    calm: list[Entry] = []
    urgent: list[Entry] = []
    for count, entry in enumerate(entries):
        extra = extras.get(entry.component, NO_EXTRA)
        (urgent if entry.look(now, extra) else calm).append(entry)
        if count % BREATH == 0:
            time.sleep(0)
    for entry in urgent:
        entry.is_put_off = True
    ends = time.perf_counter() + CLOSE_LOOKS_S
    _closely(urgent, now, None if unhurried else ends)
    _lay_bases(calm, now, ends)


def _closely(entries: Iterable[Entry], now: float, ends: float | None) -> None:
    for count, entry in enumerate(entries):
        if ends is not None and time.perf_counter() > ends:
            return
        entry.look_closely(now)
        if count % BREATH == 0:
            time.sleep(0)


def _lay_bases(calm: list[Entry], now: float, ends: float) -> None:
    """Files are compared with an earlier look: who has none first, then those whose last is the longest ago."""
    walking = [entry for entry in calm if entry.walks and entry.silence is not None]
    walking.sort(key=lambda entry: entry.walked_at)
    for count, entry in enumerate(walking):
        if time.perf_counter() > ends:
            return
        entry.walk(now)
        if count % BREATH == 0:
            time.sleep(0)
