"""Readers of the real program: what happens to a real service reaches the stream and the metrics."""

import http.client
import json
import os
import signal

from .aurora import Aurora
from .services import calm


def _asking(aurora: Aurora, path: str) -> http.client.HTTPResponse:
    port = json.loads(aurora.paths.api_file.read_text())["port"]
    token = (aurora.paths.tokens / "read").read_text().strip()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, None, {"Authorization": f"Bearer {token}", "Connection": "close"})
    return connection.getresponse()


def test_a_killed_service_is_heard_of_and_counted(aurora: Aurora) -> None:
    aurora.configure({"web": calm(restart="always")})
    aurora.start()
    aurora.until("web", "running")
    with _asking(aurora, "/v1/events/stream?component=service:web&type=service_failed,service_recovered") as stream:
        os.kill(aurora.service_pid("web"), signal.SIGKILL)
        heard = [json.loads(line[6:])["event"] for line in _data(stream, 2)]
    assert [event["type"] for event in heard] == ["service_failed", "service_recovered"]
    assert heard[0]["signal"] == "SIGKILL"
    metrics = _asking(aurora, "/metrics").read().decode()
    assert 'aurora_service_restarts_total{component="service:web"} 1.0' in metrics
    assert 'aurora_service_failures_total{component="service:web",kind="exit"} 1.0' in metrics
    assert 'aurora_events_total{type="aurora_started"} 1.0' in metrics  # from the very first event on
    assert "aurora_service_recovery_seconds_count 1.0" in metrics


def test_a_stream_does_not_keep_aurora_from_ending(aurora: Aurora) -> None:
    aurora.configure({})
    aurora.start()
    with _asking(aurora, "/v1/events/stream") as stream:
        assert aurora.quit() == 0
        assert stream.read().startswith(b"retry: ")


def test_a_stream_ends_with_its_token(aurora: Aurora) -> None:
    aurora.configure({})
    aurora.start()
    with _asking(aurora, "/v1/events/stream") as stream:
        assert aurora.command("token", "rotate", "read").returncode == 0
        told = stream.read().decode().rstrip().splitlines()[-2:]
    assert told[0] == "event: error"
    assert json.loads(told[1].removeprefix("data: "))["status"] == 401


def _data(stream: http.client.HTTPResponse, count: int) -> list[bytes]:
    found: list[bytes] = []
    while len(found) < count:
        line = stream.readline()
        assert line, f"it ended after {found}"
        if line.startswith(b"data: "):
            found.append(line)
    return found
