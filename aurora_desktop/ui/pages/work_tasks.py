"""The tasks of agents as a table, and the chosen one in detail."""

from collections.abc import Coroutine
from typing import Any

from PySide6.QtCore import QItemSelectionModel, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QHeaderView, QVBoxLayout, QWidget

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.tasks.view import TasksFace, TaskView
from aurora_desktop.ui import task_words
from aurora_desktop.ui.models.rows import ROW_ROLE
from aurora_desktop.ui.models.work import FILTERS, PAGE, URGENT, Column, WorkTasksModel, in_order
from aurora_desktop.ui.pages.keys import ListingKeys
from aurora_desktop.ui.pages.work_section import WorkSection
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.transcripts import TranscriptReader
from aurora_desktop.ui.widgets.delegates import CellDelegate, MutedDelegate, NameDelegate, ShapeDelegate
from aurora_desktop.ui.widgets.empty import EmptyState
from aurora_desktop.ui.widgets.listing import LOW_PX, Listing
from aurora_desktop.ui.widgets.pieces import Button
from aurora_desktop.ui.widgets.search import SearchField
from aurora_desktop.ui.widgets.tables import hide_what_does_not_fit, make_table
from aurora_desktop.ui.widgets.task_drawer import TaskDrawer

DEBOUNCE_MS = 200
_ROW_HEIGHT = 36
_WIDTHS: dict[int, int] = {
    Column.TASK: 64, Column.PROMPT: 260, Column.STATE: 124, Column.DOING: 220, Column.AGENT: 104, Column.AGE: 68,
    Column.COST: 70, Column.TOKENS: 72, Column.WORKER: 100,
}  # fmt: skip
_GIVEN_UP_FIRST = (Column.TOKENS, Column.WORKER, Column.COST, Column.AGENT, Column.AGE, Column.DOING)
_EVERYTHING = 1_000_000
BY = "window"
_INVITATION = "Give an agent some work: it is done in the order of the queue, and shown here from its first word on."
_NO_MATCH = "Try fewer or other words, or another state."


