"""Real files and a real small disk for the tests of the storage."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import Protocol

import pytest
from core.clocks import FakeClock

from aurora_desktop.core.events import AnyEvent, Heartbeat, Record, ServiceRestarting
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import JournalSettings, LogSettings
from aurora_desktop.core.storage.journal import Journal
from aurora_desktop.core.storage.trouble import StorageEvent

WAIT_S = 60.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    return StatePaths(tmp_path / "state")


class OpenJournal(Protocol):
    """Opens a journal; its troubles arrive in `troubles`."""

    def __call__(
        self, where: StatePaths | None = None, journal: JournalSettings | None = None, logs: LogSettings | None = None
    ) -> tuple[Journal, int]: ...


@pytest.fixture
def troubles() -> "Queue[StorageEvent]":
    return Queue()


@pytest.fixture
def open_journal(paths: StatePaths, clock: FakeClock, troubles: "Queue[StorageEvent]") -> Iterator[OpenJournal]:
    opened: list[Journal] = []

    def begin(
        where: StatePaths | None = None, journal: JournalSettings | None = None, logs: LogSettings | None = None
    ) -> tuple[Journal, int]:
        begun = Journal(
            where or paths, journal or JournalSettings(), logs or LogSettings(), clock, on_trouble=troubles.put
        )
        opened.append(begun)
        return begun, begun.open()

    yield begin
    for journal in opened:
        journal.close()


@pytest.fixture
def restarting(clock: FakeClock) -> Callable[..., Record]:
    """A record of a recovery event, at the clock's time."""

    def make(id_: int, component: str = "service:web", cause: str = "exited") -> Record:
        event = ServiceRestarting(at=clock.wall(), component=component, attempt=1, delay_s=0.0, cause=cause)
        return Record(id_, event)

    return make


@pytest.fixture
def heartbeat(clock: FakeClock) -> Callable[[int], Record]:
    """A record of a heartbeat, at the clock's time."""

    def make(id_: int) -> Record:
        event = Heartbeat(
            at=clock.wall(),
            component="heartbeat",
            uptime_seconds=60.5,
            verdict="healthy",
            sentence="all is well",
            lag_ms=0.2,
            missed=0,
            error_counts={"service:web": 2},
            recent_recovery_events=({"component": "service:web", "event_type": "service_failed"},),
            services={"ready": 1},
            memory_bytes=1,
            cpu_percent=0.1,
        )
        return Record(id_, event)

    return make


def ids(records: list[Record]) -> list[int]:
    return [record.id for record in records]


def events(records: list[Record]) -> list[AnyEvent]:
    return [record.event for record in records]


class SmallDisk(Protocol):
    """A folder on a disk that can be made full, and be given its space back."""

    folder: Path

    def fill(self) -> None: ...

    def free(self) -> None: ...


class _Tmpfs:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        with open(self._ballast, "ab", buffering=0) as file:
            for size in (65536, 1):
                try:
                    while file.write(b"x" * size) == size:
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        self._ballast.unlink()


if sys.platform != "win32":
    import resource

    class _FileSizeLimit:
        """Where mounting is not permitted: no file of this process may grow at all."""

        def __init__(self, folder: Path) -> None:
            self.folder = folder
            self._before = resource.getrlimit(resource.RLIMIT_FSIZE)

        def fill(self) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, self._before[1]))

        def free(self) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    is_mounted = _mount(folder, "16m")
    disk = _Tmpfs(folder) if is_mounted else _FileSizeLimit(folder)
    yield disk
    if is_mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
    else:
        disk.free()


def _mount(folder: Path, size: str) -> bool:
    if sys.platform != "linux" or os.geteuid():
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "aurora-test", str(folder)]
    return not subprocess.run(command, capture_output=True, check=False).returncode
