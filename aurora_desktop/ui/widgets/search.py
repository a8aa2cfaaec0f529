"""The field above a table that narrows it down."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QLineEdit

from aurora_desktop.ui import icons
from aurora_desktop.ui.theme import Theme

_MOST_WIDTH = 360


class SearchField(QLineEdit):
    """A line with a magnifier; `name` says what it does."""

    def __init__(self, theme: Theme, name: str, placeholder: str) -> None:
        super().__init__(placeholderText=placeholder, clearButtonEnabled=True)
        self._theme = theme
        self.setAccessibleName(name)
        self.setToolTip(f"{name} (Ctrl+F)")
        self.setMaximumWidth(_MOST_WIDTH)
        self._magnifier = self.addAction(self._icon(), QLineEdit.ActionPosition.LeadingPosition)
        theme.changed.connect(self._colour)

    def take_cursor(self) -> None:
        """Put the cursor into it, ready to type another word."""
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.selectAll()

    def _icon(self) -> QIcon:
        return icons.icon("search", self._theme.tokens.muted)

    def _colour(self) -> None:
        self._magnifier.setIcon(self._icon())
