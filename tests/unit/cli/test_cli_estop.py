"""`aurora estop` against a real socket: the guard first, the program next, the latch in any case."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from api.house import PATIENCE_S, House

from aurora_desktop.cli import estop
from aurora_desktop.cli.call import RunOptions
from aurora_desktop.cli.main import main
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.safety.clearance import Clearance

if sys.platform == "win32":
    pytest.skip("the guard's socket is POSIX", allow_module_level=True)

from cli.guards import guard_at

Aurora = Callable[..., int]
Said = pytest.CaptureFixture[str]


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    """A state folder whose latch was cleared."""
    made = StatePaths(tmp_path / "state")
    made.make()
    Clearance(made.clearance).grant("the operator")
    return made


def _estop(paths: StatePaths, *argv: str) -> int:
    def refuse(_: RunOptions) -> int:
        raise AssertionError("only `aurora run` runs the program")

    return main(["--state-dir", str(paths.root), "estop", *argv], run=refuse)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estop, "GUARD_TIMEOUT_S", 0.05)
    monkeypatch.setattr(estop, "PROGRAM_TIMEOUT_S", 0.05)


def test_the_guard_stops_without_the_program(paths: StatePaths, capsys: Said) -> None:
    with guard_at(paths.guard_socket) as guard:
        assert _estop(paths) == 0
    assert guard.lines == ["stop command\n"]
    assert not paths.clearance.exists()
    first, second = capsys.readouterr().out.splitlines()
    assert first == "the guard stopped everything in 3.2 ms"
    assert second.startswith("latched: ")
    assert "Ctrl+Shift+R" in second


def test_the_reason_comes_along_in_one_line(paths: StatePaths) -> None:
    with guard_at(paths.guard_socket) as guard:
        _estop(paths, "--reason", " it types\nstop nothing\x1b ")
    assert guard.lines == ["stop command: it types stop nothing\n"]


def test_the_json_of_a_stop(paths: StatePaths, capsys: Said) -> None:
    with guard_at(paths.guard_socket):
        assert _estop(paths, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "stopped_by": "guard",
        "latency_ms": 3.24,
        "latched": True,
        "lost": [],
    }


def test_a_socket_deeper_than_an_address_is_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = StatePaths(tmp_path / ("d" * 120))
    deep.make()
    monkeypatch.chdir(deep.root)
    with guard_at(Path("guard.sock")) as guard:
        assert _estop(deep) == 0
    assert guard.lines == ["stop command\n"]


def test_with_nobody_there_it_still_latches(paths: StatePaths, capsys: Said) -> None:
    assert _estop(paths) == 3
    assert not paths.clearance.exists()
    said = capsys.readouterr()
    assert "not running" in said.out
    assert "latched" in said.out
    assert said.err == ""


def test_it_needs_no_state_folder(tmp_path: Path) -> None:
    assert _estop(StatePaths(tmp_path / "none")) == 3
    assert not (tmp_path / "none").exists()


def test_a_socket_that_a_dead_guard_left_is_nobody(paths: StatePaths) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(paths.guard_socket))
    assert _estop(paths) == 3
    assert not paths.clearance.exists()


def test_without_a_guard_the_program_is_asked(house: House, aurora: Aurora, capsys: Said) -> None:
    assert aurora("estop", "--reason", "runaway") == 0
    assert house.control.stops == ["api: runaway"]
    assert capsys.readouterr().out.splitlines()[0] == "the emergency stop is pulled"


@pytest.mark.parametrize("readable", ["operate", "input", "read"])
def test_any_token_will_do(house: House, aurora: Aurora, readable: str) -> None:
    for scope in {"operate", "input", "read"} - {readable}:
        (house.paths.tokens / scope).unlink()
    assert aurora("estop") == 0
    assert house.control.stops == ["api"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (None, "not within"),
        (b"", "the guard does not answer"),
        (b"[]\n", "something else"),
        (b"hello\n", "the guard does not answer"),
        (b"\xff\xfe\n", "the guard does not answer"),
        (b'{"error": "what is that?"}\n', "the guard refused: what is that?"),
        (b'{"stopped": "maybe"}\n', "the guard refused: without a reason"),
    ],
)
@pytest.mark.usefixtures("quick")
def test_a_guard_that_does_not_stop_is_told_and_the_program_asked(
    house: House, aurora: Aurora, capsys: Said, answer: bytes | None, told: str
) -> None:
    with guard_at(house.paths.guard_socket, answer):
        assert aurora("estop") == 0
    assert house.control.stops == ["api"]
    assert told in capsys.readouterr().out


@pytest.mark.usefixtures("quick")
def test_a_stop_that_nobody_confirms_is_a_failure_and_latches(paths: StatePaths, capsys: Said) -> None:
    with guard_at(paths.guard_socket, None), socket.create_server(("127.0.0.1", 0)) as mute:
        (paths.tokens / "operate").write_text("t" * 43)
        paths.api_file.write_text(json.dumps({"port": mute.getsockname()[1], "pid": os.getpid()}))
        assert _estop(paths) == 1
    assert not paths.clearance.exists()
    said = capsys.readouterr()
    assert "Nobody has confirmed the stop" in said.err
    assert "the guard does not answer" in said.err
    assert "Aurora does not answer" in said.err
    assert "latched" in said.out


def test_a_latch_that_cannot_be_set_is_a_failure(
    paths: StatePaths, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Clearance, "revoke", lambda _: False)
    with guard_at(paths.guard_socket):
        assert _estop(paths) == 1
    said = capsys.readouterr()
    assert "The latch is not set" in said.err
    assert "latched" not in said.out


def test_a_broken_library_does_not_leave_the_latch_open(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aurora_desktop.safety.clearance", None)
    assert _estop(paths) == 3
    assert not paths.clearance.exists()


def test_nothing_slow_is_loaded_before_the_guard_has_the_word(paths: StatePaths) -> None:
    """All that comes before it is what importing the command loads."""
    code = "import aurora_desktop.app, aurora_desktop.cli.estop, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    loaded = set(done.stdout.split())
    slow = {"msgspec", "http.client", "asyncio", "aurora_desktop.safety", "aurora_desktop.cli.client", "platformdirs"}
    assert "socket" in loaded
    assert loaded & slow == set()
