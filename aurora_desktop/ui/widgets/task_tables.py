"""The queue with its way to cancel, and the history with reasons and pictures."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt, Signal
from PySide6.QtGui import QKeySequence, QPainter, QResizeEvent, QShortcut
from PySide6.QtWidgets import QFrame, QStyleOptionViewItem, QTableView, QVBoxLayout, QWidget

from aurora_desktop.input.view import InputView, TaskView
from aurora_desktop.ui import control_words, icons, phrases
from aurora_desktop.ui.models.tasks import HISTORY, QUEUE, TASK_ROLE, Column, TasksModel, text_of
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.delegates import CellDelegate, MutedDelegate
from aurora_desktop.ui.widgets.evidence import Evidence
from aurora_desktop.ui.widgets.pieces import Facts, card, label
from aurora_desktop.ui.widgets.tables import fit_rows, prepare_table

Index = QModelIndex | QPersistentModelIndex
ROW_HEIGHT = 36
_ICON = 16
_WIDTHS = {
    Column.WHEN: 120, Column.ACTION: 280, Column.AGENT: 110, Column.STATE: 140, Column.DURATION: 80,
    Column.REASON: 200, Column.CANCEL: 90,
}  # fmt: skip
_FACTS = (
    "Action",
    "When",
    "Outcome",
    "Reason",
    "Agent",
    "Asked for by",
    "Events sent",
    "Tries",
    "Parameters",
    "Result",
)
_QUEUE_ROWS, _HISTORY_ROWS = 5, 8
_CHARACTERS_SHOWN, _ITEMS_SHOWN = 500, 20
_NARROW_PX = 760
_GIVEN_UP = (Column.WHEN, Column.AGENT, Column.DURATION)  # where there is little room; the details have them


class TaskStateDelegate(CellDelegate):
    """A shape, and the word for it beside."""

    def paint_cell(self, painter: QPainter, rect: QRect, option: QStyleOptionViewItem, index: Index) -> None:
        task = index.data(TASK_ROLE)
        if not isinstance(task, TaskView):
            return
        name, tone = control_words.task_look(task)
        colour = self.tokens.tone(tone)
        image = icons.pixmap(name, _ICON, painter.device().devicePixelRatioF(), colour, self.tokens.surface)
        painter.drawPixmap(rect.left(), rect.center().y() - _ICON // 2 + 1, image)
        self.draw_text(painter, rect.adjusted(_ICON + 8, 0, 0, 0), option, str(index.data()), colour)


class CancelDelegate(CellDelegate):
    """A word that looks as if it could be pressed, and can."""

    def paint_cell(self, painter: QPainter, rect: QRect, option: QStyleOptionViewItem, index: Index) -> None:
        image = icons.pixmap("cancel", _ICON, painter.device().devicePixelRatioF(), self.tokens.accent)
        painter.drawPixmap(rect.left(), rect.center().y() - _ICON // 2 + 1, image)
        text = rect.adjusted(_ICON + 6, 0, 0, 0)
        self.draw_text(painter, text, option, str(index.data()), self.tokens.accent, bold=True)


class QueueCard(QWidget):
    """What waits and what runs; a click on Cancel, or Delete, takes it out."""

    cancel_asked = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.model = TasksModel(QUEUE, self)
        self.table = _table(self.model, theme, "Queue of input tasks")
        self.table.clicked.connect(self._on_clicked)
        for key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            delete = QShortcut(QKeySequence(key), self.table, context=Qt.ShortcutContext.WidgetShortcut)
            delete.activated.connect(lambda: self._cancel(self.table.currentIndex()))
        self.heading = label("Queue", "heading")
        self.nothing = label("Nothing waits.", "muted")
        column = _column(self)
        for each in (self.heading, self.nothing, self.table):
            column.addWidget(each)
        self.table.hide()

    def show_input(self, view: InputView) -> None:
        """Show what runs and what waits."""
        tasks = (*((view.running,) if view.running else ()), *view.queued)
        self.heading.setText(f"Queue: {len(tasks)} of at most {view.queue_limit}" if tasks else "Queue")
        self.nothing.setVisible(not tasks)
        self.table.setVisible(bool(tasks))
        self.model.show(tasks)
        fit_rows(self.table, _QUEUE_ROWS)

    def _on_clicked(self, index: Index) -> None:
        if QUEUE[index.column()] is Column.CANCEL:
            self._cancel(index)

    def _cancel(self, index: Index) -> None:
        task = index.data(TASK_ROLE)
        if isinstance(task, TaskView):
            self.cancel_asked.emit(task.task_id)


class HistoryCard(QWidget):
    """The last actions, newest first; the chosen one in detail below."""

    def __init__(self, theme: Theme, tasks: Tasks) -> None:
        super().__init__()
        self.model = TasksModel(HISTORY, self)
        self.table = _table(self.model, theme, "Last actions, newest first")
        self.table.selectionModel().selectionChanged.connect(self._show_details)
        self.model.dataChanged.connect(self._show_details)
        self.model.rowsRemoved.connect(self._show_details)
        self.nothing = label("No agent has acted yet.", "muted")
        self.facts = Facts(_FACTS, wrap=True)
        self.evidence = Evidence(tasks)
        self.details = self._details_card()
        column = _column(self)
        for each in (label("Last actions", "heading"), self.nothing, self.table, self.details):
            column.addWidget(each)
        self.table.hide()

    def show_input(self, view: InputView) -> None:
        """Show what was done."""
        self.nothing.setVisible(not view.recent)
        self.table.setVisible(bool(view.recent))
        self.model.show(view.recent)
        fit_rows(self.table, _HISTORY_ROWS)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for place, column in enumerate(HISTORY):
            self.table.setColumnHidden(place, column in _GIVEN_UP and self.width() < _NARROW_PX)

    def close_details(self) -> bool:
        """Choose none; returns whether one was chosen."""
        was_open = self.details.isVisible()
        self.table.clearSelection()
        return was_open

    def _details_card(self) -> QFrame:
        frame = card("details")
        column = QVBoxLayout(frame)
        column.setContentsMargins(16, 12, 16, 12)
        column.addWidget(self.facts)
        column.addWidget(self.evidence)
        frame.hide()
        return frame

    def _show_details(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        task = rows[0].data(TASK_ROLE) if rows else None
        self.details.setVisible(isinstance(task, TaskView))
        if isinstance(task, TaskView):
            self.facts.show_facts(_facts(task))
            self.evidence.show_files(task.evidence)


def _facts(task: TaskView) -> dict[str, str]:
    return {
        "Action": control_words.task_sentence(task),
        "When": text_of(task, Column.WHEN),
        "Outcome": control_words.task_state(task),
        "Reason": phrases.quoted(task.reason),
        "Agent": task.agent,
        "Asked for by": task.operator_user,
        "Events sent": str(task.events),
        "Tries": str(task.retry_count + 1) if task.retry_count else "",
        "Parameters": _pairs(task.parameters),
        "Result": _pairs(task.result or {}),
    }


def _pairs(values: dict[str, object]) -> str:
    return ", ".join(f"{key}: {_beginning(value)}" for key, value in values.items())


def _beginning(value: object) -> str:
    """Of a text of a million characters the first: to wrap all of them would hold the loop longer than the lease."""
    if isinstance(value, str) and len(value) > _CHARACTERS_SHOWN:
        return f"{value[:_CHARACTERS_SHOWN]}\u2026 ({len(value):,} characters in all)"
    if isinstance(value, list | tuple) and len(value) > _ITEMS_SHOWN:
        return f"{', '.join(map(str, value[:_ITEMS_SHOWN]))}\u2026 ({len(value):,} in all)"
    return str(value)


def _table(model: TasksModel, theme: Theme, name: str) -> QTableView:
    table = QTableView()
    table.setModel(model)
    table.setAccessibleName(name)
    prepare_table(table)
    table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
    for place, column in enumerate(model.columns):
        table.setColumnWidth(place, _WIDTHS[column])
        table.setItemDelegateForColumn(place, _delegate(column, theme))
    return table


def _delegate(column: Column, theme: Theme) -> CellDelegate:
    match column:
        case Column.STATE:
            return TaskStateDelegate(theme)
        case Column.CANCEL:
            return CancelDelegate(theme)
        case Column.WHEN | Column.DURATION | Column.REASON:
            return MutedDelegate(theme)
        case _:
            return CellDelegate(theme)


def _column(widget: QWidget) -> QVBoxLayout:
    column = QVBoxLayout(widget)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(8)
    return column
