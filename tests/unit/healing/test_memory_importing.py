"""The logs of the earlier systems, in the spellings that are about, and in the states that logs get into."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.memory.earlier_logs import MAX_LINE, TOO_LONG, TORN, EarlierLog
from aurora_desktop.healing.memory.importing import (
    IN_FUTURE,
    NO_FAILURE,
    NO_OBJECT,
    NO_TIME,
    Told,
    read_lines,
    read_record,
)

NOON = 1_746_100_800.0  # 2025-05-01T12:00:00Z


def told(**record: Any) -> Told:
    found = read_record("log", {"timestamp": "2025-05-01T12:00:00Z", **record})
    assert isinstance(found, Told), found
    return found


def test_an_autonomous_fix() -> None:
    found = told(
        service="api", error="OSError: [Errno 98] Address already in use", fix="kill_holder", success=True, duration=2.5
    )
    failure = found.failure
    assert (failure.at, failure.component, failure.kind) == (NOON, "service:api", "port_conflict")
    assert (failure.message, failure.source) == ("OSError: [Errno 98] Address already in use", "log")
    assert found.attempt is not None
    assert (found.attempt.remedy, found.attempt.outcome, found.attempt.duration_s) == ("kill_holder", "worked", 2.5)


def test_an_entry_of_a_health_log() -> None:
    failure = told(component="api", status="unhealthy", message="connection refused", downtime=3).failure
    assert (failure.component, failure.kind, failure.downtime_s) == ("api", "refused_connection", 3.0)
    assert read_record("log", {"time": NOON, "component": "api", "status": "healthy", "message": "fine"}) == NO_FAILURE


def test_a_recovery_event() -> None:
    failure = told(component="input_agent", event_type="worker_crashed", details={"error": "boom"}).failure
    assert (failure.component, failure.kind, failure.message) == ("input_agent", "worker_crashed", "boom")
    assert read_record("log", {"time": NOON, "event_type": "worker_restarting", "details": {}}) == NO_FAILURE


def test_a_healing_mark_of_an_agent() -> None:
    found = told(agent_id="Agent-7", action="reset_status", reason="stalled for 301 s", status="failed")
    assert (found.failure.component, found.failure.kind) == ("agent:Agent-7", "stall")
    assert found.attempt is not None
    assert (found.attempt.remedy, found.attempt.outcome) == ("reset_status", "failed")


def test_what_was_done_without_its_outcome_is_no_success() -> None:
    assert told(agent_id="Agent-7", action="rescue", reason="stalled").attempt is None


@pytest.mark.parametrize("name", ["timestamp", "time", "at", "ts", "Time"])
@pytest.mark.parametrize(
    "value",
    ["2025-05-01T12:00:00Z", "2025-05-01T14:00:00.000+02:00", NOON, int(NOON), NOON * 1000, str(NOON)],
)
def test_the_spellings_of_a_time(name: str, value: object) -> None:
    found = read_record("log", {name: value, "error": "x"})
    assert isinstance(found, Told)
    assert found.failure.at == NOON


@pytest.mark.parametrize("value", [None, "", "soon", True, -1, 0, 1e300, float("nan"), [], {}, "9999-99-99", 10**400])
def test_a_record_without_a_time_is_left_out(value: object) -> None:
    assert read_record("log", {"time": value, "error": "x"}) == NO_TIME


def test_lines_that_are_no_records_are_counted_by_their_reason() -> None:
    lines = ["[]", "nonsense", '{"error": "x"}', f'{{"at": {NOON}}}', f'{{"at": {NOON + 1e6}, "error": "x"}}']
    found, skipped = read_lines("log", lines, NOON)
    assert found == []
    assert skipped == {NO_OBJECT: 2, NO_TIME: 1, NO_FAILURE: 1, IN_FUTURE: 1}


def test_the_order_of_fields_and_the_name_of_the_file_make_no_other_record() -> None:
    one = read_record("one", {"at": NOON, "error": "x"})
    other = read_record("other", {"error": "x", "at": NOON})
    assert isinstance(one, Told)
    assert isinstance(other, Told)
    assert one.failure.origin == other.failure.origin


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = st.sampled_from(["time", "error", "status", "action", "success", "service", "kind", "details", "duration"])


@given(st.dictionaries(_FIELDS, _JSON, max_size=8))
@settings(max_examples=150, deadline=None)
def test_no_record_is_too_odd(record: dict[str, object]) -> None:
    found = read_record("log", record)
    assert isinstance(found, Told) or found in (NO_TIME, NO_FAILURE)


# --- files --------------------------------------------------------------------------------------------------------


def records(path: Path) -> list[Any]:
    return [json.loads(line) for line in EarlierLog(path)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "health_log.jsonl"


def test_torn_lines_are_counted_and_the_others_read(file: Path) -> None:
    file.write_bytes(b'{"a": 1}\r\n\n{"a": 2, "b\n{"a": 3}\n{"a": 4')
    log = EarlierLog(file)
    assert [json.loads(line) for line in log] == [{"a": 1}, {"a": 3}]
    assert log.skipped == {TORN: 2}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_of_all_kinds(file: Path, encoding: str) -> None:
    file.write_bytes('{"error": "größer"}\n{"error": "überall"}\n'.encode(encoding))
    assert records(file) == [{"error": "größer"}, {"error": "überall"}]


@pytest.mark.parametrize(
    "whole",
    [
        [{"agent_id": "A", "n": 1}, {"agent_id": "A", "n": 2}],
        {"history": [{"agent_id": "A", "n": 1}, {"agent_id": "A", "n": 2}]},
        {"A": [{"n": 1}, {"n": 2}]},
        {"agent_id": "A", "last_updated": "x", "healing_applied": [{"n": 1}, {"n": 2}]},
        {"healing_history": {"history": [{"agent_id": "A", "n": 1}]}, "history": [{"agent_id": "A", "n": 2}]},
    ],
)
def test_a_file_that_is_one_value(file: Path, whole: object) -> None:
    file.write_text(json.dumps(whole, indent=2))
    wanted = [{"agent_id": "A", "n": 1}, {"agent_id": "A", "n": 2}]
    assert [record for record in records(file) if "n" in record] in (wanted, wanted[1:])


def test_a_line_without_end_is_left_out(file: Path) -> None:
    file.write_text(json.dumps({"error": "x" * MAX_LINE}) + '\n{"a": 1}\n')
    log = EarlierLog(file)
    assert list(log) == ['{"a": 1}']
    assert log.skipped == {TOO_LONG: 1}


def test_nesting_that_explodes_is_a_torn_line(file: Path) -> None:
    file.write_text("[" * 200_000 + '\n{"a": 1}\n')
    assert records(file) == [{"a": 1}]


def test_an_empty_file_has_no_records(file: Path) -> None:
    file.touch()
    assert records(file) == []


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(AuroraError, match="cannot be imported"):
            list(EarlierLog(path))
