"""Buttons that cannot be pressed by accident when they appear under a pointer that is about to click."""

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QPushButton

from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.pieces import Button

# Longer than from a decision to click to the click (some 0.5 s), shorter than anybody minds.
STILL_MS = 800


class Stillness(QObject):
    """Keeps a button disabled for `STILL_MS` after it or its window came to the front, or `settle` was called."""

    def __init__(self, button: QPushButton) -> None:
        super().__init__(button)
        self._button = button
        self._had_focus = False
        self._still = QTimer(self, singleShot=True, interval=STILL_MS)
        self._still.timeout.connect(self._enable)
        button.setEnabled(False)
        button.installEventFilter(self)

    def settle(self) -> None:
        """Begin the moment anew: what stands here may have stood elsewhere just now."""
        button = self._button
        if not button.isVisible():
            return
        self._had_focus = self._had_focus or button.hasFocus()
        if button.hasFocus():
            button.clearFocus()
        button.setEnabled(False)
        self._still.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # The click that brings the window to the front is meant for the window.
        comes_forward = event.type() == QEvent.Type.ActivationChange and self._button.isActiveWindow()
        if event.type() == QEvent.Type.Show or comes_forward:
            self.settle()
        elif event.type() == QEvent.Type.Hide:
            self._still.stop()
            self._button.setEnabled(False)
        return super().eventFilter(watched, event)

    def _enable(self) -> None:
        self._button.setEnabled(True)
        if self._had_focus and QApplication.focusWidget() is None:
            self._button.setFocus()
        self._had_focus = False


class DeliberateButton(Button):
    """Disabled for `STILL_MS` after it or its window came to the front, or `settle` said that things moved."""

    def __init__(self, text: str, icon: str, theme: Theme, *, kind: str = "", tip: str = "") -> None:
        super().__init__(text, icon, theme, kind=kind, tip=tip)
        self._stillness = Stillness(self)

    def settle(self) -> None:
        """Begin the moment anew."""
        self._stillness.settle()
