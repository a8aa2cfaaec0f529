"""Which Python runs a service, and how a package gets into exactly that one."""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from aurora_desktop.core.settings.schema import Service

_PYTHON = re.compile(r"python(?:\d+(?:\.\d+)*)?(?:\.exe)?|pypy\d*")
_SHEBANG_BYTES = 512


class Python(Struct, frozen=True):
    """`run` starts the interpreter of the service; `pip` is what `install NAME` and `uninstall -y NAME` follow."""

    run: tuple[str, ...]
    pip: tuple[str, ...]

    def install(self, requirement: str) -> tuple[str, ...]:
        return (*self.pip, "install", requirement)

    def uninstall(self, names: tuple[str, ...]) -> tuple[str, ...]:
        # `uv pip` never asks, and does not know `-y`.
        yes = () if os.path.basename(self.pip[0]) == "uv" else ("-y",)
        return (*self.pip, "uninstall", *yes, *names)


def python_of(spec: Service, folder: Path, environment: Mapping[str, str]) -> Python | None:
    """The Python that runs the service's command, or None when the command does not tell. Reads files."""
    words = _without_env(list(spec.command))
    if not words:
        return None
    program = os.path.basename(words[0])
    if program == "uv" and "run" in words[1:3]:
        return Python((words[0], "run", "--no-sync", "python"), (words[0], "pip"))
    if program in ("poetry", "pdm", "pipenv", "hatch") and words[1:2] == ["run"]:
        python = (words[0], "run", "python")
        return Python(python, (*python, "-m", "pip"))
    path = _found(words[0], folder, environment)
    if path is None:
        return None
    if _PYTHON.fullmatch(program):
        return _plain(path)
    named = _shebang(Path(path))
    return _from_shebang(named, folder, environment) if named else None


def _plain(python: str) -> Python:
    return Python((python,), (python, "-m", "pip"))


def _without_env(words: list[str]) -> list[str]:
    """The command without a leading `env NAME=value`, `nice`, `exec` and the like."""
    while words and os.path.basename(words[0]) in ("env", "nice", "nohup", "exec", "setsid", "stdbuf"):
        words = words[1:]
        while words and (words[0].startswith("-") or "=" in words[0]):
            words = words[1:]
    return words


def _found(program: str, folder: Path, environment: Mapping[str, str]) -> str | None:
    """As the service's start looks it up; links are not followed: a venv's `python` is one."""
    if os.path.dirname(program):
        path = folder / Path(os.path.expanduser(program))
        return str(path) if path.is_file() else None
    return shutil.which(program, path=environment.get("PATH", os.defpath))


def _shebang(path: Path) -> list[str]:
    try:
        with path.open("rb") as script:
            first = script.read(_SHEBANG_BYTES).splitlines()[:1]
    except OSError:
        return []
    if not first or not first[0].startswith(b"#!"):
        return []
    return first[0][2:].decode(errors="replace").split()


def _from_shebang(words: list[str], folder: Path, environment: Mapping[str, str]) -> Python | None:
    words = _without_env(words)
    if not words or not _PYTHON.fullmatch(os.path.basename(words[0])):
        return None
    path = _found(words[0], folder, environment)
    return _plain(path) if path is not None else None
