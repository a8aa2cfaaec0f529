"""What is asked of the process that makes backups, and what it answers: one JSON value each way."""

from msgspec import Struct

from aurora_desktop.backups.keeping import Rule

STATE = "state.db"
DATABASES = (STATE, "journal.db")
"""What a backup holds, in the state dir."""


class Request(Struct, frozen=True, tag="make"):
    """Make a backup of the state dir `root`; `folder` is its own folder of backups, `second` another one or ""."""

    root: str
    folder: str
    second: str
    reason: str
    rule: Rule
    at: float


class Made(Struct, frozen=True, tag="made"):
    """It is made, and was restored for a test. `trouble`: why the second folder has it not, or ""."""

    id: str
    bytes: int
    duration_s: float
    removed: tuple[str, ...] = ()
    trouble: str = ""


class Failed(Struct, frozen=True, tag="failed"):
    """There is none. `damaged` names the database whose page was found broken, or is ""."""

    title: str
    detail: str
    hint: str
    damaged: str = ""
