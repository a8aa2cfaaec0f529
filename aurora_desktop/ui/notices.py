"""Which events are worth a notification, in which words, and how often."""

from msgspec import Struct

from aurora_desktop.core.events import (
    SERVICE_PREFIX,
    AnyEvent,
    AuditFailing,
    ControlDisarmed,
    EmergencyStopped,
    Escalated,
    RemedyOffered,
    ServiceDegraded,
    ServiceFailed,
    ServiceGaveUp,
    ServiceRecovered,
    SettingsRefused,
    StopChannelLost,
    StorageFailing,
    StorageQuarantined,
    WorkerCrashed,
)
from aurora_desktop.ui import control_words, phrases

REPEAT_S = 60.0
# What the operator did, and what another event tells in more words.
_TOLD_OTHERWISE = (
    "disarmed by", "Aurora quits", "the audit log", "stop_channel_lost", "the guard was lost", "the input worker",
)  # fmt: skip


class Notice(Struct, frozen=True):
    """A notification: one short title, one sentence."""

    title: str
    body: str


def notice_of(event: AnyEvent) -> Notice | None:
    """The notice that this event deserves; None for what goes as it should."""
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
            return _own_notice(event) or _control_notice(event) or _healing_notice(event)


def _own_notice(event: AnyEvent) -> Notice | None:
    match event:
        case SettingsRefused(problems=problems):
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            first = problems[0] if problems else "see the settings page"
            return Notice("Settings refused", f"The last good settings stay in force. {first}{more}")
        case StorageFailing(path=path, detail=detail):
            return Notice("Cannot write", f"{path}: {detail}")
        case StorageQuarantined(path=path, moved_to=moved_to, reason=reason):
            return Notice("A damaged file was moved aside", f"{path}: {reason}. Kept as {moved_to}.")
        case _:
            return None


def _control_notice(event: AnyEvent) -> Notice | None:
    match event:
        case EmergencyStopped(source=source, frozen=frozen, stopped=stopped):
            held = [f"frozen: {', '.join(frozen)}"] if frozen else []
            held += [f"stopped: {', '.join(stopped)}"] if stopped else []
            more = f" {sentence_of(held)}" if held else ""
            by = control_words.stopper(source)
            return Notice("Emergency stop", f"Stopped by {by}. Agents have lost mouse and keyboard.{more}")
        case ControlDisarmed(reason=reason) if not reason.startswith(_TOLD_OTHERWISE):
            return Notice("Agents have lost mouse and keyboard", f"Control is disarmed: {reason}.")
        case StopChannelLost(detail=detail, hint=hint):
            return Notice("The stop key is not heard", f"Nothing can be armed: {detail}. {hint}".rstrip())
        case WorkerCrashed(error_text=text, restart_count=count):
            return Notice("The input worker crashed", f"{text}. Control is closed; crashes so far: {count}.")
        case AuditFailing(path=path, detail=detail):
            where = "" if path in detail else f"{path}: "
            return Notice("The audit log cannot be written", f"Control is closed. {where}{detail}")
        case _:
            return None


def _healing_notice(event: AnyEvent) -> Notice | None:
    """What healing needs the operator for; all else it tells on the recovery page alone."""
    where = phrases.component(event.component)
    match event:
        case RemedyOffered(cause=cause):
            return Notice(f"{where}: a remedy waits for your word", f"{cause}. Answer on the Recovery page.")
        case Escalated(cause=cause, hint=hint):
            return Notice(f"{where} needs you", f"{cause}. {hint}" if hint else f"{cause}.")
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

    def consider(self, event: AnyEvent, now: float, *, enabled: bool) -> Notice | None:
        """The notice to show for this event, if any."""
        notice = notice_of(event) if enabled else None
        self._told = {told: at for told, at in self._told.items() if now - at < REPEAT_S}
        if notice is None or notice in self._told:
            return None
        self._told[notice] = now
        return notice
