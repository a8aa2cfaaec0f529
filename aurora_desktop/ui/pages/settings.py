"""The settings page: start at login, the look, and the settings file."""

import asyncio

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QShowEvent
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from aurora_desktop import __version__
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.ui import phrases
from aurora_desktop.ui.context import UiContext
from aurora_desktop.ui.pages.keys import Reachable
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Choice, Theme
from aurora_desktop.ui.widgets.pieces import Button, ElidedLabel, card, label, scrolled

_THEMES: dict[Choice, str] = {"system": "Follows the system", "light": "Light", "dark": "Dark"}


class SettingsPage(Reachable):
    """A card for each matter."""

    def __init__(self, context: UiContext, theme: Theme, tasks: Tasks) -> None:
        super().__init__()
        self.setObjectName("page")
        self._context, self._theme, self._tasks = context, theme, tasks
        column_widget = QWidget()
        column_widget.setMaximumWidth(860)
        column = QVBoxLayout(column_widget)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(12)
        for each in (self._refusal_card(), self._login_card(), self._file_card(), self._look_card()):
            column.addWidget(each)
        column.addStretch(1)
        column.addWidget(label(f"Aurora Desktop {__version__}", "small"))
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(scrolled(column_widget, "Settings"))
        theme.changed.connect(self.show_settings)
        self.show_settings()

    def show_refusal(self, problems: tuple[str, ...]) -> None:
        """Show why the settings file is refused; nothing to hide the card."""
        self.refusal.setVisible(bool(problems))
        self.problems.setText(phrases.quoted("\n".join(problems)))

    def show_settings(self) -> None:
        """Show the settings in force."""
        settings = self._context.settings.current()
        self.path.setText(str(self._context.settings.path))
        self.theme_words.setText(_THEMES[self._theme.choice])
        self.notification_words.setText("On" if settings.notifications.enabled else "Off")

    def focus_first(self) -> QWidget:
        """The switch at the top."""
        return self.autostart

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._tasks.run(self._ask_autostart(), self._show_autostart_error)

    def _refusal_card(self) -> QFrame:
        self.refusal = QFrame()
        self.refusal.setObjectName("errorCard")
        self.problems = label("", wrap=True)
        self.problems.setAccessibleName("Problems of the settings file")
        column = _column(self.refusal)
        column.addWidget(label("The settings file was refused; the last good settings stay in force", "heading"))
        column.addWidget(self.problems)
        self.refusal.hide()
        return self.refusal

    def _login_card(self) -> QFrame:
        frame = card("login")
        self.autostart = QCheckBox("Start Aurora when I &log in")
        self.autostart.setEnabled(False)
        self.autostart.clicked.connect(self._set_autostart)
        self.autostart_error = label("", "error", wrap=True)
        self.autostart_error.hide()
        column = _column(frame)
        column.addWidget(label("Start at login", "heading"))
        column.addWidget(self.autostart)
        column.addWidget(label("Hidden in the tray. Your services then run without a window.", "muted", wrap=True))
        column.addWidget(self.autostart_error)
        return frame

    def _file_card(self) -> QFrame:
        frame = card("file")
        self.path = ElidedLabel()
        self.path.setAccessibleName("Path of the settings file")
        self.open = Button("&Open file", "open", self._theme, tip="Open the settings file in your editor")
        self.open.clicked.connect(self._open_file)
        row = QHBoxLayout()
        row.addWidget(self.path, 1)
        row.addWidget(self.open)
        column = _column(frame)
        column.addWidget(label("Settings file", "heading"))
        column.addLayout(row)
        words = "Changes are taken on as soon as the file is saved; services that did not change are not restarted."
        column.addWidget(label(words, "muted", wrap=True))
        return frame

    def _look_card(self) -> QFrame:
        frame = card("look")
        self.theme_words, self.notification_words = label(""), label("")
        column = _column(frame)
        column.addWidget(label("Appearance and notifications", "heading"))
        column.addLayout(_row("Colours", self.theme_words, "ui.theme"))
        column.addLayout(_row("Notifications", self.notification_words, "notifications.enabled"))
        column.addWidget(label("Both are set in the settings file, under the keys on the right.", "muted", wrap=True))
        return frame

    def _set_autostart(self, wanted: bool) -> None:
        self.autostart.setEnabled(False)
        self._tasks.run(self._change_autostart(wanted=wanted), self._show_autostart_error)

    async def _change_autostart(self, *, wanted: bool) -> None:
        face = self._context.autostart
        try:
            await asyncio.to_thread(face.enable if wanted else face.disable)
            self.autostart_error.hide()
        finally:
            await self._ask_autostart()

    async def _ask_autostart(self) -> None:
        enabled = await asyncio.to_thread(self._context.autostart.is_enabled)
        self.autostart.setChecked(enabled)
        self.autostart.setEnabled(True)

    def _show_autostart_error(self, error: AuroraError) -> None:
        self.autostart_error.setText(str(error))
        self.autostart_error.show()

    def _open_file(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._context.settings.path)))


def _column(frame: QFrame) -> QVBoxLayout:
    column = QVBoxLayout(frame)
    column.setContentsMargins(16, 14, 16, 14)
    column.setSpacing(8)
    return column


def _row(title: str, value: QLabel, key: str) -> QHBoxLayout:
    row = QHBoxLayout()
    name = label(title, "muted")
    name.setFixedWidth(120)
    value.setAccessibleName(title)
    row.addWidget(name)
    row.addWidget(value)
    row.addStretch(1)
    row.addWidget(label(key, "small"))
    return row
