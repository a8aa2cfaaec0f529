"""The PATH of a login shell, which programs started from a tray or at login do not get."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping
from typing import IO

if sys.platform != "win32":
    import pwd


def needs_login_path(environ: Mapping[str, str], *, has_terminal: bool | None = None) -> bool:
    """Whether no shell is behind us: started by the desktop, systemd or autostart."""
    if sys.platform == "win32":
        return False
    if has_terminal is None:
        has_terminal = any(_is_terminal(fd) for fd in (0, 1, 2))
    return "SHLVL" not in environ and not has_terminal


def login_shell_path(timeout_s: float = 3, environ: Mapping[str, str] = os.environ) -> str | None:
    """Ask the user's shell, as a login and interactive one; None when it does not tell in time.

    What the profile prints is ignored, for the answer stands between two markers.
    """
    shell = _shell(environ)
    if not shell:
        return None
    marker = f"aurora-{uuid.uuid4().hex}"
    # A file, not a pipe: a daemon started by the profile would keep a pipe open.
    with tempfile.TemporaryFile() as answer:
        if not _run([shell, "-ilc", f"echo {marker}; printenv PATH; echo {marker}"], answer, timeout_s, environ):
            return None
        answer.seek(0)
        return _between(os.fsdecode(answer.read()), marker)


def _is_terminal(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False


def _shell(environ: Mapping[str, str]) -> str:
    if sys.platform == "win32":
        return ""
    else:  # noqa: RET505 - mypy skips the rest of the function on Windows only within a branch
        try:
            return environ.get("SHELL") or pwd.getpwuid(os.getuid()).pw_shell
        except KeyError:
            return ""


def _run(command: list[str], answer: IO[bytes], timeout_s: float, environ: Mapping[str, str]) -> bool:
    quiet = subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            command, stdin=quiet, stdout=answer, stderr=quiet, env=dict(environ), start_new_session=True
        )
    except OSError:
        return False
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        _kill_group(process)
        return False
    return True


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _between(text: str, marker: str) -> str | None:
    parts = text.split(f"{marker}\n")
    return parts[1].strip("\n") or None if len(parts) >= 3 else None
