"""Services that the emergency stop froze, each with the button that lets it go on."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from aurora_desktop.ui import phrases
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.pieces import Button

_SHOWN = 3


class Frozen(QWidget):
    """A few by name, and all at once where there are more."""

    thaw_asked = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._names: tuple[str, ...] = ()
        self.buttons: list[Button] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self._row.addStretch(1)
        self.hide()

    def show_names(self, names: tuple[str, ...]) -> None:
        """Offer these."""
        if names == self._names:
            return
        self._names = names
        for button in self.buttons:
            self._row.removeWidget(button)
            button.deleteLater()
        self.buttons = [self._button(f"Let {phrases.service_name(name)} go on", (name,)) for name in names[:_SHOWN]]
        if len(names) > 1:
            self.buttons.append(self._button(f"Let all {len(names)} go on", names))
        for place, button in enumerate(self.buttons):
            self._row.insertWidget(place, button)
        self.setVisible(bool(names))

    def _button(self, text: str, names: tuple[str, ...]) -> Button:
        button = Button(text.replace("&", "&&"), "start", self._theme)
        button.clicked.connect(lambda: self.thaw_asked.emit(names))
        return button
