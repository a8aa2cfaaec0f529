"""Anthropic's computer tool: `computer_20241022`, `computer_20250124` and `computer_20251124`.

https://platform.claude.com/docs/en/agents-and-tools/tool-use/computer-use-tool
Taken alone (`{"action": ...}`) or as the whole `tool_use` block. Coordinates are in the pixels of the screenshot that
the model was shown. `text` of a click or a scroll (`key` in the reference program) are modifiers held meanwhile.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from aurora_desktop.input.dialects.reading import Fields, Own, Translator, translated
from aurora_desktop.input.key_names import canonical_modifiers, combination_of, split_keys
from aurora_desktop.input.schema_check import refused

ONLY_HERE: Final = frozenset(
    {"coordinate", "start_coordinate", "scroll_direction", "scroll_amount", "duration", "region", "repeat"}
)
_ENVELOPE: Final = ("action",)
_DIRECTIONS: Final = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}


def translate(raw: Mapping[str, Any], screenshot: str = "") -> Own:
    """Our fields for one tool input. Raises InputRefusedError."""
    if raw.get("type") == "tool_use":
        return _from_block(raw, screenshot)
    name = raw.get("action")
    if not isinstance(name, str):
        raise refused("expected the name of an action", "action")
    return translated(Fields(raw, skip=_ENVELOPE, screenshot=screenshot), name, TRANSLATORS, "action")


def _from_block(raw: Mapping[str, Any], screenshot: str) -> Own:
    tool, content = raw.get("name"), raw.get("input")
    if tool != "computer":
        raise refused("only the tool `computer` is translated", "name")
    if not isinstance(content, Mapping):
        raise refused("expected the tool's input", "input")
    return translate(content, screenshot)


def _click(name: str) -> Translator:
    def click(fields: Fields) -> Own:
        return {"action": name, "at": fields.pair("coordinate", required=False), "modifiers": _modifiers(fields)}

    return click


def _button(name: str) -> Translator:
    return lambda fields: {"action": name, "at": fields.pair("coordinate", required=False)}


def _move(fields: Fields) -> Own:
    return {"action": "mouse_move", "at": fields.pair("coordinate")}


def _drag(fields: Fields) -> Own:
    return {
        "action": "left_click_drag",
        "to": fields.pair("coordinate"),
        "start": fields.pair("start_coordinate", required=False),
        "modifiers": _modifiers(fields),
    }


def _scroll(fields: Fields) -> Own:
    dx, dy = _DIRECTIONS[fields.choice("scroll_direction", tuple(_DIRECTIONS))]
    amount = fields.whole("scroll_amount", least=1, most=1000)
    at = fields.pair("coordinate", required=False)
    return {"action": "scroll", "at": at, "dx": dx * amount, "dy": dy * amount, "modifiers": _modifiers(fields)}


def _key(fields: Fields) -> Own:
    keys, presses = _sequence(fields.text("text"))
    return {"action": "key", "keys": keys, "presses": fields.whole("repeat", presses, least=1, most=100)}


def _hold_key(fields: Fields) -> Own:
    keys, presses = _sequence(fields.text("text"))
    if presses != 1:
        raise refused("expected one combination", "text")
    return {"action": "hold_key", "keys": keys, "duration_s": fields.seconds("duration")}


def _sequence(text: str) -> tuple[str, int]:
    """As `xdotool key` takes it: `Down Down` is the same key twice; different ones are several actions."""
    written = text.split() or ([text] if text else [])
    try:
        combinations = {combination_of(split_keys(part)) for part in written}
    except ValueError as error:
        raise refused(str(error), "text", "write it like `ctrl+s`") from None
    if len(combinations) != 1:
        raise refused("expected one combination of keys", "text", "send one action for each")
    return combinations.pop(), len(written)


def _modifiers(fields: Fields) -> str | None:
    text, key = fields.text("text", ""), fields.text("key", "")
    if text and key:
        raise refused("`text` and `key` both name modifiers", "key", "leave one of them out")
    try:
        return canonical_modifiers(text or key) if text or key else None
    except ValueError as error:
        raise refused(str(error), "text" if text else "key", "on a click or a scroll it names modifiers") from None


def _zoom(fields: Fields) -> Own:
    x0, y0, x1, y1 = fields.numbers("region", 4)
    return {"action": "zoom", "corner": fields.point(x0, y0), "opposite": fields.point(x1, y1)}


def _plain(name: str) -> Callable[[Fields], Own]:
    return lambda _: {"action": name}


TRANSLATORS: Final[dict[str, Translator]] = {
    "key": _key,
    "type": lambda fields: {"action": "type", "text": fields.text("text")},
    "mouse_move": _move,
    "left_click": _click("left_click"),
    "left_click_drag": _drag,
    "right_click": _click("right_click"),
    "middle_click": _click("middle_click"),
    "double_click": _click("double_click"),
    "triple_click": _click("triple_click"),
    "screenshot": _plain("screenshot"),
    "cursor_position": _plain("cursor_position"),
    "left_mouse_down": _button("left_mouse_down"),
    "left_mouse_up": _button("left_mouse_up"),
    "scroll": _scroll,
    "hold_key": _hold_key,
    "wait": lambda fields: {"action": "wait", "duration_s": fields.seconds("duration")},
    "zoom": _zoom,
}
