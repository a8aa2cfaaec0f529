"""An action in a few words, for narration and questions: what it does and where, never what a text says."""

from collections.abc import Callable
from typing import Any, Final

from aurora_desktop.input.actions import Action, Point, name_of
from aurora_desktop.input.key_names import split_keys

MOST_CHARACTERS: Final = 80
_SHOWN_KEYS: Final = 40
_LEAST_TITLE: Final = 12

_CLICKS: Final = {
    "left_click": "clicking",
    "right_click": "right-clicking",
    "middle_click": "middle-clicking",
    "double_click": "double-clicking",
    "triple_click": "triple-clicking",
    "left_mouse_down": "holding the left button down",
    "left_mouse_up": "releasing the left button",
}
# What stands before the window's title; what looks or waits reaches no window.
_PREPOSITIONS: Final = {
    **dict.fromkeys(("left_click", "right_click", "middle_click", "double_click", "triple_click"), " "),
    **dict.fromkeys(("mouse_move", "left_mouse_down", "left_mouse_up", "left_click_drag", "drag_path"), " in "),
    **dict.fromkeys(("scroll", "key", "hold_key"), " in "),
    **dict.fromkeys(("type", "paste"), " into "),
}


def describe(action: Action, window_title: str = "") -> str:
    """`clicking "Save" at 100, 200 with Ctrl`, `typing 24 characters into "Notes"`: at most 80 characters, one line.

    `window_title`: of the window that it reaches, if known; it may hold anything, so it is escaped and shortened.
    """
    name = name_of(action)
    verb, rest = _SENTENCES[name](action)
    preposition = _PREPOSITIONS.get(name)
    room = MOST_CHARACTERS - len(verb) - len(rest)
    title = "" if preposition is None else _title(window_title, preposition, room)
    return _cut(verb + title + rest if preposition == " " else verb + rest + title, MOST_CHARACTERS)


def escaped(text: str) -> str:
    """The text in one line: what cannot be seen (control characters, turns of direction) is written out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in _whole(text))


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _title(title: str, preposition: str, room: int) -> str:
    shown = escaped(title[:200]).replace('"', "'").strip()
    if not shown or room < _LEAST_TITLE:
        return ""
    return f'{preposition}"{_cut(shown, room - len(preposition) - 2)}"'


def _click(action: Any) -> tuple[str, str]:
    return _CLICKS[name_of(action)], f"{_at(action.at)}{_with(getattr(action, 'modifiers', ''))}"


def _drag(action: Any) -> tuple[str, str]:
    start = f" from {_point(action.start)}" if action.start else ""
    return "dragging", f"{start} to {_point(action.to)}{_with(action.modifiers)}"


def _drag_path(action: Any) -> tuple[str, str]:
    button = "" if action.button == "left" else f" with the {action.button} button"
    last = action.points[-1]
    where = f" by {last.x:g}, {last.y:g}" if action.relative else f" from {_point(action.points[0])} to {_point(last)}"
    return "dragging", f"{where}{button}{_with(action.modifiers)}"


def _scroll(action: Any) -> tuple[str, str]:
    ways = ((action.dy, "down", "up"), (action.dx, "right", "left"))
    told = [f"{abs(amount)} {plus if amount > 0 else minus}" for amount, plus, minus in ways if amount]
    return "scrolling", f" {' and '.join(told)}{_at(action.at)}{_with(action.modifiers)}"


def _key(action: Any) -> tuple[str, str]:
    times = f" {action.presses} times" if action.presses > 1 else ""
    return f"pressing {_keys(action.keys)}{times}", ""


def _hold(action: Any) -> tuple[str, str]:
    return f"holding {_keys(action.keys)} for {action.duration_s:g} s", ""


def _text(verb: str) -> Callable[[Any], tuple[str, str]]:
    def words(action: Any) -> tuple[str, str]:
        count = len(action.text)
        secret = "secret " if action.secret else ""
        return f"{verb} {count:,} {secret}character{'' if count == 1 else 's'}", ""

    return words


def _zoom(action: Any) -> tuple[str, str]:
    return "looking closely", f" from {_point(action.corner)} to {_point(action.opposite)}"


def _screenshot(action: Any) -> tuple[str, str]:
    display = f" of {_cut(escaped(action.display), 40)}" if action.display else ""
    return f"taking a screenshot{display}", ""


def _keys(combination: str) -> str:
    names = [escaped(name) for name in split_keys(combination)]
    return _cut(
        "+".join(name[:1].upper() + name[1:] if len(name) > 1 else name for name in _letters(names)), _SHOWN_KEYS
    )


def _letters(names: list[str]) -> list[str]:
    """`Ctrl+S` as it stands on the keys; alone, `s` and `S` are two things."""
    return [name.upper() if len(name) == 1 and len(names) > 1 else name for name in names]


def _at(point: Point | None) -> str:
    return f" at {_point(point)}" if point else ""


def _point(point: Point) -> str:
    return f"{point.x:g}, {point.y:g}"


def _with(modifiers: str) -> str:
    return f" with {_keys(modifiers)}" if modifiers else ""


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(most - 1, 0)] + "…"


_SENTENCES: Final[dict[str, Callable[[Any], tuple[str, str]]]] = {
    **dict.fromkeys(_CLICKS, _click),
    "mouse_move": lambda action: ("moving the pointer", f" to {_point(action.at)}"),
    "left_click_drag": _drag,
    "drag_path": _drag_path,
    "scroll": _scroll,
    "key": _key,
    "hold_key": _hold,
    "type": _text("typing"),
    "paste": _text("pasting"),
    "wait": lambda action: (f"waiting for {action.duration_s:g} s", ""),
    "screenshot": _screenshot,
    "zoom": _zoom,
    "cursor_position": lambda _: ("asking where the pointer is", ""),
    "list_windows": lambda _: ("asking which windows there are", ""),
    "release_all": lambda _: ("releasing everything", ""),
}
