"""Clients that mean no good, or know no better."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from api.house import House, read_all, view
from aurora_desktop.api import security, server, taking

DEEP = b"[" * 30_000 + b"]" * 30_000
BAD_BODIES = {
    "not JSON": b"{names: web}",
    "cut off": b'{"names": ["web"',
    "no object": b'["web"]',
    "deep": b'{"names": ' + DEEP + b"}",
    "NaN": b'{"names": ["web"], "wait": true, "timeout_s": NaN}',
    "infinite": b'{"names": ["web"], "timeout_s": 1e999}',
    "a huge number": b'{"names": ["web"], "timeout_s": ' + b"9" * 5000 + b"}",
    "a field twice": b'{"names": ["web"], "names": ["db"]}',
    "a field twice, escaped": b'{"names": ["web"], "nam\\u0065s": ["db"]}',
    "a lone surrogate": b'{"names": ["\\ud800"]}',
    "a raw surrogate": b'{"names": ["\xed\xa0\x80"]}',
    "no UTF-8": b'{"names": ["\xff"]}',
    "a byte order mark": b'\xef\xbb\xbf{"names": ["web"]}',
    "an unknown field": b'{"names": ["web"], "force": true}',
    "a wrong type": b'{"names": "web"}',
    "a number for a truth": b'{"names": ["web"], "wait": 1}',
    "null": b'{"names": null}',
    "too many": json.dumps({"names": ["web"] * 1001}).encode(),
    "too long": json.dumps({"names": ["w" * 201]}).encode(),
    "two values": b'{"names": ["web"]}{}',
}


def _first_line(answer: bytes) -> str:
    return answer.split(b"\r\n", 1)[0].decode()


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
@pytest.mark.parametrize("path", ["/v1/services/stop", "/v1/tasks", "/v1/heal"])
def test_a_bad_body_is_told_and_does_nothing(house: House, path: str, body: bytes) -> None:
    status, answer, headers = house.ask("POST", path, body)
    assert status == 400
    assert headers["Content-Type"] == "application/problem+json"
    assert answer["title"] == "The request body is not right"
    assert answer["detail"]
    assert (house.supervisor.calls, house.tasks.requests, house.healing.heals) == ([], [], [])


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_bad_action_is_told_and_does_nothing(house: House, body: bytes) -> None:
    status, answer, _ = house.ask("POST", "/v1/input/submit", body, scope="input")
    assert (status, bool(answer["title"])) == (400, True)
    assert house.input.submissions == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/quit", 405),
        ("POST", "/v1/status", 405),
        ("DELETE", "/v1/services/web", 405),
        ("PUT", "/v1/tasks/task_1", 405),
        ("OPTIONS", "/v1/status", 405),
        ("TRACE", "/v1/status", 405),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/status/", 404),
        ("GET", "/V1/status", 404),
        ("GET", "//v1/status", 404),
        ("POST", "/v1/arm", 404),
        ("POST", "/v1/control/reset", 404),
        ("POST", "/v1/tokens/rotate", 404),
    ],
)
def test_a_wrong_method_or_address_is_told(house: House, method: str, path: str, status: int) -> None:
    answered, answer, headers = house.ask(method, path, None)
    assert (answered, answer["status"]) == (status, status)
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/services/..%2f..%2ftokens%2foperate/log",
        "/v1/services/%2e%2e/log",
        "/v1/services/..%5c..%5capi.json/log",
        "/v1/services/web%00/log",
        "/v1/tasks/..%2f..%2fapi.json/log",
        "/v1/tasks/..%2f..%2ftokens/transcript",
        "/v1/../../etc/passwd",
        "/docs/../tokens/operate",
        "/docs/%2e%2e/api.json",
    ],
)
def test_no_path_leads_out(house: House, path: str) -> None:
    status, answer, _ = house.ask("GET", path)
    assert status in (400, 404)
    assert house.token("operate") not in json.dumps(answer)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "file://", "chrome-extension://abc"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/health"), ("POST", "/v1/estop"), ("GET", "/docs")])
def test_no_web_page_is_served(house: House, origin: str, method: str, path: str) -> None:
    status, answer, headers = house.ask(method, path, None, Origin=origin)
    assert (status, answer["title"]) == (403, "Web pages of other origins are not served here")
    assert headers["Access-Control-Allow-Origin"] is None


@pytest.mark.parametrize(
    "host", ["rebound.example:{port}", "127.0.0.1.rebound.example:{port}", "[::ffff:127.0.0.1]:{port}"]
)
def test_a_name_that_was_rebound_to_loopback_is_not_served(house: House, host: str) -> None:
    for path in ("/health", "/v1/status", "/docs", "/openapi.json"):
        assert house.ask("GET", path, Host=host.format(port=house.port))[0] == 403


def test_a_form_as_plain_text_is_no_json(house: House) -> None:
    """What a page can send without asking first: `<form enctype="text/plain">` can be made to look like JSON."""
    body = b'{"names": ["web"], "x": "=y"}'
    for content_type in ("text/plain", "text/plain;application/json", "multipart/form-data; boundary=x"):
        assert house.ask("POST", "/v1/services/stop", body, Content_Type=content_type)[0] == 415
    assert house.supervisor.calls == []


def test_a_second_request_smuggled_behind_a_refused_one_is_not_read(house: House) -> None:
    inner = house.head("POST /v1/quit HTTP/1.1", "Content-Length: 0")
    head = house.head("POST /v1/status HTTP/1.1", "Content-Type: text/plain", f"Content-Length: {len(inner)}")
    with house.connect() as connection:
        connection.sendall(head + inner + inner)
        answer = read_all(connection)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert house.quit_reasons == []


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Transfer-Encoding: identity, chunked",),
        ("Content-Length: -1",),
        ("X: a\x00b",),
    ],
)
def test_an_ambiguous_request_is_refused(house: House, lines: tuple[str, ...]) -> None:
    with house.connect() as connection:
        connection.sendall(
            house.head("POST /v1/quit HTTP/1.1", "Content-Type: application/json", *lines) + b"0\r\n\r\n"
        )
        assert " 200 " not in _first_line(read_all(connection))
    assert house.quit_reasons == []


def test_what_cannot_be_read_is_told_in_the_usual_form(house: House) -> None:
    with house.connect() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n")
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"cache-control: no-store" in head.lower()
    assert json.loads(body)["title"] == "This is not a request that can be read"


def test_a_head_that_drips_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte is news, and none of them gives it more time."""
    monkeypatch.setattr(server, "HEAD_TIMEOUT_S", 0.2)
    house = House(tmp_path).open()
    try:
        with house.connect() as connection:
            connection.settimeout(0.01)
            assert any(_is_cut_off(connection, byte) for byte in b"GET /health HTTP/1.1\r\nX: " + b"a" * 10_000)
        assert house.ask("GET", "/health")[0] == 200
    finally:
        house.close()


