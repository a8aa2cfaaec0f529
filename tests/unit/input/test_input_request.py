"""Requests: what is right is read, what is wrong is refused by name."""

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.input.actions import Action, LeftClick, Point, Type, name_of
from aurora_desktop.input.errors import InputRefusedError
from aurora_desktop.input.request import MAX_REQUEST_BYTES, new_task_id, parse
from aurora_desktop.input.schema_check import ACTION_NAMES, to_action
from aurora_desktop.input.view import Submission

CLICK = {"action": "left_click", "at": {"x": 10, "y": 20}}


def refusal(raw: Any) -> InputRefusedError:
    with pytest.raises(InputRefusedError) as caught:
        parse(raw if isinstance(raw, bytes | dict) else json.dumps(raw).encode())
    assert caught.value.code == "invalid"
    return caught.value


def test_an_action_among_the_fields_is_read() -> None:
    submission = parse(json.dumps({**CLICK, "task_id": "mine-1", "agent": "clerk", "operator_user": "ann"}).encode())
    assert submission.action == LeftClick(at=Point(x=10, y=20))
    assert (submission.task_id, submission.agent, submission.operator_user) == ("mine-1", "clerk", "ann")


def test_an_action_in_an_object_of_its_own_is_read() -> None:
    assert parse({"action": CLICK, "agent": "clerk"}).action == LeftClick(at=Point(x=10, y=20))


def test_the_dialect_may_be_named_in_the_request() -> None:
    assert parse({"dialect": "anthropic", "action": "left_click", "coordinate": [10, 20]}).action == parse(CLICK).action


def test_the_screenshot_beside_a_foreign_action_is_that_of_its_points() -> None:
    action = parse({"type": "click", "x": 1, "y": 2, "screenshot": "shot_1"}).action
    assert action == LeftClick(at=Point(x=1, y=2, screenshot="shot_1"))