class TasksSection(ListingKeys, WorkSection):
    """Asks the coordinator for what its buttons say; `new_asked` and `answer_asked` lead to other sections."""

    new_asked = Signal()
    answer_asked = Signal(str)

    def __init__(self, face: TasksFace, theme: Theme, tasks: Tasks) -> None:
        super().__init__()
        self._face, self._theme, self._tasks = face, theme, tasks
        self._limit = PAGE
        self._is_stale = False
        self.model = WorkTasksModel(self)
        self.reader = TranscriptReader(face, tasks, self)
        self.drawer = TaskDrawer(theme)
        self.drawer.hide()
        self._debounce = QTimer(self, singleShot=True, interval=DEBOUNCE_MS)
        self._build_toolbar()
        self._build_table()
        self._lay_out()
        self._connect()

    # --- what it shows ----------------------------------------------------------------------------------------

    def show_work(self) -> None:
        """Read the tasks; the whole history only while somebody looks for words."""
        self._is_stale = False
        text, statuses = self.filter.text(), FILTERS[self.state.currentText()]
        limit = _EVERYTHING if text.strip() else self._limit
        newest = self._face.tasks(limit=limit, statuses=statuses)
        urgent = [each for each in URGENT if not statuses or each in statuses]
        old_but_urgent = self._face.tasks(limit=PAGE, statuses=urgent) if urgent else ()
        found = in_order((*newest, *old_but_urgent), text)
        self.model.show_tasks(found, has_more=len(newest) >= limit)
        narrowed = bool(text.strip() or statuses)
        self._empty_words(narrowed=narrowed)
        self._listing.show_rows(are_there=bool(found))
        self._show_details()

    def work_changed(self) -> None:
        """At once where little is shown; of thousands of tasks no more than once a second."""
        if self.filter.text().strip() or self._limit > 2 * PAGE:
            self._is_stale = True
        else:
            self.show_work()

    def tick(self) -> None:
        """What lasts, and what came into the transcript: no event tells of each line."""
        if self._is_stale:
            self.show_work()
        self.model.tick()
        self.drawer.tick()
        self._read_on()

    def select(self, task_id: str) -> None:
        """Choose this task and open it, whatever narrows the table."""
        if self.model.row_of(task_id) < 0:
            self.filter.clear()
            self.state.setCurrentIndex(0)
            self.show_work()
        row = self.model.row_of(task_id)
        if row >= 0:
            index = self.model.index(row, 0)
            flags = QItemSelectionModel.SelectionFlag
            self.table.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
            self.table.scrollTo(index)
            self.open_details()

    def selected(self) -> TaskView | None:
        """The chosen task."""
        rows = self.table.selectionModel().selectedRows()
        task = rows[0].data(ROW_ROLE) if rows else None
        return task if isinstance(task, TaskView) else None

    def open_details(self) -> None:
        """Show the chosen task in detail."""
        if self.selected():
            self.drawer.show()
            self._show_details()
            QTimer.singleShot(0, self, lambda: self.table.scrollTo(self.table.currentIndex()))

    def focus_first(self) -> QWidget:
        """The table, or the button that begins."""
        return self.table if self.model.rowCount() else self.begin

    def show_all(self) -> None:
        super().show_all()
        self.state.setCurrentIndex(0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        hide_what_does_not_fit(self.table, _WIDTHS, _GIVEN_UP_FIRST, self.width())

    # --- how it is made ---------------------------------------------------------------------------------------

    def _build_toolbar(self) -> None:
        self.filter = SearchField(self._theme, "Filter tasks", "Filter by words, agent, folder or worker")
        self.state = QComboBox()
        self.state.setAccessibleName("State")
        self.state.addItems(list(FILTERS))
        self.new = Button("New tas&k", "add", self._theme, tip="Give an agent work (Ctrl+N)")
        self.begin = Button("New tas&k", "add", self._theme, kind="primary", tip="Give an agent work (Ctrl+N)")

    def _build_table(self) -> None:
        muted, plain = MutedDelegate(self._theme), CellDelegate(self._theme)
        delegates: dict[int, CellDelegate] = {
            Column.TASK: muted, Column.PROMPT: NameDelegate(self._theme), Column.STATE: ShapeDelegate(self._theme),
            Column.DOING: plain, Column.AGENT: muted, Column.AGE: muted, Column.COST: plain, Column.TOKENS: muted,
            Column.WORKER: muted,
        }  # fmt: skip
        name = "Tasks: what needs you first, then what is at work, then the newest"
        self.table = make_table(self.model, name, _ROW_HEIGHT, _WIDTHS, delegates)
        header = self.table.horizontalHeader()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(Column.PROMPT, QHeaderView.ResizeMode.Stretch)

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(self.filter, 2)
        tools.addWidget(self.state)
        tools.addStretch(1)
        tools.addWidget(self.new)
        self._nothing = EmptyState(self._theme, "page-agents", "No tasks yet", _INVITATION, self.begin)
        self._no_match = EmptyState(self._theme, "search", "No such task", _NO_MATCH)
        self._empty = QWidget()
        column = QVBoxLayout(self._empty)
        column.setContentsMargins(0, 0, 0, 0)
        for each in (self._nothing, self._no_match):
            column.addWidget(each)
        self._listing = Listing(
            self.table, self.drawer, self._empty, detail_height=320, detail_alone_below_px=LOW_PX
        )  # fmt: skip
        self._listing.split.setStretchFactor(0, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(12)
        whole.addLayout(tools)
        whole.addWidget(self._listing, 1)

    def _connect(self) -> None:
        self.filter.textChanged.connect(lambda: self._debounce.start())
        self.filter.returnPressed.connect(self._enter_table)
        self._debounce.timeout.connect(self.show_work)
        self.state.currentIndexChanged.connect(self.show_work)
        self.model.more_wanted.connect(self._read_more)
        for button in (self.new, self.begin):
            button.clicked.connect(self.new_asked)
        self.table.selectionModel().selectionChanged.connect(self._show_details)
        self.table.clicked.connect(self.open_details)
        self.table.activated.connect(self.open_details)
        self._connect_drawer()
        delete = QShortcut(QKeySequence(Qt.Key.Key_Delete), self.table)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self._cancel_selected)

    def _connect_drawer(self) -> None:
        drawer, face = self.drawer, self._face
        drawer.cancel_asked.connect(lambda task: self._act(face.cancel(task, BY)))
        drawer.retry_asked.connect(lambda task: self._act(face.retry(task, BY), begins=True))
        drawer.resume_asked.connect(lambda task: self._act(face.resume(task, BY), begins=True))
        drawer.thaw_asked.connect(lambda task: self._act(face.thaw(task)))
        drawer.answer_asked.connect(self.answer_asked)
        drawer.log_asked.connect(lambda path: QDesktopServices.openUrl(QUrl.fromLocalFile(path)))
        drawer.closed.connect(self._listing.close_detail)
        drawer.texts.follow(self.reader)
        self._theme.changed.connect(drawer.draw)

    # --- what it does -----------------------------------------------------------------------------------------

    def _act(self, work: Coroutine[Any, Any, object], *, begins: bool = False) -> None:
        async def do() -> None:
            try:
                await work
            finally:  # refused or not: it may have become another since the button was shown
                self.show_work()
            if begins:
                self.reader.begin_anew()

        self._tasks.run(do())

    def _cancel_selected(self) -> None:
        task = self.selected()
        if task is not None and task.finished_at is None:
            self._act(self._face.cancel(task.id, BY))

    def _enter_table(self) -> None:
        self._debounce.stop()
        self.show_work()
        self.table.setFocus()
        if not self.selected() and self.model.rowCount():
            self.table.selectRow(0)

    def _read_more(self) -> None:
        self._limit += PAGE
        QTimer.singleShot(0, self, self.show_work)  # not while the view asks

    def _read_on(self) -> None:
        if not self.drawer.isHidden():
            self.reader.read_on()

    def _empty_words(self, *, narrowed: bool) -> None:
        self._nothing.setVisible(not narrowed)
        self._no_match.setVisible(narrowed)

    def _show_details(self) -> None:
        task = self.selected()
        if self.drawer.isHidden():
            return
        if task is None:
            self.drawer.hide()
            return
        if task == self.drawer.task:  # to read prompt and result of what stands there already would take its time
            return
        try:
            detail = self._face.task(task.id)
        except AuroraError:  # removed meanwhile
            self.drawer.hide()
            return
        self.drawer.show_detail(detail)
        self.reader.follow(task.id, task_words.agent_name(task.agent))
        self._read_on()
