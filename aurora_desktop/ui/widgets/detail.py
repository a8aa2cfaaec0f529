"""The drawer below a table: what the chosen row is, in short facts on the left and in full on the right."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLayout, QScrollArea, QVBoxLayout, QWidget

from aurora_desktop.ui import icons
from aurora_desktop.ui.models.rows import Look
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.pieces import Button, ElidedLabel, label

_ICON_SIZE = 20
_NARROW = 760
SIDE_WIDTH, NARROW_SIDE_WIDTH = 300, 210


class DetailDrawer(QFrame):
    """A line with shape, title, state and buttons; below it `side` and `body`, which a subclass hands to `lay_out`."""

    closed = Signal()

    def __init__(self, theme: Theme, name: str, *, title: QLabel | None = None) -> None:
        super().__init__()
        self.setObjectName("drawer")
        self.setProperty("card", True)  # noqa: FBT003 - the value of a property
        self.setAccessibleName(name)
        self._theme = theme
        self._image = QLabel()
        self._image.setFixedSize(_ICON_SIZE, _ICON_SIZE)
        self._title = title or ElidedLabel("", "title")
        self._state = label("")
        self._buttons: list[Button] = []
        self._side = QScrollArea()
        self._side.setWidgetResizable(True)
        self._side.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._side.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._side.setFixedWidth(SIDE_WIDTH)
        self.close_button = Button("Close details", "close", theme, kind="icon", tip="Close details (Esc)")
        self.close_button.clicked.connect(self.closed)

    def lay_out(self, side: QWidget, body: QLayout, buttons: Sequence[QWidget], words: QWidget | None = None) -> None:
        """`words`: what stands between the state and the buttons, and takes the room instead of the title."""
        self._side.setWidget(side)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._image)
        head.addWidget(self._title, 0 if words else 1)
        head.addWidget(self._state)
        head.addSpacing(6)
        if words is not None:
            head.addWidget(words, 1)
        for button in (*buttons, self.close_button):
            head.addWidget(button)
        self._buttons = [button for button in buttons if isinstance(button, Button)]
        below = QHBoxLayout()
        below.setSpacing(20)
        below.addWidget(self._side)
        below.addLayout(body, 1)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(16, 12, 12, 12)
        rows.setSpacing(10)
        rows.addLayout(head)
        rows.addLayout(below, 1)

    def show_state(self, words: str, look: Look) -> None:
        """The state by word, shape and colour, in the colours in force."""
        name, tone = look
        tokens = self._theme.tokens
        self._state.setText(words)
        self._state.setStyleSheet(f"color: {tokens.tone(tone)}; font-weight: 600;")
        picture = icons.pixmap(name, _ICON_SIZE, self.devicePixelRatioF(), tokens.tone(tone), tokens.surface)
        self._image.setPixmap(picture)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_narrow = self.width() <= _NARROW
        self._side.setFixedWidth(NARROW_SIDE_WIDTH if is_narrow else SIDE_WIDTH)
        for button in self._buttons:
            button.has_room(not is_narrow)
