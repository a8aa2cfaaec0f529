"""The incidents as a table, newest first."""

import time
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QSortFilterProxyModel, Qt

from aurora_desktop.core.events import SERVICE_PREFIX
from aurora_desktop.healing.incident import Incident, Outcome
from aurora_desktop.ui import phrases
from aurora_desktop.ui.models.services import every_word
from aurora_desktop.ui.theme import Tone

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()

INCIDENT_ROLE = Qt.ItemDataRole.UserRole + 1
FILTER_ROLE = Qt.ItemDataRole.UserRole + 2

OUTCOME_TONES: dict[Outcome, Tone] = {
    "open": "info", "recovered": "ok", "degraded": "bad", "gave_up": "bad", "stopped": "muted", "done": "ok",
    "warned": "warn",
}  # fmt: skip
OUTCOME_ICONS: dict[Outcome, str] = {
    "open": "state-starting", "recovered": "state-ready", "degraded": "state-degraded", "gave_up": "state-failed",
    "stopped": "state-stopped", "done": "state-running", "warned": "state-unhealthy",
}  # fmt: skip


class Column(IntEnum):
    WHEN = 0
    COMPONENT = 1
    CAUSE = 2
    ACTION = 3
    OUTCOME = 4
    DOWNTIME = 5


TITLES = ("When", "Component", "Cause", "Action", "Outcome", "Time to recover")


def component_name(component: str) -> str:
    """A service's plain name; the component itself for the rest."""
    return component.removeprefix(SERVICE_PREFIX)


def text_of(incident: Incident, column: Column) -> str:
    """What a cell says."""
    match column:
        case Column.WHEN:
            return phrases.moment(incident.at, time.time())
        case Column.COMPONENT:
            return component_name(incident.component)
        case Column.CAUSE:
            times = f" ({incident.failures} times)" if incident.failures > 1 else ""
            return f"{incident.cause}{times}"
        case Column.ACTION:
            return incident.action or phrases.NONE
        case Column.OUTCOME:
            return phrases.OUTCOME_WORDS[incident.outcome]
        case Column.DOWNTIME:
            return phrases.duration(incident.downtime_s)


class IncidentsModel(QAbstractTableModel):
    """One row for each incident; rows are told apart by their id."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Incident] = []

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return TITLES[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section == Column.DOWNTIME else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        incident, column = self._rows[index.row()], Column(index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return text_of(incident, column)
            case Qt.ItemDataRole.ToolTipRole:
                return _tip(incident, column)
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{TITLES[column]}: {text_of(incident, column)}"
            case Qt.ItemDataRole.TextAlignmentRole if column == Column.DOWNTIME:
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            case _ if role == INCIDENT_ROLE:
                return incident
            case _ if role == FILTER_ROLE:
                return _filter_text(incident)
            case _:
                return None

    def components(self) -> list[str]:
        """Every component that has incidents, sorted."""
        return sorted({incident.component for incident in self._rows})

    def show(self, incidents: Sequence[Incident]) -> None:
        """Become `incidents` (newest first), telling of nothing but what differs."""
        if not self._rows and incidents:
            self._fill(incidents)
            return
        wanted = {incident.id for incident in incidents}
        for row in range(len(self._rows) - 1, -1, -1):
            if self._rows[row].id not in wanted:
                self._remove(row)
        for row, incident in enumerate(incidents):
            if row >= len(self._rows) or self._rows[row].id != incident.id:
                self._insert(row, incident)
            elif self._rows[row] != incident:
                self._rows[row] = incident
                self.dataChanged.emit(self.index(row, Column.CAUSE), self.index(row, Column.DOWNTIME))

    def _fill(self, incidents: Sequence[Incident]) -> None:
        self.beginInsertRows(_NOWHERE, 0, len(incidents) - 1)
        self._rows = list(incidents)
        self.endInsertRows()

    def _insert(self, row: int, incident: Incident) -> None:
        self.beginInsertRows(_NOWHERE, row, row)
        self._rows.insert(row, incident)
        self.endInsertRows()

    def _remove(self, row: int) -> None:
        self.beginRemoveRows(_NOWHERE, row, row)
        del self._rows[row]
        self.endRemoveRows()


def _tip(incident: Incident, column: Column) -> str:
    if column == Column.WHEN:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(incident.at))
    if column == Column.OUTCOME and incident.result:
        return f"{phrases.OUTCOME_WORDS[incident.outcome]}: {incident.result}"
    return text_of(incident, column)


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


def _filter_text(incident: Incident) -> str:
    marks = (_component_mark(incident.component), _outcome_mark(incident.outcome))
    return " ".join((*marks, *(text_of(incident, each) for each in Column))).casefold()


# Marks that nobody types, so that a typed word never matches one.
def _component_mark(component: str) -> str:
    return f"\x01{component.casefold()}\x01"


def _outcome_mark(outcome: str) -> str:
    return f"\x02{outcome}\x02"
