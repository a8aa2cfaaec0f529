"""The token files and `api.json`."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from api.house import House
from aurora_desktop.api.files import remove_address, write_address
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.tokens import load_tokens


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    made = StatePaths(tmp_path / "state")
    made.make()
    return made


def test_a_symlinked_token_is_refused(paths: StatePaths, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("a" * 43)
    (paths.tokens / "operate").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AuroraError, match="cannot be trusted") as caught:
        load_tokens(paths)
    assert "symbolic link" in caught.value.detail


def test_a_dangling_symlink_is_refused_and_not_written_through(paths: StatePaths, tmp_path: Path) -> None:
    (paths.tokens / "read").symlink_to(tmp_path / "nowhere")
    with pytest.raises(AuroraError, match="cannot be trusted"):
        load_tokens(paths)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="owners by number are POSIX")
def test_a_token_of_another_user_is_refused(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    load_tokens(paths)
    monkeypatch.setattr(os, "geteuid", lambda: 1_234_567)
    with pytest.raises(AuroraError, match="cannot be trusted") as caught:
        load_tokens(paths)
    assert "belongs to the user" in caught.value.detail


@pytest.mark.skipif(sys.platform == "win32", reason="no fifos in folders on Windows")
def test_a_fifo_in_place_of_a_token_is_refused_without_hanging(paths: StatePaths) -> None:
    os.mkfifo(paths.tokens / "read", 0o600)
    with pytest.raises(AuroraError, match="cannot be trusted"):
        load_tokens(paths)


def test_a_folder_in_place_of_a_token_is_refused(paths: StatePaths) -> None:
    (paths.tokens / "read").mkdir()
    with pytest.raises(AuroraError):
        load_tokens(paths)


@pytest.mark.parametrize("content", ["", "short", "é" * 43])
def test_a_token_that_was_cut_short_is_replaced(paths: StatePaths, content: str) -> None:
    (paths.tokens / "read").write_text(content)
    (paths.tokens / "read").chmod(0o600)
    assert len(load_tokens(paths)["read"]) == 43


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_a_token_that_others_could_read_is_replaced(paths: StatePaths) -> None:
    exposed = load_tokens(paths)["read"]
    (paths.tokens / "read").chmod(0o644)
    assert load_tokens(paths)["read"] != exposed
    assert stat.S_IMODE((paths.tokens / "read").stat().st_mode) == 0o600


def test_tokens_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    with pytest.raises(AuroraError, match="cannot be read or written"):
        load_tokens(StatePaths(tmp_path / "state"))


def test_the_address_replaces_a_symlink_instead_of_following_it(paths: StatePaths, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    paths.api_file.symlink_to(tmp_path / "victim")
    write_address(paths, 1234)
    assert (tmp_path / "victim").read_text() == "mine"
    assert json.loads(paths.api_file.read_text()) == {"port": 1234, "pid": os.getpid()}


def test_an_address_that_cannot_be_written_is_told_and_leaves_no_draft(paths: StatePaths) -> None:
    paths.api_file.mkdir()
    with pytest.raises(AuroraError, match="address of the local API"):
        write_address(paths, 1234)
    assert sorted(p.name for p in paths.root.iterdir()) == ["api.json", "logs", "tasks", "tokens"]


def test_the_address_of_another_is_left_alone(paths: StatePaths) -> None:
    paths.api_file.write_text(json.dumps({"port": 1, "pid": os.getpid() + 1}))
    remove_address(paths)
    assert paths.api_file.exists()


def test_closing_takes_the_address_away(house: House) -> None:
    socket_path = house.paths.root / "run" / "api.sock"
    told = {"port": house.port, "pid": os.getpid(), "socket": str(socket_path)}
    assert json.loads(house.paths.api_file.read_text()) == told
    house.close()
    assert not house.paths.api_file.exists()
    assert not socket_path.exists()


def test_a_chosen_port_is_taken_again_at_once(tmp_path: Path) -> None:
    first = House(tmp_path).open()
    assert first.ask("GET", "/v1/status")[0] == 200
    first.close()
    second = House(tmp_path).open(first.port)
    second.close()
    assert second.port == first.port


def test_a_door_that_cannot_tell_its_address_closes_again(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.paths.api_file.mkdir()
    with pytest.raises(AuroraError, match="address of the local API"):
        house.open()


def test_it_listens_on_loopback_alone(house: House) -> None:
    with house.connect() as connection:
        assert connection.getpeername()[0] == "127.0.0.1"
    listening = Path("/proc/net/tcp")
    if listening.exists():
        lines = [line.split() for line in listening.read_text().splitlines()[1:]]
        ours = [line[1] for line in lines if line[3] == "0A" and line[1].endswith(f":{house.port:04X}")]
        assert ours == [f"0100007F:{house.port:04X}"]
