"""What creates something creates it once for each key."""

import json
from pathlib import Path
from typing import Any

import pytest

from api.house import House
from aurora_desktop.input.errors import InputRefusedError

CLICK = {"action": "left_click", "at": {"x": 10, "y": 20}}
TASK = {"agent": "claude", "prompt": "tidy up"}


def _submit(house: House, body: Any = CLICK, path: str = "/v1/input/submit", **headers: str) -> tuple[int, Any]:
    return house.ask("POST", path, body, scope="input", **headers)[:2]


def test_an_action_with_a_key_is_done_once(house: House) -> None:
    first = _submit(house, Idempotency_Key="k1")
    second = _submit(house, Idempotency_Key="k1")
    assert first[1]["task_id"] == second[1]["task_id"]
    assert second[1]["status"] == "completed"
    assert len(house.input.submissions) == 1


def test_an_action_with_a_key_and_an_id_of_its_own_is_done_once(house: House) -> None:
    for _ in range(2):
        assert _submit(house, {**CLICK, "task_id": "mine"}, Idempotency_Key="k1")[1]["task_id"] == "mine"
    assert len(house.input.submissions) == 1


def test_other_keys_and_none_are_other_actions(house: House) -> None:
    for headers in ({"Idempotency_Key": "k1"}, {"Idempotency_Key": "k2"}, {}, {}):
        assert _submit(house, **headers)[0] in (200, 202)
    assert len(house.input.submissions) == 4


def test_a_key_of_another_request_is_refused(house: House) -> None:
    _submit(house, Idempotency_Key="k1")
    status, body = _submit(house, {"action": "right_click"}, Idempotency_Key="k1")
    assert (status, body["title"]) == (422, "This idempotency key was used for another request")
    assert len(house.input.submissions) == 1


def test_an_action_from_before_a_restart_is_not_done_again(tmp_path: Path) -> None:
    first = House(tmp_path).open()
    task_id = _submit(first, Idempotency_Key="k1")[1]["task_id"]
    first.close()
    second = House(tmp_path).open()
    try:
        status, body = _submit(second, Idempotency_Key="k1")
        assert (status, body["code"]) == (409, "duplicate")
        assert task_id in body["detail"]
        assert second.input.submissions == []
    finally:
        second.close()


def test_a_refused_action_leaves_its_key_free(house: House) -> None:
    house.input.refusal = InputRefusedError("queue_full", "The queue is full")
    assert _submit(house, Idempotency_Key="k1")[0] == 429
    house.input.refusal = None
    assert _submit(house, Idempotency_Key="k1")[0] in (200, 202)


def test_the_earlier_address_knows_the_key_too(house: House) -> None:
    body = {"action_type": "click", "parameters": {"x": 1, "y": 2}}
    first, second = (_submit(house, body, "/input/submit", Idempotency_Key="old")[1] for _ in range(2))
    assert first["task_id"] == second["task_id"]
    assert len(house.input.submissions) == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb"])
def test_a_key_that_cannot_be_kept_is_refused(house: House, key: str) -> None:
    status, body = _submit(house, Idempotency_Key=key)
    assert (status, body["title"]) == (400, "The idempotency key cannot be used")


def test_nothing_of_a_secret_text_is_on_the_disk(house: House) -> None:
    action = {"action": "type", "text": "correct horse battery", "secret": True}
    assert _submit(house, action, Idempotency_Key="secret-1")[0] in (200, 202)
    rows = house.database.read("SELECT key, made FROM api_keys")
    assert [key for key, _ in rows] == ["secret-1"]
    assert "horse" not in json.dumps(rows)


def test_without_a_disk_for_the_key_nothing_is_done(house: House) -> None:
    house.database.close()
    status, body = _submit(house, Idempotency_Key="k1")
    assert (status, body["title"]) == (503, "The idempotency key cannot be kept")
    assert house.input.submissions == []


def test_a_task_takes_its_key_from_the_header(house: House) -> None:
    assert house.ask("POST", "/v1/tasks", TASK, Idempotency_Key="t1")[0] == 202
    assert house.tasks.requests[-1].idempotency_key == "t1"


def test_a_task_with_two_different_keys_is_refused(house: House) -> None:
    status, body, _ = house.ask("POST", "/v1/tasks", {**TASK, "idempotency_key": "a"}, Idempotency_Key="b")
    assert (status, body["title"]) == (400, "There are two different idempotency keys")
    assert house.tasks.requests == []
