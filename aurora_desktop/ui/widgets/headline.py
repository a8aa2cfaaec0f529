"""The shape of what stands above every page: a picture, a sentence with smaller words below, and what can be done."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from aurora_desktop.ui.theme import Tone
from aurora_desktop.ui.widgets.pieces import ElidedLabel, restyle

_MOST_LINES = 4
_LOW_PX = 600
"""In a window that is lower, the page below needs the room more."""


class Headline(QFrame):
    """A row whose ground has the colour of its tone; the style sheet knows it by `name`."""

    def __init__(self, name: str, role: str, image_px: int) -> None:
        super().__init__()
        self.setObjectName(name)
        self._image = QLabel()
        self._image.setFixedSize(image_px, image_px)
        self.sentence = ElidedLabel("", role, lines=_MOST_LINES)
        self.words = ElidedLabel("", "muted")

    def fit(self, window_px: int) -> None:
        """For a window of this height."""
        self.sentence.set_lines(1 if window_px < _LOW_PX else _MOST_LINES)

    def lay_out(self, *parts: QWidget, margins: tuple[int, int, int, int], spacing: int, between: int) -> None:
        """With these parts at the right; `between`: the pixels from the sentence to the words below it."""
        column = QVBoxLayout()
        column.setSpacing(between)
        column.addWidget(self.sentence)
        column.addWidget(self.words)
        row = QHBoxLayout(self)
        row.setContentsMargins(*margins)
        row.setSpacing(spacing)
        row.addWidget(self._image)
        row.addLayout(column, 1)
        for part in parts:
            row.addWidget(part, 0, Qt.AlignmentFlag.AlignVCenter)

    def show_words(self, words: str) -> None:
        """Show the words below the sentence; without any they take no room."""
        self.words.setText(words)
        self.words.setVisible(bool(words))

    def show_image(self, image: QPixmap, name: str, tone: Tone) -> None:
        """Show this picture, and its tone on the ground."""
        self._image.setPixmap(image)
        self._image.setAccessibleName(name)
        if self.property("tone") != tone:
            self.setProperty("tone", tone)
            restyle(self)
