"""How it stands with backups, for whoever shows it."""

from msgspec import Struct


class BackupsView(Struct, frozen=True):
    """`last_at`: Unix time of the newest good one, None if there is none. `failing`, `trouble` (of the second folder)
    and `damaged`: why, in words, or "". `overdue_s`: how long the last good one is over its time, 0 while it is not."""

    enabled: bool
    last_at: float | None = None
    failing: str = ""
    hint: str = ""
    trouble: str = ""
    damaged: str = ""
    overdue_s: float = 0.0
