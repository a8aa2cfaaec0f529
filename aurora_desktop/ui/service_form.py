"""The form that adds or edits a service; its fields are made from the settings schema."""

import re
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QMessageBox,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema import RESERVED_NAMES, Service
from aurora_desktop.ui.context import SettingsFace
from aurora_desktop.ui.form_options import COMMON, LAST, checked, options_of
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.fields import FieldRow
from aurora_desktop.ui.widgets.group_field import Fields, NoWheel
from aurora_desktop.ui.widgets.pieces import Button, label, restyle

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NAME_SENTENCE = "What the service is called, here, in the file and in the command."
_SIZE = (620, 680)


def name_problem(name: str, taken: set[str]) -> str:
    """Why a service cannot have this name; "" if it can."""
    if not name:
        return "a service needs a name"
    if not _NAME.fullmatch(name):
        return "use up to 64 letters, digits, dots, dashes and underscores, and begin with a letter or digit"
    if name in RESERVED_NAMES:
        return f"{name} is reserved for Aurora itself"
    return f"there is a service {name} already" if name in taken else ""


class ServiceForm(QDialog):
    """Saves through the settings; stays open with everything typed when they refuse it."""

    def __init__(self, settings: SettingsFace, theme: Theme, tasks: Tasks, parent: QWidget, name: str = "") -> None:
        super().__init__(parent)
        self._settings, self._theme, self._tasks, self._previous = settings, theme, tasks, name
        self._given = settings.written().services.get(name)
        self.setWindowTitle(f"Edit {name}" if name else "Add a service")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(*_SIZE)
        self._build_fields(theme)
        self._lay_out()
        self._no_wheel = NoWheel(self)
        for box in self.findChildren(QComboBox):
            box.installEventFilter(self._no_wheel)
        self.name.setFocus() if not name else self.common.editors["command"].setFocus()

    def is_changed(self) -> bool:
        """Whether something would be lost by closing."""
        changed_name = self.name.text().strip() != self._previous
        return changed_name or self.common.is_changed() or self.more.is_changed()

    def save(self) -> None:
        """Check what was typed, and hand it to the settings."""
        name, values = self.name.text().strip(), self._checked_values()
        if values is None:
            return
        self.save_button.setEnabled(False)
        self._tasks.run(self._save(name, values), self._show_error)

    def reject(self) -> None:
        """Close; asks first if something would be lost."""
        if not self.is_changed():
            super().reject()
            return
        box = QMessageBox(QMessageBox.Icon.Question, self.windowTitle(), "Discard what you typed?", parent=self)
        discard = box.addButton("&Discard", QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton("&Keep editing", QMessageBox.ButtonRole.RejectRole))
        discard.clicked.connect(self._discard)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def _discard(self) -> None:
        self.done(QDialog.DialogCode.Rejected)

    async def _save(self, name: str, values: dict[str, Any]) -> None:
        await self._settings.save_service(name, values, previous_name=self._previous or None)
        self.accept()

    def _build_fields(self, theme: Theme) -> None:
        options = {option.key: option for option in options_of(Service)}
        common = [options[key] for key in COMMON]
        more = [option for key, option in options.items() if key not in (*COMMON, *LAST)]
        more += [options[key] for key in LAST]
        self.common = Fields(common, self._given, theme)
        self.more = Fields(more, self._given, theme)
        self.more.hide()
        self.name = QLineEdit(self._previous, placeholderText="web")
        self.name.setAccessibleName("Name")
        self.name.setAccessibleDescription(_NAME_SENTENCE)
        self.name.setMaxLength(64)
        self.name_row = FieldRow("Name", _NAME_SENTENCE, self.name)
        self.more_button = Button("More &options", "chevron-right", theme, kind="quiet")
        self.more_button.clicked.connect(self._toggle_more)
        self.save_button = Button("&Save" if self._previous else "&Add service", "", theme, kind="primary")
        self.save_button.setDefault(True)
        self.save_button.clicked.connect(self.save)
        self.cancel_button = Button("Cancel", "", theme)
        self.cancel_button.clicked.connect(self.reject)

    def _lay_out(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(16)
        for each in (self.name_row, self.common):
            column.addWidget(each)
        column.addWidget(self.more_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.more)
        column.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(inside)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self._scroll, 1)
        rows.addWidget(self._error_card())
        rows.addLayout(self._buttons())

    def _error_card(self) -> QWidget:
        self.error_card = QFrame()
        self.error_card.setObjectName("errorCard")
        self.error_title = label("", "heading", wrap=True)
        self.error_detail = label("", wrap=True)
        column = QVBoxLayout(self.error_card)
        column.setContentsMargins(14, 10, 14, 10)
        column.addWidget(self.error_title)
        column.addWidget(self.error_detail)
        holder = QWidget()
        around = QVBoxLayout(holder)
        around.setContentsMargins(24, 4, 24, 4)
        around.addWidget(self.error_card)
        self.error_card.hide()
        return holder

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(24, 10, 24, 18)
        row.setSpacing(8)
        row.addStretch(1)
        row.addWidget(self.cancel_button)
        row.addWidget(self.save_button)
        return row

    def _toggle_more(self) -> None:
        self.show_more(shown=self.more.isHidden())

    def show_more(self, *, shown: bool) -> None:
        """Show or hide the options that few need."""
        self.more.setVisible(shown)
        self.more_button.set_text("Fewer &options" if shown else "More &options")
        self.more_button.set_icon("chevron-down" if shown else "chevron-right")

    def _checked_values(self) -> dict[str, Any] | None:
        common, common_problems = self.common.take()
        more, more_problems = self.more.take()
        taken = set(self._settings.written().services) - {self._previous}
        wrong_name = name_problem(self.name.text().strip(), taken)
        self.name_row.show_error(wrong_name)
        self.name.setProperty("invalid", bool(wrong_name))
        restyle(self.name)
        if wrong_name or common_problems or more_problems:
            self._lead_to_first(wrong_name, common_problems, more_problems)
            return None
        return self._accepted({**common, **more})

    def _accepted(self, values: dict[str, Any]) -> dict[str, Any] | None:
        try:
            checked(values, Service)
        except ValueError as error:
            self._show_error(AuroraError("These options do not go together", str(error)))
            return None
        self.error_card.hide()
        return values

    def _lead_to_first(self, wrong_name: str, common: dict[str, str], more: dict[str, str]) -> None:
        if more:
            self.show_more(shown=True)
        editor: QWidget = self.name
        if not wrong_name:
            editor = self.common.editors[next(iter(common))] if common else self.more.editors[next(iter(more))]
        editor.setFocus()
        self._scroll.ensureWidgetVisible(editor)

    def _show_error(self, error: AuroraError) -> None:
        self.save_button.setEnabled(True)
        self.error_title.setText(error.title)
        self.error_detail.setText("\n".join(part for part in (error.detail, error.hint) if part))
        self.error_detail.setVisible(bool(self.error_detail.text()))
        self.error_card.show()
