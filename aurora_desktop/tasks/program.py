"""Where the program of an agent is, as its worker would find it, and what it looks like from outside.

All functions block: call them in a thread.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.schema_tasks import CliAgent
from aurora_desktop.core.settings.values import Command
from aurora_desktop.supervisor.processes import PROBE_MARKER
from aurora_desktop.supervisor.spawn import Launch, environment, resolved, working_folder

_INSTALL = {
    "claude": "Install Claude Code: npm install -g @anthropic-ai/claude-code",
    "codex": "Install Codex: npm install -g @openai/codex",
}
_CONFIGURE = "Correct `command` in `tasks.agents.{name}`, or install the program or set PATH in its `env`."


class Fingerprint(NamedTuple):
    """A file that was not changed: the same path, time of its last change and size in bytes."""

    path: str
    mtime_ns: int
    size: int


class Found(NamedTuple):
    """The program with its first arguments, the marks of it and its interpreter; `refusal`: why it cannot be run."""

    argv: tuple[str, ...]
    marks: tuple[Fingerprint, ...] = ()
    refusal: str = ""
    hint: str = ""


def surroundings(name: str, agent: CliAgent, own: Mapping[str, str], cwd: str | None) -> tuple[Mapping[str, str], Path]:
    """The environment and the folder that its program would have as a child of a worker. Raises AuroraError.

    Where the folder is missing (it is a task's, in the end) the home folder stands in for it.
    """
    spec = Service(
        command=Command(agent.program),
        cwd=cwd or agent.cwd,
        env=agent.env,
        env_file=agent.env_file,
        pass_environment=agent.pass_environment,
    )
    launch = Launch(name=name, marker=PROBE_MARKER, state_digest="", notify_socket="", log_path=Path(os.devnull))
    folder = working_folder(spec)
    return environment(spec, launch, own), folder if folder.is_dir() else Path.home()


def find(name: str, agent: CliAgent, env: Mapping[str, str], folder: Path) -> Found:
    """Look where the program is; of its arguments those that hold the prompt are left out."""
    words = [word for word in agent.program if "{prompt" not in word]
    argv = tuple(resolved(words or list(agent.program[:1]), folder, env))
    path = argv[0]
    try:
        mark = _fingerprint(path)
    except OSError:
        return Found(argv, (), f"command not found: {agent.program[0]}", remedy(name, agent))
    if os.path.isdir(path):
        return Found(argv, (mark,), f"a folder, not a program: {path}", remedy(name, agent))
    if not os.access(path, os.X_OK):
        return Found(argv, (mark,), f"not executable: {path}", f"Make it executable: chmod +x {path}")
    return Found(argv, (mark, *_interpreter(path, env)))


def remedy(name: str, agent: CliAgent) -> str:
    """How to come by the program."""
    if agent.command is None and agent.kind in _INSTALL:
        return f"{_INSTALL[agent.kind]} (it must be in the PATH of your login shell)."
    return _CONFIGURE.format(name=name)


def _fingerprint(path: str) -> Fingerprint:
    """Raises OSError."""
    status = os.stat(path)
    return Fingerprint(os.path.realpath(path), status.st_mtime_ns, status.st_size)


def _interpreter(path: str, env: Mapping[str, str]) -> tuple[Fingerprint, ...]:
    """What the first line of a script names: an agent in JavaScript is another one with another Node.js."""
    try:
        with open(path, "rb") as file:
            first = file.readline(256)
    except OSError:
        return ()
    words = os.fsdecode(first[2:]).split() if first.startswith(b"#!") else []
    if words and os.path.basename(words[0]) == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    program = shutil.which(words[0], path=env.get("PATH", os.defpath)) if words else None
    return (_fingerprint(program),) if program else ()
