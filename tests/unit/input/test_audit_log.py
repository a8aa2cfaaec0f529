"""The audit log itself: what it writes, and what it does when it cannot, or finds that somebody was at it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from storage.conftest import SmallDisk, small_disk

from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.storage.rotation import set_aside
from aurora_desktop.input.audit import MIGRATIONS, Anchored, SecretText, StoredAnchor, read_anchor, verify
from aurora_desktop.input.audit.chain import MAX_LINE_BYTES
from aurora_desktop.input.audit.files import first_seq, log_files
from aurora_desktop.input.audit.reading import last_records
from aurora_desktop.input.audit.verify import Verdict
from aurora_desktop.input.errors import AuditError

from .audit_rig import Rig, done, task

__all__ = ["small_disk"]
unix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes of Unix")


@pytest.fixture
def rig(tmp_path: Path) -> Any:
    opened = Rig(tmp_path)
    opened.log.open()
    yield opened
    opened.anchor.refuses = False
    opened.log.close()


def _records(rig: Rig) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in rig.path.read_bytes().splitlines()]


def _verdict(rig: Rig) -> Verdict:
    return verify(log_files(rig.path), rig.anchor.kept)


def test_a_task_record_has_the_fields_that_scripts_read(rig: Rig) -> None:
    rig.log.task(done(operator_user="ada", retry_count=1))
    (record,) = _records(rig)
    assert list(record)[:9] == [
        "timestamp", "task_id", "action", "parameters", "status", "operator_user", "retry_count", "error",
        "duration_sec",
    ]  # fmt: skip
    assert record["timestamp"] == "2025-06-15T15:06:40.000Z"
    assert record["parameters"] == {"keys": "ctrl+t"}
    assert (record["status"], record["operator_user"], record["retry_count"]) == ("completed", "ada", 1)
    assert record["error"] is None
    assert record["duration_sec"] == 1.0
    assert (record["seq"], record["phase"], record["outcome"]) == (1, "outcome", "done")


def test_a_failed_task_is_told_with_its_reason(rig: Rig) -> None:
    rig.log.task(done(status="failed", outcome="refused", reason="the queue is full"))
    (record,) = _records(rig)
    assert (record["status"], record["error"]) == ("failed", "the queue is full")


def test_intent_comes_before_outcome_and_both_are_on_the_file_at_once(rig: Rig) -> None:
    rig.log.event("started")
    rig.log.intent(task(status="running"))
    assert [record.get("phase") for record in _records(rig)] == [None, "intent"]
    rig.log.task(done())
    assert [record.get("phase") for record in _records(rig)] == [None, "intent", "outcome"]


def test_event_records_have_the_fields_that_scripts_read(rig: Rig) -> None:
    rig.log.event("worker_crashed", error="exited with code 3", restart_count=2)
    (record,) = _records(rig)
    assert {"timestamp", "event", "error", "restart_count"} <= set(record)
    with pytest.raises(ValueError, match="cannot be fields"):
        rig.log.event("x", seq=1)


@unix_only
def test_the_log_is_private(rig: Rig) -> None:
    rig.log.event("started")
    assert rig.path.stat().st_mode & 0o777 == 0o600


def test_flushing_anchors_the_head(rig: Rig) -> None:
    rig.log.event("one")
    rig.log.event("two")
    rig.log.flush()
    assert rig.anchor.kept == Anchored(2, rig.log.head.hash, rig.path.stat().st_size)


def test_the_anchor_follows_by_itself(rig: Rig) -> None:
    import threading

    stored = threading.Event()
    store = rig.anchor.store

    def watched(anchored: Anchored) -> None:
        store(anchored)
        stored.set()

    rig.anchor.store = watched  # type: ignore[method-assign] # to be told
    rig.log.event("one")
    assert stored.wait(30)
    assert rig.anchor.kept
    assert rig.anchor.kept.seq == 1


def test_the_chain_runs_on_over_a_restart(rig: Rig) -> None:
    rig.log.event("one")
    rig.log.close()
    rig.again().event("two")
    assert [record["seq"] for record in _records(rig)] == [1, 2]
    assert _verdict(rig).is_good
    assert not rig.altered


def test_very_long_text_does_not_push_the_rest_out_of_the_log(rig: Rig) -> None:
    rig.log.intent(task(parameters={"text": "x" * 1_000_000}))
    (record,) = _records(rig)
    assert record["parameters"]["text"] == {"beginning": "x" * 1000, "length": 1_000_000}


def test_a_record_over_all_bounds_is_written_without_its_parameters(rig: Rig) -> None:
    rig.log.intent(task(parameters={"points": ["x" * 9000] * 1000}))
    (record,) = _records(rig)
    assert record["parameters"]["omitted_bytes"] > MAX_LINE_BYTES
    rig.log.flush()
    assert _verdict(rig).is_good


def test_lone_surrogates_are_written_as_something_readable(rig: Rig) -> None:
    rig.log.intent(task(operator_user="\ud800", parameters={"\udfff": "\ud800"}))
    rig.log.flush()
    assert _records(rig)[0]["operator_user"] == "?"
    assert _verdict(rig).is_good


# --- what was torn, and what somebody changed ---------------------------------------------------------------------


@given(data=st.data())
def test_every_tear_behind_the_anchor_is_mended_and_told(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    rig = Rig(tmp_path_factory.mktemp("logs"))
    rig.log.open()
    rig.log.event("safe")
    rig.log.flush()
    safe = rig.path.stat().st_size
    rig.log.event("at risk")
    rig.log.event("at risk too")
    rig.crash()
    size = rig.path.stat().st_size
    kept = data.draw(st.integers(safe, size))
    whole_before = rig.path.read_bytes()[:kept]
    os.truncate(rig.path, kept)
    if data.draw(st.booleans()):
        os.truncate(rig.path, kept + data.draw(st.integers(0, 300)))  # a hole, as file systems leave them
    rig.again().event("after")
    rig.log.close()
    verdict = _verdict(rig)
    assert verdict.is_good, verdict.sentence
    assert not rig.altered
    events = [record["event"] for record in _records(rig)]
    assert events[0] == "safe"
    assert events[-1] == "after"
    if not whole_before.endswith((b"\n", b"}")):
        assert "tail_repaired" in events
        assert rig.path.with_name("input_agent.log.torn").exists()


def test_a_whole_record_that_lacks_its_newline_is_kept(rig: Rig) -> None:
    rig.log.event("safe")
    rig.log.flush()
    rig.log.event("at risk")
    rig.crash()
    os.truncate(rig.path, rig.path.stat().st_size - 1)
    rig.again().event("after")
    rig.log.flush()
    assert [record["event"] for record in _records(rig)] == ["safe", "at risk", "after"]
    assert _verdict(rig).is_good


@given(data=st.data())
def test_every_cut_below_the_anchor_is_told_and_stays_visible(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    rig = Rig(tmp_path_factory.mktemp("logs"))
    rig.log.open()
    for number in range(4):
        rig.log.event(f"n{number}")
    rig.log.close()
    whole = rig.path.stat().st_size
    kept = data.draw(st.integers(0, whole - 1))
    os.truncate(rig.path, kept)
    rig.again().event("after")
    rig.log.close()
    assert len(rig.altered) == 1
    last = _records_of_sound_lines(rig)[-2:]
    assert last[0]["event"] == "log_altered"
    assert (last[0]["expected_seq"], last[0]["seq"], last[1]["seq"]) == (4, 5, 6)
    verdict = _verdict(rig)
    assert not verdict.is_good or kept == whole - 1, "a newline alone can be put back"
    assert any("record 5: " in note for note in verdict.notes)


def _records_of_sound_lines(rig: Rig) -> list[dict[str, Any]]:
    return last_records(rig.path, 100)


def test_a_deleted_log_is_told_and_a_new_chain_is_linked_to_the_anchor(rig: Rig) -> None:
    rig.log.event("one")
    rig.log.event("two")
    rig.log.close()
    anchored = rig.anchor.kept
    assert anchored
    rig.path.unlink()
    rig.again().event("after")
    rig.log.flush()
    first = _records(rig)[0]
    assert (first["event"], first["seq"], first["prev"]) == ("log_missing", 3, anchored.hash)
    assert first["expected_hash"] == anchored.hash
    assert rig.altered == ["the audit log is gone, with records up to 2"]
    finding = _verdict(rig).finding
    assert finding
    assert (finding.kind, finding.seq) == ("missing_file", 1)


def test_a_log_that_is_deleted_or_changed_while_it_is_written_is_told_at_once(rig: Rig) -> None:
    rig.log.event("one")
    rig.path.unlink()
    rig.log.event("two")
    assert rig.altered == ["the audit log is gone, with records up to 1"]
    os.truncate(rig.path, 30)
    rig.log.event("three")
    assert len(rig.altered) == 2
    with rig.path.open("ab") as file:
        file.write(b'{"event":"slipped in"}\n')
    rig.log.event("four")
    assert len(rig.altered) == 3
    assert _records_of_sound_lines(rig)[-1]["event"] == "four"
    assert not _verdict(rig).is_good


def test_a_lost_anchor_is_told_in_the_log(rig: Rig) -> None:
    rig.log.event("one")
    rig.log.close()
    rig.anchor.kept = None
    rig.again()
    assert _records(rig)[-1]["event"] == "anchor_lost"
    rig.log.flush()
    assert _verdict(rig).is_good


def test_a_log_that_is_a_link_is_not_written_through(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"")
    rig.path.symlink_to(elsewhere)
    with pytest.raises(AuditError):
        rig.log.open()
    rig.log.close()
    assert elsewhere.read_bytes() == b""


# --- when it cannot be written ------------------------------------------------------------------------------------


def test_before_it_is_open_nothing_is_taken(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    with pytest.raises(AuditError, match="not open"):
        rig.log.intent(task())


def test_a_folder_that_is_gone_is_told_and_found_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "logs")
    with pytest.raises(AuditError) as failed:
        rig.log.open()
    assert "No such file" in failed.value.detail
    assert len(rig.failing) == 1
    rig.path.parent.mkdir()
    rig.log.probe()
    rig.log.intent(task())
    rig.log.close()
    assert _verdict(rig).is_good


def _write_on(rig: Rig) -> None:
    """The last page of the file may have room left."""
    for _ in range(1000):
        rig.log.intent(task("input_during", status="running", sentence="x" * 900))


def test_a_full_disk_refuses_intents_once_told_and_comes_back_by_itself(small_disk: SmallDisk) -> None:
    rig = Rig(small_disk.folder)
    rig.log.open()
    rig.log.intent(task("input_before", status="running"))
    small_disk.fill()
    try:
        with pytest.raises(AuditError) as full:
            _write_on(rig)
        assert full.value.hint == "make room on the disk"
        for _ in range(3):
            with pytest.raises(AuditError):
                rig.log.intent(task("input_refused"))
        with pytest.raises(AuditError):
            rig.log.task(done("input_before"))
        with pytest.raises(AuditError):
            rig.log.probe()
        assert len(rig.failing) == 1
    finally:
        small_disk.free()
    rig.log.probe()
    assert rig.log.trouble is None
    rig.log.intent(task("input_after"))
    rig.log.close()
    records = _records(rig)
    events = [record.get("event") or record["task_id"] for record in records]
    assert "input_refused" not in events
    assert events[-3:] == ["log_recovered", "input_before", "input_after"]
    assert records[-2]["outcome"] == "done", "an outcome is not lost"
    assert not rig.path.with_name("input_agent.log.torn").exists(), "what found no room was taken back at once"
    assert _verdict(rig).is_good


def test_an_anchor_that_cannot_be_kept_stops_everything_too(rig: Rig) -> None:
    rig.log.event("one")
    rig.anchor.refuses = True
    with pytest.raises(AuditError, match="anchored"):
        rig.log.flush()
    with pytest.raises(AuditError):
        rig.log.intent(task())
    with pytest.raises(AuditError):
        rig.log.probe()
    assert len(rig.failing) == 1
    rig.anchor.refuses = False
    rig.log.probe()
    rig.log.intent(task())


def test_a_raised_error_is_a_new_one_each_time(rig: Rig) -> None:
    rig.log.event("one")
    rig.anchor.refuses = True
    raised = []
    for _ in range(3):
        with pytest.raises(AuditError) as failed:
            rig.log.flush()
        raised.append(failed.value)
    assert len({id(error) for error in raised}) == 3


# --- rotation -----------------------------------------------------------------------------------------------------


def test_a_crash_in_the_middle_of_a_rotation_loses_nothing(tmp_path: Path) -> None:
    for has_fresh, is_packed in ((False, False), (True, False), (False, True)):
        folder = tmp_path / f"{has_fresh}{is_packed}"
        folder.mkdir()
        rig = Rig(folder)
        rig.log.open()
        rig.log.event("anchored")
        rig.log.flush()
        rig.log.event("written since")
        rig.crash()
        plain = rig.path.rename(rig.path.with_name("input_agent.log.1"))
        if has_fresh:
            rig.path.touch(0o600)
        if is_packed:
            subprocess.run(["gzip", str(plain)], check=True)
        rig.again().event("after")
        rig.log.close()
        assert not rig.altered
        assert [record["event"] for record in _records(rig)] == ["after"]
        assert _verdict(rig).is_good


def test_an_archive_in_both_shapes_after_a_crash_is_read_once(tmp_path: Path) -> None:
    rig = Rig(tmp_path, max_bytes=1000)
    rig.log.open()
    for number in range(20):
        rig.log.event(f"n{number}")
        rig.log.flush()
    rig.log.close()
    subprocess.run(["gunzip", "--keep", str(rig.path.with_name("input_agent.log.1.gz"))], check=True)
    assert _verdict(rig).is_good


def test_the_anchor_expects_an_archive_no_more_before_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(tmp_path, max_bytes=1000, keep=2)
    expected: list[bool] = []

    def watched(path: Path, keep: int) -> Path:
        renamed = set_aside(path, keep)
        assert rig.anchor.kept
        oldest = first_seq(log_files(path)[0])
        expected.append(oldest is not None and oldest <= rig.anchor.kept.first_seq)
        return renamed

    monkeypatch.setattr("aurora_desktop.input.audit.log.set_aside", watched)
    rig.log.open()
    for number in range(40):
        rig.log.event(f"n{number}")
        rig.log.flush()
    rig.log.close()
    assert len(expected) > 3
    assert all(expected)


def test_no_record_is_lost_where_rotation_keeps_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path, max_bytes=1000, keep=0)
    rig.log.open()
    for number in range(20):
        rig.log.event(f"n{number}")
        rig.log.flush()
    rig.log.close()
    assert len(log_files(rig.path)) == 2
    assert _verdict(rig).is_good


# --- the real anchor, and writers that are killed -----------------------------------------------------------------

_WRITER = """
import sys
from pathlib import Path
from aurora_desktop.core.clock import SystemClock
from aurora_desktop.core.settings.schema import LogSettings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.storage.rotation import set_aside
from aurora_desktop.input.audit import MIGRATIONS, AuditLog, StoredAnchor
from aurora_desktop.input.view import TaskView
folder = Path(sys.argv[1])
database = Database.open(folder / "state.db", MIGRATIONS, 1)
settings = LogSettings(max_bytes=20_000, keep=1000)
log = AuditLog(folder / "input_agent.log", settings, StoredAnchor(database), SystemClock())
log.open()
number = 0
while True:
    number += 1
    log.intent(TaskView(task_id=f"input_{number}", action="wait", parameters={}, status="running", created_at=1.0))
    print(log.head.seq, flush=True)
    if number % 40 == 0:
        log.flush()
