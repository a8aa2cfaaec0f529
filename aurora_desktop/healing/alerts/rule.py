"""Who is alerted of what, once and not again and again. Pure; times are readings of the monotonic clock in seconds."""

from collections import deque
from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.event import Event
from aurora_desktop.core.events import AnyEvent, ServiceDegraded, ServiceGaveUp, ServiceRecovered
from aurora_desktop.core.healing_events import (
    AgentResumed,
    AlertFailed,
    ErrorsAccumulated,
    Escalated,
    EscalationCleared,
)
from aurora_desktop.core.input_events import EmergencyReset, EmergencyStopped, StopChannelLost, StopChannelRecovered
from aurora_desktop.core.settings.schema_healing import AlertsSettings
from aurora_desktop.healing.alerts.alert import Alert, one_line

MAX_REMEMBERED = 1000
NEVER_LOST = ("escalation", "emergency")
"""Kinds of which one that was held back is told by itself once it may be, unless it is over by then."""

_ENDS: Mapping[type[Event], tuple[type[Event], ...]] = {
    ServiceRecovered: (ServiceDegraded, ServiceGaveUp, Escalated),
    AgentResumed: (Escalated,),
    StopChannelRecovered: (StopChannelLost,),
}
_ANEW: Mapping[type[Event], type[Event]] = {EmergencyReset: EmergencyStopped, EscalationCleared: Escalated}

IsSnoozed = Callable[[str], bool]


class ErrorCounter:
    """Counts the errors of each component; `error_threshold` of them within `error_window_s` are worth telling."""

    def __init__(self, settings: AlertsSettings) -> None:
        self.settings = settings
        self._errors: dict[str, deque[float]] = {}
        self._told: dict[str, float] = {}

    def count(self, event: AnyEvent, now: float) -> ErrorsAccumulated | None:
        """What to tell of all the errors so far; then nothing more of this component for `repeat_s`."""
        if not event.error or isinstance(event, AlertFailed):  # what alerts fail at must not raise alerts
            return None
        times = self._times(event.component)
        times.append(now)
        while times[0] <= now - self.settings.error_window_s:
            times.popleft()
        if len(times) < self.settings.error_threshold or self._was_told(event.component, now):
            return None
        self._told[event.component] = now
        window_s, cause = self.settings.error_window_s, _cause(event)
        return ErrorsAccumulated(
            at=event.at, component=event.component, count=len(times), window_s=window_s, cause=cause
        )

    def hush(self, component: str, now: float) -> None:
        """The operator is told otherwise that it fails: its errors are no news for `repeat_s`."""
        self._times(component)  # forgotten together with its errors
        self._told[component] = now

    def _times(self, component: str) -> deque[float]:
        times = self._errors.pop(component, None)
        if times is None or times.maxlen != self._longest:
            times = deque(times or (), self._longest)
        if len(self._errors) >= MAX_REMEMBERED:
            oldest = next(iter(self._errors))
            del self._errors[oldest]
            self._told.pop(oldest, None)
        self._errors[component] = times
        return times

    @property
    def _longest(self) -> int:
        """A loop of errors must not fill the memory; beyond it the exact number says nothing more."""
        return max(self.settings.error_threshold, MAX_REMEMBERED)

    def _was_told(self, component: str, now: float) -> bool:
        told = self._told.get(component)
        return told is not None and now - told < self.settings.repeat_s


class _Known(Struct):
    """One alert that was told at `at` (None: never yet), with what was held back since."""

    at: float | None
    held: int = 0
    waiting: Alert | None = None


class Repeats:
    """Lets each alert through once in `repeat_s` seconds, and not while it is snoozed.

    What is held back is counted, and told with the next one. Emergencies are never snoozed.
    """

    def __init__(self, settings: AlertsSettings) -> None:
        self.settings = settings
        self._known: dict[tuple[str, str], _Known] = {}
        self.held_back = 0

    def decide(self, alert: Alert, now: float, is_snoozed: IsSnoozed) -> Alert | None:
        """The alert to send now, or None when it is held back."""
        known = self._remembered(alert.key)
        if self._may(alert, known, now, is_snoozed):
            return self._tell(alert, known, now)
        known.held += 1
        self.held_back += 1
        if alert.kind in NEVER_LOST:
            known.waiting = alert
        return None

    def due(self, now: float, is_snoozed: IsSnoozed) -> list[Alert]:
        """Those that were held back, are not over, and may be told now."""
        found = []
        for known in self._known.values():
            alert = known.waiting
            if alert is not None and self._may(alert, known, now, is_snoozed):
                known.held -= 1  # itself
                found.append(self._tell(alert, known, now))
        return found

    def waiting(self) -> tuple[Alert, ...]:
        """Those that were held back, and are to be told once they may."""
        return tuple(known.waiting for known in self._known.values() if known.waiting is not None)

    def resume(self, alert: Alert, now: float) -> None:
        """One that an earlier Aurora held back: told a while after this one began, unless it is over by then."""
        known = self._remembered(alert.key)
        known.at, known.held, known.waiting = now, 1, alert

    def note(self, event: AnyEvent) -> None:
        """An event that ends what was to be told, or begins it anew."""
        for kind in _ENDS.get(type(event), ()):
            if known := self._known.get((kind.event_type(), event.component)):
                known.waiting = None
        if begun := _ANEW.get(type(event)):
            topic = begun.event_type()
            is_of_all = isinstance(event, EmergencyReset)
            for key in [k for k in self._known if k[0] == topic and (is_of_all or k[1] == event.component)]:
                del self._known[key]

    def _may(self, alert: Alert, known: _Known, now: float, is_snoozed: IsSnoozed) -> bool:
        if known.at is not None and now - known.at < self.settings.repeat_s:
            return False
        return alert.kind == "emergency" or not is_snoozed(alert.component)

    def _tell(self, alert: Alert, known: _Known, now: float) -> Alert:
        told = replace(alert, held=known.held)
        known.at, known.held, known.waiting = now, 0, None
        return told

    def _remembered(self, key: tuple[str, str]) -> _Known:
        if key not in self._known:
            if len(self._known) >= MAX_REMEMBERED:
                self._forget_one()
            self._known[key] = _Known(at=None)
        return self._known[key]

    def _forget_one(self) -> None:
        """The oldest of those that nobody waits for, if there is one."""
        idle = (key for key, known in self._known.items() if known.waiting is None)
        del self._known[next(idle, next(iter(self._known)))]


def _cause(event: AnyEvent) -> str:
    """Of an error in words, whatever its event calls them."""
    for name in ("cause", "detail", "error_text", "reason", "problems"):
        if words := getattr(event, name, ""):
            return one_line(words if isinstance(words, str) else words[0])
    return event.event_type().replace("_", " ")
