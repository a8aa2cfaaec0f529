"""Predictions that stand: announced once sure, told again when they end, and counted when they were wrong."""

from collections.abc import Callable

from msgspec import Struct

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.healing_events import Predicted, PredictionKind, PredictionWithdrawn
from aurora_desktop.healing.machine.prediction import Forecast
from aurora_desktop.healing.view import PredictionView

CONFIRMATIONS = 2
"""So many looks in a row must say it before it is announced."""
PATIENCE = 3
"""So many looks in a row must find nothing before it is taken back."""

LEAST_GRACE_S = 600.0

Key = tuple[str, PredictionKind]
"""Component and kind."""


class Said(Struct, frozen=True):
    """What one look found: in `in_s` seconds, in words with an advice; `basis` is the rise that it rests on, if one."""

    in_s: float
    confidence: float
    sentence: str
    advice: str
    basis: Forecast | None = None


class Standing(Struct):
    """An announced prediction; times are Unix time, `due` as it is seen now, `first_due` as it was announced."""

    component: str
    kind: PredictionKind
    announced_at: float
    first_due: float
    due: float
    confidence: float
    sentence: str
    advice: str
    basis: Forecast | None = None
    misses: int = 0

    @property
    def key(self) -> Key:
        return self.component, self.kind

    def is_overdue(self, now: float) -> bool:
        """Whether twice the time that was announced has passed without anything happening."""
        return now > self.first_due + max(LEAST_GRACE_S, self.first_due - self.announced_at)


class Tally(Struct):
    """How many predictions were made, and how many of them were wrong."""

    made: int = 0
    false: int = 0


class Announcer:
    """Holds what stands. `tally` and `standing` are to be kept over restarts."""

    def __init__(self, clock: Clock, publish: Callable[[AnyEvent], object]) -> None:
        self._clock = clock
        self._publish = publish
        self._hits: dict[Key, int] = {}
        self.standing: dict[Key, Standing] = {}
        self.tally = Tally()

    def views(self) -> tuple[PredictionView, ...]:
        """What stands, the nearest first."""
        found = [
            PredictionView(
                component=one.component,
                kind=one.kind,
                due=one.due,
                confidence=one.confidence,
                sentence=one.sentence,
                advice=one.advice,
            )
            for one in self.standing.values()
        ]
        return tuple(sorted(found, key=lambda view: view.due))

    def look(self, key: Key, said: Said | None) -> bool:
        """Take what a look found; whether anything that is shown changed."""
        standing = self.standing.get(key)
        if standing is None:
            return self._not_yet(key, said)
        if standing.is_overdue(self._clock.wall()):
            self._end(standing, "it did not happen by the time that was announced", is_false=True)
        elif said is None:
            standing.misses += 1
            if standing.misses >= PATIENCE:
                self._end(standing, "it does not go on like this any more", is_false=True)
        else:
            standing.misses = 0
            standing.due, standing.confidence = self._clock.wall() + said.in_s, said.confidence
            standing.sentence = said.sentence
        return True

    def came_true(self, key: Key, cause: str) -> None:
        """It happened. Without a prediction of it there is nothing to tell."""
        if (standing := self.standing.get(key)) is not None:
            self._end(standing, cause, came_true=True)

    def forget(self, key: Key, cause: str) -> None:
        """What it was about is gone (a process was restarted): neither right nor wrong."""
        self._hits.pop(key, None)
        if (standing := self.standing.get(key)) is not None:
            self._end(standing, cause)

    def forget_all(self, cause: str) -> None:
        for key in list(self.standing):
            self.forget(key, cause)

    def _not_yet(self, key: Key, said: Said | None) -> bool:
        hits = self._hits.get(key, 0) + 1
        if said is None:
            self._hits.pop(key, None)
        elif hits < CONFIRMATIONS:
            self._hits[key] = hits
        else:
            self._hits.pop(key, None)
            self._announce(key, said)
            return True
        return False

    def _announce(self, key: Key, said: Said) -> None:
        component, kind = key
        now = self._clock.wall()
        due = now + said.in_s
        self.standing[key] = Standing(
            component, kind, now, due, due, said.confidence, said.sentence, said.advice, said.basis
        )
        self.tally.made += 1
        self._publish(
            Predicted(
                at=now,
                component=component,
                kind=kind,
                due=due,
                confidence=said.confidence,
                cause=said.sentence,
                advice=said.advice,
            )
        )

    def _end(self, standing: Standing, cause: str, *, came_true: bool = False, is_false: bool = False) -> None:
        del self.standing[standing.key]
        self.tally.false += is_false
        self._publish(
            PredictionWithdrawn(
                at=self._clock.wall(),
                component=standing.component,
                kind=standing.kind,
                cause=cause,
                came_true=came_true,
            )
        )
