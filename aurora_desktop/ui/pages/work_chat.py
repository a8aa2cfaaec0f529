"""The chat: words to an agent, and the few commands that Aurora understands itself."""

import time

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from aurora_desktop.tasks.view import TasksFace
from aurora_desktop.tasks.words import COMMANDS
from aurora_desktop.ui import task_words
from aurora_desktop.ui.context import UiContext
from aurora_desktop.ui.conversation import Conversation
from aurora_desktop.ui.pages.work_section import WorkSection
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.pieces import Button, ElidedLabel
from aurora_desktop.ui.widgets.transcript import TranscriptView
from aurora_desktop.ui.work_feed import WorkFeed

_LINES = 3
_INVITATION = "Say what you want from the agent. Aurora itself understands: {commands}."


class Words(QPlainTextEdit):
    """A few lines to write in; Enter sends, Shift+Enter begins another line, and Up recalls what was sent last."""

    sent = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Your words")
        self.setPlaceholderText("Words to the agent, or a command. Enter sends, Shift+Enter begins a new line")
        self.setTabChangesFocus(True)
        self.setFixedHeight(self.fontMetrics().lineSpacing() * _LINES + 22)
        self._last = ""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enters = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enters and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.send()
        elif event.key() == Qt.Key.Key_Up and not self.toPlainText() and self._last:
            self.setPlainText(self._last)
        else:
            super().keyPressEvent(event)

    def send(self) -> None:
        """Hand over what is written."""
        text = self.toPlainText().strip()
        if text:
            self._last = text
            self.clear()
            self.sent.emit(text)


class ChatSection(WorkSection):
    """Shows the conversation, and sends what is typed to it."""

    def __init__(self, context: UiContext, feed: WorkFeed, face: TasksFace, theme: Theme, tasks: Tasks) -> None:
        super().__init__()
        self._face, self._theme = face, theme
        self._names: tuple[str, ...] = ()
        self.conversation = Conversation(context, face, tasks, self)
        feed.finished.connect(self.conversation.look_if_its)
        self.view = TranscriptView(theme, "Conversation")
        said = ", ".join(f"\u201c{what}\u201d" for what, _ in COMMANDS)
        self.view.setPlaceholderText(_INVITATION.format(commands=said))
        self.words = Words()
        self.agent = QComboBox()
        self.agent.setAccessibleName("Agent")
        self.state = ElidedLabel("", "muted")
        self.anew = Button("New session", "", theme, kind="quiet", tip="Let the next words begin another session")
        self.send = Button("Send", "send", theme, kind="primary", tip="Send (Enter)")
        self._lay_out()
        self._connect()

    def show_work(self) -> None:
        """Offer the agents that there are, and read what came."""
        names = tuple(agent.name for agent in self._face.agents() if agent.kind != "input")
        if names != self._names:
            before = self.agent.currentText()
            self._names = names
            self.agent.clear()
            self.agent.addItems(list(names))
            self.agent.setCurrentIndex(max(self.agent.findText(before), 0))
        self._look()

    def tick(self) -> None:
        self._look()

    def focus_first(self) -> QWidget:
        return self.words

    def escape(self) -> None:
        """Forget what is being written."""
        self.words.clear()
        self.words.setFocus()

    def _lay_out(self) -> None:
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.agent)
        below.addWidget(self.anew)
        below.addWidget(self.state, 1)
        below.addWidget(self.send)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.view, 1)
        column.addWidget(self.words)
        column.addLayout(below)

    def _connect(self) -> None:
        self.conversation.lines.connect(self.view.add_lines)
        self.conversation.busy_changed.connect(self._show_state)
        self.words.sent.connect(lambda text: self.conversation.hear(text, self.agent.currentText()))
        self.send.clicked.connect(self.words.send)
        self.anew.clicked.connect(lambda: self.conversation.begin_anew(self.agent.currentText()))
        self.anew.clicked.connect(lambda: self.state.setText("The next words begin a new session"))

    def _look(self) -> None:
        self.conversation.look()
        if self.conversation.is_busy:
            self._show_state()

    def _show_state(self) -> None:
        task = self.conversation.task
        if task is None or not self.conversation.is_busy:
            self.state.setText("")
            return
        words = task_words.doing(task, time.time()) or task_words.status(task)
        self.state.setText(f"{task_words.title(task)}: {words}")
