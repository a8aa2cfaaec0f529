"""Spans of a day, by its minutes."""

from datetime import datetime, time
from typing import Final

from aurora_desktop.core.settings.schema import Hours

MINUTES_OF_A_DAY: Final = 24 * 60


def minutes_in(hours: Hours | None) -> frozenset[int]:
    """The minutes of the day that are allowed; a span that ends where it starts has none."""
    if hours is None:
        return frozenset(range(MINUTES_OF_A_DAY))
    start, end = (_minute(written) for written in (hours.start, hours.end))
    return frozenset((start + passed) % MINUTES_OF_A_DAY for passed in range((end - start) % MINUTES_OF_A_DAY))


def is_within(hours: Hours | None, now_local: datetime | time) -> bool:
    """Whether a local time is in the span."""
    if hours is None:
        return True
    start, end = (_minute(written) for written in (hours.start, hours.end))
    now = now_local.hour * 60 + now_local.minute
    return (now - start) % MINUTES_OF_A_DAY < (end - start) % MINUTES_OF_A_DAY


def overlap(first: Hours | None, second: Hours | None) -> Hours | None:
    """The span that both allow; where they meet twice a day, the longer one; where never, one without minutes."""
    if first is None or second is None:
        return second if first is None else first
    both = minutes_in(first) & minutes_in(second)
    if not both:
        return Hours(start=first.start, end=first.start)
    return max((_span(start, both) for start in both if (start - 1) % MINUTES_OF_A_DAY not in both), key=_length)


def _span(start: int, minutes: frozenset[int]) -> Hours:
    end = start
    while end % MINUTES_OF_A_DAY in minutes:
        end += 1
    return Hours(start=_written(start), end=_written(end))


def _length(hours: Hours) -> int:
    return len(minutes_in(hours))


def _minute(written: str) -> int:
    hour, minute = written.split(":")
    return int(hour) * 60 + int(minute)


def _written(minute: int) -> str:
    hour, rest = divmod(minute % MINUTES_OF_A_DAY, 60)
    return f"{hour:02}:{rest:02}"
