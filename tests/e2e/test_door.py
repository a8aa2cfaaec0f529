"""The local API of the real program lets in its own user alone."""

import http.client
import json
import stat

import pytest

from .aurora import Aurora
from .services import calm


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
