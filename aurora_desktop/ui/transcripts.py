"""From a task's transcript to its lines: read on when something may have come, by pieces that hold up nothing."""

import asyncio
from collections import deque
from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.tasks.view import Entry, TasksFace
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.transcript_lines import all_lines

CHUNK = 500
ENTRIES_SHOWN = 2_000
"""Of a transcript that is longer when it is opened, the last ones."""
AT_ONCE = 25
"""Entries that are written between two turns of the loop: some milliseconds."""


class TranscriptReader(QObject):
    """`began`: another transcript follows; `lines` (list of TextLine) are to be added; `ended`: nothing more comes.

    `entries` are the same before they became lines; `failed` says why they cannot be read.
    """

    began = Signal()
    lines = Signal(object)
    entries = Signal(object)
    ended = Signal()
    failed = Signal(str)

    def __init__(self, face: TasksFace, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._face, self._tasks = face, tasks
        self.task_id = ""
        self._agent = self._after = ""
        self._offset = 0
        self._is_over = False
        self._is_reading = False
        self._is_wanted_again = False

    def follow(self, task_id: str, agent: str) -> None:
        """Show this task's from the beginning; "" shows none."""
        if task_id == self.task_id:
            return
        self.task_id, self._agent = task_id, agent
        self._offset, self._after, self._is_over = 0, "", False
        self.began.emit()
        self.read_on()

    def name_again(self) -> None:
        """Others spoke in between: who goes on is to be named."""
        self._after = ""

    def begin_anew(self) -> None:
        """The task works again: more may come."""
        self._is_over = False
        self.read_on()

    def read_on(self) -> None:
        """Read what has come since."""
        if not self.task_id or self._is_over:
            return
        if self._is_reading:
            self._is_wanted_again = True
            return
        self._is_reading = True
        self._tasks.run(self._read(), self._fail)

    def _fail(self, error: AuroraError) -> None:
        """Told once, in the place of the lines: a box each second would help nobody."""
        self._is_over = True
        self.failed.emit(str(error))

    async def _read(self) -> None:
        try:
            self._is_wanted_again = True
            while self._is_wanted_again:
                self._is_wanted_again = False
                await self._read_once(self.task_id)
        finally:
            self._is_reading = False

    async def _read_once(self, task_id: str) -> None:
        """All that there is now; another task that was chosen meanwhile makes it of no interest."""
        kept: deque[Entry] = deque(maxlen=ENTRIES_SHOWN)
        while True:
            piece = await self._face.transcript(task_id, self._offset, CHUNK)
            if task_id != self.task_id:
                self._is_wanted_again = True
                return
            self._offset = piece.next_offset  # a page may be shorter than was asked for
            kept.extend(piece.entries)
            if piece.is_over or not piece.entries:
                break
        await self._tell(task_id, list(kept))
        if piece.is_over and task_id == self.task_id:
            self._is_over = True
            self.ended.emit()

    async def _tell(self, task_id: str, entries: Sequence[Entry]) -> None:
        for place in range(0, len(entries), AT_ONCE):
            if task_id != self.task_id:
                return
            some = entries[place : place + AT_ONCE]
            self.entries.emit(some)
            self.lines.emit(all_lines(some, self._agent, self._after))
            self._after = some[-1].kind
            await asyncio.sleep(0)
