"""The drawer below the runs of pipelines: the steps of one, and what there is to read of the chosen step."""

import time

from PySide6.QtCore import QItemSelectionModel, Signal
from PySide6.QtWidgets import QHeaderView, QVBoxLayout, QWidget

from aurora_desktop.tasks.view import TaskDetail, TaskView
from aurora_desktop.ui import phrases
from aurora_desktop.ui.models.rows import ROW_ROLE
from aurora_desktop.ui.models.runs import RunRow, StepRow, StepsModel, road, run_doing, run_look, run_status, steps_of
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.delegates import CellDelegate, NameDelegate, ShapeDelegate
from aurora_desktop.ui.widgets.detail import DetailDrawer
from aurora_desktop.ui.widgets.pieces import Button, ElidedLabel
from aurora_desktop.ui.widgets.tables import make_table
from aurora_desktop.ui.widgets.task_texts import LIVE, RESULT, TaskTexts

_ROW_HEIGHT = 32
_WIDTHS = {0: 130, 1: 150}
_LEAST_HEIGHT = 48


class RunDrawer(DetailDrawer):
    """Shows one run. `step_chosen`: a task to be read of, "" where the step has none yet."""

    cancel_asked = Signal(str)
    task_asked = Signal(str)
    step_chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Details of the run")
        self.row: RunRow | None = None
        self.steps = StepsModel(self)
        self.texts = TaskTexts(theme)
        self.cancel = Button("&Cancel run", "cancel", theme, tip="No further step is made, and this one is ended")
        self.open = Button("&Open task", "open", theme, kind="quiet", tip="Show the task of this step in full")
        self.road, self.doing = ElidedLabel("", "muted"), ElidedLabel("", "muted")
        self._read = ""
        self._build_table(theme)
        self.lay_out(self._side_of_steps(), self.texts, (self.open, self.cancel))
        self._connect()

    def show_run(self, row: RunRow) -> None:
        """Show this run as it is now; of another one the step that is of interest."""
        is_other = self.row is None or self.row.run.id != row.run.id
        was_last = self.row is not None and self._chosen() == self.row.tasks[-1:]
        self.row = row
        self._title.setText(f"{row.run.pipeline}: {row.run.summary}")
        self.road.setText(road(row.run))
        self.cancel.setVisible(row.run.status == "running")
        self.steps.show(steps_of(row))
        if is_other or (was_last and self._chosen() != row.tasks[-1:]):
            self._choose(len(row.tasks) - 1)
        self.draw()
        self._show_chosen()

    def show_detail(self, detail: TaskDetail) -> None:
        """What there is to read of the chosen step."""
        self.texts.show_detail(detail)

    def tick(self) -> None:
        """A second has passed."""
        if self.row is not None:
            self.doing.setText(phrases.quoted(run_doing(self.row, time.time())))

    def draw(self) -> None:
        """Show the state in the colours in force."""
        if self.row is not None:
            self.show_state(run_status(self.row), run_look(self.row))
            self.tick()

    def chosen_task(self) -> TaskView | None:
        """The task of the chosen step, where it has one."""
        chosen = self._chosen()
        return chosen[0] if chosen else None

    def _chosen(self) -> tuple[TaskView, ...]:
        rows = self.table.selectionModel().selectedRows()
        step = rows[0].data(ROW_ROLE) if rows else None
        return (step.task,) if isinstance(step, StepRow) and step.task is not None else ()

    def _choose(self, place: int) -> None:
        flags = QItemSelectionModel.SelectionFlag
        self.table.selectionModel().setCurrentIndex(self.steps.index(place, 0), flags.ClearAndSelect | flags.Rows)

    def _show_chosen(self) -> None:
        """The live part of one that is at work, the result of one that is done."""
        task = self.chosen_task()
        self.open.setEnabled(task is not None)
        task_id = task.id if task is not None else ""
        if task_id != self._read:
            self._read = task_id
            self.texts.forget()
            self.texts.go_to(RESULT if task is not None and task.status == "completed" else LIVE)
        self.step_chosen.emit(task_id)

    def _build_table(self, theme: Theme) -> None:
        delegates: dict[int, CellDelegate] = {0: NameDelegate(theme), 1: ShapeDelegate(theme)}
        self.table = make_table(self.steps, "Steps of the run", _ROW_HEIGHT, _WIDTHS, delegates)
        self.table.setMinimumHeight(_LEAST_HEIGHT)  # it scrolls by itself
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def _side_of_steps(self) -> QWidget:
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.road)
        column.addWidget(self.doing)
        column.addWidget(self.table, 1)
        return side

    def _connect(self) -> None:
        self.table.selectionModel().selectionChanged.connect(self._show_chosen)
        self.table.activated.connect(self._open)
        self.open.clicked.connect(self._open)
        self.cancel.clicked.connect(self._cancel)

    def _cancel(self) -> None:
        if self.row is not None:
            self.cancel_asked.emit(self.row.run.id)

    def _open(self) -> None:
        task = self.chosen_task()
        if task is not None:
            self.task_asked.emit(task.id)
