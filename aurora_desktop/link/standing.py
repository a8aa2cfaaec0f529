"""How the link stands: its state with its cause, told when it changes, and what went wrong last."""

from collections import deque
from collections.abc import Callable

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.link_events import LinkState, LinkStateChanged, LinkWarning
from aurora_desktop.link.backoff import QUIET_AFTER

COMPONENT = "link"
_ERRORS_KEPT = 20


class Standing:
    """`attempt` counts those that failed since it was last online. Times in Unix time."""

    def __init__(self, clock: Clock, publish: Callable[[AnyEvent], object]) -> None:
        self._clock, self._publish = clock, publish
        self.state: LinkState = "offline"
        self.cause = "it is being started"
        self.hint = ""
        self.since = clock.wall()
        self.attempt = 0
        self.next_attempt_at: float | None = None
        self.last_heartbeat_at: float | None = None
        self.errors: deque[tuple[float, str]] = deque(maxlen=_ERRORS_KEPT)
        self.warnings: dict[str, str] = {}
        self._alarms: set[str] = set()
        self.on_change: Callable[[], None] = lambda: None

    @property
    def is_up(self) -> bool:
        """Whether messages pass."""
        return self.state in ("online", "degraded")

    def become(self, state: LinkState, cause: str, hint: str = "", *, next_in_s: float | None = None) -> None:
        """Take on a state; the single attempts of a long outage are not told, but counted."""
        now = self._clock.wall()
        self.next_attempt_at = None if next_in_s is None else now + next_in_s
        is_quiet = self.attempt > QUIET_AFTER and state in ("connecting", "authenticating", "backing_off")
        if is_quiet:
            state = "backing_off"
        previous, self.hint = self.state, hint
        self.cause = cause
        if state != previous:
            self.state, self.since = state, now
            self._publish(
                LinkStateChanged(
                    at=now, component=COMPONENT, previous=previous, state=state, cause=cause, hint=hint,
                    attempt=self.attempt, next_attempt_in_s=None if next_in_s is None else round(next_in_s, 2),
                )
            )  # fmt: skip
        self.on_change()

    def heard(self) -> None:
        """The server gave a sign of life."""
        self.last_heartbeat_at = self._clock.wall()

    def went_wrong(self, sentence: str) -> None:
        """Keep it with the last errors; the same again only moves it up."""
        if self.errors and self.errors[0][1] == sentence:
            self.errors.popleft()
        self.errors.appendleft((self._clock.wall(), sentence))
        self.on_change()

    def warn(self, topic: str, detail: str, hint: str = "", *, needs_operator: bool = False) -> None:
        """Told once, until it is over."""
        if self.warnings.get(topic) == detail:
            return
        self.warnings[topic] = detail
        self._tell(topic, detail, hint, needs_operator=needs_operator)
        self.on_change()

    def alarm(self, topic: str, detail: str, hint: str) -> None:
        """Call for the operator, once until it is over: what state and cause show in any case, if anybody looks."""
        if topic not in self._alarms:
            self._alarms.add(topic)
            self._tell(topic, detail, hint, needs_operator=True)

    def calm(self) -> None:
        """It was up for a while: the next alarm is told anew."""
        self._alarms.clear()

    def _tell(self, topic: str, detail: str, hint: str, *, needs_operator: bool) -> None:
        self._publish(
            LinkWarning(
                at=self._clock.wall(), component=COMPONENT, topic=topic, detail=detail, hint=hint,
                needs_operator=needs_operator,
            )
        )  # fmt: skip

    def is_over(self, topic: str) -> None:
        if self.warnings.pop(topic, None) is not None:
            self.on_change()
