"""The Unix socket beside the port."""

import json
import os
import socket
import stat
import sys
from pathlib import Path

import pytest

from api.house import PATIENCE_S, House, read_all, view
from aurora_desktop.api import unix_socket
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows serves the port alone")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A runtime folder of which the path is short."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def _path(house: House) -> str:
    return str(json.loads(house.paths.api_file.read_text())["socket"])


def _ask(house: House, path: str = "/v1/services", host: str = "localhost", token: str | None = None) -> bytes:
    token = house.token("read") if token is None else token
    head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE_S)
        connection.connect(_path(house))
        connection.sendall(head.encode())
        return read_all(connection)


def test_it_answers_as_the_port_does(house: House) -> None:
    head, _, body = _ask(house).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert [row["name"] for row in json.loads(body)] == ["web", "db"]


@pytest.mark.parametrize("token", ["", "wrong"])
def test_it_asks_for_a_token_too(house: House, token: str) -> None:
    assert _ask(house, token=token).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1", b"200"), ("evil.example", b"403"), ("", b"403")])
def test_it_knows_its_names(house: House, host: str, status: bytes) -> None:
    assert _ask(house, host=host).split()[1] == status


def test_the_names_of_the_socket_do_not_open_the_port(house: House) -> None:
    assert house.ask("GET", "/v1/status", Host="localhost")[0] == 403


def test_no_other_user_can_come_near(house: House) -> None:
    path = Path(_path(house))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_a_killed_one_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "run" / "api.sock"))
    house = House(tmp_path, view("web")).open()
    try:
        assert _ask(house).startswith(b"HTTP/1.1 200 ")
    finally:
        house.close()


def test_a_path_that_is_too_long_gives_way_to_the_runtime_folder(short: Path) -> None:
    house = House(short / ("long" * 30), view("web")).open()
    try:
        assert Path(_path(house)).parent == short / f"aurora-desktop-{house.paths.digest}"
        assert _ask(house).startswith(b"HTTP/1.1 200 ")
    finally:
        house.close()


def test_without_any_short_path_the_port_serves_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(unix_socket, "LONGEST_PATH", 5)
    house = House(tmp_path).open()
    try:
        assert "socket" not in json.loads(house.paths.api_file.read_text())
        assert house.ask("GET", "/v1/status")[0] == 200
        assert "cannot open its Unix socket" in caplog.text
    finally:
        house.close()


def _paths(root: Path) -> StatePaths:
    paths = StatePaths(root)
    paths.make()
    return paths


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_folder_that_somebody_else_prepared_is_refused(tmp_path: Path, kind: str) -> None:
    paths = _paths(tmp_path / "state")
    (tmp_path / "theirs").mkdir()
    if kind == "file":
        (paths.root / "run").write_text("")
    else:
        (paths.root / "run").symlink_to(tmp_path / "theirs")
    with pytest.raises(AuroraError, match="cannot open its Unix socket"):
        unix_socket.listen(paths)
    assert list((tmp_path / "theirs").iterdir()) == []


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = _paths(tmp_path)
    (paths.root / "run").mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 1_234_567)
    with pytest.raises(AuroraError, match="cannot open its Unix socket") as caught:
        unix_socket.listen(paths)
    assert "not a folder of this user" in caught.value.detail


def test_a_folder_that_is_too_open_is_closed(tmp_path: Path) -> None:
    paths = _paths(tmp_path)
    (paths.root / "run").mkdir()
    (paths.root / "run").chmod(0o777)
    listener = unix_socket.listen(paths)
    assert listener is not None
    unix_socket.remove(listener)
    listener.close()
    assert stat.S_IMODE((paths.root / "run").stat().st_mode) == 0o700
    assert list((paths.root / "run").iterdir()) == []


def test_what_is_no_socket_is_not_taken_away(tmp_path: Path) -> None:
    paths = _paths(tmp_path)
    (paths.root / "run").mkdir(mode=0o700)
    (paths.root / "run" / "api.sock").write_text("mine")
    with pytest.raises(AuroraError, match="cannot open its Unix socket"):
        unix_socket.listen(paths)
    assert (paths.root / "run" / "api.sock").read_text() == "mine"
