"""Runs of pipelines over a real queue: step by step, and over restarts."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from supervisor.yard import in_loop

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema_tasks import Pipeline, Role, TaskSettings
from aurora_desktop.tasks.messages import Ending
from aurora_desktop.tasks.view import PipelineRun, TaskView
from tasks.hall import Hall, Hand, agent, hall

ROLES = {
    "coder": Role(agent="echo", prompt="Do: {prompt} After: {result}"),
    "critic": Role(agent="echo", prompt="Judge: {result}"),
}


def settings(**pipeline: Any) -> TaskSettings:
    given = {"steps": ["coder", "critic"], **pipeline}
    return TaskSettings(agents={"echo": agent()}, roles=ROLES, pipelines={"build": Pipeline(**given)})


def run_of(here: Hall) -> PipelineRun:
    (run,) = here.coordinator.runs()
    return run


async def do(here: Hall, hand: Hand, result: str = "", ending: Ending = "completed", **fields: Any) -> TaskView:
    """The next task that the worker is given, done."""
    given = await hand.begin()
    await hand.finish(given, ending, result=result, **fields)
    return here.view(given.task_id)


async def until_over(here: Hall) -> PipelineRun:
    await here.until(lambda: run_of(here).status != "running")
    return run_of(here)


@in_loop
async def test_each_step_is_a_task_with_the_result_of_the_one_before(tmp_path: Path) -> None:
    async with hall(tmp_path, settings()) as here:
        coder, critic = await here.worker("coder-1"), await here.worker("critic-1")
        first = await here.submit("a bridge", pipeline="build")
        given = await coder.begin()
        assert (given.task_id, given.prompt) == (first.id, "Do: a bridge After: ")
        await coder.finish(given, result="a plan")
        judged = await critic.begin()
        assert judged.prompt == "Judge: a plan"
        await critic.finish(judged, result="fine")
        run = await until_over(here)
        assert (run.status, run.round, run.task_ids) == ("completed", 1, (first.id, judged.task_id))
        view = here.view(judged.task_id)
        assert (view.role, view.run_id, view.step, view.round) == ("critic", run.id, 1, 1)


@in_loop
async def test_rounds_go_on_until_it_is_accepted(tmp_path: Path) -> None:
    async with hall(tmp_path, settings(accept="^APPROVED")) as here:
        coder, critic = await here.worker("coder-1"), await here.worker("critic-1")
        await here.submit("a bridge", pipeline="build")
        await do(here, coder, "a plan")
        await do(here, critic, "too short")
        again = await coder.begin()
        assert again.prompt == "Do: a bridge After: too short"
        await coder.finish(again, result="a longer one")
        await do(here, critic, "APPROVED")
        run = await until_over(here)
        assert (run.status, run.round, len(run.task_ids)) == ("completed", 2, 4)


@in_loop
async def test_a_failed_step_fails_the_run(tmp_path: Path) -> None:
    async with hall(tmp_path, settings()) as here:
        coder = await here.worker("coder-1")
        await here.submit("a bridge", pipeline="build")
        await do(here, coder, ending="error", error="no ink")
        run = await until_over(here)
        assert (run.status, run.cause) == ("failed", "step 1 of 2 (coder) failed: no ink")


@in_loop
async def test_a_retried_step_lets_the_run_go_on(tmp_path: Path) -> None:
    async with hall(tmp_path, settings()) as here:
        coder, critic = await here.worker("coder-1"), await here.worker("critic-1")
        failed = await here.submit("a bridge", pipeline="build")
        await do(here, coder, ending="error", error="no ink")
        await until_over(here)
        await here.coordinator.retry(failed.id, "window")
        assert run_of(here).status == "running"
        await do(here, coder, "a plan")
        await do(here, critic, "fine")
        assert (await until_over(here)).status == "completed"


@in_loop
async def test_cancelling_the_step_cancels_the_run(tmp_path: Path) -> None:
    async with hall(tmp_path, settings()) as here:
        task = await here.submit("a bridge", pipeline="build")
        await here.coordinator.cancel(task.id, "window")
        assert (await until_over(here)).status == "cancelled"


@in_loop
async def test_a_cancelled_run_ends_with_the_task_of_its_step(tmp_path: Path) -> None:
    async with hall(tmp_path, settings()) as here:
        coder = await here.worker("coder-1")
        first = await here.submit("a bridge", pipeline="build")
        await do(here, coder, "a plan")
        await here.until(lambda: len(run_of(here).task_ids) == 2)
        run = await here.coordinator.cancel_run(run_of(here).id, "window")
        assert (run.status, run.cause, run.steps) == ("cancelled", "cancelled by window", ("coder", "critic"))
        assert [here.view(task_id).status for task_id in run.task_ids] == ["completed", "cancelled"]
        assert run.task_ids[0] == first.id
        with pytest.raises(AuroraError, match="over already"):
            await here.coordinator.cancel_run(run.id, "window")
        with pytest.raises(AuroraError, match="There is no run"):
            await here.coordinator.cancel_run("run_nothing", "window")


@in_loop
async def test_a_run_that_is_cancelled_while_its_next_step_is_made_has_that_cancelled_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hall(tmp_path, settings()) as here:
        coder = await here.worker("coder-1")
        await here.submit("a bridge", pipeline="build")
        add = here.coordinator.book.backend.add
        cancelled: list[PipelineRun] = []

        async def late(task: Any, beside: Any = None) -> Any:
            cancelled.append(await here.coordinator.cancel_run(run_of(here).id, "window"))
            return await add(task, beside)

        monkeypatch.setattr(here.coordinator.book.backend, "add", late)
        await do(here, coder, "a plan")
        await here.until(lambda: cancelled and len(run_of(here).task_ids) == 2)
        await here.until(lambda: here.view(run_of(here).task_ids[1]).status == "cancelled")
        assert (run_of(here).status, run_of(here).cause) == ("cancelled", "cancelled by window")


@in_loop
async def test_a_run_that_is_cancelled_while_its_next_step_cannot_be_made_was_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hall(tmp_path, settings()) as here:
        coder = await here.worker("coder-1")
        await here.submit("a bridge", pipeline="build")
        refused = asyncio.Event()

        async def full(*_: Any) -> Any:
            await here.coordinator.cancel_run(run_of(here).id, "window")
            refused.set()
            raise AuroraError("The queue is full")

        monkeypatch.setattr(here.coordinator._pipelines, "_enqueue", full)
        await do(here, coder, "a plan")
        await refused.wait()
        await here.until(lambda: not here.coordinator._pipelines._going_on)
        assert (run_of(here).status, run_of(here).cause) == ("cancelled", "cancelled by window")


@in_loop
async def test_a_run_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with hall(tmp_path, settings()) as here:
        coder = await here.worker("coder-1")
        await here.submit("a bridge", pipeline="build")
        await do(here, coder, "a plan")
        await here.until(lambda: len(run_of(here).task_ids) == 2)
        await here.restart()
        here.begin()
        critic = await here.worker("critic-1")
        await do(here, critic, "fine")
        assert (await until_over(here)).status == "completed"


@in_loop
async def test_a_step_that_ended_with_aurora_is_followed_by_the_next(tmp_path: Path) -> None:
    async with hall(tmp_path, settings()) as here:
        coder = await here.worker("coder-1")
        task = await here.submit("a bridge", pipeline="build")
        given = await coder.begin()
        here.coordinator._pipelines.read = lambda _: None  # type: ignore[method-assign]  # killed in this moment
        await coder.finish(given, result="a plan")
        await here.reaches(task.id, "completed")
        await here.restart()
        here.begin()
        critic = await here.worker("critic-1")
        assert (await critic.begin()).prompt == "Judge: a plan"


@in_loop
async def test_one_key_makes_one_run(tmp_path: Path) -> None:
    async with hall(tmp_path, settings()) as here:
        first = await here.submit("a bridge", pipeline="build", idempotency_key="once")
        second = await here.submit("a bridge", pipeline="build", idempotency_key="once")
        assert first.id == second.id
        assert len(here.coordinator.runs()) == 1


@in_loop
async def test_a_step_that_cannot_be_made_fails_the_run(tmp_path: Path) -> None:
    roles = {**ROLES, "reviewer": Role(agent="echo")}
    named = Pipeline(steps=["coder", "reviewer"])
    before = TaskSettings(agents={"echo": agent()}, roles=roles, pipelines={"build": named})
    async with hall(tmp_path, before) as here:
        coder = await here.worker("coder-1")
        await here.submit("a bridge", pipeline="build")
        given = await coder.begin()
        here.coordinator.apply(settings())
        await coder.finish(given, result="a plan")
        run = await until_over(here)
        assert run.status == "failed"
        assert run.cause.startswith("step 2 (reviewer) cannot be made: There is no role `reviewer`")


@pytest.mark.parametrize(("prompt", "pipeline"), [("", "build"), ("a bridge", "bild")])
@in_loop
async def test_what_cannot_be_run_is_refused_and_leaves_nothing(tmp_path: Path, prompt: str, pipeline: str) -> None:
    async with hall(tmp_path, settings()) as here:
        with pytest.raises(AuroraError):
            await here.submit(prompt, pipeline=pipeline)
        assert here.coordinator.runs() == ()
