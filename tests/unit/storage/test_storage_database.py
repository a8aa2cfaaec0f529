"""The database: durable, shared by threads, and never opened damaged."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.storage.acknowledged import log_of, mark_of, read_mark
from aurora_desktop.core.storage.database import Database, is_damage
from aurora_desktop.core.storage.opening import found_damaged

from .conftest import SmallDisk

APPLICATION_ID = 0x41555254
MIGRATIONS = ("CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT NOT NULL)",)
AT = 1_750_000_000.0


def open_at(path: Path, migrations: tuple[str, ...] = MIGRATIONS) -> Database:
    return Database.open(path, migrations, APPLICATION_ID, wall=lambda: AT)


def add(text: str) -> Callable[[apsw.Connection], int]:
    def work(connection: apsw.Connection) -> int:
        connection.execute("INSERT INTO note(text) VALUES (?)", (text,))
        return connection.last_insert_rowid()

    return work


@contextmanager
def held(database: Database) -> Iterator[None]:
    """Keep the writer's thread busy, so that what is submitted meanwhile is queued."""
    reached, gate = threading.Event(), threading.Event()

    def wait(_: apsw.Connection) -> None:
        reached.set()
        gate.wait()

    busy = database.submit(wait)
    reached.wait()
    yield
    gate.set()
    busy.result()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "test.db"


@pytest.fixture
def filled(file: Path) -> Path:
    """A closed database of some 60 pages."""
    database = open_at(file)
    for number in range(60):
        database.submit(add(f"{number} " + "x" * 3000)).result()
    database.close()
    return file


def quarantined(file: Path) -> Database:
    """Open the file, which must have been set aside whole, and must work afresh."""
    content = file.read_bytes()
    database = open_at(file)
    assert database.quarantine
    assert database.quarantine.moved_to.read_bytes() == content
    assert database.submit(add("afresh")).result() == 1
    return database


def test_what_is_acknowledged_is_there_after_reopening(file: Path) -> None:
    database = open_at(file)
    database.submit(add("kept")).result()
    database.close()
    database = open_at(file)
    assert database.read("SELECT text FROM note") == [("kept",)]
    assert database.quarantine is None
    database.close()


def test_every_page_carries_a_checksum_and_every_commit_is_synced(file: Path) -> None:
    database = open_at(file)
    names = ("checksum_verification", "synchronous", "journal_mode", "auto_vacuum")
    found = database.submit(lambda c: [str(c.pragma(name)) for name in names]).result()
    database.close()
    assert found == ["1", "2", "wal", "2"]
    assert file.read_bytes()[20] == 8


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_files_are_readable_by_this_user_alone(file: Path) -> None:
    database = open_at(file)
    database.submit(add("x")).result()
    modes = {path.name: path.stat().st_mode & 0o777 for path in file.parent.iterdir()}
    database.close()
    assert set(modes) == {"test.db", "test.db-wal", "test.db-shm", "test.db-acknowledged"}
    assert set(modes.values()) == {0o600}


def test_one_failing_work_does_not_take_its_batch_along(file: Path) -> None:
    database = open_at(file)

    def fail(connection: apsw.Connection) -> None:
        add("half done")(connection)
        raise ValueError("no")

    with held(database):
        before, failing, after = (database.submit(work) for work in (add("before"), fail, add("after")))
    assert (before.result(), after.result()) == (1, 2)
    with pytest.raises(ValueError, match="no"):
        failing.result()
    assert database.read("SELECT text FROM note") == [("before",), ("after",)]
    database.close()


def test_work_queued_together_shares_one_commit(file: Path) -> None:
    database = open_at(file)
    commits: list[int] = []

    def count() -> bool:
        commits.append(1)
        return False  # True would forbid the commit

    database.submit(lambda c: c.set_commit_hook(count)).result()
    commits.clear()
    with held(database):
        futures = [database.submit(add(str(n))) for n in range(20)]
    assert [future.result() for future in futures] == list(range(1, 21))
    database.close()
    assert len(commits) == 2  # of what held the writer, and of the twenty


def test_work_that_may_wait_is_committed_by_itself(file: Path) -> None:
    database = open_at(file)
    assert database.submit(add("later"), within_s=0.01).result() == 1
    database.close()


def test_close_performs_what_is_queued_and_refuses_the_rest(file: Path) -> None:
    database = open_at(file)
    queued = database.submit(add("queued"), within_s=1000.0)
    database.close()
    assert queued.result() == 1
    with pytest.raises(apsw.ConnectionClosedError):
        database.submit(add("late")).result()