def _is_cut_off(connection: socket.socket, byte: int) -> bool:
    """Whether the other side has closed, after one more byte to it."""
    try:
        connection.sendall(bytes([byte]))
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_a_client_that_does_not_take_its_answer_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "TAKE_TIMEOUT_S", 0.05)
    views = [view(f"s{number}", cause="x" * 20_000) for number in range(1000)]
    house = House(tmp_path, *views).open()
    try:
        with house.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(house.head("GET /v1/services HTTP/1.1"))
            while not _connected(house):
                pass
            while _connected(house):
                pass
    finally:
        house.close()


def _connected(house: House) -> int:
    """How many are, as the loop has it now."""
    running = house.api._server
    assert running is not None
    return house.call(lambda: len(running.server_state.connections))


def test_a_thousand_silent_connections_do_not_keep_the_stop_out(house: House) -> None:
    silent = [house.connect() for _ in range(1000)]
    try:
        assert house.ask("POST", "/v1/estop", {"reason": "crowd"}, scope="read")[0] == 200
        assert house.control.stops == ["api: crowd"]
    finally:
        for connection in silent:
            connection.close()


def test_a_thousand_requests_at_once_are_all_answered(house: House) -> None:
    def asked(_: int) -> int:
        return house.ask("GET", "/v1/status", scope="read")[0]

    with ThreadPoolExecutor(50) as clients:
        assert set(clients.map(asked, range(1000))) == {200}


def test_more_waiting_readers_than_may_wait_leave_room_for_a_stop(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "MAX_REQUESTS", 3)
    waiting = []
    for _ in range(3):
        connection = house.connect()
        connection.sendall(house.head("GET /v1/events?since=0&wait_s=60 HTTP/1.1"))
        waiting.append(connection)
    while house.ask("GET", "/v1/status")[0] == 200:
        pass  # not all of them have come in
    try:
        status, body, headers = house.ask("GET", "/v1/status")
        assert (status, headers["Retry-After"]) == (503, "1")
        assert body["title"] == "Too many requests wait for their answers"
        assert house.ask("POST", "/v1/estop", {}, scope="read")[0] == 200
    finally:
        for connection in waiting:
            connection.close()


def test_a_since_in_the_future_is_answered_at_once(house: House) -> None:
    assert house.ask("GET", "/v1/events?since=9007199254740992&wait_s=60")[1] == {"records": [], "last_id": 0}


def test_a_number_beyond_all_bounds_is_told(house: House) -> None:
    for query in ("since=9007199254740993", "limit=" + "9" * 4000, "wait_s=1e400", "since=0x10", "since=1_0", "since="):
        assert house.ask("GET", f"/v1/events?{query}")[0] == 400
