"""A small form that gives the agent's hands one task: to see that they work, and what they may do."""

from typing import Any

from msgspec import Struct
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.pieces import Button, label


class Kind(Struct, frozen=True):
    """One kind of action: its words, its name, and how its one line is read."""

    words: str
    action: str
    example: str
    field: str = ""

    def request(self, line: str) -> dict[str, Any]:
        """The request, as an agent would write it. Raises ValueError."""
        given: dict[str, Any] = {"action": self.action}
        if self.field == "at":
            given["at"] = _point(line)
        elif self.field == "dy":
            given["dy"] = int(line)
        elif self.field == "duration_s":
            given["duration_s"] = float(line)
        elif self.field:
            given[self.field] = line
        return given


KINDS = (
    Kind("Move to", "mouse_move", "640, 400", "at"),
    Kind("Click", "left_click", "640, 400", "at"),
    Kind("Double-click", "double_click", "640, 400", "at"),
    Kind("Type", "type", "a line of text", "text"),
    Kind("Press", "key", "ctrl+s", "keys"),
    Kind("Scroll by", "scroll", "3 (down), -3 (up)", "dy"),
    Kind("Wait for", "wait", "2 (seconds)", "duration_s"),
    Kind("Ask where the pointer is", "cursor_position", ""),
    Kind("Take a screenshot", "screenshot", ""),
)


class TryCard(QWidget):
    """`submitted` tells the request of a task."""

    submitted = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.kind = QComboBox()
        self.kind.setAccessibleName("What to do")
        for kind in KINDS:
            self.kind.addItem(kind.words)
        self.line = QLineEdit()
        self.line.setAccessibleName("Where or what")
        self.line.returnPressed.connect(self.submit)
        self.button = Button("Put in the queue", "add", theme, tip="A task like those of agents, under the same rules")
        self.button.clicked.connect(self.submit)
        self.error = label("", "error", wrap=True)
        self.error.setAccessibleName("Why it was refused")
        self.error.hide()
        self.kind.currentIndexChanged.connect(self._on_kind)
        self._lay_out()
        self._on_kind()

    def submit(self) -> None:
        """Hand over what was typed."""
        kind = KINDS[self.kind.currentIndex()]
        try:
            request = kind.request(self.line.text())
        except ValueError:
            self.show_error(f"Write it like this: {kind.example}")
            return
        self.error.hide()
        self.submitted.emit({**request, "operator_user": "operator"})

    def show_error(self, text: str) -> None:
        """Say why it was not taken."""
        self.error.setText(text)
        self.error.show()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.kind)
        row.addWidget(self.line, 1)
        row.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(label("Try it", "heading"))
        column.addLayout(row)
        column.addWidget(self.error)

    def _on_kind(self) -> None:
        kind = KINDS[self.kind.currentIndex()]
        self.error.hide()
        self.line.clear()
        self.line.setPlaceholderText(kind.example)
        self.line.setVisible(bool(kind.field))


def _point(line: str) -> dict[str, float]:
    x, y = line.replace(",", " ").split()
    return {"x": float(x), "y": float(y)}
