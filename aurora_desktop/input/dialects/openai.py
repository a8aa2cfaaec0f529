"""OpenAI's computer use: the actions of `computer_call`, of the preview tool and of today's `computer` tool.

https://platform.openai.com/docs/guides/tools-computer-use
Taken alone (`{"type": "click", ...}`) or as the whole `computer_call`, with one action. `keys` beside a pointer action
are modifiers held meanwhile. Coordinates are in the pixels of the screenshot that the model was shown.
"""

from collections.abc import Mapping
from typing import Any, Final

from aurora_desktop.input.dialects.reading import Fields, Own, Translator, translated
from aurora_desktop.input.key_names import canonical_modifiers, combination_of
from aurora_desktop.input.schema_check import refused

PIXELS_PER_NOTCH: Final = 100
WAIT_S: Final = 2.0
_ENVELOPE: Final = ("type",)
_CLICKS: Final = {"left": "left_click", "right": "right_click", "wheel": "middle_click", "middle": "middle_click"}
_BROWSER_BUTTONS: Final = {"back": "ARROWLEFT", "forward": "ARROWRIGHT"}


def translate(raw: Mapping[str, Any], screenshot: str = "") -> Own:
    """Our fields for one action. Raises InputRefusedError."""
    if raw.get("type") == "computer_call":
        return translate(_of_call(raw), screenshot)
    name = raw.get("type")
    if not isinstance(name, str):
        raise refused("expected the name of an action", "type")
    return translated(Fields(raw, skip=_ENVELOPE, screenshot=screenshot), name, TRANSLATORS, "type")


def _of_call(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    if raw.get("pending_safety_checks"):
        raise refused(
            "the call waits for its safety checks", "pending_safety_checks", "let a person confirm them first"
        )
    actions = raw.get("actions")
    action = actions[0] if isinstance(actions, list | tuple) and len(actions) == 1 else raw.get("action")
    if not isinstance(action, Mapping) or action.get("type") == "computer_call":
        raise refused("expected a call with one action", "actions", "submit the actions one by one")
    return action


def _click(fields: Fields) -> Own:
    button = fields.choice("button", (*_CLICKS, *_BROWSER_BUTTONS), "left")
    if button in _BROWSER_BUTTONS:
        key = _BROWSER_BUTTONS[button]
        raise refused(
            f"the button `{button}` cannot be pressed",
            "button",
            f'use {{"type": "keypress", "keys": ["ALT", "{key}"]}}',
        )
    return {"action": _CLICKS[button], "at": fields.place(), "modifiers": _held(fields)}


def _double_click(fields: Fields) -> Own:
    fields.choice("button", ("left",), "left")
    return {"action": "double_click", "at": fields.place(), "modifiers": _held(fields)}


def _drag(fields: Fields) -> Own:
    points = [_path_point(point, index, fields) for index, point in enumerate(fields.objects("path"))]
    return {"action": "drag_path", "points": points, "modifiers": _held(fields)}


def _path_point(point: Mapping[str, Any], index: int, fields: Fields) -> Own:
    inner = Fields(point, skip=(), path=f"path[{index}]")
    x, y = inner.number("x"), inner.number("y")
    inner.finish("path")
    return fields.point(x, y)


def _keypress(fields: Fields) -> Own:
    names = fields.texts("keys")
    # The same key over and over is a repetition, not a combination.
    presses = len(names) if len(set(names)) == 1 else 1
    try:
        keys = combination_of(names[:1] if presses > 1 else names)
    except ValueError as error:
        raise refused(str(error), "keys") from None
    return {"action": "key", "keys": keys, "presses": presses}


def _move(fields: Fields) -> Own:
    if _held(fields):
        raise refused("a move cannot hold keys", "keys", "use `click` or `drag`")
    return {"action": "mouse_move", "at": fields.place()}


def _scroll(fields: Fields) -> Own:
    dx, dy = (_notches(fields.number(name, 0)) for name in ("scroll_x", "scroll_y"))
    return {"action": "scroll", "at": fields.place(), "dx": dx, "dy": dy, "modifiers": _held(fields)}


def _notches(pixels: float) -> int:
    """Rounded, and at least one: a short scroll is not lost."""
    return 0 if not pixels else max(1, round(abs(pixels) / PIXELS_PER_NOTCH)) * (1 if pixels > 0 else -1)


def _held(fields: Fields) -> str | None:
    keys = fields.texts("keys", [])
    try:
        return canonical_modifiers("+".join(keys)) if keys else None
    except ValueError as error:
        raise refused(str(error), "keys", "beside a pointer action they are modifiers") from None


def _wait(fields: Fields) -> Own:
    return {"action": "wait", "duration_s": fields.seconds("ms", per_unit=0.001) if fields.has("ms") else WAIT_S}


TRANSLATORS: Final[dict[str, Translator]] = {
    "click": _click,
    "double_click": _double_click,
    "drag": _drag,
    "keypress": _keypress,
    "move": _move,
    "screenshot": lambda _: {"action": "screenshot"},
    "scroll": _scroll,
    "type": lambda fields: {"action": "type", "text": fields.text("text")},
    "wait": _wait,
}
