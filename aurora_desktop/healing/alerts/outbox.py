"""What still has to be sent: one bounded queue for each channel, with backoff. Pure; times are monotonic seconds.

Alerts of one topic that wait for the same channel go out as one message: many agents that need you at once are one
call.
"""

import uuid
from collections.abc import Callable

from msgspec import Struct, field

from aurora_desktop.healing.alerts.alert import Alert, together

MAX_WAITING = 50
MAX_TOGETHER = 100
"""Beyond that alerts in one message are only counted."""
GATHER_S = 2.0
"""So long an alert waits for others of its topic; an emergency does not."""
FIRST_RETRY_S = 5.0
RETRY_FACTOR = 4.0
MAX_RETRY_S = 600.0


class Delivery(Struct, eq=False):
    """One message for one channel: `tries` so far, and not to be tried again before `not_before`.

    It is for all of `alerts`, and `beyond` more of their topic; `id` is its name over restarts.
    """

    channel: str
    alerts: list[Alert]
    not_before: float
    tries: int = 0
    under_way: bool = False
    beyond: int = 0
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def alert(self) -> Alert:
        """As it is sent."""
        return together(self.alerts, self.beyond)

    def takes(self, alert: Alert) -> bool:
        """Whether the alert may go with it: nothing was tried yet, and nobody waits for an emergency."""
        is_open = not self.tries and not self.under_way and alert.kind != "emergency"
        return is_open and self.alerts[0].topic == alert.topic

    def add(self, alert: Alert) -> None:
        if len(self.alerts) < MAX_TOGETHER:
            self.alerts.append(alert)
        else:
            self.beyond += 1


class Outbox:
    """Alerts of one channel are tried in their order, but one that fails lets the others pass meanwhile.

    `jitter` gives a number from 0 to 1; `gather_s`: how long an alert waits for others.
    """

    def __init__(self, jitter: Callable[[], float], gather_s: float = GATHER_S) -> None:
        self._jitter = jitter
        self._gather_s = gather_s
        self._queues: dict[str, list[Delivery]] = {}

    def put(self, channel: str, alert: Alert, now: float) -> tuple[Delivery, Delivery | None]:
        """Where it goes; and what had to give way because the queue is full, if anything."""
        queue = self._queues.setdefault(channel, [])
        for waiting in queue:
            if waiting.takes(alert):
                waiting.add(alert)
                return waiting, None
        made = Delivery(channel, [alert], now if alert.kind == "emergency" else now + self._gather_s)
        return made, self.restore(made)

    def restore(self, delivery: Delivery) -> Delivery | None:
        """Queue one that waited before; returns what had to give way."""
        queue = self._queues.setdefault(delivery.channel, [])
        queue.append(delivery)
        if len(queue) <= MAX_WAITING:
            return None
        idle = [delivery for delivery in queue if not delivery.under_way]
        lost = min(idle, key=_weight)
        queue.remove(lost)
        return lost

    def ready(self, now: float) -> list[Delivery]:
        """What may be tried now: one for each channel where nothing is under way."""
        firsts = (self._first(queue, now) for queue in self._queues.values())
        return [delivery for delivery in firsts if delivery is not None]

    def begin(self, delivery: Delivery) -> None:
        delivery.tries += 1
        delivery.under_way = True

    def done(self, delivery: Delivery) -> None:
        """It is over, however it went."""
        queue = self._queues.get(delivery.channel, [])
        if delivery in queue:
            queue.remove(delivery)

    def again(self, delivery: Delivery, now: float) -> None:
        """Try it again later: after 5, 20, 80, 320 and at most 600 s, each shortened by up to a half."""
        pause_s = min(FIRST_RETRY_S * RETRY_FACTOR ** (delivery.tries - 1), MAX_RETRY_S)
        delivery.not_before = now + pause_s * (0.5 + self._jitter() / 2)
        delivery.under_way = False

    def next_at(self) -> float | None:
        """When something becomes ready by itself."""
        idle = (queue for queue in self._queues.values() if not any(delivery.under_way for delivery in queue))
        return min((delivery.not_before for queue in idle for delivery in queue), default=None)

    def waiting(self, channel: str) -> int:
        """Alerts, not messages."""
        return sum(len(delivery.alerts) + delivery.beyond for delivery in self._queues.get(channel, ()))

    def forget(self, channels: frozenset[str]) -> list[Delivery]:
        """Keep only these channels; returns what was still to be sent to others."""
        gone = [name for name in self._queues if name not in channels]
        return [delivery for name in gone for delivery in self._queues.pop(name)]

    def _first(self, queue: list[Delivery], now: float) -> Delivery | None:
        if any(delivery.under_way for delivery in queue):
            return None
        return next((delivery for delivery in queue if delivery.not_before <= now), None)


def _weight(delivery: Delivery) -> tuple[int, float]:
    """What may be lost first: advice before errors before escalations, the oldest of them."""
    order = ("prediction", "errors", "escalation", "emergency")
    return order.index(delivery.alerts[0].kind), delivery.alerts[0].at
