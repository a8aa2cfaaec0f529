"""The journal: everything appended is there, in order, whatever the disk and the clock do."""

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any, Literal, get_args, get_origin, get_type_hints

import apsw
import msgspec
import pytest
from core.clocks import FakeClock

from aurora_desktop.core.bus import Bus
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.event import Event
from aurora_desktop.core.events import AnyEvent, Heartbeat, Record, ServiceRestarting
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import JournalSettings, LogSettings
from aurora_desktop.core.settings.values import ByteSize
from aurora_desktop.core.storage.journal import BATCH, MIGRATIONS, Journal
from aurora_desktop.core.storage.pending import MOST_PENDING, PendingRecords, Row
from aurora_desktop.core.storage.trouble import StorageEvent
from aurora_desktop.core.storage_events import StorageFailing, StorageQuarantined, StorageRecovered

from .conftest import WAIT_S, OpenJournal, SmallDisk, ids

DAY_S = 86_400.0
MakeRecord = Callable[..., Record]
Troubles = Queue[StorageEvent]


def sample(type_: Any) -> Any:
    """Some value of a field's type."""
    if get_origin(type_) is Literal:
        return get_args(type_)[-1]
    if get_origin(type_) is tuple:
        return (sample(get_args(type_)[0]),) * 2
    if get_origin(type_) is dict:
        return {"é 漢 😀": sample(get_args(type_)[1])}
    if args := get_args(type_):
        return sample(args[0])
    return {float: 0.1, int: 2**40, str: 'a "b" \n\x1b é 漢 😀', bool: True, object: [1, "x", None]}[type_]


def sample_event(kind: type[Event]) -> AnyEvent:
    hints = get_type_hints(kind)
    return kind(**{name: sample(hints[name]) for name in kind.__struct_fields__})  # type: ignore[return-value] # kinds are the members of AnyEvent


@pytest.mark.parametrize("kind", get_args(AnyEvent))
def test_each_event_comes_back_as_it_was(open_journal: OpenJournal, kind: type[Event]) -> None:
    event = sample_event(kind)
    journal, _ = open_journal()
    journal.append(Record(1, event))
    assert journal.close()
    journal, last_id = open_journal()
    assert (last_id, journal.since(0)) == (1, [Record(1, event)])


@pytest.mark.parametrize("is_flushed", [True, False])
def test_readers_choose_by_id_limit_component_and_recovery(
    open_journal: OpenJournal, restarting: MakeRecord, heartbeat: MakeRecord, is_flushed: bool
) -> None:
    journal, _ = open_journal()
    records = [
        restarting(n, "service:a") if n % 3 == 0 else restarting(n, "service:b") if n % 3 == 1 else heartbeat(n)
        for n in range(1, 13)
    ]
    for record in records:
        journal.append(record)
    assert not is_flushed or journal.flush()
    assert journal.since(0) == records
    assert ids(journal.since(10)) == [11, 12]
    assert ids(journal.since(2, limit=3)) == [3, 4, 5]
    assert ids(journal.since(3, limit=2, component="service:a")) == [6, 9]
    assert ids(journal.recent(3)) == [10, 11, 12]
    assert ids(journal.recent(3, recovery_only=True)) == [9, 10, 12]
    assert ids(journal.recent(2, component="service:b")) == [7, 10]
    assert journal.recent(0) == journal.since(0, limit=0) == journal.since(12) == []


def test_what_is_committed_and_what_is_not_are_one_stream(open_journal: OpenJournal, restarting: MakeRecord) -> None:
    journal, _ = open_journal()
    for id_ in range(1, 6):
        journal.append(restarting(id_))
    assert journal.flush()
    for id_ in range(6, 9):
        journal.append(restarting(id_))
    assert ids(journal.since(3)) == [4, 5, 6, 7, 8]
    assert ids(journal.recent(5)) == [4, 5, 6, 7, 8]


def test_two_threads_read_a_growing_journal_without_gaps(open_journal: OpenJournal, restarting: MakeRecord) -> None:
    journal, _ = open_journal()

    def follow() -> list[int]:
        seen: list[int] = []
        while len(seen) < 3000:
            seen += ids(journal.since(seen[-1] if seen else 0, limit=100))
        return seen

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(follow) for _ in range(2)]
        for id_ in range(1, 3001):
            journal.append(restarting(id_))
        for reader in readers:
            assert reader.result(WAIT_S) == list(range(1, 3001))


