"""Quitting asks first while agents work; everything else about it is the house's."""

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from aurora_desktop.tasks.task import AT_WORK
from aurora_desktop.ui import task_words
from aurora_desktop.ui.context import UiContext

_MOST_COUNTED = 1_000
_NAMED = 3


class Quitting(QObject):
    """One question at a time, wherever it was asked from."""

    def __init__(self, context: UiContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.box: QMessageBox | None = None

    def ask(self, source: str, window: QWidget | None = None) -> None:
        """Quit, after a question if agents are at work."""
        face = self._context.tasks
        at_work = face.tasks(limit=_MOST_COUNTED, statuses=tuple(sorted(AT_WORK))) if face is not None else ()
        if not at_work:
            self._context.quit(source)
            return
        if self.box is None:
            self.box = self._box([f"{task.agent}: {task.summary}" for task in at_work], source, window)
        self.box.open() if window is not None else self.box.show()
        self.box.raise_()
        self.box.activateWindow()

    def close(self) -> None:
        """Take the question away."""
        if self.box is not None:
            self.box.close()

    def _box(self, names: list[str], source: str, window: QWidget | None) -> QMessageBox:
        count = len(names)
        verb = "is" if count == 1 else "are"
        title = f"{task_words.number_of_tasks(count)} {verb} at work"
        box = QMessageBox(QMessageBox.Icon.Question, "Quit Aurora?", title, parent=window)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setInformativeText(f"{self._what_happens()}\n\n{_listed(names)}")
        leave = box.addButton("&Quit anyway", QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton("&Keep working", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        leave.clicked.connect(lambda: self._context.quit(source))
        box.finished.connect(self._forget)
        box.destroyed.connect(self._forget)
        return box

    def _what_happens(self) -> str:
        if self._context.settings.current().supervisor.on_quit == "leave":
            return "Their agents go on without Aurora, and are taken over when it is started again."
        return "Their agents are ended. The tasks stay in the queue, and Aurora sees to them when it is started again."

    def _forget(self) -> None:
        self.box = None


def _listed(names: list[str]) -> str:
    shown = [f"\u2022 {name}" for name in names[:_NAMED]]
    return "\n".join([*shown, *([f"\u2022 and {len(names) - _NAMED:,} more"] if len(names) > _NAMED else [])])
