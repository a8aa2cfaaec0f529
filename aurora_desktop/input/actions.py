"""The one schema of actions. Unknown fields are refused; the dialects that agents speak are translated into it."""

import math
from typing import Annotated, Literal

from msgspec import Meta, Struct

MAX_TEXT = 1_000_000
"""Characters that one action may type."""

Button = Literal["left", "middle", "right"]
Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
Keys = Annotated[str, Meta(min_length=1, max_length=200)]

MAX_DURATION_S = 60.0
MAX_POINTS = 5000


class _Strict(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"`{name}` must be a finite number")
            if name.endswith("_s") and isinstance(value, int | float) and not 0 <= value <= MAX_DURATION_S:
                raise ValueError(f"`{name}` must be from 0 to {MAX_DURATION_S:g} seconds")


class Point(_Strict, frozen=True):
    """A place in desktop pixels; or in those of a display (its stable id), or of a screenshot given earlier."""

    x: float
    y: float
    display: str | None = None
    screenshot: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.display is not None and self.screenshot is not None:
            raise ValueError("`display` and `screenshot` exclude each other")


class _Action(_Strict, frozen=True, tag_field="action"):
    pass


class MouseMove(_Action, frozen=True, tag="mouse_move"):
    at: Point
    duration_s: float = 0.0


class _Click(_Action, frozen=True):
    """At the pointer where `at` is not given; `modifiers` (`ctrl+shift`) are held meanwhile."""

    at: Point | None = None
    modifiers: str = ""


class LeftClick(_Click, frozen=True, tag="left_click"):
    pass


class RightClick(_Click, frozen=True, tag="right_click"):
    pass


class MiddleClick(_Click, frozen=True, tag="middle_click"):
    pass


class DoubleClick(_Click, frozen=True, tag="double_click"):
    pass


class TripleClick(_Click, frozen=True, tag="triple_click"):
    pass


class LeftClickDrag(_Action, frozen=True, tag="left_click_drag"):
    """From `start`, or from the pointer."""

    to: Point
    start: Point | None = None
    duration_s: float = 0.0
    modifiers: str = ""


class DragPath(_Action, frozen=True, tag="drag_path"):
    """Press at the first point, move along the others, release at the last.

    `relative`: the points are distances in desktop pixels from where the pointer is when the action's turn comes.
    """

    points: Annotated[tuple[Point, ...], Meta(min_length=2, max_length=MAX_POINTS)]
    button: Button = "left"
    duration_s: float = 0.0
    modifiers: str = ""
    relative: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.relative and any(point.display or point.screenshot for point in self.points):
            raise ValueError("with `relative` the points cannot be those of a display or a screenshot")


class LeftMouseDown(_Action, frozen=True, tag="left_mouse_down"):
    """Released by itself after the limit of the settings."""

    at: Point | None = None


class LeftMouseUp(_Action, frozen=True, tag="left_mouse_up"):
    at: Point | None = None


class Scroll(_Action, frozen=True, tag="scroll"):
    """In notches of the wheel: `dx` to the right, `dy` down."""

    at: Point | None = None
    dx: Annotated[int, Meta(ge=-1000, le=1000)] = 0
    dy: Annotated[int, Meta(ge=-1000, le=1000)] = 0
    modifiers: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.dx and not self.dy:
            raise ValueError("one of `dx` and `dy` must not be 0")


class Key(_Action, frozen=True, tag="key"):
    """Keys joined by `+`, pressed together: `ctrl+shift+t`; `Return`, `Escape`, `F5`, or any character."""

    keys: Keys
    presses: Annotated[int, Meta(ge=1, le=100)] = 1


class HoldKey(_Action, frozen=True, tag="hold_key"):
    keys: Keys
    duration_s: float


class Type(_Action, frozen=True, tag="type"):
    """`secret`: the text is kept nowhere, only its length and digest. `interval_s` between two characters."""

    text: Text
    secret: bool = False
    interval_s: float = 0.0


class Paste(_Action, frozen=True, tag="paste"):
    """Through the clipboard, which afterwards is as it was."""

    text: Text
    secret: bool = False


class Wait(_Action, frozen=True, tag="wait"):
    duration_s: float


class Screenshot(_Action, frozen=True, tag="screenshot"):
    """Of one display, or of the whole desktop; made smaller to fit `max_width` and `max_height` pixels."""

    display: str | None = None
    max_width: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    max_height: Annotated[int, Meta(ge=1, le=100_000)] | None = None


class Zoom(_Action, frozen=True, tag="zoom"):
    """The rectangle between two corners, at full resolution. The corners are edges: the lower right one lies just
    outside of it, so `{"x": 0, "y": 0}` to `{"x": 1920, "y": 1080}` is the whole of such a display."""

    corner: Point
    opposite: Point


class CursorPosition(_Action, frozen=True, tag="cursor_position"):
    pass


class ListWindows(_Action, frozen=True, tag="list_windows"):
    """Which windows there are, the front one first, with their rectangles in desktop pixels."""


class ReleaseAll(_Action, frozen=True, tag="release_all"):
    pass


Action = (
    MouseMove
    | LeftClick
    | RightClick
    | MiddleClick
    | DoubleClick
    | TripleClick
    | LeftClickDrag
    | DragPath
    | LeftMouseDown
    | LeftMouseUp
    | Scroll
    | Key
    | HoldKey
    | Type
    | Paste
    | Wait
    | Screenshot
    | Zoom
    | CursorPosition
    | ListWindows
    | ReleaseAll
)


def name_of(action: Action) -> str:
    """The action's name as it is written: `left_click`."""
    return str(action.__struct_config__.tag)
