"""`aurora doctor` looks at the door: open, with its port taken by another program, or not there at all."""

import errno
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from aurora_desktop.core.paths import StatePaths
from aurora_desktop.desktop import session
from aurora_desktop.desktop.doctor_door import local_api
from aurora_desktop.desktop.finding import Finding, Patient
from aurora_desktop.desktop.single_instance import InstanceLock


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that this program has."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def _kept() -> socket.socket:
    """A port that nobody listens on, and that is given to nobody else meanwhile."""
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(("127.0.0.1", 0))
    return kept


def _found(folder: Path, port: int = 0) -> Finding:
    (folder / "aurora.yaml").write_text(f"api: {{port: {port}}}\n")
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    (found,) = local_api(Patient(folder / "aurora.yaml", folder, environ, session.detect(environ)))
    return found


def _running(folder: Path, address: object, port: int = 0) -> Finding:
    StatePaths(folder).api_file.write_text(json.dumps(address))
    with InstanceLock(StatePaths(folder).lock):
        return _found(folder, port)


def test_a_free_port_is_well(tmp_path: Path) -> None:
    assert _found(tmp_path) == Finding("Local API", "ok", "takes a free port at the next start")


def test_a_port_that_this_program_has_is_told_with_its_name(tmp_path: Path, taken: int) -> None:
    found = _found(tmp_path, taken)
    assert found.status == "warning"
    assert f"(process {os.getpid()}) has 127.0.0.1:{taken}" in found.detail
    assert "api.port" in found.remedy


def test_a_port_that_nobody_has_is_free(tmp_path: Path, taken: int) -> None:
    with _kept() as kept:
        assert _found(tmp_path, kept.getsockname()[1]).status == "ok"


def test_an_open_door_is_told_with_its_ways(tmp_path: Path) -> None:
    found = _running(tmp_path, {"port": 4711, "pid": 1, "socket": "/run/api.sock"})
    assert found == Finding("Local API", "ok", "open on 127.0.0.1:4711 and /run/api.sock")


def test_a_running_aurora_without_its_port_is_a_warning(tmp_path: Path, taken: int) -> None:
    found = _running(tmp_path, {"port": None, "pid": 1, "socket": "/run/api.sock"}, taken)
    assert found.status == "warning"
    assert "the Unix socket serves alone: /run/api.sock" in found.detail


def test_a_port_that_is_free_again_is_told_as_such(tmp_path: Path) -> None:
    with _kept() as kept:
        found = _running(tmp_path, {"port": None, "pid": 1, "socket": ""}, kept.getsockname()[1])
    assert (found.status, "is free again" in found.detail) == ("warning", True)


def test_a_port_that_this_user_may_not_have_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    found = _found(tmp_path, 80)
    assert (found.status, found.detail) == ("warning", "127.0.0.1:80 cannot be had: Permission denied")


@pytest.mark.parametrize("address", [{}, [], 1])
def test_a_running_aurora_without_a_door_is_an_error(tmp_path: Path, address: object) -> None:
    assert _running(tmp_path, address).status == "error"
