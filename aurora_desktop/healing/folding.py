"""The rules by which one event opens, changes or ends an incident. All are pure."""

from typing import Any

from msgspec.structs import replace

from aurora_desktop.core.events import (
    SERVICE_PREFIX,
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
from aurora_desktop.core.healing_events import (
    AgentResumed,
    AgentStalled,
    Escalated,
    EscalationCleared,
    FaultDiagnosed,
    OfferClosed,
    RemedyFinished,
    RemedyOffered,
    RemedyStarted,
    ResourceBreached,
    ResourceRelieved,
    SpaceFreed,
    TuningEnded,
)
from aurora_desktop.healing.incident import Incident, Step

# A run this long was well: its end is a new incident, even if the journal lost how the last one ended.
_LASTING_S = 60.0
_MB = 1_000_000
_TUNING_WORDS = {
    "applied": "applied on your word", "declined": "declined", "kept": "kept: the outcome was better",
    "taken_back": "taken back: the outcome was worse",
}  # fmt: skip


def folded(known: Incident | None, record: Record, *, is_of_earlier: bool = False) -> Incident | None:
    """The incident with this event in it; `known` is the one that it belongs to. None where it changes nothing.

    `is_of_earlier`: an earlier Aurora saw it begin, and this one, which begins its count anew, tells of no recovery.
    """
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
            return _up_again(known, event) if is_of_earlier else _stopped(known, event)
        case _:
            return _healed(known, record) or _called(known, record) or _standing_alone(record)


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


def _up_again(known: Incident | None, event: ServiceStateChanged) -> Incident | None:
    if known is None or event.state not in ("running", "ready"):
        return _stopped(known, event)
    result = "up again after Aurora was started anew"
    return replace(known, outcome="recovered", result=result, downtime_s=event.at - known.at)


def _healed(known: Incident | None, record: Record) -> Incident | None:
    """What a remedy is for, and what became of it."""
    match record.event:
        case FaultDiagnosed() as event:
            known = known or _opened(record, event.cause)
            return replace(
                known, kind=event.kind, diagnosis=event.cause, signature=event.signature,
                next_step=event.next_step or known.next_step,
            )  # fmt: skip
        case RemedyStarted(at=at, remedy=remedy, cause=cause):
            step = Step(remedy=remedy, at=at, state="running", sentence=cause)
            return _with_step(known or _opened(record, cause), step)
        case RemedyOffered(at=at, remedy=remedy, cause=cause, command=command, offer_id=offer_id):
            offer = Step(remedy=remedy, at=at, state="offered", sentence=cause, command=command, offer_id=offer_id)
            return _with_step(known or _opened(record, cause), offer)
        case RemedyFinished() as event:
            return _finished(known or _opened(record, event.cause), event)
        case OfferClosed(offer_id=offer_id, answer=answer) if known:
            steps = (replace(s, state=answer) if s.offer_id == offer_id else s for s in known.steps)
            return replace(known, steps=tuple(steps))
        case _:
            return None


def _with_step(known: Incident, step: Step) -> Incident:
    """An offer that was accepted becomes the step that carries it out."""
    last = known.steps[-1] if known.steps else None
    if last and last.remedy == step.remedy and last.state == "accepted":
        carried_out = replace(last, at=step.at, state=step.state, sentence=step.sentence)
        return replace(known, steps=(*known.steps[:-1], carried_out))
    return replace(known, steps=(*known.steps, step))


def _finished(known: Incident, event: RemedyFinished) -> Incident:
    begun = next((s for s in reversed(known.steps) if s.remedy == event.remedy and s.state == "running"), None)
    at = begun.at if begun else event.at - event.duration_s
    command = begun.command if begun else ()
    done = Step(
        remedy=event.remedy, at=at, state=event.outcome, sentence=event.cause, duration_s=event.duration_s,
        command=command,
    )  # fmt: skip
    steps = tuple(done if step is begun else step for step in known.steps) if begun else (*known.steps, done)
    known = replace(known, steps=steps)
    if event.outcome != "worked" or not _ends_with_its_remedy(known):
        return known
    return replace(known, outcome="recovered", result=event.cause, downtime_s=event.at - known.at)


def _ends_with_its_remedy(known: Incident) -> bool:
    """A service that was down says itself when it is up again, and a resource when it is relieved."""
    was_down = known.component.startswith(SERVICE_PREFIX) and (known.failures or known.attempts)
    return known.outcome in ("open", "escalated", "seen_to") and not was_down and not known.subject


def _called(known: Incident | None, record: Record) -> Incident | None:
    """Agents and the machine, and the operator being called."""
    match record.event:
        case AgentStalled(cause=cause):
            return replace(known, cause=cause) if known else _opened(record, cause, kind="stall")
        case AgentResumed(cause=cause, stalled_s=stalled_s):
            if known is None:  # its failure has come to an end by itself: a restarted service tells of that
                return None
            return replace(known, outcome="recovered", result=cause, downtime_s=stalled_s)
        case Escalated(cause=cause, attempts=attempts, hint=hint):
            known = known or _opened(record, cause)
            step = hint or known.next_step
            return replace(known, outcome="escalated", result=cause, attempts=attempts, next_step=step)
        case EscalationCleared(by=by) if known and known.outcome == "escalated":
            return replace(known, outcome="seen_to", result=f"seen to by {by}")
        case ResourceBreached(cause=cause, resource=resource):
            return replace(known, cause=cause) if known else _opened(record, cause, subject=resource)
        case ResourceRelieved(at=at, cause=cause) if known:
            return replace(known, outcome="recovered", result=cause, downtime_s=at - known.at)
        case SpaceFreed(at=at, cause=cause) as event if known:
            return _with_step(known, Step(remedy="free_space", at=at, state="worked", sentence=_freed(event, cause)))
        case _:
            return None


def _freed(event: SpaceFreed, cause: str) -> str:
    files = "1 file" if event.files == 1 else f"{event.files} files"
    return f"{cause} ({event.freed_bytes / _MB:.0f} MB in {files})"


def _standing_alone(record: Record) -> Incident | None:
    match record.event:
        case ServiceAdopted(pid=pid):
            cause = "found running from an earlier Aurora"
            return _opened(record, cause, action=f"adopted with the same pid {pid}", outcome="done")
        case StrayEnded(pid=pid, program=program):
            return _opened(record, f"left behind: {program}", action=f"ended process {pid}", outcome="done")
        case LimitWarning(cause=cause):
            return _opened(record, cause, action="warned", outcome="warned")
        case SpaceFreed(cause=cause) as event:
            return _opened(record, "the disk was tidied up", action=_freed(event, cause), outcome="done")
        case TuningEnded(setting=setting, result=result, cause=cause):
            words = _TUNING_WORDS[result]
            return _opened(record, f"another value of {setting}", action=words, result=cause, outcome="done")
        case _:
            return None
