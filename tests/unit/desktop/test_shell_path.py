"""The PATH of a login shell: real shells, and programs that pretend to be one."""

import os
import shutil
from pathlib import Path

import pytest

from aurora_desktop.desktop.shell_path import login_shell_path, needs_login_path


def pretend_shell(folder: Path, body: str) -> dict[str, str]:
    """A shell that runs `body`, in which `$2` is the command it was given."""
    shell = folder / "shell"
    shell.write_text(f"#!/bin/sh\n{body}\n")
    shell.chmod(0o755)
    return {"SHELL": str(shell), "PATH": "/usr/bin:/bin"}


@pytest.mark.parametrize("name", [name for name in ("sh", "bash", "zsh", "fish") if shutil.which(name)])
def test_profile_of_a_real_shell_decides(name: str, tmp_path: Path) -> None:
    for profile in (".profile", ".zprofile"):
        (tmp_path / profile).write_text('echo noise; PATH="/opt/mine:$PATH"; export PATH\n')
    shell = shutil.which(name)
    assert shell is not None
    path = login_shell_path(10, {"SHELL": shell, "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    assert path is not None
    assert "/usr/bin" in path.split(":")
    assert name == "fish" or path.split(":")[0] == "/opt/mine"


def test_noise_of_the_profile_is_ignored(tmp_path: Path) -> None:
    environ = pretend_shell(tmp_path, 'echo PATH=/wrong; printf "no newline\\n"; eval "$2"; echo bye')
    assert login_shell_path(10, environ) == "/usr/bin:/bin"


def test_shell_that_asks_gets_no_answer(tmp_path: Path) -> None:
    environ = pretend_shell(tmp_path, 'read answer; eval "$2"')
    assert login_shell_path(10, environ) == "/usr/bin:/bin"


def test_daemon_of_the_profile_does_not_hold_us_up(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    environ = pretend_shell(tmp_path, f'sleep 600 & echo $! > {pid_file}; eval "$2"')
    try:
        assert login_shell_path(10, environ) == "/usr/bin:/bin"
    finally:
        os.kill(int(pid_file.read_text()), 9)


def test_shell_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # Reading ends once nobody holds the other end: so once the shell and its child are dead.
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    environ = pretend_shell(tmp_path, f"exec 3>{fifo}; sleep 600 & wait")
    assert login_shell_path(0.3, environ) is None
    os.set_blocking(reader, True)
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_shell_that_logs_nobody_in_has_no_path(tmp_path: Path) -> None:
    assert login_shell_path(10, pretend_shell(tmp_path, "echo This account is not available; exit 1")) is None


def test_shell_that_is_not_there_has_no_path() -> None:
    assert login_shell_path(10, {"SHELL": "/nonexistent/shell"}) is None


@pytest.mark.parametrize(
    ("environ", "has_terminal", "needed"),
    [({}, False, True), ({"SHLVL": "1"}, False, False), ({}, True, False)],
)
def test_only_programs_without_a_shell_behind_them_ask(
    environ: dict[str, str], has_terminal: bool, needed: bool
) -> None:
    assert needs_login_path(environ, has_terminal=has_terminal) is needed
