"""Thousands of clients that lose one server in the same moment, in virtual time: the rule of the link alone."""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from aurora_desktop.link import backoff
from aurora_desktop.link.failure import LinkError

MOST_S = 15.0
ATTEMPT_S = 0.02
"""What an attempt takes that is refused."""
GIVEN_UP_S = 3600.0

Judge = Callable[[float], LinkError | None]


class Passed(NamedTuple):
    """`arrivals`: attempts by whole second since all lost it. `back_s`: when each was back, in order."""

    arrivals: Counter[int]
    back_s: tuple[float, ...]

    def busiest(self, begin_s: float, end_s: float = GIVEN_UP_S) -> int:
        """The most attempts in one second of that time."""
        return max(count for second, count in self.arrivals.items() if begin_s <= second < end_s)


def away_until(return_s: float, then: Judge = lambda _: None) -> Judge:
    """A server that is not there until then."""
    return lambda at: LinkError("unreachable", "gone") if at < return_s else then(at)


def takes(count: int, per_s: int, refusal: LinkError) -> Judge:
    """A server that takes so many in so many seconds, and answers the others with this."""
    taken: Counter[int] = Counter()

    def judge(at: float) -> LinkError | None:
        window = int(at) // per_s
        taken[window] += 1
        return refusal if taken[window] > count else None

    return judge


def come_back(clients: int, judge: Judge, chance: Callable[[], float]) -> Passed:
    """Until all of them are back; `chance`: from 0 to 1, asked for each wait."""
    lost = LinkError("unreachable", "gone")
    due = [(_wait_s(lost, 1, chance()), client, 1) for client in range(clients)]
    heapq.heapify(due)
    arrivals: Counter[int] = Counter()
    back = []
    while due:
        at, client, attempt = heapq.heappop(due)
        assert at < GIVEN_UP_S, f"{len(due) + 1} are not back after {GIVEN_UP_S:g} s"
        arrivals[int(at)] += 1
        failure = judge(at)
        if failure is None:
            back.append(at)
        else:
            wait_s = _wait_s(failure, attempt + 1, chance())
            heapq.heappush(due, (at + ATTEMPT_S + wait_s, client, attempt + 1))
    return Passed(arrivals, tuple(back))


def _wait_s(failure: LinkError, attempt: int, chance: float) -> float:
    wait_s = backoff.plan(failure, attempt, ATTEMPT_S, chance, MOST_S, None).wait_s
    assert wait_s is not None
    return wait_s


def at_random(seed: int) -> Callable[[], float]:
    return random.Random(seed).random
