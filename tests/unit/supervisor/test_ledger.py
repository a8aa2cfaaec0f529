"""What was spawned, written down for the next Aurora."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from aurora_desktop.core.storage.database import Database
from aurora_desktop.supervisor.ledger import MIGRATIONS, Entry, Ledger

APPLICATION_ID = 0x41555253


def entry(marker: str, service: str = "web", **keys: Any) -> Entry:
    values = {
        "pid": 100,
        "started": 7,
        "boot_id": "boot",
        "spawned_at": 1.5,
        "ready": False,
        "frozen": False,
        "definition": "digest",
    }
    return Entry(marker=marker, service=service, **{**values, **keys})


@pytest.fixture
def open_database(tmp_path: Path) -> Iterator[Callable[[], Database]]:
    """Opens the same file, again and again."""
    opened: list[Database] = []

    def open_it() -> Database:
        while opened:
            opened.pop().close()
        opened.append(Database.open(tmp_path / "state.db", MIGRATIONS, APPLICATION_ID))
        return opened[-1]

    yield open_it
    for database in opened:
        database.close()


def rows(open_database: Callable[[], Database]) -> list[Entry]:
    """What the next Aurora finds."""
    return Ledger(open_database()).entries()


def test_a_new_ledger_is_empty(open_database: Callable[[], Database]) -> None:
    assert rows(open_database) == []


def test_a_marker_is_on_disk_before_it_is_used(open_database: Callable[[], Database]) -> None:
    ledger = Ledger(open_database())
    ledger.prepare(["web", "db"])
    found = {e.service: e for e in rows(open_database)}
    assert set(found) == {"web", "db"}
    assert found["web"].pid is None
    assert found["web"].started is None
    assert found["web"].marker == ledger.take("web")


def test_preparing_again_makes_no_second_marker(open_database: Callable[[], Database]) -> None:
    ledger = Ledger(open_database())
    ledger.prepare(["web"])
    ledger.prepare(["web"])
    assert len(rows(open_database)) == 1


def test_a_marker_that_was_not_prepared_is_written_when_it_is_taken(open_database: Callable[[], Database]) -> None:
    marker = Ledger(open_database()).take("web")
    assert [e.marker for e in rows(open_database)] == [marker]


def test_every_spawn_has_a_marker_of_its_own(open_database: Callable[[], Database]) -> None:
    ledger = Ledger(open_database())
    assert len({ledger.take("web") for _ in range(5)}) == 5


def test_a_spawn_is_found_again_and_the_next_marker_is_prepared(open_database: Callable[[], Database]) -> None:
    ledger = Ledger(open_database())
    marker = ledger.take("web")
    ledger.spawned(marker, entry(marker))
    found = {e.marker: e for e in rows(open_database)}
    assert found.pop(marker) == entry(marker)
    (prepared,) = found.values()
    assert (prepared.service, prepared.pid) == ("web", None)
    assert ledger.take("web") == prepared.marker


def test_ready_and_frozen_are_found_again(open_database: Callable[[], Database]) -> None:
    ledger = Ledger(open_database())
    marker = ledger.take("web")
    ledger.spawned(marker, entry(marker))
    ledger.is_ready(marker)
    ledger.is_frozen(marker, frozen=True)
    assert {e.marker: e for e in rows(open_database)}[marker] == entry(marker, ready=True, frozen=True)


def test_a_thaw_is_found_again(open_database: Callable[[], Database]) -> None:
    ledger = Ledger(open_database())
    marker = ledger.take("web")
    ledger.is_frozen(marker, frozen=True)
    ledger.is_frozen(marker, frozen=False)
    assert [e.frozen for e in rows(open_database)] == [False]


def test_what_ended_is_gone(open_database: Callable[[], Database]) -> None:
    ledger = Ledger(open_database())
    kept, ended = ledger.take("web"), ledger.take("db")
    ledger.ended(ended)
    assert [e.marker for e in rows(open_database)] == [kept]


def test_what_is_forgotten_is_gone(open_database: Callable[[], Database]) -> None:
    ledger = Ledger(open_database())
    markers = [ledger.take(name) for name in ("a", "b", "c")]
    ledger.forget(markers[:2])
    assert [e.marker for e in rows(open_database)] == markers[2:]


def test_a_closed_database_is_no_error_and_is_said_once(
    open_database: Callable[[], Database], caplog: pytest.LogCaptureFixture
) -> None:
    database = open_database()
    ledger = Ledger(database)
    database.close()
    with caplog.at_level(logging.WARNING):
        marker = ledger.take("web")
        ledger.spawned(marker, entry(marker))
        ledger.ended(marker)
    assert marker
    assert len(caplog.records) == 1
    open_database()


class FailingDatabase:
    """Fails while `error` is set, in the way of the writer thread or at once."""

    def __init__(self) -> None:
        self.error: Exception | None = OSError("disk full")
        self.raises: RuntimeError | None = None

    def submit(self, work: Callable[[Any], Any], within_s: float = 0.0) -> "Future[Any]":
        if self.raises is not None:
            raise self.raises
        future: Future[Any] = Future()
        if self.error is not None:
            future.set_exception(self.error)
        else:
            future.set_result(None)
        return future

    def read(self, sql: str, arguments: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        return []


def everything(ledger: Ledger) -> None:
    marker = ledger.take("web")
    ledger.spawned(marker, entry(marker))
    ledger.is_ready(marker)
    ledger.is_frozen(marker, frozen=True)
    ledger.ended(marker)
    ledger.forget([marker])


def test_a_full_disk_is_no_error_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        everything(Ledger(FailingDatabase()))
    assert ["disk full" in record.getMessage() for record in caplog.records] == [True]


def test_a_second_outage_is_said_again(caplog: pytest.LogCaptureFixture) -> None:
    database = FailingDatabase()
    ledger = Ledger(database)
    with caplog.at_level(logging.WARNING):
        ledger.take("web")
        database.error = None
        ledger.take("web")
        database.error = OSError("disk full again")
        ledger.take("web")
    assert ["again" in record.getMessage() for record in caplog.records] == [False, True]


def test_a_writer_that_takes_nothing_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    database = FailingDatabase()
    database.raises = RuntimeError("cannot schedule new futures after shutdown")
    with caplog.at_level(logging.WARNING):
        everything(Ledger(database))
    assert len(caplog.records) == 1
