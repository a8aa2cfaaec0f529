"""What an agent says and does, as it comes: folded, searchable, and bounded."""

from collections import deque
from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import (
    QColor,
    QFont,
    QKeyEvent,
    QMouseEvent,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import QTextEdit, QWidget

from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.transcript_lines import Ground, Style, TextLine, fold_text, unfolded
from aurora_desktop.ui.widgets.following import CONTROL, FollowingText
from aurora_desktop.ui.widgets.pieces import fixed_font_family

LINES_KEPT = 5_000
FOLDED_CHARACTERS_KEPT = 4_000_000
MOST_FOUND = 500
_WRITTEN_AT_ONCE = 200
"""Lines that are written anew between two turns of the loop: some milliseconds."""
_MARGIN = 10
_TOGGLES = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
# The state of a block is a number: a fold's own, or this far below zero for what lies in it. Others have -1.
_IN_FOLD = -2


class TranscriptView(FollowingText):
    """Lines of what an agent said; Enter or a click opens and closes what is folded.

    The lines are kept, as many as the text holds, to be written anew in other colours.
    """

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._kept: deque[TextLine] = deque()
        self._unwritten: deque[TextLine] = deque()
        self._folded_characters = 0
        self._folds: dict[int, TextLine] = {}
        self._next_fold = self._weight_of_folds = 0
        self._found: list[QTextCursor] = []
        self.setObjectName("transcript")
        self.setAccessibleName(name)
        self.setMaximumBlockCount(LINES_KEPT)
        self.document().setDocumentMargin(_MARGIN)
        self.setLineWrapMode(FollowingText.LineWrapMode.WidgetWidth)
        flag = Qt.TextInteractionFlag
        self.setTextInteractionFlags(flag.TextSelectableByMouse | flag.TextSelectableByKeyboard)
        self._formats = self._char_formats()
        self._writing = QTimer(self, interval=0)
        self._writing.timeout.connect(self._write_on)
        theme.changed.connect(self._again)

    def clear_lines(self) -> None:
        """Begin anew, at the end."""
        self._kept.clear()
        self._unwritten.clear()
        self._folded_characters = 0
        self._empty()
        self.jump_to_latest()

    def add_lines(self, lines: Sequence[TextLine]) -> None:
        """Put these at the end."""
        if not lines:
            return
        self._keep(lines)
        if self._unwritten:
            self._unwritten.extend(lines)
        else:
            self._write(lines)

    @property
    def lines_kept(self) -> int:
        return len(self._kept)

    def toggle(self, block: QTextBlock) -> bool:
        """Open or close what this line folds; returns whether it folds anything."""
        number = block.userState()
        line = self._folds.get(number)
        if line is None:
            return False
        is_open = block.next().isValid() and block.next().userState() == _IN_FOLD - number
        is_here = self.textCursor().blockNumber() == block.blockNumber()
        self._moving = True
        self._close(block, number) if is_open else self._open(block, number, line)
        if is_here:  # else the cursor goes along to the end of what was opened
            self.setTextCursor(QTextCursor(block))
        self._moving = False
        self._keep_at_end()
        return True

    def search(self, text: str) -> int:
        """Mark every place where `text` is, also in what was folded; returns how many (at most MOST_FOUND)."""
        if text:
            self._open_what_has(text)
        self._found = self._places(text)
        self._mark(-1)
        return len(self._found)

    @property
    def found_count(self) -> int:
        return len(self._found)

    def step(self, by: int) -> int:
        """Go to the next place (or the one before) from the cursor; returns its number from 1, 0 if there is none."""
        if not self._found:
            return 0
        here = self.textCursor().selectionStart()
        starts = [found.selectionStart() for found in self._found]
        if by > 0:
            place = next((n for n, start in enumerate(starts) if start > here), 0)
        else:
            place = next((n for n in range(len(starts) - 1, -1, -1) if starts[n] < here), len(starts) - 1)
        self.go_to(place)
        return place + 1

    def go_to(self, place: int) -> None:
        """Show what was found there."""
        self._set_following(following=False)
        cursor = QTextCursor(self._found[place])
        cursor.setPosition(cursor.selectionStart())
        self.setTextCursor(cursor)
        self.centerCursor()
        self._mark(place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _TOGGLES and not event.modifiers() and self.toggle(self.textCursor().block()):
            return
        super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if event.button() == Qt.MouseButton.LeftButton and not self.textCursor().hasSelection():
            self.toggle(self.cursorForPosition(event.position().toPoint()).block())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        folds = self.cursorForPosition(event.position().toPoint()).block().userState() in self._folds
        shape = Qt.CursorShape.PointingHandCursor if folds else Qt.CursorShape.IBeamCursor
        self.viewport().setCursor(shape)

    def _again(self) -> None:
        self._formats = self._char_formats()
        self._empty()
        self._unwritten = deque(self._kept)
        self._writing.start()

    def _write_on(self) -> None:
        self._write([self._unwritten.popleft() for _ in range(min(_WRITTEN_AT_ONCE, len(self._unwritten)))])
        if not self._unwritten:
            self._writing.stop()

    def _keep(self, lines: Sequence[TextLine]) -> None:
        for line in lines:
            self._kept.append(line)
            self._folded_characters += _weight(line)
        while len(self._kept) > LINES_KEPT or self._folded_characters > FOLDED_CHARACTERS_KEPT:
            self._folded_characters -= _weight(self._kept.popleft())

    def _empty(self) -> None:
        self._folds.clear()
        self._weight_of_folds = 0
        self._found = []
        self.setExtraSelections([])
        self.clear()

    def _write(self, lines: Sequence[TextLine]) -> None:
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        was_moving, self._moving = self._moving, True
        cursor.beginEditBlock()
        for line in lines:
            self._write_line(cursor, line)
        cursor.endEditBlock()
        self._moving = was_moving
        self._keep_at_end()

    def _write_line(self, cursor: QTextCursor, line: TextLine, state: int = -1) -> None:
        if not line.spans and self.document().isEmpty():
            return  # no gap at the very beginning
        ground, letters = self._block_format(line.ground), self._formats["text" if line.spans else "gap"]
        if self.document().isEmpty():
            cursor.setBlockFormat(ground)
        else:
            cursor.insertBlock(ground, letters)
        cursor.block().setUserState(state)
        if line.folded:
            cursor.block().setUserState(self._keep_fold(line))
            cursor.insertText(fold_text(line, is_open=False), self._formats["fold"])
            return
        for span in line.spans:
            cursor.insertText(CONTROL.sub("", span.text), self._formats[span.style])

    def _keep_fold(self, line: TextLine) -> int:
        """What is kept no more cannot be opened any more."""
        number, self._next_fold = self._next_fold, self._next_fold + 1
        self._folds[number] = line
        self._weight_of_folds += _weight(line)
        while self._weight_of_folds > FOLDED_CHARACTERS_KEPT:
            self._weight_of_folds -= _weight(self._folds.pop(next(iter(self._folds))))
        return number

    def _open(self, block: QTextBlock, number: int, line: TextLine) -> None:
        self._retitle(block, line, is_open=True)
        cursor = QTextCursor(block)
        cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock)
        cursor.beginEditBlock()
        for inner in unfolded(line.folded) if line.folded else ():
            self._write_line(cursor, inner, _IN_FOLD - number)
        cursor.endEditBlock()

    def _close(self, block: QTextBlock, number: int) -> None:
        cursor = QTextCursor(block)
        cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock)
        last = block.next()
        while last.next().isValid() and last.next().userState() == _IN_FOLD - number:
            last = last.next()
        cursor.setPosition(last.position() + last.length() - 1, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        self._retitle(block, self._folds[number], is_open=False)

    def _retitle(self, block: QTextBlock, line: TextLine, *, is_open: bool) -> None:
        cursor = QTextCursor(block)
        cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(fold_text(line, is_open=is_open), self._formats["fold"])

    def _open_what_has(self, text: str) -> None:
        wanted = text.casefold()
        block = self.document().begin()
        while block.isValid():
            line = self._folds.get(block.userState())
            is_open = block.next().isValid() and block.next().userState() == _IN_FOLD - block.userState()
            if line is not None and not is_open and _has(line, wanted):
                self.toggle(block)
            block = block.next()

    def _places(self, text: str) -> list[QTextCursor]:
        found: list[QTextCursor] = []
        cursor = QTextCursor(self.document())
        while text and len(found) < MOST_FOUND:
            cursor = self.document().find(text, cursor, QTextDocument.FindFlag(0))
            if cursor.isNull():
                break
            found.append(QTextCursor(cursor))
        return found

    def _mark(self, current: int) -> None:
        tokens = self._theme.tokens
        marks = []
        for place, cursor in enumerate(self._found):
            mark = QTextEdit.ExtraSelection()
            here = place == current
            mark.format.setBackground(QColor(tokens.accent if here else tokens.warn_soft))
            mark.format.setForeground(QColor(tokens.on_accent if here else tokens.text))
            mark.format.setFontUnderline(True)
            mark.cursor = cursor
            marks.append(mark)
        self.setExtraSelections(marks)

    def _block_format(self, ground: Ground) -> QTextBlockFormat:
        tokens = self._theme.tokens
        colours = {
            "code": tokens.window, "added": tokens.ok_soft, "removed": tokens.bad_soft, "own": tokens.selection,
        }  # fmt: skip
        made = QTextBlockFormat()
        if ground:
            made.setBackground(QColor(colours[ground]))
        return made

    def _char_formats(self) -> dict[Style, QTextCharFormat]:
        tokens, fixed = self._theme.tokens, fixed_font_family()
        return {
            "time": _format(tokens.muted, family=fixed, points=8.5),
            "who": _format(tokens.text, bold=True),
            "own": _format(tokens.accent, bold=True),
            "text": _format(tokens.text),
            "thought": _format(tokens.muted, italic=True),
            "tool": _format(tokens.accent, bold=True),
            "code": _format(tokens.text, family=fixed, points=9),
            "faint": _format(tokens.muted, family=fixed, points=9),
            "added": _format(tokens.ok, family=fixed, points=9),
            "removed": _format(tokens.bad, family=fixed, points=9),
            "hunk": _format(tokens.info, family=fixed, points=9),
            "fold": _format(tokens.info),
            "warn": _format(tokens.warn, bold=True),
            "bad": _format(tokens.bad, bold=True),
            "note": _format(tokens.muted),
            "gap": _format(tokens.text, points=5),
        }


def _format(
    colour: str, *, bold: bool = False, italic: bool = False, family: str = "", points: float = 0.0
) -> QTextCharFormat:
    made = QTextCharFormat()
    made.setForeground(QColor(colour))
    made.setFontItalic(italic)
    if bold:
        made.setFontWeight(QFont.Weight.DemiBold)
    if family:
        made.setFontFamilies([family])
    if points:
        made.setFontPointSize(points)
    return made


def _has(line: TextLine, wanted: str) -> bool:
    return line.folded is not None and wanted in line.folded.text.casefold()


def _weight(line: TextLine) -> int:
    return len(line.folded.text) if line.folded else 0
