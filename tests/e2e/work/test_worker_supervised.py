"""The real Aurora supervises a worker: found alive, taken over, ended with all that its agent started, replaced."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.e2e import machine
from tests.e2e.aurora import Aurora
from tests.e2e.waiting import eventually
from tests.e2e.work.stage import Stage

NAME = "coder-1"


def _worker(stage: Stage, **more: Any) -> dict[str, Any]:
    arguments = [NAME, os.fspath(stage.socket_path), os.fspath(stage.token_file)]
    command = [sys.executable, "-P", "-m", "aurora_desktop.tasks.worker", *arguments]
    return {"command": command, "type": "notify", "watchdog_sec": 8, "restart_sec": 0.1, **more}


def _supervised(aurora: Aurora, stage: Stage, **more: Any) -> int:
    """The pid of the worker, once it is ready and has introduced itself."""
    aurora.configure({NAME: _worker(stage, **more)})
    aurora.start()
    pid = int(aurora.until(NAME, "ready")["pid"])
    assert stage.main.accept().pid == pid
    return pid


def test_a_task_goes_on_while_aurora_is_killed_and_the_worker_is_taken_over(aurora: Aurora, stage: Stage) -> None:
    pid = _supervised(aurora, stage)
    run = stage.shell("while [ ! -e go ]; do sleep 0.01; done; echo done")
    began = stage.begin(run)

    aurora.crash()
    aurora.start()
    adopted = aurora.until(NAME, "ready")
    (stage.cwd / "go").touch()
    ended = stage.end_of(run)

    assert adopted["pid"] == pid
    assert (ended.ending, ended.result) == ("completed", "done")
    assert not Path(f"/proc/{began.pid}").exists()


def test_a_killed_worker_is_replaced_and_its_agent_ended_with_all_that_it_started(aurora: Aurora, stage: Stage) -> None:
    pid = _supervised(aurora, stage)
    run = stage.shell("setsid sh -c 'trap \"\" TERM; touch up; sleep 600' & sleep 600")
    began = stage.begin(run)
    eventually((stage.cwd / "up").exists)

    machine.kill(pid, signal.SIGKILL)
    hello = stage.main.accept()

    assert hello.pid != pid
    assert hello.task_id is None
    assert not Path(f"/proc/{began.pid}").exists()
    refused = stage.do(run)
    assert (refused.ending, refused.began) == ("refused", True)


def test_a_hung_worker_is_replaced(aurora: Aurora, stage: Stage) -> None:
    pid = _supervised(aurora, stage, watchdog_sec=3)

    machine.kill(pid, signal.SIGSTOP)

    assert stage.main.accept().pid != pid


def test_a_stopped_service_ends_its_task_first(aurora: Aurora, stage: Stage) -> None:
    _supervised(aurora, stage)
    run = stage.shell("trap 'echo tidied; exit 0' TERM; touch up; while :; do sleep 0.01; done")
    stage.begin(run)
    eventually((stage.cwd / "up").exists)

    aurora.tell("stop", NAME)
    ended = stage.end_of(run)

    assert ended.ending == "interrupted"
