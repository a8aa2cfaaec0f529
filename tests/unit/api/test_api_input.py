"""Submit, look, wait and cancel: our addresses and the earlier system's."""

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import pytest

from api.hands import CREATED_AT
from api.house import PATIENCE_S, House
from aurora_desktop.api.problems import STATUS_OF
from aurora_desktop.api.scopes import MAX_SUBMISSION_BYTES
from aurora_desktop.input.actions import MAX_TEXT, Key, LeftClick, Point, Type
from aurora_desktop.input.errors import InputRefusedError, RefusalCode

CLICK = {"action": "left_click", "at": {"x": 10, "y": 20}}


def _submit(house: House, body: Any, query: str = "", **given: Any) -> tuple[int, Any]:
    return house.ask("POST", f"/v1/input/submit{query}", body, **({"scope": "input"} | given))[:2]


def _earlier(house: House, action_type: str, **parameters: Any) -> tuple[int, Any]:
    body = {"action_type": action_type, "parameters": parameters, "operator_user": "me"}
    return house.ask("POST", "/input/submit", body, scope="input")[:2]


# --- submit -----------------------------------------------------------------------------------------------------------


def test_an_action_is_queued_and_told(house: House) -> None:
    status, task = _submit(house, {"action": CLICK, "task_id": "mine", "agent": "codex", "operator_user": "me"})
    assert (status, task["task_id"], task["status"], task["action"]) == (202, "mine", "queued", "left_click")
    (submission,) = house.input.submissions
    assert submission.action == LeftClick(at=Point(x=10, y=20))
    assert (submission.agent, submission.operator_user) == ("codex", "me")


def test_a_foreign_dialect_is_translated(house: House) -> None:
    assert _submit(house, {"dialect": "anthropic", "action": {"action": "key", "text": "ctrl+s"}})[0] == 202
    assert house.input.submissions[0].action == Key(keys="ctrl+s")


def test_the_end_is_waited_for(house: House) -> None:
    house.input.ending = None
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(_submit, house, {**CLICK, "task_id": "mine"}, "?wait_s=60")
        assert house.input.arrived.wait(PATIENCE_S)
        house.call(lambda: house.input.finish("mine", status="completed", outcome="done"))
        status, task = answer.result()
    assert (status, task["status"], task["outcome"]) == (200, "completed", "done")


def test_a_wait_that_is_over_first_tells_how_it_is(house: House) -> None:
    house.input.ending = None
    status, task = _submit(house, CLICK, "?wait_s=0.01")
    assert (status, task["status"], task["outcome"]) == (202, "queued", None)


def test_a_door_that_closes_ends_the_wait(house: House) -> None:
    house.input.ending = None
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(_submit, house, CLICK, "?wait_s=60")
        assert house.input.arrived.wait(PATIENCE_S)
        house.close()
        assert answer.result()[0] == 202


@pytest.mark.parametrize("query", ["?wait_s=61", "?wait_s=-1", "?wait_s=nan", "?wait=1"])
def test_a_wrong_wait_queues_nothing(house: House, query: str) -> None:
    assert _submit(house, CLICK, query)[0] == 400
    assert house.input.submissions == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "not JSON"),
        (b"[]", "expected an object"),
        ({"action": "left_clik"}, "left_clik"),
        ({**CLICK, "button": "left"}, "button"),
        (b'{"action": "mouse_move", "at": {"x": NaN, "y": 1}}', "NaN"),
        ({"action": "mouse_move", "at": {"x": 1}}, "missing"),
        (b'{"action": "type", "text": "a", "text": "b"}', "twice"),
        ({"action": "wait", "duration_s": -1}, "duration_s"),
        ({**CLICK, "task_id": "a b"}, "task_id"),
        ({**CLICK, "dialect": "klingon"}, "klingon"),
        ({"action": "type", "text": "a" * 10_000_000}, "over the limit"),
    ],
)
def test_a_wrong_action_is_refused_with_its_reason(house: House, body: Any, told: str) -> None:
    status, problem = _submit(house, body)
    assert (status, problem["status"], problem["code"]) == (400, 400, "invalid")
    assert told in problem["detail"]
    assert house.input.submissions == []


def test_the_longest_text_is_taken(house: House) -> None:
    text = "漢" * MAX_TEXT
    body = json.dumps({"action": "type", "text": text}, ensure_ascii=False).encode()
    assert _submit(house, body)[0] == 202
    assert house.input.submissions[0].action == Type(text=text)


def test_more_than_the_longest_text_is_not_even_read(house: House) -> None:
    status, problem = _submit(house, b" " * (MAX_SUBMISSION_BYTES + 1))
    assert (status, problem["title"]) == (413, "The request body is too large")