def test_the_bus_numbers_go_on_after_a_restart(open_journal: OpenJournal, restarting: MakeRecord) -> None:
    for expected in (1, 2, 3):
        journal, last_id = open_journal()
        bus = Bus(last_id)
        bus.subscribe(journal.append)
        assert bus.publish(restarting(0).event) == expected
        assert journal.close()


def test_an_event_of_a_newer_version_is_passed_over(open_journal: OpenJournal, paths: StatePaths) -> None:
    journal, _ = open_journal()
    journal.append(Record(1, ServiceRestarting(at=1.0, component="a", attempt=1, delay_s=0.0, cause="x")))
    journal.append(Record(2, _FromTheFuture(at=2.0, component="a", wish="x")))  # type: ignore[arg-type] # that is the point
    journal.append(Record(3, ServiceRestarting(at=3.0, component="a", attempt=2, delay_s=0.0, cause="x")))
    assert journal.close()
    journal, last_id = open_journal()
    assert last_id == 3
    assert ids(journal.since(0, limit=2)) == ids(journal.recent(2)) == [1, 3]


class _FromTheFuture(Event, frozen=True):
    wish: str


def test_text_that_is_not_unicode_is_kept_readable(open_journal: OpenJournal, restarting: MakeRecord) -> None:
    journal, _ = open_journal()
    journal.append(restarting(1, cause="file \udcff"))
    assert journal.flush()
    assert [r.event.cause for r in journal.since(0) if isinstance(r.event, ServiceRestarting)]
    assert journal.close()
    journal, _ = open_journal()
    (event,) = (record.event for record in journal.since(0))
    assert isinstance(event, ServiceRestarting)
    assert event.cause == "file ?"


def test_append_before_open_and_after_close_raises_nothing(
    paths: StatePaths, clock: FakeClock, restarting: MakeRecord
) -> None:
    journal = Journal(paths, JournalSettings(), LogSettings(), clock)
    journal.append(restarting(1))
    assert journal.open() == 0
    assert journal.flush()
    assert journal.close()
    journal.append(restarting(2))
    assert not journal.flush()


# --- the logs ---------------------------------------------------------------------------------------------------


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_logs_have_the_fields_that_scripts_read(
    open_journal: OpenJournal, paths: StatePaths, restarting: MakeRecord, heartbeat: MakeRecord
) -> None:
    journal, _ = open_journal()
    journal.append(restarting(1))
    journal.append(heartbeat(2))
    assert journal.close()
    (recovery,) = lines(paths.logs / "recovery_events.log")
    assert recovery == {
        "timestamp": "2025-06-15T15:06:40.000Z",
        "component": "service:web",
        "event_type": "service_restarting",
        "details": {"attempt": 1, "delay_s": 0.0, "cause": "exited"},
        "id": 1,
    }
    (beat,) = lines(paths.logs / "heartbeat.log")
    assert beat["timestamp"] == beat["last_heartbeat"] == "2025-06-15T15:06:40.000Z"
    assert (beat["type"], beat["running"], beat["uptime_seconds"]) == ("heartbeat", True, 60.5)
    assert beat["error_counts"] == {"service:web": 2}
    assert beat["recent_recovery_events"] == [{"component": "service:web", "event_type": "service_failed"}]


def test_the_logs_rotate_by_their_settings(
    open_journal: OpenJournal, paths: StatePaths, restarting: MakeRecord
) -> None:
    journal, _ = open_journal()
    journal.configure(JournalSettings(), LogSettings(max_bytes=ByteSize(1000), keep=2))
    for id_ in range(1, 41):
        journal.append(restarting(id_))
    assert journal.close()
    names = sorted(path.name for path in paths.logs.glob("recovery_events.log*"))
    assert names == ["recovery_events.log", "recovery_events.log.1.gz", "recovery_events.log.2.gz"]
    assert (paths.logs / "recovery_events.log").stat().st_size <= 1000


# --- killed -----------------------------------------------------------------------------------------------------

