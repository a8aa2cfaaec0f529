"""The strip on every page: who may use mouse and keyboard, for how long, and the way to end it."""

from PySide6.QtCore import QRectF, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent

from aurora_desktop.safety.view import ControlView
from aurora_desktop.ui import control_words, icons
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.tray import sentence_case
from aurora_desktop.ui.widgets.headline import Headline
from aurora_desktop.ui.widgets.pieces import Button, label

_ICON_SIZE = 26
_TOLD_MS = 4000
_NARROW_PX = 700


class Strip(Headline):
    """State, countdown, Extend, Disarm, and the big red Stop, which acts on the press."""

    stop_asked = Signal()
    disarm_asked = Signal()
    extend_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__("strip", "heading", _ICON_SIZE)
        self._theme = theme
        self._view = ControlView(state="closed")
        self._progress = 0.0
        self._told = ""
        self._build()
        parts = (self.left, self.extend, self.disarm, self.stop)
        self.lay_out(*parts, margins=(14, 8, 8, 8), spacing=10, between=1)
        self._forget = QTimer(self, singleShot=True, interval=_TOLD_MS)
        self._forget.timeout.connect(lambda: self._tell(""))
        theme.changed.connect(self._draw)

    def show_control(self, view: ControlView) -> None:
        """Show control as it is now."""
        self._view = view
        armed = view.state == "armed"
        self.sentence.setText(control_words.state_sentence(view))
        self._show_words()
        self.left.setText(control_words.countdown(view.remaining_s))
        for each in (self.left, self.extend, self.disarm):
            each.setVisible(armed)
        self.setAccessibleName(f"Control: {self.sentence.text()}")
        self._draw()

    def show_hold(self, part: float, words: str) -> None:
        """Show how much of a held key has passed; with nothing held, tell `words` for a moment if they are a reason."""
        self._progress = part
        if part > 0 or not words.startswith("Keep"):
            self._tell(words)
            self._forget.start()
        else:
            self._tell("")
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < _NARROW_PX
        self.extend.setText("" if narrow else "Extend")
        self.disarm.setText("" if narrow else "Disarm")

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._progress > 0:
            painter = QPainter(self)
            bar = QRectF(8, self.height() - 4, (self.width() - 16) * self._progress, 4)
            painter.fillRect(bar, QColor(self._theme.tokens.accent))
            painter.end()

    def _build(self) -> None:
        theme = self._theme
        self.left = label("", "countdown")
        self.left.setAccessibleName("Time left")
        self.left.setToolTip("Control is disarmed by itself when this is over")
        self.extend = Button("Extend", "extend", theme, kind="quiet", tip="Begin the time anew (Ctrl+Shift+E)")
        self.disarm = Button("Disarm", "disarm", theme, tip="Take control back (Ctrl+Shift+D)")
        self.stop = Button(f"Stop  {control_words.STOP_KEYS}", "", theme, kind="stop")
        self.stop.setAccessibleName("Stop everything")
        self.stop.setToolTip(f"Emergency stop: everything, at once ({control_words.STOP_KEYS})")
        self.stop.pressed.connect(self.stop_asked)
        self.extend.clicked.connect(self.extend_asked)
        self.disarm.clicked.connect(self.disarm_asked)

    def _tell(self, words: str) -> None:
        self._told = words
        self._show_words()

    def _show_words(self) -> None:
        self.show_words(self._told or sentence_case(control_words.next_step(self._view)))
        self.setAccessibleDescription(self.words.text())

    def _draw(self) -> None:
        tone = control_words.state_tone(self._view)
        colour, name = self._theme.tokens.tone(tone), control_words.state_icon(self._view)
        image = icons.pixmap(name, _ICON_SIZE, self.devicePixelRatioF(), colour)
        self.show_image(image, self._view.state, tone)
