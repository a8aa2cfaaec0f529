"""The section Pipelines: runs, their steps, what each gave, and cancelling one."""

import time

import pytest
from msgspec.structs import replace

from aurora_desktop.tasks.view import PipelineRun
from aurora_desktop.ui.models.runs import (
    RunRow,
    RunsModel,
    StepsModel,
    in_order,
    place,
    run_doing,
    step_doing,
    steps_of,
)
from aurora_desktop.ui.pages.work import PIPELINES, TASKS
from aurora_desktop.ui.window import WORK

from .fake_tasks import FakeTasks, a_work_task, some_runs
from .fakes import House, a_mix

NOW = 1_790_000_000.0


@pytest.fixture
def tasks() -> FakeTasks:
    made = FakeTasks()
    made.busy(time.time())
    made.results["task_0000002b"] = "Not yet: a row is read twice."
    return made


@pytest.fixture
def house(tasks: FakeTasks) -> House:
    made = House(a_mix())
    made.tasks = tasks
    return made


@pytest.fixture
def section(window):
    window.show_page(WORK)
    return window.work.go_to(PIPELINES)


def rows_of(*names: str) -> list[RunRow]:
    runs, tasks = some_runs(NOW)
    found = in_order(runs, {task.id: task for task in tasks})
    return [row for row in found if row.run.id in names] if names else found


# What is told


def test_of_a_run_that_goes_on_what_is_done_comes_first_and_then_what_waits_for_it():
    (row,) = rows_of("run_1")
    steps = steps_of(row)
    assert [(step.number, step.role, step.task is None) for step in steps] == [
        (1, "architect", False), (2, "coder", False), (3, "critic", False), (4, "coder", False), (5, "critic", True),
    ]  # fmt: skip
    assert step_doing(steps[-1], NOW) == "Begins with the result of coder"
    assert place(row) == "2 of 3, round 2 of 3"
    assert run_doing(row, NOW) == "coder: running Bash for 12 s"


def test_of_a_run_that_is_over_nothing_waits():
    (row,) = rows_of("run_2")
    assert [step.role for step in steps_of(row)] == ["coder"]
    assert place(row) == "1 of 2"
    assert run_doing(row, NOW).startswith("Step 1 of 2 (coder) failed")


def test_a_run_whose_tasks_were_pruned_is_still_told():
    (row,) = rows_of("run_3")
    assert (steps_of(row), row.at_work, place(row)) == ((), None, "\u2013")


def test_those_that_go_on_come_first():
    old = PipelineRun(id="old", pipeline="p", status="running", round=1, max_rounds=1, task_ids=())
    runs, _ = some_runs(NOW)
    assert [row.run.id for row in in_order((*runs, old), {})] == ["run_1", "old", "run_2", "run_3"]


def test_the_models_are_sound(qtmodeltester):
    runs, steps = RunsModel(), StepsModel()
    rows = rows_of()
    runs.show(rows)
    steps.show(steps_of(rows[0]))
    for model in (runs, steps):
        qtmodeltester.check(model, force_py=True)


# The section


def test_the_step_that_is_done_shows_its_result_and_the_one_at_work_what_it_does(section, qtbot):
    section.select("run_1")
    drawer = section.drawer
    assert drawer.isVisible()
    assert drawer.chosen_task().id == "task_0000002c"
    qtbot.waitUntil(lambda: "AssertionError" in drawer.texts.transcript.toPlainText())
    drawer.table.selectRow(2)
    assert drawer.texts.result.isVisible()
    assert drawer.texts.result.toPlainText() == "Not yet: a row is read twice."


def test_a_step_that_waits_has_nothing_to_read_and_no_task(section):
    section.select("run_1")
    section.drawer.table.selectRow(2)
    assert section.drawer.texts.prompt.toPlainText()
    section.drawer.table.selectRow(4)
    assert section.drawer.chosen_task() is None
    assert not section.drawer.open.isEnabled()
    assert section.reader.task_id == ""
    texts = section.drawer.texts
    assert [each.toPlainText() for each in (texts.prompt, texts.result, texts.transcript)] == ["", "", ""]


def test_why_one_could_not_be_read_is_not_said_of_the_next(section):
    section.select("run_1")
    texts = section.drawer.texts
    section.reader.failed.emit("the transcript of this task is gone")
    assert "gone" in texts.transcript.placeholderText()
    section.drawer.table.selectRow(2)
    assert texts.transcript.placeholderText() == "Nothing was said yet"


def test_the_next_step_is_followed_by_whoever_followed_the_last(section, tasks, house):
    section.select("run_1")
    critic = a_work_task(45, "running", role="critic", step=2, round=2, run_id="run_1")
    done = replace(tasks.of_runs[0], status="completed", finished_at=time.time())
    tasks.of_runs = (critic, done, *tasks.of_runs[1:])
    run = tasks.pipelines[0]
    tasks.pipelines = (replace(run, task_ids=(*run.task_ids, critic.id)), *tasks.pipelines[1:])
    section.show_work()
    assert section.drawer.chosen_task().id == critic.id


def test_a_run_is_cancelled_and_no_other(section, tasks, qtbot):
    section.select("run_1")
    assert section.drawer.cancel.isVisible()
    section.drawer.cancel.click()
    qtbot.waitUntil(lambda: ("cancel_run", "run_1", "window") in tasks.asked)
    section.select("run_2")
    assert not section.drawer.cancel.isVisible()


def test_from_a_step_to_its_task(section, window, qtbot):
    section.select("run_1")
    window.work._section(TASKS)
    section.drawer.open.click()
    assert window.work.sections.currentIndex() == 0


def test_without_a_run_it_says_how_to_begin_one(window, tasks):
    tasks.pipelines = ()
    window.show_page(WORK)
    section = window.work.go_to(PIPELINES)
    assert section.model.rowCount() == 0
    assert not section.table.isVisible()
