"""A button that cannot be pressed by accident when it appears under a pointer that is about to click."""

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QApplication

from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.pieces import Button

# Longer than from a decision to click to the click (some 0.5 s), shorter than anybody minds.
STILL_MS = 800


class DeliberateButton(Button):
    """Disabled for `STILL_MS` after it or its window came to the front, or `settle` said that things moved."""

    def __init__(self, text: str, icon: str, theme: Theme, *, kind: str = "", tip: str = "") -> None:
        super().__init__(text, icon, theme, kind=kind, tip=tip)
        self._had_focus = False
        self._still = QTimer(self, singleShot=True, interval=STILL_MS)
        self._still.timeout.connect(self._enable)
        self.setEnabled(False)

    def settle(self) -> None:
        """Begin the moment anew: what stands here may have stood elsewhere just now."""
        if not self.isVisible():
            return
        self._had_focus = self._had_focus or self.hasFocus()
        if self.hasFocus():
            self.clearFocus()
        self.setEnabled(False)
        self._still.start()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.settle()

    def changeEvent(self, event: QEvent) -> None:
        """The click that brings the window to the front is meant for the window."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.settle()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._still.stop()
        self.setEnabled(False)

    def _enable(self) -> None:
        self.setEnabled(True)
        if self._had_focus and QApplication.focusWidget() is None:
            self.setFocus()
        self._had_focus = False
