"""Pid, lock and socket files whose owner is dead: set aside, so that the service can start, and kept."""

import asyncio
import os
import re
import stat
import time
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.faults import Fault, Invasiveness
from aurora_desktop.healing.remedies.builtin.common import Helping, named, plain, typed
from aurora_desktop.healing.remedies.builtin.owners import why_alive
from aurora_desktop.healing.remedies.builtin.places import own_folder, within
from aurora_desktop.healing.remedies.builtin.ports import KIND as PORT_CONFLICT
from aurora_desktop.healing.remedies.kinds import FaultKind
from aurora_desktop.healing.remedies.remedy import Done, Plan, RefusedError
from aurora_desktop.healing.yard import Yard
from aurora_desktop.supervisor.processes import ProcessTable, process_table

KIND = "stale_lock"
_PATH = r"(?P<path>[^\s:'\"()]{1,1000})"
_LOCK_PATH = r"(?<![^\s'\"()])(?P<path>[^\s'\"()]{0,1000}(?:\.pid|\.lock|\.lck|\.sock|[Ll]ock|LOCK))"

FAULT_KINDS = (
    FaultKind(
        name=KIND,
        title="Pid, lock or socket file left behind",
        sentence="{service} takes itself for running already, by {path} (pid {pid})",
        next_step="See whether it really runs (`ps {pid}`); if not, remove the file, or name it in"
        " `healing.stale_files` of {service}",
        patterns=(
            rf"(?i)\bpid ?file[ :]*\(?['\"]?{_PATH}['\"]?\)?,? (?:already )?exists",
            rf"(?i)already running (?:on |with )?\(?pid:? ?(?P<pid>\d{{1,10}}) ?\(or pid ?file '{_PATH}' is stale\)",
            rf"(?i)lock file \"?{_LOCK_PATH}\"?,? already exists",
            r"Unable to create '(?P<path>[^'\n]{1,1000}\.lock)': File exists",
            (
                rf"(?i)(?:is already running|already running).{{0,40}}(?:check|see|remove|delete|pid ?file|lock"
                rf" ?file):? ['\"]?{_LOCK_PATH}"
            ),
            (
                rf"(?i)(?:cannot|could not|can't|unable to|failed to) (?:create|acquire|get|obtain|open|lock)(?:/open)?"
                rf" (?:the )?(?:exclusive )?(?:pid|lock)(?: ?file)?:? (?:on |at )?['\"]?{_LOCK_PATH}"
            ),
            rf"(?i)(?:lock|pid) ?file (?:found|exists|present|is present|in use)[ :(]+['\"]?{_LOCK_PATH}",
            rf"(?i)['\"]?{_LOCK_PATH}['\"]?:? (?:already exists|file exists|exists already)",
            rf"(?i)\[Errno (?:17|98)\] [\w ]{{1,60}}: '{_LOCK_PATH}'",
            r"(?i)(?:EADDRINUSE|address (?:is )?already in use)[:\s\"'(]{1,6}(?:unix:)?(?P<path>/[^\s'\"()]{1,1000})",
            r"(?i)bind(?:\(\))?:? (?:to )?\"?(?:unix:)(?P<path>/[^\s'\"()]{1,1000})\"? failed \(98:",
            r"(?i)listen unix (?P<path>/[^\s:]{1,1000}): bind: address already in use",
            (
                r"(?i)profile appears to be in use by another (?:chromium|google chrome|chrome) process"
                r" \((?P<pid>\d{1,10})\)"
            ),
            (
                r"(?i)(?:another (?:instance|\w{1,30} server) is|server is|daemon is|is|process)"
                r" (?:already )?running.{0,20}pid[ :=#]{1,3}(?P<pid>\d{1,10})"
            ),
            r"(?i)\(pid:? (?P<pid>\d{1,10})\) (?:is )?already running",
            r"(?i)already running(?: \(|,? with |,? as )?(?:pid|process)(?: id)?[ :=#]{1,3}(?P<pid>\d{1,10})",
            (
                r"(?i)another instance (?:of \S{1,100} )?(?:is|seems to be) (?:already )?running|resource temporarily"
                r" unavailable.{0,40}lock"
            ),
        ),
        hints=("exist", "running", "lock", "in use", "eaddrinuse", "failed (98", "pid"),
        priority=75,
    ),
)
_ASIDE = ".aurora-aside-"
_LOCK_NAME = re.compile(r"(?i)pid|lo?ck|sock|singleton")
# Names of lock files whose message does not name them.
_KNOWN = ("SingletonLock", "SingletonSocket", "SingletonCookie")


