"""What each address answers."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from api.house import House, view
from aurora_desktop import __version__
from aurora_desktop.core.events import Heartbeat


def _heartbeat(**fields: Any) -> Heartbeat:
    given: dict[str, Any] = {
        "at": 1_700_000_000.25,
        "component": "heartbeat",
        "uptime_seconds": 60.0,
        "verdict": "healthy",
        "sentence": "all 2 services run",
        "lag_ms": 1.0,
        "missed": 0,
        "error_counts": {"service:web": 2},
        "recent_recovery_events": ({"component": "service:web"},),
        "services": {"ready": 2},
        "memory_bytes": 1,
        "cpu_percent": 0.1,
    }
    return Heartbeat(**(given | fields))


def test_status_tells_the_whole(house: House) -> None:
    status, body, _ = house.ask("GET", "/v1/status", scope="read")
    assert status == 200
    assert 5 <= body.pop("uptime_s") < 600
    assert time.time() - 600 < body.pop("started_at") <= time.time() - 5
    assert body.pop("control")["state"] == "armed"
    assert body == {
        "verdict": "healthy",
        "sentence": "all 2 services run",
        "next_step": "",
        "problems": [],
        "pid": os.getpid(),
        "version": __version__,
        "mode": "headless",
        "paused": False,
        "services": {"ready": 1, "running": 1},
        "tasks": {"at_work": 1, "queued": 1, "uncertain": 0, "approvals": 1},
        "on_quit": "stop",
    }


def test_status_names_the_problems_worst_first(house: House) -> None:
    house.supervisor.held["web"] = view("web", "waiting", problem="waits for db")
    house.supervisor.held["db"] = view("db", "failed", problem="command not found", hint="Install it")
    body = house.ask("GET", "/v1/status")[1]
    assert (body["verdict"], body["next_step"]) == ("unhealthy", "Install it")
    assert [p["component"] for p in body["problems"]] == ["service:db", "service:web"]


def test_services_come_in_the_order_of_the_settings_without_histories(house: House) -> None:
    house.supervisor.held["web"] = view("web", checks=("ok",) * 60, memory_history=(1,) * 60)
    status, body, _ = house.ask("GET", "/v1/services")
    assert (status, [row["name"] for row in body]) == (200, ["web", "db"])
    assert "checks" not in body[0]
    assert body[1]["program"] == "postgres"


def test_one_service_comes_with_its_histories(house: House) -> None:
    house.supervisor.held["web"] = view("web", checks=("ok", "down"), cpu_history=(0.5,))
    status, body, _ = house.ask("GET", "/v1/services/web")
    assert (status, body["checks"], body["cpu_history"]) == (200, ["ok", "down"], [0.5])


@pytest.mark.parametrize("path", ["/v1/services/wbe", "/v1/services/wbe/log"])
def test_an_unknown_service_is_told_with_the_near_one(house: House, path: str) -> None:
    status, body, headers = house.ask("GET", path)
    assert status == body["status"] == 404
    assert headers["Content-Type"] == "application/problem+json"
    assert (body["title"], body["hint"]) == ("There is no service `wbe`", "Did you mean `web`?")


@pytest.mark.parametrize("path", ["/v1/services/..%2f..%2fapi.json/log", "/v1/services/../../api.json/log"])
def test_a_log_outside_of_the_logs_cannot_be_named(house: House, path: str) -> None:
    assert house.ask("GET", path)[0] == 404


@pytest.mark.parametrize("command", ["start", "stop", "restart"])
def test_services_are_commanded(house: House, command: str) -> None:
    status, body, _ = house.ask("POST", f"/v1/services/{command}", {"names": ["db", "web", "db"], "wait": True})
    assert (status, body["settled"]) == (200, True)
    assert [row["name"] for row in body["services"]] == ["db", "web"]
    assert house.supervisor.calls == [(command, ("db", "web"), "command")]


def test_without_wait_the_answer_comes_at_once(house: House) -> None:
    house.supervisor.stuck = {"web"}
    status, body, _ = house.ask("POST", "/v1/services/start", {"names": ["web"]})
    assert (status, body["settled"]) == (200, False)


def test_a_wait_ends_at_its_timeout(house: House) -> None:
    house.supervisor.stuck = {"web"}
    status, body, _ = house.ask("POST", "/v1/services/start", {"names": ["web"], "wait": True, "timeout_s": 0.01})
    assert (status, body["settled"]) == (200, False)


def test_an_unknown_name_among_others_does_nothing(house: House) -> None:
    status, body, _ = house.ask("POST", "/v1/services/stop", {"names": ["web", "dbb"]})
    assert (status, body["hint"]) == (404, "Did you mean `db`?")
    assert house.supervisor.calls == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", "truncated"),
        (b"", "names"),
        (b"\xff\xfe", "malformed"),
        (b"[]", "Expected `object`"),
        (b"null", "Expected `object`"),
        (b'{"names": ["web"], "timeout_s": NaN}', "malformed"),
        (b'{"names": ["web"], "timeout_s": 1e999}', "out of range"),
        (b'{"names": ["web"], "timeout_s": 601}', "<= 600"),
        (b'{"names": ["web"], "wait": 1}', "Expected `bool`"),
        (b'{"names": ["web"], "names": ["db"]}', "twice"),
        (b'{"names": ["web"], "wiat": true}', "unknown field `wiat`"),
        (b'{"names": "web"}', "Expected `array`"),
        (b'{"names": []}', "length >= 1"),
        (b'{"names": ["\\ud800"]}', ""),
        (b'{"names": ' + b"[" * 30_000, "Expected `str`"),
        (b'{"names": ["web"]} {}', "trailing"),
    ],
)
def test_a_wrong_body_is_told_and_does_nothing(house: House, body: bytes, told: str) -> None:
    status, answer, _ = house.ask("POST", "/v1/services/stop", body)
    assert (status, answer["title"]) == (400, "The request body is not right")
    assert told in answer["detail"]
    assert house.supervisor.calls == []


def test_supervision_is_paused_and_resumed(house: House) -> None:
    assert house.ask("POST", "/v1/supervision/pause")[:2] == (200, {"done": "supervision is paused"})
    assert house.ask("GET", "/v1/status")[1]["paused"] is True
    assert house.ask("POST", "/v1/supervision/resume", {})[0] == 200
    assert house.supervisor.paused is False


@pytest.mark.parametrize("has_window", [True, False])
def test_the_window_is_raised_if_there_is_one(house: House, has_window: bool) -> None:
    house.has_window = has_window
    assert house.ask("POST", "/v1/window/raise")[:2] == (200, {"raised": has_window})


def test_quit_passes_the_reason_on(house: House) -> None:
    assert house.ask("POST", "/v1/quit", {"reason": "an update"})[0] == 200
    assert house.quit_reasons == ["an update"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/", 404),
        ("GET", "/v1/status/", 404),
        ("DELETE", "/v1/services", 405),
        ("GET", "/v1/quit", 405),
        ("POST", "/v1/status", 405),
        ("POST", "/v1/services/explode", 405),
    ],
)
def test_an_unknown_address_or_method_is_a_problem(house: House, method: str, path: str, expected: int) -> None:
    status, body, headers = house.ask(method, path)
    assert status == body["status"] == expected
    assert headers["Content-Type"] == "application/problem+json"
    assert body["title"]
    assert body["hint"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/events?limit=0",
        "/v1/events?limit=1001",
        "/v1/events?limit=1.5",
        "/v1/events?since=-1",
        "/v1/events?since=abc",
        "/v1/events?wait_s=nan",
        "/v1/events?wait_s=61",
        "/v1/events?since=1&since=2",
        "/v1/events?sinec=1",
        "/v1/services/web/log?lines=1&offset=2",
        "/v1/status?verbose=1",
        "/v1/control?verbose=1",
        "/v1/input/history?limit=51",
        "/health?x=1",
    ],
)
def test_a_wrong_query_is_told(house: House, path: str) -> None:
    status, body, _ = house.ask("GET", path)
    assert (status, body["title"]) == (400, "The query is not right")


def test_the_log_gives_the_last_lines_and_then_what_was_added(house: House) -> None:
    log = house.paths.service_log("web")
    log.write_text("one\ntwo\nthree\n")
    body = house.ask("GET", "/v1/services/web/log?lines=2")[1]
    assert body == {"name": "web", "text": "two\nthree\n", "offset": 14}
    with log.open("a") as file:
        file.write("four\n")
    assert house.ask("GET", "/v1/services/web/log?offset=14")[1] == {"name": "web", "text": "four\n", "offset": 19}
    log.write_text("five\n")
    assert house.ask("GET", "/v1/services/web/log?offset=19")[1] == {"name": "web", "text": "five\n", "offset": 5}


def test_the_tail_of_a_huge_log_is_whole_lines(house: House) -> None:
    house.paths.service_log("web").write_text(("é" * 99 + "\n") * 10_000)
    body = house.ask("GET", "/v1/services/web/log?lines=10000")[1]
    assert set(body["text"].splitlines()) == {"é" * 99}
    assert body["offset"] == 199 * 10_000


@pytest.mark.parametrize("query", ["lines=0", "lines=5", "offset=99"])
def test_a_log_that_is_not_there_is_empty(house: House, query: str) -> None:
    assert house.ask("GET", f"/v1/services/web/log?{query}")[1] == {"name": "web", "text": "", "offset": 0}


def test_a_log_lies_where_the_view_says(house: House, tmp_path: Path) -> None:
    (tmp_path / "other.log").write_bytes(b"here \xff\n")
    house.supervisor.held["web"] = view("web", log_path=str(tmp_path / "other.log"))
    assert house.ask("GET", "/v1/services/web/log")[1]["text"] == "here \N{REPLACEMENT CHARACTER}\n"


def test_health_in_the_earlier_dialect(house: House) -> None:
    house.beat = _heartbeat()
    house.supervisor.held["web"] = view("web", "failed", problem="exited with code 3")
    status, body, _ = house.ask("GET", "/health/status", scope="read")
    assert status == 200
    assert body["components"] == {
        "cli_agent": {"status": "healthy"},
        "input_agent": {"status": "healthy"},
        "coordinator": {"status": "healthy"},
        "service:web": {"status": "error", "error": "exited with code 3"},
        "service:db": {"status": "healthy"},
    }
    assert body["timestamp"].endswith("Z")
    assert body["error_counts"] == {"service:web": 2}
    assert body["recent_recovery_events"] == [{"component": "service:web"}]
    assert body["uptime_seconds"] >= 5


def test_a_stopped_input_agent_in_the_earlier_dialect(house: House) -> None:
    house.call(lambda: house.control.stop("the hotkey"))
    body = house.ask("GET", "/health/status")[1]
    assert body["components"]["input_agent"] == {"status": "stopped", "error": "stopped by the hotkey"}


def test_heartbeat_in_the_earlier_dialect(house: House) -> None:
    assert house.ask("GET", "/health/heartbeat")[1]["last_heartbeat"] is None
    house.beat = _heartbeat()
    body = house.ask("GET", "/health/heartbeat")[1]
    assert body.pop("uptime_seconds") >= 5
    assert body == {
        "last_heartbeat": "2023-11-14T22:13:20.250Z",
        "error_counts": {"service:web": 2},
        "recent_recovery_events": [{"component": "service:web"}],
        "running": True,
    }


def test_an_unforeseen_error_tells_nothing_of_its_inside(house: House, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: str) -> None:
        raise RuntimeError("a secret")

    house.supervisor.pause = fail  # type: ignore[method-assign]
    status, body, _ = house.ask("POST", "/v1/supervision/pause")
    assert (status, body["title"]) == (500, "Aurora could not answer")
    assert "secret" not in str(body)
    assert house.ask("GET", "/v1/status")[0] == 200
    assert "a secret" in caplog.text


def test_many_requests_on_one_connection(house: House) -> None:
    request = house.head("GET /v1/services HTTP/1.1")
    with house.connect() as connection:
        connection.sendall(request * 5 + house.head("GET /v1/services HTTP/1.1", "Connection: close"))
        received, end = b"", time.monotonic() + 20
        while received.count(b"HTTP/1.1 200") < 6 and time.monotonic() < end:
            received += connection.recv(65536)
    assert received.count(b"HTTP/1.1 200") == 6
