"""What is lost on the way, in each state: worker, agent, Aurora itself. Nothing for good, and nothing is done twice."""

import shutil
from pathlib import Path

import pytest
from supervisor.yard import in_loop

from aurora_desktop.core.healing_events import AgentStalled
from aurora_desktop.core.settings.schema_tasks import CliAgent, TaskSettings
from aurora_desktop.core.task_events import TaskFinished, TaskUncertain
from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.messages import Acknowledge, Beat, Ended, Run, Stop
from tasks.hall import Hall, agent, ended, hall, with_agents, write_down

SAFE = {"retry": "safe"}


def claude() -> TaskSettings:
    return TaskSettings(agents={"echo": CliAgent(kind="claude")})


# --- a worker dies ------------------------------------------------------------------------------------------------


@in_loop
async def test_a_task_whose_worker_dies_before_it_began_is_given_out_again(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit(retry="never")
        first = await hand.hear(Run)
        await here.dies(hand)
        await here.reaches(task.id, "queued")
        again = await (await here.worker()).begin()
        assert (again.task_id, again.attempt) == (first.task_id, 2)


@in_loop
async def test_a_task_whose_worker_dies_half_way_waits_for_the_operator(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit()
        await hand.begin()
        await here.dies(hand)
        view = await here.reaches(task.id, "uncertain")
        assert view.cause == "its worker died"
        assert "retry" in view.hint
        assert [event.task_id for event in here.of(TaskUncertain)] == [task.id]
        assert [each.id for each in here.coordinator.troubles().uncertain] == [task.id]


@in_loop
async def test_of_what_is_uncertain_the_oldest_are_shown_to_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aurora_desktop.tasks.overview.MOST_UNCERTAIN", 1)
    async with hall(tmp_path) as here:
        first, second = await here.submit(), await here.submit()
        for task in (first, second):
            hand = await here.worker()
            await hand.begin()
            await here.dies(hand)
            await here.reaches(task.id, "uncertain")
        assert [each.id for each in here.coordinator.troubles().uncertain] == [first.id]


@in_loop
async def test_a_task_that_was_heard_at_work_has_begun_though_its_folder_is_gone(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit()
        run = await hand.begin()
        await here.reaches(task.id, "running")
        shutil.rmtree(run.folder)  # an agent with a shell can do that
        await here.dies(hand)
        assert (await here.reaches(task.id, "uncertain")).attempt == 1


@pytest.mark.parametrize("is_told", [True, False])
def test_what_the_emergency_stop_ended_goes_on_by_the_operators_word_alone(tmp_path: Path, is_told: bool) -> None:
    @in_loop
    async def check() -> None:
        async with hall(tmp_path, claude()) as here:
            hand = await here.worker()
            task = await here.submit(**SAFE)
            run = await hand.begin(session="the-session")
            await here.until(lambda: here.coordinator.task(task.id).session_id == "the-session")
            here.workforce.latched = True
            if is_told:
                await hand.finish(run, "interrupted", error="its worker was asked to end")
            await here.dies(hand)
            view = await here.reaches(task.id, "uncertain")
            assert view.cause.startswith("the emergency stop ended it (")
            here.workforce.latched = False
            here.coordinator.look()
            assert here.status(task.id) == "uncertain"
            await here.coordinator.resume(task.id, "window")
            assert (await (await here.worker()).hear(Run)).resume == "the-session"

    check()


@in_loop
async def test_a_worker_that_does_not_begin_what_it_was_told_loses_it(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit(retry="never")
        await hand.hear(Run)  # and does not understand it, as one of another version may
        here.clock.advance(20.0)
        here.coordinator.look()
        assert here.status(task.id) == "leased"
        here.clock.advance(11.0)
        hand.say(Beat())
        await here.until(lambda: here.coordinator.workers()[0].heartbeat_age_s == 0.0)
        here.coordinator.look()
        assert (await hand.hear(Stop)).task_id == task.id
        assert (await hand.begin()).attempt == 2
        assert here.workforce.replaced == []


@in_loop
async def test_how_long_a_worker_may_be_silent_is_set(tmp_path: Path) -> None:
    async with hall(tmp_path, TaskSettings(agents={"echo": agent()}, lease_s=60.0)) as here:
        await here.worker()
        await here.until(lambda: here.coordinator.workers()[0].heartbeat_age_s is not None)
        for passed_s, replaced in ((59.0, []), (2.0, [("worker:echo-1", "watchdog")])):
            here.clock.advance(passed_s)
            here.coordinator.look()
            assert here.workforce.replaced == replaced


@in_loop
async def test_what_a_worker_did_not_begin_since_it_was_to_end_is_given_out_again(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit(retry="never")
        await hand.finish(await hand.hear(Run), "interrupted", began=False)
        again = await hand.begin()
        assert (again.task_id, again.attempt) == (task.id, 2)


@in_loop
async def test_one_that_may_be_repeated_is(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit(**SAFE)
        await hand.begin()
        await here.dies(hand)
        await here.reaches(task.id, "queued")
        again = await (await here.worker()).begin()
        assert (again.attempt, again.resume) == (2, None)


@in_loop
async def test_a_session_that_is_known_is_resumed(tmp_path: Path) -> None:
    async with hall(tmp_path, claude()) as here:
        hand = await here.worker()
        task = await here.submit("paint it")
        await hand.begin(session="the-session")
        await here.until(lambda: here.coordinator.task(task.id).session_id == "the-session")
        await here.dies(hand)
        await here.reaches(task.id, "queued")
        again = await (await here.worker()).hear(Run)
        assert again.resume == "the-session"
        assert again.prompt.endswith("paint it")
        assert "interrupted" in again.prompt


@in_loop
async def test_what_a_worker_wrote_down_before_it_died_counts(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit()
        run = await hand.begin()
        write_down(run, ended(run, result="just in time"))
        await here.dies(hand)
        await here.reaches(task.id, "completed")
        assert here.coordinator.task(task.id).result == "just in time"


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"type":"ended","task_id":"other","attempt":1}'])
def test_nonsense_in_the_folder_is_no_end(tmp_path: Path, content: bytes) -> None:
    @in_loop
    async def check() -> None:
        async with hall(tmp_path) as here:
            hand = await here.worker()
            task = await here.submit()
            run = await hand.begin()
            TaskFolder(Path(run.folder)).ended(1).write_bytes(content)
            await here.dies(hand)
            await here.reaches(task.id, "uncertain")

    check()


@in_loop
async def test_a_new_worker_that_knows_of_nothing_tells_that_the_old_one_is_gone(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit(**SAFE)
        await hand.begin()
        await hand.disconnect()  # its successor was there before anybody told of the end
        successor = await here.worker()
        await here.reaches(task.id, "leased")
        assert (await successor.hear(Run)).attempt == 2


@in_loop
async def test_a_lost_connection_is_no_lost_worker(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit()
        run = await hand.begin()
        await here.reaches(task.id, "running")
        await hand.disconnect()
        await hand.connect(run.task_id, run.attempt)
        await hand.finish(run)
        assert here.view(task.id).attempt == 1
        assert here.status(task.id) == "completed"


@in_loop
async def test_after_so_many_lost_attempts_it_is_dead(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        task = await here.submit(max_attempts=2, **SAFE)
        for _ in range(2):
            hand = await here.worker()
            await hand.begin()
            await here.dies(hand)
        view = await here.reaches(task.id, "dead")
        assert view.cause == "lost 2 times, the last time: its worker died"
        assert [event.status for event in here.of(TaskFinished)] == ["dead"]


@in_loop
async def test_an_agent_that_died_is_a_lost_attempt_and_an_error_is_none(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        crashed, wrong = await here.submit(), await here.submit()
        await hand.finish(await hand.begin(), "crashed", error="killed by SIGKILL")
        assert here.view(crashed.id).status == "uncertain"
        assert here.view(crashed.id).cause == "killed by SIGKILL"
        await hand.finish(await hand.begin(), "error", error="no such model", exit_code=1)
        assert here.coordinator.task(wrong.id).error == "no such model"
        assert here.status(wrong.id) == "error"


@in_loop
async def test_a_silent_agents_task_goes_to_another_worker(tmp_path: Path) -> None:
    async with hall(tmp_path, with_agents(echo=agent(concurrency=2))) as here:
        first, second = await here.worker("echo-1"), await here.worker("echo-2")
        task = await here.submit(**SAFE)
        run = await first.begin()
        await first.finish(run, "timeout", error="it said nothing for 120 s", facts={"limit": "silence"})
        again = await second.begin()
        assert (again.task_id, again.attempt) == (task.id, 2)


@in_loop
async def test_a_stalled_agents_task_goes_to_another_worker(tmp_path: Path) -> None:
    async with hall(tmp_path, with_agents(echo=agent(concurrency=2))) as here:
        first, second = await here.worker("echo-1"), await here.worker("echo-2")
        await here.submit(**SAFE)
        await first.begin()
        here.workforce.publish(
            AgentStalled(at=0.0, component="worker:echo-1", source="log", silent_s=300.0, cause="silent for 5 min")
        )
        assert here.workforce.replaced == [("worker:echo-1", "stall")]
        await here.dies(first)
        await here.worker("echo-1")
        assert (await second.begin()).attempt == 2


@in_loop
async def test_a_stalled_agent_that_nobody_may_take_over_from_is_left_to_the_operator(tmp_path: Path) -> None:
    async with hall(tmp_path, with_agents(echo=agent(concurrency=2))) as here:
        first = await here.worker("echo-1")
        await here.submit()
        await first.begin()
        here.workforce.publish(
            AgentStalled(at=0.0, component="worker:echo-1", source="log", silent_s=300.0, cause="silent for 5 min")
        )
        assert here.workforce.replaced == []


# --- Ended again, and too late ------------------------------------------------------------------------------------


@in_loop
async def test_an_end_that_is_told_twice_is_acknowledged_twice_and_counts_once(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        await here.submit()
        run = await hand.begin()
        hand.say(ended(run))
        hand.say(ended(run, "error"))
        await hand.hear(Acknowledge)
        await hand.disconnect()
        await hand.connect(run.task_id, run.attempt)
        hand.say(ended(run))
        await hand.hear(Stop)
        await hand.hear(Acknowledge)
        assert [event.status for event in here.of(TaskFinished)] == ["completed"]


@in_loop
async def test_the_end_of_an_attempt_that_was_given_up_changes_nothing(tmp_path: Path) -> None:
    async with hall(tmp_path, with_agents(echo=agent(concurrency=2))) as here:
        hand = await here.worker("echo-1")
        task = await here.submit(**SAFE)
        run = await hand.begin()
        await here.dies(hand)
        await here.reaches(task.id, "queued")
        other = await here.worker("echo-2")
        await other.begin()
        await here.reaches(task.id, "running")
        back = here.start("echo-1")
        await back.connect(run.task_id, 1)
        assert (await back.hear(Stop)).task_id == task.id, "two at once is one too many"
        back.say(ended(run, result="of the first"))
        assert (await back.hear(Acknowledge)).attempt == 1
        assert here.view(task.id).attempt == 2
        assert here.status(task.id) == "running"


@in_loop
async def test_a_task_that_nobody_knows_is_stopped(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = here.start()
        await hand.connect("task_of_another_database", 3)
        assert (await hand.hear(Stop)).task_id == "task_of_another_database"
        task = await here.submit()
        hand.say(Ended(task_id="task_of_another_database", attempt=3, ending="cancelled", began=True))
        await hand.hear(Acknowledge)
        assert (await hand.hear(Run)).task_id == task.id


# --- Aurora dies --------------------------------------------------------------------------------------------------


async def main_is_killed(here: Hall) -> None:
    await here.restart()
    here.begin()


@in_loop
async def test_a_queued_task_waits_over_a_restart(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        task = await here.submit("remember me")
        await main_is_killed(here)
        run = await (await here.worker()).begin()
        assert (run.task_id, run.prompt) == (task.id, "remember me")


@in_loop
async def test_a_running_task_goes_on_over_a_restart(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit()
        run = await hand.begin()
        await here.reaches(task.id, "running")
        await main_is_killed(here)
        await hand.disconnect()
        await hand.connect(run.task_id, run.attempt)
        await hand.finish(run, result="it went on")
        assert here.coordinator.task(task.id).result == "it went on"
        assert here.view(task.id).attempt == 1


@in_loop
async def test_what_ended_while_no_aurora_ran_is_found(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit()
        run = await hand.begin()
        await here.reaches(task.id, "running")
        await here.restart()
        write_down(run, ended(run, result="meanwhile"))
        await here.dies(hand)
        here.begin()
        await here.reaches(task.id, "completed")
        assert here.coordinator.task(task.id).result == "meanwhile"


@in_loop
async def test_what_began_and_is_gone_after_a_restart_is_uncertain(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit()
        await hand.begin()
        await here.reaches(task.id, "running")
        await here.restart()
        here.workforce.becomes("echo-1", "stopped")
        here.begin()
        view = await here.reaches(task.id, "uncertain")
        assert view.cause == "its worker ended while no Aurora ran"


@in_loop
async def test_what_was_leased_and_never_begun_is_given_out_after_a_restart(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit(retry="never")
        await hand.hear(Run)
        await here.restart()
        here.workforce.becomes("echo-1", "stopped")
        here.begin()
        await here.reaches(task.id, "queued")


@in_loop
async def test_a_task_whose_worker_is_not_in_the_settings_any_more_is_not_forgotten(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit()
        await hand.begin()
        await here.reaches(task.id, "running")
        here.settings = TaskSettings()
        await here.restart()
        here.workforce.states.clear()
        here.workforce.pids.clear()
        here.begin()
        await here.reaches(task.id, "uncertain")


@in_loop
async def test_a_frozen_worker_keeps_its_task_over_a_restart(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit()
        await hand.begin()
        await here.reaches(task.id, "running")
        await here.restart()
        here.workforce.becomes("echo-1", "frozen", hand.pid)
        here.begin()
        here.clock.advance(3600.0)
        here.coordinator.look()
        assert here.view(task.id).frozen
        assert here.status(task.id) == "running"
        assert here.workforce.replaced == []


@in_loop
async def test_at_the_quit_what_workers_tell_last_is_written_down_and_not_counted(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit(max_attempts=1, **SAFE)
        run = await hand.begin()
        await here.reaches(task.id, "running")
        here.coordinator.quits(leave=False)
        await hand.finish(run, "interrupted", error="the worker was asked to end")
        await main_is_killed(here)
        assert here.status(task.id) == "queued", "to quit is no fault of the task's"
