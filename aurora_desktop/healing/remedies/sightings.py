"""Which events are failures, and what is seen of each."""

from aurora_desktop.core.events import (
    AnyEvent,
    LimitWarning,
    ProbeFailing,
    Record,
    ServiceDegraded,
    ServiceFailed,
    ServiceGaveUp,
)
from aurora_desktop.core.storage_events import StorageFailing
from aurora_desktop.healing.faults import Sighting

_WARNINGS = ("probe_failing", "limit_warning", "service_degraded", "service_gave_up")
"""They come before or after a failure that is told by itself: worth a diagnosis only where it is another one."""


def sighting_of(record: Record) -> Sighting | None:
    """What was seen, or None for an event that is no failure."""
    match record.event:
        case ServiceFailed(kind="stall"):
            return None  # found, remembered and told by the watch over stalls
        case ServiceFailed(kind=kind, cause=cause, log_tail=lines, exit_code=code):
            return _seen(record, cause, kind=kind, lines=lines, exit_code=code)
        case ServiceDegraded(cause=cause, attempts=attempts):
            return _seen(record, cause, attempts=attempts)
        case ServiceGaveUp(cause=cause, hint=hint):
            return _seen(record, cause, lines=(hint,) if hint else ())
        case ProbeFailing(recovered=False, probe=probe, detail=detail):
            return _seen(record, f"{probe} probe: {detail}", kind=probe)
        case LimitWarning(resource=resource, cause=cause):
            return _seen(record, cause, kind=resource)
        case StorageFailing(path=path, detail=detail):
            return _seen(record, f"{path} cannot be written: {detail}")
    return None


def is_warning(sighting: Sighting) -> bool:
    """Whether the failure itself is told by another event."""
    return sighting.event in _WARNINGS


def _seen(
    record: Record,
    message: str,
    *,
    kind: str = "",
    lines: tuple[str, ...] = (),
    exit_code: int | None = None,
    attempts: int = 0,
) -> Sighting:
    event: AnyEvent = record.event
    return Sighting(
        at=event.at,
        component=event.component,
        event=event.event_type(),
        event_id=record.id,
        kind=kind,
        message=message,
        lines=lines,
        exit_code=exit_code,
        attempts=attempts,
    )
