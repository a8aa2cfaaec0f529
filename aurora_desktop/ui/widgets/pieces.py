"""The small parts that pages are put together from: labels, buttons, cards."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QFontDatabase, QIcon, QPainter, QPaintEvent, QResizeEvent, QTextLayout
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QGridLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QWidget,
)

from aurora_desktop.ui import icons
from aurora_desktop.ui.theme import Theme

ICON_SIZE = 18
ON_ALARM = "#7d0d06"  # dark red on a white button


class ElidedLabel(QLabel):
    """A label of one line, or up to `lines`, that ends in an ellipsis where it has no room; the tooltip has it all."""

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None, *, lines: int = 1) -> None:
        super().__init__(parent)
        self._most_lines = lines
        self.setProperty("role", role)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setText(text)

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setToolTip(text)
        self._fit()

    def set_lines(self, lines: int) -> None:
        """From now on at most so many."""
        if lines != self._most_lines:
            self._most_lines = lines
            self._fit()
            self.update()

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.contentsRect(), self.alignment(), "\n".join(self._in_lines(self.width())))
        painter.end()

    def _fit(self) -> None:
        """As high as its lines. No layout asks for the height at a width where labels lie in rows."""
        if self._most_lines > 1 or self.minimumHeight():
            self.setMinimumHeight(len(self._in_lines(self.width())) * self.fontMetrics().lineSpacing())

    def _in_lines(self, width: int) -> list[str]:
        """The last one takes the rest, cut where it has no room."""
        text, at, found = self.text(), 0, list[str]()
        layout = QTextLayout(text, self.font())
        layout.beginLayout()
        for _ in range(self._most_lines - 1):
            line = layout.createLine()
            line.setLineWidth(width)
            end = at + line.textLength()
            if end >= len(text):
                break
            found.append(text[at:end].rstrip())
            at = end
        layout.endLayout()
        return [*found, self.fontMetrics().elidedText(text[at:], Qt.TextElideMode.ElideRight, width)]


class Facts(QWidget):
    """Pairs of a label and its value, one below the other; a fact without a value is not shown."""

    def __init__(self, keys: Sequence[str], *, wrap: bool = False) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 2, 0, 0)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        self._labels = {key: label(key, "muted") for key in keys}
        self.values: dict[str, QLabel] = {key: label("", wrap=True) if wrap else ElidedLabel() for key in keys}
        for row, key in enumerate(keys):
            self.values[key].setAccessibleName(key)
            grid.addWidget(self._labels[key], row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(self.values[key], row, 1)
        grid.setRowStretch(len(keys), 1)

    def show_facts(self, facts: Mapping[str, str]) -> None:
        """Show these values."""
        for key, value in self.values.items():
            value.setText(facts.get(key, ""))
            for each in (value, self._labels[key]):
                each.setVisible(bool(value.text()))


def label(text: str, role: str = "", *, wrap: bool = False) -> QLabel:
    """A plain-text label in one of the theme's roles."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setProperty("role", role)
    made.setWordWrap(wrap)
    return made


def card(name: str) -> QFrame:
    """A framed panel."""
    made = QFrame()
    made.setObjectName(name)
    made.setProperty("card", True)  # noqa: FBT003 - the value of a property
    return made


class Button(QPushButton):
    """A push button with an icon in the theme's colours. An `icon` button shows no text but is named by it."""

    def __init__(self, text: str, icon: str, theme: Theme, *, kind: str = "", tip: str = "") -> None:
        super().__init__("" if kind == "icon" else text)
        self._icon, self._theme, self._kind = icon, theme, kind
        self._has_room = True
        self.setProperty("kind", kind)
        self.setAccessibleName(without_mnemonic(text))
        self.setToolTip(tip or without_mnemonic(text))
        self.setIconSize(QSize(ICON_SIZE, ICON_SIZE))
        self.setAutoDefault(False)
        theme.changed.connect(self._colour)
        self._colour()

    def set_text(self, text: str) -> None:
        """Change text and accessible name together."""
        self.setText(text)
        self.setAccessibleName(without_mnemonic(text))
        self.setToolTip(without_mnemonic(text))

    def set_icon(self, icon: str) -> None:
        """Show another icon."""
        self._icon = icon
        self._colour()

    def has_room(self, has_room: bool) -> None:
        """Where there is little room the words stay, and the icon beside them goes."""
        if has_room != self._has_room:
            self._has_room = has_room
            self._colour()

    def _colour(self) -> None:
        tokens = self._theme.tokens
        colour = {"primary": tokens.on_accent, "alarm": ON_ALARM}.get(self._kind, tokens.text)
        if not self._has_room and self.text():
            self.setIcon(QIcon())
        elif self._icon:
            self.setIcon(icons.icon(self._icon, colour, tokens.field))


def let_go_of_focus(part: QWidget) -> None:
    """Before `part` is hidden or disabled: else Qt hands the focus to whichever button comes next."""
    focused = QApplication.focusWidget()
    if focused is not None and (focused is part or part.isAncestorOf(focused)):
        focused.clearFocus()


def restyle(widget: QWidget) -> None:
    """Let the style sheet see a changed property."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def fixed_font_family() -> str:
    """The family of the system's fixed-width font."""
    return QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family()


def without_mnemonic(text: str) -> str:
    """The text as it reads: `&&` is an ampersand, a single one marks a key."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&")


def scrolled(inside: QWidget, name: str) -> QScrollArea:
    """A part that scrolls up and down, by keys too."""
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(inside)
    scroll.setAccessibleName(name)
    return scroll
