"""A task from its submission to its end, over a real database and a real socket."""

from pathlib import Path

from supervisor.yard import in_loop

from aurora_desktop.core.task_events import TaskFinished, TaskStateChanged, TaskSubmitted
from tasks.hall import hall


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
        assert [event.status for event in here.of(TaskStateChanged)] == ["leased", "running", "completed"]
        assert len(here.of(TaskSubmitted)) == len(here.of(TaskFinished)) == 1
        assert "say hello" not in str(here.events)