@pytest.mark.parametrize(
    ("raw", "detail", "hint"),
    [
        ({}, "`action` is missing", "left_click"),
        ({"action": 3}, "`action`: expected the name", ""),
        ({"action": "left_clik"}, "`action`: unknown action `left_clik`", "did you mean `left_click`?"),
        ({"action": "zzz"}, "`action`: unknown action `zzz`", "known here: mouse_move, "),
        ({**CLICK, "modifers": "ctrl"}, "unknown field `modifers`", "did you mean `modifiers`?"),
        ({"action": "left_click", "at": {"x": 1, "y": 2, "dispaly": "a"}}, "`at`: unknown field `dispaly`", "display"),
        ({"action": "left_click", "at": {"x": 1}}, "`at.y`: it is missing", ""),
        ({"action": "mouse_move"}, "`at`: it is missing", ""),
        ({"action": "left_click", "at": {"x": "1", "y": 2}}, "`at.x`: expected a number, found a text", ""),
        ({"action": "left_click", "at": {"x": True, "y": 2}}, "`at.x`: expected a number, found true or false", ""),
        ({"action": "left_click", "at": [1, 2]}, "`at`: expected an object like", ""),
        ({"action": "drag_path", "points": [{"x": 1, "y": 2}]}, "`points`: expected at least 2 points", ""),
        ({"action": "drag_path", "points": [{"x": 1, "y": 2}, {"y": 2}]}, "`points[1].x`: it is missing", ""),
        (
            {"action": "drag_path", "points": [{"x": 1, "y": 2}, {"x": 1, "y": 2}], "button": "lft"},
            "`button`: expected one of left, middle, right",
            "",
        ),
        ({"action": "wait", "duration_s": -1}, "`duration_s` must be from 0 to 60 seconds", ""),
        ({"action": "wait", "duration_s": 61}, "`duration_s` must be from 0 to 60 seconds", ""),
        ({"action": "scroll"}, "one of `dx` and `dy` must not be 0", ""),
        ({"action": "scroll", "dy": 1001}, "`dy`: expected 1000 or less", ""),
        ({"action": "key", "keys": "a", "presses": 0}, "`presses`: expected 1 or more", ""),
        ({"action": "type", "text": ""}, "`text`: expected a text that is not empty", ""),
        ({"action": "type", "text": "x" * 1_000_001}, "`text`: expected at most 1,000,000 characters", ""),
        ({"action": "type", "text": "\ud800"}, "half a character", "the character itself"),
        ({**CLICK, "modifiers": "ctrl+hyper"}, "`modifiers`: `hyper` is no modifier", "ctrl, alt, shift, super"),
        (
            {"action": "left_click", "at": {"x": 1, "y": 2, "display": "a", "screenshot": "b"}},
            "`at`: `display` and `screenshot` exclude each other",
            "",
        ),
        ({**CLICK, "task_id": "a b"}, "`task_id`: expected 1 to 64 letters", ""),
        ({**CLICK, "task_id": "x" * 65}, "`task_id`: expected 1 to 64 letters", ""),
        ({**CLICK, "task_id": "x\n"}, "`task_id`: expected 1 to 64 letters", ""),
        ({**CLICK, "task_id": 7}, "`task_id`: expected 1 to 64 letters", ""),
        ({**CLICK, "agent": "x" * 101}, "`agent`: expected a text of at most 100 characters", ""),
        ({**CLICK, "agent": "two\nlines"}, "`agent`: expected a text of at most 100 characters", ""),
        ({**CLICK, "dialect": "klingon"}, "`dialect`: unknown dialect `klingon`", "known here: auto, aurora"),
        ({**CLICK, "screenshot": "s"}, "`screenshot`: our own actions name the screenshot in each point", ""),
        ([], "expected an object with an `action`", "left_click"),
        (b"", "this is not JSON", ""),
        (b'{"action": ', "this is not JSON: Expecting value in line 1, column 12", ""),
        (b"\xff", "the request is not UTF-8", ""),
        (b"[" * 100_000, "nested too deeply", ""),
        (b'{"action": "wait", "action": "wait"}', "`action` is given twice", ""),
        (b'{"action": "wait", "duration_s": NaN}', "`NaN` is no number of JSON", "finite"),
        (b'{"action": "wait", "duration_s": -Infinity}', "`-Infinity` is no number of JSON", "finite"),
        (b'{"action": "wait", "duration_s": 1e999}', "`duration_s` must be a finite number", ""),
        (b'{"action": "wait", "duration_s": ' + b"9" * 400 + b"}", "`duration_s`: Number out of range", ""),
        (b'{"action": "wait", "duration_s": ' + b"9" * 5000 + b"}", "a number is too long", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place_and_what_was_meant(raw: Any, detail: str, hint: str) -> None:
    error = refusal(raw)
    assert error.detail.startswith(detail) or detail in error.detail
    assert hint in error.hint


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_plain_data_with_a_number_that_is_none_is_refused(number: float) -> None:
    assert "finite" in refusal({"action": "left_click", "at": {"x": number, "y": 1}}).detail


def test_ten_megabytes_of_text_are_refused_with_the_limits_named() -> None:
    error = refusal(json.dumps({"action": "type", "text": "x" * 10_000_000}).encode())
    assert f"{MAX_REQUEST_BYTES:,}" in error.detail
    assert "1,000,000 characters" in error.hint


def test_the_longest_text_of_four_byte_characters_fits_a_request() -> None:
    text = "😀" * 1_000_000
    assert parse(json.dumps({"action": "type", "text": text}, ensure_ascii=False).encode()).action == Type(text=text)


def test_no_refusal_repeats_a_secret_text() -> None:
    error = refusal({"action": "type", "text": ["hunter2"], "secret": True})
    assert "hunter2" not in str(error)


def test_modifiers_become_our_own_names() -> None:
    assert parse({**CLICK, "modifiers": "Control_L+SHIFT+ctrl"}).action == LeftClick(
        at=Point(x=10, y=20), modifiers="ctrl+shift"
    )


def test_new_ids_are_of_the_form_that_logs_have() -> None:
    first, second = new_task_id(), new_task_id()
    assert first != second
    assert parse({**CLICK, "task_id": first}).task_id == first
    assert int(first.removeprefix("input_"), 16) >= 0


def read_or_refused(raw: Any) -> Submission | InputRefusedError:
    """Anything else that is raised fails the test."""
    try:
        return parse(raw)
    except InputRefusedError as error:
        refused = error
    assert refused.code == "invalid"
    assert refused.detail
    return refused


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELD_NAMES = sorted(
    {field for kind in get_args(Action) for field in kind.__struct_fields__}
    | {"task_id", "agent", "dialect", "screenshot", "type", "action_type", "parameters", "coordinate", "x", "y", "path"}
)


@given(
    st.dictionaries(st.sampled_from(FIELD_NAMES) | st.text(max_size=5), json_values, max_size=5),
    st.sampled_from(["action", "type", "action_type"]),
    st.sampled_from([*ACTION_NAMES, "click", "drag", "move", "hotkey", "press_key", "scroll"]) | json_values,
)
def test_any_request_is_read_or_refused_as_invalid(fields: dict[str, Any], tag: str, name: Any) -> None:
    read = read_or_refused({**fields, tag: name})
    assert isinstance(read, InputRefusedError) or to_action(msgspec.to_builtins(read.action)) == read.action


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_as_invalid(raw: bytes) -> None:
    read_or_refused(raw)


@pytest.mark.parametrize("kind", get_args(Action))
def test_every_action_has_its_name_in_the_schema(kind: Any) -> None:
    assert kind.__struct_config__.tag in ACTION_NAMES


def test_the_name_of_an_action_is_the_written_one() -> None:
    assert name_of(LeftClick()) == "left_click"
