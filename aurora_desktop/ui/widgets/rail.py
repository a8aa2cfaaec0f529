"""The rail on the left of the window: the way between its pages."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QButtonGroup, QFrame, QLabel, QSizePolicy, QToolButton, QVBoxLayout

from aurora_desktop.ui import icons
from aurora_desktop.ui.theme import Theme

WIDTH = 92
_BADGE_INSET = 4
_MOST_COUNTED = 99


class Rail(QFrame):
    """One button for each page, and at its foot the switch of the supervision."""

    chosen = Signal(int)
    pause_asked = Signal(bool)

    def __init__(self, theme: Theme, pages: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        self.setObjectName("rail")
        self.setFixedWidth(WIDTH)
        self._theme = theme
        self._icons: dict[QToolButton, str] = {}
        self._group = QButtonGroup(self)
        self.buttons = [self._page_button(place, text, icon) for place, (text, icon) in enumerate(pages)]
        self._badges = [self._badge(button) for button in self.buttons]
        self.pause = self._button("Pa&use", "pause")
        self.pause.clicked.connect(lambda: self.pause_asked.emit(self.pause.property("pauses")))
        self._lay_out()
        self.show_paused(paused=False)
        theme.changed.connect(self._colour)

    def choose(self, place: int) -> None:
        """Mark this page as the one that is shown."""
        self.buttons[place].setChecked(True)
        self._colour()

    def show_paused(self, *, paused: bool) -> None:
        """Say what the switch does now."""
        if self.pause.property("pauses") == (not paused):
            return
        self.pause.setProperty("pauses", not paused)
        self.pause.setText("Res&ume" if paused else "Pa&use")
        tip = "Start and restart services again" if paused else "Go on watching, but start and restart nothing"
        self.pause.setAccessibleName("Resume supervision" if paused else "Pause supervision")
        self.pause.setToolTip(tip)
        self._icons[self.pause] = "start" if paused else "pause"
        self._colour()

    def show_badge(self, place: int, count: int, words: str) -> None:
        """A number at the corner of a page's button, with its meaning in words; 0 takes it away."""
        badge, button = self._badges[place], self.buttons[place]
        badge.setText(f"{count}" if count <= _MOST_COUNTED else f"{_MOST_COUNTED}+")
        badge.adjustSize()
        badge.move(button.width() - badge.width() - _BADGE_INSET, _BADGE_INSET)
        badge.setVisible(count > 0)
        name = button.text().replace("&", "")
        button.setAccessibleName(f"{name}: {words}" if count else name)
        button.setToolTip(f"{name} (Ctrl+{place + 1}){f': {words}' if count else ''}")

    def _badge(self, button: QToolButton) -> QLabel:
        badge = QLabel(button, alignment=Qt.AlignmentFlag.AlignCenter)
        badge.setProperty("role", "badge")
        badge.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        badge.hide()
        return badge

    def _page_button(self, place: int, text: str, icon: str) -> QToolButton:
        button = self._button(text, icon)
        button.setCheckable(True)
        button.setToolTip(f"{text.replace('&', '')} (Ctrl+{place + 1})")
        button.clicked.connect(lambda: self.chosen.emit(place))
        self._group.addButton(button)
        return button

    def _button(self, text: str, icon: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setProperty("kind", "rail")
        button.setAccessibleName(text.replace("&", ""))
        button.setIconSize(QSize(24, 24))
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._icons[button] = icon
        return button

    def _lay_out(self) -> None:
        mark = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        mark.setPixmap(icons.pixmap("aurora", 36, self.devicePixelRatioF()))
        mark.setAccessibleName("Aurora")
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 18, 8, 14)
        column.setSpacing(6)
        column.addWidget(mark)
        column.addSpacing(14)
        for button in self.buttons:
            column.addWidget(button)
        column.addStretch(1)
        column.addWidget(self.pause)

    def _colour(self) -> None:
        tokens = self._theme.tokens
        for button, name in self._icons.items():
            icon: QIcon = icons.icon(name, tokens.accent if button.isChecked() else tokens.muted)
            button.setIcon(icon)
