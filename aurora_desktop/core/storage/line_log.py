"""One JSONL log with the lines that wait for it: none is lost to a full disk, unless too many wait."""

from collections import deque

from aurora_desktop.core.storage.jsonl import JsonlLog
from aurora_desktop.core.storage.pending import MOST_IN_A_BURST, MOST_PENDING
from aurora_desktop.core.storage.trouble import Trouble


class LineLog:
    """One file with the lines that wait for it: `add` from any thread, the rest from the writer's."""

    def __init__(self, file: JsonlLog, trouble: Trouble) -> None:
        self.file = file
        self.trouble = trouble
        self.waiting: deque[bytes] = deque()

    def add(self, line: bytes) -> None:
        self.waiting.append(line)
        if len(self.waiting) > (MOST_PENDING if self.trouble.is_failing else MOST_IN_A_BURST):
            del self.waiting[1]  # the first may be on its way to the disk
            self.trouble.drop()

    def write(self) -> None:
        """Write until all is written or an attempt fails."""
        written = 0
        try:
            while self.waiting:
                self.file.write(self.waiting[0])
                self.waiting.popleft()
                written += 1
        except OSError as error:
            self.trouble.fail(error)
        self.trouble.succeed(written, len(self.waiting))
