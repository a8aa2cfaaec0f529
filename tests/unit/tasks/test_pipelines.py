"""What a run of a pipeline does next."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from supervisor.yard import in_loop

from aurora_desktop.core.settings.schema_tasks import Pipeline
from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.task_events import TaskStatus
from aurora_desktop.tasks import pipelines
from aurora_desktop.tasks.pipelines import Onward, Run, Step
from aurora_desktop.tasks.task import Task, TaskRequest

NOW = 1000.0
STEPS = ["architect", "coder", "critic"]


def begin(**options: Any) -> Onward:
    pipeline = Pipeline(**{"steps": STEPS, **options})
    return Onward(*pipelines.begun("run_1", "build", pipeline, TaskRequest(prompt="a bridge"), NOW))


def given_to(onward: Onward) -> tuple[Run, Task]:
    """The task that is made for the next step."""
    run, step = onward
    assert step is not None
    task_id = f"task_{len(run.task_ids)}"
    task = Task(id=task_id, number=1, agent="claude", role=step.role, run_id=run.id, step=step.number, round=step.round)
    return pipelines.with_task(run, task_id), task


def ended(task: Task, status: TaskStatus = "completed", **fields: Any) -> Task:
    return replace(task, status=status, **fields)


def follow(run: Run, task: Task, accepted: bool = False) -> Onward:
    onward = pipelines.onward(run, task, NOW, accepted=accepted)
    assert onward is not None
    return onward


def test_each_step_gets_the_result_of_the_one_before() -> None:
    run, task = given_to(begin())
    onward = follow(run, ended(task, result="a plan"))
    assert onward.step == Step("coder", 1, 1, "a plan")


def test_without_accept_one_round_is_all() -> None:
    onward = begin()
    for _ in STEPS:
        run, task = given_to(onward)
        onward = follow(run, ended(task))
    assert (onward.run.status, onward.step, len(onward.run.task_ids)) == ("completed", None, 3)


@given(
    steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=6, unique=True),
    accepts=st.lists(st.booleans(), min_size=20, max_size=20),
    most=st.integers(1, 20),
    data=st.data(),
)
def test_a_run_ends_when_it_is_accepted_or_its_rounds_are_over(
    steps: list[str], accepts: list[bool], most: int, data: st.DataObject
) -> None:
    repeat_from = data.draw(st.sampled_from(steps))
    onward = begin(steps=steps, accept="OK", max_rounds=most, repeat_from=repeat_from)
    rounds = 0
    while onward.step is not None:
        run, task = given_to(onward)
        is_judged = pipelines.awaits_judgement(run, ended(task))
        assert is_judged == (task.step == len(steps) - 1)
        onward = follow(run, ended(task), accepted=is_judged and accepts[rounds])
        rounds += is_judged
        assert rounds <= most
    is_good = True in accepts[:most]
    assert rounds == (accepts.index(True) + 1 if is_good else most)
    assert onward.run.status == ("completed" if is_good else "failed")
    assert len(onward.run.task_ids) == len(steps) + (rounds - 1) * (len(steps) - steps.index(repeat_from))


def test_another_round_begins_where_the_pipeline_says() -> None:
    onward = begin(accept="OK", repeat_from="coder")
    for _ in STEPS:
        run, task = given_to(onward)
        onward = follow(run, ended(task, result=f"by {task.role}"))
    assert onward.step == Step("coder", 1, 2, "by critic")


def test_what_is_not_accepted_says_what_the_last_word_was() -> None:
    run, task = given_to(begin(steps=["critic"], accept="OK", max_rounds=1))
    assert follow(run, ended(task, result="\nno\nmore")).run.cause == "not accepted after 1 round: no"


@pytest.mark.parametrize(
    ("status", "words"), [("error", "failed"), ("timeout", "took too long"), ("dead", "was given up")]
)
def test_a_failed_step_fails_the_run_with_its_cause(status: TaskStatus, words: str) -> None:
    run, task = given_to(begin())
    onward = follow(run, ended(task, status, error="out of ink\nat line 3"))
    assert (onward.run.status, onward.step) == ("failed", None)
    assert onward.run.cause == f"step 1 of 3 (architect) {words}: out of ink"


def test_a_failed_step_that_is_retried_lets_the_run_go_on() -> None:
    run, task = given_to(begin())
    broken = follow(run, ended(task, "error")).run
    onward = follow(broken, ended(task, result="a plan"))
    assert onward.step == Step("coder", 1, 1, "a plan")
    assert given_to(onward)[0].status == "running"


def test_a_cancelled_step_cancels_the_run() -> None:
    run, task = given_to(begin())
    assert follow(run, ended(task, "cancelled", cause="cancelled by window")).run.status == "cancelled"


def test_a_cancelled_run_goes_on_with_nothing() -> None:
    run, task = given_to(begin())
    stopped = pipelines.cancelled(run, "window", NOW)
    assert (stopped.status, stopped.cause) == ("cancelled", "cancelled by window")
    assert pipelines.onward(stopped, ended(task), NOW) is None
    assert pipelines.cancelled(stopped, "api", NOW + 1) == stopped


@pytest.mark.parametrize("status", ["queued", "running", "uncertain", "waiting_approval"])
def test_a_task_that_goes_on_decides_nothing(status: TaskStatus) -> None:
    run, task = given_to(begin())
    assert pipelines.onward(run, ended(task, status), NOW) is None


def test_an_end_that_is_told_twice_makes_no_second_step() -> None:
    run, task = given_to(begin())
    later, _ = given_to(follow(run, ended(task)))
    assert pipelines.onward(later, ended(task), NOW) is None


@in_loop
async def test_accept_is_searched_anywhere_in_the_result() -> None:
    run = begin(accept=r"(?m)^APPROVED").run
    assert await pipelines.is_accepted(run, "well\nAPPROVED")
    assert not await pipelines.is_accepted(run, "not APPROVED")
    assert await pipelines.is_accepted(run, "x" * 300_000 + "\nAPPROVED")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "state.db", pipelines.MIGRATIONS, 1)
    yield opened
    opened.close()


def test_a_run_survives_a_restart(database: Database) -> None:
    run, task = given_to(begin())
    going_on, _ = given_to(follow(run, ended(task)))
    database.submit(lambda db: pipelines.keep(db, going_on)).result()
    rows: Any = database.read(pipelines.SELECT_RUNS)
    assert pipelines.kept(rows) == {"run_1": going_on}


def test_runs_that_are_long_over_are_forgotten(database: Database) -> None:
    run, _ = given_to(begin())
    for one in (run, replace(pipelines.cancelled(run, "window", NOW), id="run_2")):
        database.submit(lambda db, one=one: pipelines.keep(db, one)).result()
    database.submit(lambda db: pipelines.forget(db, NOW + 1)).result()
    rows: Any = database.read(pipelines.SELECT_RUNS)
    assert set(pipelines.kept(rows)) == {"run_1"}
