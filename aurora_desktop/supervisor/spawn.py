"""Starting a program the way a supervised service is started, and saying in words why it could not be."""

import errno
import os
import shutil
import signal as signals
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from aurora_desktop.core.errors import PASSING_ERRORS, AuroraError
from aurora_desktop.core.settings.env_file import read_env_file
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.values import Environment
from aurora_desktop.supervisor.exits import owned
from aurora_desktop.supervisor.processes import SERVICE_MARKER, SPAWN_MARKER, STATE_MARKER
from aurora_desktop.supervisor.variables import passed_on
from aurora_desktop.supervisor.windows_job import put_in_job


class SpawnError(AuroraError):
    """The program could not be started; `permanent` when only a change of the settings or the machine helps."""

    def __init__(self, title: str, detail: str = "", hint: str = "", *, permanent: bool = True) -> None:
        super().__init__(title, detail, hint)
        self.permanent = permanent


class Launch(Struct, frozen=True, kw_only=True):
    """Everything that starting one service needs besides its definition."""

    name: str
    marker: str
    state_digest: str
    notify_socket: str
    log_path: Path
    most_files: bool = False
    """As many open files as the system allows at all, instead of as many as Aurora itself may open."""


def working_folder(spec: Service) -> Path:
    """The service's `cwd`, `~` expanded; the home folder when none is set. Raises SpawnError for no such home."""
    return _expanded(spec.cwd or "~")


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise SpawnError(f"no home folder is known for {path}", hint="Write the whole path.") from error


def environment(spec: Service, launch: Launch, own: Mapping[str, str]) -> dict[str, str]:
    """The child's environment. Raises SpawnError when `env_file` cannot be read."""
    env = passed_on(own, spec.pass_environment)
    if spec.env_file:
        env.update(_read_env_file(spec))
    env.update(spec.env)
    env[SPAWN_MARKER] = launch.marker
    env[STATE_MARKER] = launch.state_digest
    env[SERVICE_MARKER] = launch.name
    if spec.type == "notify" or spec.watchdog_sec is not None:
        env["NOTIFY_SOCKET"] = launch.notify_socket
    if spec.watchdog_sec is not None:
        env["WATCHDOG_USEC"] = str(int(spec.watchdog_sec * 1_000_000))
    return env


def secrets(spec: Service) -> Environment:
    """What the settings and the `env_file` give the service, to be masked in what it printed; blocks on the disk.

    A file that cannot be read now hides nothing: the service was not started with it either, or will tell why not.
    """
    found: dict[str, str] = {}
    if spec.env_file:
        with suppress(SpawnError):
            found = _read_env_file(spec)
    return Environment({**found, **spec.env})


def _read_env_file(spec: Service) -> dict[str, str]:
    path = working_folder(spec) / _expanded(spec.env_file or "")
    if not os.path.lexists(path) and os.access(path.parent, os.X_OK):
        raise SpawnError(f"env_file does not exist: {path}", hint="Correct `env_file` or make the file.")
    try:
        return read_env_file(path)
    except AuroraError as error:
        raise SpawnError(
            f"env_file cannot be used: {error.detail}", hint="Correct or make the file, or `env_file` in the settings."
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise SpawnError(
            f"env_file cannot be read: {path}: {reason}", hint="Correct `env_file` or make the file."
        ) from error


def spawn(spec: Service, launch: Launch, own: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start the program in a session of its own, its output appended to its log file by itself.

    Raises SpawnError in words that name the command, the folder or the log, whichever was at fault.
    """
    folder = working_folder(spec)
    env = environment(spec, launch, own)
    log_fd = _open_log(launch.log_path)
    try:
        with _file_limit(raised=launch.most_files):
            child = subprocess.Popen(  # its lifetime is the supervisor's matter, not a `with` block's
                resolved(spec.command, folder, env),
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log_fd,
                stderr=log_fd,
                start_new_session=sys.platform != "win32",
                creationflags=0x00000200 if sys.platform == "win32" else 0,  # CREATE_NEW_PROCESS_GROUP
            )
    except OSError as error:
        raise explained(error, spec.command[0], folder, env) from error
    except ValueError as error:
        raise SpawnError(f"cannot be started: {error}", hint="Correct its settings.") from error
    finally:
        os.close(log_fd)
    owned.add(child.pid)
    put_in_job(launch.marker, child.pid)
    return child


@contextmanager
def _file_limit(*, raised: bool) -> Iterator[None]:
    """What is started inside inherits the hard limit of open files as its soft one.

    Our own is raised for that moment: `preexec_fn` would cost the vfork, and is not safe beside threads.
    """
    if not raised or sys.platform == "win32":
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def highest_file_limit() -> int | None:
    """As many open files as the system allows a service, or None where that is no more than it has anyway."""
    if sys.platform == "win32":
        return None
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY in (soft, hard) or soft >= hard:
        return None
    return hard


def resolved(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> list[str]:
    """The program looked up in the *service's* PATH, relative paths from its folder, as a shell there would."""
    program, *arguments = command
    if os.path.dirname(program):
        return [str(folder / _expanded(program)), *arguments]
    return [shutil.which(program, path=env.get("PATH", os.defpath)) or program, *arguments]


def _open_log(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError:
        # A log that cannot be opened (read-only or full disk) is no reason to leave a service down.
        pass
    try:
        return os.open(os.devnull, os.O_WRONLY)
    except OSError as error:
        raise SpawnError(f"cannot be started now: {error.strerror}", permanent=False) from error


def explained(error: OSError, program: str, folder: Path, env: Mapping[str, str]) -> SpawnError:
    """Why `program` could not be started in `folder`, with what mends it."""
    if not os.path.isdir(folder):
        return SpawnError(
            f"its folder does not exist: {folder}", hint="Correct `cwd` in the settings or make the folder."
        )
    if error.errno in PASSING_ERRORS:
        return SpawnError(f"cannot be started now: {error.strerror}", permanent=False)
    if error.errno == errno.ENOENT:
        found = shutil.which(program, path=env.get("PATH", os.defpath)) or os.path.exists(folder / program)
        if found:
            return SpawnError(
                f"its interpreter was not found: {program}", hint="Look at the first line (#!) of the program."
            )
        return SpawnError(
            f"command not found: {program}", hint="Correct `command`, or install the program or set PATH in `env`."
        )
    if error.errno == errno.EACCES and os.path.isdir(folder / program):
        return SpawnError(f"a folder, not a program: {program}", hint="Correct `command` in the settings.")
    if error.errno == errno.EACCES:
        return SpawnError(f"not executable: {program}", hint=f"Make it executable: chmod +x {program}")
    if error.errno == errno.ENOEXEC:
        return SpawnError(
            f"not a program: {program}", hint="Give it a first line like `#!/bin/sh`, or name its interpreter."
        )
    return SpawnError(
        f"cannot be started: {program}: {error.strerror or error}", hint="Correct `command` in the settings."
    )


def signal_number(name: str) -> int:
    """The number of a signal by name; on Windows, which has few, every one of them ends the process."""
    return int(getattr(signals, name, signals.SIGTERM))
