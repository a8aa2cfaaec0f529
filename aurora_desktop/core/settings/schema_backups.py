"""Options of backups and of the look for damage."""

from typing import Annotated

from msgspec import Meta

from aurora_desktop.core.settings.options import Seconds, Section, option
from aurora_desktop.core.settings.values import ByteSize

Kept = Annotated[int, Meta(ge=0, le=10_000)]


class BackupSettings(Section, frozen=True):
    """Backups of the state: the queue, the failure memory, the events. One is made at quit, too."""

    enabled: Annotated[bool, option("Make them.")] = True
    interval_s: Annotated[Annotated[float, Meta(ge=60)], option("Time between two backups.", "s")] = 3600.0
    keep_hourly: Annotated[Kept, option("The newest of each of so many hours is kept.", "backups")] = 6
    keep_daily: Annotated[Kept, option("The newest of each of so many days is kept.", "backups")] = 7
    keep_weekly: Annotated[Kept, option("The newest of each of so many weeks is kept.", "backups")] = 4
    max_bytes: Annotated[ByteSize, option("Oldest are removed above this size; never the newest.", "bytes")] = ByteSize(
        1_000_000_000
    )
    path: Annotated[
        Annotated[str, Meta(min_length=1, max_length=4096)] | None,
        option("A second folder, best on another disk; it must exist, and be empty or Aurora's. `~` is understood."),
    ] = None
    scrub_interval_s: Annotated[Seconds, option("Every page and every backup is looked at in this time.")] = 86_400.0
