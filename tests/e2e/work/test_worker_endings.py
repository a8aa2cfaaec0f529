"""A real worker ends what hangs, runs too long, or is not wanted any more, with all that it started."""

import contextlib
import os
import signal
from pathlib import Path

import pytest

from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.messages import Doing, Hold, Run, Stop
from tests.e2e.waiting import eventually
from tests.e2e.work.stage import Stage

# A child in a session of its own that ignores SIGTERM, and one that sheds its environment besides.
ESCAPES = "setsid sh -c 'trap \"\" TERM; sleep 6173' & setsid env -i sh -c 'trap \"\" TERM; sleep 6174' & "


@pytest.fixture(autouse=True)
def _worker(stage: Stage) -> None:
    stage.hire()
    stage.main.accept()


def _sleeping(*seconds: str) -> list[int]:
    """The pids of `sleep` with one of these arguments."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                words = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0] == b"sleep" and words[1].decode() in seconds:
                found.append(int(entry))
    return found


def _started(stage: Stage, run: Run) -> None:
    """Begin it, and wait until its script has touched `up`."""
    stage.begin(run)
    eventually((stage.cwd / "up").exists)


def test_a_cancelled_agent_is_ended(stage: Stage) -> None:
    run = stage.shell("touch up; sleep 600")
    _started(stage, run)

    stage.main.say(Stop(run.task_id, "cancelled", "cancelled by the operator"))
    ended = stage.end_of(run)

    assert (ended.ending, ended.error) == ("cancelled", "cancelled by the operator")
    assert stage.carriers() == []


def test_an_agent_may_end_in_its_own_way_within_the_grace(stage: Stage) -> None:
    run = stage.shell("trap 'echo tidied; exit 0' TERM; touch up; while :; do sleep 0.01; done")
    _started(stage, run)

    stage.main.say(Stop(run.task_id, "cancelled", "no more"))
    ended = stage.end_of(run)

    assert (ended.ending, ended.result) == ("cancelled", "tidied")


def test_what_ignores_sigterm_is_killed_after_the_grace(stage: Stage) -> None:
    run = stage.shell("trap '' TERM; touch up; while :; do sleep 0.01; done", grace_s=0.2)
    _started(stage, run)

    stage.main.say(Stop(run.task_id, "cancelled", "no more"))

    assert stage.end_of(run).ending == "cancelled"
    assert stage.carriers() == []


def test_children_in_sessions_of_their_own_end_with_the_agent(stage: Stage) -> None:
    run = stage.shell(ESCAPES + "touch up; trap '' TERM; while :; do sleep 0.01; done", grace_s=0.2)
    _started(stage, run)
    eventually(lambda: len(_sleeping("6173", "6174")) == 2)

    stage.main.say(Stop(run.task_id, "cancelled", "no more"))
    stage.end_of(run)

    assert _sleeping("6173", "6174") == []
    assert stage.carriers() == []


def test_what_an_agent_leaves_behind_ends_with_it(stage: Stage) -> None:
    run = stage.shell(ESCAPES + "sleep 0.2; echo done")

    ended = stage.do(run)

    assert (ended.ending, ended.result) == ("completed", "done")
    assert _sleeping("6173", "6174") == []
    assert stage.carriers() == []


def test_a_hang_after_the_result_does_not_spoil_it(stage: Stage) -> None:
    result = '{"type": "result", "text": "all done"}'
    run = stage.shell(f"trap '' TERM; echo '{result}'; while :; do sleep 0.01; done", has_events=True, grace_s=0.2)

    ended = stage.do(run)

    assert (ended.ending, ended.result) == ("completed", "all done")
    assert stage.carriers() == []


def test_a_task_that_takes_too_long_is_ended(stage: Stage) -> None:
    ended = stage.do(stage.shell("while :; do echo still; sleep 0.05; done", timeout_s=0.5))

    assert (ended.ending, ended.error) == ("timeout", "it took longer than its 0.5 s")
    assert ended.facts["limit"] == "total"
    assert ended.result.startswith("still")


def test_a_silent_agent_is_ended(stage: Stage) -> None:
    ended = stage.do(stage.shell("echo first; sleep 600", silence_s=0.5))

    assert (ended.ending, ended.error) == ("timeout", "it said nothing for 0.5 s")
    assert ended.facts["limit"] == "silence"


def test_an_agent_whose_tool_runs_is_not_silent(stage: Stage) -> None:
    tool = '{"type": "tool", "name": "Bash", "summary": "make world"}'
    script = f'echo \'{tool}\'; sleep 1.2; echo \'{{"type": "result", "text": "built"}}\''

    ended = stage.do(stage.shell(script, silence_s=0.4, has_events=True))

    assert (ended.ending, ended.result) == ("completed", "built")


def _signal(pids: list[int], number: signal.Signals) -> None:
    """What is gone by now, as each `sleep` of a script is after a moment, needs none."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def test_standing_still_with_the_whole_tree_is_no_timeout(stage: Stage) -> None:
    worker = stage.workers[0]
    run = stage.shell("touch up; while [ ! -e go ]; do sleep 0.01; done; echo done", silence_s=3.5)
    _started(stage, run)

    frozen = [worker.pid, *stage.carriers()]
    _signal(frozen, signal.SIGSTOP)
    _pass_time(4.5)
    _signal(frozen[::-1], signal.SIGCONT)
    (stage.cwd / "go").touch()

    assert stage.end_of(run).ending == "completed"


