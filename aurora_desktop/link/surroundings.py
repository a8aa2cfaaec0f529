"""What the link gets of the rest of the house, as one value."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.storage.database import Database
from aurora_desktop.link.view import TaskTaker


class JournalFace(Protocol):
    """What the inbox asks of the journal."""

    async def has_told(self, message_ids: set[str]) -> set[str]:
        """Those of which it holds an event."""
        ...

    async def settled(self) -> bool:
        """Whether all that was published until now is on disk, once that is known."""
        ...


class Surroundings(NamedTuple):
    """`shared`: what the server may be told, task and thought."""

    clock: Clock
    publish: Callable[[AnyEvent], object]
    database: Database
    secrets_folder: Path
    tasks: TaskTaker | None
    journal: JournalFace
    shared: Callable[[], tuple[str, str]]
