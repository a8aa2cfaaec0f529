"""What the parts of the coordinator share."""

from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.settings.schema_tasks import AgentKind, CliAgent, TaskSettings
from aurora_desktop.core.settings.values import Environment
from aurora_desktop.tasks.book import Book
from aurora_desktop.tasks.discretion import secrets
from aurora_desktop.tasks.messages import ToWorker
from aurora_desktop.tasks.roster import Roster, Workforce
from aurora_desktop.tasks.task import Task


class Surroundings(Struct, kw_only=True, eq=False):
    """One per coordinator; used from the loop's thread alone.

    `folder`: where each task has its own. `send(worker, message)`: whether it could be sent. `run` starts a coroutine
    that nobody waits for; `changed` says that something is to be looked at anew: work to give out, a view to draw.
    """

    settings: TaskSettings
    clock: Clock
    publish: Callable[[AnyEvent], object]
    book: Book
    roster: Roster
    workforce: Workforce
    folder: Path
    send: Callable[[str, ToWorker], bool]
    run: Callable[[Coroutine[Any, Any, None]], object]
    changed: Callable[[], None]
    agents: Mapping[str, CliAgent] = {}
    """All that there are by `settings`, put together once."""
    closing: bool = False
    hidden: dict[tuple[str, str], Environment] = field(default_factory=dict)
    """What agents in their roles have to hide, as far as it was asked for."""

    def __post_init__(self) -> None:
        self.agents = self.settings.all_agents

    def apply(self, settings: TaskSettings) -> None:
        self.settings, self.agents = settings, settings.all_agents
        self.hidden.clear()

    @property
    def ends_it(self) -> bool:
        """Whether it is Aurora that ends workers now, for its quit or for the emergency stop: no fault of the tasks."""
        return self.closing or self.workforce.latched

    def is_stopped(self, agent_name: str) -> bool:
        """Whether the emergency stop holds, and concerns this agent."""
        agent = self.agent(agent_name)
        return self.workforce.latched and (agent is None or agent.on_estop != "ignore")

    def agent(self, name: str) -> CliAgent | None:
        """None once it was taken out of the settings."""
        return self.agents.get(name)

    def kind(self, task: Task) -> AgentKind | None:
        agent = self.agent(task.agent)
        return agent.kind if agent is not None else None

    def discreet(self, task: Task, text: str) -> str:
        """What is told of a task, without the values that the settings put into its agent's environment."""
        known = self.hidden.get((task.agent, task.role))
        return (known if known is not None else self.learn_secrets(task)).masked(text)

    def learn_secrets(self, task: Task) -> Environment:
        """Blocking, a moment: what `discreet` hides of its agent from now on. For any thread, before each attempt."""
        known = self.hidden[task.agent, task.role] = secrets(self.settings, task.agent, task.role)
        return known
