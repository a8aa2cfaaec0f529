"""The tables of the agents' page: their order, that they tell of no more than what changed, and ten thousand rows."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aurora_desktop.tasks.task import Activity
from aurora_desktop.ui.models.work import (
    FILTERS,
    ApprovalsModel,
    Column,
    WorkersModel,
    WorkTasksModel,
    in_order,
    workers_in_order,
)

from .fake_tasks import a_work_task, some_approvals, some_tasks, some_workers
from .test_models import Heard

NOW = time.time()


@pytest.mark.parametrize(
    ("make", "rows"),
    [
        (WorkTasksModel, some_tasks(NOW)), (WorkersModel, some_workers(NOW)), (ApprovalsModel, some_approvals(NOW)),
    ],
)  # fmt: skip
def test_models_are_sound(make, rows, qtmodeltester):
    model = make()
    model.show(rows)
    qtmodeltester.check(model, force_py=True)
    model.show(rows[1:])
    model.show(rows[::-1])
    qtmodeltester.check(model, force_py=True)


def test_what_needs_somebody_comes_first_then_what_is_at_work_then_the_newest():
    numbers = [task.number for task in in_order(some_tasks(NOW))]
    assert numbers == [58, 56, 55, 59, 57, 61, 60, 54, 53, 52, 51, 50, 49]


def test_none_is_shown_twice():
    tasks = some_tasks(NOW)
    assert len(in_order((*tasks, *tasks[:4]))) == len(tasks)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("importer dropped", [59]), ("codex", [57, 60, 51]), ("needs you", [58]), ("coder-1", [59]),
        ("Bash", [59]), ("task 53", [53]), ("task_00000031", [49]), ("nothing like it", []), ("  ", None),
    ],
)  # fmt: skip
def test_every_word_must_be_somewhere(text, numbers):
    found = [task.number for task in in_order(some_tasks(NOW), text)]
    assert found == numbers if numbers is not None else len(found) == 13


def test_filters_name_every_state_but_once():
    named = [status for name, statuses in FILTERS.items() if name != "Needs you" for status in statuses]
    assert sorted(named) == sorted(
        ["queued", "leased", "running", "waiting_approval", "completed", "error", "timeout", "cancelled", "dead"]
    )


def test_a_change_tells_of_its_cells_alone():
    model = WorkTasksModel()
    tasks = [a_work_task(2, activity=Activity(kind="thinking", since=NOW)), a_work_task(1, "completed")]
    model.show(tasks)
    heard = Heard(model)
    model.show([replace(tasks[0], activity=Activity(kind="tool", since=NOW, detail="Bash")), tasks[1]])
    assert heard.cells == [(0, Column.DOING, Column.DOING)]


def test_a_second_moves_only_what_lasts():
    model = WorkTasksModel()
    model.show([a_work_task(4), a_work_task(3, "queued"), a_work_task(2, "completed"), a_work_task(1)])
    changed = []
    model.dataChanged.connect(lambda first, last: changed.append((first.row(), last.row(), first.column())))
    model.tick()
    assert changed == [
        (0, 1, Column.DOING), (0, 1, Column.AGE), (3, 3, Column.DOING), (3, 3, Column.AGE),
    ]  # fmt: skip


def test_ten_thousand_tasks_and_one_more():
    tasks = [a_work_task(number, "queued") for number in range(10_000, 0, -1)]
    model = WorkTasksModel()
    model.show_tasks(tasks, has_more=False)
    assert model.rowCount() == 10_000
    heard = Heard(model)
    model.show_tasks([a_work_task(10_001, "queued"), *tasks], has_more=False)
    assert (heard.moves, heard.cells) == (["+0-0"], [])
    model.show_tasks([replace(tasks[0], status="cancelled"), *tasks[1:]], has_more=False)
    assert model.rowCount() == 10_000
    assert model.index(0, Column.STATE).data() == "Cancelled"
    assert model.row_of(tasks[-1].id) == 9_999


def test_more_is_asked_for_once():
    model = WorkTasksModel()
    asked = []
    model.more_wanted.connect(lambda: asked.append(True))
    model.show_tasks([a_work_task(1)], has_more=True)
    model.fetchMore(model.index(-1, -1))
    model.fetchMore(model.index(-1, -1))
    assert asked == [True]


def test_workers_that_are_not_well_come_first():
    names = [worker.name for worker in workers_in_order(some_workers(NOW))]
    assert names[:2] == ["executor-1", "architect-1"]
    assert names[-1] == "deployer-1"


def test_workers_say_what_the_table_is_for():
    model = WorkersModel()
    model.show(some_workers(NOW)[1:2])
    cells = [model.index(0, column).data() for column in range(model.columnCount())]
    assert cells[:6] == ["coder-1", "At work", "41007", "31", "2", "1 h 30 min"]
    assert cells[6].startswith("Running Bash for ")


@given(st.lists(st.integers(1, 30), unique=True), st.lists(st.integers(1, 30), unique=True))
def test_whatever_was_shown_it_becomes_what_is_to_be_shown(before, after):
    model = WorkTasksModel()
    model.show([a_work_task(number) for number in before])
    rows = []
    model.rowsInserted.connect(lambda _, first, last: rows.append(last - first + 1))
    model.rowsRemoved.connect(lambda _, first, last: rows.append(first - last - 1))
    model.show([a_work_task(number) for number in after])
    assert [task.number for task in model.rows()] == after
    assert len(before) + sum(rows) == len(after) == model.rowCount()


def test_neighbours_come_and_go_together():
    model = WorkTasksModel()
    model.show([a_work_task(number) for number in (1, 2, 3, 4, 5, 6)])
    heard = Heard(model)
    model.show([a_work_task(number) for number in (1, 5, 7, 8, 6)])
    assert heard.moves == ["-1-3", "+2-3"]
