"""The drawer below the tasks: one in detail, what its agent does live, and what can be done about it."""

import time

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QScrollArea, QStackedWidget, QVBoxLayout

from aurora_desktop.tasks.view import TaskDetail, TaskView
from aurora_desktop.ui import icons, phrases, task_words
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.pieces import Button, ElidedLabel, Facts, fixed_font_family, label
from aurora_desktop.ui.widgets.sections import Sections
from aurora_desktop.ui.widgets.transcript import TranscriptView

_ICON_SIZE = 20
_FACTS_WIDTH, _NARROW_FACTS_WIDTH = 290, 200
_NARROW = 760
_FACTS = (
    "What next", "Doing", "Outcome", "Error", "Agent", "Folder", "Worker", "Attempts", "Cost", "Tokens", "Submitted",
    "Took", "Time limit", "Exit code", "Session", "Log file",
)  # fmt: skip
LIVE, PROMPT, RESULT = "Live", "Prompt", "Result"
_CHARACTERS_SHOWN = 100_000
_PART_OF_PIPELINE = "step {step} of round {round}"


def facts_of(detail: TaskDetail, now: float) -> dict[str, str]:
    """What the drawer tells of a task, by label; empty where there is nothing to tell."""
    task = detail.view
    ended = task.finished_at is not None
    place = _PART_OF_PIPELINE.format(step=task.step + 1, round=task.round) if task.run_id else ""
    return {
        "What next": phrases.quoted(task.hint),
        "Doing": "" if ended else task_words.doing(task, now),
        "Outcome": task_words.doing(task, now) if ended else "",
        "Error": phrases.quoted(detail.error),
        "Agent": f"{task_words.who(task)}, {place}" if place else task_words.who(task),
        "Folder": task.cwd,
        "Worker": task.worker,
        "Attempts": f"{task.attempt} of {task.max_attempts}" if task.max_attempts else str(task.attempt or ""),
        "Cost": _told(phrases.cost(task.usage.cost_usd)),
        "Tokens": f"{task.usage.input_tokens:,} in, {task.usage.output_tokens:,} out" if task.usage.tokens else "",
        "Submitted": phrases.moment(task.created_at, now),
        "Took": task_words.took(task),
        "Time limit": phrases.duration(task.timeout_s) if task.timeout_s else "",
        "Exit code": "" if detail.exit_code is None else str(detail.exit_code),
        "Session": detail.session_id or "",
        "Log file": detail.log_path,
    }


def _told(words: str) -> str:
    return "" if words == phrases.NONE else words


def can_retry(task: TaskView) -> bool:
    """Whether it may be begun once more."""
    return task.finished_at is not None or task.status == "uncertain"


