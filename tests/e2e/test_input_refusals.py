"""What is not right is refused, in words, with nothing sent: bad requests and closed gates."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aurora_desktop.core.errors import AuroraError

from .cockpit import Cockpit
from .fields import QtField

pytestmark = pytest.mark.brake

AT = {"x": 600, "y": 400}


@pytest.fixture
def untouched(armed: Cockpit) -> Iterator[Cockpit]:
    """An armed Aurora; nothing may have been sent in the end."""
    mark = armed.observer.mark()
    yield armed
    assert armed.observer.since(mark) == []


BAD: dict[str, Any] = {
    "an unknown action": {"action": "teleport"},
    "no action": {},
    "an unknown field": {"action": "left_click", "at": AT, "force": 9},
    "a missing coordinate": {"action": "mouse_move", "at": {"x": 1}},
    "no coordinates": {"action": "mouse_move"},
    "off the screen": {"action": "left_click", "at": {"x": 5000, "y": 10}},
    "negative": {"action": "left_click", "at": {"x": -1, "y": 10}},
    "words for numbers": {"action": "left_click", "at": {"x": "1", "y": "2"}},
    "an unknown key": {"action": "key", "keys": "ctrl+Retrun"},
    "a negative duration": {"action": "wait", "duration_s": -1},
    "an endless duration": {"action": "wait", "duration_s": 1e9},
    "no text": {"action": "type", "text": ""},
    "a screenshot that never was": {"action": "left_click", "at": {**AT, "screenshot": "nope"}},
    "a display that is not there": {"action": "left_click", "at": {**AT, "display": "nope"}},
    "no scrolling": {"action": "scroll"},
    "one point": {"action": "drag_path", "points": [AT]},
}


@pytest.mark.parametrize("action", BAD.values(), ids=BAD.keys())
def test_bad_actions_are_refused(untouched: Cockpit, action: dict[str, Any]) -> None:
    assert _refusal_in_words(untouched, action)


def _refusal_in_words(cockpit: Cockpit, action: dict[str, Any]) -> str:
    """Refused at once, or before the first event: both are right."""
    try:
        ended = cockpit.act(action)
    except AuroraError as error:
        return str(error)
    assert (ended["outcome"], ended["events"]) == ("refused", 0), ended
    return str(ended["reason"])


def test_a_misspelt_key_suggests_the_near_one(untouched: Cockpit, tmp_path: Path) -> None:
    with QtField(untouched.screen, tmp_path):
        assert "“return”" in _refusal_in_words(untouched, {"action": "key", "keys": "Retrun"})


@pytest.mark.parametrize(
    "body",
    [
        b'{"action": {"action": "mouse_move", "at": {"x": NaN, "y": 1}}}',
        b'{"action": {"action": "mouse_move", "at": {"x": 1e999, "y": 1}}}',
        b'{"action": {"action": "type", "text": "\\ud83d"}}',
        b'{"action": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b"not json",
        b"\xff\xfe",
        b"",
    ],
    ids=["NaN", "infinity", "half a character", "depth", "words", "bytes", "nothing"],
)
def test_bad_bodies_are_refused(untouched: Cockpit, body: bytes) -> None:
    status, answer = _post(untouched, body)
    assert status == 400, answer
    assert answer["title"]


def test_ten_megabytes_of_text_are_refused(untouched: Cockpit) -> None:
    body = json.dumps({"action": {"action": "type", "text": "x" * 10_000_000}}).encode()
    status, _ = _post(untouched, body)
    assert status in (400, 413)


def _post(cockpit: Cockpit, body: bytes) -> tuple[int, dict[str, Any]]:
    """Past the client, which would not send such things."""
    paths = cockpit.aurora.paths
    port = json.loads(paths.api_file.read_bytes())["port"]
    token = (paths.tokens / "input").read_text().strip()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        connection.request("POST", "/v1/input/submit", body, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"{}")
    except (BrokenPipeError, ConnectionResetError):  # it did not even read the end
        return 413, {}
    finally:
        connection.close()


@pytest.mark.parametrize("text", ["a\x1bb", "tail\x00", "bell\x07"])
def test_text_that_cannot_be_typed_is_refused_before_the_first_key(armed: Cockpit, tmp_path: Path, text: str) -> None:
    with QtField(armed.screen, tmp_path) as field:
        mark = armed.observer.mark()
        assert "U+" in _refusal_in_words(armed, {"action": "type", "text": text})
        assert armed.observer.since(mark) == []
        assert field.content() == ""


def test_the_same_id_twice_is_refused(untouched: Cockpit) -> None:
    body: dict[str, object] = {"action": {"action": "wait", "duration_s": 0}, "task_id": "mine"}
    untouched.aurora.client.post("/v1/input/submit", body, scope="input")
    status, answer = _post(untouched, json.dumps(body).encode())
    assert (status, answer["code"]) == (409, "duplicate")


@pytest.mark.parametrize("scope", ["read", "operate"])
def test_other_tokens_cannot_submit(untouched: Cockpit, scope: str) -> None:
    body: dict[str, object] = {"action": {"action": "release_all"}}
    with pytest.raises(Exception, match=r"may not|not allowed|token"):
        untouched.aurora.client.post("/v1/input/submit", body, scope=scope)


def test_auroras_own_window_is_denied(untouched: Cockpit) -> None:
    window = untouched.screen.named("^Aurora Desktop")
    assert window is not None
    untouched.take_window()
    for action in ({"action": "left_click", "at": {"x": 640, "y": 400}}, {"action": "key", "keys": "F12"}):
        assert "Aurora" in _refusal_in_words(untouched, action)


# --- the gate -------------------------------------------------------------------------------------------------

GATES = {
    "missing": None,
    "not YAML": "operator_enabled: [true",
    "words for booleans": 'operator_enabled: "true"\nfeatures: {control_mouse_keyboard: "true"}\n',
    "yes for true": "operator_enabled: yes\nfeatures: {control_mouse_keyboard: 1}\n",
    "one flag alone": "operator_enabled: true\n",
    "the other flag alone": "features: {control_mouse_keyboard: true}\n",
    "off": "operator_enabled: false\nfeatures: {control_mouse_keyboard: true}\n",
    "a list": "[true, true]\n",
    "empty": "",
}


@pytest.mark.parametrize("text", GATES.values(), ids=GATES.keys())
def test_a_gate_that_is_not_plainly_open_is_closed(armed: Cockpit, text: str | None) -> None:
    mark = armed.observer.mark()
    if text is None:
        armed.gate.unlink()
    else:
        armed.write_gate(text)
    control = armed.until_control("closed")
    assert control["reason"]
    assert control["hint"]
    assert "disabled" in str(armed.refusal("release_all"))
    armed.until_no_worker()
    assert [event for event in armed.observer.since(mark) if event.is_press] == []


def test_a_gate_that_is_a_folder_is_closed(armed: Cockpit) -> None:
    armed.gate.unlink()
    armed.gate.mkdir()
    try:
        armed.until_control("closed")
        armed.refusal("release_all")
    finally:
        armed.gate.rmdir()
