"""Events come back out of the lines of the logs, as they were."""

import pytest

from aurora_desktop.backups.replaying import record_of
from aurora_desktop.core.events import Heartbeat, Record
from aurora_desktop.core.storage.jsonl import heartbeat_line, recovery_line

from .conftest import AT, restarting


def test_a_recovery_event_is_as_it_was() -> None:
    assert record_of(recovery_line(restarting(7))) == restarting(7)


def test_a_heartbeat_is_as_it_was() -> None:
    event = Heartbeat(
        at=AT, component="heartbeat", uptime_seconds=60.5, verdict="healthy", sentence="well", lag_ms=0.2, missed=0,
        error_counts={"service:web": 2}, recent_recovery_events=(), services={"ready": 1}, memory_bytes=1,
        cpu_percent=0.1,
    )  # fmt: skip
    assert record_of(heartbeat_line(Record(3, event), event)) == Record(3, event)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b'{"timestamp": "2025',
        b"[]",
        b'{"timestamp": "2025-06-15T15:06:40.000Z", "component": "a", "event_type": "newer", "details": {}, "id": 1}',
        b'{"timestamp": "yesterday", "component": "a", "event_type": "aurora_started", "details": {}, "id": 1}',
        b'{"component": "a", "event_type": "aurora_started", "details": [], "id": 1}',
    ],
)
def test_a_line_that_is_torn_or_of_another_kind_is_passed_over(line: bytes) -> None:
    assert record_of(line) is None
