"""What takes the banner's place after an emergency stop: who stopped, when, and how to go on."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout

from aurora_desktop.safety.view import ControlView
from aurora_desktop.ui import control_words, icons, phrases
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.hold_button import HoldButton
from aurora_desktop.ui.widgets.pieces import label, let_go_of_focus

RED = "#a8130a"
_STRIPE = "#7d0d06"
_STRIPE_PX = 10
_ICON_SIZE = 52
_NARROW_PX = 760
_NAMES_SHOWN = 6
_TAKEN = "Agents have lost mouse and keyboard. What they held down is released, their queue is empty."


class EmergencyBanner(QFrame):
    """Red with stripes in both themes, an octagon, and the words."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("emergency")
        self._image = QLabel()
        self._image.setPixmap(icons.pixmap("emergency", _ICON_SIZE, self.devicePixelRatioF()))
        self._image.setAccessibleName("emergency")
        self.sentence = label("", "alarmTitle", wrap=True)
        self.taken = label(_TAKEN, "alarm", wrap=True)
        self.frozen_words = label("", "alarm", wrap=True)
        self.way = label("", "alarm", wrap=True)
        self.reset = HoldButton("Hold to reset", theme, kind="alarm", tip="Clear the latch; nothing is resumed by it")
        self._lay_out()
        self.hide()

    def show_control(self, view: ControlView) -> None:
        """Show the stop, while there is one."""
        shown = control_words.is_emergency(view)
        if not shown:
            let_go_of_focus(self)
        self.setVisible(shown)
        self.sentence.setText(control_words.stopped_sentence(view))
        self.frozen_words.setText(_frozen(view.frozen))
        self.frozen_words.setVisible(bool(view.frozen))
        self.reset.by_passphrase = view.needs_passphrase
        self.reset.set_text("Reset\u2026" if view.needs_passphrase else "Hold to reset")
        way = control_words.way_to("reset", control_words.RESET_KEYS, view)
        self.way.setText(f"To go on: {way[:1].lower()}{way[1:]}, or use the button. A reset resumes nothing.")
        self.setAccessibleName(self.sentence.text())
        self.setAccessibleDescription(self.way.text())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < _NARROW_PX
        self._image.setVisible(not narrow)
        self.taken.setVisible(not narrow)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(self.rect()), 8, 8)
        painter.setClipPath(shape)
        painter.fillRect(self.rect(), QColor(RED))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(_STRIPE))
        for left in range(-2 * _STRIPE_PX, self.width(), 4 * _STRIPE_PX):
            for top in (0, self.height() - _STRIPE_PX):
                painter.drawPolygon(_stripe(left, top))
        painter.end()

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(4)
        for each in (self.sentence, self.taken, self.frozen_words, self.way):
            words.addWidget(each)
        row = QHBoxLayout(self)
        row.setContentsMargins(18, 22, 16, 22)
        row.setSpacing(16)
        row.addWidget(self._image, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        row.addWidget(self.reset, 0, Qt.AlignmentFlag.AlignVCenter)


def _frozen(names: tuple[str, ...]) -> str:
    if not names:
        return ""
    shown = ", ".join(map(phrases.service_name, names[:_NAMES_SHOWN]))
    more = len(names) - _NAMES_SHOWN
    return f"Frozen: {shown}{f' and {more} more' if more > 0 else ''}. You can let them go on after the reset."


def _stripe(left: int, top: int) -> QPolygonF:
    lean, wide = _STRIPE_PX, 2 * _STRIPE_PX
    return QPolygonF(
        [
            QPointF(left + lean, top), QPointF(left + lean + wide, top),
            QPointF(left + wide, top + lean), QPointF(left, top + lean),
        ]
    )  # fmt: skip
