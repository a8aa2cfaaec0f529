"""`aurora top`: what it shows, how it fits, and the terminal that it leaves as it was."""

import io
import os
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from api.house import PATIENCE_S, House, view
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.cli import top
from aurora_desktop.cli.client import Client
from aurora_desktop.cli.console import Console
from aurora_desktop.cli.top_frame import Seen, frame, shares
from aurora_desktop.core.paths import StatePaths

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are POSIX", allow_module_level=True)

import fcntl
import pty
import termios

Aurora = Callable[..., int]
PROGRAM = "from aurora_desktop.cli.main import main; raise SystemExit(main(run=lambda options: 0))"
OTHER_SCREEN, BACK = "\x1b[?1049h", "\x1b[?1049l"


def _console() -> Console:
    return Console(io.StringIO(), io.StringIO())


def _seen(house: House) -> Seen:
    return top.look(Client(StatePaths(house.paths.root)))


# --- what it shows ------------------------------------------------------------------------------------------------


def test_it_shows_health_services_tasks_and_events(house: House) -> None:
    house.publish("service:web", "went away")
    lines = frame(_console(), _seen(house), 80, 40)
    text = "\n".join(lines)
    assert lines[0].startswith("healthy: ")
    assert any(line.startswith("control: ") for line in lines)
    assert re.search(r"^web +ready +4242", text, re.MULTILINE)
    assert re.search(r"^TASK +AGENT +STATUS", text, re.MULTILINE)
    assert re.search(r"service:web +part failed: went away", text)
    assert lines[-1] == "q: quit"


def test_what_is_not_well_comes_first_where_there_is_no_room_for_all(house: House) -> None:
    house.supervisor.held = {f"s{n:02}": view(f"s{n:02}") for n in range(50)} | {
        "bad": view("bad", "failed", problem="command not found")
    }
    lines = frame(_console(), _seen(house), 80, 24)
    services = next(n for n, line in enumerate(lines) if line.startswith("NAME"))
    assert lines[services + 1].startswith("bad ")
    assert any(re.fullmatch(r"and \d+ more", line) for line in lines)


def test_heartbeats_and_ends_of_tasks_tell_nothing_here(house: House) -> None:
    house.tasks.change(next(iter(house.tasks.held)), "completed")
    seen = _seen(house)
    assert {task["status"] for task in seen.tasks} <= {"queued", "leased", "running", "waiting_approval", "uncertain"}


def test_a_program_without_tasks_has_none(tmp_path: Path) -> None:
    bare = House(tmp_path, has_input=False, has_tasks=False, has_healing=False).open()
    try:
        lines = frame(_console(), _seen(bare), 80, 24)
    finally:
        bare.close()
    assert not [line for line in lines if line.startswith(("TASK", "control"))]


@given(width=st.integers(1, 200), height=st.integers(1, 60), many=st.integers(0, 40))
def test_every_screen_is_kept_to(width: int, height: int, many: int) -> None:
    console = _console()
    console.has_colour = True
    lines = frame(console, _made_up(many), width, height)
    assert len(lines) <= height
    assert all(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= width for line in lines)
    assert all(line.count("\x1b[0m") * 2 == line.count("\x1b[") for line in lines)


def test_what_a_service_says_cannot_act_on_the_terminal() -> None:
    seen = _made_up(1)
    seen.services[0]["problem"] = "\x1b[2Jgone\nline"
    text = "\n".join(frame(_console(), seen, 120, 24))
    assert "\x1b" not in text
    assert "gone line" in text


@given(st.integers(-5, 100), st.lists(st.integers(0, 60), max_size=5))
def test_room_is_shared_fairly(room: int, wanted: list[int]) -> None:
    given_ = shares(room, wanted)
    assert sum(given_) <= max(0, room)
    assert all(got <= want for got, want in zip(given_, wanted, strict=True))
    if sum(wanted) >= room > 0:
        assert sum(given_) > room - len(wanted)  # no more is left over than cannot be divided
    for got, want in zip(given_, wanted, strict=True):
        assert got == want or got >= max(given_, default=0) - len(wanted)


def _made_up(many: int) -> Seen:
    row: dict[str, Any] = {
        "name": "a-service-with-rather-a-long-name-indeed",
        "state": "running",
        "pid": 1_234_567,
        "uptime_s": 86_399.0,
        "restarts": 3,
        "memory_bytes": 123_456_789,
        "cpu_percent": 99.9,
        "problem": "",
        "last_cause": "exited with code 3 after 2.1 s " * 5,
    }
    status: dict[str, Any] = {
        "verdict": "degraded",
        "sentence": "something is not as it should be " * 5,
        "next_step": "do this " * 30,
        "control": None,
        "services": {"running": many},
        "uptime_s": 10.0,
        "tasks": {"at_work": 1, "queued": 2, "uncertain": 0, "approvals": 0},
        "paused": True,
    }
    event = {"type": "part_failed", "at": 0.0, "component": "aurora", "detail": "x" * 300}
    return Seen(status, [dict(row) for _ in range(many)], [], [{"id": n, "event": event} for n in range(many)])


# --- as a command -------------------------------------------------------------------------------------------------


def test_without_a_terminal_it_is_one_look(house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    house.publish("service:web", "went away " * 30)
    assert aurora("top") == 0
    shown = capsys.readouterr().out
    assert ("went away " * 30).strip() in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("interval", ["0", "0.1", "61", "x"])
def test_an_interval_that_makes_no_sense_is_refused(
    aurora: Aurora, interval: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert aurora("top", "--interval", interval) == 2
    assert "expected seconds" in capsys.readouterr().err


class _Screen:
    """A command on a pseudo-terminal of 80x24."""

    def __init__(self, house: House, *argv: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(theirs)
        self._theirs = theirs
        env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")} | {"TERM": "xterm"}
        command = [sys.executable, "-c", PROGRAM, "--state-dir", str(house.paths.root), *argv]
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env=env, start_new_session=True
        )
        self.written = ""

    def until(self, text: str) -> str:
        """Everything up to this text and a little more."""
        while text not in self.written:
            self.written += os.read(self._ours, 65536).decode(errors="replace")
        return self.written

    def press(self, key: str) -> None:
        os.write(self._ours, key.encode())

    def ended(self) -> int:
        return self.process.wait(PATIENCE_S)

    def settings(self) -> list[Any]:
        return termios.tcgetattr(self._theirs)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self._ours)
        os.close(self._theirs)


@contextmanager
def _screen(house: House, *argv: str) -> Iterator[_Screen]:
    shown = _Screen(house, *argv)
    try:
        yield shown
    finally:
        shown.close()


def test_it_shows_what_changes_and_ends_with_q(house: House) -> None:
    with _screen(house, "top", "--interval", "0.2") as screen:
        first = screen.until("q: quit")
        assert first.startswith(OTHER_SCREEN)
        house.publish("service:web", "went away")
        screen.until("went away")
        screen.press("q")
        screen.until(BACK)
        assert screen.ended() == 0
        assert screen.settings() == screen.before


def test_it_ends_with_ctrl_c_and_leaves_the_terminal_as_it_was(house: House) -> None:
    with _screen(house, "top") as screen:
        screen.until("q: quit")
        screen.process.send_signal(signal.SIGINT)
        screen.until(BACK)
        assert screen.ended() == 130
        assert screen.settings() == screen.before


def test_it_stays_and_says_so_when_aurora_goes(house: House) -> None:
    with _screen(house, "top", "--interval", "0.2") as screen:
        screen.until("q: quit")
        house.close()
        screen.until("Aurora is not running; this is how it last was")
        screen.press("q")
        assert screen.ended() == 0