def test_a_held_agent_stands_still_and_its_clocks_too(stage: Stage) -> None:
    run = stage.shell("touch up; while [ ! -e go ]; do sleep 0.01; done; echo done", silence_s=3.0, timeout_s=3.0)
    _started(stage, run)

    stage.main.say(Hold(run.task_id, held=True))
    stage.main.hear(Doing, lambda message: message.activity.kind == "frozen")
    states = _states(stage)
    _pass_time(3.5)
    (stage.cwd / "go").touch()
    stage.main.say(Hold(run.task_id, held=False))

    assert states == {"T"}
    assert stage.end_of(run).ending == "completed"


def test_a_held_agent_that_somebody_lets_go_on_is_held_again(stage: Stage) -> None:
    run = stage.shell("trap 'touch awake' CONT; sleep 600 & touch up; while :; do wait; done")
    _started(stage, run)
    stage.main.say(Hold(run.task_id, held=True))
    stage.main.hear(Doing, lambda message: message.activity.kind == "frozen")

    def let_go_on() -> bool:
        """As the supervisor does when the operator resumes what the emergency stop froze."""
        for pid in stage.carriers():
            os.kill(pid, signal.SIGCONT)
        return (stage.cwd / "awake").exists()

    eventually(let_go_on)
    eventually(lambda: _states(stage) == {"T"})


def test_a_held_agent_can_be_cancelled(stage: Stage) -> None:
    run = stage.shell("touch up; sleep 600")
    _started(stage, run)

    stage.main.say(Hold(run.task_id, held=True))
    stage.main.hear(Doing, lambda message: message.activity.kind == "frozen")
    stage.main.say(Stop(run.task_id, "cancelled", "no more"))

    assert stage.end_of(run).ending == "cancelled"
    assert stage.carriers() == []


def test_a_worker_that_is_asked_to_end_takes_its_agent_along(stage: Stage) -> None:
    run = stage.shell("touch up; sleep 600")
    _started(stage, run)

    stage.workers[0].terminate()
    ended = stage.end_of(run)

    assert (ended.ending, stage.workers[0].wait(15)) == ("interrupted", 0)
    assert stage.carriers() == []
    assert TaskFolder(Path(run.folder)).ended(1).exists()


def test_the_second_sigterm_kills_at_once(stage: Stage) -> None:
    run = stage.shell("trap 'touch heard' TERM; touch up; while :; do sleep 0.01; done", grace_s=600)
    _started(stage, run)

    stage.workers[0].terminate()
    eventually((stage.cwd / "heard").exists)
    stage.workers[0].terminate()

    assert stage.end_of(run).ending == "interrupted"
    assert stage.workers[0].wait(15) == 0
    assert stage.carriers() == []


def test_an_idle_worker_ends_when_asked(stage: Stage) -> None:
    stage.workers[0].terminate()

    assert stage.workers[0].wait(15) == 0


def _states(stage: Stage) -> set[str]:
    """The letters of /proc that tell what the agent's processes do; `T` is stopped."""
    return {Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in stage.carriers()}


def _pass_time(seconds: float) -> None:
    """Real time must pass for a process that stands still: there is no event to wait for."""
    import threading

    threading.Event().wait(seconds)
