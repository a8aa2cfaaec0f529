"""What a worker tells of an agent that the machine cannot start now; that it never began leaves no mark."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from aurora_desktop.supervisor.census import Census
from aurora_desktop.supervisor.processes import process_table
from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.messages import Ended
from aurora_desktop.tasks.worker import agent_process, marks
from aurora_desktop.tasks.worker.attempt import Workplace
from aurora_desktop.tasks.worker.beginning import begin_attempt
from aurora_desktop.tasks.worker.inbox import Inbox
from tasks.recordings import a_run


def begun(tmp_path: Path, program: str = "echo") -> Ended:
    """How an attempt ended that did not begin."""
    table = process_table()
    inbox = Inbox()
    around = Workplace("echo-1", inbox, table, Census(table), lambda _: None)
    ended = begin_attempt(a_run("command", program, cwd=str(tmp_path), folder=str(tmp_path / "task_1")), around)
    inbox.close()
    assert isinstance(ended, Ended)
    return ended


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
def test_what_the_machine_is_short_of_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    none_left = SimpleNamespace(Popen=fail, PIPE=subprocess.PIPE, DEVNULL=subprocess.DEVNULL)
    monkeypatch.setattr(agent_process, "subprocess", none_left)
    monkeypatch.setitem(sys.modules, "aurora_desktop.supervisor.spawn", None)  # no file is left to import it from
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
    ended = begun(tmp_path, "no-such-program-anywhere")
    assert (ended.ending, ended.passes, ended.began) == ("refused", False, False)
    assert "command not found" in ended.error


def test_what_was_begun_before_is_not_tried_again_by_itself(tmp_path: Path) -> None:
    mark = TaskFolder(tmp_path / "task_1").began(1)
    mark.parent.mkdir()
    mark.touch()
    ended = begun(tmp_path)
    assert (ended.ending, ended.passes, ended.began) == ("refused", False, True)