def test_other_addresses_take_no_long_bodies(house: House) -> None:
    assert house.ask("POST", "/v1/input/task/x/cancel", b" " * 70_000, scope="input")[0] == 413


def test_every_refusal_has_its_status_and_its_code(house: House) -> None:
    expected = {
        "closed": 403, "latched": 403, "disarmed": 403, "policy": 403, "queue_full": 429, "rate": 429,
        "duplicate": 409, "invalid": 400, "off_screen": 400, "audit": 503,
    }  # fmt: skip
    assert set(expected) == set(STATUS_OF) == set(get_args(RefusalCode))
    for code in get_args(RefusalCode):
        house.input.refusal = InputRefusedError(code, "It is refused", "so it is", "Do this")
        status, problem = _submit(house, CLICK)
        assert status == expected[code]
        assert problem == {
            "type": "about:blank", "status": status, "title": "It is refused", "detail": "so it is",
            "hint": "Do this", "code": code,
        }  # fmt: skip


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_a_secret_text_shows_in_no_answer(house: House) -> None:
    _, queued = _submit(house, {"action": "type", "text": "hunter2", "secret": True, "task_id": "mine"})
    answers = [queued, *(house.ask("GET", path)[1] for path in _WHERE_TASKS_SHOW)]
    assert "hunter2" not in json.dumps(answers)


_WHERE_TASKS_SHOW = (
    "/v1/input/history", "/v1/input/status", "/v1/input/task/mine", "/input/status", "/input/task/mine",
)  # fmt: skip


def test_a_refusal_that_would_show_a_secret_text_does_not(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.input.refusal = InputRefusedError("policy", "hunter2 cannot be typed", "not into `hunter2`", "Try hunter3")
    _, problem = _submit(house, {"action": "paste", "text": "hunter2", "secret": True})
    assert "hunter2" not in json.dumps(problem) + caplog.text
    assert (problem["code"], problem["hint"]) == ("policy", "Try hunter3")


@pytest.mark.parametrize(
    "body",
    [
        b'{"action": "type", "text": "hunter2", "secret": true',
        b'{"action": "type", "text": "hunter2", "secret": "true"}',
        b'{"action": "type", "text": ["hunter2"], "secret": true}',
        b'{"action": "type", "text": "hunter2", "secret": true, "text": "hunter2"}',
        b'{"action": "type", "text": "hunter2", "secret": true, "task_id": "?"}',
    ],
)
def test_a_wrong_request_with_a_secret_does_not_show_it(house: House, body: bytes) -> None:
    status, problem = _submit(house, body)
    assert status == 400
    assert "hunter2" not in json.dumps(problem)


# --- looking and cancelling -------------------------------------------------------------------------------------------


def test_status_history_and_task(house: House) -> None:
    for name in ("one", "two"):
        _submit(house, {**CLICK, "task_id": name})
    view = house.ask("GET", "/v1/input/status", scope="read")[1]
    assert (view["queue_size"], view["control"]["state"], view["displays"][0]["id"]) == (0, "armed", "HDMI-1")
    assert [task["task_id"] for task in house.ask("GET", "/v1/input/history")[1]] == ["two", "one"]
    assert [task["task_id"] for task in house.ask("GET", "/v1/input/history?limit=1")[1]] == ["two"]
    assert house.ask("GET", "/v1/input/task/one")[1]["outcome"] == "done"


def test_long_texts_and_paths_are_shown_whole_in_their_own_task_alone(house: House) -> None:
    points = [{"x": n, "y": n} for n in range(101)]
    _submit(house, {"action": "drag_path", "points": points, "task_id": "path"})
    _submit(house, {"action": "type", "text": "漢" * 1001, "task_id": "text"})
    lists = (
        house.ask("GET", "/v1/input/history")[1],
        house.ask("GET", "/v1/input/status")[1]["recent"],
        house.ask("GET", "/input/status")[1]["recent_tasks"],
    )
    for text, path in lists:
        assert text["parameters"]["text"] == "漢" * 1000
        assert len(path["parameters"]["points"]) == 100
    text, path = lists[0]
    assert (text["parameters"]["text_length"], path["parameters"]["points_length"]) == (1001, 101)
    assert house.ask("GET", "/v1/input/task/text")[1]["parameters"] == {"text": "漢" * 1001}
    assert len(house.ask("GET", "/v1/input/task/path")[1]["parameters"]["points"]) == 101


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/input/task/nobody"),
        ("GET", "/v1/input/task/nobody?wait_s=1"),
        ("POST", "/v1/input/task/nobody/cancel"),
        ("GET", "/input/task/nobody"),
    ],
)
def test_an_unknown_task_is_told(house: House, method: str, path: str) -> None:
    status, problem, _ = house.ask(method, path, scope="input")
    assert (status, problem["title"]) == (404, "There is no input task `nobody`")


