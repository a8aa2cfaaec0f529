"""A state dir that cannot be written, a full disk, a damaged file: supervision goes on, and nothing is hidden."""

import contextlib
import itertools
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from . import machine
from .aurora import Aurora
from .services import calm
from .waiting import eventually

MOUNT_PERMITTED = os.geteuid() == 0
needs_mount = pytest.mark.skipif(not MOUNT_PERMITTED, reason="mounting a small disk needs root")


@contextlib.contextmanager
def small_disk(place: Path, *options: str) -> Iterator[None]:
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "aurora-test", str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def on_small_disk(make_aurora: Callable[..., Aurora], tmp_path: Path) -> Iterator[Aurora]:
    """An Aurora whose state dir is a disk of 4 MB."""
    aurora = make_aurora()
    with small_disk(aurora.paths.root, "size=4m", "mode=700"):
        yield aurora
        complaints = aurora.clean_up()
    assert not complaints, "\n".join(complaints)


def _fill(disk: Path) -> Path:
    """Write until not one byte more fits."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    with pytest.raises(OSError, match="No space left"), (disk / "one-more").open("wb", buffering=0) as file:
        file.write(b"x" * 8192)
    return filler


@needs_mount
def test_a_read_only_state_dir_is_refused_in_words(make_aurora: Callable[..., Aurora]) -> None:
    aurora = make_aurora()
    aurora.configure({"web": calm()})
    with small_disk(aurora.paths.root, "ro"):
        refused = aurora.command("run", "--headless")
    assert refused.returncode == 1
    assert str(aurora.paths.root) in refused.stderr
    assert "Read-only" in refused.stderr
    assert "--state-dir" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_state_dir_that_is_a_file_is_refused_in_words(aurora: Aurora) -> None:
    aurora.configure({"web": calm()})
    aurora.paths.root.write_text("in the way")
    refused = aurora.command("run", "--headless")
    assert refused.returncode == 1
    assert str(aurora.paths.root) in refused.stderr
    assert "Traceback" not in refused.stderr


@needs_mount
def test_a_full_disk_stops_no_supervision_and_is_told(on_small_disk: Aurora) -> None:
    aurora = on_small_disk
    aurora.configure({"web": calm()})
    aurora.start()
    pid = aurora.until("web", "running")["pid"]
    filler = _fill(aurora.paths.root)
    machine.kill(pid)
    second = aurora.until_replaced("web", pid)["pid"]
    failing = aurora.until_event("storage_failing")
    assert "full" in failing["detail"]
    status = aurora.status()
    assert status["verdict"] == "unhealthy"
    assert "events cannot be written" in status["sentence"]
    machine.kill(second)
    aurora.until_replaced("web", second)
    during = aurora.events()
    filler.unlink()
    recovered = aurora.until_event("storage_recovered")
    assert recovered["dropped"] == 0
    eventually(lambda: _is_well(aurora), "all is well again")
    kept = {event["id"]: event for event in aurora.events()}
    assert [kept[event["id"]] for event in during] == during
    assert aurora.quit() == 0
    aurora.start()
    after = {event["id"]: event for event in aurora.events()}
    assert [after[event["id"]] for event in during] == during
    assert sorted(after) == list(range(min(after), max(after) + 1))


def _is_well(aurora: Aurora) -> bool:
    status = aurora.status()
    assert status["verdict"] == "healthy", status["problems"]
    return True


@needs_mount
def test_a_start_and_a_stop_on_a_full_disk_work_as_far_as_they_can(on_small_disk: Aurora) -> None:
    aurora = on_small_disk
    aurora.configure({"web": calm()})
    aurora.start()
    aurora.until("web", "running")
    _fill(aurora.paths.root)
    aurora.ask("stop", "web")
    aurora.ask("start", "web")
    assert aurora.quit() == 0
    assert aurora.processes() == []


@needs_mount
def test_an_aurora_killed_on_a_full_disk_is_adopted_from_without_the_ledger(on_small_disk: Aurora) -> None:
    aurora = on_small_disk
    aurora.configure({"web": calm()})
    aurora.start()
    pid = aurora.until("web", "running")["pid"]
    filler = _fill(aurora.paths.root)
    machine.kill(pid)
    pid = aurora.until_replaced("web", pid)["pid"]
    aurora.crash()
    filler.unlink()
    aurora.start()
    assert aurora.service("web")["pid"] == pid
    assert len(aurora.processes()) == 1


def _flip(file: Path) -> None:
    """Other bytes in the middle of each page but the first."""
    raw = bytearray(file.read_bytes())
    assert len(raw) > 8192
    for middle in range(4096 + 2000, len(raw), 4096):
        raw[middle : middle + 64] = bytes(byte ^ 0xFF for byte in raw[middle : middle + 64])
    file.write_bytes(raw)


def _truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2 + 100)


def _empty(file: Path) -> None:
    os.truncate(file, 0)


def _replace_by_text(file: Path) -> None:
    file.write_text("this is no database\n" * 100)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *itertools.product(("journal.db", "state.db"), (_flip, _truncate, _replace_by_text)),
        ("state.db", _empty),
    ],
)
def test_a_damaged_file_is_set_aside_and_told(aurora: Aurora, name: str, damage: Callable[[Path], None]) -> None:
    aurora.configure({"web": calm()})
    aurora.start()
    aurora.until("web", "running")
    last_id = aurora.last_id()
    assert aurora.quit() == 0
    file = aurora.paths.root / name
    damage(file)
    damaged = file.read_bytes()
    aurora.start()
    aurora.until("web", "running")
    told = aurora.until_event("storage_quarantined", since=0 if name == "journal.db" else last_id)
    assert told["path"] == str(file)
    aside = Path(told["moved_to"])
    assert aside.read_bytes() == damaged
    assert told["reason"]
    assert told["id"] > last_id - 5, "an id that a reader holds is never given again"


def test_a_file_that_was_set_aside_is_shown_in_the_status(aurora: Aurora) -> None:
    aurora.configure({"web": calm()})
    aurora.start()
    assert aurora.quit() == 0
    _replace_by_text(aurora.paths.journal)
    aurora.start()
    problems = eventually(lambda: aurora.status()["problems"], "the status has a problem")
    assert any("journal.db" in problem["sentence"] + problem["next_step"] for problem in problems)


def test_a_ledger_damaged_while_services_run_makes_no_twins(aurora: Aurora) -> None:
    aurora.configure({"a": calm(), "b": calm(requires=["a"])})
    aurora.start()
    aurora.until("b", "running")
    before = aurora.pids()
    aurora.crash()
    _replace_by_text(aurora.paths.state_db)
    aurora.start()
    assert aurora.pids() == before
    assert len(aurora.processes()) == 2


def test_a_torn_last_line_of_a_log_is_mended(aurora: Aurora) -> None:
    aurora.configure({"web": calm()})
    aurora.start()
    pid = aurora.until("web", "running")["pid"]
    machine.kill(pid)
    aurora.until_replaced("web", pid)
    assert aurora.quit() == 0
    log = aurora.paths.logs / "recovery_events.log"
    whole = log.read_bytes()
    log.write_bytes(whole + whole.splitlines()[-1][:20])
    aurora.start()
    pid = aurora.until("web", "running")["pid"]
    machine.kill(pid)
    aurora.until_replaced("web", pid)
    eventually(lambda: log.read_bytes().startswith(whole) and len(log.read_bytes()) > len(whole), "the log grows on")
    assert all(line.startswith(b"{") and line.endswith(b"}") for line in log.read_bytes().splitlines())
