"""One question of an agent: all that it wants, for which task, and the three answers."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.input.sentences import escaped
from aurora_desktop.safety.view import Confirmation, ControlView
from aurora_desktop.tasks.view import ApprovalView, TaskView
from aurora_desktop.ui import icons, task_words
from aurora_desktop.ui.confirming import in_words
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.deliberate import DeliberateButton, Stillness
from aurora_desktop.ui.widgets.hold_button import HoldButton
from aurora_desktop.ui.widgets.pieces import Button, Facts, fixed_font_family, label, restyle

_ICON_SIZE = 22
_NARROW_PX = 600
_FACTS = ("Why", "Task", "Folder", "Agent")
_HELD = "Held for one second, by your own hand: a program's press does not count"
ONCE, FOR_TASK = "Hold to allow once", "Hold to allow for the task"
_BY_PASSPHRASE = {ONCE: "Allow once\u2026", FOR_TASK: "Allow for the task\u2026"}


class ApprovalCard(QFrame):
    """`allowed` tells id, decision (`once`, `task`) and Confirmation; `denied` id and reason; `touched`: a press comes.

    Its buttons rest for a moment whenever what stands here is another question than before.
    """

    allowed = Signal(str, str, object)
    passphrase_asked = Signal(str, str)
    denied = Signal(str, str)
    task_asked = Signal(str)
    touched = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("approval")
        self.setProperty("card", True)  # noqa: FBT003 - the value of a property
        self._theme = theme
        self.asked: ApprovalView | None = None
        self._build()
        self._lay_out()
        theme.changed.connect(self._draw)

    @property
    def approval_id(self) -> str:
        return self.asked.id if self.asked else ""

    def show_approval(self, asked: ApprovalView, task: TaskView | None) -> None:
        """Show this question."""
        is_other = self.asked is None or asked.id != self.asked.id
        self.asked = asked
        self.title.setText(task_words.question(asked))
        self.summary.setText(escaped(asked.summary))
        self.detail.setPlainText("\n".join(escaped(line) for line in (asked.detail or asked.summary).split("\n")))
        self._show_facts(asked, task)
        self.setAccessibleName(self.title.text())
        self.setAccessibleDescription(self.summary.text())
        self.for_task.setVisible(asked.kind == "tool")
        self.error.hide()
        if is_other:
            self.reason.clear()
        self.settle()  # the words under the pointer are others: so is what a press would mean

    def settle(self) -> None:
        """Let no button be pressed for a moment, and end a hold that is under way."""
        for still in self._still:
            still.settle()
        self.deny.settle()

    def show_control(self, view: ControlView) -> None:
        """Where a press proves nothing the passphrase is asked for."""
        for button, words in ((self.once, ONCE), (self.for_task, FOR_TASK)):
            button.by_passphrase = view.needs_passphrase
            button.set_text(_BY_PASSPHRASE[words] if view.needs_passphrase else words)
            button.setToolTip("" if view.needs_passphrase else _HELD)

    def show_error(self, error: AuroraError) -> None:
        """Say why the answer was not taken."""
        self.error.setText(in_words(error))
        self.error.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < _NARROW_PX
        self._answers.setDirection(QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight)

    def _build(self) -> None:
        theme = self._theme
        self._image = QLabel()
        self._image.setFixedSize(_ICON_SIZE, _ICON_SIZE)
        self._image.setAccessibleName("Waits for you")
        self.title, self.summary = label("", "title", wrap=True), label("", wrap=True)
        self.detail = QPlainTextEdit(readOnly=True)
        self.detail.setObjectName("asked")
        self.detail.setAccessibleName("Exactly this")
        self.detail.setFont(QFont(fixed_font_family(), 10))
        self.detail.setTabChangesFocus(True)
        self.detail.setMinimumHeight(84)
        self.facts = Facts(_FACTS, wrap=True)
        self.error = label("", "error", wrap=True)
        self.error.hide()
        self.show_task = Button("Sho&w the task", "", theme, kind="quiet", tip="What it did so far")
        self.show_task.clicked.connect(self._show_task)
        self.reason = QLineEdit(placeholderText="Why not? The agent is told")
        self.reason.setMinimumWidth(90)
        self.reason.setAccessibleName("Why not")
        self.reason.returnPressed.connect(self._deny)
        self.deny = DeliberateButton("Den&y", "cancel", theme, tip="It goes on without this")
        self.deny.clicked.connect(self._deny)
        self.for_task = self._allow(FOR_TASK, "task", "")
        self.once = self._allow(ONCE, "once", "primary")
        self._still = [Stillness(button) for button in (self.once, self.for_task)]
        self.show_control(ControlView(state="closed"))
        self._draw()

    def _allow(self, words: str, decision: str, kind: str) -> HoldButton:
        button = HoldButton(words, self._theme, kind=kind, tip=_HELD)
        button.touched.connect(self.touched)
        button.confirmed.connect(lambda confirmation: self._say_yes(decision, confirmation))
        button.clicked.connect(lambda: self._ask_passphrase(button, decision))
        return button

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self._image, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self.title, 1)
        head.addWidget(self.show_task, 0, Qt.AlignmentFlag.AlignTop)
        no = QHBoxLayout()
        no.setSpacing(8)
        no.addWidget(self.deny)
        no.addWidget(self.reason, 1)
        yes = QHBoxLayout()
        yes.setSpacing(8)
        yes.addStretch(1)
        yes.addWidget(self.for_task)
        yes.addWidget(self.once)
        self._answers = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._answers.setSpacing(10)
        self._answers.addLayout(no, 1)
        self._answers.addLayout(yes)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addLayout(head)
        column.addWidget(self._asked_part(), 1)
        column.addWidget(self.error)
        column.addLayout(self._answers)

    def _asked_part(self) -> QScrollArea:
        """Scrolls where the window is low: the answers are always to be seen."""
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.summary)
        column.addWidget(self.detail, 1)
        column.addWidget(self.facts)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setMinimumHeight(60)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inside)
        return area

    def _show_facts(self, asked: ApprovalView, task: TaskView | None) -> None:
        words = f"{task_words.title(task)}: {task.summary}" if task else asked.task_id
        facts = {"Why": asked.reason, "Task": words, "Folder": asked.cwd, "Agent": asked.agent}
        self.facts.show_facts({key: escaped(value) for key, value in facts.items()})

    def _say_yes(self, decision: str, confirmation: Confirmation) -> None:
        if self.asked is not None:
            self.error.hide()
            self.allowed.emit(self.asked.id, decision, confirmation)

    def _ask_passphrase(self, button: HoldButton, decision: str) -> None:
        if button.by_passphrase and self.asked is not None:
            self.passphrase_asked.emit(self.asked.id, decision)

    def _show_task(self) -> None:
        if self.asked is not None:
            self.task_asked.emit(self.asked.task_id)

    def _deny(self) -> None:
        if self.asked is not None and self.deny.isEnabled():
            self.denied.emit(self.asked.id, self.reason.text().strip())

    def _draw(self) -> None:
        tokens = self._theme.tokens
        self._image.setPixmap(
            icons.pixmap("needs-you", _ICON_SIZE, self.devicePixelRatioF(), tokens.warn, tokens.surface)
        )
        restyle(self)
