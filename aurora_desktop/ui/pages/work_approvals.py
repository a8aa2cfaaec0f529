"""What agents ask for: each question with all of it, and the answer, which is the operator's alone."""

from typing import cast

from PySide6.QtCore import QItemSelectionModel, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHeaderView, QStackedWidget, QVBoxLayout, QWidget

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.task_events import ApprovalDecision
from aurora_desktop.safety.view import Confirmation, ControlFace, ControlView
from aurora_desktop.tasks.view import ApprovalView, TasksFace, TaskView
from aurora_desktop.ui.confirming import Confirming
from aurora_desktop.ui.models.rows import ROW_ROLE
from aurora_desktop.ui.models.work import ApprovalsModel
from aurora_desktop.ui.pages.work_section import WorkSection
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.approval_card import ApprovalCard
from aurora_desktop.ui.widgets.delegates import CellDelegate, MutedDelegate, NameDelegate
from aurora_desktop.ui.widgets.empty import EmptyState
from aurora_desktop.ui.widgets.tables import fit_rows, make_table

BY = "window"
_ROW_HEIGHT, _ROWS_SHOWN = 36, 4
_LOW_PX = 340
_WIDTHS = {0: 130, 1: 150, 2: 320, 3: 96}
_NOTHING = "When an agent wants something that its permissions do not cover, it waits, and you are asked here."


class ApprovalsSection(WorkSection):
    """The questions, the oldest first; the chosen one in full below.

    A yes is a press held for a second that the guard vouches for, or the passphrase: the same that arms. `task_asked`
    leads to the task.
    """

    task_asked = Signal(str)

    def __init__(
        self, face: TasksFace, control: ControlFace, confirming: Confirming, theme: Theme, tasks: Tasks
    ) -> None:
        super().__init__()
        self._face, self._control, self._confirming, self._tasks = face, control, confirming, tasks
        self.model = ApprovalsModel(self)
        muted = MutedDelegate(theme)
        delegates = {0: NameDelegate(theme), 1: CellDelegate(theme), 2: muted, 3: muted}
        self.table = make_table(self.model, "Questions of agents, the oldest first", _ROW_HEIGHT, _WIDTHS, delegates)
        header = self.table.horizontalHeader()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.card = ApprovalCard(theme)
        self._lay_out(theme)
        self._connect()
        self.show_control(control.view())

    def show_work(self) -> None:
        """Read the questions; the first is chosen where none is."""
        asked = sorted(self._face.approvals(), key=lambda each: (each.asked_at, each.id))
        self.model.show(asked)
        self._stack.setCurrentWidget(self._some if asked else self._empty)
        self._show_table()
        fit_rows(self.table, _ROWS_SHOWN)
        if asked and not self.table.selectionModel().hasSelection():
            self.table.selectRow(0)
        self._show_chosen()

    def tick(self) -> None:
        self.model.tick()

    def show_control(self, view: ControlView) -> None:
        self.card.show_control(view)

    def select(self, approval_id: str) -> bool:
        """Choose this question; False when it is not asked any more."""
        self.show_work()
        for row, asked in enumerate(self.model.rows()):
            if asked.id == approval_id:
                flags = QItemSelectionModel.SelectionFlag
                index = self.model.index(row, 0)
                self.table.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
                return True
        return False

    def select_of_task(self, task_id: str) -> None:
        """Choose the question of this task."""
        self.show_work()
        for asked in self.model.rows():
            if asked.task_id == task_id:
                self.select(asked.id)
                return

    def focus_first(self) -> QWidget:
        """The table, or what is asked; never a button that answers."""
        return self.table if self.table.isVisibleTo(self) else self.card.detail

    def chosen(self) -> ApprovalView | None:
        rows = self.table.selectionModel().selectedRows()
        asked = rows[0].data(ROW_ROLE) if rows else None
        return asked if isinstance(asked, ApprovalView) else None

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_table()

    def _show_table(self) -> None:
        """Where there is little room the question itself comes first; the others follow it one by one."""
        self.table.setVisible(self.model.rowCount() > 1 and self.height() >= _LOW_PX)

    def _lay_out(self, theme: Theme) -> None:
        self._some = QWidget()
        column = QVBoxLayout(self._some)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self.table)
        column.addWidget(self.card, 1)
        self._empty = EmptyState(theme, "needs-you", "No agent waits for you", _NOTHING)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._some)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._stack)

    def _connect(self) -> None:
        card = self.card
        self.table.selectionModel().selectionChanged.connect(self._show_chosen)
        card.touched.connect(self._control.expect_press)
        card.allowed.connect(self._allow)
        card.passphrase_asked.connect(self._ask_passphrase)
        card.denied.connect(self._deny)
        card.task_asked.connect(self.task_asked)

    def _show_chosen(self) -> None:
        asked = self.chosen()
        if asked is not None and asked != self.card.asked:
            self.card.show_approval(asked, self._task_of(asked))

    def _task_of(self, asked: ApprovalView) -> TaskView | None:
        try:
            return self._face.view(asked.task_id)
        except AuroraError:  # removed: the question will be, too
            return None

    def _allow(self, approval_id: str, decision: str, confirmation: Confirmation) -> None:
        self._tasks.run(self._say_yes(approval_id, decision, confirmation), self.card.show_error)

    async def _say_yes(self, approval_id: str, decision: str, confirmation: Confirmation) -> None:
        """First it is proven that the operator said it; then it is told."""
        await self._control.confirm_answer(confirmation)
        await self._tell(approval_id, decision)

    def _ask_passphrase(self, approval_id: str, decision: str) -> None:
        async def work(confirmation: Confirmation) -> None:
            await self._say_yes(approval_id, decision, confirmation)

        self._confirming.ask_passphrase("Allow", work)

    def _deny(self, approval_id: str, reason: str) -> None:
        self._tasks.run(self._tell(approval_id, "deny", reason), self.card.show_error)

    async def _tell(self, approval_id: str, decision: str, message: str = "") -> None:
        try:
            await self._face.answer(approval_id, cast(ApprovalDecision, decision), BY, message)
        finally:
            self.show_work()