class TaskDrawer(QFrame):
    """Shows one task; asks for what its buttons say with the task's id."""

    cancel_asked = Signal(str)
    retry_asked = Signal(str)
    resume_asked = Signal(str)
    thaw_asked = Signal(str)
    log_asked = Signal(str)
    answer_asked = Signal(str)
    closed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("drawer")
        self.setProperty("card", True)  # noqa: FBT003 - the value of a property
        self.setAccessibleName("Task details")
        self._theme = theme
        self.task: TaskView | None = None
        self._log_path = ""
        self._build(theme)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(16, 12, 12, 12)
        rows.setSpacing(10)
        rows.addLayout(self._header())
        body = QHBoxLayout()
        body.setSpacing(20)
        body.addWidget(self._facts_side())
        body.addLayout(self._text_side(), 1)
        rows.addLayout(body, 1)

    @property
    def task_id(self) -> str:
        return self.task.id if self.task else ""

    def show_detail(self, detail: TaskDetail) -> None:
        """Show this task as it is now."""
        is_other = detail.view.id != self.task_id
        self.task, self._log_path = detail.view, detail.log_path
        self._title.setText(f"{task_words.title(self.task)}: {self.task.summary}")
        self._state.setText(task_words.status(self.task))
        self.draw()
        _put(self.prompt, detail.prompt)
        _put(self.result, detail.result or detail.error)
        if is_other:
            self.parts.setCurrentIndex(0)
        self.facts.show_facts(facts_of(detail, time.time()))
        self._enable(self.task)

    def tick(self) -> None:
        """A second has passed."""
        if self.task is not None and self.task.finished_at is None:
            self.facts.values["Doing"].setText(task_words.doing(self.task, time.time()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() <= _NARROW
        self._scroll.setFixedWidth(_NARROW_FACTS_WIDTH if narrow else _FACTS_WIDTH)

    def _build(self, theme: Theme) -> None:
        self._image = QLabel()
        self._image.setFixedSize(_ICON_SIZE, _ICON_SIZE)
        self._title = ElidedLabel("", "title")
        self._state = label("")
        self.answer = Button("Ans&wer", "needs-you", theme, kind="primary", tip="Read what it asks for, and answer")
        self.cancel = Button("&Cancel", "cancel", theme, tip="End the agent; the task is not done any more (Delete)")
        self.retry = Button("Ret&ry", "restart", theme, tip="Once more from the beginning")
        self.resume = Button("Go &on", "start", theme, tip="Go on in the agent's own session")
        self.log = Button("&Log", "open", theme, kind="quiet", tip="Open the log of this task")
        self.close_button = Button("Close details", "close", theme, kind="icon", tip="Close details (Esc)")
        self.latest = Button("L&atest", "latest", theme, kind="quiet", tip="Scroll along again")
        for button, signal in ((self.cancel, self.cancel_asked), (self.retry, self.retry_asked)):
            button.clicked.connect(lambda _=False, signal=signal: signal.emit(self.task_id))
        self.resume.clicked.connect(self._go_on)
        self.answer.clicked.connect(lambda: self.answer_asked.emit(self.task_id))
        self.log.clicked.connect(lambda: self.log_asked.emit(self._log_path))
        self.close_button.clicked.connect(self.closed)

    def _header(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._image)
        row.addWidget(self._title, 1)
        row.addWidget(self._state)
        row.addSpacing(6)
        for button in (self.answer, self.resume, self.retry, self.cancel, self.log, self.close_button):
            row.addWidget(button)
        return row

    def _facts_side(self) -> QScrollArea:
        self.facts = Facts(_FACTS, wrap=True)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setFixedWidth(_FACTS_WIDTH)
        self._scroll.setWidget(self.facts)
        return self._scroll

    def _text_side(self) -> QVBoxLayout:
        self.transcript = TranscriptView(self._theme, "What the agent does")
        self.transcript.setPlaceholderText("Nothing was said yet")
        self.prompt, self.result = _text("Prompt"), _text("Result")
        self.result.setPlaceholderText("There is no result yet")
        self.parts = Sections("What to show of the task", (LIVE, PROMPT, RESULT))
        self._texts = QStackedWidget()
        for each in (self.transcript, self.prompt, self.result):
            self._texts.addWidget(each)
        self.parts.currentChanged.connect(self._texts.setCurrentIndex)
        self.parts.currentChanged.connect(self._show_latest)
        self.transcript.following_changed.connect(self._show_latest)
        self.latest.clicked.connect(self.transcript.jump_to_latest)
        self.latest.hide()
        head = QHBoxLayout()
        head.addWidget(self.parts)
        head.addStretch(1)
        head.addWidget(self.latest, 0, Qt.AlignmentFlag.AlignRight)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self._texts, 1)
        return column

    def _show_latest(self) -> None:
        self.latest.setVisible(self.parts.currentIndex() == 0 and not self.transcript.is_following)

    def _go_on(self) -> None:
        if self.task is not None:
            (self.thaw_asked if self.task.frozen else self.resume_asked).emit(self.task.id)

    def _enable(self, task: TaskView) -> None:
        self.answer.setVisible(task.status == "waiting_approval")
        self.cancel.setVisible(task.finished_at is None)
        self.retry.setVisible(can_retry(task))
        self.resume.setVisible(task.can_resume or task.frozen)
        self.resume.set_text("Let it go &on" if task.frozen else "Go &on")
        self.log.setVisible(bool(self._log_path))

    def draw(self) -> None:
        """Show the state in the colours in force."""
        if self.task is None:
            return
        name, tone = task_words.look(self.task)
        tokens = self._theme.tokens
        self._state.setStyleSheet(f"color: {tokens.tone(tone)}; font-weight: 600;")
        picture = icons.pixmap(name, _ICON_SIZE, self.devicePixelRatioF(), tokens.tone(tone), tokens.surface)
        self._image.setPixmap(picture)


def _text(name: str) -> QPlainTextEdit:
    made = QPlainTextEdit(readOnly=True)
    made.setAccessibleName(name)
    made.setFont(QFont(fixed_font_family(), 9))
    return made


def _put(field: QPlainTextEdit, text: str) -> None:
    """Only what differs: the reader's place is kept."""
    shown = text
    if len(text) > _CHARACTERS_SHOWN:
        shown = f"{text[:_CHARACTERS_SHOWN]}\n\u2026 ({len(text):,} characters in all: the log has the rest)"
    if field.toPlainText() != shown:
        field.setPlainText(shown)
