"""The local API of the real program lets in its own user alone."""

import contextlib
import http.client
import json
import socket
import stat
from typing import Any

import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .aurora import Aurora
from .services import calm
from .waiting import eventually


@pytest.fixture
def running(aurora: Aurora) -> Aurora:
    aurora.configure({"web": calm()})
    aurora.start()
    return aurora


def _ask(aurora: Aurora, method: str = "GET", path: str = "/v1/status", **headers: str) -> tuple[int, bytes]:
    port = json.loads(aurora.paths.api_file.read_text())["port"]
    token = (aurora.paths.tokens / "operate").read_text().strip()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, None, {"Authorization": f"Bearer {token}", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_right_token_enters(running: Aurora) -> None:
    assert _ask(running)[0] == 200


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Basic operate", "Bearer "])
def test_a_wrong_token_does_not_enter(running: Aurora, authorization: str) -> None:
    status, body = _ask(running, Authorization=authorization)
    assert status == 401
    assert b"web" not in body


def test_a_token_to_read_operates_nothing(running: Aurora) -> None:
    token = (running.paths.tokens / "read").read_text().strip()
    assert _ask(running, "POST", "/v1/quit", Authorization=f"Bearer {token}")[0] == 403
    assert running.is_running


def test_a_foreign_host_is_refused(running: Aurora) -> None:
    assert _ask(running, Host="rebound.example")[0] == 403


def test_a_foreign_origin_is_refused(running: Aurora) -> None:
    assert _ask(running, Origin="https://evil.example")[0] == 403


def test_the_files_are_for_this_user_alone(running: Aurora) -> None:
    files = [running.paths.api_file, *running.paths.tokens.iterdir(), running.paths.journal, running.paths.state_db]
    assert [oct(stat.S_IMODE(file.stat().st_mode)) for file in files] == ["0o600"] * len(files)
    assert stat.S_IMODE(running.paths.root.stat().st_mode) & 0o077 == 0


def test_a_rotated_token_enters_the_running_program_and_the_old_one_no_more(running: Aurora) -> None:
    old = (running.paths.tokens / "operate").read_text().strip()
    assert running.command("token", "rotate", "operate").returncode == 0
    assert _ask(running, Authorization=f"Bearer {old}")[0] == 401
    assert _ask(running)[0] == 200


def test_the_unix_socket_answers_too(running: Aurora) -> None:
    path = json.loads(running.paths.api_file.read_text())["socket"]
    token = (running.paths.tokens / "read").read_text().strip()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(path)
        connection.sendall(
            f"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        assert connection.recv(12) == b"HTTP/1.1 200"


def test_a_taken_port_leaves_the_socket_and_is_opened_once_it_is_free(aurora: Aurora) -> None:
    with contextlib.closing(_bound(0)) as other, contextlib.closing(_bound(other.getsockname()[1])):
        port = other.getsockname()[1]
        other.listen()
        aurora.configure({"web": calm()}, api={"port": port})
        aurora.start()
        assert json.loads(aurora.paths.api_file.read_text())["port"] is None
        assert "web" in aurora.command("ps").stdout
        assert "another program has it" in aurora.command("status").stdout
        doctor = aurora.command("doctor").stdout
        assert f"has 127.0.0.1:{port}; meanwhile the Unix socket serves alone" in doctor
        other.close()  # the second one keeps the port from being given to somebody else
        eventually(lambda: json.loads(aurora.paths.api_file.read_text())["port"] == port, "the port", 60)
    assert _ask(aurora)[0] == 200
    assert "another program" not in aurora.command("status").stdout


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def test_what_the_program_answers_is_what_it_describes(running: Aurora) -> None:
    """Everything that can be looked at, by names that are there and by names that are not."""
    described = json.loads(_ask(running, path="/openapi.json")[1])
    schema = schemathesis.openapi.from_dict(described)
    for path in (path for path, methods in described["paths"].items() if "get" in methods):
        for name in ("web", "nobody"):
            _check(running, schema[path]["GET"].Case(path_parameters=_named(path, name)))
            if "{" not in path:
                break


def _named(path: str, name: str) -> dict[str, Any]:
    return {part[1:-1]: name for part in path.split("/") if part.startswith("{")}


def _check(running: Aurora, case: schemathesis.Case) -> None:
    port = json.loads(running.paths.api_file.read_text())["port"]
    token = (running.paths.tokens / "operate").read_text().strip()
    case.call_and_validate(
        base_url=f"http://127.0.0.1:{port}",
        headers={"Authorization": f"Bearer {token}"},
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_headers_conformance,
            response_schema_conformance,
        ],
        timeout=30,
    )
