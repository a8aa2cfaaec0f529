"""The services as a table, worst first."""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRegularExpression,
    QSortFilterProxyModel,
    Qt,
)

from aurora_desktop.supervisor.view import ServiceView, State
from aurora_desktop.ui import phrases
from aurora_desktop.ui.theme import Tone

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()

VIEW_ROLE = Qt.ItemDataRole.UserRole + 1
SORT_ROLE = Qt.ItemDataRole.UserRole + 2
FILTER_ROLE = Qt.ItemDataRole.UserRole + 3

_RANK: dict[State, int] = {
    "failed": 0, "degraded": 1, "unhealthy": 2, "waiting": 3, "starting": 4, "stopping": 5, "frozen": 6,
    "running": 7, "ready": 7, "stopped": 8,
}  # fmt: skip
_TONES: dict[State, Tone] = {
    "failed": "bad", "degraded": "bad", "unhealthy": "warn", "waiting": "warn", "starting": "info",
    "stopping": "muted", "frozen": "info", "running": "ok", "ready": "ok", "stopped": "muted",
}  # fmt: skip


class Column(IntEnum):
    NAME = 0
    STATE = 1
    CHECKS = 2
    CPU = 3
    MEMORY = 4
    UPTIME = 5
    RESTARTS = 6
    CAUSE = 7


TITLES = ("Service", "State", "Last 60 checks", "CPU", "Memory", "Uptime", "Restarts", "Last cause")


def rank(view: ServiceView) -> int:
    """The place among the others: problems first, the worst state before the rest."""
    return _RANK[view.state] + (0 if view.is_problem else 10)


def tone(state: State) -> Tone:
    """The colour that goes with a state, beside its shape and word."""
    return _TONES[state]


def text_of(view: ServiceView, column: Column) -> str:
    """What a cell says in words; for the painted ones what they show."""
    match column:
        case Column.NAME:
            return view.name
        case Column.STATE:
            return phrases.STATE_WORDS[view.state]
        case Column.CHECKS:
            return phrases.checks(view.checks)
        case Column.CPU:
            return phrases.percent(view.cpu_percent)
        case Column.MEMORY:
            return phrases.size(view.memory_bytes)
        case Column.UPTIME:
            return phrases.uptime(view.uptime_s)
        case Column.RESTARTS:
            return str(view.restarts)
        case Column.CAUSE:
            return cause_of(view)


def cause_of(view: ServiceView) -> str:
    """The words for a row: what is wrong now, else what last went wrong, else why it does not run."""
    return view.problem or view.last_cause or ("" if view.state in ("running", "ready") else view.cause)


def _sort_key(view: ServiceView, column: Column) -> Any:
    match column:
        case Column.STATE:
            return f"{rank(view):02}{view.name.casefold()}"
        case Column.CPU:
            return -1.0 if view.cpu_percent is None else view.cpu_percent
        case Column.MEMORY:
            return -1 if view.memory_bytes is None else view.memory_bytes
        case Column.UPTIME:
            return -1.0 if view.uptime_s is None else view.uptime_s
        case Column.RESTARTS:
            return view.restarts
        case Column.CHECKS:
            return sum(check in ("warn", "down") for check in view.checks)
        case _:
            return text_of(view, column).casefold()


def _shown(view: ServiceView, column: Column) -> Any:
    """What the look of a cell depends on: two views that agree on it need no repaint."""
    match column:
        case Column.STATE:
            return (view.state, view.cause, view.is_problem, view.name)
        case Column.CHECKS:
            return view.checks
        case Column.CPU:
            return (view.cpu_percent, view.cpu_history)
        case Column.MEMORY:
            return (view.memory_bytes, view.memory_history, view.memory_max)
        case _:
            return text_of(view, column)