"""


def test_writers_killed_at_any_moment_lose_no_record_that_they_told_of(tmp_path: Path) -> None:
    told = 0
    for records in (1, 30, 41, 77, 160):
        with subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout
            for _ in range(records):
                told = int(writer.stdout.readline())
            writer.kill()
            told = max([told, *map(int, writer.stdout.read().split()[-1:])])
        anchor = read_anchor(tmp_path / "state.db")
        verdict = verify(log_files(tmp_path / "input_agent.log"), anchor)
        assert verdict.is_good, verdict.sentence
        assert verdict.last_seq is not None
        assert verdict.last_seq >= told
    assert not (tmp_path / "input_agent.log.torn").exists()


def test_the_anchor_is_kept_in_the_database(tmp_path: Path) -> None:
    assert read_anchor(tmp_path / "state.db") is None
    database = Database.open(tmp_path / "state.db", MIGRATIONS, 1)
    try:
        anchor = StoredAnchor(database)
        assert anchor.load() is None
        for kept in (Anchored(7, "a" * 64, 100, 2), Anchored(9, "b" * 64, 300, 3)):
            anchor.store(kept)
            assert anchor.load() == kept == read_anchor(tmp_path / "state.db")
    finally:
        database.close()
    with pytest.raises(AuditError):
        anchor.store(Anchored(10, "c" * 64, 1))


def test_a_database_without_the_table_has_no_anchor(tmp_path: Path) -> None:
    Database.open(tmp_path / "state.db", ("CREATE TABLE other (x)",), 1).close()
    assert read_anchor(tmp_path / "state.db") is None


def test_a_damaged_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(AuditError):
        read_anchor(tmp_path / "state.db")


# --- secret text --------------------------------------------------------------------------------------------------


def test_of_a_secret_only_length_and_a_keyed_digest_are_told(tmp_path: Path) -> None:
    import hashlib

    told = SecretText.load(tmp_path / "audit.key").told("hunter2")
    assert told["length"] == 7
    assert told["hmac_sha256"] != hashlib.sha256(b"hunter2").hexdigest()
    assert "hunter2" not in str(told)


@unix_only
def test_the_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    key = tmp_path / "audit.key"
    first = SecretText.load(key)
    assert key.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["audit.key"]
    assert SecretText.load(key).told("x") == first.told("x")
    assert SecretText.load(tmp_path / "other.key").told("x") != first.told("x")


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_damaged_key_is_told(tmp_path: Path, content: bytes) -> None:
    key = tmp_path / "audit.key"
    key.write_bytes(content)
    with pytest.raises(AuditError, match="key"):
        SecretText.load(key)
