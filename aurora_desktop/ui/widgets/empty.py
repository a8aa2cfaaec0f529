"""What a page says while it has nothing to show."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from aurora_desktop.ui import icons
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.pieces import label

_IMAGE_SIZE = 64
_WIDTH = 420


class EmptyState(QWidget):
    """A picture, a heading, a sentence, and the button (or several) that helps, if one does."""

    def __init__(self, theme: Theme, icon: str, heading: str, sentence: str, button: QWidget | None = None) -> None:
        super().__init__()
        self._theme, self._icon = theme, icon
        self._image = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._image.setAccessibleName(heading)
        words = label(sentence, "muted", wrap=True)
        words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        words.setFixedWidth(_WIDTH)
        words.setMinimumHeight(words.heightForWidth(_WIDTH))
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addStretch(2)
        for each in (self._image, label(heading, "title"), words):
            column.addWidget(each, 0, Qt.AlignmentFlag.AlignHCenter)
        if button:
            column.addSpacing(6)
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        theme.changed.connect(self._draw)
        self._draw()

    def _draw(self) -> None:
        colour = self._theme.tokens.faint
        self._image.setPixmap(icons.pixmap(self._icon, _IMAGE_SIZE, self.devicePixelRatioF(), colour))