def test_cancelled_work_is_not_done(file: Path) -> None:
    database = open_at(file)
    assert database.submit(add("cancelled"), within_s=1000.0).cancel()
    database.submit(add("done")).result()
    assert database.read("SELECT text FROM note") == [("done",)]
    database.close()


def test_two_threads_read_while_a_third_writes(file: Path) -> None:
    database = open_at(file)

    def count_up() -> list[int]:
        seen = [0]
        while seen[-1] < 200:
            seen.append(database.read("SELECT count(*) FROM note")[0][0])
        return seen

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(count_up) for _ in range(2)]
        for number in range(200):
            database.submit(add(str(number))).result()
        for reader in readers:
            assert reader.result() == sorted(reader.result())
    database.close()


def test_migrations_go_on_from_the_version_of_the_file(filled: Path) -> None:
    longer = (*MIGRATIONS, "ALTER TABLE note ADD COLUMN colour TEXT DEFAULT 'red'")
    database = open_at(filled, longer)
    assert database.read("SELECT colour FROM note LIMIT 1") == [("red",)]
    assert database.read("PRAGMA user_version") == [(2,)]
    database.close()


def test_a_failing_migration_is_told_and_leaves_the_file_as_it_was(filled: Path) -> None:
    broken = (*MIGRATIONS, "CREATE TABLE other(x); CREATE TABLE note(x)")
    with pytest.raises(AuroraError, match="already exists"):
        open_at(filled, broken)
    database = open_at(filled)
    assert database.read("SELECT count(*) FROM sqlite_schema WHERE name = 'other'") == [(0,)]
    assert database.quarantine is None
    database.close()


@pytest.mark.parametrize("offset", [0, 16, 20, 28, 60, 100, 4090, 5000, 100_000, -5000, -1])
def test_a_flipped_bit_is_found(filled: Path, offset: int) -> None:
    content = bytearray(filled.read_bytes())
    content[offset] ^= 4
    filled.write_bytes(content)
    database = quarantined(filled)
    assert database.quarantine
    assert "quarantined-20250615T150640Z-" in database.quarantine.moved_to.name
    database.close()


@pytest.mark.parametrize("size", [10, 50, 500, 4096, 8192, 100_000, -4096, -100])
def test_a_truncated_file_is_found(filled: Path, size: int) -> None:
    os.truncate(filled, size if size > 0 else filled.stat().st_size + size)
    quarantined(filled).close()


def test_a_newer_version_is_refused_and_left_alone(filled: Path) -> None:
    open_at(filled, (*MIGRATIONS, "CREATE TABLE newer(x)")).close()
    content = filled.read_bytes()
    with pytest.raises(AuroraError, match="newer Aurora") as told:
        open_at(filled)
    assert "its version is 2, and this Aurora knows 1" in told.value.detail
    assert filled.read_bytes() == content
    assert not list(filled.parent.glob("*.quarantined-*"))


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused_and_left_alone(filled: Path) -> None:
    os.chown(filled, 65534, -1)
    with pytest.raises(AuroraError, match="belongs to another user") as told:
        open_at(filled)
    assert "user 65534" in told.value.detail
    assert filled.stat().st_uid == 65534


def test_what_was_found_damaged_in_use_is_set_aside_once(filled: Path) -> None:
    found_damaged(filled).write_text("damaged: the checksum of page 9 is wrong, found while it was in use")
    database = quarantined(filled)
    database.close()
    assert database.quarantine is not None
    assert database.quarantine.reason.startswith("damaged: the checksum of page 9")
    database = open_at(filled)
    assert database.quarantine is None
    database.close()


def test_a_file_of_another_program_is_set_aside_unharmed(file: Path) -> None:
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE theirs(x)")
    other.close()
    database = quarantined(file)
    assert database.quarantine
    assert database.quarantine.moved_to.name.endswith("-foreign")
    database.close()


def test_a_file_that_is_no_database_is_set_aside(file: Path) -> None:
    file.write_text("hello")
    database = quarantined(file)
    assert database.quarantine
    assert database.quarantine.reason == "not a database"
    database.close()


def test_quarantined_files_of_the_same_second_do_not_replace_each_other(file: Path) -> None:
    for text in ("one", "two", "three"):
        file.write_text(text)
        open_at(file).close()
    kept = sorted(path.read_text() for path in file.parent.glob("*.quarantined-*"))
    assert kept == ["one", "three", "two"]


