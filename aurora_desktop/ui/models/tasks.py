"""Input tasks as tables: what waits, and what was done."""

import time
from collections.abc import Sequence
from enum import Enum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from aurora_desktop.input.view import TaskView
from aurora_desktop.ui import control_words, phrases

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()

TASK_ROLE = Qt.ItemDataRole.UserRole + 1


class Column(Enum):
    """The columns there are; each table has some of them."""

    WHEN = "When"
    ACTION = "Action"
    AGENT = "Agent"
    STATE = "State"
    DURATION = "Took"
    REASON = "Reason"
    CANCEL = ""


QUEUE = (Column.ACTION, Column.AGENT, Column.STATE, Column.CANCEL)
HISTORY = (Column.WHEN, Column.STATE, Column.ACTION, Column.AGENT, Column.DURATION, Column.REASON)


def text_of(task: TaskView, column: Column) -> str:
    """What a cell says."""
    match column:
        case Column.WHEN:
            return phrases.moment(task.finished_at or task.created_at, time.time())
        case Column.ACTION:
            return control_words.task_sentence(task)
        case Column.AGENT:
            return task.agent or phrases.NONE
        case Column.STATE:
            return control_words.task_state(task)
        case Column.DURATION:
            return phrases.duration(task.duration_s)
        case Column.REASON:
            return phrases.quoted(task.reason)
        case Column.CANCEL:
            return "Cancel"


class TasksModel(QAbstractTableModel):
    """One row for each task; rows are told apart by the task's id."""

    def __init__(self, columns: Sequence[Column], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self._rows: list[TaskView] = []

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.columns[section].value
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        task, column = self._rows[index.row()], self.columns[index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.ToolTipRole:
                return text_of(task, column)
            case Qt.ItemDataRole.AccessibleTextRole:
                return ": ".join(part for part in (column.value, text_of(task, column)) if part)
            case _ if role == TASK_ROLE:
                return task
            case _:
                return None

    def show(self, tasks: Sequence[TaskView]) -> None:
        """Become `tasks`, telling of nothing but what differs."""
        wanted = {task.task_id for task in tasks}
        for row in range(len(self._rows) - 1, -1, -1):
            if self._rows[row].task_id not in wanted:
                self._remove(row)
        for row, task in enumerate(tasks):
            if row >= len(self._rows) or self._rows[row].task_id != task.task_id:
                self._put(row, task)
            elif self._rows[row] != task:
                self._rows[row] = task
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(self.columns) - 1))

    def _put(self, row: int, task: TaskView) -> None:
        """A task that changed its place is taken out there first, so that no id is in the table twice."""
        for old in range(row, len(self._rows)):
            if self._rows[old].task_id == task.task_id:
                self._remove(old)
                break
        self.beginInsertRows(_NOWHERE, row, row)
        self._rows.insert(row, task)
        self.endInsertRows()

    def _remove(self, row: int) -> None:
        self.beginRemoveRows(_NOWHERE, row, row)
        del self._rows[row]
        self.endRemoveRows()
