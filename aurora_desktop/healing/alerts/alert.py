"""An alert, and which events deserve one, in which words."""

import re
import time
from collections.abc import Callable, Sequence

from msgspec import Struct

from aurora_desktop.core.events import AGENT_PREFIX, SERVICE_PREFIX, AnyEvent, ServiceDegraded, ServiceGaveUp
from aurora_desktop.core.healing_events import ErrorsAccumulated, Escalated, Predicted, PredictionKind
from aurora_desktop.core.input_events import EmergencyStopped, StopChannelLost
from aurora_desktop.core.settings.schema_healing import AlertKind

MAX_SENTENCE = 500
SHOWN_TOGETHER = 10
"""Of many alerts in one message so many are named; more is nothing that a phone shows."""
_SHOWN_CHARACTERS = 160
_CREDENTIALS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/@]+@")
_WHAT_COMES: dict[PredictionKind, str] = {
    "memory_leak": "will run out of memory",
    "disk_full": "will fill the disk",
    "descriptor_growth": "will run out of open files",
    "error_rate": "fails more and more often",
    "restart_rate": "restarts more and more often",
}


class Alert(Struct, frozen=True, kw_only=True):
    """`title`, one sentence and the next step (or ""); `held`: how many of the same were held back since the last.

    `topic` says what it is about: two with the same topic and component are the same alert. One for many has "" as its
    component.
    """

    kind: AlertKind
    topic: str
    component: str
    at: float
    title: str
    sentence: str
    next_step: str = ""
    held: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return self.topic, self.component

    @property
    def body(self) -> str:
        """What is sent below the title: sentence, next step, when, and what was held back."""
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.at))
        held = f"Held back since the last one: {self.held} of the same." if self.held else ""
        where = f"{self.component}, {when}" if self.component else when
        return "\n".join(filter(None, (self.sentence, self.next_step, held, where)))


def together(alerts: Sequence[Alert], beyond: int = 0) -> Alert:
    """One message for all of them, which are of one topic; `beyond`: so many more are only counted."""
    first, count = alerts[0], len(alerts) + beyond
    if count == 1:
        return first
    lines = [_shortened(f"{alert.title}: {alert.sentence}") for alert in alerts[:SHOWN_TOGETHER]]
    if count > len(lines):
        lines.append(f"... and {count - len(lines)} more")
    return Alert(
        kind=first.kind,
        topic=first.topic,
        component="",
        at=max(alert.at for alert in alerts),
        title=f"{first.title}, and {count - 1} more",
        sentence="\n".join(lines),
        next_step=first.next_step if all(alert.next_step == first.next_step for alert in alerts) else "",
        held=sum(alert.held for alert in alerts),
    )


def _shortened(line: str) -> str:
    return (
        line if len(line) <= _SHOWN_CHARACTERS else f"{line[: _SHOWN_CHARACTERS - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"
    )


def alert_of(event: AnyEvent, masked: Callable[[str], str] = str) -> Alert | None:
    """The alert that this event deserves; `masked` takes the values of secrets out of a text."""
    words = _emergency(event) or _escalation(event) or _advice(event)
    if words is None:
        return None
    kind, topic, title, sentence, next_step = words
    return Alert(
        kind=kind,
        topic=topic,
        component=event.component,
        at=event.at,
        title=one_line(masked(title)),
        sentence=one_line(masked(sentence)),
        next_step=one_line(masked(next_step)),
    )


_Words = tuple[AlertKind, str, str, str, str]


def _emergency(event: AnyEvent) -> _Words | None:
    match event:
        case EmergencyStopped(source=source, frozen=frozen, stopped=stopped):
            marked = "".join(
                f" {what}: {', '.join(who)}." for what, who in (("Frozen", frozen), ("Ended", stopped)) if who
            )
            sentence = f"Stopped by {source}. Agents have lost mouse and keyboard.{marked}"
            return "emergency", event.event_type(), "Emergency stop", sentence, "Reset it in Aurora's window"
        case StopChannelLost(detail=detail, hint=hint):
            sentence = f"Nothing can be armed: {detail}."
            return "emergency", event.event_type(), "The stop key is not heard", sentence, hint
        case _:
            return None


def _escalation(event: AnyEvent) -> _Words | None:
    who = name_of(event.component)
    match event:
        case Escalated(cause=cause, attempts=attempts, hint=hint):
            sentence = f"{cause}. Healing gave up after {attempts} attempts and rests until you act."
            return "escalation", event.event_type(), f"{who} needs you", sentence, hint or "Open Aurora's recovery page"
        case ServiceDegraded(cause=cause, retry_s=retry_s):
            sentence = f"{cause}. Tried again every {retry_s:.0f} s at the most."
            next_step = f"`aurora logs {who}` shows why"
            return "escalation", event.event_type(), f"{who} keeps failing", sentence, next_step
        case ServiceGaveUp(cause=cause, hint=hint):
            next_step = hint or f"`aurora logs {who}` shows why"
            return "escalation", event.event_type(), f"{who} failed", f"{cause}.", next_step
        case _:
            return None


def _advice(event: AnyEvent) -> _Words | None:
    who = name_of(event.component)
    match event:
        case ErrorsAccumulated(count=count, window_s=window_s, cause=cause):
            sentence = f"{count} errors within {window_s:.0f} s, the last one: {cause}"
            next_step = f"`aurora events --component {event.component}` shows them"
            return "errors", event.event_type(), f"{who}: many errors", sentence, next_step
        case Predicted(kind=kind, due=due, confidence=confidence, cause=cause, advice=advice):
            when = time.strftime("%b %d, %H:%M", time.localtime(due))
            sentence = f"Around {when}, if it goes on like this ({confidence:.0%} sure). {cause}"
            return "prediction", f"{event.event_type()}:{kind}", f"{who} {_WHAT_COMES[kind]}", sentence, advice
        case _:
            return None


def name_of(component: str) -> str:
    """The component as people call it: `web` for `service:web`."""
    return component.removeprefix(SERVICE_PREFIX).removeprefix(AGENT_PREFIX)


def one_line(text: str) -> str:
    """One printable line of MAX_SENTENCE characters at the most, without credentials in the addresses in it."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    short = plain if len(plain) <= MAX_SENTENCE else f"{plain[: MAX_SENTENCE - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"
    return _CREDENTIALS.sub(r"\1***@", short)
