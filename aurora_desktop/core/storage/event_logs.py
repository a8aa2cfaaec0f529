"""`heartbeat.log` and `recovery_events.log`, fed with the records that belong in them."""

import logging
from collections.abc import Callable
from pathlib import Path

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import Heartbeat, Record
from aurora_desktop.core.settings.schema import LogSettings
from aurora_desktop.core.storage.jsonl import JsonlLog, heartbeat_line, last_id, recovery_line
from aurora_desktop.core.storage.line_log import LineLog
from aurora_desktop.core.storage.trouble import StorageEvent, Trouble

log = logging.getLogger(__name__)


class EventLogs:
    """The two logs in `folder`; lines are added from any thread and written in the writer's."""

    def __init__(self, folder: Path, settings: LogSettings, clock: Clock, tell: Callable[[StorageEvent], None]) -> None:
        def begin(name: str) -> LineLog:
            path = folder / name
            return LineLog(JsonlLog(path, settings), Trouble(path, clock, tell))

        self._heartbeat = begin("heartbeat.log")
        self._recovery = begin("recovery_events.log")
        self._both = (self._heartbeat, self._recovery)

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        return tuple(one.trouble for one in self._both)

    @property
    def is_failing(self) -> bool:
        """Whether one of them could not be written at the last attempt."""
        return any(trouble.is_failing for trouble in self.troubles)

    def open(self) -> None:
        """Open both and repair their ends; one that cannot be opened is told with its first line."""
        for one in self._both:
            try:
                one.file.open()
            except OSError as error:
                log.warning("%s cannot be opened: %s", one.file.path, error)

    def add(self, record: Record) -> None:
        """Take the record's line, if it has one."""
        event = record.event
        if isinstance(event, Heartbeat):
            self._heartbeat.add(heartbeat_line(record, event))
        if event.recovery:
            self._recovery.add(recovery_line(record))

    def waiting(self) -> int:
        """Number of lines that are not written yet."""
        return sum(len(one.waiting) for one in self._both)

    def write(self) -> None:
        """Write what waits; a failure is told, and the lines are kept."""
        for one in self._both:
            one.write()

    def last_id(self) -> int:
        """The highest id in the logs; 0 when they are empty."""
        return max(last_id(one.file.path) for one in self._both)

    def configure(self, settings: LogSettings) -> None:
        """Apply changed sizes with the next line."""
        for one in self._both:
            one.file.settings = settings

    def close(self) -> None:
        for one in self._both:
            one.file.close()
