"""Which events are worth a notification, in which words, and how often."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.events import (
    AGENT_PREFIX,
    SERVICE_PREFIX,
    AnyEvent,
    ServiceDegraded,
    ServiceFailed,
    ServiceGaveUp,
    ServiceRecovered,
    SettingsApplied,
    SettingsRefused,
)
from aurora_desktop.core.healing_events import ErrorsAccumulated, Escalated, Predicted, RemedyOffered
from aurora_desktop.core.input_events import (
    AuditFailing,
    ControlDisarmed,
    ControlRequested,
    EmergencyStopped,
    StopChannelLost,
    WorkerCrashed,
)
from aurora_desktop.core.link_events import LinkMessageFailed, LinkWarning
from aurora_desktop.core.storage_events import BackupFailed, DamageFound, StorageFailing, StorageQuarantined
from aurora_desktop.core.task_events import (
    AgentUnavailable,
    ApprovalAsked,
    BudgetReached,
    TaskFinished,
    TaskUncertain,
)
from aurora_desktop.healing.alerts.alert import alert_of, name_of
from aurora_desktop.heartbeat.own_problems import outcome
from aurora_desktop.ui import control_words, phrases

REPEAT_S = 60.0
# Emergencies and questions: snoozing does not reach them.
_URGENT = (EmergencyStopped, StopChannelLost, AuditFailing, RemedyOffered, ApprovalAsked, ControlRequested)
_RESTARTABLE = (ServiceDegraded, ServiceGaveUp, Escalated)
_ABOUT_A_TASK = (ApprovalAsked, BudgetReached, TaskFinished, TaskUncertain)
# What the operator did, and what another event tells in more words.
_TOLD_OTHERWISE = (
    "disarmed by", "Aurora quits", "the audit log", "stop_channel_lost", "the guard was lost", "the input worker",
)  # fmt: skip


_LINK_TITLES = {
    "refused": "The link is refused",
    "down": "The link is down",
    "given_up": "The link was given up",
    "tokens": "Tokens are not in a keyring",
}


class Notice(Struct, frozen=True):
    """A notification: one short title, one sentence. `urgent`: also told while notifications are snoozed.

    `restarts`: the service (its name) whose restart is worth offering. `approval_id`, `task_id`: what it is about.
    """

    title: str
    body: str
    component: str = ""
    urgent: bool = False
    restarts: str = ""
    approval_id: str = ""
    task_id: str = ""
    asks_for_control: bool = False


def notice_of(event: AnyEvent) -> Notice | None:
    """The notice that this event deserves; None for what goes as it should."""
    notice = (
        _service_notice(event) or _own_notice(event) or _control_notice(event) or _healing_notice(event)
        or _task_notice(event) or _link_notice(event)
    )  # fmt: skip
    if notice is None:
        return None
    restarts = isinstance(event, _RESTARTABLE) and event.component.startswith(SERVICE_PREFIX)
    return replace(
        notice,
        component=event.component,
        urgent=isinstance(event, _URGENT),
        restarts=event.component.removeprefix(SERVICE_PREFIX) if restarts else "",
        approval_id=event.approval_id if isinstance(event, ApprovalAsked) else "",
        task_id=event.task_id if isinstance(event, _ABOUT_A_TASK) else "",
        asks_for_control=isinstance(event, ControlRequested),
    )


def _service_notice(event: AnyEvent) -> Notice | None:
    name = event.component.removeprefix(SERVICE_PREFIX)
    match event:
        case ServiceDegraded(cause=cause, retry_s=retry_s):
            return Notice(f"{name} keeps failing", f"{cause}. Tried again every {retry_s:.0f} s at the most.")
        case ServiceGaveUp(cause=cause, hint=hint):
            return Notice(f"{name} failed", f"{cause}. {hint}" if hint else f"{cause}.")
        case ServiceRecovered(attempts=attempts, downtime_s=down_s) if attempts >= 2:
            return Notice(f"{name} is back", f"Up again after {attempts} restarts and {down_s:.0f} s.")
        case ServiceFailed(kind="memory", cause=cause):
            return Notice(f"{name} used too much memory", f"{cause}.")
        case _:
            return None


def _healing_notice(event: AnyEvent) -> Notice | None:
    """What is an alert elsewhere too has the same words here."""
    if isinstance(event, RemedyOffered):
        return Notice(
            f"May Aurora mend {name_of(event.component)}?",
            f"{event.cause}. It waits for your word on the Recovery page.",
        )
    if not isinstance(event, Escalated | ErrorsAccumulated | Predicted):
        return None
    alert = alert_of(event)
    return Notice(alert.title, f"{alert.sentence} {alert.next_step}".rstrip()) if alert else None


def _own_notice(event: AnyEvent) -> Notice | None:
    match event:
        case SettingsApplied(waiting=(first, *others)):
            more = f" (and {len(others)} more)" if others else ""
            return Notice("Settings that loosen safety wait for you", f"{first}{more}. Read them on the page Input.")
        case SettingsRefused(problems=problems):
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            first = problems[0] if problems else "see the settings page"
            return Notice("Settings refused", f"The last good settings stay in force. {first}{more}")
        case StorageFailing(path=path, detail=detail):
            return Notice("Cannot write", f"{path}: {detail}")
        case StorageQuarantined(path=path, moved_to=moved_to, reason=reason):
            title = "A damaged file was repaired" if event.restored_from else "A damaged file was moved aside"
            return Notice(title, f"{path}: {reason}. It was {outcome(event)}. The old one is kept as {moved_to}.")
        case BackupFailed(detail=detail, hint=hint):
            return Notice("No backup", f"{detail}. {hint}".strip())
        case DamageFound(path=path, detail=detail, remedy=remedy):
            return Notice("Damage was found", f"{path}: {detail}. {remedy}.")
        case _:
            return None


def _control_notice(event: AnyEvent) -> Notice | None:
    match event:
        case EmergencyStopped(source=source, frozen=frozen, stopped=stopped):
            held = [f"frozen: {', '.join(map(phrases.service_name, frozen))}"] if frozen else []
            held += [f"stopped: {', '.join(map(phrases.service_name, stopped))}"] if stopped else []
            more = f" {sentence_of(held)}" if held else ""
            by = control_words.stopper(source)
            return Notice("Emergency stop", f"Stopped by {by}. Agents have lost mouse and keyboard.{more}")
        case ControlDisarmed(reason=reason) if not reason.startswith(_TOLD_OTHERWISE):
            return Notice("Agents have lost mouse and keyboard", f"Control is disarmed: {reason}.")
        case ControlRequested(agent=agent, reason=reason):
            why = f"It says: \N{LEFT DOUBLE QUOTATION MARK}{reason}\N{RIGHT DOUBLE QUOTATION MARK}. " if reason else ""
            return Notice(f"{agent} asks for mouse and keyboard", f"{why}Arm or decline on the page Input.")
        case StopChannelLost(detail=detail, hint=hint):
            return Notice("The stop key is not heard", f"Nothing can be armed: {detail}. {hint}".rstrip())
        case WorkerCrashed(error_text=text, restart_count=count):
            return Notice("The input worker crashed", f"{text}. Control is closed; crashes so far: {count}.")
        case AuditFailing(path=path, detail=detail):
            where = "" if path in detail else f"{path}: "
            return Notice("The audit log cannot be written", f"Control is closed. {where}{detail}")
        case _:
            return None


def _task_notice(event: AnyEvent) -> Notice | None:
    name = event.component.removeprefix(AGENT_PREFIX) if event.component.startswith(AGENT_PREFIX) else "An agent"
    match event:
        case ApprovalAsked(kind="budget", summary=summary):
            return Notice(f"May {name} spend more?", f"{summary}. It waits for your word.")
        case ApprovalAsked(tool=tool, summary=summary):
            return Notice(f"{name} waits for your word", f"May it use {tool}? {summary}".rstrip())
        case TaskUncertain(cause=cause):
            return Notice("A task waits for you", f"Nobody knows how it ended: {cause}. Resume, retry or cancel it.")
        case TaskFinished(status="dead", cause=cause):
            return Notice("A task was given up", f"{cause}.")
        case BudgetReached(action="stopped", limit=limit):
            return Notice(f"{name} reached its budget", f"The task was ended at {limit}.")
        case AgentUnavailable(detail=detail, hint=hint):
            return Notice(f"{name} cannot be used", f"{detail}. {hint}".rstrip() if hint else f"{detail}.")
        case _:
            return None


def _link_notice(event: AnyEvent) -> Notice | None:
    match event:
        case LinkWarning(needs_operator=True, topic=topic, detail=detail, hint=hint):
            title = _LINK_TITLES.get(topic, "The link needs you")
            return Notice(title, f"{sentence_of([detail])} {hint}".rstrip())
        case LinkMessageFailed(cause=cause):
            # Without its recipient: a server that is gone for too long makes a thousand of them, and one notice.
            return Notice("A message was not sent", f"{sentence_of([cause])} `aurora link status` lists it.")
        case _:
            return None


def sentence_of(parts: list[str]) -> str:
    """Phrases as one sentence."""
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


class Notices:
    """Lets each text through once in `REPEAT_S` seconds. `now` is the monotonic clock in seconds."""

    def __init__(self) -> None:
        self._told: dict[Notice, float] = {}

    def consider(
        self, event: AnyEvent, now: float, *, enabled: bool, is_snoozed: Callable[[str], bool] = lambda _: False
    ) -> Notice | None:
        """The notice to show for this event, if any; while snoozed the urgent ones alone."""
        notice = notice_of(event) if enabled else None
        if notice is not None and not notice.urgent and is_snoozed(notice.component):
            return None
        self._told = {told: at for told, at in self._told.items() if now - at < REPEAT_S}
        if notice is None or notice in self._told:
            return None
        self._told[notice] = now
        return notice
