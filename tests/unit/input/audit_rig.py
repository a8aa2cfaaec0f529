"""Audit logs for the tests: an anchor in memory, tasks, and whole logs of a few small files."""

from pathlib import Path
from typing import Any

from core.clocks import FakeClock

from aurora_desktop.core.settings.schema import ByteSize, LogSettings
from aurora_desktop.input.audit.anchor import Anchored
from aurora_desktop.input.audit.log import AuditLog
from aurora_desktop.input.errors import AuditError
from aurora_desktop.input.view import TaskView


class MemoryAnchor:
    """Keeps what it is told, unless it is to refuse."""

    def __init__(self) -> None:
        self.kept: Anchored | None = None
        self.refuses = False

    def load(self) -> Anchored | None:
        if self.refuses:
            raise AuditError("the audit log cannot be anchored", "state.db: it refuses")
        return self.kept

    def store(self, anchored: Anchored) -> None:
        if self.refuses:
            raise AuditError("the audit log cannot be anchored", "state.db: it refuses")
        self.kept = anchored


class Rig:
    """One log in `folder` with what it told."""

    def __init__(self, folder: Path, max_bytes: int = 10_000_000, keep: int = 3) -> None:
        self.path = folder / "input_agent.log"
        self.anchor = MemoryAnchor()
        self.clock = FakeClock()
        self.failing: list[AuditError] = []
        self.altered: list[str] = []
        self.settings = LogSettings(max_bytes=ByteSize(max_bytes), keep=keep)
        self.log = self.make()

    def make(self) -> AuditLog:
        return AuditLog(
            self.path,
            self.settings,
            self.anchor,
            self.clock,
            on_failing=self.failing.append,
            on_altered=self.altered.append,
        )

    def again(self) -> AuditLog:
        """The same log after a restart, opened."""
        self.log = self.make()
        self.log.open()
        return self.log

    def crash(self) -> None:
        """What is left of a writer that was killed: nothing more goes to the anchor, not even at its end."""
        kept = self.anchor
        self.anchor = MemoryAnchor()
        self.anchor.kept = kept.kept
        kept.refuses = True
        self.log.close()


def task(task_id: str = "input_1", **fields: Any) -> TaskView:
    """A queued task, unless told otherwise."""
    plain = {"action": "key", "parameters": {"keys": "ctrl+t"}, "status": "queued", "created_at": 1_750_000_000.0}
    return TaskView(**{**plain, "task_id": task_id, **fields})


def done(task_id: str = "input_1", **fields: Any) -> TaskView:
    ended = {"status": "completed", "outcome": "done", "started_at": 1_750_000_001.0, "finished_at": 1_750_000_002.0}
    return task(task_id, **{**ended, "duration_s": 1.0, "events": 2, **fields})
