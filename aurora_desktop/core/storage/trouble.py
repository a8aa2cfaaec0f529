"""Whether one file of ours can be written: told once when it cannot, and once when it can again."""

from collections.abc import Callable
from pathlib import Path

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.core.storage.opening import Quarantine
from aurora_desktop.core.storage_events import StorageFailing, StorageQuarantined, StorageRecovered

StorageEvent = StorageFailing | StorageRecovered | StorageQuarantined

FIRST_RETRY_S = 0.25
LONGEST_RETRY_S = 5.0
COMPONENT = "aurora"


class Trouble:
    """The state of one file; `tell` gets one StorageFailing and one StorageRecovered for each trouble.

    `what` is written there, in words.
    """

    def __init__(self, path: Path, clock: Clock, tell: Callable[[StorageEvent], object], what: str = "events") -> None:
        self._path = path
        self._what = what
        self._clock = clock
        self._tell = tell
        self._failures = 0
        self._kept = 0
        self._dropped = 0

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt failed."""
        return self._failures > 0

    @property
    def retry_s(self) -> float:
        """Seconds until the next attempt: doubled with each failure, LONGEST_RETRY_S at the most."""
        return float(min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** min(self._failures - 1, 20)))

    def fail(self, error: BaseException) -> None:
        """An attempt failed; what was to be written is kept."""
        self._failures += 1
        if self._failures == 1:
            self._tell(self._failing(error))

    def drop(self, count: int = 1) -> None:
        """Records were given up, as too many wait; without a failure the disk hangs or is too slow, told alike."""
        if count:
            self._dropped += count
            if not self.is_failing:
                self.fail(TimeoutError("the disk does not keep up with the events"))

    def succeed(self, written: int, left: int, rescued: int = 0) -> None:
        """`written` records are on disk, `rescued` of them given up too early, and `left` wait.

        The trouble is over when none do.
        """
        if not self.is_failing:
            return
        self._dropped -= rescued
        self._kept += written
        if left:
            return
        event = StorageRecovered(
            at=self._clock.wall(),
            component=COMPONENT,
            path=str(self._path),
            kept=self._kept,
            dropped=self._dropped,
        )
        self._failures = self._kept = self._dropped = 0
        self._tell(event)

    def _failing(self, error: BaseException) -> StorageFailing:
        return StorageFailing(
            at=self._clock.wall(), component=COMPONENT, path=str(self._path), detail=words(error), what=self._what
        )


def quarantined(at: float, moved: Quarantine) -> StorageQuarantined:
    """The event that tells of a file that was moved aside, and what stands in its place."""
    return StorageQuarantined(
        at=at,
        component=COMPONENT,
        path=str(moved.path),
        moved_to=str(moved.moved_to),
        reason=moved.reason,
        restored_from=moved.rescued.source if moved.rescued else "",
        lost=moved.rescued.lost if moved.rescued else "",
    )
