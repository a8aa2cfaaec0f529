"""Editors for options of the settings, made from their description."""

from typing import Any

import msgspec
from msgspec import Struct
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from aurora_desktop.ui import phrases
from aurora_desktop.ui.form_options import Option, options_of, parsed, plain_keys, written
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.pieces import Button, label, restyle

_WIDE = ("command", "text", "words")
_NARROW_WIDTH = 180


class Editor(QWidget):
    """Edits one option. `plain_value` is what the file shall hold, None for the default; raises ValueError."""

    changed = Signal()

    def __init__(self, option: Option) -> None:
        super().__init__()
        self.option = option

    def is_changed(self) -> bool:
        raise NotImplementedError

    def plain_value(self) -> Any:
        raise NotImplementedError

    def mark(self, *, invalid: bool) -> None:
        """Show whether the value is one that cannot be saved."""


class LineEditor(Editor):
    """A line of text: words, numbers, sizes, commands, paths."""

    def __init__(self, option: Option, value: Any, theme: Theme) -> None:
        super().__init__(option)
        self._initial = written(value)
        self.line = QLineEdit(self._initial)
        self.line.setCursorPosition(0)  # a long value is read from its beginning
        self.line.setAccessibleName(option.title)
        self.line.setAccessibleDescription(option.sentence)
        self.line.setPlaceholderText(_placeholder(option))
        self.line.textChanged.connect(self.changed)
        self.setFocusProxy(self.line)
        row = _row(self)
        row.addWidget(self.line, 1)
        if option.kind not in _WIDE:
            self.line.setMaximumWidth(_NARROW_WIDTH)
            row.addWidget(label("" if option.kind == "size" else option.unit, "muted"), 2)
        if option.key in ("cwd", "env_file"):
            row.addWidget(self._browse_button(theme))

    def is_changed(self) -> bool:
        return self.line.text().strip() != self._initial

    def plain_value(self) -> Any:
        return parsed(self.option, self.line.text())

    def mark(self, *, invalid: bool) -> None:
        if bool(self.line.property("invalid")) != invalid:
            self.line.setProperty("invalid", invalid)
            restyle(self.line)

    def _browse_button(self, theme: Theme) -> Button:
        button = Button("&Browse", "", theme, tip=f"Choose: {self.option.title.lower()}")
        button.clicked.connect(self._browse)
        return button

    def _browse(self) -> None:
        dialog = QFileDialog(self, self.option.title, self.line.text())
        if self.option.key == "cwd":
            dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.line.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


class ChoiceEditor(Editor):
    """One of a few words."""

    def __init__(self, option: Option, value: Any) -> None:
        super().__init__(option)
        self.box = QComboBox()
        self.box.setAccessibleName(option.title)
        self.box.setAccessibleDescription(option.sentence)
        for choice in option.choices:
            self.box.addItem(choice or "Default", choice)
        self._initial = str(value or "")
        self.box.setCurrentIndex(self.box.findData(self._initial))
        self.box.currentIndexChanged.connect(self.changed)
        self.box.setMinimumWidth(_NARROW_WIDTH)
        self.setFocusProxy(self.box)
        row = _row(self)
        row.addWidget(self.box)
        row.addStretch(1)

    def is_changed(self) -> bool:
        return bool(self.box.currentData() != self._initial)

    def plain_value(self) -> Any:
        return self.box.currentData() or None


class SwitchEditor(Editor):
    """Yes or no."""

    def __init__(self, option: Option, value: Any) -> None:
        super().__init__(option)
        self._initial = bool(value)
        self.box = QCheckBox("Yes")
        self.box.setChecked(self._initial)
        self.box.setAccessibleName(option.title)
        self.box.setAccessibleDescription(option.sentence)
        self.box.toggled.connect(self.changed)
        self.setFocusProxy(self.box)
        _row(self).addWidget(self.box)

    def is_changed(self) -> bool:
        return bool(self.box.isChecked() != self._initial)

    def plain_value(self) -> Any:
        return self.box.isChecked()


class FieldRow(QWidget):
    """Title, editor, sentence, and below them what is wrong with the value."""

    def __init__(self, title: str, sentence: str, editor: QWidget, *, sentence_first: bool = False) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        name = label(title)
        name.setStyleSheet("font-weight: 600;")
        name.setBuddy(editor)
        self.error = label("", "error", wrap=True)
        self.error.hide()
        words = label(phrases.quoted(sentence), "small", wrap=True)
        if not sentence:  # shown before it lies in the row, it would be a window for a moment
            words.hide()
        below = (words, editor, self.error) if sentence_first else (editor, self.error, words)
        for each in (name, *below):
            column.addWidget(each)

    def show_error(self, words: str) -> None:
        """Say what is wrong; "" when nothing is."""
        self.error.setText(phrases.quoted(words[:1].upper() + words[1:]))
        self.error.setVisible(bool(words))


def collect(editors: dict[str, Editor], given: Struct | None) -> tuple[dict[str, Any], dict[str, str]]:
    """The keys that are set or were changed, and by key what cannot be saved.

    A key that nobody touched keeps its value; one that was cleared is left out.
    """
    kept = plain_keys(given) if given else {}
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for key, editor in editors.items():
        problem = _take(key, editor, kept, values)
        editor.mark(invalid=bool(problem))
        if problem:
            problems[key] = problem
    return values, problems


def _take(key: str, editor: Editor, kept: dict[str, Any], values: dict[str, Any]) -> str:
    if not editor.is_changed() and not (editor.option.required and key not in kept):
        if key in kept:
            values[key] = kept[key]
        return ""
    try:
        value = editor.plain_value()
    except ValueError as error:
        return str(error)
    if value is not None:
        values[key] = value
    return ""


def initial_value(option: Option, given: Struct | None) -> Any:
    """What the editor of the option begins with."""
    value = getattr(given, option.key) if given is not None else option.default
    return None if value is msgspec.NODEFAULT else value


def options_by_key(struct: type[Struct]) -> dict[str, Option]:
    return {option.key: option for option in options_of(struct)}


def _placeholder(option: Option) -> str:
    examples = {"memory_max": "no limit, or 512MB", "command": "python -m http.server 8000"}
    return examples.get(option.key, written(option.default))


def _row(widget: QWidget) -> QHBoxLayout:
    row = QHBoxLayout(widget)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    return row
