"""A short list of statements, each with a shape, a sentence, and smaller words below it."""

from collections.abc import Sequence

from msgspec import Struct
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from aurora_desktop.ui import icons
from aurora_desktop.ui.models.rows import Look
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.pieces import fixed_font_family, label

_ICON_SIZE = 16


class Line(Struct, frozen=True, kw_only=True):
    """One statement; `command` is set in the fixed-width font."""

    look: Look
    title: str
    words: str = ""
    command: str = ""


class Lines(QWidget):
    """Becomes other lines only when they differ; takes no room while there is none."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.lines: tuple[Line, ...] = ()
        self._rows: list[QWidget] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(10)
        theme.changed.connect(self._fill)

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Show these."""
        if tuple(lines) != self.lines:
            self.lines = tuple(lines)
            self._fill()
        self.setVisible(bool(lines))

    def _fill(self) -> None:
        for row in self._rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = [self._row(line) for line in self.lines]
        for row in self._rows:
            self._column.addWidget(row)

    def _row(self, line: Line) -> QWidget:
        row = QWidget()
        row.setAccessibleName(". ".join(part for part in (line.title, line.words, line.command) if part))
        text = QVBoxLayout()
        text.setSpacing(1)
        text.addWidget(label(line.title, wrap=True))
        if line.words:
            text.addWidget(label(line.words, "small", wrap=True))
        if line.command:
            command = label(line.command, wrap=True)
            command.setFont(QFont(fixed_font_family(), 9))
            text.addWidget(command)
        across = QHBoxLayout(row)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(8)
        across.addWidget(self._image(line), 0, Qt.AlignmentFlag.AlignTop)
        across.addLayout(text, 1)
        return row

    def _image(self, line: Line) -> QLabel:
        name, tone = line.look
        tokens = self._theme.tokens
        image = QLabel()
        image.setFixedSize(_ICON_SIZE, _ICON_SIZE + 2)
        picture = icons.pixmap(name, _ICON_SIZE, self.devicePixelRatioF(), tokens.tone(tone), tokens.surface)
        image.setPixmap(picture)
        return image
