"""A worker goes on while no main is there, and tells what it has to tell until main has it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from aurora_desktop.tasks.messages import Acknowledge, Beat, Began, Doing, Ended, FromWorker, Hello
from aurora_desktop.tasks.worker import program
from aurora_desktop.tasks.worker.link import FORSAKEN_S, Link
from tests.e2e.waiting import eventually
from tests.e2e.work.stage import TOKEN, Main, Stage


def test_a_worker_introduces_itself_with_the_token(stage: Stage) -> None:
    worker = stage.hire("coder-1")

    hello = stage.main.accept()

    assert (hello.worker, hello.pid, hello.token, hello.task_id) == ("coder-1", worker.pid, TOKEN, None)


def test_an_idle_worker_says_by_hand_what_the_messages_are() -> None:
    hello = msgspec.json.decode(program.hello("coder-1", 7, "a-b_c"), type=FromWorker)

    assert hello == Hello(worker="coder-1", pid=7, token="a-b_c")
    assert msgspec.json.decode(program.IDLE_BEAT, type=FromWorker) == Beat()


def test_a_worker_waits_for_a_main_that_is_not_there_yet(stage: Stage) -> None:
    stage.main.close()
    stage.socket_path.unlink()
    stage.token_file.unlink()
    stage.hire()

    stage.main = Main(stage.socket_path)
    stage.token_file.write_text("another")

    assert stage.main.accept().token == "another"


def test_an_end_is_told_until_it_is_acknowledged(stage: Stage) -> None:
    stage.hire()
    stage.main.accept()
    run = stage.shell("echo done")
    stage.main.say(run)
    first = stage.main.hear(Ended)

    stage.main.hang_up()
    hello = stage.main.accept()
    second = stage.main.hear(Ended)
    stage.main.say(Acknowledge(run.task_id, 1))
    beat = stage.main.hear(Beat, lambda beat: beat.task_id is None)
    stage.main.hang_up()

    assert (hello.task_id, hello.attempt) == (run.task_id, 1)
    assert second == first
    assert beat.task_id is None
    assert stage.main.accept().task_id is None


def test_a_worker_goes_on_while_main_is_gone(stage: Stage) -> None:
    stage.hire()
    stage.main.accept()
    run = stage.shell("while [ ! -e go ]; do sleep 0.01; done; echo done")
    began = stage.begin(run)

    stage.main.hang_up()
    hello = stage.main.accept()
    again = stage.main.hear(Began)
    doing = stage.main.hear(Doing)
    stage.main.close()
    stage.socket_path.unlink()
    (stage.cwd / "go").touch()
    folder = stage.folder / "tasks" / run.task_id
    eventually((folder / "attempt-1.ended").exists)
    stage.main = Main(stage.socket_path)
    stage.main.accept()

    assert (hello.task_id, hello.attempt) == (run.task_id, 1)
    assert again == began
    assert doing.activity.kind == "starting"
    assert stage.end_of(run).result == "done"


def test_a_name_is_for_one_worker_alone(stage: Stage) -> None:
    stage.hire("coder-1")
    stage.main.accept()

    second = stage.hire("coder-1")
    _, said = second.communicate(timeout=15)

    assert second.returncode == 75
    assert b"A worker `coder-1` runs already" in said


def test_the_supervisor_hears_that_it_is_ready_and_alive(stage: Stage) -> None:
    address = stage.folder / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(os.fspath(address))
        listening.settimeout(15)
        stage.hire(NOTIFY_SOCKET=os.fspath(address), WATCHDOG_USEC="8000000")

        assert listening.recv(100) == b"READY=1"
        assert listening.recv(100) == b"WATCHDOG=1"


def test_a_main_that_only_hangs_up_is_not_run_after(stage: Stage) -> None:
    worker = stage.hire()
    for _ in range(3):
        stage.main.accept()
        stage.main.hang_up()

    assert stage.main.accept().pid == worker.pid


def test_a_main_whose_token_is_gone_for_long_does_not_come_back(tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    link = Link(str(tmp_path / "main.sock"), str(token_file))

    assert link.open(5.0) is None
    assert not link.is_forsaken(5.0 + FORSAKEN_S)
    assert link.is_forsaken(6.0 + FORSAKEN_S)
    token_file.write_text("token")
    assert link.open(7.0 + FORSAKEN_S) is None
    assert not link.is_forsaken(8.0 + FORSAKEN_S)


IMPATIENT = """
import sys
from aurora_desktop.tasks.worker import link
from aurora_desktop.tasks.worker.__main__ import main
link.FORSAKEN_S = 0.1
sys.exit(main(sys.argv[1:]))
"""


def test_an_idle_worker_that_is_forsaken_ends(stage: Stage) -> None:
    worker = subprocess.Popen([sys.executable, "-c", IMPATIENT, "coder-1", stage.socket_path, stage.token_file])
    stage.main.accept()

    stage.token_file.unlink()
    stage.main.close()

    assert worker.wait(15) == 0


@pytest.mark.parametrize("address", ["@", "127.0.0.1:"])
def test_main_is_reached_without_a_path_too(stage: Stage, address: str) -> None:
    stage.main.close()
    name = f"@{stage.marker}" if address == "@" else ""
    stage.main = Main(name or ("127.0.0.1", 0))
    stage.hire(address=name or address + str(stage.main.port))

    stage.main.accept()

    assert stage.do(stage.shell("echo here")).result == "here"
