"""Rotation: logs stay within their size, and what was in them is in the archives."""

import gzip
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from aurora_desktop.core.storage import rotation
from aurora_desktop.core.storage.rotation import Rotation, copy_truncate, rotate

from .conftest import SmallDisk


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "we[b].log"


def archive(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}.gz")


def unpacked(log: Path, number: int) -> bytes:
    return gzip.decompress(archive(log, number).read_bytes())


def test_rotate_shifts_the_archives_and_drops_the_oldest(log: Path) -> None:
    for content in (b"one", b"two", b"three"):
        log.write_bytes(content)
        assert rotate(log, 2) == Rotation(archive(log, 1), len(content))
        assert not log.exists()
    assert (unpacked(log, 1), unpacked(log, 2)) == (b"three", b"two")
    assert len(list(log.parent.iterdir())) == 2


def test_rotate_keeps_nothing_when_told_so(log: Path) -> None:
    log.write_bytes(b"one")
    rotate(log, 3)
    log.write_bytes(b"two")
    assert rotate(log, 0).archive is None
    assert list(log.parent.iterdir()) == []


def test_an_archive_that_a_crash_left_uncompressed_is_compressed_next_time(log: Path) -> None:
    log.with_name(log.name + ".1").write_bytes(b"left")
    log.write_bytes(b"new")
    rotate(log, 5)
    assert (unpacked(log, 1), unpacked(log, 2)) == (b"new", b"left")


def test_rotate_on_a_full_disk_keeps_the_content(small_disk: SmallDisk) -> None:
    log = small_disk.folder / "test.log"
    content = os.urandom(100_000)
    log.write_bytes(content)
    small_disk.fill()
    rotation = rotate(log, 3)
    small_disk.free()
    assert rotation.archive == small_disk.folder / "test.log.1"
    assert rotation.archive.read_bytes() == content
    log.write_bytes(b"next")
    rotate(log, 3)
    assert (unpacked(log, 1), unpacked(log, 2)) == (b"next", content)


def test_copy_truncate_leaves_a_small_log_alone(log: Path) -> None:
    log.write_bytes(b"12345")
    assert copy_truncate(log, 5, 3) is None
    assert log.read_bytes() == b"12345"


def test_copy_truncate_archives_and_empties_the_log_of_a_running_child(log: Path) -> None:
    with log.open("ab") as output:
        program = "import sys; [print(line.strip(), flush=True) for line in sys.stdin]"
        with subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=output, text=True, bufsize=1
        ) as child:
            assert child.stdin
            child.stdin.write("before\n")
            while not log.stat().st_size:
                assert child.poll() is None
            assert copy_truncate(log, 1, 3) == Rotation(archive(log, 1), 7)
            assert log.stat().st_size == 0
            child.stdin.write("after\n")
    assert unpacked(log, 1) == b"before\n"
    assert log.read_bytes() == b"after\n"


def test_copy_truncate_shifts_and_drops_like_rotate(log: Path) -> None:
    for content in (b"one", b"two", b"three"):
        log.write_bytes(content)
        copy_truncate(log, 1, 2)
    assert (unpacked(log, 1), unpacked(log, 2)) == (b"three", b"two")
    assert len(list(log.parent.iterdir())) == 3


def test_copy_truncate_that_keeps_no_archives_empties_the_log(log: Path) -> None:
    log.write_bytes(b"one")
    copy_truncate(log, 1, 2)
    log.write_bytes(b"two")
    assert copy_truncate(log, 1, 0) == Rotation(None, 0)
    assert [path.name for path in log.parent.iterdir()] == [log.name]
    assert log.read_bytes() == b""


def test_every_line_of_a_writing_child_is_in_log_archive_or_loss(log: Path) -> None:
    """Counts bytes: written = archived + told as dropped + left + what fell into the documented window."""
    line = b"x" * 99 + b"\n"
    written = 0
    stop = threading.Event()

    def write() -> None:
        nonlocal written
        with open(log, "ab", buffering=0) as file:
            while not stop.is_set():
                written += file.write(line)

    log.touch()
    writer = threading.Thread(target=write)
    writer.start()
    rotations: list[Rotation] = []
    while len(rotations) < 5:
        if rotation := copy_truncate(log, 100_000, 100):
            rotations.append(rotation)
    stop.set()
    writer.join()
    archived = b"".join(unpacked(log, number) for number in range(5, 0, -1))
    assert len(archived) == sum(rotation.archived_bytes for rotation in rotations)
    told = sum(rotation.dropped_bytes for rotation in rotations)
    left = log.stat().st_size
    assert len(archived) + told + left <= written
    assert set(archived) == set(line)


def test_no_room_for_a_copy_drops_the_oldest_archives_first(small_disk: SmallDisk) -> None:
    log = small_disk.folder / "test.log"
    if not os.path.ismount(small_disk.folder):
        pytest.skip("needs a disk of its own: only there do archives make room by going")
    for _ in range(3):
        log.write_bytes(os.urandom(200_000))
        copy_truncate(log, 1, 5)
    newest = unpacked(log, 1)
    content = os.urandom(300_000)
    log.write_bytes(content)
    small_disk.fill()
    assert copy_truncate(log, 1, 5) == Rotation(archive(log, 1), 300_000)
    assert (unpacked(log, 1), unpacked(log, 2)) == (content, newest)
    assert not archive(log, 3).exists()
    assert log.stat().st_size == 0


def test_without_any_room_the_log_is_emptied_and_the_loss_told(small_disk: SmallDisk) -> None:
    log = small_disk.folder / "test.log"
    log.write_bytes(os.urandom(100_000))
    small_disk.fill()
    rotation = copy_truncate(log, 1, 5)
    small_disk.free()
    assert rotation
    assert (rotation.archive, rotation.dropped_bytes) == (None, 100_000)
    assert "no room" in rotation.detail
    assert log.stat().st_size == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_archives_are_readable_by_this_user_alone(log: Path) -> None:
    log.write_bytes(b"one")
    copy_truncate(log, 1, 5)
    rotate(log, 5)
    assert {archive(log, n).stat().st_mode & 0o777 for n in (1, 2)} == {0o600}


def test_a_missing_log_raises(log: Path) -> None:
    with pytest.raises(FileNotFoundError):
        copy_truncate(log, 1, 5)


def test_two_that_come_to_the_same_log_at_once_lose_nothing(log: Path) -> None:
    content = os.urandom(3_000_000)
    log.write_bytes(content)
    threads = [threading.Thread(target=copy_truncate, args=(log, 1000, 5)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.read_bytes() == b""
    assert unpacked(log, 1) == content
    assert not archive(log, 2).exists()


def test_of_a_flood_the_newest_is_kept_and_the_rest_told(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "MOST_BACKLOG_BYTES", 1000)
    log.write_bytes(b"old\n" * 5000 + b"new\n" * 250)
    done = copy_truncate(log, 10, 1)
    assert done is not None
    assert done.archive is not None
    assert gzip.decompress(done.archive.read_bytes()) == b"new\n" * 250
    assert (done.dropped_bytes, log.stat().st_size) == (20_000, 0)
