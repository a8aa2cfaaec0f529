"""Recovery as people tell it: each failure with its cause, what was done about it, and how it ended."""

from collections import OrderedDict
from collections.abc import Iterable

from msgspec.structs import replace

from aurora_desktop.core.events import AnyEvent, AuroraStarted, Record, ServiceFailed, ServiceRecovered
from aurora_desktop.core.healing_events import (
    AgentResumed,
    AgentStalled,
    FaultDiagnosed,
    OfferClosed,
    RemedyFinished,
    RemedyOffered,
    RemedyStarted,
    ResourceBreached,
    ResourceRelieved,
    SpaceFreed,
)
from aurora_desktop.healing.folding import folded
from aurora_desktop.healing.incident import Incident

INCIDENTS_KEPT = 1000
# What healing finds out about a failure may come after the restart, which waits for nothing.
_LATE_S = 60.0

_ByFailure = FaultDiagnosed | RemedyStarted | RemedyFinished | RemedyOffered


class Incidents:
    """Folds the stream of events into incidents; the newest `keep` are kept."""

    def __init__(self, records: Iterable[Record] = (), keep: int = INCIDENTS_KEPT) -> None:
        self._keep = keep
        self._by_id: OrderedDict[int, Incident] = OrderedDict()
        self._unsettled: dict[tuple[str, str], int] = {}
        self._latest: dict[str, int] = {}
        self._of_failure: dict[int, int] = {}
        self._of_earlier: frozenset[int] = frozenset()
        for record in records:
            self.feed(record)

    def __len__(self) -> int:
        return len(self._by_id)

    def rows(self) -> tuple[Incident, ...]:
        """Every incident, newest first."""
        return tuple(reversed(self._by_id.values()))

    def feed(self, record: Record) -> Incident | None:
        """Take in one event; returns the incident that it opened or changed, if any."""
        if isinstance(record.event, AuroraStarted):
            self._of_earlier = frozenset(self._unsettled.values())
            self._leave_breaches(record.event)
        known = self._known(record.event)
        if isinstance(record.event, ServiceFailed) and known is not None:  # this one counts it too, and tells its end
            self._of_earlier -= {known.id}
        incident = folded(known, record, is_of_earlier=known is not None and self._is_of_earlier(known))
        if incident is not None:
            self._put(incident, record.event)
        return incident

    def _leave_breaches(self, started: AuroraStarted) -> None:
        """What an earlier Aurora saw of the machine this one looks at anew, and tells if it is so still."""
        for known in [self._by_id[number] for number in self._of_earlier if number in self._by_id]:
            if known.subject and known.outcome == "open":
                self._put(replace(known, outcome="stopped", result="Aurora was started anew meanwhile"), started)

    def _is_of_earlier(self, known: Incident) -> bool:
        """What waits for the operator outlives an Aurora; what merely failed does not."""
        return known.id in self._of_earlier and known.outcome in ("open", "degraded")

    def _known(self, event: AnyEvent) -> Incident | None:
        """The incident that this event belongs to, if there is one."""
        match event:
            case FaultDiagnosed() | RemedyStarted() | RemedyFinished() | RemedyOffered():
                return self._of(event) or self._recent(event)
            case OfferClosed(offer_id=offer_id):
                rows = reversed(self._by_id.values())
                return next((row for row in rows if any(step.offer_id == offer_id for step in row.steps)), None)
            case ServiceFailed() | AgentStalled():
                known = self._unsettled_of(event.component)
                return None if known is None or known.outcome == "seen_to" else known
            case ServiceRecovered() | AgentResumed():
                return self._unsettled_of(event.component) or self._just_recovered(event)
            case ResourceBreached(resource=resource) | ResourceRelieved(resource=resource):
                return self._unsettled_of(event.component, resource)
            case SpaceFreed():
                return self._unsettled_of(event.component, "disk")
            case _:
                return self._unsettled_of(event.component)

    def _unsettled_of(self, component: str, subject: str = "") -> Incident | None:
        return self._by_id.get(self._unsettled.get((component, subject), -1))

    def _of(self, event: _ByFailure) -> Incident | None:
        known = self._by_id.get(self._of_failure.get(event.failure_id, -1)) if event.failure_id else None
        return known if known and known.component == event.component else None

    def _recent(self, event: AnyEvent) -> Incident | None:
        latest = self._by_id.get(self._latest.get(event.component, -1))
        if latest is None or latest.outcome in ("done", "warned", "seen_to"):
            return None
        return latest if latest.is_unsettled or event.at - latest.ended_at <= _LATE_S else None

    def _just_recovered(self, event: AnyEvent) -> Incident | None:
        """A remedy was seen to work before the component itself said that it is well again."""
        recent = self._recent(event)
        return recent if recent and recent.outcome == "recovered" and recent.steps and not recent.attempts else None

    def _put(self, incident: Incident, event: AnyEvent) -> None:
        self._by_id[incident.id] = incident
        key = (incident.component, incident.subject)
        if incident.is_unsettled:
            self._unsettled[key] = incident.id
        elif self._unsettled.get(key) == incident.id:
            del self._unsettled[key]
        if incident.outcome not in ("done", "warned"):
            self._latest[incident.component] = incident.id
        if isinstance(event, FaultDiagnosed) and event.failure_id:
            self._of_failure[event.failure_id] = incident.id
        self._prune()

    def _prune(self) -> None:
        while len(self._by_id) > self._keep:
            self._by_id.popitem(last=False)
        if len(self._of_failure) > 2 * self._keep:
            self._of_failure = {failure: at for failure, at in self._of_failure.items() if at in self._by_id}
