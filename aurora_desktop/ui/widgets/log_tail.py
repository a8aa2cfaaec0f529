"""The end of a log file, followed while it can be seen."""

from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtGui import QFont, QHideEvent, QShowEvent, QTextCursor
from PySide6.QtWidgets import QWidget

from aurora_desktop.core.storage.tailing import read_from
from aurora_desktop.ui.widgets.following import CONTROL, FollowingText
from aurora_desktop.ui.widgets.pieces import fixed_font_family

LINES_KEPT = 2000
FOLLOW_MS = 400
TAIL_BYTES = 128 * 1024


class LogTail(FollowingText):
    """Follows one file from its last `TAIL_BYTES`; scrolling up pauses the scrolling along (`following_changed`)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMaximumBlockCount(LINES_KEPT)
        self.setLineWrapMode(FollowingText.LineWrapMode.NoWrap)
        self.setPlaceholderText("Nothing printed yet")
        self.setAccessibleName("Log")
        self.setFont(QFont(fixed_font_family(), 9))
        self._path: Path | None = None
        self._offset = 0
        self._line_ended = False
        self._begins_within_line = False
        self._timer = QTimer(self, interval=FOLLOW_MS)
        self._timer.timeout.connect(self.read_on)

    def follow(self, path: str) -> None:
        """Show the end of this file and what is added to it; "" shows nothing."""
        wanted = Path(path) if path else None
        if wanted == self._path:
            return
        self._path = wanted
        self._begin_anew()
        self._offset = max(0, _size(wanted) - TAIL_BYTES)
        self._begins_within_line = self._offset > 0
        self.jump_to_latest()
        if self.isVisible():
            self.read_on()

    def read_on(self) -> None:
        """Add what was written since."""
        if self._path is None:
            return
        try:
            text, offset = read_from(self._path, self._offset, TAIL_BYTES)
        except OSError as error:
            self.setPlaceholderText(f"The log cannot be read: {error.strerror}")
            return
        if offset < self._offset:
            self._begin_anew()
        if self._begins_within_line and text:
            self._begins_within_line = False
            text = text.partition("\n")[2]
        self._offset = offset
        if text:
            self._append(CONTROL.sub("", text.replace("\r\n", "\n")))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.read_on()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _begin_anew(self) -> None:
        self.clear()
        self._line_ended = self._begins_within_line = False

    def _append(self, text: str) -> None:
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        # The last line break waits for the next text, or an empty line would always stand at the end.
        text = "\n" * self._line_ended + text
        self._line_ended = text.endswith("\n")
        self._moving = True
        cursor.insertText(text.removesuffix("\n"))
        self._moving = False
        self._keep_at_end()


def _size(path: Path | None) -> int:
    try:
        return path.stat().st_size if path else 0
    except OSError:
        return 0