def test_an_empty_file_of_a_first_start_that_was_broken_off_is_begun(file: Path) -> None:
    file.touch()
    database = open_at(file)
    assert database.quarantine is None
    database.close()


def test_a_first_start_that_was_broken_off_is_no_damage_although_an_earlier_mark_was_left(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who removes the database wants a new one, and need not know of what lies beside it."""

    def killed() -> None:
        raise KeyboardInterrupt

    mark_of(file).write_bytes(b"of the one that was removed")
    monkeypatch.setattr("aurora_desktop.core.storage.opening.register_checksums", killed)
    with pytest.raises(KeyboardInterrupt):
        open_at(file)
    monkeypatch.undo()
    assert file.read_bytes() == b""
    database = open_at(file)
    assert database.quarantine is None
    database.close()


def test_a_file_that_was_in_use_and_is_empty_now_is_no_new_one(filled: Path) -> None:
    os.truncate(filled, 0)
    database = quarantined(filled)
    assert database.quarantine is not None
    assert database.quarantine.reason == "truncated: it is empty"
    database.close()
    database = open_at(filled)
    assert database.quarantine is None
    database.close()


CRASH = """
import os, shutil, sys
from pathlib import Path
from aurora_desktop.core.storage.acknowledged import mark_of
from aurora_desktop.core.storage.database import Database
path = Path(sys.argv[1])
database = Database.open(path, (sys.argv[2],), int(sys.argv[3]))
for number in range(20):
    if number:
        shutil.copy(mark_of(path), path.with_name("mark-before"))
    database.submit(lambda c: c.execute("INSERT INTO note(text) VALUES ('x')").fetchall()).result()
os._exit(9)
"""


@pytest.fixture
def crashed(file: Path) -> Path:
    """A database whose 20 commits lie in its write-ahead log."""
    subprocess.run([sys.executable, "-c", CRASH, str(file), MIGRATIONS[0], str(APPLICATION_ID)], check=False)
    assert log_of(file).stat().st_size
    return file


def test_commits_of_a_crashed_process_are_there(crashed: Path) -> None:
    database = open_at(crashed)
    assert database.quarantine is None
    assert database.read("SELECT count(*) FROM note") == [(20,)]
    database.close()


@pytest.mark.parametrize("offset", [9, 20, 32, 40, 60, 5000, 20_000])
def test_damage_in_the_write_ahead_log_is_not_a_silent_loss(crashed: Path, offset: int) -> None:
    content = bytearray(log_of(crashed).read_bytes())
    content[offset] ^= 4
    log_of(crashed).write_bytes(content)
    database = open_at(crashed)
    assert database.quarantine
    assert log_of(database.quarantine.moved_to).read_bytes() == content
    database.close()


@pytest.mark.parametrize("from_the_end", [4120, 4100, 4090, 2000, 1])
def test_a_last_commit_that_was_acknowledged_is_not_lost_in_silence(crashed: Path, from_the_end: int) -> None:
    content = bytearray(log_of(crashed).read_bytes())
    content[-from_the_end] ^= 4
    log_of(crashed).write_bytes(content)
    database = open_at(crashed)
    assert database.quarantine is not None
    assert database.quarantine.reason == "damaged: its write-ahead log broke off before what was acknowledged"
    database.close()


@pytest.mark.parametrize("mark", ["of the commit before", "none", "torn"])
def test_the_torn_last_commit_of_a_power_cut_is_no_damage(crashed: Path, mark: str) -> None:
    """Nobody was told of it; the mark may be older than the log, or not be there."""
    content = {"none": b"", "torn": mark_of(crashed).read_bytes()[:-1]}.get(mark)
    mark_of(crashed).write_bytes((crashed.parent / "mark-before").read_bytes() if content is None else content)
    wal = log_of(crashed)
    os.truncate(wal, wal.stat().st_size - 100)
    database = open_at(crashed)
    assert database.quarantine is None
    assert database.read("SELECT count(*) FROM note") == [(19,)]
    database.close()


def test_what_commits_that_failed_have_left_in_the_log_is_no_damage(crashed: Path) -> None:
    """Of a disk that is full only as it syncs: one over the other, each begun behind the last that was acknowledged."""
    before = {path: path.read_bytes() for path in (crashed, log_of(crashed), mark_of(crashed))}

    def put_back() -> None:
        for path, content in before.items():
            path.write_bytes(content)

    def log_with(pages: int) -> bytes:
        put_back()
        database = open_at(crashed)
        database.submit(add("x" * 4000 * pages)).result()
        content = log_of(crashed).read_bytes()
        database.close()
        return content

    long, middle, short = (log_with(pages) for pages in (12, 6, 3))
    torn_at = len(before[log_of(crashed)]) + 24 + 4096
    put_back()
    log_of(crashed).write_bytes(short[:torn_at] + middle[torn_at:] + long[len(middle) :])
    database = open_at(crashed)
    assert database.quarantine is None
    assert database.read("SELECT count(*) FROM note") == [(20,)]
    database.close()


def test_a_mark_that_cannot_be_written_holds_up_nothing(file: Path) -> None:
    mark_of(file).mkdir()
    database = open_at(file)
    database.submit(add("kept")).result()
    assert database.read("SELECT text FROM note") == [("kept",)]
    database.close()
    database = open_at(file)
    assert database.quarantine is None
    database.close()


def test_how_much_of_the_log_is_in_the_file_is_known_over_a_kill(file: Path) -> None:
    """SQLite counts it anew; taken for none, older pages of a broken log would be put over younger ones of the file."""
    database = open_at(file)
    database.submit(lambda c: c.pragma("wal_autocheckpoint", 1)).result()
    database.submit(add("in both")).result()
    before = read_mark(file)
    contents = {path: path.read_bytes() for path in (file, log_of(file), mark_of(file))}
    database.close()
    for path, content in contents.items():
        path.write_bytes(content)
    database = open_at(file)
    database.submit(add("in the log alone")).result()
    after = read_mark(file)
    database.close()
    assert before is not None
    assert after is not None
    assert 0 < before.in_file == before.frames < after.frames
    assert (after.log, after.in_file) == (before.log, before.in_file)


def test_a_log_without_its_database_is_set_aside(crashed: Path) -> None:
    content = log_of(crashed).read_bytes()
    crashed.unlink()
    database = open_at(crashed)
    assert database.quarantine
    assert log_of(database.quarantine.moved_to).read_bytes() == content
    database.close()


def test_damage_that_shows_later_reaches_the_future_and_the_reader(filled: Path) -> None:
    database = open_at(filled)
    with filled.open("r+b") as file:
        for page in range(10, 50):
            file.seek(page * 4096 + 50)
            file.write(b"damage")
    database.submit(lambda c: c.pragma("shrink_memory")).result()  # forget the sound pages
    found = database.submit(lambda c: c.execute("SELECT sum(length(text)) FROM note").fetchall()).exception()
    assert found
    assert is_damage(found)
    with pytest.raises(apsw.IOError):
        database.read("SELECT sum(length(text)) FROM note")
    assert database.submit(lambda _: "alive").result() == "alive"
    database.close()
    database = open_at(filled)
    assert database.quarantine
    database.close()


def test_a_full_disk_reaches_the_future_and_its_return_too(small_disk: SmallDisk) -> None:
    database = open_at(small_disk.folder / "test.db")
    database.submit(add("before")).result()
    small_disk.fill()
    errors = [database.submit(add("x" * 200_000)).exception() for _ in range(3)]
    small_disk.free()
    assert all(isinstance(error, apsw.FullError | apsw.IOError) for error in errors)
    assert not any(is_damage(error) for error in errors if error)
    database.submit(add("after")).result()
    assert database.read("SELECT text FROM note") == [("before",), ("after",)]
    database.close()


def test_opening_on_a_full_disk_says_what_to_do(small_disk: SmallDisk) -> None:
    small_disk.fill()
    try:
        with pytest.raises(AuroraError) as caught:
            open_at(small_disk.folder / "test.db")
    finally:
        small_disk.free()
    assert caught.value.title == "test.db cannot be opened"
    assert "space" in caught.value.hint


def test_a_place_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AuroraError) as caught:
        open_at(tmp_path / "file" / "test.db")
    assert "may write to the folder" in caught.value.hint


def test_a_file_that_is_a_folder_is_left_alone(file: Path) -> None:
    file.mkdir()
    with pytest.raises(AuroraError, match="cannot be opened"):
        open_at(file)
    assert file.is_dir()


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, which nobody can write to")
def test_a_read_only_folder_says_so() -> None:
    with pytest.raises(AuroraError, match="cannot be opened"):
        open_at(Path("/proc/sys/aurora.db"))
