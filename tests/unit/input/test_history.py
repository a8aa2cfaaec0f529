"""The last tasks that are over, also after a restart."""

from pathlib import Path

from aurora_desktop.input.history import History, remember
from aurora_desktop.input.view import HISTORY_KEPT

from .audit_rig import Rig, done, task


def test_the_newest_come_first_and_the_oldest_are_forgotten() -> None:
    history = History([done(f"input_{number}") for number in range(HISTORY_KEPT + 5)])
    recent = history.recent()
    assert len(recent) == HISTORY_KEPT
    assert recent[0].task_id == f"input_{HISTORY_KEPT + 4}"
    assert recent[-1].task_id == "input_5"
    assert "input_4" not in history
    assert history.get("input_4") is None


def test_a_task_that_is_not_over_is_no_history_yet() -> None:
    history = History()
    history.add(task("input_1"))
    assert "input_1" not in history
    history.add(done("input_1"))
    assert history.get("input_1") == done("input_1")


def test_a_second_telling_replaces_the_first() -> None:
    history = History([done("input_1"), done("input_2")])
    history.add(done("input_1", reason="told again"))
    assert [one.task_id for one in history.recent()] == ["input_1", "input_2"]
    assert history.recent()[0].reason == "told again"


def test_without_a_log_nothing_is_remembered(tmp_path: Path) -> None:
    remembered = remember(tmp_path / "input_agent.log")
    assert (remembered.finished, remembered.interrupted) == ((), ())


def test_tasks_come_back_from_the_log_as_they_were(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.log.open()
    views = [
        done("input_1", agent="claude", operator_user="ada", result={"x": 1, "y": 2}, sentence="pressing Ctrl+T"),
        done("input_2", status="failed", outcome="refused", reason="the queue is full", evidence=("a.png", "b.png")),
        done("input_3", human_active=True, retry_count=2, duration_s=0.25),
    ]
    rig.log.event("started")
    for view in views:
        rig.log.intent(task(view.task_id, status="running"))
        rig.log.task(view)
    rig.log.close()
    assert remember(rig.path).finished == tuple(views)
    assert not remember(rig.path).interrupted


def test_only_the_last_ones_come_back_also_from_an_archive(tmp_path: Path) -> None:
    rig = Rig(tmp_path, max_bytes=40_000)
    rig.log.open()
    for number in range(120):
        rig.log.task(done(f"input_{number}"))
        rig.log.flush()
    rig.log.close()
    remembered = remember(rig.path)
    assert [one.task_id for one in remembered.finished] == [f"input_{number}" for number in range(70, 120)]


def test_tasks_that_a_crash_interrupted_are_uncertain_or_not_started(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.log.open()
    rig.log.task(task("input_1"))
    rig.log.intent(task("input_1", status="running", started_at=1_750_000_001.0))
    rig.log.task(task("input_2"))
    rig.log.close()
    first, second = remember(rig.path).interrupted
    assert (first.task_id, first.status, first.outcome) == ("input_1", "failed", "uncertain")
    assert (second.task_id, second.status, second.outcome) == ("input_2", "failed", "not_started")
    assert first.finished_at is not None
    log = rig.again()
    for one in (first, second):
        log.task(one)
    log.close()
    remembered = remember(rig.path)
    assert not remembered.interrupted
    assert remembered.finished == (first, second)


def test_unreadable_lines_are_left_out(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.log.open()
    rig.log.task(done("input_1"))
    rig.log.close()
    with rig.path.open("ab") as file:
        file.write(b'\xff\n[]\n{"task_id":7}\n{"task_id":"x","action":"key","status":"no such"}\n{"task_id"')
    assert [one.task_id for one in remember(rig.path).finished] == ["input_1"]
