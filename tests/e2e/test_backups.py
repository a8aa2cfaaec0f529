"""The state of the real program: backed up at its end, repaired at its start, and never of a newer version."""

import signal
from pathlib import Path

import apsw

from aurora_desktop.core.storage.opening import VFS, register_checksums

from .aurora import Aurora
from .services import calm


def backups(aurora: Aurora) -> list[str]:
    return sorted(entry.name for entry in aurora.paths.backups.glob("2*"))


def break_journal(path: Path) -> None:
    """A bit of the first event."""
    content = bytearray(path.read_bytes())
    content[content.rfind(b'"type":"aurora_started"')] ^= 4
    path.write_bytes(content)


def test_the_end_makes_a_backup_and_a_damaged_journal_comes_back_out_of_it(aurora: Aurora) -> None:
    aurora.configure({"a": {"command": "sleep 1000"}})
    aurora.start()
    aurora.send(signal.SIGTERM)
    assert aurora.ended() == 0
    assert len(backups(aurora)) == 1
    break_journal(aurora.paths.journal)
    aurora.start()
    (repaired,) = aurora.events("storage_quarantined")
    assert repaired["restored_from"].startswith(f"the backup {backups(aurora)[0]}")
    assert len(aurora.events("aurora_started")) == 2
    assert aurora.quit() == 0


def test_a_second_signal_shortens_the_end(aurora: Aurora) -> None:
    aurora.configure(
        {"deaf": {"command": ["sh", "-c", "trap '' TERM; sleep 1000 & wait; wait"], "timeout_stop_sec": 60}}
    )
    aurora.start()
    aurora.until("deaf", "running")
    aurora.send(signal.SIGTERM)
    aurora.until_event("aurora_stopping")
    aurora.send(signal.SIGTERM)
    assert aurora.ended() == 0
    assert len(backups(aurora)) == 1


def test_a_state_of_a_newer_version_is_refused_and_left_alone(aurora: Aurora) -> None:
    aurora.configure({})
    aurora.start()
    assert aurora.quit() == 0
    register_checksums()
    connection = apsw.Connection(str(aurora.paths.state_db), vfs=VFS)
    connection.pragma("user_version", 999)
    connection.close()
    content = aurora.paths.state_db.read_bytes()
    aurora.launch("--headless")
    assert aurora.ended() == 1
    assert "state.db was written by a newer Aurora" in aurora.output
    assert aurora.paths.state_db.read_bytes() == content


def test_a_task_and_a_spawn_that_are_not_understood_are_told_and_keep_nobody_from_starting(aurora: Aurora) -> None:
    aurora.configure({"web": calm()})
    aurora.start()
    assert aurora.quit() == 0
    register_checksums()
    connection = apsw.Connection(str(aurora.paths.state_db), vfs=VFS)
    connection.execute("INSERT INTO spawns(marker, service, pid) VALUES ('m', 'web', 'no number')").fetchall()
    task = "INSERT INTO tasks(id, status, agent, prompt, task) VALUES ('task_1', 'queued', 'claude', 'p', '{}')"
    connection.execute(task).fetchall()
    connection.close()
    aurora.start()
    aurora.until("web", "running")
    told = aurora.until_event("damage_found")
    assert told["path"] == str(aurora.paths.state_db)
    assert "`spawns` m: Expected `int | null`, got `str` - at `$.pid`" in told["detail"]
    assert "`tasks` task_1: Object missing required field" in told["detail"]
