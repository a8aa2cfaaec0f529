"""What agents already speak, by the examples and references that its makers publish."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.input.actions import (
    Action,
    CursorPosition,
    DoubleClick,
    DragPath,
    HoldKey,
    Key,
    LeftClick,
    LeftClickDrag,
    LeftMouseDown,
    LeftMouseUp,
    MiddleClick,
    MouseMove,
    Point,
    RightClick,
    Screenshot,
    Scroll,
    TripleClick,
    Type,
    Wait,
    Zoom,
)
from aurora_desktop.input.dialects import anthropic, detect, legacy, openai, translate
from aurora_desktop.input.errors import InputRefusedError

AT = Point(x=100, y=200)


def refusal(raw: Mapping[str, Any], dialect: str = "auto") -> InputRefusedError:
    with pytest.raises(InputRefusedError) as caught:
        translate(raw, dialect)
    assert caught.value.code == "invalid"
    return caught.value


ANTHROPIC: list[tuple[dict[str, Any], Action]] = [
    # computer_20241022
    ({"action": "screenshot"}, Screenshot()),
    ({"action": "cursor_position"}, CursorPosition()),
    ({"action": "key", "text": "a"}, Key(keys="a")),
    ({"action": "key", "text": "Return"}, Key(keys="Return")),
    ({"action": "key", "text": "alt+Tab"}, Key(keys="alt+Tab")),
    ({"action": "key", "text": "ctrl+s"}, Key(keys="ctrl+s")),
    ({"action": "key", "text": "Up"}, Key(keys="Up")),
    ({"action": "key", "text": "KP_0"}, Key(keys="KP_0")),
    ({"action": "key", "text": "ctrl+plus"}, Key(keys="ctrl+plus")),
    ({"action": "key", "text": "Page_Down Page_Down"}, Key(keys="Page_Down", presses=2)),
    ({"action": "type", "text": "Hello, world!"}, Type(text="Hello, world!")),
    ({"action": "mouse_move", "coordinate": [100, 200]}, MouseMove(at=AT)),
    ({"action": "left_click"}, LeftClick()),
    ({"action": "left_click_drag", "coordinate": [100, 200]}, LeftClickDrag(to=AT)),
    ({"action": "right_click"}, RightClick()),
    ({"action": "middle_click"}, MiddleClick()),
    ({"action": "double_click"}, DoubleClick()),
    # computer_20250124
    ({"action": "left_click", "coordinate": [100, 200]}, LeftClick(at=AT)),
    ({"action": "left_click", "coordinate": [100, 200], "text": "shift"}, LeftClick(at=AT, modifiers="shift")),
    ({"action": "left_click", "coordinate": [100, 200], "key": "ctrl"}, LeftClick(at=AT, modifiers="ctrl")),
    ({"action": "right_click", "coordinate": [100, 200], "text": "ctrl+shift"},
     RightClick(at=AT, modifiers="ctrl+shift")),
    ({"action": "middle_click", "coordinate": [100, 200]}, MiddleClick(at=AT)),
    ({"action": "double_click", "coordinate": [100, 200]}, DoubleClick(at=AT)),
    ({"action": "triple_click", "coordinate": [100, 200]}, TripleClick(at=AT)),
    ({"action": "left_click_drag", "start_coordinate": [1, 2], "coordinate": [100, 200]},
     LeftClickDrag(start=Point(x=1, y=2), to=AT)),
    ({"action": "left_mouse_down"}, LeftMouseDown()),
    ({"action": "left_mouse_up", "coordinate": None}, LeftMouseUp()),
    ({"action": "scroll", "coordinate": [100, 200], "scroll_direction": "down", "scroll_amount": 3},
     Scroll(at=AT, dy=3)),
    ({"action": "scroll", "coordinate": [100, 200], "scroll_direction": "up", "scroll_amount": 3, "text": "ctrl"},
     Scroll(at=AT, dy=-3, modifiers="ctrl")),
    ({"action": "scroll", "scroll_direction": "left", "scroll_amount": 2}, Scroll(dx=-2)),
    ({"action": "scroll", "scroll_direction": "right", "scroll_amount": 2}, Scroll(dx=2)),
    ({"action": "hold_key", "text": "shift", "duration": 1.5}, HoldKey(keys="shift", duration_s=1.5)),
    ({"action": "wait", "duration": 2}, Wait(duration_s=2)),
    # computer_20251124
    ({"action": "zoom", "region": [0, 10, 400, 300]}, Zoom(corner=Point(x=0, y=10), opposite=Point(x=400, y=300))),
    ({"action": "key", "text": "Tab", "repeat": 3}, Key(keys="Tab", presses=3)),
    ({"type": "tool_use", "id": "toolu_1", "name": "computer", "input": {"action": "left_click",
      "coordinate": [100, 200]}}, LeftClick(at=AT)),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "action"), ANTHROPIC)
def test_anthropics_tool_is_translated(raw: dict[str, Any], action: Action) -> None:
    assert translate(raw, "anthropic") == translate(raw) == action


def test_every_action_of_anthropics_tool_has_an_example() -> None:
    assert {raw["action"] for raw, _ in ANTHROPIC if "action" in raw} == set(anthropic.TRANSLATORS)


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        ({"action": "mouse_move"}, "`coordinate`: it is missing"),
        ({"action": "mouse_move", "coordinate": [1]}, "`coordinate`: expected a list of 2 numbers"),
        ({"action": "mouse_move", "coordinate": "[1, 2]"}, "`coordinate`: expected a list of 2 numbers"),
        ({"action": "mouse_move", "coordinate": [1, "2"]}, "`coordinate[1]`: expected a number"),
        ({"action": "mouse_move", "coordinate": [1, float("nan")]}, "`coordinate[1]`: expected a finite number"),
        ({"action": "mouse_move", "coordinate": [10**400, 1]}, "`coordinate[0]`: expected a finite number"),
        ({"action": "type", "text": "a", "coordinate": [1, 2]}, "unknown field of `type` `coordinate`"),
        ({"action": "left_clic", "coordinate": [1, 2]}, "`action`: unknown action `left_clic`"),
        ({"action": "left_click", "coordinate": [1, 2], "text": "Return"}, "`text`: `return` is no modifier"),
        ({"action": "left_click", "text": "ctrl", "key": "alt"}, "`key`: `text` and `key` both name modifiers"),
        ({"action": "scroll", "scroll_direction": "dwn", "scroll_amount": 3}, "`scroll_direction`: unknown value"),
        ({"action": "scroll", "scroll_direction": "down", "scroll_amount": 0}, "`scroll_amount`: expected a whole"),
        ({"action": "scroll", "scroll_direction": "down", "scroll_amount": 2.5}, "`scroll_amount`: expected a whole"),
        ({"action": "key", "text": "Down Up"}, "`text`: expected one combination of keys"),
        ({"action": "key", "text": "ctrl+"}, "`text`: a key without a name"),
        ({"action": "hold_key", "text": "a a", "duration": 1}, "`text`: expected one combination"),
        ({"action": "wait", "duration": 100}, "`duration`: expected 0 to 60"),
        ({"action": "wait", "duration": -1}, "`duration`: expected 0 to 60"),
        ({"action": "zoom", "region": [1, 2, 3]}, "`region`: expected a list of 4 numbers"),
        ({"type": "tool_use", "name": "bash", "input": {}}, "`name`: only the tool `computer`"),
        ({"type": "tool_use", "name": "computer", "input": "x"}, "`input`: expected the tool's input"),
        ({"type": "tool_use", "name": "computer", "input": {}}, "`action`: expected the name"),
    ],
)
def test_what_anthropics_tool_does_not_know_is_refused(raw: dict[str, Any], detail: str) -> None:
    assert refusal(raw, "anthropic").detail.startswith(detail)


OPENAI: list[tuple[dict[str, Any], Action]] = [
    ({"type": "click", "button": "left", "x": 100, "y": 200}, LeftClick(at=AT)),
    ({"type": "click", "button": "right", "x": 100, "y": 200}, RightClick(at=AT)),
    ({"type": "click", "button": "wheel", "x": 100, "y": 200}, MiddleClick(at=AT)),
    ({"type": "click", "button": "left", "x": 100, "y": 200, "keys": ["CTRL", "SHIFT"]},
     LeftClick(at=AT, modifiers="ctrl+shift")),
    ({"type": "click", "button": "left", "x": 100, "y": 200, "keys": None}, LeftClick(at=AT)),
    ({"type": "double_click", "x": 100, "y": 200}, DoubleClick(at=AT)),
    ({"type": "drag", "path": [{"x": 100, "y": 200}, {"x": 200, "y": 300}]},
     DragPath(points=(AT, Point(x=200, y=300)))),
    ({"type": "drag", "path": [{"x": 100, "y": 200}, {"x": 200, "y": 300}], "keys": ["ALT"]},
     DragPath(points=(AT, Point(x=200, y=300)), modifiers="alt")),
    ({"type": "keypress", "keys": ["ENTER"]}, Key(keys="Return")),
    ({"type": "keypress", "keys": ["CTRL", "A"]}, Key(keys="ctrl+a")),
    ({"type": "keypress", "keys": ["CMD", "SHIFT", "P"]}, Key(keys="super+shift+p")),
    ({"type": "keypress", "keys": ["ALT", "ARROWLEFT"]}, Key(keys="alt+Left")),
    ({"type": "keypress", "keys": ["CTRL", "+"]}, Key(keys="ctrl+plus")),
    ({"type": "keypress", "keys": ["PAGEDOWN"]}, Key(keys="Page_Down")),
    ({"type": "keypress", "keys": ["TAB", "TAB"]}, Key(keys="Tab", presses=2)),
    ({"type": "move", "x": 100, "y": 200}, MouseMove(at=AT)),
    ({"type": "screenshot"}, Screenshot()),
    ({"type": "scroll", "x": 100, "y": 200, "scroll_x": 0, "scroll_y": 500}, Scroll(at=AT, dy=5)),
    ({"type": "scroll", "x": 100, "y": 200, "scroll_x": -120, "scroll_y": 0}, Scroll(at=AT, dx=-1)),
    ({"type": "scroll", "x": 100, "y": 200, "scroll_x": 0, "scroll_y": -3}, Scroll(at=AT, dy=-1)),
    ({"type": "scroll", "x": 100, "y": 200, "scroll_x": 0, "scroll_y": 200, "keys": ["CTRL"]},
     Scroll(at=AT, dy=2, modifiers="ctrl")),
    ({"type": "type", "text": "penguin"}, Type(text="penguin")),
    ({"type": "wait"}, Wait(duration_s=2)),
    ({"type": "wait", "ms": 500}, Wait(duration_s=0.5)),
    ({"type": "computer_call", "id": "cu_1", "call_id": "call_1", "status": "completed", "pending_safety_checks": [],
      "action": {"type": "click", "button": "left", "x": 100, "y": 200}}, LeftClick(at=AT)),
    ({"type": "computer_call", "call_id": "call_1", "status": "completed",
      "actions": [{"type": "click", "button": "left", "x": 100, "y": 200}]}, LeftClick(at=AT)),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "action"), OPENAI)
def test_openais_actions_are_translated(raw: dict[str, Any], action: Action) -> None:
    assert translate(raw, "openai") == translate(raw) == action


def test_every_action_of_openais_tool_has_an_example() -> None:
    assert {raw["type"] for raw, _ in OPENAI} == {*openai.TRANSLATORS, "computer_call"}


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        ({"type": "click", "x": 1, "y": 2, "button": "back"}, "`button`: the button `back` cannot be pressed"),
        ({"type": "click", "x": 1, "y": 2, "button": "forward"}, "`button`: the button `forward` cannot be pressed"),
        ({"type": "click", "x": 1, "y": 2, "button": "lft"}, "`button`: unknown value `lft`"),
        ({"type": "click", "y": 2}, "`x`: it is missing"),
        ({"type": "click", "x": 1, "y": 2, "keys": ["A"]}, "`keys`: `a` is no modifier"),
        ({"type": "double_click", "x": 1, "y": 2, "button": "right"}, "`button`: unknown value `right`"),
        ({"type": "clik", "x": 1, "y": 2}, "`type`: unknown action `clik`"),
        ({"type": "drag", "path": [{"x": 1, "y": 2}]}, "`points`: expected at least 2 points"),
        ({"type": "drag", "path": [[1, 2], [3, 4]]}, "`path`: expected a list of objects"),
        ({"type": "drag", "path": [{"x": 1, "y": 2}, {"x": 1}]}, "`path[1].y`: it is missing"),
        ({"type": "keypress", "keys": []}, "`keys`: a key without a name"),
        ({"type": "keypress", "keys": "ENTER"}, "`keys`: expected a list of texts"),
        ({"type": "move", "x": 1, "y": 2, "keys": ["CTRL"]}, "`keys`: a move cannot hold keys"),
        ({"type": "scroll", "x": 1, "y": 2, "scroll_x": 0, "scroll_y": 0}, "one of `dx` and `dy`"),
        ({"type": "wait", "ms": 100_000}, "`ms`: expected 0 to 60000"),
        ({"type": "computer_call", "action": {"type": "wait"}, "pending_safety_checks": [{"id": "sc_1"}]},
         "`pending_safety_checks`: the call waits"),
        ({"type": "computer_call", "actions": [{"type": "wait"}, {"type": "wait"}]}, "`actions`: expected a call"),
        ({"type": "computer_call", "action": {"type": "computer_call"}}, "`actions`: expected a call"),
        ({"type": 3}, "`type`: expected the name"),
    ],
)  # fmt: skip
def test_what_openais_tool_does_not_know_is_refused(raw: dict[str, Any], detail: str) -> None:
    assert refusal(raw).detail.startswith(detail)


LEGACY: list[tuple[str, dict[str, Any], Action]] = [
    ("click", {"x": 100, "y": 200}, LeftClick(at=AT)),
    ("click", {"x": 100, "y": 200, "button": "right"}, RightClick(at=AT)),
    ("click", {"x": 100, "y": 200, "button": "middle", "clicks": 1}, MiddleClick(at=AT)),
    ("click", {"x": 100, "y": 200, "clicks": 2}, DoubleClick(at=AT)),
    ("click", {"x": 100, "y": 200, "clicks": 3}, TripleClick(at=AT)),
    ("right_click", {"x": 100, "y": 200}, RightClick(at=AT)),
    ("double_click", {"x": 100, "y": 200}, DoubleClick(at=AT)),
    ("move_to", {"x": 100, "y": 200, "duration": 0.5}, MouseMove(at=AT, duration_s=0.5)),
    ("type_text", {"text": "hi", "interval": 0.1}, Type(text="hi", interval_s=0.1)),
    ("hotkey", {"keys": ["ctrl", "c"]}, Key(keys="ctrl+c")),
    ("hotkey", {"keys": "ctrl+shift+esc"}, Key(keys="ctrl+shift+Escape")),
    ("scroll", {"amount": 5}, Scroll(dy=-5)),
    ("scroll", {"amount": -5, "x": 100, "y": 200}, Scroll(at=AT, dy=5)),
    ("press_key", {"key": "enter", "presses": 2}, Key(keys="Return", presses=2)),
    ("press_key", {"key": "pagedown"}, Key(keys="Page_Down")),
    ("drag", {"x": 30, "y": -40, "duration": 1, "button": "right"},
     DragPath(points=(Point(x=0, y=0), Point(x=30, y=-40)), button="right", duration_s=1, relative=True)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parameters", "action"), LEGACY)
def test_the_earlier_systems_actions_are_translated(name: str, parameters: dict[str, Any], action: Action) -> None:
    raw = {"action_type": name, "parameters": parameters}
    assert translate(raw, "legacy") == translate(raw) == action


def test_every_action_of_the_earlier_system_has_an_example() -> None:
    assert {name for name, _, _ in LEGACY} == set(legacy.TRANSLATORS)


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        ({"action_type": "clik"}, "`action_type`: unknown action `clik`"),
        ({"action_type": "click"}, "`parameters.x`: it is missing"),
        ({"action_type": "click", "parameters": [1]}, "`parameters`: expected an object"),
        ({"action_type": "click", "parameters": {"x": 1, "y": 2, "z": 3}}, "`parameters`: unknown field of `click`"),
        ({"action_type": "scroll", "parameters": {"amount": 1}, "speed": 2}, "unknown field of `scroll` `speed`"),
        (
            {"action_type": "click", "parameters": {"x": 1, "y": 2, "button": "right", "clicks": 2}},
            "`parameters.clicks`: 2 clicks with the right button",
        ),
        ({"action_type": "scroll", "parameters": {"amount": 0}}, "one of `dx` and `dy`"),
        ({"action_type": "scroll", "parameters": {"amount": 5, "x": 1}}, "`parameters.y`: it is missing"),
        ({"action_type": "hotkey", "parameters": {"keys": []}}, "`parameters.keys`: a key without a name"),
        ({"action_type": "hotkey", "parameters": {"keys": [1]}}, "`parameters.keys`: expected a list of texts"),
        ({"action_type": "press_key", "parameters": {"key": "a", "presses": 101}}, "`parameters.presses`: expected"),
    ],
)
def test_what_the_earlier_system_did_not_know_is_refused(raw: dict[str, Any], detail: str) -> None:
    assert refusal(raw).detail.startswith(detail)


@pytest.mark.parametrize(
    ("raw", "dialect"),
    [
        ({"action": "screenshot"}, "aurora"),
        ({"action": "type", "text": "a"}, "aurora"),
        ({"action": "paste", "text": "a"}, "aurora"),
        ({"action": "key", "keys": "a"}, "aurora"),
        ({"action": "key", "text": "a"}, "anthropic"),
        ({"action": "wait", "duration_s": 1}, "aurora"),
        ({"action": "wait", "duration": 1}, "anthropic"),
        ({"action": "left_click", "text": "ctrl"}, "anthropic"),
        ({"type": "wait"}, "openai"),
        ({"type": "tool_use"}, "anthropic"),
        ({"action_type": "click"}, "legacy"),
    ],
)
def test_the_dialect_is_told_by_the_fields(raw: dict[str, Any], dialect: str) -> None:
    assert detect(raw) == dialect


@pytest.mark.parametrize("raw", [{"action_type": "click", "type": "click"}, {"action_type": "click", "action": "key"}])
def test_fields_of_two_dialects_are_refused(raw: dict[str, Any]) -> None:
    assert "two dialects" in refusal(raw).detail


@pytest.mark.parametrize("raw", [raw for raw, _ in ANTHROPIC if "action" in raw and detect(raw) == "aurora"])
def test_what_both_could_mean_is_the_same_in_both(raw: dict[str, Any]) -> None:
    present = {name: value for name, value in raw.items() if value is not None}
    assert translate(present, "aurora") == translate(present, "anthropic")


@pytest.mark.parametrize(
    ("raw", "dialect"),
    [
        *((raw, "anthropic") for raw, _ in ANTHROPIC),
        *((raw, "openai") for raw, _ in OPENAI),
        *(({"action_type": name, "parameters": p}, "legacy") for name, p, _ in LEGACY if name != "drag"),
    ],
)
def test_every_point_of_a_foreign_action_is_in_the_named_screenshot(raw: dict[str, Any], dialect: str) -> None:
    plain = msgspec.to_builtins(translate(raw, dialect, screenshot="shot_1"))
    points = [value for value in plain.values() if isinstance(value, dict)] + list(plain.get("points", ()))
    assert all(point["screenshot"] == "shot_1" for point in points)


@given(st.floats(min_value=-90_000, max_value=90_000).filter(lambda pixels: pixels != 0))
def test_a_scroll_in_pixels_keeps_its_direction_and_is_never_lost(pixels: float) -> None:
    action = translate({"type": "scroll", "x": 1, "y": 1, "scroll_x": 0, "scroll_y": pixels})
    assert isinstance(action, Scroll)
    assert action.dy * pixels > 0
    assert abs(abs(action.dy) - abs(pixels) / openai.PIXELS_PER_NOTCH) <= 1
