"""How Aurora is started again by somebody else: the absolute command line, and files written whole."""

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.atomic import replace_content


def aurora_command(config: Path | None, state_dir: Path | None, *arguments: str) -> tuple[str, ...]:
    """`aurora ... run ...` by absolute paths. Raises AuroraError when the command cannot be found."""
    options: list[str] = []
    if config is not None:
        options += ["--config", str(config.absolute())]
    if state_dir is not None:
        options += ["--state-dir", str(state_dir.absolute())]
    return (_program(), *options, "run", *arguments)


def check_replaceable() -> None:
    """Raises AuroraError where the program could not begin anew: better before everything is closed for it."""
    if not os.access(sys.executable, os.X_OK):
        raise AuroraError(
            "Aurora cannot start anew",
            f"{sys.executable} is not there any more, or may not be run",
            "Mend the installation first, or end Aurora by `aurora quit` and start it again",
        )


def replace_program(own: Mapping[str, str]) -> NoReturn:
    """Begin anew, as this process was begun; everything must be closed. Does not return; raises AuroraError.

    The process stays the same, and so does the unit that systemd knows it as; `own` are the variables that were taken
    out of the environment for it. Windows has no exec: there a new process follows.
    """
    os.environ.update(own)
    logging.shutdown()
    command = [sys.executable, *sys.orig_argv[1:]]
    try:
        if sys.platform == "win32":
            subprocess.Popen(command)
            sys.exit(0)
        os.execv(sys.executable, command)  # noqa: S606 - the same program, without a shell by design
    except OSError as error:
        raise AuroraError(
            "Aurora could not start anew",
            f"{sys.executable}: {error.strerror or error}",
            "Its services run on: start it with `aurora run`, and it takes them over",
        ) from error


def through_shell(command: tuple[str, ...]) -> tuple[str, ...]:
    """The same command by way of a shell, for readers that do not take every path as a program."""
    return ("/bin/sh", "-c", 'exec "$0" "$@"', *command)


def write_whole(path: Path, content: str) -> None:
    """Replace the file in one step, so that nobody reads half of it. Raises AuroraError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_content(path, content.encode())
    except OSError as error:
        raise cannot("written", path, error) from error


def remove(path: Path) -> None:
    """Remove the file if it is there. Raises AuroraError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot("removed", path, error) from error


def cannot(done: str, path: Path, error: OSError) -> AuroraError:
    return AuroraError(
        "Autostart could not be changed",
        f"{path} cannot be {done}: {error.strerror or error}",
        f"Give this user write access to {path.parent}",
    )


def _program() -> str:
    # On Windows the windowed twin of the command opens no console at login.
    names = ("aurora-desktop.exe", "aurora.exe") if sys.platform == "win32" else ("aurora",)
    beside = Path(sys.executable).absolute().parent
    for name in names:
        if (beside / name).is_file():
            return str(beside / name)
        if found := shutil.which(name):
            return str(Path(found).absolute())
    raise AuroraError(
        "The `aurora` command was not found",
        f"looked beside {sys.executable} and along PATH",
        "Install Aurora (`make setup`) and run it from there",
    )
