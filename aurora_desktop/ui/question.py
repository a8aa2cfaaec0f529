"""The question of the mode `ask`: what an agent wants to do, and where. No is the answer unless yes is held."""

import asyncio

from PySide6.QtCore import QObject, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QColor, QImage, QImageReader, QPainter, QPen, QPixmap, QShowEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.input.sentences import escaped
from aurora_desktop.input.view import Question
from aurora_desktop.safety.view import Confirmation
from aurora_desktop.ui import control_words
from aurora_desktop.ui.context import UiContext
from aurora_desktop.ui.holding import HeldKeys, Hold
from aurora_desktop.ui.passphrase import PassphraseDialog
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.hold_button import HoldButton
from aurora_desktop.ui.widgets.pieces import Button, label

ANSWER_S = 30
PICTURE = QSize(420, 260)
_MARK_RADIUS = 14
_TEXT_SHOWN = 4000
_LINE_CHARACTERS = 50
_LINES_SHOWN = 5
_FIELD_FRAME_PX = 26


class Questions(QObject):
    """One dialog for each question that is open."""

    def __init__(self, context: UiContext, theme: Theme) -> None:
        super().__init__()
        self._context = context
        self._theme = theme
        self._tasks = Tasks(self._show_error)
        self.open: dict[str, QuestionDialog] = {}

    def ask(self, question: Question) -> None:
        """Show it in front of everything else."""
        self.withdraw(question.task_id)
        dialog = QuestionDialog(question, self._context, self._theme, self._tasks)
        self.open[question.task_id] = dialog
        dialog.answered.connect(self._answer)
        dialog.settled.connect(self.withdraw)
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()

    def withdraw(self, task_id: str) -> None:
        """Close without an answer."""
        dialog = self.open.pop(task_id, None)
        if dialog:
            dialog.dismiss()

    def close(self) -> None:
        """Close all."""
        self._tasks.cancel()
        for task_id in tuple(self.open):
            self.withdraw(task_id)
        self.deleteLater()

    def _answer(self, task_id: str, confirmation: Confirmation | None) -> None:
        if confirmation is None:
            self.withdraw(task_id)
        self._tasks.run(self._hand_over(task_id, confirmation))

    async def _hand_over(self, task_id: str, confirmation: Confirmation | None) -> None:
        """A yes that is not believed leaves the question open."""
        dialog = self.open.get(task_id)
        try:
            await self._context.answer_question(task_id, confirmation)
        except AuroraError as error:
            if dialog is None or task_id not in self.open:
                raise
            dialog.show_error(error)
        else:
            self.withdraw(task_id)

    def _show_error(self, error: AuroraError) -> None:
        for dialog in self.open.values():
            dialog.show_error(error)


