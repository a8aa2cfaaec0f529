"""NAME=value rows whose values stay hidden until they are asked for."""

from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from aurora_desktop.ui.form_options import Option
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.fields import Editor
from aurora_desktop.ui.widgets.pieces import Button, label


class _Variable(QWidget):
    def __init__(self, name: str, value: str, theme: Theme) -> None:
        super().__init__()
        self._given = value
        self.name = QLineEdit(name, placeholderText="NAME")
        self.name.setAccessibleName("Variable name")
        self.value = QLineEdit(value, placeholderText="value")
        self.value.setAccessibleName("Variable value")
        self.remove = Button("Remove variable", "remove", theme, kind="icon")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.name, 2)
        row.addWidget(label("="))
        row.addWidget(self.value, 3)
        row.addWidget(self.remove)

    def pair(self) -> tuple[str, str]:
        # A line edit turns line breaks into spaces: what was not edited is kept as it was.
        value = self.value.text() if self.value.isModified() else self._given
        return self.name.text().strip(), value


class VariablesEditor(Editor):
    """Environment variables, one in each row."""

    def __init__(self, option: Option, value: Any, theme: Theme) -> None:
        super().__init__(option)
        self._theme = theme
        self._initial: dict[str, str] = dict(value) if isinstance(value, Mapping) else {}
        self.rows: list[_Variable] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(6)
        self.add = Button("Add &variable", "add", theme)
        self.add.clicked.connect(lambda: self.add_row("", "").name.setFocus())
        self.show_values = Button("&Show values", "", theme, kind="quiet", tip="Show or hide the values")
        self.show_values.setCheckable(True)
        self.show_values.toggled.connect(self._echo)
        buttons = QHBoxLayout()
        buttons.addWidget(self.add)
        buttons.addWidget(self.show_values)
        buttons.addStretch(1)
        self._column.addLayout(self._rows)
        self._column.addLayout(buttons)
        for name, text in self._initial.items():
            self.add_row(name, text)

    def add_row(self, name: str, value: str) -> _Variable:
        """One more variable."""
        row = _Variable(name, value, self._theme)
        row.remove.clicked.connect(lambda: self._drop(row))
        row.name.textChanged.connect(self.changed)
        row.value.textChanged.connect(self.changed)
        self.rows.append(row)
        self._rows.addWidget(row)
        self._echo()
        return row

    def is_changed(self) -> bool:
        return [row.pair() for row in self.rows] != list(self._initial.items())

    def plain_value(self) -> Any:
        pairs = [row.pair() for row in self.rows if row.pair() != ("", "")]
        names = [name for name, _ in pairs]
        if "" in names:
            raise ValueError("a variable needs a name")
        if bad := [name for name in names if "=" in name or "\0" in name]:
            raise ValueError(f"the name {bad[0]} contains a character that names cannot have")
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"{twice[0]} is there twice")
        return dict(pairs) or None

    def _drop(self, row: _Variable) -> None:
        self.rows.remove(row)
        self._rows.removeWidget(row)
        row.deleteLater()
        self.changed.emit()

    def _echo(self) -> None:
        shown = self.show_values.isChecked()
        mode = QLineEdit.EchoMode.Normal if shown else QLineEdit.EchoMode.Password
        for row in self.rows:
            row.value.setEchoMode(mode)
        self.show_values.setText("&Hide values" if shown else "&Show values")
