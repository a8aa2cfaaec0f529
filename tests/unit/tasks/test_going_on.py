"""Words after words: a new task goes on in the session of an earlier one, where that can be."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from supervisor.yard import in_loop

from aurora_desktop.core.settings.schema_tasks import AgentKind, CliAgent
from aurora_desktop.core.settings.values import Command
from aurora_desktop.tasks.policy import going_on
from aurora_desktop.tasks.task import Task
from tasks.hall import hall, with_agents

EARLIER = Task(id="task_1", number=1, agent="claude", cwd="/home/ada", status="completed", session_id="s1")
NEW = Task(id="task_2", number=2, agent="claude", cwd="/home/ada")


def test_it_goes_on_in_the_session_of_an_ended_task_of_the_same_agent_and_folder():
    assert going_on(NEW, EARLIER, "claude") == replace(NEW, session_id="s1", resumes=True)


@pytest.mark.parametrize(
    ("earlier", "kind"),
    [
        (None, "claude"), (replace(EARLIER, agent="codex"), "claude"), (replace(EARLIER, cwd="/srv"), "claude"),
        (replace(EARLIER, status="running"), "claude"), (replace(EARLIER, session_id=None), "claude"),
        (EARLIER, "command"), (EARLIER, None),
    ],
)  # fmt: skip
def test_else_it_begins_one_of_its_own(earlier: Task | None, kind: AgentKind | None):
    assert going_on(NEW, earlier, kind) == NEW


@in_loop
async def test_the_worker_is_told_the_session_and_the_words_alone(tmp_path: Path) -> None:
    settings = with_agents(echo=CliAgent(kind="acp", command=Command(("echo",))))
    async with hall(tmp_path, settings) as here:
        hand = await here.worker()
        first = await here.submit("say hello")
        await hand.finish(await hand.begin(session="s1"), session_id="s1")
        await here.reaches(first.id, "completed")
        await here.submit("and again", continues=first.id)
        run = await hand.begin()
        assert (run.resume, run.prompt, run.attempt) == ("s1", "and again", 1)
        await hand.finish(run)
        await here.submit("anew", continues="task_that_is_not_there")
        run = await hand.begin()
        assert (run.resume, run.prompt) == (None, "anew")
        await hand.finish(run)
