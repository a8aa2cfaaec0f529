"""Tasks that came as messages: their agent and rights are those of the settings, and never mouse and keyboard."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from aurora_desktop.core.errors import AuroraError, NotNowError
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.settings.schema_link import LinkInbound, LinkSettings
from aurora_desktop.core.settings.schema_tasks import CliAgent, TaskSettings
from aurora_desktop.tasks.errors import QueueFullError, TaskRefusedError
from aurora_desktop.tasks.from_messages import MessageTasks
from aurora_desktop.tasks.task import TaskRequest


class Queue:
    def __init__(self, error: AuroraError | None = None) -> None:
        self.requests: list[TaskRequest] = []
        self._error = error

    async def submit(self, request: TaskRequest) -> Any:
        if self._error is not None:
            raise self._error
        self.requests.append(request)
        return SimpleNamespace(id="task_1")


def taken(queue: Queue, agent: str = "claude") -> str:
    link = LinkSettings(inbound=LinkInbound(agent=agent, permissions="read-only"))
    settings = Settings(link=link, tasks=TaskSettings(agents={"hands": CliAgent(kind="input")}))
    return asyncio.run(MessageTasks(queue, lambda: settings).take("do it", "link:m1", "17"))


def test_the_task_has_the_agent_and_the_rights_of_the_settings() -> None:
    queue = Queue()
    assert taken(queue) == "task_1"
    (request,) = queue.requests
    assert (request.agent, request.permissions, request.idempotency_key) == ("claude", "read-only", "link:m1")
    assert (request.source, request.operator_user, request.actions) == ("link", "link:17", ())


def test_an_agent_with_mouse_and_keyboard_is_refused() -> None:
    queue = Queue()
    with pytest.raises(TaskRefusedError, match="no mouse and keyboard"):
        taken(queue, "hands")
    assert queue.requests == []


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (QueueFullError("The queue is full"), NotNowError),
        (AuroraError("The task could not be written down"), NotNowError),
        (TaskRefusedError("There is no agent"), TaskRefusedError),
    ],
)
def test_what_may_be_taken_later_is_told_apart(error: AuroraError, raised: type[AuroraError]) -> None:
    with pytest.raises(raised, match=error.title):
        taken(Queue(error))
