"""Tasks from their submission to their end, over a real database and a real socket."""

import asyncio
from pathlib import Path

import pytest
from supervisor.yard import in_loop

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema_tasks import Role, TaskSettings
from aurora_desktop.core.task_events import TaskFinished, TaskStateChanged, TaskSubmitted
from aurora_desktop.tasks.coordinator import Coordinator
from aurora_desktop.tasks.errors import QueueFullError, TaskRefusedError, UnknownTaskError
from aurora_desktop.tasks.messages import Beat, Doing, Run
from aurora_desktop.tasks.policy import REFUSAL_DELAY_S
from aurora_desktop.tasks.task import Activity, Usage
from aurora_desktop.tasks.verification import Checked
from tasks.hall import WAIT_S, Hall, agent, hall, with_agents


@in_loop
async def test_a_task_walks_from_its_submission_to_its_end(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit("say hello")
        run = await hand.begin()
        assert (run.task_id, run.attempt, run.prompt, run.program) == (task.id, 1, "say hello", ("echo",))
        await here.reaches(task.id, "running")
        await hand.finish(run, result="hello", exit_code=0)
        detail = here.coordinator.task(task.id)
        assert (detail.view.status, detail.result, detail.exit_code) == ("completed", "hello", 0)
        assert here.coordinator.view(task.id) == detail.view
        assert [event.status for event in here.of(TaskStateChanged)] == ["leased", "running", "completed"]
        assert len(here.of(TaskSubmitted)) == len(here.of(TaskFinished)) == 1
        assert "say hello" not in str(here.events)


@in_loop
async def test_a_worker_is_started_when_there_is_work_for_it_and_ended_when_there_is_none(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        await here.submit()
        await here.until(lambda: here.workforce.employed == ["worker:echo-1"])
        hand = await here.worker()
        await hand.finish(await hand.begin())
        here.clock.advance(299.0)
        here.coordinator.look()
        assert here.workforce.dismissed == []
        here.clock.advance(2.0)
        here.coordinator.look()
        assert here.workforce.dismissed == [("worker:echo-1", False)]
        late = await here.submit()
        await here.coordinator.check_agents(["echo"])
        assert here.status(late.id) == "queued", "it is not given to one that is about to end"
        here.workforce.becomes("echo-1", "stopped")
        await here.until(lambda: len(here.workforce.employed) == 2)


@in_loop
async def test_a_warm_worker_stays(tmp_path: Path) -> None:
    settings = TaskSettings(agents={"echo": agent()}, roles={"coder": Role(agent="echo", warm=True)})
    async with hall(tmp_path, settings) as here:
        await here.worker("coder-1")
        here.clock.advance(10_000.0)
        here.coordinator.look()
        assert here.workforce.dismissed == []


@in_loop
async def test_an_agent_has_no_more_tasks_at_once_than_it_may(tmp_path: Path) -> None:
    settings = TaskSettings(
        agents={"echo": agent(concurrency=2)}, roles={"coder": Role(agent="echo", count=2)}, concurrency=8
    )
    async with hall(tmp_path, settings) as here:
        hands = [await here.worker(name) for name in ("coder-1", "coder-2", "echo-1")]
        first = await here.submit(role="coder")
        second = await here.submit(role="coder")
        third = await here.submit()
        run = await hands[0].begin()
        await hands[1].begin()
        await here.reaches(second.id, "running")
        assert here.status(third.id) == "queued", "two of this agent are at work"
        await hands[0].finish(run)
        assert (await hands[2].begin()).task_id == third.id
        assert here.status(first.id) == "completed"


@in_loop
async def test_of_those_that_wait_the_most_urgent_goes_first(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        await here.submit("one")
        urgent = await here.submit("two", priority=5)
        hand = await here.worker()
        assert (await hand.hear(Run)).task_id == urgent.id


@in_loop
async def test_two_tasks_with_one_key_are_one(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        both = await asyncio.gather(here.submit("one", idempotency_key="k"), here.submit("two", idempotency_key="k"))
        assert both[0].id == both[1].id
        assert len(here.coordinator.tasks()) == len(here.of(TaskSubmitted)) == 1


@in_loop
async def test_what_an_agent_does_is_seen_at_any_time(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit()
        run = await hand.begin()
        tool = Activity(kind="tool", since=3.0, detail="pytest")
        hand.say(Doing(run.task_id, tool, Usage(cost_usd=0.25, input_tokens=10, output_tokens=5), "session"))
        await here.until(lambda: here.view(task.id).activity == tool)
        assert here.view(task.id).usage.tokens == 15
        (seen,) = [worker for worker in here.coordinator.workers() if worker.name == "echo-1"]
        assert (seen.status, seen.task_id, seen.activity) == ("busy", task.id, tool)
        (of_agent,) = [each for each in here.coordinator.agents() if each.name == "echo"]
        assert (of_agent.running, of_agent.queued, of_agent.day_usage.cost_usd) == (1, 0, 0.25)


@in_loop
async def test_a_finished_task_leaves_the_queue_and_stays_in_the_history(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit()
        await hand.finish(await hand.begin(), result="the result", finished_at=here.clock.wall())
        here.clock.advance(301.0)
        here.coordinator.look()
        assert [view.id for view in here.coordinator.tasks()] == [task.id]
        assert here.coordinator.task(task.id).result == "the result"
        assert here.coordinator.tasks(statuses=["queued"]) == here.coordinator.tasks(agent="claude") == ()


@in_loop
async def test_without_a_token_for_workers_the_rest_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(path: Path) -> str:
        raise AuroraError("The token of the workers cannot be read or written", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("aurora_desktop.tasks.coordinator.workers_token", lost)
        patch.setattr(Coordinator, "open", lambda _: None)
        opened = Hall(tmp_path, with_agents(echo=agent()))
    opened.begin()
    with pytest.raises(AuroraError, match="token of the workers"):
        opened.coordinator.open()
    assert (await opened.submit()).status == "queued"
    await opened.close()


@in_loop
async def test_a_look_that_fails_is_not_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurora_desktop.tasks.coordinator.LOOK_S", 0.0)
    again = asyncio.Event()
    faults = iter([RuntimeError("a fault of ours")])

    def look() -> None:
        for fault in faults:
            raise fault
        again.set()

    async with hall(tmp_path) as here:
        monkeypatch.setattr(here.coordinator, "look", look)
        rounds = [asyncio.ensure_future(each) for each in here.coordinator.rounds()]
        await asyncio.wait_for(again.wait(), WAIT_S)
        for each in rounds:
            each.cancel()
        await asyncio.wait(rounds)


@in_loop
async def test_a_full_queue_and_a_wrong_task_are_refused(tmp_path: Path) -> None:
    settings = TaskSettings(agents={"echo": agent()}, queue_limit=1)
    async with hall(tmp_path, settings) as here:
        task = await here.submit(idempotency_key="k")
        with pytest.raises(QueueFullError):
            await here.submit()
        assert (await here.submit(idempotency_key="k")).id == task.id, "it is there already"
        with pytest.raises(UnknownTaskError):
            here.coordinator.task("task_nothing")
    async with hall(tmp_path / "other") as here:
        with pytest.raises(TaskRefusedError):
            await here.submit(agent="ecko")
        assert here.coordinator.tasks() == ()


@in_loop
async def test_a_task_that_the_machine_could_not_start_goes_back_to_the_queue_and_is_given_out_again_later(
    tmp_path: Path,
) -> None:
    async with hall(tmp_path) as here:
        worker = await here.worker()
        task = await here.submit(max_attempts=1)
        run = await worker.hear(Run)
        why = "cannot be started now: Resource temporarily unavailable"
        await worker.finish(run, "refused", began=False, passes=True, error=why)
        await here.reaches(task.id, "queued")
        assert here.view(task.id).cause == f"{why}; it is tried again in 5 s"
        here.clock.advance(REFUSAL_DELAY_S)
        here.coordinator.look()
        await worker.finish(await worker.begin())
        await here.reaches(task.id, "completed")


@in_loop
async def test_what_is_asked_for_once_more_does_not_wait_for_what_was_before(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        worker = await here.worker()
        task = await here.submit()
        await worker.finish(await worker.hear(Run), "refused", began=False, passes=True, error="not now")
        await here.reaches(task.id, "queued")
        await here.coordinator.cancel(task.id, "window")
        await here.coordinator.retry(task.id, "window")
        await worker.finish(await worker.begin())
        await here.reaches(task.id, "completed")


@in_loop
async def test_tasks_wait_for_an_agent_that_cannot_be_used(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        here.checked["echo"] = Checked(available=False, detail="command not found: echo", hint="Install it.")
        await here.worker()
        task = await here.submit()
        await here.until(lambda: "command not found" in here.view(task.id).held)
        assert (here.status(task.id), here.view(task.id).hint) == ("queued", "Install it.")
        assert [each.name for each in here.coordinator.troubles().unavailable] == ["echo"]
        here.checked["echo"] = Checked(available=True, version="2.0")
        here.coordinator.look()
        await here.reaches(task.id, "leased")
        assert here.coordinator.troubles().unavailable == ()


@in_loop
async def test_no_worker_is_started_for_an_agent_that_cannot_be_used(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        here.checked["echo"] = Checked(available=False, detail="nothing there")
        task = await here.submit()
        await here.until(lambda: bool(here.view(task.id).held))
        assert here.workforce.employed == []
        (checked,) = await here.coordinator.check_agents(["echo"])
        assert (checked.available, checked.detail) == (False, "nothing there")


@in_loop
async def test_workers_that_do_not_come_up_are_tried_again_and_told(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        here.workforce.becomes("echo-1", "failed")
        assert here.coordinator.troubles().workers == (), "nobody waits for it"
        await here.submit()
        await here.coordinator.check_agents(["echo"])
        assert [each.name for each in here.coordinator.troubles().workers] == ["echo-1"]
        assert here.workforce.employed == []
        here.clock.advance(31.0)
        here.coordinator.look()
        await here.until(lambda: here.workforce.employed == ["worker:echo-1"])


@in_loop
async def test_its_heartbeat_keeps_a_lease_and_silence_ends_it(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit()
        run = await hand.begin()
        await here.reaches(task.id, "running")
        for _ in range(10):
            here.clock.advance(20.0)
            hand.say(Beat(run.task_id, Activity(kind="thinking", since=here.clock.wall())))
            await here.until(lambda: getattr(here.view(task.id).activity, "since", 0) == here.clock.wall())
            here.coordinator.look()
        assert here.workforce.replaced == [], "twenty minutes of work are no silence"
        here.clock.advance(31.0)
        here.coordinator.look()
        assert here.workforce.replaced == [("worker:echo-1", "watchdog")]


@in_loop
async def test_nobody_is_blamed_while_aurora_itself_stood_still(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        await here.submit()
        await hand.begin()
        here.clock.advance(3600.0)
        here.workforce.stood_still_s += 3590.0
        here.coordinator.look()
        assert here.workforce.replaced == []


@in_loop
async def test_changed_settings_lose_no_task(tmp_path: Path) -> None:
    settings = TaskSettings(agents={"echo": agent()}, roles={"coder": Role(agent="echo")})
    async with hall(tmp_path, settings) as here:
        hand = await here.worker("coder-1")
        busy = await here.submit(role="coder")
        waiting = await here.submit(role="coder")
        run = await hand.begin()
        without = with_agents(echo=agent(grace_s=9.0), claude=agent(grace_s=8.0))
        before = here.coordinator.services(settings)["worker:coder-1"]
        again = []
        here.coordinator.on_services_changed = lambda: again.append(here.coordinator.services(without))
        assert here.coordinator.services(without)["worker:coder-1"] == before, "it has work to finish"
        here.coordinator.apply(without)
        await hand.finish(run)
        assert here.status(busy.id) == "completed"
        await here.until(lambda: bool(again))
        assert again[0]["worker:coder-1"] != before, "coder is the shipped role of another agent now"
        assert here.status(waiting.id) != "uncertain"


@in_loop
async def test_a_task_of_an_agent_that_is_no_more_waits_and_says_so(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        task = await here.submit()
        here.coordinator.apply(TaskSettings())
        assert "not in the settings any more" in here.view(task.id).held
        assert "tasks.agents" in here.view(task.id).hint
        here.coordinator.apply(with_agents(echo=agent()))
        hand = await here.worker()
        assert (await hand.hear(Run)).task_id == task.id


@in_loop
async def test_healing_replaces_what_is_not_well(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        await here.worker()
        assert (await here.coordinator.heal_workers((), "window")).workers == ()
        here.workforce.becomes("echo-1", "unhealthy", 77)
        assert (await here.coordinator.heal_workers((), "window")).workers == ("echo-1",)
        assert here.workforce.replaced == [("worker:echo-1", "liveness")]
        with pytest.raises(TaskRefusedError, match="no worker"):
            await here.coordinator.heal_workers(("echo-9",), "window")
