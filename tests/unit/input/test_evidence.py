"""The store of screenshots: private, bounded, and never led elsewhere by a link."""

import os
import sys
from pathlib import Path

import pytest
from core.clocks import FakeClock

from aurora_desktop.core.settings.schema import ByteSize, EvidenceSettings
from aurora_desktop.input.evidence import EvidenceStore

DAY_S = 86_400.0
unix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes of Unix")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> EvidenceStore:
    settings = EvidenceSettings(enabled=True, max_bytes=ByteSize(1000), max_age_days=7)
    return EvidenceStore(tmp_path / "evidence", settings, clock.wall)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "0123456789ab.png"
    path.write_bytes(b"x" * 400)
    return path


def test_a_picture_is_moved_under_the_name_of_its_time_and_task(
    store: EvidenceStore, picture: Path, clock: FakeClock
) -> None:
    kept = store.adopt(picture, "input_7f", clock.wall())
    assert kept == store.folder / "20250615T150640.000Z_input_7f.png"
    assert kept.read_bytes() == b"x" * 400
    assert not picture.exists()


def test_two_pictures_of_one_moment_are_both_kept(store: EvidenceStore, picture: Path, clock: FakeClock) -> None:
    first = store.adopt(picture, "input_1", clock.wall())
    picture.write_bytes(b"second")
    second = store.adopt(str(picture), "input_1", clock.wall())
    assert second.name == "20250615T150640.000Z_input_1.1.png"
    assert first.read_bytes() == b"x" * 400
    assert second.read_bytes() == b"second"


@unix_only
def test_folder_and_files_are_private(store: EvidenceStore, picture: Path, clock: FakeClock) -> None:
    store.folder.mkdir(mode=0o755)
    picture.chmod(0o644)
    kept = store.adopt(picture, "input_1", clock.wall())
    assert kept.stat().st_mode & 0o777 == 0o600
    assert store.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("task_id", ["../../etc/passwd", "a/b", "..", "", "x" * 500, "a\0b", "é\n"])
def test_no_task_id_leads_out_of_the_folder(
    store: EvidenceStore, picture: Path, clock: FakeClock, task_id: str
) -> None:
    assert store.adopt(picture, task_id, clock.wall()).parent == store.folder


@unix_only
def test_links_pipes_folders_and_other_files_are_not_adopted(
    store: EvidenceStore, picture: Path, tmp_path: Path, clock: FakeClock
) -> None:
    link, pipe, folder, text = (tmp_path / name for name in ("link.png", "pipe.png", "folder.png", "notes.txt"))
    link.symlink_to(picture)
    os.mkfifo(pipe)
    folder.mkdir()
    text.touch()
    for path in (link, pipe, folder, text):
        with pytest.raises(ValueError, match="no picture"):
            store.adopt(path, "input_1", clock.wall())
    with pytest.raises(FileNotFoundError):
        store.adopt(tmp_path / "gone.png", "input_1", clock.wall())
    assert picture.exists()


@unix_only
def test_a_folder_that_is_a_link_is_neither_filled_nor_pruned(
    store: EvidenceStore, picture: Path, tmp_path: Path, clock: FakeClock
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    old = elsewhere / "20200101T000000.000Z_input_1.png"
    old.touch()
    os.utime(old, (0, 0))
    store.folder.symlink_to(elsewhere)
    with pytest.raises(ValueError, match="link"):
        store.adopt(picture, "input_1", clock.wall())
    assert store.prune() == 0
    assert old.exists()


def test_what_is_over_age_goes(store: EvidenceStore, picture: Path, clock: FakeClock) -> None:
    old = store.adopt(picture, "input_1", clock.wall())
    clock.advance(6 * DAY_S)
    picture.touch()
    young = store.adopt(picture, "input_2", clock.wall())
    assert store.prune() == 0
    clock.advance(2 * DAY_S)
    assert store.prune() == 1
    assert not old.exists()
    assert young.exists()


def test_the_oldest_go_above_the_size(store: EvidenceStore, picture: Path, clock: FakeClock) -> None:
    kept = []
    for number in range(5):
        picture.write_bytes(b"x" * 400)
        kept.append(store.adopt(picture, f"input_{number}", clock.wall()))
        clock.advance(1)
    assert store.prune() == 3
    assert [path.exists() for path in kept] == [False, False, False, True, True]
    store.configure(EvidenceSettings(max_bytes=ByteSize(1)))
    assert store.prune() == 2


def test_pictures_that_agents_asked_for_are_pruned_too_and_nothing_else(store: EvidenceStore) -> None:
    store.folder.mkdir()
    given = store.folder / "0123456789ab.png"
    foreign = store.folder / "holiday.png"
    for path in (given, foreign):
        path.touch()
        os.utime(path, (0, 0))
    assert store.prune() == 1
    assert not given.exists()
    assert foreign.exists()


@unix_only
def test_a_link_by_the_name_of_a_picture_is_left_alone(store: EvidenceStore, picture: Path) -> None:
    store.folder.mkdir()
    link = store.folder / "20200101T000000.000Z_input_1.png"
    link.symlink_to(picture)
    os.utime(picture, (0, 0))
    assert store.prune() == 0
    assert picture.exists()


def test_without_a_folder_there_is_nothing_to_prune(store: EvidenceStore) -> None:
    assert store.prune() == 0
