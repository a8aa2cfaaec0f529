"""`aurora audit`: read from the files, with and without a running Aurora."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from core.clocks import FakeClock

from aurora_desktop.cli.call import RunOptions
from aurora_desktop.cli.main import main
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import LogSettings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.input.audit import MIGRATIONS, AuditLog, StoredAnchor
from aurora_desktop.input.view import TaskView

Audit = Callable[..., int]


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    """A state dir with a log of three records, whose Aurora is gone."""
    paths = StatePaths(tmp_path / "state")
    paths.make()
    database = Database.open(paths.state_db, MIGRATIONS, 1)
    log = AuditLog(paths.input_log, LogSettings(), StoredAnchor(database), FakeClock())
    log.open()
    log.event("started")
    task = TaskView(
        task_id="input_7", action="key", parameters={"keys": "F5"}, status="running", created_at=1.0,
        agent="claude\x1b[2J", sentence="pressing F5",
    )  # fmt: skip
    log.intent(task)
    log.event("worker_crashed", detail="exited with code 3")
    log.close()
    database.close()
    return paths


def _refuse(_: RunOptions) -> int:
    raise AssertionError("only `aurora run` runs the program")


@pytest.fixture
def audit(paths: StatePaths) -> Audit:
    return lambda *argv: main(["--state-dir", str(paths.root), "audit", *argv], run=_refuse)


def test_a_sound_log_is_0(audit: Audit, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("verify") == 0
    assert capsys.readouterr().out == "the audit log is as it was written: 3 records, 1 to 3\n"


def test_a_changed_log_is_1_and_the_record_is_named(
    audit: Audit, paths: StatePaths, capsys: pytest.CaptureFixture[str]
) -> None:
    paths.input_log.write_bytes(paths.input_log.read_bytes().replace(b"F5", b"F6"))
    assert audit("verify") == 1
    assert "edited at input_agent.log, line 2, record 2" in capsys.readouterr().out
    assert audit("verify", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["good"] is False
    assert told["finding"] == {
        "kind": "edited", "file": "input_agent.log", "line": 2, "seq": 2,
        "detail": "this line is not as it was written",
    }  # fmt: skip


def test_a_log_cut_or_removed_is_1(audit: Audit, paths: StatePaths, capsys: pytest.CaptureFixture[str]) -> None:
    lines = paths.input_log.read_bytes().splitlines(keepends=True)
    paths.input_log.write_bytes(b"".join(lines[:-1]))
    assert audit("verify") == 1
    assert "cut tail" in capsys.readouterr().out
    paths.input_log.unlink()
    assert audit("verify") == 1
    assert "missing file" in capsys.readouterr().out


def test_a_fresh_install_is_sound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state-dir", str(tmp_path), "audit", "verify"], run=_refuse) == 0
    assert main(["--state-dir", str(tmp_path), "audit", "show"], run=_refuse) == 0
    assert "no agent has used mouse or keyboard yet" in capsys.readouterr().out


def test_a_state_db_that_cannot_be_read_is_1(
    audit: Audit, paths: StatePaths, capsys: pytest.CaptureFixture[str]
) -> None:
    paths.state_db.write_bytes(b"no database" * 1000)
    assert audit("verify") == 1
    assert "anchor of the audit log cannot be read" in capsys.readouterr().err


def test_show_tells_the_last_records(audit: Audit, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("show", "-n", "2") == 0
    out = capsys.readouterr().out
    assert "started" not in out
    assert "pressing F5" in out
    assert "exited with code 3" in out
    assert "\x1b" not in out


def test_show_as_json_gives_the_records(audit: Audit, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("show", "--json") == 0
    assert [record["seq"] for record in json.loads(capsys.readouterr().out)] == [1, 2, 3]


@pytest.mark.parametrize("argv", [[], ["reset"], ["show", "-n", "0"], ["verify", "--nonsense"]])
def test_wrong_usage_is_2(audit: Audit, argv: list[str]) -> None:
    assert audit(*argv) == 2
