"""What a worker tells of an agent that the machine cannot start now; that it never began leaves no mark."""

import errno
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from aurora_desktop.supervisor.census import Census
from aurora_desktop.supervisor.processes import process_table
from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.messages import Ended, Run
from aurora_desktop.tasks.worker import marks
from aurora_desktop.tasks.worker.attempt import Workplace
from aurora_desktop.tasks.worker.beginning import begin_attempt
from aurora_desktop.tasks.worker.inbox import Inbox


def begun(tmp_path: Path, **fields: Any) -> Ended:
    """How an attempt ended that did not begin."""
    values = {
        "task_id": "task_1", "attempt": 1, "agent": "echo", "kind": "command", "program": ("echo",), "prompt": "hello",
        "cwd": str(tmp_path), "folder": str(tmp_path / "task_1"), "timeout_s": 9.0, "silence_s": 9.0, "grace_s": 1.0,
    }  # fmt: skip
    table = process_table()
    inbox = Inbox()
    around = Workplace("echo-1", inbox, table, Census(table), lambda _: None)
    ended = begin_attempt(Run(**{**values, **fields}), around)
    inbox.close()
    assert isinstance(ended, Ended)
    return ended


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
def test_what_the_machine_is_short_of_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(subprocess, "Popen", fail)
    ended = begun(tmp_path)
    assert (ended.ending, ended.passes, ended.began) == ("refused", True, False)
    assert ended.error == f"cannot be started now: {os.strerror(number)}"
    assert not TaskFolder(tmp_path / "task_1").began(1).exists()


def test_a_mark_that_finds_no_room_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(marks, "begin_once", fail)
    ended = begun(tmp_path)
    assert (ended.ending, ended.passes) == ("refused", True)


def test_a_program_that_is_not_there_does_not_pass(tmp_path: Path) -> None:
    ended = begun(tmp_path, program=("no-such-program-anywhere",))
    assert (ended.ending, ended.passes, ended.began) == ("refused", False, False)
    assert "command not found" in ended.error


def test_what_was_begun_before_is_not_tried_again_by_itself(tmp_path: Path) -> None:
    mark = TaskFolder(tmp_path / "task_1").began(1)
    mark.parent.mkdir()
    mark.touch()
    ended = begun(tmp_path)
    assert (ended.ending, ended.passes, ended.began) == ("refused", False, True)
