"""A text that grows at its end and is scrolled along, unless somebody has scrolled up to read."""

import re

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPlainTextEdit, QWidget

# Colours and cursor movements of terminals, and control characters that no text view can show.
CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f]")


_TRIES = 4


class FollowingText(QPlainTextEdit):
    """Read-only; scrolling up pauses the scrolling along (`following_changed`)."""

    following_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self._following = True
        self._moving = False
        self._maximum = 0
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.verticalScrollBar().rangeChanged.connect(self._keep_at_end)

    @property
    def is_following(self) -> bool:
        return self._following

    def jump_to_latest(self) -> None:
        """Go to the end and scroll along again."""
        self._set_following(following=True)
        self._keep_at_end()

    def _on_scrolled(self, value: int) -> None:
        maximum = self.verticalScrollBar().maximum()
        is_laid_out_anew = maximum != self._maximum  # lines wrap otherwise now: nobody has scrolled
        self._maximum = maximum
        if self._moving:
            return
        if is_laid_out_anew and self._following:
            self._keep_at_end()
        else:
            self._set_following(following=value >= maximum)

    def _keep_at_end(self) -> None:
        """More than once: what comes into sight is laid out only then, and may wrap into more lines."""
        if not self._following:
            return
        was_moving, self._moving = self._moving, True
        bar = self.verticalScrollBar()
        for _ in range(_TRIES):
            bar.setValue(bar.maximum())
            if bar.value() == bar.maximum():
                break
        self._maximum = bar.maximum()
        self._moving = was_moving

    def _set_following(self, *, following: bool) -> None:
        if following != self._following:
            self._following = following
            self.following_changed.emit(following)
