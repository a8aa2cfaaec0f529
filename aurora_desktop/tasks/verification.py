"""Is an agent's program there, and is it what it should be? Asked for its version before its first task.

What was found holds as long as neither the program nor its interpreter changes; so `check` may be asked every few
seconds, and what is then done is to look where they lie.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AGENT_PREFIX, AnyEvent
from aurora_desktop.core.settings.schema_tasks import CliAgent
from aurora_desktop.core.settings.values import Environment
from aurora_desktop.core.task_events import AgentAvailable, AgentUnavailable
from aurora_desktop.healing import commands
from aurora_desktop.healing.remedies import matcher
from aurora_desktop.healing.yard import Ran
from aurora_desktop.supervisor.processes import ProcessTable
from aurora_desktop.tasks.program import Found, find, remedy, surroundings

VERSION_S = 10.0
"""Claude Code and Codex take about 1 s to tell their version; ten times that on a machine that is busy."""
ASK_AGAIN_S = 60.0
"""One that gave no good answer is asked again after this, though nothing changed: the machine may have been busy."""
MOST_SHOWN = 200

_VERSION = r"\d+\.\d+[\w.+-]*"
_ASKED_BY_ITSELF = ("claude", "codex")
_NODE = "Install Node.js 22 or later, and see that it comes first in PATH."
_OLD_NODE = (
    "SyntaxError",
    "Unsupported engine",
    "ERR_REQUIRE_ESM",
    "ERR_UNKNOWN_BUILTIN",
    "requires Node",
    "Node.js v",
)


class Checked(Struct, frozen=True, kw_only=True):
    """Whether an agent can be used; `version` as it tells it; if not, `detail` in words and what to do."""

    available: bool
    version: str = ""
    detail: str = ""
    hint: str = ""


class _Known(NamedTuple):
    key: object
    checked: Checked
    at: float


class Verification:
    """The checks of all agents; `publish` is told when one becomes unavailable, and when it is available again."""

    def __init__(
        self,
        table: ProcessTable,
        clock: Clock,
        publish: Callable[[AnyEvent], object],
        version_s: float = VERSION_S,
    ) -> None:
        self._table, self._clock, self._publish = table, clock, publish
        self._version_s = version_s
        self._known: dict[str, _Known] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def known(self, name: str) -> Checked | None:
        """What was found the last time; None when it was not asked yet."""
        known = self._known.get(name)
        return known.checked if known is not None else None

    def keep(self, names: Sequence[str]) -> None:
        """Forget the agents that are not among `names` any more."""
        for name in set(self._known).difference(names):
            del self._known[name], self._turns[name]

    async def check(
        self, name: str, agent: CliAgent, own: Mapping[str, str], cwd: str | None = None, *, again: bool = False
    ) -> Checked:
        """Whether the agent can be used. `own`: the variables that agents are passed on; `cwd`: where it would run.

        Its program is only run if something changed since the last time, or `again`.
        """
        if agent.kind == "input":
            return Checked(available=True)
        async with self._turns[name]:
            return await self._check(name, agent, own, cwd, again=again)

    async def _check(
        self, name: str, agent: CliAgent, own: Mapping[str, str], cwd: str | None, *, again: bool
    ) -> Checked:
        try:
            env, folder, found = await asyncio.to_thread(_look, name, agent, own, cwd)
        except AuroraError as error:
            detail = ". ".join(part for part in (error.title, error.detail) if part)
            return self._learnt(name, None, Checked(available=False, detail=detail, hint=error.hint))
        key = found.marks, agent.version_args, agent.version_pattern, found.argv
        if not again and (known := self._still_known(name, key)) is not None:
            return known
        if found.refusal:
            return self._learnt(name, key, Checked(available=False, detail=found.refusal, hint=found.hint))
        return self._learnt(name, key, await self._asked(name, agent, found, folder, env))

    def _still_known(self, name: str, key: object) -> Checked | None:
        known = self._known.get(name)
        if known is None or known.key != key:
            return None
        is_old = not known.checked.available and self._clock.monotonic() - known.at >= ASK_AGAIN_S
        return None if is_old else known.checked

    def _learnt(self, name: str, key: object, checked: Checked) -> Checked:
        before = self.known(name)
        self._known[name] = _Known(key, checked, self._clock.monotonic())
        was_available = before is None or before.available
        if checked.available != was_available or (not checked.available and before != checked):
            self._tell(name, checked)
        return checked

    def _tell(self, name: str, checked: Checked) -> None:
        at, component = self._clock.wall(), AGENT_PREFIX + name
        if checked.available:
            version = f": version {checked.version}" if checked.version else ""
            detail = checked.detail or f"{name} can be used again{version}"
            self._publish(AgentAvailable(at=at, component=component, detail=detail))
        else:
            self._publish(AgentUnavailable(at=at, component=component, detail=checked.detail, hint=checked.hint))

    async def _asked(self, name: str, agent: CliAgent, found: Found, folder: Path, env: Mapping[str, str]) -> Checked:
        question = _question(agent)
        if not question:
            return Checked(available=True)
        argv = (*found.argv, *question)
        ran = await commands.run(argv, folder, env, self._version_s, self._table)
        said = Environment(agent.env).masked(ran.output)
        asked = f"`{' '.join((os.path.basename(argv[0]), *argv[1:]))}`"[:MOST_SHOWN]
        if ran.code != 0:
            return _failed(name, agent, asked, ran, said, self._version_s)
        pattern = agent.version_pattern or _VERSION
        try:
            matches = await matcher.search({"version": pattern}, _lines(said))
        except OSError as error:
            return Checked(available=False, detail=f"its version cannot be looked at now: {error}")
        return _judged(name, asked, said, matches)


def _look(name: str, agent: CliAgent, own: Mapping[str, str], cwd: str | None) -> tuple[Mapping[str, str], Path, Found]:
    """Blocking: environment, folder and program, in one go, as it is done before each task. Raises AuroraError."""
    env, folder = surroundings(name, agent, own, cwd)
    return env, folder, find(name, agent, env, folder)


def _question(agent: CliAgent) -> list[str]:
    """The arguments that ask for the version; none: it is not asked.

    Of a program that we do not know, `--version` may be a task like any other: it is asked if the settings say so.
    """
    if agent.version_args is not None:
        return agent.version_args
    is_known = agent.kind in _ASKED_BY_ITSELF
    return ["--version"] if is_known or agent.version_pattern else []


def _failed(name: str, agent: CliAgent, asked: str, ran: Ran, said: str, patience_s: float) -> Checked:
    words = _shown(said)
    if ran.code is None:
        detail = f"{asked} gave no answer within {patience_s:g} s"
        return Checked(available=False, detail=detail, hint="Run it in a terminal and see what it waits for.")
    detail = f"{asked} ended with code {ran.code}" + (f": {words}" if words else "")
    lacks_node = "node" in said and ran.code in (126, 127)
    if lacks_node or any(sign in said for sign in _OLD_NODE):
        return Checked(available=False, detail=detail, hint=_NODE)
    return Checked(available=False, detail=detail, hint=remedy(name, agent))


def _judged(name: str, asked: str, said: str, matches: matcher.Matches) -> Checked:
    if matches.exploded:
        hint = f"Write `version_pattern` of `tasks.agents.{name}` without nested repetitions."
        return Checked(available=False, detail="`version_pattern` takes too long to search for", hint=hint)
    if (match := matches.found.get("version")) is None:
        answer = f"answered `{_shown(said)}`" if said.strip() else "answered nothing"
        detail = f"{asked} {answer}, which is not the version that is expected"
        hint = f"See that it is the right program; `version_args` and `version_pattern` of `tasks.agents.{name}` say"
        return Checked(available=False, detail=detail, hint=f"{hint} what is asked and what the answer must match.")
    return Checked(available=True, version=match.text[:MOST_SHOWN])


def _lines(said: str) -> list[str]:
    return [line.strip()[:1000] for line in said.splitlines() if line.strip()][:50]


def _shown(said: str) -> str:
    """Its first line that says anything, printable."""
    line = next(iter(_lines(said)), "")
    shown = "".join(sign if sign.isprintable() else "?" for sign in line[: MOST_SHOWN + 1])
    return shown[:MOST_SHOWN] + "…" if len(shown) > MOST_SHOWN else shown
