"""Who is let through the door, and what of theirs."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from api.house import House, read_all, view
from aurora_desktop.api import server
from aurora_desktop.api.scopes import MAX_BODY_BYTES
from aurora_desktop.api.security import Security
from aurora_desktop.core.tokens import Scope


def _status_line(answer: bytes) -> str:
    return answer.split(b"\r\n", 1)[0].decode()


def test_health_needs_no_token_and_tells_one_word(house: House) -> None:
    status, body, _ = house.ask("GET", "/health", scope=None)
    assert (status, body) == (200, {"status": "healthy"})


@pytest.mark.parametrize("path", ["/v1/status", "/v1/services", "/health/status", "/health/heartbeat", "/v1/nothing"])
def test_everything_else_needs_a_token(house: House, path: str) -> None:
    status, body, headers = house.ask("GET", path, scope=None)
    assert status == 401
    assert body["title"] == "A valid token is needed"
    assert headers["WWW-Authenticate"].startswith("Bearer")
    assert headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "authorization", ["Bearer wrong", "Bearer ", "Bearer", "", "Basic {read}", "{read}", "Bearer {read}x", "Bearer é"]
)
def test_a_wrong_token_is_refused(house: House, authorization: str) -> None:
    given = authorization.format(read=house.token("read"))
    connection = house.connect()
    with connection:
        host = f"Host: 127.0.0.1:{house.port}"
        connection.sendall(f"GET /v1/status HTTP/1.1\r\n{host}\r\nAuthorization: {given}\r\n\r\n".encode())
        assert " 401 " in _status_line(read_all(connection))


def test_two_authorizations_are_refused(house: House) -> None:
    with house.connect() as connection:
        connection.sendall(house.head("GET /v1/status HTTP/1.1", f"Authorization: Bearer {house.token('read')}"))
        assert " 401 " in _status_line(read_all(connection))


def test_a_token_from_before_it_was_replaced_is_refused(tmp_path: Path) -> None:
    first = House(tmp_path).open()
    old = first.token("operate")
    first.close()
    (tmp_path / "tokens" / "operate").unlink()
    second = House(tmp_path).open()
    try:
        assert second.token("operate") != old
        assert second.ask("GET", "/v1/status", Authorization=f"Bearer {old}")[0] == 401
    finally:
        second.close()


@pytest.mark.parametrize("after", [{}, {"read": b"new"}])
def test_a_token_that_is_replaced_while_it_is_looked_at_opens_nothing_for_long(after: dict[Scope, bytes]) -> None:
    """Neither a fault of ours, nor let in under the new one."""
    looks: list[dict[Scope, bytes]] = [{"read": b"old"}]
    sent: list[Any] = []

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        await asyncio.Event().wait()

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def live() -> None:
        security = Security(app, lambda: looks.pop() if looks else after)
        security.serve_port(80)
        headers = [(b"host", b"127.0.0.1:80"), (b"authorization", b"Bearer old")]
        asked = {"type": "http", "method": "GET", "path": "/v1/status", "query_string": b"", "headers": headers}
        async with asyncio.timeout(60):
            await security(asked, receive, send)

    asyncio.run(live())
    assert sent[0]["status"] == 401


def test_tokens_last_over_restarts(tmp_path: Path) -> None:
    first = House(tmp_path).open()
    kept = {scope: first.token(scope) for scope in ("read", "operate", "input")}
    first.close()
    second = House(tmp_path).open()
    second.close()
    assert {scope: second.token(scope) for scope in kept} == kept
    assert len(set(kept.values())) == 3


def test_read_may_not_operate(house: House) -> None:
    status, body, _ = house.ask("POST", "/v1/quit", {}, scope="read")
    assert (status, body["title"]) == (403, "This token does not allow that")
    assert house.quit_reasons == []


def test_operate_may_read(house: House) -> None:
    assert house.ask("GET", "/v1/status", scope="operate")[0] == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/status"), ("GET", "/v1/services"), ("POST", "/v1/quit"), ("POST", "/v1/arm")]
)
def test_the_input_token_opens_nothing_else(house: House, method: str, path: str) -> None:
    assert house.ask(method, path, scope="input")[0] == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}", ""]
)
@pytest.mark.parametrize("path", ["/health", "/v1/status"])
def test_a_foreign_host_is_refused(house: House, host: str, path: str) -> None:
    status, body, _ = house.ask("GET", path, Host=host.format(port=house.port))
    assert (status, body["title"]) == (403, "This Host is not served here")


def test_two_hosts_are_refused(house: House) -> None:
    with house.connect() as connection:
        connection.sendall(house.head("GET /health HTTP/1.1", "Host: evil.example"))
        assert _status_line(read_all(connection)).split()[1] in ("400", "403")


def test_localhost_is_served(house: House) -> None:
    assert house.ask("GET", "/v1/status", Host=f"localhost:{house.port}")[0] == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{port}"])
@pytest.mark.parametrize("path", ["/health", "/v1/status"])
def test_a_foreign_origin_is_refused(house: House, origin: str, path: str) -> None:
    status, body, _ = house.ask("GET", path, Origin=origin.format(port=house.port))
    assert (status, body["title"]) == (403, "Web pages of other origins are not served here")


def test_our_own_origin_is_served(house: House) -> None:
    assert house.ask("GET", "/v1/status", Origin=f"http://127.0.0.1:{house.port}")[0] == 200


@pytest.mark.parametrize("name", ["token", "access_token", "Authorization"])
def test_a_token_in_the_query_is_refused(house: House, name: str) -> None:
    status, body, _ = house.ask("GET", f"/v1/status?{name}={house.token('read')}", scope="read")
    assert (status, body["title"]) == (400, "A token does not belong in the address")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_a_form_of_a_web_page_is_refused(house: House, content_type: str) -> None:
    status, body, _ = house.ask("POST", "/v1/services/stop", {"names": ["web"]}, Content_Type=content_type)
    assert (status, body["title"]) == (415, "The request body must be JSON")
    assert house.supervisor.calls == []


def test_a_body_at_the_limit_is_read(house: House) -> None:
    body = json.dumps({"names": ["web"]}).encode()
    assert house.ask("POST", "/v1/services/stop", body + b" " * (MAX_BODY_BYTES - len(body)))[0] == 200


def test_a_body_over_the_limit_is_refused(house: House) -> None:
    status, body, _ = house.ask("POST", "/v1/services/stop", b" " * (MAX_BODY_BYTES + 1))
    assert (status, body["title"]) == (413, "The request body is too large")


def test_a_chunked_body_over_the_limit_is_refused(house: House) -> None:
    chunk = b"1000\r\n" + b" " * 0x1000 + b"\r\n"
    with house.connect() as connection:
        connection.sendall(
            house.head("POST /v1/quit HTTP/1.1", "Content-Type: application/json", "Transfer-Encoding: chunked")
            + chunk * 17
            + b"0\r\n\r\n"
        )
        assert " 413 " in _status_line(read_all(connection))
    assert house.quit_reasons == []


def test_a_body_without_end_is_cut_off(house: House) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    head = house.head("POST /v1/quit HTTP/1.1", "Content-Type: application/json", "Transfer-Encoding: chunked")
    with house.connect() as connection, pytest.raises(ConnectionError):
        connection.sendall(head + chunk * 1000)
    assert house.ask("GET", "/v1/status")[0] == 200


def test_a_body_that_never_comes_is_given_up(tmp_path: Path) -> None:
    house = House(tmp_path, body_timeout_s=0.05).open()
    try:
        with house.connect() as connection:
            connection.sendall(
                house.head("POST /v1/quit HTTP/1.1", "Content-Type: application/json", "Content-Length: 100") + b"{"
            )
            assert " 408 " in _status_line(read_all(connection))
    finally:
        house.close()
    assert house.quit_reasons == []


def test_a_head_that_never_ends_is_cut_off(house: House) -> None:
    with house.connect() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nX-Long: " + b"a" * 100_000)
        assert not read_all(connection).startswith(b"HTTP/1.1 2")


@pytest.mark.parametrize("length", ["Content-Length: 100", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_without_a_token_holds_a_connection_by_a_body_that_never_comes(
    house: House, method: str, length: str
) -> None:
    """At the one open address: 256 of these would keep out who wants to stop."""
    with house.connect() as connection:
        host = f"Host: 127.0.0.1:{house.port}"
        connection.sendall(f"{method} /health HTTP/1.1\r\n{host}\r\n{length}\r\n\r\n".encode())
        assert " 413 " in _status_line(read_all(connection))


def test_health_takes_a_body_of_no_length(house: House) -> None:
    assert house.ask("GET", "/health", b"", scope=None)[0] == 200


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHost: 127"])
def test_a_head_that_never_comes_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(server, "HEAD_TIMEOUT_S", 0.05)
    house = House(tmp_path).open()
    try:
        with house.connect() as connection:
            connection.sendall(sent)
            assert read_all(connection) == b""
    finally:
        house.close()


def test_closing_does_not_wait_for_a_silent_client(house: House) -> None:
    with house.connect() as connection:
        assert house.ask("GET", "/health")[0] == 200  # taken after the silent one
        house.close()
        assert read_all(connection) == b""


def test_what_is_not_http_is_refused_and_the_door_stays_open(house: House) -> None:
    with house.connect() as connection:
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert not read_all(connection).startswith(b"HTTP/1.1 2")
    assert house.ask("GET", "/v1/status")[0] == 200


def test_an_upgrade_is_not_listened_to_elsewhere(house: House) -> None:
    status, _, _ = house.ask("GET", "/v1/status", Upgrade="websocket", Connection="Upgrade", Sec_WebSocket_Version="13")
    assert status == 200


@pytest.mark.parametrize("path", ["/v1/status", "/v1/nothing"])
def test_nothing_may_be_cached(house: House, path: str) -> None:
    headers = house.ask("GET", path)[2]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Server"] is None


def test_files_are_for_this_user_alone(house: House) -> None:
    files = [house.paths.api_file, *(house.paths.tokens / scope for scope in ("read", "operate", "input"))]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(house.paths.tokens.stat().st_mode) == 0o700


def test_env_never_shows(house: House) -> None:
    for path in ("/v1/services", "/v1/services/web", "/v1/status"):
        assert '"env"' not in json.dumps(house.ask("GET", path)[1])


def test_a_surrogate_from_a_file_name_does_not_break_the_answer(tmp_path: Path) -> None:
    house = House(tmp_path, view("web", cause="cannot open \udcff")).open()
    try:
        status, body, _ = house.ask("GET", "/v1/services")
    finally:
        house.close()
    assert (status, body[0]["cause"]) == (200, "cannot open ?")
