"""The command line itself: usage, places, errors and exit codes."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import pytest
from api.house import House

from aurora_desktop import __version__
from aurora_desktop.cli import parser
from aurora_desktop.cli.call import RunOptions
from aurora_desktop.cli.client import Client
from aurora_desktop.cli.main import main
from aurora_desktop.core import paths


def _refuse(_: RunOptions) -> int:
    raise AssertionError("only `aurora run` runs the program")


def test_bare_it_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], run=_refuse) == 0
    assert capsys.readouterr().out.startswith("usage: aurora ")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"], run=_refuse) == 0
    assert capsys.readouterr().out == f"aurora {__version__}\n"


@pytest.mark.parametrize(
    "argv",
    [
        ["explode"],
        ["start"],
        ["ps", "--jsn"],
        ["logs"],
        ["logs", "web", "-n", "-1"],
        ["events", "--since", "abc"],
        ["events", "--limit", "0"],
        ["start", "web", "--timeout", "0"],
        ["start", "web", "--timeout", "nan"],
        ["autostart"],
        ["autostart", "maybe"],
        ["input"],
        ["input", "submit"],
        ["input", "arm"],
        ["input", "history", "-n", "51"],
        ["estop", "now"],
    ],
)
def test_wrong_usage_is_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv, run=_refuse) == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["arm"], ["reset"], ["input", "arm"], ["input", "reset"]])
def test_no_command_arms_or_resets_and_it_says_why(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv, run=_refuse) == 2
    told = capsys.readouterr().err
    assert "what a script can do, an agent can do too" in told
    assert "hold Ctrl+Shift+A to arm" in told


def test_every_command_can_be_performed() -> None:
    for argv in (
        ["status"], ["ps"], ["logs", "x"], ["events"], ["start", "x"], ["stop", "x"], ["restart", "x"],
        ["pause"], ["resume"], ["quit"], ["check"], ["doctor"], ["autostart", "status"], ["estop"], ["disarm"],
        ["input", "submit", "-"], ["input", "status"], ["input", "history"], ["input", "cancel", "x"],
    ):  # fmt: skip
        assert callable(parser.build().parse_args(argv).perform())


def test_run_is_handed_the_places_and_its_exit_code_back(tmp_path: Path) -> None:
    given: list[RunOptions] = []

    def run(options: RunOptions) -> int:
        given.append(options)
        return 7

    argv = ["--config", str(tmp_path / "a.yaml"), "--state-dir", str(tmp_path / "s"), "run", "--headless"]
    assert main(argv, run=run) == 7
    assert given == [RunOptions(tmp_path / "a.yaml", tmp_path / "s", headless=True, hidden=False)]


def test_places_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURORA_CONFIG", str(tmp_path / "a.yaml"))
    monkeypatch.setenv("AURORA_STATE_DIR", "relative")
    monkeypatch.chdir(tmp_path)
    given: list[RunOptions] = []
    main(["run", "--hidden"], run=lambda options: given.append(options) or 0)
    assert given == [RunOptions(tmp_path / "a.yaml", tmp_path / "relative", headless=False, hidden=True)]


def test_places_of_the_platform_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AURORA_CONFIG", raising=False)
    monkeypatch.delenv("AURORA_STATE_DIR", raising=False)
    given: list[RunOptions] = []
    main(["run"], run=lambda options: given.append(options) or 0)
    assert given == [RunOptions(paths.default_config_file(), paths.default_state_dir())]


@pytest.mark.parametrize(
    "argv",
    [
        ["ps"],
        ["status", "--json"],
        ["start", "x"],
        ["events", "-f"],
        ["quit"],
        ["pause"],
        ["disarm"],
        ["input", "status"],
        ["input", "submit", "{}"],
        ["input", "cancel", "x"],
    ],
)
def test_not_running_is_3(tmp_path: Path, argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state-dir", str(tmp_path), *argv], run=_refuse) == 3
    told = capsys.readouterr()
    assert told.err.startswith("aurora: Aurora is not running\n")
    assert told.out == ""


class Address(NamedTuple):
    """Writes `api.json` and a token, as one that is gone has left them."""

    state: Path

    def write(self, content: str, *, ask: bool = True) -> int:
        (self.state / "tokens").mkdir(exist_ok=True)
        (self.state / "tokens" / "read").write_text("t" * 43)
        (self.state / "api.json").write_text(content)
        if not ask:
            return 0
        return main(["--state-dir", str(self.state), "ps"], run=_refuse)


def _ended_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"port": "x", "pid": 1}', '{"port": 1, "pid": null}'])
def test_an_address_that_makes_no_sense_is_not_running(tmp_path: Path, content: str) -> None:
    assert Address(tmp_path).write(content) == 3


def test_an_address_with_nobody_behind_it_is_not_running(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert Address(tmp_path).write(json.dumps({"port": taken.getsockname()[1], "pid": os.getpid()})) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="asking for a pid could end it on Windows")
def test_the_token_is_not_sent_to_whoever_took_the_port_of_a_dead_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        stranger.settimeout(0)
        assert Address(tmp_path).write(json.dumps({"port": stranger.getsockname()[1], "pid": _ended_pid()})) == 3
        with pytest.raises(BlockingIOError):
            stranger.accept()


def test_a_wait_is_told_to_the_program(tmp_path: Path) -> None:
    """A follower that is answered at once would ask again at once, for ever."""
    asked: list[str] = []

    def answer() -> None:
        with server.accept()[0] as connection:
            asked.append(connection.recv(65536).decode().splitlines()[0])
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=answer)
        answering.start()
        Address(tmp_path).write(json.dumps({"port": server.getsockname()[1], "pid": os.getpid()}), ask=False)
        Client(paths.StatePaths(tmp_path)).get("/v1/events", since=7, wait_s=25.0)
        answering.join()
    assert asked == ["GET /v1/events?since=7&wait_s=25.0 HTTP/1.1"]


def test_a_missing_token_is_told(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    (house.paths.tokens / "read").unlink()
    assert main(["--state-dir", str(house.paths.root), "ps"], run=_refuse) == 1
    assert "token of the local API cannot be read" in capsys.readouterr().err


def test_a_wrong_token_is_told(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    (house.paths.tokens / "read").write_text("wrong")
    assert main(["--state-dir", str(house.paths.root), "ps"], run=_refuse) == 1
    assert capsys.readouterr().err.startswith("aurora: A valid token is needed\n")


def test_an_answer_that_is_broken_off_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        hanging_up = threading.Thread(target=lambda: server.accept()[0].close())
        hanging_up.start()
        code = Address(tmp_path).write(json.dumps({"port": server.getsockname()[1], "pid": os.getpid()}))
        hanging_up.join()
    assert code == 1
    assert capsys.readouterr().err.startswith("aurora: Aurora broke off its answer\n")


def test_an_answer_that_does_not_come_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aurora_desktop.cli.client.ANSWER_TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        code = Address(tmp_path).write(json.dumps({"port": mute.getsockname()[1], "pid": os.getpid()}))
    assert code == 1
    assert capsys.readouterr().err.startswith("aurora: Aurora does not answer\n")
