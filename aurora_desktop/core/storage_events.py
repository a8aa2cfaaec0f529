"""What happens to the files of the state, and to their backups: a part of the closed set of `events.py`."""

from typing import ClassVar

from aurora_desktop.core.event import Event


class StorageFailing(Event, frozen=True):
    """A file of ours cannot be written; told once until `StorageRecovered`. `what` is lost or waits, in words."""

    error: ClassVar[bool] = True

    path: str
    detail: str
    what: str = "events"


class StorageRecovered(Event, frozen=True):
    path: str
    kept: int
    dropped: int


class StorageQuarantined(Event, frozen=True):
    """A damaged file was moved aside, never deleted, and a new one begun.

    `restored_from`: what the new one was made of, in words; "" if it is empty. `lost`: what is not in it any more.
    """

    error: ClassVar[bool] = True

    path: str
    moved_to: str
    reason: str
    restored_from: str = ""
    lost: str = ""


class BackupMade(Event, frozen=True):
    """A backup of the state was made, and restored for a test. `trouble`: why the second folder has it not."""

    backup_id: str
    reason: str
    size_bytes: int
    duration_s: float
    trouble: str = ""


class BackupFailed(Event, frozen=True):
    """A backup could not be made; told once until one is made again."""

    error: ClassVar[bool] = True

    detail: str
    hint: str = ""


class DamageFound(Event, frozen=True):
    """A file or a backup was found damaged while Aurora ran; `remedy` says what becomes of it."""

    error: ClassVar[bool] = True

    path: str
    detail: str
    remedy: str
