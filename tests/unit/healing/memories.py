"""A failure memory on a real database, and faults to remember."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.clocks import FakeClock

from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.storage.database import Database
from aurora_desktop.healing.faults import Fault, Sighting
from aurora_desktop.healing.memory.store import MIGRATIONS, FailureMemory

APPLICATION_ID = 7


class OpenMemory:
    """`memory` on `database`; what it published is in `told`."""

    def __init__(self, path: Path, clock: FakeClock, max_days: float = 3650.0) -> None:
        self.clock = clock
        self.told: list[AnyEvent] = []
        self.database = Database.open(path, MIGRATIONS, APPLICATION_ID)
        self.memory = FailureMemory(self.database, clock, self.told.append, max_days)

    def settle(self) -> None:
        """Return once all that was written so far is on the disk."""
        self.database.submit(lambda _: None).result()

    def rows(self, sql: str, *args: object) -> list[tuple[object, ...]]:
        self.settle()
        return self.database.read(sql, args)


@contextmanager
def opened(path: Path, clock: FakeClock, max_days: float = 3650.0) -> Iterator[OpenMemory]:
    made = OpenMemory(path, clock, max_days)
    try:
        yield made
    finally:
        made.database.close()


def fault(sentence: str, kind: str = "unknown", service: str = "web", at: float = 1_750_000_000.0) -> Fault:
    seen = Sighting(at=at, component=f"service:{service}", event="service_failed", event_id=1, message=sentence)
    return Fault(kind=kind, sentence=sentence, sighting=seen)
