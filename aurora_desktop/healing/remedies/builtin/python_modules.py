"""A Python module that is not there: offered to be installed into the Python that runs the service."""

import asyncio
import re
import shutil
from pathlib import Path
from typing import ClassVar

from msgspec import Struct

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.faults import Fault, Invasiveness
from aurora_desktop.healing.remedies.builtin.common import Helping, ending, named, plain, typed
from aurora_desktop.healing.remedies.builtin.distributions import (
    distribution_of,
    is_module,
    is_of_python,
    local_copy,
    required_version,
)
from aurora_desktop.healing.remedies.builtin.interpreters import Python, python_of
from aurora_desktop.healing.remedies.builtin.source import PLACES
from aurora_desktop.healing.remedies.kinds import FaultKind
from aurora_desktop.healing.remedies.remedy import Done, Plan, RefusedError
from aurora_desktop.healing.yard import Yard

KIND = "missing_python_module"
INSTALL_TIMEOUT_S = 600.0
_LOOK_TIMEOUT_S = 20.0
_HAS_MODULE = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1].split('.')[0]) is None)"
_HAS_PACKAGE = "import importlib.metadata, sys; print('it is', importlib.metadata.version(sys.argv[1]))"
_VERSION = r"([A-Za-z0-9][\w.-]*?)-(\d[\w.!+]*)"

FAULT_KINDS = (
    FaultKind(
        name=KIND,
        title="Python module missing",
        sentence="{service}: the Python module {module} is not installed",
        next_step="Install what brings {module} into the Python that runs {service}, or correct the import in {file}"
        " line {line}",
        patterns=(
            r"ModuleNotFoundError: No module named '(?P<module>[^']{1,200})'",
            r"ImportError: No module named '?(?P<module>[\w.]{1,200})'?$",
            r"^\S*python[\w.]*(?:\.exe)?: No module named (?P<module>[\w.]{1,200})$",
            r"Error while finding module specification for '(?P<module>[^']{1,200})' \(ModuleNotFoundError",
        ),
        more=PLACES,
        hints=("no module named", "modulenotfounderror"),
        priority=80,
    ),
)


class Wanted(Struct, frozen=True):
    """What would be installed, with which Python; `requirement` has the version that the service asks for, if any."""

    module: str
    distribution: str
    requirement: str
    python: Python


class InstallPythonModule(Helping):
    """Offered only: code from the index runs with the service's rights, and a name may be somebody's trap."""

    name: ClassVar[str] = "install_python_module"
    kinds: ClassVar[tuple[str, ...]] = (KIND,)
    invasiveness: ClassVar[Invasiveness] = Invasiveness.INSTALL
    asks: ClassVar[bool] = True
    summary: ClassVar[str] = "Installs the module with pip into the Python that runs the service"
    verifies: ClassVar[str] = "that Python finds the module, and the service comes up and stays up"
    undoes: ClassVar[str] = "what was not there before is uninstalled, and what was replaced is put back"

    async def plan(self, fault: Fault, yard: Yard) -> Plan | None:
        name, _ = named(fault, yard)
        wanted = await _wanted(fault, yard)
        if (await yard.run(name, (*wanted.python.run, "-c", _HAS_PACKAGE, wanted.distribution), _LOOK_TIMEOUT_S)).ok:
            raise RefusedError(
                f"{wanted.distribution} is installed, and does not bring {wanted.module}",
                f"looked at with {typed(wanted.python.run)}",
                f"Another version may: {typed(wanted.python.install(wanted.distribution))} --upgrade",
            )
        named_by = (
            "its requirements.txt" if wanted.requirement != wanted.distribution else "no version of it is asked for"
        )
        return Plan(
            f"Install {wanted.requirement} for the module {wanted.module} into the Python of {name} ({named_by});"
            " look whether the name is the right one",
            wanted.python.install(wanted.requirement),
        )

    async def apply(self, fault: Fault, yard: Yard) -> Done:
        name, _ = named(fault, yard)
        wanted = await _wanted(fault, yard)
        command = wanted.python.install(wanted.requirement)
        ran = await yard.run(name, command, INSTALL_TIMEOUT_S)
        if not ran.ok:
            raise _not_installed(wanted, command, ran.output)
        yard.restart(name, f"{wanted.distribution} was installed")
        conflict = _conflict(ran.output)
        sentence = f"installed {wanted.requirement}" + (f"; a version conflict is left: {conflict}" if conflict else "")
        return Done(sentence, {"module": wanted.module, **_what_changed(ran.output, wanted.distribution)})

    async def verify(self, fault: Fault, done: Done, yard: Yard) -> bool:
        name, _ = named(fault, yard)
        python = await _interpreter(fault, yard)
        found = await yard.run(name, (*python.run, "-c", _HAS_MODULE, done.facts["module"]), _LOOK_TIMEOUT_S)
        return found.ok and await super().verify(fault, done, yard)

    async def undo(self, fault: Fault, done: Done, yard: Yard) -> None:
        name, _ = named(fault, yard)
        python = await _python(fault, yard)
        added = tuple(done.facts.get("added", "").split())
        commands = [python.uninstall(added)] if added else []
        commands += [python.install(old) for old in done.facts.get("replaced", "").split()]
        for command in commands:
            ran = await yard.run(name, command, INSTALL_TIMEOUT_S)
            if not ran.ok:
                raise AuroraError("The installation could not be undone", ending(ran.output), f"Run: {typed(command)}")