def test_a_task_is_cancelled_once(house: House) -> None:
    house.input.ending = None
    _submit(house, {**CLICK, "task_id": "mine"})
    first, second = (house.ask("POST", "/v1/input/task/mine/cancel", scope="input")[1] for _ in range(2))
    assert (first["cancelled"], first["task"]["reason"]) == (True, "cancelled by api")
    assert second["cancelled"] is False


# --- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["read", "operate"])
@pytest.mark.parametrize("path", ["/v1/input/submit", "/input/submit"])
def test_only_the_input_token_acts(house: House, scope: str, path: str) -> None:
    status, problem, _ = house.ask("POST", path, CLICK, scope=scope)
    assert (status, problem["hint"]) == (403, "Use the token `input`")
    assert house.input.submissions == []


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("operate", 200), ("input", 200)])
def test_who_may_cancel(house: House, scope: str, status: int) -> None:
    _submit(house, {**CLICK, "task_id": "mine"})
    assert house.ask("POST", "/v1/input/task/mine/cancel", scope=scope)[0] == status


@pytest.mark.parametrize("scope", ["read", "operate", "input"])
@pytest.mark.parametrize("path", ["/v1/input/status", "/v1/input/history", "/v1/control", "/input/status"])
def test_every_token_may_look(house: House, scope: str, path: str) -> None:
    assert house.ask("GET", path, scope=scope)[0] == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/input/submit"),
        ("GET", "/v1/input/status"),
        ("GET", "/v1/input/history"),
        ("GET", "/v1/input/task/x"),
        ("POST", "/v1/input/task/x/cancel"),
        ("POST", "/input/submit"),
        ("GET", "/input/status"),
        ("GET", "/input/task/x"),
        ("GET", "/v1/control"),
        ("POST", "/v1/disarm"),
    ],
)
def test_without_an_input_agent_it_is_not_available(tmp_path: Path, method: str, path: str) -> None:
    house = House(tmp_path, has_input=False).open()
    try:
        status, problem, _ = house.ask(method, path, scope="input")
    finally:
        house.close()
    assert (status, problem["title"]) == (503, "The input agent is not running")


# --- the earlier system's ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action_type", "parameters", "shown"),
    [
        ("click", {"x": 1, "y": 2}, {"x": 1, "y": 2, "button": "left", "clicks": 1}),
        ("click", {"x": 1, "y": 2, "button": "left", "clicks": 3}, {"x": 1, "y": 2, "button": "left", "clicks": 3}),
        ("right_click", {"x": 1, "y": 2}, {"x": 1, "y": 2}),
        ("double_click", {"x": 1, "y": 2}, {"x": 1, "y": 2}),
        ("move_to", {"x": 1, "y": 2, "duration": 0.5}, {"x": 1, "y": 2, "duration": 0.5}),
        ("type_text", {"text": "hi", "interval": 0.5}, {"text": "hi", "interval": 0.5}),
        ("hotkey", {"keys": ["ctrl", "s"]}, {"keys": ["ctrl", "s"]}),
        ("scroll", {"amount": 3, "x": 1, "y": 2}, {"amount": 3, "x": 1, "y": 2}),
        ("scroll", {"amount": -3}, {"amount": -3}),
        ("press_key", {"key": "a", "presses": 2}, {"key": "a", "presses": 2}),
        ("drag", {"x": 5, "y": -6}, {"x": 5, "y": -6, "duration": 0, "button": "left"}),
    ],
)
def test_an_earlier_script_submits_and_finds_its_own_words(
    house: House, action_type: str, parameters: dict[str, Any], shown: dict[str, Any]
) -> None:
    status, submitted = _earlier(house, action_type, **parameters)
    assert (status, submitted["status"], submitted["action_type"]) == (202, "queued", action_type)
    task = house.ask("GET", f"/input/task/{submitted['task_id']}")[1]
    assert (task["action_type"], task["parameters"]) == (action_type, shown)


@pytest.mark.parametrize(
    "body",
    [
        {"action": {"action_type": "click", "parameters": {"x": 10, "y": 20}}},
        {"dialect": "anthropic", "action": {"action": "left_click", "coordinate": [10, 20]}},
    ],
)
def test_what_was_queued_at_the_earlier_address_is_told_so_however_it_was_asked_for(
    house: House, body: dict[str, Any]
) -> None:
    status, submitted = house.ask("POST", "/input/submit", body, scope="input")[:2]
    assert (status, submitted.get("status"), submitted.get("action_type")) == (202, "queued", "click")
    assert len(house.input.submissions) == 1


