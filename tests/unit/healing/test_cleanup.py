"""Making room: old temporary files and bulky logs go, and nothing that a link, a mount or a slip could lead to."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import Service, ServiceLog, Settings
from aurora_desktop.core.settings.schema_healing import HealingSettings, InfrastructureSettings, TempFolder
from aurora_desktop.core.settings.values import Command
from aurora_desktop.core.storage.rotation import archives
from aurora_desktop.healing.machine.cleanup import CleanUp, Freed, LogFile, OldFiles, clean_up_of, free_space
from aurora_desktop.healing.machine.dangerous import refuse_dangerous
from aurora_desktop.healing.machine.temp_folders import Limits, clear

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs folders that can be held open")

DAY_S = 86_400.0
FILE_BYTES = 100_000


def tomorrow() -> float:
    """The time of change of a file cannot be set back, so the tests look from later on."""
    return time.time() + DAY_S


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "temporary"
    made.mkdir()
    return made


def fill(path: Path, size: int = FILE_BYTES) -> Path:
    path.write_bytes(os.urandom(size))
    return path


def free(folder: Path, hours: float = 1.0, now: float | None = None) -> Freed:
    what = CleanUp(folders=(OldFiles(folder, hours * 3600.0),))
    return asyncio.run(free_space(what, now or tomorrow()))


def test_old_files_are_removed_and_counted(folder: Path) -> None:
    (folder / "deep").mkdir()
    old = [fill(folder / "old"), fill(folder / "deep" / "old")]
    freed = free(folder)
    assert (freed.files, freed.freed_bytes >= 2 * FILE_BYTES) == (2, True)
    assert not any(path.exists() for path in old)
    assert (folder / "deep").is_dir()


def test_what_was_used_lately_stays(folder: Path) -> None:
    kept = fill(folder / "kept")
    freed = free(folder, now=time.time())
    assert (freed.files, kept.exists()) == (0, True)


@pytest.mark.parametrize("touched", ["written", "read"])
def test_one_sign_of_use_is_enough(folder: Path, touched: str) -> None:
    kept = fill(folder / "kept")
    now = tomorrow()
    os.utime(kept, (now, 0) if touched == "read" else (0, now))
    assert (free(folder, now=now).files, kept.exists()) == (0, True)


def test_what_was_unpacked_just_now_is_not_old(folder: Path) -> None:
    kept = fill(folder / "kept")
    os.utime(kept, (0, 0))
    assert (free(folder, now=time.time()).files, kept.exists()) == (0, True)


def test_no_link_is_followed(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    treasure = fill(outside / "treasure")
    (folder / "to-folder").symlink_to(outside)
    (folder / "to-file").symlink_to(treasure)
    assert (free(folder).files, treasure.exists()) == (0, True)


def test_what_has_a_second_name_stays(folder: Path, tmp_path: Path) -> None:
    other = fill(tmp_path / "other")
    os.link(other, folder / "same")
    assert (free(folder).files, other.exists()) == (0, True)


def test_only_regular_files_go(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert (free(folder).files, (folder / "pipe").exists()) == (0, True)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells which files are open")
def test_an_open_file_stays(folder: Path) -> None:
    kept = fill(folder / "kept")
    with kept.open("rb"):
        assert (free(folder).files, kept.exists()) == (0, True)
    assert free(folder).files == 1


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give files away")
def test_files_of_others_stay(folder: Path) -> None:
    theirs = fill(folder / "theirs")
    os.chown(theirs, 65_534, 65_534)
    (folder / "their-folder").mkdir()
    inside = fill(folder / "their-folder" / "mine")
    os.chown(folder / "their-folder", 65_534, 65_534)
    assert (free(folder).files, theirs.exists(), inside.exists()) == (0, True, True)


def test_a_link_to_the_folder_leads_to_it(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    fill(folder / "old")
    assert free(link).files == 1


def test_a_folder_that_became_a_link_meanwhile_is_not_entered(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    kept = fill(folder / "old")
    with pytest.raises(AuroraError):
        clear(link, Limits(tomorrow()))
    assert kept.exists()


def test_it_ends_when_its_time_is_over(folder: Path) -> None:
    for number in range(5):
        fill(folder / str(number), 10)
    asked: list[int] = []

    def is_over() -> bool:
        asked.append(1)
        return len(asked) > 2

    cleared = clear(folder, Limits(tomorrow(), is_over=is_over))
    assert (cleared.files, "next time" in cleared.detail) == (2, True)


@pytest.mark.parametrize("size", [0, 1])
def test_nothing_to_do_is_told(folder: Path, size: int) -> None:
    if size:
        fill(folder / "new")
    freed = free(folder, now=time.time())
    assert freed.sentence == "nothing could be freed"


# --- folders that are refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/etc", "/etc/ssl", "/usr/bin", "/var", "/var/lib", "/home", "/proc", "/dev", "/boot", "/opt"]
)
def test_the_systems_folders_are_refused(path: str) -> None:
    if not Path(path).exists():
        pytest.skip("not on this system")
    with pytest.raises(AuroraError) as raised:
        refuse_dangerous(Path(path))
    assert path in raised.value.detail
    assert "temp_folders" in raised.value.hint


def test_home_and_what_lies_in_it_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home" / "me"
    for name in ("Documents", ".ssh", ".cache/tool"):
        (home / name).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    for refused in (home, home.parent, home / "Documents", home / ".ssh"):
        with pytest.raises(AuroraError):
            refuse_dangerous(refused)
    assert refuse_dangerous(home / ".cache" / "tool") == home / ".cache" / "tool"


def test_a_link_to_a_dangerous_folder_is_as_dangerous(tmp_path: Path) -> None:
    link = tmp_path / "innocent"
    link.symlink_to("/etc")
    with pytest.raises(AuroraError) as raised:
        refuse_dangerous(link)
    assert "belongs to the system" in raised.value.detail


def test_auroras_own_folders_are_refused(tmp_path: Path) -> None:
    ours = tmp_path / "state"
    (ours / "logs").mkdir(parents=True)
    for refused in (ours, ours / "logs", tmp_path):
        with pytest.raises(AuroraError) as raised:
            refuse_dangerous(refused, [ours])
        assert "its own files" in raised.value.detail


@pytest.mark.parametrize("path", ["relative", "/no/such/folder"])
def test_what_is_no_folder_is_told(path: str) -> None:
    freed = free(Path(path))
    assert (freed.files, len(freed.refused)) == (0, 1)
    assert path in freed.refused[0]


# --- logs ---------------------------------------------------------------------------------------------------------


def log_of(tmp_path: Path, text: bytes, *, held_open: bool, keep: int = 3) -> LogFile:
    path = tmp_path / "web.log"
    path.write_bytes(text)
    return LogFile(path, keep, held_open)


def shrink(log: LogFile) -> Freed:
    return asyncio.run(free_space(CleanUp(logs=(log,)), time.time()))


@pytest.mark.parametrize("held_open", [True, False])
def test_a_bulky_log_is_compressed(tmp_path: Path, held_open: bool) -> None:
    log = log_of(tmp_path, b"the same line\n" * 200_000, held_open=held_open)
    freed = shrink(log)
    assert freed.freed_bytes > 2_000_000
    assert [path.name for path in archives(log.path)] == ["web.log.1.gz"]


def test_who_holds_the_log_open_goes_on_writing_to_it(tmp_path: Path) -> None:
    log = log_of(tmp_path, b"", held_open=True)
    with log.path.open("ab", buffering=0) as child:
        child.write(b"the same line\n" * 200_000)
        shrink(log)
        child.write(b"after\n")
    assert log.path.read_bytes() == b"after\n"


def test_an_archive_that_was_left_plain_is_compressed(tmp_path: Path) -> None:
    log = log_of(tmp_path, b"small\n", held_open=True)
    (tmp_path / "web.log.1").write_bytes(b"the same line\n" * 200_000)
    assert shrink(log).freed_bytes > 2_000_000
    assert [path.name for path in archives(log.path)] == ["web.log.1.gz"]


@pytest.mark.parametrize("keep", [0, 3])
def test_a_small_log_and_one_without_archives_stay(tmp_path: Path, keep: int) -> None:
    text = b"line\n" * (1000 if keep else 1_000_000)
    log = log_of(tmp_path, text, held_open=True, keep=keep)
    shrink(log)
    assert log.path.stat().st_size == len(text)


def test_the_settings_name_the_logs_and_the_folders(tmp_path: Path) -> None:
    infrastructure = InfrastructureSettings(temp_folders=[TempFolder(path="~/scratch", older_than_hours=2.0)])
    settings = Settings(
        services={"web": Service(command=Command(["web"]), log=ServiceLog(keep=7))},
        healing=HealingSettings(infrastructure=infrastructure),
    )
    what = clean_up_of(settings, StatePaths(tmp_path))
    assert what.folders == (OldFiles(Path.home() / "scratch", 7200.0),)
    assert LogFile(tmp_path / "logs" / "services" / "web.log", 7, held_open=True) in what.logs
    assert not any("audit" in log.path.name or "input" in log.path.name for log in what.logs)


# --- real small disks ---------------------------------------------------------------------------------------------

Mounted = Callable[[str], Path]


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Mounted]:
    if sys.platform != "linux" or os.geteuid():
        pytest.skip("only root can mount")
    made: list[Path] = []

    def mount(relative: str) -> Path:
        place = tmp_path / relative
        place.mkdir(parents=True)
        command = ["mount", "-t", "tmpfs", "-o", "size=4m", "aurora-test", str(place)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("mounting is not permitted here")
        made.append(place)
        return place

    yield mount
    for place in reversed(made):
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_another_file_system_below_is_not_entered(mounted: Mounted, folder: Path) -> None:
    kept = fill(mounted("temporary/disk") / "kept")
    fill(folder / "old")
    assert (free(folder).files, kept.exists()) == (1, True)


def test_a_bind_mount_of_the_same_disk_is_not_entered(mounted: Mounted, tmp_path: Path) -> None:
    disk = mounted("disk")
    (disk / "elsewhere").mkdir()
    kept = fill(disk / "elsewhere" / "kept")
    (disk / "temporary" / "bound").mkdir(parents=True)
    bound = disk / "temporary" / "bound"
    subprocess.run(["mount", "--bind", str(disk / "elsewhere"), str(bound)], check=True)
    try:
        assert (free(disk / "temporary").files, kept.exists()) == (0, True)
    finally:
        subprocess.run(["umount", "--lazy", str(bound)], check=True)


def fill_up(disk: Path) -> None:
    with (disk / "ballast").open("ab", buffering=0) as file:
        for size in (65_536, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue


def test_a_disk_without_any_room_is_cleaned_up(mounted: Mounted) -> None:
    disk = mounted("disk")
    (disk / "temporary").mkdir()
    (disk / "logs").mkdir()
    fill(disk / "temporary" / "old", 500_000)
    log = log_of(disk / "logs", b"the same line\n" * 100_000, held_open=True)
    fill_up(disk)
    what = CleanUp(logs=(log,), folders=(OldFiles(disk / "temporary", 3600.0),))
    freed = asyncio.run(free_space(what, tomorrow()))
    assert freed.freed_bytes > 1_800_000
    assert [path.name for path in archives(log.path)] == ["web.log.1.gz"]


def test_without_room_for_its_archive_a_log_stays_whole(mounted: Mounted) -> None:
    disk = mounted("disk")
    log = log_of(disk, os.urandom(1_200_000), held_open=True)
    fill_up(disk)
    freed = shrink(log)
    assert log.path.stat().st_size == 1_200_000
    assert "no room" in freed.refused[0]
