"""Tasks that came as messages over the link: for one agent, with no more rights than it was given for that."""

from collections.abc import Callable
from typing import Protocol

from aurora_desktop.core.errors import AuroraError, NotNowError
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.tasks.errors import QueueFullError, TaskRefusedError
from aurora_desktop.tasks.task import TaskRequest
from aurora_desktop.tasks.view import TaskView

SOURCE = "link"


class _Queue(Protocol):
    async def submit(self, request: TaskRequest) -> TaskView: ...


class MessageTasks:
    """Never for an agent that uses mouse and keyboard, whatever the settings name."""

    def __init__(self, queue: _Queue, settings: Callable[[], Settings]) -> None:
        self._queue, self._settings = queue, settings

    async def take(self, prompt: str, key: str, sender: str) -> str:
        """The id of the task, on disk; that of `key` where there is one. Raises NotNowError, AuroraError."""
        settings = self._settings()
        inbound = settings.link.inbound
        agent = settings.tasks.all_agents.get(inbound.agent)
        if agent is not None and agent.kind == "input":
            raise TaskRefusedError(
                "Messages get no mouse and keyboard", f"`{inbound.agent}` is of the kind `input`",
                "Name another agent in `link.inbound.agent`",
            )  # fmt: skip
        request = TaskRequest(
            prompt=prompt, agent=inbound.agent, permissions=inbound.permissions, idempotency_key=key, source=SOURCE,
            operator_user=f"link:{sender}"[:100],
        )  # fmt: skip
        try:
            return (await self._queue.submit(request)).id
        except QueueFullError as error:
            raise NotNowError(error.title, error.detail, error.hint) from error
        except TaskRefusedError:
            raise
        except AuroraError as error:  # a disk that is full has room again some day
            raise NotNowError(error.title, error.detail, error.hint) from error