async def _wanted(fault: Fault, yard: Yard) -> Wanted:
    """What to install. Raises RefusedError where that is nothing from an index."""
    name, _ = named(fault, yard)
    module = fault.facts.get("module", "")
    if not is_module(module):
        raise RefusedError(f"{plain(module, 60)!r} is no name of a module", "nothing is installed by that name")
    top = module.split(".")[0]
    if is_of_python(module):
        raise RefusedError(
            f"{module} is a part of Python itself",
            f"the Python of {name} was built without it, or is of another version",
            f"Install the system's package for it (Debian: `sudo apt install python3-{top.lstrip('_')}`)"
            ", or use a complete Python",
        )
    folder = yard.folder(name)
    local = await asyncio.to_thread(local_copy, module, folder)
    if local is not None:
        raise RefusedError(
            f"{module} is the service's own and not found where it is run",
            f"it is there as {local}; nothing is installed from the network by its name",
            f"Set `cwd` of {name}, or PYTHONPATH in its `env`, to {local.parent}",
        )
    distribution = distribution_of(module)
    if distribution is None:
        raise RefusedError(f"Many packages share the name {top}", "", "Install the one that the import means by hand")
    requirement = await asyncio.to_thread(required_version, distribution, folder) or distribution
    return Wanted(module, distribution, requirement, await _python(fault, yard))


async def _interpreter(fault: Fault, yard: Yard) -> Python:
    """The service's Python. Raises RefusedError when its command does not tell."""
    name, spec = named(fault, yard)
    python = await asyncio.to_thread(python_of, spec, yard.folder(name), yard.environment(name))
    if python is None:
        raise RefusedError(
            f"The command of {name} does not tell which Python runs it",
            f"it starts with `{plain(spec.command[0])}`",
            "Install the module by hand, or name the interpreter in `command` (`.venv/bin/python -m …`)",
        )
    return python


async def _python(fault: Fault, yard: Yard) -> Python:
    """The service's Python, with a pip that works. Raises RefusedError when there is none."""
    name, _ = named(fault, yard)
    python = await _interpreter(fault, yard)
    if python.pip[1:] == ("-m", "pip") and not (await yard.run(name, (*python.pip, "--version"), _LOOK_TIMEOUT_S)).ok:
        return _with_uv(python, name, shutil.which("uv", path=yard.environment(name).get("PATH")))
    return python


def _with_uv(python: Python, name: str, uv: str | None) -> Python:
    """For an environment that uv made, which has no pip of its own."""
    if uv is None or len(python.run) != 1:
        raise RefusedError(
            f"The Python of {name} has no pip", typed(python.run), f"Add it: {typed((*python.run, '-m', 'ensurepip'))}"
        )
    return _UvPip(python.run, (uv, "pip"))


class _UvPip(Python, frozen=True):
    """uv's pip is told which Python is meant."""

    def install(self, requirement: str) -> tuple[str, ...]:
        return (*self.pip, "install", "--python", self.run[0], requirement)

    def uninstall(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return (*self.pip, "uninstall", "--python", self.run[0], *names)


def _what_changed(output: str, distribution: str) -> dict[str, str]:
    """What pip says that it added and replaced: as one word for each package."""
    replaced = {name: f"{name}=={version}" for name, version in re.findall(rf"Uninstalling {_VERSION}:", output)}
    said = re.findall(r"(?m)^Successfully installed (.+)$", output)
    added = [name for words in said for name, _ in re.findall(rf"(?:^|\s){_VERSION}(?=\s|$)", words)]
    added += re.findall(r"(?m)^ \+ (\S+)==", output)
    fresh = [name for name in added or [distribution] if name not in replaced and Path(name).name == name]
    return {"added": " ".join(fresh), "replaced": " ".join(replaced.values())}


def _conflict(output: str) -> str:
    found = [line for line in output.splitlines() if "but you" in line and ("requires" in line or "have" in line)]
    return plain(found[0]) if found else ""


def _not_installed(wanted: Wanted, command: tuple[str, ...], output: str) -> AuroraError:
    hint = f"Run it yourself to see all of it: {typed(command)}"
    if "externally-managed-environment" in output:
        hint = "This Python is the system's: make a venv for the service, and name its python in `command`"
    elif "No matching distribution" in output or "No solution found" in output:
        hint = f"No package {wanted.requirement} fits this Python: look up which one brings {wanted.module}"
    elif "ResolutionImpossible" in output or "conflict" in output:
        hint = "Its requirements contradict each other: change one of the versions named above"
    return AuroraError(f"{wanted.requirement} could not be installed", ending(output), hint)


REMEDIES = (InstallPythonModule(),)