WRITE_FOR_EVER = """
import sys
from pathlib import Path
from aurora_desktop.core.clock import SystemClock
from aurora_desktop.core.events import Record, ServiceRestarting
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import JournalSettings, LogSettings
from aurora_desktop.core.storage.journal import Journal
journal = Journal(StatePaths(Path(sys.argv[1])), JournalSettings(), LogSettings(), SystemClock())
before = id = journal.open()
while True:
    id += 1
    journal.append(Record(id, ServiceRestarting(at=1.0, component="a", attempt=id, delay_s=0.0, cause="x" * 500)))
    if id % 7 == 0 and journal.flush():
        print(before + 1, id, flush=True)
        before = id
"""


def test_nothing_acknowledged_is_lost_by_kill_9(open_journal: OpenJournal, paths: StatePaths) -> None:
    """Of what was not, the database may have a batch that the log has not: the kill came between the two."""
    acknowledged: set[int] = set()
    for _ in range(5):
        command = [sys.executable, "-c", WRITE_FOR_EVER, str(paths.root)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout
            told = [child.stdout.readline() for _ in range(20)]
            child.kill()
            told += child.stdout.read().splitlines(keepends=True)
        for line in told:
            if line.endswith("\n"):
                first, last = map(int, line.split())
                acknowledged |= set(range(first, last + 1))
    journal, last_id = open_journal()
    assert len(acknowledged) >= 5 * 20 * 7
    assert last_id >= max(acknowledged)
    assert ids(journal.since(0, limit=last_id)) == list(range(1, last_id + 1))
    assert {line["id"] for line in lines(paths.logs / "recovery_events.log")} >= acknowledged


# --- a full disk ------------------------------------------------------------------------------------------------


@pytest.fixture
def full(
    small_disk: SmallDisk, open_journal: OpenJournal, restarting: MakeRecord, troubles: Troubles
) -> tuple[Journal, list[StorageEvent]]:
    """A journal with events 1 to 100, of which the last 90 found the disk full, and what was told of that."""
    journal, _ = open_journal(StatePaths(small_disk.folder / "state"))
    for id_ in range(1, 11):
        journal.append(restarting(id_))
    assert journal.flush()
    small_disk.fill()
    for id_ in range(11, 101):
        journal.append(restarting(id_, cause="x" * 1000))
    assert not journal.flush()
    return journal, [troubles.get(timeout=WAIT_S) for _ in range(2)]


def test_a_full_disk_and_its_return_are_told_once_for_each_file(
    full: tuple[Journal, list[StorageEvent]], small_disk: SmallDisk, troubles: Troubles
) -> None:
    journal, failures = full
    assert not journal.flush()
    assert {type(event) for event in failures} == {StorageFailing}
    assert {Path(event.path).name for event in failures} == {"journal.db", "recovery_events.log"}
    small_disk.free()
    returns = [troubles.get(timeout=WAIT_S) for _ in range(2)]
    assert {type(event) for event in returns} == {StorageRecovered}
    assert {event.path for event in returns} == {event.path for event in failures}
    assert {event.kept for event in returns if isinstance(event, StorageRecovered)} <= set(range(1, 91))
    assert [event.dropped for event in returns if isinstance(event, StorageRecovered)] == [0, 0]
    assert journal.close()
    assert troubles.empty()


def test_nothing_is_lost_over_a_full_disk(
    full: tuple[Journal, list[StorageEvent]], small_disk: SmallDisk, open_journal: OpenJournal
) -> None:
    journal, _ = full
    assert ids(journal.since(0)) == list(range(1, 101))
    small_disk.free()
    assert journal.close(WAIT_S)
    paths = StatePaths(small_disk.folder / "state")
    journal, last_id = open_journal(paths)
    assert last_id == 100
    assert ids(journal.since(0)) == list(range(1, 101))
    assert [line["id"] for line in lines(paths.logs / "recovery_events.log")] == list(range(1, 101))


def test_too_many_waiting_records_lose_heartbeats_first(restarting: MakeRecord, heartbeat: MakeRecord) -> None:
    pending = PendingRecords()
    row: Row = (0, 0.0, "", False, "")
    records = [heartbeat(n) if n in (3, 5) else restarting(n) for n in range(1, MOST_PENDING + 1)]
    assert not any(pending.add(record, row) for record in records)
    lost: list[int] = []
    for id_ in range(MOST_PENDING + 1, MOST_PENDING + 5):
        before = set(ids(pending.records()))
        assert pending.add(restarting(id_), row) == 1
        lost += before - set(ids(pending.records()))
    assert lost == [3, 5, 1, 2]
    assert len(pending) == MOST_PENDING


def test_records_dropped_over_a_long_trouble_are_counted(
    full: tuple[Journal, list[StorageEvent]], small_disk: SmallDisk, restarting: MakeRecord, troubles: Troubles
) -> None:
    journal, _ = full
    last_id = MOST_PENDING + 2 * BATCH  # an attempt that holds a batch while the disk is freed may yet save that many
    for id_ in range(101, last_id + 1):
        journal.append(restarting(id_))
    small_disk.free()
    assert journal.flush(WAIT_S)
    returns = [troubles.get(timeout=WAIT_S) for _ in range(2)]
    kept = len(journal.since(0, limit=2 * MOST_PENDING))
    (recovered,) = (e for e in returns if isinstance(e, StorageRecovered) and e.path.endswith("journal.db"))
    assert kept + recovered.dropped == last_id
    assert recovered.dropped > 0


def test_the_trouble_is_handed_over_where_the_caller_wants_it(
    small_disk: SmallDisk, clock: FakeClock, restarting: MakeRecord
) -> None:
    handed: Queue[Callable[[], None]] = Queue()
    told: list[StorageEvent] = []
    paths = StatePaths(small_disk.folder / "state")
    journal = Journal(paths, JournalSettings(), LogSettings(), clock, on_trouble=told.append, call_soon=handed.put)
    journal.open()
    small_disk.fill()
    journal.append(restarting(1, cause="x" * 100_000))
    call = handed.get(timeout=WAIT_S)
    assert not told
    call()
    assert isinstance(told[0], StorageFailing)
    small_disk.free()
    assert journal.close(WAIT_S)


def test_opening_where_nothing_can_be_written_says_what_to_do(
    open_journal: OpenJournal, tmp_path: Path, small_disk: SmallDisk
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AuroraError, match=r"journal\.db"):
        open_journal(StatePaths(tmp_path / "file" / "state"))
    paths = StatePaths(small_disk.folder / "state")
    paths.make()
    small_disk.fill()
    try:
        with pytest.raises(AuroraError) as caught:
            open_journal(paths)
    finally:
        small_disk.free()
    assert "space" in caught.value.hint


# --- damage -----------------------------------------------------------------------------------------------------


def test_a_damaged_journal_is_set_aside_and_told_and_its_ids_are_not_given_again(
    open_journal: OpenJournal, paths: StatePaths, restarting: MakeRecord, troubles: Troubles
) -> None:
    journal, _ = open_journal()
    for id_ in range(1, 51):
        journal.append(restarting(id_))
    assert journal.close()
    content = bytearray(paths.journal.read_bytes())
    content[4096 + 2000] ^= 1
    paths.journal.write_bytes(content)
    journal, last_id = open_journal()
    event = troubles.get_nowait()
    assert isinstance(event, StorageQuarantined)
    assert event.path == str(paths.journal)
    assert Path(event.moved_to).read_bytes() == content
    assert event.reason.startswith("damaged: ")
    assert last_id == 100_000
    journal.append(restarting(last_id + 1))
    assert ids(journal.since(50)) == [100_001]


def test_a_journal_of_a_newer_version_is_refused(open_journal: OpenJournal, paths: StatePaths) -> None:
    open_journal()[0].close()
    connection = apsw.Connection(str(paths.journal), vfs="cksmvfs")
    connection.pragma("user_version", len(MIGRATIONS) + 1)
    connection.close()
    with pytest.raises(AuroraError, match="newer Aurora"):
        open_journal()


def test_damage_while_running_is_told_to_the_reader(
    open_journal: OpenJournal, paths: StatePaths, restarting: MakeRecord
) -> None:
    journal, _ = open_journal()
    for id_ in range(1, 200):
        journal.append(restarting(id_, cause="x" * 1000))
    journal.close()
    journal, _ = open_journal()
    content = bytearray(paths.journal.read_bytes())
    for offset in range(4096 * 3 + 100, len(content), 4096):
        content[offset] ^= 1
    paths.journal.write_bytes(content)
    with pytest.raises(AuroraError) as caught:
        journal.since(0)
    assert "Restart" in caught.value.hint


# --- pruning ----------------------------------------------------------------------------------------------------


def hold(journal: Journal, records: list[Record]) -> None:
    for record in records:
        journal.append(record)
    assert journal.flush()


def test_pruning_by_age_removes_what_is_older_and_shrinks_the_file(
    open_journal: OpenJournal, paths: StatePaths, clock: FakeClock, restarting: MakeRecord
) -> None:
    journal, _ = open_journal(journal=JournalSettings(max_age_days=10))
    hold(journal, [restarting(n, cause="x" * 1000) for n in range(1, 5001)])
    clock.advance(9 * DAY_S)
    hold(journal, [restarting(5001)])
    assert journal.prune().result(WAIT_S) == 0
    full_size = paths.journal.stat().st_size
    clock.advance(2 * DAY_S)
    assert journal.prune().result(WAIT_S) == 5000
    assert ids(journal.since(0)) == [5001]
    assert paths.journal.stat().st_size < full_size / 20


def test_pruning_by_size_removes_the_oldest_and_shrinks_the_file(
    open_journal: OpenJournal, paths: StatePaths, restarting: MakeRecord
) -> None:
    journal, _ = open_journal()
    hold(journal, [restarting(n, cause="x" * 1000) for n in range(1, 3001)])
    journal.configure(JournalSettings(max_bytes=ByteSize(500_000)), LogSettings())
    removed = journal.prune().result(WAIT_S)
    assert paths.journal.stat().st_size <= 500_000
    assert ids(journal.since(0, limit=5000)) == list(range(removed + 1, 3001))
    assert removed < 2900


def test_ids_go_on_when_everything_was_pruned(
    open_journal: OpenJournal, clock: FakeClock, restarting: MakeRecord
) -> None:
    journal, _ = open_journal()
    hold(journal, [restarting(n) for n in range(1, 8)])
    clock.advance(100 * DAY_S)
    assert journal.prune().result(WAIT_S) == 7
    assert journal.since(0) == []
    journal.close()
    assert open_journal()[1] == 7


def test_a_wall_clock_that_leaps_forward_wipes_nothing(
    open_journal: OpenJournal, clock: FakeClock, restarting: MakeRecord
) -> None:
    journal, _ = open_journal(journal=JournalSettings(max_age_days=10))
    hold(journal, [restarting(1)])
    clock.jump(3650 * DAY_S)
    hold(journal, [restarting(2)])
    for _ in range(6):
        clock.advance(3600)
        assert journal.prune().result(WAIT_S) == 0
    journal.close()
    journal, _ = open_journal(journal=JournalSettings(max_age_days=10))
    assert journal.prune().result(WAIT_S) == 0
    assert ids(journal.since(0)) == [1, 2]


def test_after_a_long_absence_old_events_still_go(
    open_journal: OpenJournal, clock: FakeClock, restarting: MakeRecord
) -> None:
    journal, _ = open_journal(journal=JournalSettings(max_age_days=10))
    hold(journal, [restarting(1)])
    journal.close()
    clock.jump(30 * DAY_S)
    journal, _ = open_journal(journal=JournalSettings(max_age_days=10))
    removed = 0
    for _ in range(24):
        clock.advance(3600)
        removed += journal.prune().result(WAIT_S)
    assert removed == 1


@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S])
def test_a_clock_that_jumps_a_day_disturbs_neither_order_nor_pruning(
    open_journal: OpenJournal, clock: FakeClock, restarting: MakeRecord, jump_s: float
) -> None:
    journal, _ = open_journal(journal=JournalSettings(max_age_days=0.5))
    hold(journal, [restarting(n) for n in range(1, 4)])
    clock.jump(jump_s)
    hold(journal, [restarting(n) for n in range(4, 7)])
    assert journal.prune().result(WAIT_S) == 0
    clock.jump(-jump_s)
    hold(journal, [restarting(n) for n in range(7, 10)])
    assert ids(journal.since(2)) == [3, 4, 5, 6, 7, 8, 9]
    assert ids(journal.recent(4)) == [6, 7, 8, 9]


def test_heartbeats_are_decoded_as_what_they_were(open_journal: OpenJournal, heartbeat: MakeRecord) -> None:
    journal, _ = open_journal()
    hold(journal, [heartbeat(1)])
    (record,) = journal.since(0)
    assert isinstance(record.event, Heartbeat)
    assert msgspec.structs.replace(record, id=1) == heartbeat(1)
