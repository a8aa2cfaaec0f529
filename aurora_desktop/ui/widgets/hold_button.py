"""A button that is held for a second, and shows how much of it has passed."""

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QHideEvent,
    QIcon,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)

from aurora_desktop.ui.holding import Hold
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.pieces import ICON_SIZE, ON_ALARM, Button

_KEYS = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)
_RING_WIDTH = 3


class HoldButton(Button):
    """`confirmed` tells the Confirmation of a press held by mouse or key; never of a click by a program.

    `touched` tells that a press may follow: the guard is to watch before it comes. With `by_passphrase` it is a plain
    button, whose `clicked` counts.
    """

    confirmed = Signal(object)
    touched = Signal()

    def __init__(self, text: str, theme: Theme, *, kind: str = "primary", tip: str = "") -> None:
        super().__init__(text, "hold", theme, kind=kind, tip=tip)
        self.by_passphrase = False
        self.hold = Hold(self)
        self.hold.progressed.connect(self._on_progress)
        self.hold.confirmed.connect(self._confirm)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        if event.button() == Qt.MouseButton.LeftButton and not self.by_passphrase:
            self.hold.begin(event.timestamp(), "button")

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        if not self.rect().contains(event.position().toPoint()):
            self.hold.end()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        self.hold.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() not in _KEYS or self.by_passphrase:
            super().keyPressEvent(event)
        elif not event.isAutoRepeat():
            self.setDown(True)
            self.hold.begin(event.timestamp(), "key")

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() not in _KEYS or self.by_passphrase:
            super().keyReleaseEvent(event)
        elif not event.isAutoRepeat():
            self._let_go()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.touched.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.touched.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._let_go()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._let_go()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.EnabledChange and not self.isEnabled():
            self._let_go()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hold.is_held:
            self._paint_progress()

    def _paint_progress(self) -> None:
        """A bar along the lower edge."""
        painter = QPainter(self)
        bar = QRectF(4, self.height() - 5, (self.width() - 8) * self.hold.progress, 3)
        painter.fillRect(bar, QColor(self._colour_of_progress()))
        painter.end()

    def _ring(self) -> QIcon:
        """A ring in the place of the icon, filling from the top."""
        ratio = self.devicePixelRatioF()
        image = QPixmap(round(ICON_SIZE * ratio), round(ICON_SIZE * ratio))
        image.setDevicePixelRatio(ratio)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(self._colour_of_progress()), _RING_WIDTH))
        ring = QRectF(0, 0, ICON_SIZE, ICON_SIZE).adjusted(_RING_WIDTH, _RING_WIDTH, -_RING_WIDTH, -_RING_WIDTH)
        painter.drawArc(ring, 90 * 16, -round(360 * 16 * self.hold.progress))
        painter.end()
        return QIcon(image)

    def _colour_of_progress(self) -> str:
        tokens = self._theme.tokens
        return {"primary": tokens.on_accent, "alarm": ON_ALARM}.get(self._kind, tokens.accent)

    def _on_progress(self) -> None:
        if self.hold.is_held:
            self.setIcon(self._ring())
        else:
            self._colour()
        self.update()

    def _let_go(self) -> None:
        self.setDown(False)
        self.hold.end()

    def _confirm(self, confirmation: object) -> None:
        self.setDown(False)
        self.confirmed.emit(confirmation)
