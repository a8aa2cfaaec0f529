"""How often the server may be asked, and how it answers: pure, with the clock passed in."""

from collections import deque

_WINDOW_S = 60.0
HISTORY = 60
_RATE_OVER = 50


class Throttle:
    """No more than `per_minute` requests in any minute; none before a moment that the server named."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._asked: deque[float] = deque()
        self._closed_until = 0.0

    def wait_s(self, now: float) -> float:
        """Seconds until the next may leave; 0: now. `now` is a reading of the monotonic clock."""
        while self._asked and self._asked[0] <= now - _WINDOW_S:
            self._asked.popleft()
        full = len(self._asked) >= self._per_minute
        return max(self._closed_until - now, self._asked[0] + _WINDOW_S - now if full else 0.0, 0.0)

    def took(self, now: float) -> None:
        """One leaves now."""
        self._asked.append(now)

    def close(self, now: float, for_s: float) -> None:
        """The server wants no request for so long."""
        self._closed_until = max(self._closed_until, now + for_s)

    def open(self) -> None:
        """Somebody wants it at once."""
        self._closed_until = 0.0


class Figures:
    """Latency and errors of the last requests."""

    def __init__(self) -> None:
        self.latencies_ms: deque[float] = deque(maxlen=HISTORY)
        self._outcomes: deque[bool] = deque(maxlen=_RATE_OVER)

    def answered(self, took_s: float) -> None:
        self.latencies_ms.append(round(1000 * took_s, 1))
        self._outcomes.append(True)

    def failed(self) -> None:
        self._outcomes.append(False)

    @property
    def latency_ms(self) -> float | None:
        """Of the newest answer."""
        return self.latencies_ms[-1] if self.latencies_ms else None

    @property
    def error_rate(self) -> float:
        """From 0 to 1, over the last 50 requests."""
        return self._outcomes.count(False) / len(self._outcomes) if self._outcomes else 0.0
