"""A successor in the same process: begun as this one was, with what systemd gave to it alone."""

import logging
import os
import sys
from pathlib import Path

import pytest

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.desktop.launch import replace_program


@pytest.fixture(autouse=True)
def _keeps_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "shutdown", lambda: None)  # pytest's own handlers live on


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no exec")
def test_an_interpreter_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    with pytest.raises(AuroraError, match="could not start anew") as told:
        replace_program({})
    assert "takes them over" in told.value.hint


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no exec")
def test_the_arguments_and_the_environment_are_those_of_the_first_start(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[str, list[str], str | None]] = []

    def execv(path: str, command: list[str]) -> None:
        begun.append((path, command, os.environ.get("NOTIFY_SOCKET")))
        raise OSError("not in a test")

    monkeypatch.setattr(os, "execv", execv)
    monkeypatch.setattr(sys, "orig_argv", ["python", "-X", "utf8", "/bin/aurora", "run", "--headless"])
    monkeypatch.setenv("NOTIFY_SOCKET", "")
    with pytest.raises(AuroraError):
        replace_program({"NOTIFY_SOCKET": "/run/x"})
    assert begun == [(sys.executable, [sys.executable, "-X", "utf8", "/bin/aurora", "run", "--headless"], "/run/x")]