class ServicesModel(QAbstractTableModel):
    """One row for each service, in the order of the settings."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._views: list[ServiceView] = []

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._views)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return TITLES[section]
        if role == Qt.ItemDataRole.TextAlignmentRole and section in (Column.RESTARTS, Column.UPTIME):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._views):
            return None
        view, column = self._views[index.row()], Column(index.column())
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (Column.RESTARTS, Column.UPTIME):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return self._value(view, column, role)

    def view_named(self, name: str) -> ServiceView | None:
        return next((view for view in self._views if view.name == name), None)

    def row_named(self, name: str) -> int:
        """The row of the service, or -1."""
        return next((row for row, view in enumerate(self._views) if view.name == name), -1)

    def show(self, views: Sequence[ServiceView]) -> None:
        """Become `views`, telling of nothing but what differs."""
        if not self._views and views:
            self._fill(views)
            return
        wanted = {view.name for view in views}
        for row in range(len(self._views) - 1, -1, -1):
            if self._views[row].name not in wanted:
                self._remove(row)
        for row, view in enumerate(views):
            if row < len(self._views) and self._views[row].name == view.name:
                self._change(row, view)
            else:
                self._place(row, view)

    def _value(self, view: ServiceView, column: Column, role: int) -> Any:
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return text_of(view, column)
            case Qt.ItemDataRole.ToolTipRole:
                return _tip(view, column)
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{TITLES[column]}: {text_of(view, column)}"
            case _ if role == VIEW_ROLE:
                return view
            case _ if role == SORT_ROLE:
                return _sort_key(view, column)
            case _ if role == FILTER_ROLE:
                return f"{view.name} {view.state} {cause_of(view)} {view.program}".casefold()
            case _:
                return None

    def _fill(self, views: Sequence[ServiceView]) -> None:
        self.beginInsertRows(_NOWHERE, 0, len(views) - 1)
        self._views = list(views)
        self.endInsertRows()

    def _remove(self, row: int) -> None:
        self.beginRemoveRows(_NOWHERE, row, row)
        del self._views[row]
        self.endRemoveRows()

    def _place(self, row: int, view: ServiceView) -> None:
        known = self.row_named(view.name)
        if known >= 0:
            self._remove(known)
        self.beginInsertRows(_NOWHERE, row, row)
        self._views.insert(row, view)
        self.endInsertRows()

    def _change(self, row: int, view: ServiceView) -> None:
        before = self._views[row]
        if before == view:
            return
        self._views[row] = view
        changed = [column for column in Column if _shown(before, column) != _shown(view, column)]
        for first, last in _runs(changed):
            self.dataChanged.emit(self.index(row, first), self.index(row, last))


def _tip(view: ServiceView, column: Column) -> str:
    match column:
        case Column.NAME:
            return f"{view.name}\n{view.program}" if view.program else view.name
        case Column.STATE:
            return f"{phrases.STATE_WORDS[view.state]}: {view.cause}" if view.cause else ""
        case Column.MEMORY if view.memory_max:
            return f"{phrases.size(view.memory_bytes)} of {phrases.size(view.memory_max)} allowed"
        case Column.CAUSE:
            return "\n".join(part for part in (cause_of(view), view.hint) if part)
        case _:
            return text_of(view, column)


def _runs(columns: list[Column]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for column in columns:
        if runs and runs[-1][1] == column - 1:
            runs[-1] = (runs[-1][0], int(column))
        else:
            runs.append((int(column), int(column)))
    return runs


class ServicesProxy(QSortFilterProxyModel):
    """Sorted (worst first to begin with) and narrowed to what contains every typed word."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setSortRole(SORT_ROLE)
        self.setFilterRole(FILTER_ROLE)
        self.setDynamicSortFilter(True)

    def show_only(self, text: str) -> None:
        """Keep the services that contain every word of `text` in name, state, cause or command."""
        self.setFilterRegularExpression(every_word(text.casefold().split()))


def every_word(words: Iterable[str]) -> QRegularExpression:
    """Matches a text in which every one of the words occurs, in any order."""
    pattern = "".join(f"(?=.*{QRegularExpression.escape(word)})" for word in words)
    return QRegularExpression(f"^{pattern}", QRegularExpression.PatternOption.DotMatchesEverythingOption)
