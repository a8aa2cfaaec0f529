"""What there is to read of a task: what its agent does, live; its prompt; its result."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QStackedWidget, QVBoxLayout

from aurora_desktop.tasks.view import TaskDetail
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.transcripts import TranscriptReader
from aurora_desktop.ui.widgets.pieces import Button, fixed_font_family
from aurora_desktop.ui.widgets.sections import Sections
from aurora_desktop.ui.widgets.transcript import TranscriptView

LIVE, PROMPT, RESULT = "Live", "Prompt", "Result"
_CHARACTERS_SHOWN = 100_000
_NOTHING_SAID = "Nothing was said yet"


class TaskTexts(QVBoxLayout):
    """One of the three at a time; `follow` has the live one filled by a reader."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.transcript = TranscriptView(theme, "What the agent does")
        self.transcript.setPlaceholderText(_NOTHING_SAID)
        self.prompt, self.result = _text("Prompt"), _text("Result")
        self.result.setPlaceholderText("There is no result yet")
        self.parts = Sections("What to show of the task", (LIVE, PROMPT, RESULT))
        self.latest = Button("L&atest", "latest", theme, kind="quiet", tip="Scroll along again")
        self.latest.hide()
        self._texts = QStackedWidget()
        for each in (self.transcript, self.prompt, self.result):
            self._texts.addWidget(each)
        head = QHBoxLayout()
        head.addWidget(self.parts)
        head.addStretch(1)
        head.addWidget(self.latest, 0, Qt.AlignmentFlag.AlignRight)
        self.setSpacing(4)
        self.addLayout(head)
        self.addWidget(self._texts, 1)
        self._connect()

    def follow(self, reader: TranscriptReader) -> None:
        """Show what it reads."""
        reader.began.connect(self._begin)
        reader.lines.connect(self.transcript.add_lines)
        reader.failed.connect(self.transcript.setPlaceholderText)

    def forget(self) -> None:
        """Prompt and result of the one that was shown are not those of the next."""
        self.prompt.clear()
        self.result.clear()

    def show_detail(self, detail: TaskDetail) -> None:
        """Show prompt and result of this task."""
        _put(self.prompt, detail.prompt)
        _put(self.result, detail.result or detail.error)

    def go_to(self, part: str) -> None:
        """Show LIVE, PROMPT or RESULT."""
        self.parts.setCurrentIndex((LIVE, PROMPT, RESULT).index(part))

    def _begin(self) -> None:
        self.transcript.setPlaceholderText(_NOTHING_SAID)  # why another's could not be read is not true of this one
        self.transcript.clear_lines()

    def _connect(self) -> None:
        self.parts.currentChanged.connect(self._texts.setCurrentIndex)
        self.parts.currentChanged.connect(self._show_latest)
        self.transcript.following_changed.connect(self._show_latest)
        self.latest.clicked.connect(self.transcript.jump_to_latest)

    def _show_latest(self) -> None:
        self.latest.setVisible(self.parts.currentIndex() == 0 and not self.transcript.is_following)


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
