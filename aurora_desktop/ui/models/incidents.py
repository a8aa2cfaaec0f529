"""The incidents as a table, newest first; the same thing again and again is one row."""

import time
from collections.abc import Iterable
from enum import IntEnum

from PySide6.QtCore import QObject, QSortFilterProxyModel

from aurora_desktop.healing.grouping import Group, grouped
from aurora_desktop.healing.incident import Incident, Outcome, StepState
from aurora_desktop.ui import phrases
from aurora_desktop.ui.models.rows import FILTER_ROLE, Cells, Look, RowsModel
from aurora_desktop.ui.models.services import every_word

OUTCOME_LOOKS: dict[Outcome, Look] = {
    "open": ("state-starting", "info"), "recovered": ("state-ready", "ok"), "degraded": ("state-degraded", "bad"),
    "gave_up": ("state-failed", "bad"), "escalated": ("needs-you", "bad"), "seen_to": ("state-stopped", "muted"),
    "stopped": ("state-stopped", "muted"), "done": ("state-running", "ok"), "warned": ("state-unhealthy", "warn"),
}  # fmt: skip
STEP_LOOKS: dict[StepState, Look] = {
    "worked": ("state-ready", "ok"), "failed": ("state-failed", "bad"), "undone": ("state-failed", "warn"),
    "undo_failed": ("state-failed", "bad"), "refused": ("state-stopped", "warn"),
    "running": ("state-starting", "info"), "offered": ("needs-you", "warn"), "accepted": ("state-starting", "info"),
    "declined": ("state-stopped", "muted"), "expired": ("state-stopped", "muted"),
}  # fmt: skip


class Column(IntEnum):
    WHEN = 0
    COMPONENT = 1
    CAUSE = 2
    ACTION = 3
    OUTCOME = 4
    DOWNTIME = 5


def cause_of(group: Group) -> str:
    """What went wrong, as it was recognised if it was, and how often by now."""
    newest = group.newest
    cause = newest.diagnosis or newest.cause
    times = phrases.times(len(group.members), group.since, time.time())
    inside = f" ({newest.failures} failures)" if newest.failures > 1 and not times else ""
    return f"{times}: {cause}" if times else f"{cause}{inside}"


def action_of(incident: Incident) -> str:
    """What was done about it: the last remedy and how it ended, then the restart."""
    last = incident.steps[-1] if incident.steps else None
    words = f"{phrases.named(last.remedy)}: {phrases.STEP_WORDS[last.state]}" if last else ""
    return "; ".join(part for part in (words, incident.action) if part)


def _moment(group: Group) -> str:
    return phrases.moment(group.newest.at, time.time())


def _day_and_time(group: Group) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(group.newest.at))


def _outcome_tip(group: Group) -> str:
    newest = group.newest
    word = phrases.OUTCOME_WORDS[newest.outcome]
    return f"{word}: {newest.result}" if newest.result else word


_COLUMNS = (
    Cells(title="When", text=_moment, tip=_day_and_time),
    Cells(title="Component", text=lambda group: phrases.component(group.newest.component)),
    Cells(title="Cause", text=cause_of),
    Cells(title="Action", text=lambda group: action_of(group.newest) or phrases.NONE),
    Cells(
        title="Outcome", text=lambda group: phrases.OUTCOME_WORDS[group.newest.outcome], tip=_outcome_tip,
        look=lambda group: OUTCOME_LOOKS[group.newest.outcome],
    ),
    Cells(title="Time to recover", text=lambda group: phrases.duration(group.newest.downtime_s), right=True),
)  # fmt: skip


class IncidentsModel(RowsModel[Group]):
    """One row for each group of incidents."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_COLUMNS, lambda group: group.id, _filter_text, parent)

    def show_incidents(self, incidents: Iterable[Incident]) -> None:
        """Become `incidents` (newest first)."""
        self.show(grouped(incidents))

    def components(self) -> list[str]:
        """Every component that has incidents, sorted."""
        return sorted({group.newest.component for group in self.rows()})


class IncidentsProxy(QSortFilterProxyModel):
    """Narrowed by text, component and outcome."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setFilterRole(FILTER_ROLE)

    def show_only(self, text: str, component: str, outcome: str) -> None:
        """Keep what contains every word of `text`; an empty component or outcome means any."""
        words = text.casefold().split()
        if component:
            words.append(_component_mark(component))
        if outcome:
            words.append(_outcome_mark(outcome))
        self.setFilterRegularExpression(every_word(words))


def _filter_text(group: Group) -> str:
    newest = group.newest
    marks = [_component_mark(newest.component), *sorted({_outcome_mark(each.outcome) for each in group.members})]
    names = [f"{step.remedy} {phrases.named(step.remedy)}" for step in newest.steps]
    words = (*(cells.text(group) for cells in _COLUMNS), newest.cause, newest.kind, *names)
    return " ".join((*marks, *words)).casefold()


# Marks that nobody types, so that a typed word never matches one.
def _component_mark(component: str) -> str:
    return f"\x01{component.casefold()}\x01"


def _outcome_mark(outcome: str) -> str:
    return f"\x02{outcome}\x02"
