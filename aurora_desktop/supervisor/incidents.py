"""Recovery as people tell it: each failure with its cause, what was done about it, and how it ended."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.events import (
    LimitWarning,
    Record,
    ServiceAdopted,
    ServiceDegraded,
    ServiceFailed,
    ServiceGaveUp,
    ServiceRecovered,
    ServiceRestarting,
    ServiceStateChanged,
    StrayEnded,
)

Outcome = Literal["open", "recovered", "degraded", "gave_up", "stopped", "done", "warned"]

INCIDENTS_KEPT = 1000
# A run this long was well: its end is a new incident, even if the journal lost how the last one ended.
_LASTING_S = 60.0


class Incident(Struct, frozen=True, kw_only=True):
    """One thing that went wrong or was put right.

    `id` is that of the event which opened it; `at` is Unix time; `downtime_s` is known once it recovered.
    """

    id: int
    at: float
    component: str
    cause: str
    action: str = ""
    outcome: Outcome = "open"
    result: str = ""
    failures: int = 0
    attempts: int = 0
    downtime_s: float | None = None
    log_tail: tuple[str, ...] = ()

    @property
    def is_unsettled(self) -> bool:
        """Whether further events of its component still belong to it."""
        return self.outcome in ("open", "degraded")


class Incidents:
    """Folds the stream of events into incidents; the newest `keep` are kept."""

    def __init__(self, records: Iterable[Record] = (), keep: int = INCIDENTS_KEPT) -> None:
        self._keep = keep
        self._by_id: OrderedDict[int, Incident] = OrderedDict()
        self._unsettled: dict[str, int] = {}
        for record in records:
            self.feed(record)

    def __len__(self) -> int:
        return len(self._by_id)

    def rows(self) -> tuple[Incident, ...]:
        """Every incident, newest first."""
        return tuple(reversed(self._by_id.values()))

    def feed(self, record: Record) -> Incident | None:
        """Take in one event; returns the incident that it opened or changed, if any."""
        incident = _folded(self._unsettled_of(record.event.component), record)
        if incident is not None:
            self._put(incident)
        return incident

    def _unsettled_of(self, component: str) -> Incident | None:
        return self._by_id.get(self._unsettled.get(component, -1))

    def _put(self, incident: Incident) -> None:
        self._by_id[incident.id] = incident
        if incident.is_unsettled:
            self._unsettled[incident.component] = incident.id
        elif self._unsettled.get(incident.component) == incident.id:
            del self._unsettled[incident.component]
        while len(self._by_id) > self._keep:
            self._by_id.popitem(last=False)


def _opened(record: Record, cause: str, **more: Any) -> Incident:
    return Incident(id=record.id, at=record.event.at, component=record.event.component, cause=cause, **more)


def _failed(known: Incident | None, record: Record, event: ServiceFailed) -> Incident:
    if known is None or event.uptime_s >= _LASTING_S:
        return _opened(record, event.cause, failures=1, log_tail=event.log_tail)
    return replace(known, failures=known.failures + 1, cause=event.cause, log_tail=event.log_tail or known.log_tail)


def _restarting(known: Incident | None, record: Record, event: ServiceRestarting) -> Incident:
    known = known or _opened(record, event.cause)
    return replace(known, attempts=event.attempt, action=_restart_words(event.attempt, event.delay_s))


def _restart_words(attempt: int, delay_s: float) -> str:
    when = "at once" if delay_s < 0.05 else f"after {delay_s:.1f} s"
    return f"restarted {when}" if attempt <= 1 else f"restarted {attempt} times, last {when}"


def _recovered(known: Incident | None, record: Record, event: ServiceRecovered) -> Incident:
    known = known or _opened(record, event.cause, action=_restart_words(event.attempts, 0.0))
    attempts = max(event.attempts, known.attempts)
    return replace(known, outcome="recovered", result=event.cause, attempts=attempts, downtime_s=event.downtime_s)


def _degraded(known: Incident | None, record: Record, event: ServiceDegraded) -> Incident:
    known = known or _opened(record, event.cause)
    result = f"{event.cause}; tried again every {event.retry_s:.0f} s at the most"
    return replace(known, outcome="degraded", result=result, attempts=max(event.attempts, known.attempts))


def _gave_up(known: Incident | None, record: Record, event: ServiceGaveUp) -> Incident:
    known = known or _opened(record, event.cause)
    result = f"{event.cause}. {event.hint}" if event.hint else event.cause
    return replace(known, outcome="gave_up", result=result, action=known.action or "not restarted")


def _stopped(known: Incident | None, event: ServiceStateChanged) -> Incident | None:
    if known is None or event.state != "stopped":
        return None
    return replace(known, outcome="stopped", result=event.cause)


def _folded(known: Incident | None, record: Record) -> Incident | None:
    match record.event:
        case ServiceFailed() as event:
            return _failed(known, record, event)
        case ServiceRestarting() as event:
            return _restarting(known, record, event)
        case ServiceRecovered() as event:
            return _recovered(known, record, event)
        case ServiceDegraded() as event:
            return _degraded(known, record, event)
        case ServiceGaveUp() as event:
            return _gave_up(known, record, event)
        case ServiceStateChanged() as event:
            return _stopped(known, event)
        case _:
            return _standing_alone(record)


def _standing_alone(record: Record) -> Incident | None:
    match record.event:
        case ServiceAdopted(pid=pid):
            cause = "found running from an earlier Aurora"
            return _opened(record, cause, action=f"adopted with the same pid {pid}", outcome="done")
        case StrayEnded(pid=pid, program=program):
            return _opened(record, f"left behind: {program}", action=f"ended process {pid}", outcome="done")
        case LimitWarning(cause=cause):
            return _opened(record, cause, action="warned", outcome="warned")
        case _:
            return None