class SetStaleAside(Helping):
    """Renames the file, once it is proven that its owner is dead."""

    name: ClassVar[str] = "set_stale_file_aside"
    kinds: ClassVar[tuple[str, ...]] = (KIND, PORT_CONFLICT)
    invasiveness: ClassVar[Invasiveness] = Invasiveness.TIDY
    summary: ClassVar[str] = "Sets a pid, lock or socket file aside whose owner is dead, and restarts the service"
    undoes: ClassVar[str] = "the file is put back under its name"

    @cached_property
    def _table(self) -> ProcessTable:
        return process_table()

    async def plan(self, fault: Fault, yard: Yard) -> Plan | None:
        name, _ = named(fault, yard)
        stale = await self._stale(fault, yard)
        if not stale:
            return None
        return Plan(f"Set {_listed(stale)} aside, whose owner is dead, and restart {name}")

    async def apply(self, fault: Fault, yard: Yard) -> Done:
        name, _ = named(fault, yard)
        stale = await self._stale(fault, yard)
        if not stale:
            raise RefusedError(
                f"The file that kept {name} from starting is gone", "", f"Start it: `aurora start {name}`"
            )
        moved = await asyncio.to_thread(_set_aside, stale)
        yard.restart(name, f"{stale[0].name} was left behind by a dead process")
        facts = {f"path{number}": str(path) for number, path in enumerate(stale)}
        return Done(
            f"set {_listed(stale)} aside as {_listed(moved)}",
            {**facts, **{f"aside{number}": str(path) for number, path in enumerate(moved)}},
        )

    async def undo(self, fault: Fault, done: Done, yard: Yard) -> None:  # noqa: ARG002 - the shape of a remedy
        pairs = [
            (Path(aside), Path(done.facts[key.replace("aside", "path")]))
            for key, aside in done.facts.items()
            if key.startswith("aside")
        ]
        await asyncio.to_thread(_put_back, pairs)

    async def _stale(self, fault: Fault, yard: Yard) -> list[Path]:
        """The files whose owner is dead. Raises RefusedError when one has a living owner, or is out of bounds."""
        name, spec = named(fault, yard)
        text = fault.facts.get("path", "")
        if fault.kind == PORT_CONFLICT and not text and not spec.healing.stale_files:
            return []  # a port of the network: other remedies are for that
        candidates = await asyncio.to_thread(self._candidates, fault, yard)
        if fault.kind == PORT_CONFLICT:
            candidates = [path for path in candidates if stat.S_ISSOCK(path.lstat().st_mode)]
        elif not candidates:
            raise RefusedError(
                f"{name} does not say which file it means",
                "or that is not there (any more)",
                f"Name it in `healing.stale_files` of {name}",
            )
        stale = [path for path in candidates if not await self._living(path, yard)]
        if candidates and not stale:
            path = candidates[0]
            raise RefusedError(
                f"{path} was not left behind",
                await self._living(path, yard),
                f"See who it is: {typed(('fuser', '-v', str(path)))}",
            )
        return stale

    async def _living(self, path: Path, yard: Yard) -> str:
        holders = await yard.holders_of_file(path)
        if holders:
            return f"it is held by pid {holders[0].pid} ({holders[0].program})"
        try:
            return await asyncio.to_thread(why_alive, path, self._table)
        except OSError as error:
            return f"it cannot be read: {error.strerror or error}"

    def _candidates(self, fault: Fault, yard: Yard) -> list[Path]:
        name, spec = named(fault, yard)
        declared = [path for text in spec.healing.stale_files if (path := _declared(yard.folder(name), text))]
        text = fault.facts.get("path", "")
        if not text:
            known = [] if spec.cwd is None else [yard.folder(name) / known for known in _KNOWN]
            return [path for path in (*declared, *known) if os.path.lexists(path)]
        path = _declared(yard.folder(name), text)
        if path in declared and path is not None:
            return [path] if os.path.lexists(path) else []
        inside = within(own_folder(name, spec, yard), text)
        if inside is None:
            raise RefusedError(
                f"{plain(text)} is not in the folder of {name}",
                "Aurora sets files aside there alone, or where the settings name them",
                f"Name it in `healing.stale_files` of {name}, if it may be set aside",
            )
        if not os.path.lexists(inside):
            return []
        if not stat.S_ISSOCK(inside.lstat().st_mode) and not _LOCK_NAME.search(inside.name):
            raise RefusedError(
                f"{plain(text)} does not look like a pid or lock file",
                "a text in a log alone does not get the data of a service out of its way",
                f"Name it in `healing.stale_files` of {name}, if it may be set aside",
            )
        return [inside]


def _declared(folder: Path, text: str) -> Path | None:
    """The path with its folder's links followed; None for what is no path or in no folder."""
    try:
        path = Path(os.path.abspath(folder / os.path.expanduser(text)))
        return path.parent.resolve(strict=True) / path.name if text.isprintable() else None
    except (OSError, RuntimeError, ValueError):
        return None


def _set_aside(paths: list[Path]) -> list[Path]:
    moved = []
    for path in paths:
        aside = path.with_name(f"{path.name}{_ASIDE}{time.time_ns()}")
        os.rename(path, aside)
        moved.append(aside)
    return moved


def _put_back(pairs: list[tuple[Path, Path]]) -> None:
    for aside, path in pairs:
        if os.path.lexists(path):
            raise AuroraError(f"{path} was not put back", "there is a new one in its place", f"The old one is {aside}")
        os.rename(aside, path)


def _listed(paths: list[Path]) -> str:
    return ", ".join(str(path) for path in paths)


REMEDIES = (SetStaleAside(),)
