"""Bounds of what finished tasks leave: compressed, and the oldest removed."""

import asyncio
import contextlib
import errno
import gzip
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from core.clocks import FakeClock
from hypothesis import given
from hypothesis import strategies as st
from supervisor.yard import WAIT_S, in_loop

from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema_tasks import TaskSettings
from aurora_desktop.core.settings.values import ByteSize
from aurora_desktop.core.storage.trouble import StorageEvent
from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.records import retention
from aurora_desktop.tasks.records.retention import Kept, Retention, to_remove

LONG = b"a line of output\n" * 1000
DAY_S = 86_400.0


class Desk:
    """A state dir with tasks of any age."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.paths = StatePaths(root)
        self.paths.make()
        self.clock = FakeClock()
        self.unfinished: set[str] = set()
        self.told: list[StorageEvent] = []
        self.retention = Retention(
            self.paths, lambda: TaskSettings(**settings), self.clock, self.unfinished.__contains__, self.told.append
        )

    def task(self, task_id: str, age_days: float = 0.0, output: bytes = LONG) -> TaskFolder:
        folder = TaskFolder(self.paths.tasks / task_id)
        folder.root.mkdir()
        folder.began(1).touch()
        folder.stdout(1).write_bytes(output)
        folder.transcript.write_bytes(output)
        record = self.paths.task_logs / f"{task_id}.log"
        record.write_bytes(b"record")
        at = self.clock.wall() - age_days * DAY_S
        for path in (*folder.root.iterdir(), folder.root, record):
            os.utime(path, (at, at))
        return folder

    def left(self) -> set[str]:
        return {path.name for path in self.paths.tasks.iterdir()}


@in_loop
async def test_the_output_of_a_finished_task_is_compressed(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    folder = desk.task("task_1", age_days=3)
    desk.retention.finished("task_1")
    await desk.retention.compress_finished()
    assert sorted(path.name for path in folder.root.iterdir()) == [
        "attempt-1.began", "attempt-1.out.gz", "transcript.jsonl.gz",
    ]  # fmt: skip
    packed = folder.root / "attempt-1.out.gz"
    assert gzip.decompress(packed.read_bytes()) == LONG
    assert packed.stat().st_mode & 0o777 == 0o600
    assert packed.stat().st_mtime == pytest.approx(desk.clock.wall() - 3 * DAY_S)


@in_loop
async def test_what_an_aurora_that_died_left_is_compressed_at_the_next_start(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.task("task_1")
    async with compressing() as compressed:
        rounds = asyncio.ensure_future(desk.retention.rounds())
        assert await compressed() == "task_1"
        desk.task("task_2")
        desk.retention.finished("task_2")
        assert await compressed() == "task_2"
        rounds.cancel()
        await asyncio.wait([rounds])


@asynccontextmanager
async def compressing() -> AsyncIterator[Callable[[], Coroutine[None, None, str]]]:
    """Tells which folder is compressed next."""
    loop, folders = asyncio.get_running_loop(), asyncio.Queue[str]()

    async def next_one() -> str:
        return await asyncio.wait_for(folders.get(), WAIT_S)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            retention, "compress", lambda folder: loop.call_soon_threadsafe(folders.put_nowait, folder.root.name)
        )
        yield next_one


@in_loop
async def test_a_task_that_is_done_once_more_is_left_alone(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    folder = desk.task("task_1")
    desk.retention.finished("task_1")
    desk.unfinished.add("task_1")
    await desk.retention.compress_finished()
    assert folder.stdout(1).exists()


def test_a_second_attempt_is_added_to_the_transcript_of_the_first(tmp_path: Path) -> None:
    folder = TaskFolder(tmp_path)
    for _ in range(2):
        folder.transcript.write_bytes(LONG)
        retention.compress(folder)
    assert gzip.decompress((tmp_path / "transcript.jsonl.gz").read_bytes()) == LONG * 2


def test_small_output_stays_as_it_is(tmp_path: Path) -> None:
    folder = TaskFolder(tmp_path)
    folder.stdout(1).write_bytes(b"little")
    retention.compress(folder)
    assert folder.stdout(1).read_bytes() == b"little"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(LONG)
    folder = TaskFolder(tmp_path / "task_1")
    folder.root.mkdir()
    folder.stdout(1).symlink_to(elsewhere)
    retention.compress(folder)
    assert elsewhere.read_bytes() == LONG
    assert folder.stdout(1).is_symlink()


def test_a_compression_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    folder = TaskFolder(tmp_path)
    folder.stdout(1).write_bytes(LONG)
    monkeypatch.setattr(retention.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space left"):
        retention.compress(folder)
    assert os.listdir(tmp_path) == ["attempt-1.out"]
    assert folder.stdout(1).read_bytes() == LONG


@in_loop
async def test_a_full_disk_is_told_once_and_its_end(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with _without_room():
        for number in range(3):
            desk.task(f"task_{number}")
            desk.retention.finished(f"task_{number}")
        await desk.retention.compress_finished()
    desk.retention.finished("task_0")
    await desk.retention.compress_finished()
    assert [event.event_type() for event in desk.told] == ["storage_failing", "storage_recovered"]


@contextlib.contextmanager
def _without_room() -> Iterator[None]:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retention, "compress", full)
        yield


@in_loop
async def test_what_is_too_old_goes_with_its_record(tmp_path: Path) -> None:
    desk = Desk(tmp_path, keep_max_days=30.0)
    desk.task("old", age_days=31)
    desk.task("young", age_days=29)
    removed = await desk.retention.prune()
    assert removed.tasks == 1
    assert desk.left() == {"young"}
    assert [path.name for path in desk.paths.task_logs.iterdir()] == ["young.log"]


@in_loop
async def test_above_the_limit_the_oldest_go(tmp_path: Path) -> None:
    desk = Desk(tmp_path, keep_max_bytes=ByteSize(80_000))
    for age in range(4):
        desk.task(f"task_{age}", age_days=age)
    await desk.retention.prune()
    assert desk.left() == {"task_0", "task_1"}


@in_loop
async def test_one_at_work_is_never_removed(tmp_path: Path) -> None:
    desk = Desk(tmp_path, keep_max_bytes=ByteSize(1))
    desk.task("task_1", age_days=1000)
    desk.unfinished.add("task_1")
    await desk.retention.prune()
    assert desk.left() == {"task_1"}


@in_loop
async def test_what_is_not_of_a_task_is_not_touched(tmp_path: Path) -> None:
    desk = Desk(tmp_path, keep_max_days=1.0)
    for path in (desk.paths.tasks / "a file.txt", desk.paths.task_logs / "notes.md"):
        path.write_text("mine")
        os.utime(path, (1, 1))
    await desk.retention.prune()
    assert desk.left() == {"a file.txt"}
    assert (desk.paths.task_logs / "notes.md").exists()


@given(
    kept=st.lists(st.builds(Kept, at=st.floats(0, 100), task_id=st.text(), size=st.integers(0, 100)), max_size=20),
    oldest=st.floats(0, 100),
    most=st.integers(0, 1000),
)
def test_the_oldest_go_and_no_more_than_must(kept: list[Kept], oldest: float, most: int) -> None:
    gone = list(to_remove(kept, oldest, most))
    ordered = sorted(kept)
    assert gone == ordered[: len(gone)]
    left = ordered[len(gone) :]
    assert all(one.at >= oldest for one in left)
    assert not left or sum(one.size for one in left) <= most
    if gone and gone[-1].at >= oldest:
        assert sum(one.size for one in left) + gone[-1].size > most
