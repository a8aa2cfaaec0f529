"""A JavaScript package that is not there: offered to be installed where the service's package.json is."""

import asyncio
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

from msgspec import DecodeError, Struct, json

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.healing.faults import Fault, Invasiveness
from aurora_desktop.healing.remedies.builtin.common import Helping, ending, named, plain, typed
from aurora_desktop.healing.remedies.builtin.places import within
from aurora_desktop.healing.remedies.kinds import FaultKind
from aurora_desktop.healing.remedies.remedy import Done, Plan, RefusedError
from aurora_desktop.healing.yard import Yard

KIND = "missing_npm_package"
INSTALL_TIMEOUT_S = 600.0
_MOST_BYTES = 1_000_000
_NOT_LOCAL = r"(?![./\\]|[A-Za-z]:[\\/]|file:)"
_NAME = re.compile(r"(?:@[a-z0-9][a-z0-9._-]{0,99}/)?[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_LOCK_FILES = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lockb": "bun", "package-lock.json": "npm"}
# `node -p "require('module').builtinModules"` of Node.js 22, without those that begin with an underscore.
_BUILTIN = frozenset(
    [
        "assert",
        "async_hooks",
        "buffer",
        "child_process",
        "cluster",
        "console",
        "constants",
        "crypto",
        "dgram",
        "diagnostics_channel",
        "dns",
        "domain",
        "events",
        "fs",
        "http",
        "http2",
        "https",
        "inspector",
        "module",
        "net",
        "os",
        "path",
        "perf_hooks",
        "process",
        "punycode",
        "querystring",
        "readline",
        "repl",
        "sea",
        "sqlite",
        "stream",
        "string_decoder",
        "sys",
        "test",
        "timers",
        "tls",
        "trace_events",
        "tty",
        "url",
        "util",
        "v8",
        "vm",
        "wasi",
        "worker_threads",
        "zlib",
    ]
)

FAULT_KINDS = (
    FaultKind(
        name=KIND,
        title="npm package missing",
        sentence="{service}: the package {package} is not installed",
        next_step="Run `npm install {package}` in the folder with its package.json, or correct the import",
        patterns=(
            rf"Cannot find (?:module|package) '(?P<package>{_NOT_LOCAL}[^'\s]{{1,250}})'",
            rf"Can't resolve '(?P<package>{_NOT_LOCAL}[^'\s]{{1,250}})' in ",
            rf'Failed to resolve import "(?P<package>{_NOT_LOCAL}[^"\s]{{1,250}})" from',
            rf'Could not resolve "(?P<package>{_NOT_LOCAL}[^"\s]{{1,250}})"',
            rf"Cannot find module '(?P<package>{_NOT_LOCAL}[^'\s]{{1,250}})' or its corresponding type declarations",
        ),
        more=(r"^- (?P<file>/[^\s]{1,500})$",),
        hints=("cannot find", "resolve"),
        priority=80,
    ),
    FaultKind(
        name="missing_source_file",
        title="Source file missing",
        sentence="{service}: its own file {module} is not there",
        next_step="Look whether {module} was moved or renamed, or has yet to be built; imported by {file}",
        patterns=(
            (
                r"Cannot find module '(?P<module>(?:[./\\]|[A-Za-z]:[\\/]|file:)[^'\n]{0,500})'"
                r"(?: imported from (?P<file>\S{1,500}))?"
            ),
            r"Can't resolve '(?P<module>[./][^'\n]{0,500})' in '(?P<file>[^'\n]{1,500})'",
            r"can't open file '(?P<module>[^'\n]{1,500})': \[Errno 2\]",
        ),
        more=(r"^- (?P<file>/[^\s]{1,500})$",),
        hints=("cannot find", "resolve", "errno 2"),
        priority=80,
    ),
)


class Project(Struct, frozen=True):
    """The folder with package.json, the tool that its lock file names, and whether it declares the package."""

    folder: Path
    tool: str
    package: str
    declared: bool

    @property
    def command(self) -> tuple[str, ...]:
        if self.declared:
            return (self.tool, "install")
        return (self.tool, "install" if self.tool == "npm" else "add", self.package)

    @property
    def installed(self) -> Path:
        return self.folder / "node_modules" / self.package / "package.json"


