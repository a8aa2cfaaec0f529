"""The services' logs are kept within their size."""

import gzip
import os
from pathlib import Path

import pytest

from aurora_desktop.core.events import AnyEvent, LogDropped
from aurora_desktop.core.settings.schema import ServiceLog
from aurora_desktop.core.settings.values import ByteSize
from aurora_desktop.core.storage.rotation import Rotation
from aurora_desktop.supervisor import logs
from aurora_desktop.supervisor.logs import LogKeeper
from supervisor.stage import surroundings
from supervisor.yard import Yard, in_loop

LIMITS = ServiceLog(max_bytes=ByteSize(100), keep=2)


def log_of(root: Path, size: int) -> Path:
    path = root / "web.log"
    path.write_bytes(b"x" * size)
    return path


@in_loop
async def test_a_log_over_its_limit_is_archived_and_emptied(tmp_path: Path) -> None:
    told: list[AnyEvent] = []
    path = log_of(tmp_path, 101)
    await LogKeeper(surroundings(tmp_path / "state", publish=told.append)).check([("web", str(path), LIMITS)])
    assert path.stat().st_size == 0
    assert gzip.decompress((tmp_path / "web.log.1.gz").read_bytes()) == b"x" * 101
    assert told == []


@in_loop
async def test_a_log_within_its_limit_is_left(tmp_path: Path) -> None:
    path = log_of(tmp_path, 100)
    await LogKeeper(surroundings(tmp_path / "state")).check([("web", str(path), LIMITS)])
    assert path.stat().st_size == 100
    assert set(os.listdir(tmp_path)) == {"web.log", "state"}


@in_loop
async def test_a_log_that_is_not_there_is_passed_over(tmp_path: Path) -> None:
    over = log_of(tmp_path, 101)
    missing = str(tmp_path / "missing.log")
    await LogKeeper(surroundings(tmp_path / "state")).check([("db", missing, LIMITS), ("web", str(over), LIMITS)])
    assert over.stat().st_size == 0


@in_loop
async def test_a_service_goes_on_writing_to_the_log_that_was_emptied(yard: Yard, tmp_path: Path) -> None:
    path = log_of(tmp_path, 101)
    writer = yard.sh(f'exec >>{path}; echo up >"$TELL"; read word <"$HOLD"; echo after')
    yard.hear()
    await LogKeeper(surroundings(tmp_path / "state")).check([("web", str(path), LIMITS)])
    yard.let_go()
    writer.wait()
    assert path.read_bytes() == b"after\n"


@in_loop
async def test_output_that_was_lost_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told: list[AnyEvent] = []
    path = log_of(tmp_path, 101)
    full = Rotation(None, 0, 101, "no room on the disk to keep a copy")
    monkeypatch.setattr(logs, "copy_truncate", lambda *_: full)
    await LogKeeper(surroundings(tmp_path / "state", publish=told.append)).check([("web", str(path), LIMITS)])
    (event,) = told
    assert isinstance(event, LogDropped)
    assert (event.component, event.dropped_bytes, event.detail) == ("service:web", 101, full.detail)


@in_loop
async def test_a_log_that_cannot_be_rotated_does_not_keep_the_others_from_it(tmp_path: Path) -> None:
    """It is looked at each second: one that raised would end the round for all services for ever."""
    stuck, over = tmp_path / "stuck" / "db.log", log_of(tmp_path, 101)
    stuck.parent.mkdir()
    stuck.write_bytes(b"x" * 101)
    (tmp_path / "stuck" / "db.log.gz.part").mkdir()
    await LogKeeper(surroundings(tmp_path / "state")).check([("db", str(stuck), LIMITS), ("web", str(over), LIMITS)])
    assert os.stat(over).st_size == 0
