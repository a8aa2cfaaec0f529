"""Editors for options that hold options of their own: probes and the log."""

from typing import Any

from msgspec import Struct
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QFrame, QVBoxLayout, QWidget

from aurora_desktop.core.settings.schema import Probe
from aurora_desktop.ui.form_options import Option, checked, plain_keys
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.env_field import VariablesEditor
from aurora_desktop.ui.widgets.fields import (
    ChoiceEditor,
    Editor,
    FieldRow,
    LineEditor,
    SwitchEditor,
    collect,
    initial_value,
    options_by_key,
)
from aurora_desktop.ui.widgets.pieces import Button

_FOLDED_ABOVE = 3
_PROBES = {
    "http": "HTTP: GET an address", "tcp": "TCP: connect to a port", "exec": "Command: run one",
    "file_age": "File: look at its age", "log_pattern": "Log: search the output",
}  # fmt: skip


def editor_of(option: Option, value: Any, theme: Theme) -> Editor:
    """The editor that suits the option."""
    if option.nested is Probe:
        return ProbeEditor(option, value, theme)
    match option.kind:
        case "group":
            return GroupEditor(option, value, theme)
        case "choice":
            return ChoiceEditor(option, value)
        case "switch":
            return SwitchEditor(option, value)
        case "variables":
            return VariablesEditor(option, value, theme)
        case _:
            return LineEditor(option, value, theme)


