"""The form of a new task: who, what, where, and within which limits."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.tasks.task import TaskRequest
from aurora_desktop.tasks.view import TasksFace, TaskView
from aurora_desktop.ui import phrases, task_form
from aurora_desktop.ui.confirming import in_words
from aurora_desktop.ui.context import SettingsFace
from aurora_desktop.ui.pages.work_section import WorkSection
from aurora_desktop.ui.task_form import PERMISSIONS, RETRIES, Doer, Typed
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.fields import FieldRow
from aurora_desktop.ui.widgets.pieces import Button, card, label, restyle

_OPTIONS_WIDTH = 330
_NARROW_PX = 760
_WHAT = "What is to be done? It is sent as it is written here."
_HALF_DONE = "An agent may have done half of it by then: to do it twice can harm."
_ACTIONS = 'A list of actions, such as [{"action": "screenshot"}]'


class Prompt(QPlainTextEdit):
    """Leaves Ctrl+Enter, which a text field would take for itself, to the form."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore() if _submits(event) else super().keyPressEvent(event)


class SubmitSection(WorkSection):
    """What is wrong is told at its field, and nothing that was typed is lost by it. `submitted` tells the task's id."""

    submitted = Signal(str)

    def __init__(self, face: TasksFace, settings: SettingsFace, theme: Theme, tasks: Tasks) -> None:
        super().__init__()
        self._face, self._settings, self._theme, self._tasks = face, settings, theme, tasks
        self._doers: list[Doer] = []
        self._is_busy = False
        self._build()
        self._lay_out()
        self._connect()
        self.show_work()

    def show_work(self) -> None:
        """Offer who there is now, and say so where the chosen one cannot work."""
        offered = task_form.doers(self._settings.current().tasks)
        if offered != self._doers:
            self._offer(offered)
        self._show_doer()

    def focus_first(self) -> QWidget:
        """The prompt: it is what every task needs."""
        return self.prompt

    def submit(self) -> None:
        """Hand the task over."""
        if self._is_busy:
            return
        request, problems = task_form.request_of(self._typed())
        self._show_problems(problems)
        if request is not None:
            self._set_busy(busy=True)
            self._tasks.run(self._hand_over(request), self._refused)

    async def _hand_over(self, request: TaskRequest) -> None:
        task: TaskView = await self._face.submit(request)
        self._set_busy(busy=False)
        self.prompt.clear()
        self.submitted.emit(task.id)

    def _refused(self, error: AuroraError) -> None:
        self._set_busy(busy=False)
        self.error.setText(in_words(error))
        self.error_card.show()
        QTimer.singleShot(0, self, lambda: self._scroll.ensureWidgetVisible(self.error_card))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self.submit() if _submits(event) else super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < _NARROW_PX
        self._row.setDirection(QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight)
        self._options.setMaximumWidth(16_777_215 if narrow else _OPTIONS_WIDTH)
        self._options.setMinimumWidth(0 if narrow else _OPTIONS_WIDTH)

    def _build(self) -> None:
        self.doer = _combo("Who does it")
        self.doer.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.prompt = Prompt()
        self.prompt.setTabChangesFocus(True)
        self.prompt.setAccessibleName("Prompt")
        self.prompt.setMinimumHeight(150)
        self.cwd, self.timeout = _line("Folder", "The agent's folder"), _line("Time limit", "The agent's")
        self.max_usd, self.max_tokens = _line("Budget in USD", "No limit"), _line("Budget in tokens", "No limit")
        self.permissions, self.retry = _combo("Permissions", PERMISSIONS), _combo("When an attempt is lost", RETRIES)
        self.browse = Button("Bro&wse", "", self._theme, tip="Choose the folder")
        self.send = Button("Submit task", "send", self._theme, kind="primary", tip="Submit the task (Ctrl+Enter)")
        self.note = label("", "small", wrap=True)
        self.error = label("", wrap=True)
        self.error.setAccessibleName("Why the task was not taken")
        self.error_card = card("errorCard")
        QVBoxLayout(self.error_card).addWidget(self.error)
        self.error_card.hide()

    def _lay_out(self) -> None:
        self.rows = {
            "doer": FieldRow("Who does it", "", self.doer),
            "prompt": FieldRow("Prompt", "", self.prompt),
        }
        left = QVBoxLayout()
        left.setSpacing(10)
        left.addWidget(self.rows["doer"])
        left.addWidget(self.note)
        left.addWidget(self.rows["prompt"], 1)
        left.addWidget(self.error_card)
        self._options = self._options_card()
        inside = QWidget()
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, inside)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(16)
        self._row.addLayout(left, 1)
        self._row.addWidget(self._options)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(inside)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self._scroll, 1)
        foot = QHBoxLayout()  # below what scrolls: in a low window too the button is to be seen
        foot.addWidget(label("Ctrl+Enter submits", "small"), 1)
        foot.addWidget(self.send)
        column.addLayout(foot)

    def _options_card(self) -> QFrame:
        frame = card("taskOptions")
        frame.setAccessibleName("Where, and within which limits")
        folder = QWidget()
        beside = QHBoxLayout(folder)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.addWidget(self.cwd, 1)
        beside.addWidget(self.browse)
        folder.setFocusProxy(self.cwd)
        self.rows |= {
            "cwd": FieldRow("Folder", "It works here, and has no other folder to begin with.", folder),
            "timeout": FieldRow("Time limit, seconds", "", self.timeout),
            "max_usd": FieldRow("Budget, USD", "", self.max_usd),
            "max_tokens": FieldRow("Budget, tokens", "", self.max_tokens),
            "permissions": FieldRow("Without asking it may", "", self.permissions),
            "retry": FieldRow("If an attempt is lost", _HALF_DONE, self.retry),
        }
        grid = QGridLayout(frame)
        grid.setContentsMargins(16, 14, 16, 16)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(12)
        grid.addWidget(self.rows["cwd"], 0, 0, 1, 2)
        grid.addWidget(self.rows["permissions"], 1, 0, 1, 2)
        grid.addWidget(self.rows["retry"], 2, 0, 1, 2)
        grid.addWidget(self.rows["timeout"], 3, 0, 1, 2)
        grid.addWidget(self.rows["max_usd"], 4, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self.rows["max_tokens"], 4, 1, Qt.AlignmentFlag.AlignTop)
        grid.setRowStretch(5, 1)
        return frame

    def _connect(self) -> None:
        self.doer.currentIndexChanged.connect(self._show_doer)
        self.send.clicked.connect(self.submit)
        self.browse.clicked.connect(self._browse)
        self.prompt.textChanged.connect(self.error_card.hide)

    def _offer(self, offered: list[Doer]) -> None:
        before = self.doer.currentData()
        self._doers = offered
        self.doer.blockSignals(True)  # noqa: FBT003 - Qt's signature
        self.doer.clear()
        for place, doer in enumerate(offered):
            self.doer.addItem(doer.words, doer)
            if place and doer.kind != offered[place - 1].kind:
                self.doer.insertSeparator(self.doer.count() - 1)
        place = self.doer.findData(before) if before is not None else 0
        self.doer.setCurrentIndex(max(place, 0))
        self.doer.blockSignals(False)  # noqa: FBT003 - Qt's signature

    def _chosen(self) -> Doer:
        doer = self.doer.currentData()
        assert isinstance(doer, Doer)  # noqa: S101 - separators cannot be chosen, and there are always agents
        return doer

    def _show_doer(self) -> None:
        doer = self._chosen()
        why_not = task_form.cannot_now(doer, self._face.agents(), self._settings.current().tasks)
        self.note.setText(phrases.quoted(why_not))
        self.note.setVisible(bool(why_not))
        self.prompt.setPlaceholderText(_ACTIONS if doer.takes_actions else _WHAT)

    def _typed(self) -> Typed:
        return Typed(
            doer=self._chosen(), prompt=self.prompt.toPlainText(), cwd=self.cwd.text(), timeout=self.timeout.text(),
            max_usd=self.max_usd.text(), max_tokens=self.max_tokens.text(),
            permissions=str(self.permissions.currentData()), retry=str(self.retry.currentData()),
        )  # fmt: skip

    def _show_problems(self, problems: dict[str, str]) -> None:
        self.error_card.hide()
        fields: dict[str, QLineEdit | QPlainTextEdit] = {
            "prompt": self.prompt, "timeout": self.timeout, "max_usd": self.max_usd, "max_tokens": self.max_tokens,
        }  # fmt: skip
        for key, field in fields.items():
            self.rows[key].show_error(problems.get(key, ""))
            if bool(field.property("invalid")) != (key in problems):
                field.setProperty("invalid", key in problems)
                restyle(field)
        if problems:
            next(field for key, field in fields.items() if key in problems).setFocus()

    def _set_busy(self, *, busy: bool) -> None:
        self._is_busy = busy
        self.send.setEnabled(not busy)

    def _browse(self) -> None:
        dialog = QFileDialog(self, "Folder", self.cwd.text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.cwd.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


def _submits(event: QKeyEvent) -> bool:
    enters = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
    return enters and bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)


def _line(name: str, placeholder: str) -> QLineEdit:
    made = QLineEdit(placeholderText=placeholder)
    made.setAccessibleName(name)
    return made


def _combo(name: str, choices: dict[str, str] | None = None) -> QComboBox:
    made = QComboBox()
    made.setAccessibleName(name)
    for value, words in (choices or {}).items():
        made.addItem(words, value)
    return made
