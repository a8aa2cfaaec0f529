"""The runs of pipelines: each with its steps, what they gave, and what waits for what."""

from collections.abc import Iterable

from PySide6.QtCore import QItemSelectionModel, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHeaderView, QVBoxLayout, QWidget

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.tasks.view import TasksFace, TaskView
from aurora_desktop.ui import task_words
from aurora_desktop.ui.models.rows import ROW_ROLE
from aurora_desktop.ui.models.runs import RunRow, RunsModel, in_order
from aurora_desktop.ui.pages.work_section import WorkSection
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.transcripts import TranscriptReader
from aurora_desktop.ui.widgets.delegates import CellDelegate, MutedDelegate, NameDelegate, ShapeDelegate
from aurora_desktop.ui.widgets.empty import EmptyState
from aurora_desktop.ui.widgets.listing import LOW_PX, Listing
from aurora_desktop.ui.widgets.run_drawer import RunDrawer
from aurora_desktop.ui.widgets.tables import hide_what_does_not_fit, make_table

BY = "window"
MOST_RUNS = 200
"""Of the newest; `aurora task runs` lists all."""
_ROW_HEIGHT = 36
_PIPELINE, _PROMPT, _STATE, _STEP, _DOING, _AGE, _COST = range(7)
_WIDTHS = {_PIPELINE: 120, _PROMPT: 180, _STATE: 124, _STEP: 150, _DOING: 220, _AGE: 68, _COST: 70}
_GIVEN_UP_FIRST = (_COST, _AGE, _DOING, _STEP)
_NOTHING = "Name roles in order under tasks.pipelines in the settings, then choose the pipeline on Submit."


class RunsSection(WorkSection):
    """A table above the steps of the chosen run; `task_asked` leads to a task."""

    task_asked = Signal(str)

    def __init__(self, face: TasksFace, theme: Theme, tasks: Tasks) -> None:
        super().__init__()
        self._face, self._theme, self._tasks = face, theme, tasks
        self._shown: TaskView | None = None
        self.model = RunsModel(self)
        self.drawer = RunDrawer(theme)
        self.drawer.hide()
        self.reader = TranscriptReader(face, tasks, self)
        self._build_table()
        empty = EmptyState(theme, "page-agents", "No pipeline has run yet", _NOTHING)
        self._listing = Listing(self.table, self.drawer, empty, detail_height=340, detail_alone_below_px=LOW_PX)
        self._listing.split.setStretchFactor(0, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._listing, 1)
        self._connect()

    def show_work(self) -> None:
        """Read the runs and the tasks of their steps."""
        runs = self._face.runs()[:MOST_RUNS]
        self.model.show(in_order(runs, self._tasks_of(task_id for run in runs for task_id in run.task_ids)))
        self._listing.show_rows(are_there=bool(runs))
        self._show_details()

    def tick(self) -> None:
        """What lasts, and what came into the transcript: no event tells of each line."""
        self.model.tick()
        self.drawer.tick()
        if not self.drawer.isHidden():
            self.reader.read_on()

    def select(self, run_id: str) -> None:
        """Choose this run and open it."""
        for place, row in enumerate(self.model.rows()):
            if row.run.id == run_id:
                flags = QItemSelectionModel.SelectionFlag
                index = self.model.index(place, 0)
                self.table.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
                self.open_details()

    def selected(self) -> RunRow | None:
        """The chosen run."""
        rows = self.table.selectionModel().selectedRows()
        row = rows[0].data(ROW_ROLE) if rows else None
        return row if isinstance(row, RunRow) else None

    def open_details(self) -> None:
        """Show the chosen run in detail."""
        if self.selected():
            self.drawer.show()
            self._show_details()

    def focus_first(self) -> QWidget:
        return self.table

    def escape(self) -> None:
        """Close the details."""
        self._listing.close_detail()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        hide_what_does_not_fit(self.table, _WIDTHS, _GIVEN_UP_FIRST, self.width())

    def _build_table(self) -> None:
        muted, plain = MutedDelegate(self._theme), CellDelegate(self._theme)
        delegates: dict[int, CellDelegate] = {
            _PIPELINE: NameDelegate(self._theme), _PROMPT: plain, _STATE: ShapeDelegate(self._theme), _STEP: muted,
            _DOING: plain, _AGE: muted, _COST: plain,
        }  # fmt: skip
        name = "Runs of pipelines: what is at work, then the newest"
        self.table = make_table(self.model, name, _ROW_HEIGHT, _WIDTHS, delegates)
        header = self.table.horizontalHeader()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(_PROMPT, QHeaderView.ResizeMode.Stretch)

    def _connect(self) -> None:
        drawer = self.drawer
        self.table.selectionModel().selectionChanged.connect(self._show_details)
        self.table.clicked.connect(self.open_details)
        self.table.activated.connect(self.open_details)
        drawer.closed.connect(self._listing.close_detail)
        drawer.step_chosen.connect(self._show_step)
        drawer.task_asked.connect(self.task_asked)
        drawer.cancel_asked.connect(self._cancel)
        drawer.texts.follow(self.reader)
        self._theme.changed.connect(drawer.draw)

    def _tasks_of(self, task_ids: Iterable[str]) -> dict[str, TaskView]:
        """Those that are still in the queue or the history."""
        found = {}
        for task_id in task_ids:
            try:
                found[task_id] = self._face.view(task_id)
            except AuroraError:  # pruned
                continue
        return found

    def _show_details(self) -> None:
        if self.drawer.isHidden():
            return
        row = self.selected()
        if row is None:
            self.drawer.hide()
        elif row != self.drawer.row:
            self.drawer.show_run(row)

    def _show_step(self, task_id: str) -> None:
        """To read prompt and result of what stands there already would take its time."""
        task = self.drawer.chosen_task()
        self.reader.follow(task_id, task_words.agent_name(task.agent) if task is not None else "")
        if task is None or task == self._shown:
            return
        self._shown = task
        try:
            self.drawer.show_detail(self._face.task(task_id))
        except AuroraError:  # removed meanwhile
            return
        self.reader.read_on()

    def _cancel(self, run_id: str) -> None:
        async def do() -> None:
            try:
                await self._face.cancel_run(run_id, BY)
            finally:  # refused or not: it may have become another since the button was shown
                self.show_work()

        self._tasks.run(do())
