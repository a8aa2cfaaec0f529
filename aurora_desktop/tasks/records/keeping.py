"""All that is recorded of tasks, put together: fed by the stream of events, cared for in rounds."""

from collections.abc import Callable, Coroutine

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import Record
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import LogSettings, Settings
from aurora_desktop.core.storage.trouble import StorageEvent
from aurora_desktop.core.task_events import TaskFinished
from aurora_desktop.tasks.records.logs import Queue, TaskRecords
from aurora_desktop.tasks.records.retention import Retention


class RecordKeeping:
    """`read` is a reader of the bus, behind the coordinator's; `close` once nothing more is published of tasks."""

    def __init__(
        self,
        paths: StatePaths,
        settings: Callable[[], Settings],
        *,
        clock: Clock,
        publish: Callable[[StorageEvent], object],
        queue: Queue,
    ) -> None:
        self._queue = queue
        self._records = TaskRecords(paths, settings().logs, clock, publish, queue, lambda: settings().tasks)
        self._retention = Retention(paths, lambda: settings().tasks, clock, self._is_unfinished, publish)

    def read(self, record: Record) -> None:
        """A reader of the bus."""
        self._records.read(record)
        if isinstance(record.event, TaskFinished):
            self._retention.finished(record.event.task_id)

    def rounds(self) -> tuple[Coroutine[None, None, None], ...]:
        """What an Aurora that died left undone, and an endless loop; to be run as tasks."""
        return self._records.recover(), self._retention.rounds()

    def configure(self, settings: LogSettings) -> None:
        """Apply changed sizes with the next line."""
        self._records.configure(settings)

    async def close(self) -> None:
        """Write what waits."""
        await self._records.close()

    def abandon(self) -> None:
        """Let go of the files without a loop."""
        self._records.abandon()

    def _is_unfinished(self, task_id: str) -> bool:
        task = self._queue.find(task_id)
        return task is not None and not task.is_finished
