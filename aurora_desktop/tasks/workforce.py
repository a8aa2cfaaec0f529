"""The workers as the supervisor is to see them: every one that there may be, by the settings."""

import sys
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from aurora_desktop.core.events import WORKER_PREFIX
from aurora_desktop.core.settings.schema import Service, ServiceLog
from aurora_desktop.core.settings.schema_tasks import CliAgent, Role, TaskSettings
from aurora_desktop.core.settings.values import ByteSize, Command

WATCHDOG_S = 8.0
"""A hung worker is to be replaced within 10 s: this, and the second of grace after it."""
STOP_BESIDE_GRACE_S = 10.0
"""Beyond the agent's own grace: time to write down how the attempt ended."""

WORKER_MODULE = "aurora_desktop.tasks.worker"
_HAS_NOTIFY = sys.platform == "linux"


class Post(Struct, frozen=True, kw_only=True):
    """The place of one worker. `name` is `<pool>-<n>`; `pool` a role, or an agent that does tasks of its own."""

    name: str
    pool: str
    agent: str
    warm: bool = False

    @property
    def component(self) -> str:
        """Also its name with the supervisor."""
        return WORKER_PREFIX + self.name


def posts(settings: TaskSettings) -> tuple[Post, ...]:
    """Every worker that there may be: the roles' by `count`, the agents' by `concurrency`; `input` needs none."""
    return (*_of_roles(settings), *_of_agents(settings))


def _of_roles(settings: TaskSettings) -> Iterator[Post]:
    for pool, role in settings.all_roles.items():
        if settings.all_agents[role.agent].kind != "input":
            for number in range(1, role.count + 1):
                yield Post(name=f"{pool}-{number}", pool=pool, agent=role.agent, warm=role.warm)


def _of_agents(settings: TaskSettings) -> Iterator[Post]:
    for pool, agent in settings.all_agents.items():
        if agent.kind != "input":
            for number in range(1, agent.concurrency + 1):
                yield Post(name=f"{pool}-{number}", pool=pool, agent=pool)


def worker_services(settings: TaskSettings, socket: str, token_file: Path) -> dict[str, Service]:
    """The workers as services, by their names with the supervisor. They reach main at `socket` with the token."""
    return {
        post.component: _service(
            post, settings.all_agents[post.agent], settings.all_roles.get(post.pool), socket, token_file
        )
        for post in posts(settings)
    }


def _service(post: Post, agent: CliAgent, role: Role | None, socket: str, token_file: Path) -> Service:
    return Service(
        command=Command((sys.executable, "-P", "-m", WORKER_MODULE, post.name, socket, str(token_file))),
        env={**agent.env, **(role.env if role is not None else {})},
        env_file=agent.env_file,
        pass_environment=agent.pass_environment,
        type="notify" if _HAS_NOTIFY else "simple",
        watchdog_sec=WATCHDOG_S if _HAS_NOTIFY else None,
        restart="always",
        restart_sec=0.5,
        restart_max_delay_sec=10.0,
        timeout_start_sec=10.0,
        timeout_stop_sec=agent.grace_s + STOP_BESIDE_GRACE_S,
        on_estop=agent.on_estop,
        memory_max=agent.memory_max,
        autostart=post.warm,
        log=ServiceLog(max_bytes=ByteSize(1_000_000), keep=1),
    )
