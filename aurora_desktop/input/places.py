"""Points as agents give them to whole desktop pixels, and which of them an action touches.

A pixel range is half-open: a display of 1920 has the columns 0 to 1919. A point is the pixel that it lies in, so 10.9
is pixel 10. On a display it is in the display's own pixels: with a scale of 2 a display of 3840 desktop pixels has the
columns 0 to 1919. In a screenshot it is a pixel of the picture. A pixel larger than one of the desktop means its
middle. Everything is computed in whole numbers and fractions, so it is scaled back exactly.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.input.actions import (
    Action,
    CursorPosition,
    DragPath,
    HoldKey,
    Key,
    LeftClickDrag,
    ListWindows,
    Paste,
    Point,
    ReleaseAll,
    Screenshot,
    Type,
    Wait,
    Zoom,
)
from aurora_desktop.input.errors import InputRefusedError
from aurora_desktop.input.view import Display

SCREENSHOTS_KEPT: Final = 100
_WITHOUT_PLACE: Final = (
    Key, HoldKey, Type, Paste, Wait, Screenshot, Zoom, CursorPosition, ListWindows, ReleaseAll,
)  # fmt: skip

Pixel = tuple[int, int]


class Shot(Struct, frozen=True, kw_only=True):
    """What a screenshot shows: the rectangle of the desktop in its pixels, and the size of the picture made of it."""

    left: int
    top: int
    width: int
    height: int
    image_width: int
    image_height: int


class Screenshots:
    """The geometry of the screenshots that were given last; the oldest are forgotten."""

    def __init__(self, kept: int = SCREENSHOTS_KEPT) -> None:
        self._kept = kept
        self._shots: OrderedDict[str, Shot] = OrderedDict()

    def remember(self, screenshot_id: str, shot: Shot) -> None:
        """Points may now be given in this screenshot."""
        self._shots[screenshot_id] = shot
        self._shots.move_to_end(screenshot_id)
        while len(self._shots) > self._kept:
            self._shots.popitem(last=False)

    def clear(self) -> None:
        """Forget all of them: the displays changed, and what they show is no longer there."""
        self._shots.clear()

    def get(self, screenshot_id: str) -> Shot | None:
        return self._shots.get(screenshot_id)

    def __len__(self) -> int:
        return len(self._shots)


def needs_pointer(action: Action) -> bool:
    """Whether the places of the action depend on where the pointer is."""
    if isinstance(action, DragPath):
        return action.relative
    if isinstance(action, LeftClickDrag):
        return action.start is None
    return not isinstance(action, _WITHOUT_PLACE) and action.at is None


def resolve(
    action: Action, displays: Sequence[Display], screenshots: Screenshots, pointer: Pixel | None = None
) -> Action:
    """The same action with every point in whole desktop pixels; a relative drag begins at `pointer`.

    Raises InputRefusedError (`off_screen`) with the range that is valid.
    """
    if isinstance(action, Screenshot):
        _known_display(action.display, displays)
        return action
    if isinstance(action, Zoom):
        return _resolved_zoom(action, displays, screenshots)
    if isinstance(action, DragPath) and action.relative:
        action = _from_pointer(action, pointer)

    def on_desktop(point: Point) -> Point:
        return _plain(to_desktop(point, displays, screenshots))

    return _with_points(action, on_desktop)


def places(action: Action, pointer: Pixel | None = None) -> tuple[Pixel, ...]:
    """Where a resolved action touches, in its order; `pointer` stands in for a point that is not given."""
    if isinstance(action, _WITHOUT_PLACE):
        return ()
    if isinstance(action, DragPath):
        return tuple(dict.fromkeys(_pixel(point) for point in action.points))
    if isinstance(action, LeftClickDrag):
        return _given((action.start, action.to), pointer)
    return _given((action.at,), pointer)


def to_desktop(point: Point, displays: Sequence[Display], screenshots: Screenshots) -> Pixel:
    """The desktop pixel of one point. Raises InputRefusedError (`off_screen`)."""
    x, y = math.floor(point.x), math.floor(point.y)
    if point.display is not None:
        return _on_display(x, y, _display(point.display, displays))
    if point.screenshot is not None:
        x, y = _in_screenshot(x, y, _shot(point.screenshot, screenshots))
    return _on_any_display(x, y, displays)


def _on_display(x: int, y: int, display: Display) -> Pixel:
    columns, rows = (_own_pixels(size, display) for size in (display.width, display.height))
    _inside(x, y, columns, rows, f"the display {_quoted(display.id)}")
    return display.x + _middle(x, columns, display.width), display.y + _middle(y, rows, display.height)


def _own_pixels(size: int, display: Display) -> Fraction:
    return Fraction(size) / Fraction(display.scale).limit_denominator(1000)


def _in_screenshot(x: int, y: int, shot: Shot) -> Pixel:
    columns, rows = Fraction(shot.image_width), Fraction(shot.image_height)
    _inside(x, y, columns, rows, "the screenshot")
    return shot.left + _middle(x, columns, shot.width), shot.top + _middle(y, rows, shot.height)


def _middle(index: int, count: Fraction, size: int) -> int:
    """The pixel of `size` in the middle of pixel `index` of `count`; the last one may be only partly there."""
    return min(math.floor((index + Fraction(1, 2)) * size / count), size - 1)


def _inside(x: int, y: int, columns: Fraction, rows: Fraction, what: str) -> None:
    for name, value, count in (("x", x, columns), ("y", y, rows)):
        if not 0 <= value < count:
            raise _off_screen(f"{name} {value} is not on {what}", f"{name} is valid from 0 to {math.ceil(count) - 1}")


def _on_any_display(x: int, y: int, displays: Sequence[Display]) -> Pixel:
    if any(d.x <= x < d.x + d.width and d.y <= y < d.y + d.height for d in displays):
        return x, y
    if not displays:
        raise _off_screen(f"the point {x}, {y} is on no display", "no display is known")
    left, top, right, bottom = _bounds(displays)
    inside = left <= x < right and top <= y < bottom
    where = "lies between the displays" if inside else "is off the screen"
    raise _off_screen(f"the point {x}, {y} {where}", "; ".join(map(_range_of, displays[:8])))


def _range_of(display: Display) -> str:
    columns = f"x from {display.x} to {display.x + display.width - 1}"
    rows = f"y from {display.y} to {display.y + display.height - 1}"
    return f"{_quoted(display.id)} has {columns}, {rows}"


def _bounds(displays: Iterable[Display]) -> tuple[int, int, int, int]:
    edges = [(d.x, d.y, d.x + d.width, d.y + d.height) for d in displays]
    lefts, tops, rights, bottoms = zip(*edges, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _resolved_zoom(action: Zoom, displays: Sequence[Display], screenshots: Screenshots) -> Zoom:
    """From the upper left edge to the lower right one, whichever corners were given, rounded outwards."""
    spans = [_edges(point, displays, screenshots) for point in (action.corner, action.opposite)]
    (x0, y0), (x1, y1) = spans
    left, right = math.floor(min(x0, x1)), math.ceil(max(x0, x1))
    top, bottom = math.floor(min(y0, y1)), math.ceil(max(y0, y1))
    if left == right or top == bottom:
        raise InputRefusedError("invalid", "The rectangle is empty", "`corner` and `opposite` are in one line")
    _within_desktop(left, top, right, bottom, displays)
    return Zoom(corner=_plain((left, top)), opposite=_plain((right, bottom)))


def _edges(point: Point, displays: Sequence[Display], screenshots: Screenshots) -> tuple[Fraction, Fraction]:
    """A corner is an edge between pixels, not a pixel."""
    x, y = Fraction(point.x), Fraction(point.y)
    if point.display is not None:
        display = _display(point.display, displays)
        columns, rows = (_own_pixels(size, display) for size in (display.width, display.height))
        _edge_inside(x, y, columns, rows)
        return display.x + x * display.width / columns, display.y + y * display.height / rows
    if point.screenshot is not None:
        shot = _shot(point.screenshot, screenshots)
        _edge_inside(x, y, Fraction(shot.image_width), Fraction(shot.image_height))
        return shot.left + x * shot.width / shot.image_width, shot.top + y * shot.height / shot.image_height
    return x, y


def _edge_inside(x: Fraction, y: Fraction, columns: Fraction, rows: Fraction) -> None:
    for name, value, count in (("x", x, columns), ("y", y, rows)):
        if not 0 <= value <= count:
            raise _off_screen(
                f"{name} {float(value):g} is outside", f"{name} of a corner is from 0 to {float(count):g}"
            )


def _within_desktop(left: int, top: int, right: int, bottom: int, displays: Sequence[Display]) -> None:
    if not displays:
        raise _off_screen("the rectangle is on no display", "no display is known")
    x0, y0, x1, y1 = _bounds(displays)
    if left < x0 or top < y0 or right > x1 or bottom > y1:
        valid = f"x of a corner is from {x0} to {x1}, y from {y0} to {y1}"
        raise _off_screen(f"the rectangle from {left}, {top} to {right}, {bottom} is not on the desktop", valid)


def _from_pointer(action: DragPath, pointer: Pixel | None) -> DragPath:
    if pointer is None:
        raise _off_screen("a drag by a distance begins at the pointer", "where the pointer is is not known")
    moved = tuple(Point(x=pointer[0] + point.x, y=pointer[1] + point.y) for point in action.points)
    return replace(action, points=moved, relative=False)


def _with_points(action: Action, change: Callable[[Point], Point]) -> Action:
    changed: dict[str, Any] = {}
    for name in action.__struct_fields__:
        value = getattr(action, name)
        if isinstance(value, Point):
            changed[name] = change(value)
        elif name == "points":
            changed[name] = tuple(change(point) for point in value)
    return replace(action, **changed) if changed else action


def _given(points: Iterable[Point | None], pointer: Pixel | None) -> tuple[Pixel, ...]:
    found = [pointer if point is None else _pixel(point) for point in points]
    return tuple(pixel for pixel in found if pixel is not None)


def _pixel(point: Point) -> Pixel:
    return int(point.x), int(point.y)


def _plain(pixel: Pixel) -> Point:
    return Point(x=pixel[0], y=pixel[1])


def _known_display(display_id: str | None, displays: Sequence[Display]) -> None:
    if display_id is not None:
        _display(display_id, displays)


def _display(display_id: str, displays: Sequence[Display]) -> Display:
    for display in displays:
        if display.id == display_id:
            return display
    known = ", ".join(_quoted(display.id) for display in displays[:8]) or "none"
    raise _off_screen(f"there is no display {_quoted(display_id)}", f"displays: {known}")


def _shot(screenshot_id: str, screenshots: Screenshots) -> Shot:
    shot = screenshots.get(screenshot_id)
    if shot is None:
        raise _off_screen(f"there is no screenshot {_quoted(screenshot_id)} any more", "take a new one")
    return shot


def _quoted(name: str) -> str:
    return f"`{''.join(c if c.isprintable() else '?' for c in name[:64])}`"


def _off_screen(detail: str, valid: str) -> InputRefusedError:
    return InputRefusedError("off_screen", "The point is not on the screen", detail, valid)
