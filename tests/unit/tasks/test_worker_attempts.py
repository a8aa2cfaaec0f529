"""A real worker does real tasks of the kind `command`."""

from pathlib import Path

from aurora_desktop.tasks.folder import TaskFolder
from tests.unit.tasks.worker_stage import TOKEN, Stage


def test_a_worker_introduces_itself_with_the_token(stage: Stage) -> None:
    worker = stage.hire("coder-1")

    hello = stage.main.accept()

    assert (hello.worker, hello.pid, hello.token, hello.task_id) == ("coder-1", worker.pid, TOKEN, None)


def test_a_task_is_done_and_its_end_told(stage: Stage) -> None:
    stage.hire()
    stage.main.accept()
    run = stage.shell('echo "you said: $1"; echo careful >&2', prompt="do; it $(now)")

    ended = stage.do(run)

    assert (ended.ending, ended.result, ended.error) == ("completed", "you said: do; it $(now)", "")
    assert (ended.began, ended.exit_code, ended.stdout_lines, ended.stderr_lines) == (True, 0, 1, 1)
    folder = TaskFolder(Path(run.folder))
    assert folder.stdout(1).read_bytes() == b"you said: do; it $(now)\n"
    assert folder.stderr(1).read_bytes() == b"careful\n"
