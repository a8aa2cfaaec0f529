"""What the doctor says of the link."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import msgspec
import pytest
from keyring.backends import fail
from unit.link.brain import Served

from aurora_desktop.desktop import session
from aurora_desktop.desktop.doctor_link import judge_link, link
from aurora_desktop.desktop.finding import Finding, Patient
from aurora_desktop.link.view import LinkView, OutgoingView, QueueView

Examine = Callable[..., dict[str, Finding]]


@pytest.fixture
def served() -> Iterator[Served]:
    with Served() as server:
        yield server


@pytest.fixture
def examine(tmp_path: Path) -> Iterator[Examine]:
    def examined(settings: dict[str, Any]) -> dict[str, Finding]:
        config = tmp_path / "aurora.json"
        config.write_bytes(msgspec.json.encode({"link": settings}))
        return {each.name: each for each in link(Patient(config, tmp_path, os.environ, session.detect({})))}

    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield examined
    keyring.set_keyring(before)


def test_a_link_that_is_off_is_looked_at_no_further(examine: Examine) -> None:
    assert list(examine({})) == ["Link"]


def test_settings_that_cannot_be_read_are_another_checks(examine: Examine) -> None:
    assert "cannot be read" in examine({"enabled": "no"})["Link"].detail


def test_a_server_that_speaks_its_language_is_well_and_no_token_is_said_to_it(examine: Examine, served: Served) -> None:
    assert {each.status for each in examine(served.settings()).values()} == {"ok"}
    assert served.brain.asked == [("POST", "/api/v1/auth/verify")]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 404 X\r\nContent-Length: 2\r\n\r\n{}", "answered 404"),
        (b"HTTP/1.1 302 X\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n", "evil.example"),
        (b"HTTP/1.1 200 X\r\nContent-Length: 4\r\n\r\nhtml", "no JSON object"),
    ],
)
def test_something_else_at_the_address_is_told(examine: Examine, served: Served, raw: bytes, told: str) -> None:
    served.brain.raw = raw
    finding = examine(served.settings())["Link server"]
    assert (finding.status, told in finding.detail, "link.url" in finding.remedy) == ("error", True, True)


def test_a_server_that_is_not_there_is_told(examine: Examine, served: Served) -> None:
    given = served.settings()
    served.close_door()
    finding = examine(given)["Link server"]
    assert (finding.status, finding.detail) == ("error", f"{given['url']}: it cannot be reached: connection refused")
    assert "whether the server runs" in finding.remedy


def test_a_way_that_everybody_can_read_along_is_warned_of(examine: Examine, served: Served) -> None:
    given = served.settings(allow_plaintext=True) | {"websocket_url": "ws://brain.example:1"}
    finding = examine(given)["Link encryption"]
    assert (finding.status, "ws://brain.example:1" in finding.detail) == ("warning", True)


@pytest.mark.parametrize(("mode", "told"), [(0o600, "plain file"), (0o644, "others may read")])
def test_tokens_in_a_file_are_warned_of_and_not_shown(
    examine: Examine, served: Served, tmp_path: Path, mode: int, told: str
) -> None:
    (tmp_path / "secrets").mkdir()
    path = tmp_path / "secrets" / "link-tokens"
    path.write_text('{"token": "hunter22"}')
    path.chmod(mode)
    finding = examine(served.settings())["Link tokens"]
    assert (finding.status, told in finding.detail, bool(finding.remedy)) == ("warning", True, True)
    assert "hunter22" not in str(finding)


LETTER = OutgoingView(key="k", recipient="9", subject="", status="dead", created_at=0, size=1, cause="it answered 404")
DEAD = QueueView(dead=(LETTER,), dead_count=1)


@pytest.mark.parametrize(
    ("view", "told"),
    [
        ({"state": "online", "cause": "connected"}, [("Link", "ok")]),
        ({"state": "connecting", "cause": "to it"}, [("Link", "ok")]),
        ({"state": "refused", "cause": "it answered 403"}, [("Link", "error")]),
        ({"state": "backing_off", "cause": "gone", "attempt": 1}, [("Link", "warning")]),
        ({"state": "backing_off", "cause": "gone", "attempt": 30}, [("Link", "error")]),
        ({"state": "offline", "cause": "this machine has no network"}, [("Link", "warning")]),
        ({"state": "degraded", "cause": "no live connection"}, [("Link", "warning")]),
        (
            {"state": "online", "outbox": DEAD},
            [("Link", "ok"), ("Link messages", "warning")],
        ),
    ],
)
def test_what_a_running_aurora_says_of_its_link_is_judged(view: dict[str, Any], told: list[tuple[str, str]]) -> None:
    found = judge_link(LinkView(enabled=True, **view))
    assert [(each.name, each.status) for each in found] == told
    assert all(each.remedy or each.status == "ok" for each in found)
    assert judge_link(LinkView(**view)) == []
