"""The passphrase, where the session cannot tell the operator's press from a program's."""

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.pieces import Button, label

SHORTEST = 8
_WIDTH = 420
_WHY = "This session cannot tell your press from a program's, so Aurora asks for your passphrase."
_WHY_NEW = (
    "This session cannot tell your press from a program's. Choose a passphrase that no agent knows; "
    "Aurora keeps its digest alone."
)

_WHY_INSTEAD = (
    "From now on Aurora asks for this passphrase where it asked for a held press: for work through VNC or with an "
    "on-screen keyboard. Choose one that no agent knows; Aurora keeps its digest alone."
)

Work = Callable[[str], Coroutine[Any, Any, None]]


class PassphraseDialog(QDialog):
    """Asks for the passphrase, or for a first one; `work` gets it, and what it raises is shown here."""

    def __init__(
        self,
        parent: QWidget,
        theme: Theme,
        tasks: Tasks,
        title: str,
        work: Work,
        *,
        is_new: bool = False,
        instead: bool = False,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self._tasks, self._work, self._is_new = tasks, work, is_new
        self._why = _WHY_INSTEAD if instead else _WHY_NEW if is_new else _WHY
        self.field = self._field("Passphrase")
        self.again = self._field("The same again")
        self.again.setVisible(is_new)
        self.error = label("", "error", wrap=True)
        self.error.hide()
        self.accept_button = Button("Set and go on" if is_new else title, "passphrase", theme, kind="primary")
        self.accept_button.setDefault(True)
        self.accept_button.clicked.connect(self.submit)
        self.cancel_button = Button("Cancel", "", theme)
        self.cancel_button.clicked.connect(self.reject)
        self._lay_out(title)

    def submit(self) -> None:
        """Hand over what was typed."""
        problem = self._problem()
        if problem:
            self._show(problem)
            return
        self.accept_button.setEnabled(False)
        self._tasks.run(self._try(self.field.text()), self._show_error)

    async def _try(self, passphrase: str) -> None:
        await self._work(passphrase)
        self.accept()

    def _problem(self) -> str:
        if not self.field.text():
            return "Type your passphrase"
        if self._is_new and len(self.field.text()) < SHORTEST:
            return f"At least {SHORTEST} characters"
        if self._is_new and self.field.text() != self.again.text():
            return "The two differ"
        return ""

    def _field(self, name: str) -> QLineEdit:
        field = QLineEdit(placeholderText=name, echoMode=QLineEdit.EchoMode.Password)
        field.setAccessibleName(name)
        field.setMinimumWidth(_WIDTH)
        return field

    def _lay_out(self, title: str) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 18)
        column.setSpacing(12)
        why = label(self._why, "muted", wrap=True)
        for each in (label(title, "heading"), why, self.field, self.again, self.error):
            column.addWidget(each)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.cancel_button)
        row.addWidget(self.accept_button)
        column.addLayout(row)
        self.field.setFocus()

    def _show_error(self, error: AuroraError) -> None:
        self._show(str(error))

    def _show(self, text: str) -> None:
        self.accept_button.setEnabled(True)
        self.error.setText(text)
        self.error.show()
        self.field.setFocus()
        self.field.selectAll()
