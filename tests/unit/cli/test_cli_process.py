"""The command as a process of its own: pipes, terminals, Ctrl+C, and how little it imports."""

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from api.house import PATIENCE_S, House

from aurora_desktop.core.tokens import rotate_token

PROGRAM = "from aurora_desktop.cli.main import main; raise SystemExit(main(run=lambda options: 0))"
HEAVY = {"PySide6", "asyncio", "msgspec", "psutil", "starlette", "uvicorn", "yaml", "apsw", "qasync"}


def _command(house: House, *argv: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM, "--state-dir", str(house.paths.root), *argv]


@contextlib.contextmanager
def _running(house: House, *argv: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(_command(house, *argv), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def _interrupt(process: subprocess.Popen[str]) -> tuple[int, str]:
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_S)
    return process.returncode, errors


def test_ps_imports_nothing_heavy(house: House) -> None:
    program = PROGRAM.replace("raise SystemExit(", "print(").rstrip(")") + ")); import sys; print(*sys.modules)"
    argv = _command(house, "ps", "--json")
    argv[2] = program
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "argparse" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C of another process is POSIX")
def test_logs_are_followed_until_ctrl_c(house: House) -> None:
    log = house.paths.service_log("web")
    log.write_text("old\nbefore\n")
    with _running(house, "logs", "web", "-f", "-n", "1") as process:
        assert _line(process) == "before\n"
        with log.open("a") as file:
            file.write("after\n")
        assert _line(process) == "after\n"
        log.write_text("new\n")
        assert _line(process) == "new\n"
        assert _interrupt(process) == (130, "")


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C of another process is POSIX")
def test_events_are_followed_until_ctrl_c(house: House) -> None:
    house.publish("service:web", "first")
    with _running(house, "events", "-f", "--json", "--component", "service:web") as process:
        assert json.loads(_line(process))["event"]["detail"] == "first"
        house.publish("service:db", "elsewhere")
        house.publish("service:web", "second")
        assert json.loads(_line(process)) | {"event": {}} == {"id": 3, "event": {}}
        assert _interrupt(process) == (130, "")


def test_events_are_followed_over_a_rotation_of_the_token(house: House) -> None:
    house.publish(detail="first")
    with _running(house, "events", "-f", "--json") as process:
        assert process.stdout is not None
        assert "first" in process.stdout.readline()
        rotate_token(house.paths, "read")
        house.publish(detail="second")
        assert "second" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130


def test_following_ends_with_aurora(house: House) -> None:
    house.publish()
    with _running(house, "events", "-f") as process:
        _line(process)
        house.close()
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGPIPE on Windows")
def test_a_reader_that_leaves_is_no_error(house: House) -> None:
    house.paths.service_log("web").write_text("x" * 99 + "\n")
    with _running(house, "logs", "web", "-f") as process:
        _line(process)
        assert process.stdout is not None
        process.stdout.close()
        with house.paths.service_log("web").open("a") as file:
            file.write("more\n")
        assert process.wait(PATIENCE_S) == 141
        assert process.stderr is not None
        assert process.stderr.read() == ""


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_a_service_cannot_act_on_the_terminal_through_its_log(house: House) -> None:
    house.paths.service_log("web").write_text("\x1b]0;pwned\x07\x1b[31mred\x1b[0m\x1b[2J\rend")
    assert _on_terminal(house, "logs", "web") == "\x1b[31mred\x1b[0mend\n\x1b[0m"


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_ps_is_coloured_on_a_terminal(house: House) -> None:
    assert "\x1b[32mready" in _on_terminal(house, "ps")


def _on_terminal(house: House, *argv: str) -> str:
    """What the command writes to a terminal 200 columns wide."""
    ours, theirs = os.openpty()
    env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm", "COLUMNS": "200"}
    process = subprocess.Popen(_command(house, *argv), stdout=theirs, env=env)
    os.close(theirs)
    written = b""
    with open(ours, "rb", buffering=0) as terminal:
        try:
            while chunk := terminal.read(65536):
                written += chunk
        except OSError as error:
            if error.errno != errno.EIO:  # Linux: the other side was closed
                raise
    assert process.wait(PATIENCE_S) == 0
    return written.decode().replace("\r\n", "\n")


@pytest.mark.skipif(sys.platform != "linux", reason="waits by pidfd")
def test_quit_waits_for_the_end_of_the_process(house: House) -> None:
    aurora = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert aurora.stdin is not None
    house.on_quit = aurora.stdin.close
    house.paths.api_file.write_text(json.dumps({"port": house.port, "pid": aurora.pid}))
    done = subprocess.run(_command(house, "quit"), capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout) == (0, "Aurora has stopped\n")
    assert aurora.wait(0) is not None


def test_output_that_the_encoding_lacks_is_written_escaped(house: House) -> None:
    house.paths.service_log("web").write_text("漢\n", encoding="utf-8")
    done = subprocess.run(
        _command(house, "logs", "web"), capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=True
    )
    assert done.stdout.rstrip() == rb"\u6f22"


def test_check_tells_file_line_and_field(house: House, tmp_path: Path) -> None:
    wrong = tmp_path / "aurora.yaml"
    wrong.write_text("services:\n  web:\n    comand: [true]\n")
    done = subprocess.run(_command(house, "check", str(wrong), "--json"), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    problems = json.loads(done.stdout)
    assert problems[0].keys() == {"file", "line", "column", "field", "message", "hint"}
    assert problems[0]["file"] == str(wrong)
