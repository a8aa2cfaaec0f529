"""Who is watched, and by which rule: services with a `stall` rule, named agents, and every folder under the root."""

import os
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from aurora_desktop.core.events import agent_component, service_component
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.settings.schema_healing import StallRule
from aurora_desktop.core.settings.values import Command
from aurora_desktop.healing.stalls.orchestration import Orchestration, filled_in
from aurora_desktop.healing.stalls.override import Override

LONGEST_NAME = 100


class Watched(Struct, frozen=True, kw_only=True):
    """Somebody whose work is watched. `log` is a whole path; `follow`: the workspace's path may be a link."""

    component: str
    name: str
    rule: StallRule
    workspace: Path | None = None
    service: str | None = None
    log: Path | None = None
    restart: Command | None = None
    follow: bool = True

    @property
    def can_restart(self) -> bool:
        return self.service is not None or self.restart is not None

    def has(self, source: str) -> bool:
        """Whether the rule counts this source."""
        return self.rule.sources is None or source in self.rule.sources


class Listing(Struct, frozen=True, kw_only=True):
    """The folders under the root by name; `problems` in words: what cannot be watched, and why.

    `is_known`: the root could be read; else nobody is taken to have vanished.
    """

    names: tuple[str, ...] = ()
    is_known: bool = True
    problems: tuple[str, ...] = ()


def listed(root: str | None) -> Listing:
    """Every folder under the root whose name can be an agent's. Blocking; links are not followed."""
    if root is None:
        return Listing()
    names, links, odd = [], 0, 0
    try:
        with os.scandir(expanded(root)) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_symlink():
                    links += entry.is_dir()
                elif entry.is_dir(follow_symlinks=False):
                    if is_name(entry.name):
                        names.append(entry.name)
                    else:
                        odd += 1
    except OSError as error:
        return Listing(is_known=False, problems=(f"`agents.root` cannot be read: {expanded(root)}: {error.strerror}",))
    return Listing(names=tuple(names), problems=_problems(root, links, odd))


def _problems(root: str, links: int, odd: int) -> tuple[str, ...]:
    found = []
    if links:
        hint = "links are not followed: name these workspaces under `agents.watch`"
        found.append(f"{links} of the folders under {root} are links; {hint}")
    if odd:
        found.append(f"{odd} of the folders under {root} have names that cannot be shown; rename them")
    return tuple(found)


def is_name(name: str) -> bool:
    """Whether a folder's name can be a component's."""
    return name.isprintable() and len(name) <= LONGEST_NAME


def expanded(path: str) -> Path:
    """With `~` filled in; relative to the home folder, as everywhere in the settings."""
    try:
        return Path.home() / Path(path).expanduser()
    except RuntimeError:  # no home folder is known
        return Path(path).absolute()


def services_of(settings: Settings, override: Override) -> list[Watched]:
    """The services with a `stall` rule."""
    return [
        Watched(component=service_component(name), name=name, rule=override.over(spec.stall), service=name)
        for name, spec in settings.services.items()
        if spec.stall is not None
    ]


def agents_of(settings: Settings, names: Iterable[str], said: Orchestration, override: Override) -> list[Watched]:
    """The named agents, and those under the root that are not named as well."""
    agents = settings.agents
    named = [_named(name, settings, said, override) for name in agents.watch]
    if agents.root is None:
        return named
    root = expanded(agents.root)
    taken = {str(one.workspace) for one in named}
    rule = override.over(filled_in(agents.stall, said))
    under_root = [
        Watched(component=agent_component(name), name=name, rule=rule, workspace=root / name, follow=False)
        for name in names
        if name not in agents.watch
    ]
    return [*named, *(one for one in under_root if str(one.workspace) not in taken)]


def _named(name: str, settings: Settings, said: Orchestration, override: Override) -> Watched:
    watch = settings.agents.watch[name]
    workspace = expanded(watch.workspace)
    return Watched(
        component=agent_component(name),
        name=name,
        rule=override.over(filled_in(watch.stall, said)),
        workspace=workspace,
        service=watch.service,
        log=None if watch.log is None else workspace / watch.log,
        restart=watch.restart,
    )
