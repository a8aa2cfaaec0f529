"""What goes out of the door of tasks without what an agent may have printed of its own environment."""

from msgspec.structs import replace

from aurora_desktop.core.settings.values import Environment
from aurora_desktop.tasks.view import ApprovalView, Entry, TaskDetail, Transcript


def discreet(detail: TaskDetail, hidden: Environment) -> TaskDetail:
    return replace(detail, result=hidden.masked(detail.result), error=hidden.masked(detail.error))


def discreet_transcript(found: Transcript, hidden: Environment) -> Transcript:
    if not hidden:
        return found
    return replace(found, entries=tuple(_discreet_entry(entry, hidden) for entry in found.entries))


def _discreet_entry(entry: Entry, hidden: Environment) -> Entry:
    return replace(entry, text=hidden.masked(entry.text), detail=hidden.masked(entry.detail))


def discreet_question(view: ApprovalView, hidden: Environment) -> ApprovalView:
    masked = hidden.masked
    return replace(view, summary=masked(view.summary), detail=masked(view.detail), reason=masked(view.reason))
