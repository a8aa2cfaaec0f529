"""What the settings put into an agent's environment is in no event, list or question, though the agent printed it."""

from pathlib import Path

from supervisor.yard import in_loop

from aurora_desktop.core.settings.schema_tasks import CliAgent
from aurora_desktop.core.settings.values import Command
from aurora_desktop.tasks.messages import Asking, Doing
from aurora_desktop.tasks.task import Activity, Usage
from tasks.hall import hall, with_agents

SECRET, OF_FILE = "hunter22", "sesame-open"


@in_loop
async def test_an_agent_that_prints_its_environment_tells_nobody(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text(f"TOKEN={OF_FILE}\n")
    file = str(tmp_path / "secrets.env")
    echo = CliAgent(kind="command", command=Command(("echo",)), env={"KEY": SECRET}, env_file=file)
    async with hall(tmp_path, with_agents(echo=echo)) as here:
        hand = await here.worker()
        task = await here.submit()
        run = await hand.begin()
        await here.reaches(task.id, "running")
        activity = Activity(kind="tool", since=1.0, detail=f"echo {SECRET}")
        hand.say(Doing(run.task_id, activity, Usage()))
        hand.say(Asking(run.task_id, "ask-1", "Bash", f"curl {SECRET}", f"curl {OF_FILE}", SECRET))
        await here.reaches(task.id, "waiting_approval")
        told = [str(here.view(task.id)), str(here.coordinator.approvals())]
        await hand.finish(run, "error", error=f"401 for {SECRET}", result=f"it is {SECRET} or {OF_FILE}")
        await here.reaches(task.id, "error")
        told += [str(here.view(task.id)), here.coordinator.task(task.id).error, str(here.events)]
        texts = here.coordinator.book.backend.texts(task.id)
        assert (here.coordinator.task(task.id).error, texts.result) == ("401 for ***", "it is *** or ***")
        assert not [text for text in told if SECRET in text or OF_FILE in text]