class InstallNpmPackage(Helping):
    """Offered only: packages run their own scripts when they are installed."""

    name: ClassVar[str] = "install_npm_package"
    kinds: ClassVar[tuple[str, ...]] = (KIND,)
    invasiveness: ClassVar[Invasiveness] = Invasiveness.INSTALL
    asks: ClassVar[bool] = True
    summary: ClassVar[str] = "Installs the package with npm (yarn, pnpm, bun) where the service's package.json is"
    verifies: ClassVar[str] = "the package lies in node_modules, and the service comes up and stays up"
    undoes: ClassVar[str] = "the package is removed if it was not there, package.json and lock file are put back"

    async def plan(self, fault: Fault, yard: Yard) -> Plan | None:
        name, _ = named(fault, yard)
        project = await _project(fault, yard)
        what = f"what package.json of {name} declares" if project.declared else project.package
        return Plan(f"Install {what} in {project.folder} (missing: {project.package})", project.command)

    async def apply(self, fault: Fault, yard: Yard) -> Done:
        name, _ = named(fault, yard)
        project = await _project(fault, yard)
        was_there = project.installed.exists()
        kept = await asyncio.to_thread(_keep, project.folder)
        ran = await yard.run(name, project.command, INSTALL_TIMEOUT_S, in_folder=project.folder)
        if not ran.ok:
            await asyncio.to_thread(_put_back, project.folder, kept)
            raise _not_installed(project, ran.output)
        yard.restart(name, f"{project.package} was installed")
        facts = {"package": project.package, "folder": str(project.folder), "kept": str(kept), "tool": project.tool}
        return Done(f"ran {typed(project.command)}", {**facts, "was_there": "yes" if was_there else ""})

    async def verify(self, fault: Fault, done: Done, yard: Yard) -> bool:
        installed = Path(done.facts["folder"]) / "node_modules" / done.facts["package"] / "package.json"
        worked = await asyncio.to_thread(installed.is_file) and await super().verify(fault, done, yard)
        if worked:
            await asyncio.to_thread(shutil.rmtree, done.facts["kept"], ignore_errors=True)
        return worked

    async def undo(self, fault: Fault, done: Done, yard: Yard) -> None:
        name, _ = named(fault, yard)
        folder, package = Path(done.facts["folder"]), done.facts["package"]
        if not done.facts["was_there"]:
            verb = "uninstall" if done.facts["tool"] == "npm" else "remove"
            # With a package that is declared this is no more than an attempt: the files are put back below.
            await yard.run(name, (done.facts["tool"], verb, package), INSTALL_TIMEOUT_S, in_folder=folder)
        await asyncio.to_thread(_put_back, folder, Path(done.facts["kept"]))


async def _project(fault: Fault, yard: Yard) -> Project:
    """Where and what to install. Raises RefusedError where that is nothing from a registry."""
    name, spec = named(fault, yard)
    package = package_of(fault.facts.get("package", ""))
    if package is None:
        text = plain(fault.facts.get("package", ""), 60)
        raise RefusedError(f"{text!r} is no package of a registry", "nothing is installed by that name")
    folder = await asyncio.to_thread(_folder_with_package_json, spec, yard.folder(name))
    if folder is None:
        raise RefusedError(
            f"There is no package.json for {name}",
            f"looked for in {yard.folder(name)}",
            f"Set `cwd` of {name} to the folder of its package.json",
        )
    tool, declared = await asyncio.to_thread(_reading, folder, package)
    if shutil.which(tool, path=yard.environment(name).get("PATH")) is None:
        raise RefusedError(f"{tool} was not found", f"the lock file in {folder} asks for it", f"Install {tool}")
    return Project(folder, tool, package, declared)


def package_of(text: str) -> str | None:
    """The package that an import names (`@scope/name/sub` is `@scope/name`), or None for builtins and paths."""
    if text.startswith("node:") or not text.isascii():
        return None
    parts = text.split("/")
    package = "/".join(parts[: 2 if text.startswith("@") else 1])
    if not _NAME.fullmatch(package) or package in _BUILTIN or package in ("node_modules", "favicon.ico"):
        return None
    return package


def _folder_with_package_json(spec: Service, folder: Path) -> Path | None:
    """The service's folder, or that of its script below it, or what `--prefix` names."""
    candidates = [folder]
    for word in spec.command[1:]:
        path = None if word.startswith("-") else within(folder, word)
        if path is not None:
            candidates += [parent for parent in (path, *path.parents) if parent.is_relative_to(folder.resolve())]
    return next((place for place in candidates if (place / "package.json").is_file()), None)


def _reading(folder: Path, package: str) -> tuple[str, bool]:
    """The tool of the lock file, and whether package.json declares the package."""
    tool = next((tool for file, tool in _LOCK_FILES.items() if (folder / file).is_file()), "npm")
    try:
        found = json.decode((folder / "package.json").read_bytes()[:_MOST_BYTES])
    except (OSError, DecodeError, RecursionError):
        return tool, False
    groups = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
    tables = [found.get(group) for group in groups] if isinstance(found, dict) else []
    return tool, any(isinstance(table, dict) and package in table for table in tables)


def _kept_files() -> tuple[str, ...]:
    return ("package.json", *_LOCK_FILES)


def _keep(folder: Path) -> Path:
    """Copies of package.json and lock files, and so of which of them there are."""
    kept = Path(tempfile.mkdtemp(prefix="aurora-undo-"))
    for name in _kept_files():
        if (folder / name).is_file():
            shutil.copy2(folder / name, kept / name)
    return kept


def _put_back(folder: Path, kept: Path) -> None:
    for name in _kept_files():
        if (kept / name).is_file():
            shutil.copy2(kept / name, folder / f".{name}.aurora")
            os.replace(folder / f".{name}.aurora", folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
    shutil.rmtree(kept, ignore_errors=True)


def _not_installed(project: Project, output: str) -> AuroraError:
    hint = f"Run it yourself in {project.folder} to see all of it: {typed(project.command)}"
    if "ERESOLVE" in output:
        hint = "Versions contradict each other: change one of those named above in package.json"
    elif "E404" in output:
        hint = f"No registry has {project.package}: look whether the import is spelt right, or the package private"
    return AuroraError(f"{project.package} could not be installed", ending(output), hint)


REMEDIES = (InstallNpmPackage(),)