def test_a_task_in_the_earlier_shape(house: House) -> None:
    house.input.ending = {"status": "failed", "outcome": "partial", "reason": "it was stopped", "retry_count": 1}
    task_id = _earlier(house, "press_key", key="a")[1]["task_id"]
    assert house.ask("GET", f"/input/task/{task_id}")[1] == {
        "task_id": task_id,
        "action_type": "press_key",
        "parameters": {"key": "a", "presses": 1},
        "operator_user": "me",
        "status": "error",
        "created_at": "2023-11-14T22:13:20.250Z",
        "started_at": "2023-11-14T22:13:21.250Z",
        "finished_at": "2023-11-14T22:13:21.750Z",
        "error": "it was stopped",
        "result": None,
        "retry_count": 1,
        "outcome": "partial",
    }
    assert CREATED_AT == 1_700_000_000.25


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("queued", "queued"), ("running", "running"), ("retrying", "running"), ("completed", "completed"),
     ("failed", "error")],
)  # fmt: skip
def test_the_earlier_words_for_a_status(house: House, ours: str, theirs: str) -> None:
    house.input.ending = {"status": ours}
    task_id = _earlier(house, "press_key", key="a")[1]["task_id"]
    assert house.ask("GET", f"/input/task/{task_id}")[1]["status"] == theirs


@pytest.mark.parametrize("pointer", [(10, 20), None])
def test_status_in_the_earlier_shape(house: House, pointer: tuple[int, int] | None) -> None:
    house.input.pointer = pointer
    _submit(house, {"action": "screenshot"})
    body = house.ask("GET", "/input/status")[1]
    (task,) = body.pop("recent_tasks")
    x, y = pointer or (None, None)
    assert body == {
        "queue_size": 0,
        "screen_size": {"width": 1920, "height": 1080},
        "mouse_position": {"x": x, "y": y},
    }
    assert (task["action_type"], task["status"], task["error"]) == ("screenshot", "completed", None)


def test_an_unknown_earlier_action_is_refused(house: House) -> None:
    assert _earlier(house, "fly", x=1)[0] == 400


@pytest.mark.parametrize("code", ["closed", "latched", "disarmed"])
@pytest.mark.parametrize("detail", ["", "the gate file says so"])
def test_an_earlier_script_reads_that_it_is_disabled(house: House, code: RefusalCode, detail: str) -> None:
    house.input.refusal = InputRefusedError(code, "Control is not armed", detail)
    status, problem = _earlier(house, "click", x=1, y=2)
    assert (status, problem["code"]) == (403, code)
    assert "disabled" in problem["detail"]
    assert (detail or "Control is not armed") in problem["detail"]


# --- pictures and displays ----------------------------------------------------------------------------------------

PICTURE = b"\x89PNG\r\n\x1a\n and more"


def _picture(house: House, name: str, scope: str = "input") -> tuple[int, bytes, str]:
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=PATIENCE_S)
    try:
        headers = {"Authorization": f"Bearer {house.token(scope)}"}
        connection.request("GET", f"/v1/input/pictures/{name}", headers=headers)
        response = connection.getresponse()
        return response.status, response.read(), response.headers["Content-Type"]
    finally:
        connection.close()


def test_a_picture_that_was_given_to_an_agent(house: House) -> None:
    house.paths.evidence.mkdir(parents=True, exist_ok=True)
    (house.paths.evidence / "0123456789ab.png").write_bytes(PICTURE)
    assert _picture(house, "0123456789ab") == (200, PICTURE, "image/png")
    assert [_picture(house, "0123456789ab", scope)[0] for scope in ("read", "operate")] == [403, 403]


@pytest.mark.parametrize("name", ["0123456789ac", "..%2Fstate.db", "0123456789ab.png", "x", "..%2f..%2fetc%2fpasswd"])
def test_nothing_else_is_given_out(house: House, name: str) -> None:
    house.paths.evidence.mkdir(parents=True, exist_ok=True)
    (house.paths.evidence / "0123456789ab.png").write_bytes(PICTURE)
    status, body, _ = _picture(house, name)
    assert (status, PICTURE in body) == (404, False)


def test_a_link_is_not_followed(house: House, tmp_path: Path) -> None:
    house.paths.evidence.mkdir(parents=True, exist_ok=True)
    (tmp_path / "secret").write_text("s3cr3t")
    (house.paths.evidence / "0123456789ab.png").symlink_to(tmp_path / "secret")
    status, body, _ = _picture(house, "0123456789ab")
    assert (status, b"s3cr3t" in body) == (404, False)


@pytest.mark.parametrize("scope", ["read", "operate", "input"])
def test_the_displays(house: House, scope: str) -> None:
    assert house.ask("GET", "/v1/input/displays", scope=scope)[1] == [
        {"id": "HDMI-1", "x": 0, "y": 0, "width": 1920, "height": 1080, "scale": 1.0, "primary": True}
    ]