class QuestionDialog(QDialog):
    """`answered` tells the task's id and the Confirmation, or None for no; `settled` that a passphrase was taken."""

    answered = Signal(str, object)
    settled = Signal(str)

    def __init__(self, question: Question, context: UiContext, theme: Theme, tasks: Tasks) -> None:
        super().__init__(None, Qt.WindowType.Dialog | Qt.WindowType.WindowStaysOnTopHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("May the agent do this?")
        self.setStyleSheet(theme.style_sheet())
        self.question = question
        self._context, self._theme, self._tasks = context, theme, tasks
        self._left_s = ANSWER_S
        self._dismissed = False
        self._build()
        self._lay_out()
        self._add_keys()
        self._second = QTimer(self, interval=1000)
        self._second.timeout.connect(self._count_down)
        self._second.start()
        if question.picture:
            tasks.run(self._load_picture())

    def dismiss(self) -> None:
        """Close without an answer."""
        self._dismissed = True
        self.close()

    def show_error(self, error: AuroraError) -> None:
        """Say why the yes was not taken."""
        self.error.setText(control_words.sentences(error.title, error.detail, error.hint))
        self.error.show()

    def reject(self) -> None:
        """Esc is a no."""
        self.answered.emit(self.question.task_id, None)

    def closeEvent(self, event: QCloseEvent) -> None:
        self._second.stop()
        if not self._dismissed:
            self._dismissed = True
            self.answered.emit(self.question.task_id, None)
        event.accept()  # QDialog would reject once more

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.no.ensurePolished()
        self.no.setMinimumWidth(self.no.sizeHint().width())  # "yes" is not to move under a finger that holds it
        self._keys.watch(self.windowHandle())
        self._context.control.expect_press()
        self.no.setFocus()

    def _build(self) -> None:
        view = self._context.control.view()
        by_passphrase = view.needs_passphrase
        self.sentence = label(self.question.sentence, "title", wrap=True)
        self.who = label(control_words.sentences(f"{control_words.agent_name(self.question.agent)} asks"), "muted")
        self.text = _text_field(self.question.text)
        self.picture = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.picture.setAccessibleName("Where on the screen")
        self.picture.setFixedHeight(PICTURE.height())  # kept free: nothing moves when the picture comes
        self.picture.setVisible(bool(self.question.picture))
        self.error = label("", "error", wrap=True)
        self.error.hide()
        self.no = Button(self._no_text(), "", self._theme, kind="primary")
        self.no.setDefault(True)
        self.no.clicked.connect(self.reject)
        words = "Yes\u2026" if by_passphrase else "Hold for yes"
        self.yes = HoldButton(words, self._theme, kind="", tip=f"Hold for one second ({control_words.YES_KEYS})")
        self.yes.by_passphrase = by_passphrase
        self.yes.touched.connect(self._context.control.expect_press)
        self.yes.confirmed.connect(self._say_yes)
        self.yes.clicked.connect(self._ask_passphrase)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 18)
        column.setSpacing(12)
        for each in (self.who, self.sentence, self.text, self.picture, self.error):
            column.addWidget(each)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        row.addWidget(self.yes)
        row.addWidget(self.no)
        column.addLayout(row)
        self.setMinimumWidth(PICTURE.width() + 48)

    def _add_keys(self) -> None:
        self._hold = Hold(self)
        self._hold.confirmed.connect(self._say_yes)
        self._hold.progressed.connect(self._show_hold)
        self._keys = HeldKeys((Qt.Key.Key_Y,), self)
        self._keys.touched.connect(self._context.control.expect_press)
        self._keys.pressed.connect(self._on_yes_key)
        self._keys.released.connect(self._hold.end)

    def _on_yes_key(self, key: Qt.Key, pressed_at: int) -> None:  # noqa: ARG002 - it is the only key
        if self.yes.by_passphrase:
            self._ask_passphrase()
        else:
            self._hold.begin(pressed_at, "key")

    def _show_hold(self, part: float) -> None:
        self.yes.set_text(f"Keep holding\u2026 {part:.0%}" if part > 0 else "Hold for yes")

    def _say_yes(self, confirmation: Confirmation) -> None:
        self.answered.emit(self.question.task_id, confirmation)

    def _ask_passphrase(self) -> None:
        if not self.yes.by_passphrase:
            return

        async def answer(passphrase: str) -> None:
            await self._context.answer_question(self.question.task_id, Confirmation(passphrase=passphrase))
            self.settled.emit(self.question.task_id)

        PassphraseDialog(self, self._theme, self._tasks, "Yes", answer).open()

    def _count_down(self) -> None:
        self._left_s -= 1
        self.no.set_text(self._no_text())
        if self._left_s < 0:  # by now the agent has closed the question, and said that nobody answered
            self._second.stop()
            self.reject()

    def _no_text(self) -> str:
        return f"No ({max(0, self._left_s)} s)"

    async def _load_picture(self) -> None:
        image = await asyncio.to_thread(_marked, self.question)
        if image.isNull():
            self.picture.setText("There is no picture of it")
        else:
            self.picture.setPixmap(QPixmap.fromImage(image))


def _text_field(text: str) -> QPlainTextEdit:
    """What would be typed, to be read and scrolled; the keyboard stays with the buttons."""
    field = QPlainTextEdit(_shown(text), readOnly=True)
    field.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    field.setAccessibleName("What would be typed")
    lines = min(sum(1 + len(line) // _LINE_CHARACTERS for line in field.toPlainText().split("\n")), _LINES_SHOWN)
    field.setFixedHeight(lines * field.fontMetrics().lineSpacing() + _FIELD_FRAME_PX)
    if not text:  # shown before it lies in the dialog, it would be a window for a moment
        field.hide()
    return field


def _shown(text: str) -> str:
    """Cut in the middle where it is very long; what cannot be seen is written out."""
    if len(text) <= _TEXT_SHOWN:
        return _in_lines(text)
    half = _TEXT_SHOWN // 2
    return f"{_in_lines(text[:half])}\n\u2026 {len(text):,} characters in all \u2026\n{_in_lines(text[-half:])}"


def _in_lines(text: str) -> str:
    return "\n".join(escaped(line) for line in text.split("\n"))


def _marked(question: Question) -> QImage:
    """The picture made small, with its places marked; null if it cannot be read. For a thread."""
    image = QImageReader(question.picture).read()
    if image.isNull():
        return image
    small = image.scaled(PICTURE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)
    small = small.convertToFormat(QImage.Format.Format_RGB32)
    painter = QPainter(small)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for x, y in question.places:
        across = (x - question.picture_left) * small.width() / image.width()
        down = (y - question.picture_top) * small.height() / image.height()
        _mark(painter, QPoint(round(across), round(down)))
    painter.end()
    return small


def _mark(painter: QPainter, place: QPoint) -> None:
    for colour, width in (("#1b1300", 6), ("#ffb000", 3)):
        painter.setPen(QPen(QColor(colour), width))
        painter.drawEllipse(place, _MARK_RADIUS, _MARK_RADIUS)
