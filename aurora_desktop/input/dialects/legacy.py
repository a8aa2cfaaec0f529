"""The earlier system's actions: `{"action_type": ..., "parameters": {...}}`, in desktop pixels."""

from collections.abc import Mapping
from typing import Any, Final

from aurora_desktop.input.dialects.reading import Fields, Own, Translator, translated
from aurora_desktop.input.key_names import combination_of, split_keys
from aurora_desktop.input.schema_check import refused

_CLICKS: Final = {
    ("left", 1): "left_click",
    ("left", 2): "double_click",
    ("left", 3): "triple_click",
    ("middle", 1): "middle_click",
    ("right", 1): "right_click",
}
_BUTTONS: Final = ("left", "middle", "right")


def translate(raw: Mapping[str, Any], screenshot: str = "") -> Own:
    """Our fields for one request. Raises InputRefusedError."""
    name, parameters = raw.get("action_type"), raw.get("parameters") or {}
    if not isinstance(name, str):
        raise refused("expected the name of an action", "action_type")
    if not isinstance(parameters, Mapping):
        raise refused("expected an object", "parameters")
    fields = Fields(parameters, skip=(), path="parameters", screenshot=screenshot)
    Fields(raw, skip=("action_type", "parameters")).finish(name)
    return translated(fields, name, TRANSLATORS, "action_type")


def _click(fields: Fields) -> Own:
    button = fields.choice("button", _BUTTONS, "left")
    clicks = fields.whole("clicks", 1, least=1, most=3)
    if (button, clicks) not in _CLICKS:
        raise refused(
            f"{clicks} clicks with the {button} button at once are not known", "parameters.clicks", "click twice"
        )
    return {"action": _CLICKS[button, clicks], "at": fields.place()}


def _move_to(fields: Fields) -> Own:
    return {"action": "mouse_move", "at": fields.place(), "duration_s": fields.seconds("duration", 0)}


def _type_text(fields: Fields) -> Own:
    return {"action": "type", "text": fields.text("text"), "interval_s": fields.seconds("interval", 0)}


def _hotkey(fields: Fields) -> Own:
    return {"action": "key", "keys": _combination(fields, "keys")}


def _press_key(fields: Fields) -> Own:
    return {
        "action": "key",
        "keys": _combination(fields, "key"),
        "presses": fields.whole("presses", 1, least=1, most=100),
    }


def _combination(fields: Fields, name: str) -> str:
    """Keys as a list, or joined by `+` in a text."""
    try:
        return combination_of(_names(fields, name))
    except ValueError as error:
        raise refused(str(error), f"parameters.{name}", "write it like `ctrl+s`") from None


def _names(fields: Fields, name: str) -> list[str]:
    if fields.is_text(name):
        return split_keys(fields.text(name))
    names: list[str] = fields.texts(name)
    return names


def _scroll(fields: Fields) -> Own:
    """A positive amount went up there, as pyautogui has it."""
    amount = fields.whole("amount", least=-1000, most=1000)
    return {"action": "scroll", "at": fields.place(required=False), "dy": -amount}


def _drag(fields: Fields) -> Own:
    """By a distance from wherever the pointer is when its turn comes."""
    return {
        "action": "drag_path",
        "points": [{"x": 0, "y": 0}, {"x": fields.number("x"), "y": fields.number("y")}],
        "relative": True,
        "button": fields.choice("button", _BUTTONS, "left"),
        "duration_s": fields.seconds("duration", 0),
    }


TRANSLATORS: Final[dict[str, Translator]] = {
    "click": _click,
    "right_click": lambda fields: {"action": "right_click", "at": fields.place()},
    "double_click": lambda fields: {"action": "double_click", "at": fields.place()},
    "move_to": _move_to,
    "type_text": _type_text,
    "hotkey": _hotkey,
    "scroll": _scroll,
    "press_key": _press_key,
    "drag": _drag,
}
