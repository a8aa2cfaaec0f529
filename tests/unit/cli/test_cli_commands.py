"""Each command's words, JSON and exit code, against the real door."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from api.house import House, view

from aurora_desktop.core import events

Aurora = Callable[..., int]
PS_FIELDS = {"name", "state", "pid", "uptime_s", "restarts", "memory_bytes", "cpu_percent", "last_cause"}

LOCAL_NOON = time.mktime((2026, 5, 1, 12, 0, 0, 0, 0, -1))


def test_ps_aligns_the_services(aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    assert aurora("ps") == 0
    assert capsys.readouterr().out.splitlines() == [
        "NAME  STATE     PID      UPTIME  RESTARTS   MEMORY   CPU  LAST CAUSE",
        "web   ready    4242  1 min 15 s         2  31.4 MB  0.2%  exited with code 3 after 2.1 s",
        "db    stopped     -           -         0        -     -",
    ]


def test_ps_json_is_a_list_of_objects(aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    assert aurora("ps", "--json") == 0
    web, db = json.loads(capsys.readouterr().out)
    assert web.keys() >= PS_FIELDS
    assert (web["name"], web["state"], web["pid"], web["restarts"]) == ("web", "ready", 4242, 2)
    assert (web["memory_bytes"], web["cpu_percent"]) == (31_400_000, 0.25)
    assert (db["pid"], db["uptime_s"], db["memory_bytes"]) == (None, None, None)


def test_ps_without_services_says_so(house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    house.supervisor.held.clear()
    assert aurora("ps") == 0
    assert capsys.readouterr().out == "no services in the settings yet\n"


def test_ps_tells_the_problem_before_the_last_cause(
    house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str]
) -> None:
    house.supervisor.held = {"web": view("web", "failed", problem="command\nnot\x1b[2J found", last_cause="old")}
    assert aurora("ps") == 0
    assert "command not found" in capsys.readouterr().out


def test_events_of_several_components_and_types(
    house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str]
) -> None:
    for component in ("service:web", "guard", "machine"):
        house.publish(component)
    assert aurora("events", "--json", "--component", "service:*,machine", "--type", "part_failed") == 0
    assert [record["id"] for record in json.loads(capsys.readouterr().out)] == [1, 3]
    assert aurora("events", "--type", "part_faild") == 1
    assert "Did you mean `part_failed`?" in capsys.readouterr().err


def test_status_in_words(house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    house.supervisor.held["web"] = view("web", "failed", problem="command not found: webd", hint="Install webd")
    house.supervisor.paused = True
    assert aurora("status") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "unhealthy: web: command not found: webd, and 1 more",
        "next step: Install webd",
        "also: supervision is paused (Resume supervision)",
        "services: 1 failed, 1 stopped",
    ]
    assert lines[4] == "control: armed (act), 14:32 left"
    assert lines[5] == "tasks: 1 at work, 1 queued, 1 waiting for your word (aurora approvals)"
    assert f"pid {os.getpid()}" in lines[6]
    assert lines[6].endswith(", supervision paused")


def test_status_json(aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    assert aurora("status", "--json") == 0
    body = json.loads(capsys.readouterr().out)
    assert body.keys() == {
        "verdict", "sentence", "next_step", "problems", "uptime_s", "started_at", "pid", "version", "mode", "paused",
        "control", "services", "tasks", "on_quit",
    }  # fmt: skip


@pytest.mark.parametrize(("command", "state"), [("start", "ready"), ("stop", "stopped"), ("restart", "ready")])
def test_services_are_commanded_and_shown(
    house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str], command: str, state: str
) -> None:
    assert aurora(command, "web", "db") == 0
    assert house.supervisor.calls == [(command, ("web", "db"), "command")]
    rows = [line.split()[:2] for line in capsys.readouterr().out.splitlines()[1:]]
    assert rows == [["web", state], ["db", state]]


@pytest.mark.parametrize("state", ["failed", "degraded", "waiting", "unhealthy"])
def test_a_service_that_does_not_come_up_is_a_failure(
    house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str], state: str
) -> None:
    house.supervisor.outcomes["web"] = {"state": state, "problem": "exited with code 3", "hint": "See its log"}
    assert aurora("start", "web", "db") == 1
    assert capsys.readouterr().err == f"aurora: web is {state}\n  exited with code 3\n  See its log\n"


def test_a_service_that_does_not_settle_is_a_failure(
    house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str]
) -> None:
    house.supervisor.stuck = {"web"}
    assert aurora("start", "web", "--timeout", "0.01") == 1
    assert "Not settled within 0.01 s" in capsys.readouterr().err


def test_without_wait_it_only_asks(house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    house.supervisor.stuck = {"web"}
    assert aurora("restart", "web", "--no-wait") == 0
    assert capsys.readouterr().out == "restart asked for: web\n"


def test_start_json(aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    assert aurora("start", "web", "--json") == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["settled"], body["services"][0]["name"]) == (True, "web")


@pytest.mark.parametrize("argv", [("start", "wbe"), ("logs", "wbe")])
def test_an_unknown_service_is_told_with_the_near_one(
    aurora: Aurora, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...]
) -> None:
    assert aurora(*argv) == 1
    assert capsys.readouterr().err == "aurora: There is no service `wbe`\n  Did you mean `web`?\n"


def test_a_service_named_like_a_path_is_only_unknown(aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    assert aurora("logs", "../../api.json") == 1
    assert "aurora: " in capsys.readouterr().err


def test_logs_gives_the_last_lines_as_they_are(
    house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str]
) -> None:
    house.paths.service_log("web").write_text("one\n\x1b[31mtwo\x1b[0m\x07\nthree")
    assert aurora("logs", "web", "-n", "2") == 0
    assert capsys.readouterr().out == "\x1b[31mtwo\x1b[0m\x07\nthree"


def test_logs_json(house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    house.paths.service_log("web").write_text("é\n")
    assert aurora("logs", "web", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"name": "web", "text": "é\n", "offset": 3}


def test_events_one_line_each(house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    house.publish("service:web", "first\nline")
    house.publish("service:db", "second")
    assert aurora("events") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert (first.split()[0], first.split()[3:]) == ("1", ["service:web", "part_failed", "first", "line"])
    assert second.endswith("second")


def test_events_since_an_id_of_one_component(house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    for component in ("service:web", "service:db", "service:web"):
        house.publish(component)
    assert aurora("events", "--since", "1", "--component", "service:web", "--json") == 0
    assert [record["id"] for record in json.loads(capsys.readouterr().out)] == [3]


def test_pause_and_resume(house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    assert aurora("pause") == 0
    assert house.supervisor.paused
    assert aurora("resume") == 0
    assert capsys.readouterr().out == "supervision is paused\nsupervision goes on\n"


def test_quit_without_wait(house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    assert aurora("quit", "--no-wait") == 0
    assert house.quit_reasons == ["asked by the command"]
    assert capsys.readouterr().out == "Aurora is stopping\n"


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            events.ServiceStateChanged(at=0.0, component="service:web", previous="ready", state="failed", cause="gone"),
            "ready -> failed: gone",
        ),
        (
            events.ServiceRestarting(at=0.0, component="service:web", attempt=2, delay_s=1.5, cause="gone"),
            "attempt 2 in 1.5 s: gone",
        ),
        (
            events.SettingsApplied(at=0.0, component="aurora", path="a.yaml", added=("x", "y")),
            "added x, y",
        ),
        (events.AuroraStopping(at=0.0, component="aurora", reason="logout"), "logout"),
        (events.SupervisionPaused(at=0.0, component="aurora", paused=True), "paused True"),
        (
            events.ControlArmed(at=0.0, component="input_agent", mode="ask", until=LOCAL_NOON),
            "mode ask, until 12:00:00",
        ),
        (
            events.HumanActive(at=0.0, component="input_agent", active=True),
            "the operator is at mouse or keyboard",
        ),
        (events.HumanActive(at=0.0, component="input_agent", active=False), "the operator's hands are still"),
    ],
)
def test_an_event_in_words(
    house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str], event: events.AnyEvent, words: str
) -> None:
    house.call(lambda: house.bus.publish(event))
    assert aurora("events") == 0
    assert capsys.readouterr().out.rstrip("\n").endswith(f"{event.event_type():<22}  {words}")


def test_quit_waits_where_there_is_no_pidfd(
    house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aurora_desktop.cli.acting._pidfd", lambda pid: None)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    house.on_quit = lambda: process.communicate(b"\n") and None
    house.paths.api_file.write_text(json.dumps({"port": house.port, "pid": process.pid}))
    assert aurora("quit") == 0
    assert process.returncode == 0
    assert capsys.readouterr().out == "Aurora has stopped\n"


def test_quit_that_takes_too_long_is_told(
    house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aurora_desktop.cli.acting.QUIT_TIMEOUT_S", 0.01)
    assert aurora("quit") == 1
    assert "Aurora is still stopping" in capsys.readouterr().err