class Fields(QWidget):
    """Rows for some options of a struct."""

    def __init__(self, options: list[Option], given: Struct | None, theme: Theme) -> None:
        super().__init__()
        self._given = given
        self.editors: dict[str, Editor] = {}
        self.rows: dict[str, FieldRow] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        for option in options:
            editor = editor_of(option, initial_value(option, given), theme)
            self.editors[option.key] = editor
            grouped = option.kind == "group"
            self.rows[option.key] = FieldRow(option.title, option.sentence, editor, sentence_first=grouped)
            column.addWidget(self.rows[option.key])

    def is_changed(self) -> bool:
        return any(editor.is_changed() for editor in self.editors.values())

    def take(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Values and problems by key; the problems are shown in their rows too."""
        values, problems = collect(self.editors, self._given)
        for key, row in self.rows.items():
            row.show_error(problems.get(key, ""))
        return values, problems


class GroupEditor(Editor):
    """The options of a nested struct in a frame of their own.

    One that may be absent has a switch; a long one that nobody changed is folded. Either is built once it is wanted.
    """

    def __init__(self, option: Option, value: Any, theme: Theme) -> None:
        super().__init__(option)
        assert option.nested is not None  # noqa: S101 - what a group is
        self._theme = theme
        self._given = value if isinstance(value, Struct) else None
        self._options = list(options_by_key(option.nested).values())
        self.fields: Fields | None = None
        self.switch = QCheckBox("Use it")
        self.unfold = Button(f"Show its {len(self._options)} options", "chevron-right", theme, kind="quiet")
        self._holder = QWidget()
        self._lay_out()
        self._begin()

    @property
    def is_optional(self) -> bool:
        """Whether the file may do without it."""
        return self.option.default is None

    def is_changed(self) -> bool:
        if self.is_optional and self.switch.isChecked() != (self._given is not None):
            return True
        return self._is_on() and self.fields is not None and self.fields.is_changed()

    def plain_value(self) -> Any:
        if not self._is_on() or self.fields is None:
            return None
        values, problems = self.fields.take()
        if problems:
            raise ValueError("see the fields above")
        if self.is_optional:
            checked(values, self.option.nested)
            return values
        return values or None

    def show_fields(self) -> None:
        """Build and show the options."""
        if self.fields is None:
            self.fields = Fields(self._options, self._given, self._theme)
            self._inside.addWidget(self.fields)
        self.unfold.hide()
        self._holder.show()

    def _is_on(self) -> bool:
        return self.switch.isChecked() if self.is_optional else True

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for each in (self.switch, self.unfold):
            each.setAccessibleName(f"{self.option.title}: {each.text()}")
            each.setAccessibleDescription(self.option.sentence)
            column.addWidget(each, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._holder)
        self._inside = _frame(self._holder)
        self._holder.hide()

    def _begin(self) -> None:
        self.switch.setVisible(self.is_optional)
        self.switch.setChecked(self._given is not None)
        self.switch.toggled.connect(self._on_switched)
        self.unfold.clicked.connect(self.show_fields)
        folded = not self.is_optional and len(self._options) > _FOLDED_ABOVE and self._given == self.option.default
        self.unfold.setVisible(folded)
        if self.is_optional or folded:
            self.setFocusProxy(self.switch if self.is_optional else self.unfold)
        if not folded and self._is_on():
            self.show_fields()

    def _on_switched(self, on: bool) -> None:
        self.show_fields() if on else self._holder.hide()
        self.changed.emit()


class ProbeEditor(Editor):
    """Which way to check, and the options of that way."""

    def __init__(self, option: Option, value: Any, theme: Theme) -> None:
        super().__init__(option)
        self._theme = theme
        self._given = value if isinstance(value, Probe) else None
        self._options = options_by_key(Probe)
        self._initial_way = _way_of(self._given)
        self.box = QComboBox()
        self.box.setAccessibleName(option.title)
        self.box.setAccessibleDescription(option.sentence)
        self.box.addItem("None", "")
        for way, words in _PROBES.items():
            self.box.addItem(words, way)
        self.box.setCurrentIndex(self.box.findData(self._initial_way))
        self.setFocusProxy(self.box)
        self.way_fields: Fields | None = None
        self.timing: Fields | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.box)
        self._holder = QWidget()
        column.addWidget(self._holder)
        self._inside = _frame(self._holder)
        self._offer_way()
        self.box.currentIndexChanged.connect(self._offer_way)
        self.box.currentIndexChanged.connect(self.changed)

    @property
    def way(self) -> str:
        """`http`, `tcp`, ... or "" for no probe."""
        return str(self.box.currentData())

    def is_changed(self) -> bool:
        parts = [part for part in (self.way_fields, self.timing) if part]
        return self.way != self._initial_way or any(part.is_changed() for part in parts)

    def plain_value(self) -> Any:
        if self.way_fields is None or self.timing is None:
            return None
        inner, problems = self.way_fields.take()
        timing, more_problems = self.timing.take()
        if problems or more_problems:
            raise ValueError("see the fields above")
        value = {self.way: inner, **timing}
        checked(value, Probe)
        return value

    def _offer_way(self) -> None:
        for old in (self.way_fields, self.timing):
            if old:
                self._inside.removeWidget(old)
                old.deleteLater()
        self.way_fields = self.timing = None
        self._holder.setVisible(bool(self.way))
        if not self.way:
            return
        nested = self._options[self.way].nested
        assert nested is not None  # noqa: S101 - every way to check is a struct
        given = getattr(self._given, self.way) if self._given else None
        self.way_fields = Fields(list(options_by_key(nested).values()), given, self._theme)
        timing = [option for key, option in self._options.items() if key not in _PROBES]
        self.timing = Fields(timing, self._given, self._theme)
        self._inside.addWidget(self.way_fields)
        self._inside.addWidget(self.timing)


class NoWheel(QObject):
    """Keeps the wheel from changing a choice that the page is scrolled past."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(watched, QComboBox) and isinstance(event, QWheelEvent) and not watched.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)


def _way_of(probe: Probe | None) -> str:
    keys = plain_keys(probe) if probe else {}
    return next((way for way in _PROBES if way in keys), "")


def _frame(holder: QWidget) -> QVBoxLayout:
    outer = QVBoxLayout(holder)
    outer.setContentsMargins(0, 4, 0, 0)
    frame = QFrame()
    frame.setProperty("card", True)  # noqa: FBT003 - the value of a property
    outer.addWidget(frame)
    inside = QVBoxLayout(frame)
    inside.setContentsMargins(14, 12, 14, 12)
    inside.setSpacing(16)
    return inside
