"""Translates what agents already speak into actions of our schema: pure functions from plain data to plain data.

Which dialect a request is in is told by its fields alone, and only where that leaves no doubt:

- `action_type`: `legacy`, the earlier system's;
- `type`: `openai`, or for a `tool_use` block `anthropic`;
- `action` with a field that only Anthropic's tool has (`coordinate`, `scroll_direction`, `duration`, `region`, ...),
  or with `text` on what is neither `type` nor `paste`: `anthropic`;
- `action` otherwise: `aurora`, our own. What remains that both could mean (`{"action": "screenshot"}`) is the same in
  both.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, get_args

from aurora_desktop.input.actions import Action
from aurora_desktop.input.dialects import anthropic, legacy, openai
from aurora_desktop.input.schema_check import refused, to_action, unknown

Dialect = Literal["auto", "aurora", "anthropic", "openai", "legacy"]

_FOREIGN: Final[dict[str, Callable[[Mapping[str, Any], str], dict[str, Any]]]] = {
    "anthropic": anthropic.translate,
    "openai": openai.translate,
    "legacy": legacy.translate,
}


def translate(raw: Mapping[str, Any], dialect: str = "auto", screenshot: str = "") -> Action:
    """The action that a request means. `screenshot`: the id of the one that a foreign dialect's points are in.

    Raises InputRefusedError (`invalid`).
    """
    if dialect not in get_args(Dialect):
        raise unknown("dialect", dialect, get_args(Dialect), "dialect")
    spoken = detect(raw) if dialect == "auto" else dialect
    if spoken in _FOREIGN:
        return to_action(_FOREIGN[spoken](raw, screenshot))
    if screenshot:
        raise refused(
            "our own actions name the screenshot in each point",
            "screenshot",
            'like {"x": 1, "y": 2, "screenshot": "..."}',
        )
    return to_action(raw)


def detect(raw: Mapping[str, Any]) -> Dialect:
    """The dialect that the fields tell of; see above. Raises InputRefusedError if they are of two."""
    kinds = [name for name in ("action_type", "type") if raw.get(name) is not None]
    if len(kinds) == 2 or (kinds == ["action_type"] and "action" in raw):
        raise refused("the fields are of two dialects", hint="name the `dialect`: aurora, anthropic, openai or legacy")
    if kinds == ["action_type"]:
        return "legacy"
    if kinds == ["type"]:
        return "anthropic" if raw["type"] == "tool_use" else "openai"
    return "anthropic" if _is_anthropic(raw) else "aurora"


def _is_anthropic(raw: Mapping[str, Any]) -> bool:
    name = raw.get("action")
    text_is_other = "text" in raw and isinstance(name, str) and name in _TEXT_IS_OTHER
    return text_is_other or not anthropic.ONLY_HERE.isdisjoint(raw)


_TEXT_IS_OTHER: Final = frozenset(anthropic.TRANSLATORS) - {"type"}
