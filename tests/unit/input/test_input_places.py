"""Points to desktop pixels: displays, screenshots, gaps, ranges."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.input.actions import (
    Action,
    DragPath,
    Key,
    LeftClick,
    LeftClickDrag,
    MouseMove,
    Point,
    Screenshot,
    Scroll,
    Zoom,
)
from aurora_desktop.input.errors import InputRefusedError
from aurora_desktop.input.places import Screenshots, Shot, needs_pointer, places, resolve, to_desktop
from aurora_desktop.input.view import Display

# A big one, one to its left that begins lower, and a gap above the second.
MAIN = Display("HDMI-1", 0, 0, 1920, 1080, primary=True)
LEFT = Display("DP-2", -1280, 56, 1280, 1024)
HIDPI = Display("eDP-1", 1920, 0, 3840, 2160, scale=2.0)
DISPLAYS = (MAIN, LEFT, HIDPI)
NONE = Screenshots()


def pixel(**point: Any) -> tuple[int, int]:
    return to_desktop(Point(**point), DISPLAYS, NONE)


def refusal(point: Point, screenshots: Screenshots = NONE) -> InputRefusedError:
    with pytest.raises(InputRefusedError) as caught:
        to_desktop(point, DISPLAYS, screenshots)
    assert caught.value.code == "off_screen"
    return caught.value


@pytest.mark.parametrize(
    ("x", "y"), [(0, 0), (1919, 1079), (-1280, 56), (-1, 1079), (1920, 0), (5759, 2159), (1919.999, 0)]
)
def test_desktop_pixels_stay_what_they_are(x: float, y: float) -> None:
    assert pixel(x=x, y=y) == (int(x // 1), int(y))


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (-1281, 60, "is off the screen"),
        (5760, 0, "is off the screen"),
        (0, 2160, "is off the screen"),
        (-0.5, 20, "lies between the displays"),
        (-5, 55, "lies between the displays"),
        (0, 1080, "lies between the displays"),
        (1e300, 0, "is off the screen"),
    ],
)
def test_a_point_on_no_display_is_refused_with_the_ranges_that_are_valid(x: float, y: float, words: str) -> None:
    error = refusal(Point(x=x, y=y))
    assert words in error.detail
    assert "`HDMI-1` has x from 0 to 1919, y from 0 to 1079; `DP-2` has x from -1280 to -1" in error.hint


def test_without_any_display_everything_is_refused() -> None:
    with pytest.raises(InputRefusedError, match="not on the screen"):
        to_desktop(Point(x=1, y=1), (), NONE)


def test_a_point_of_a_display_is_counted_from_its_corner() -> None:
    assert pixel(x=10, y=20, display="DP-2") == (-1270, 76)


def test_a_point_of_a_display_with_a_scale_is_in_its_larger_pixels() -> None:
    assert pixel(x=0, y=0, display="eDP-1") == (1921, 1)
    assert pixel(x=1919, y=1079, display="eDP-1") == (1920 + 3839, 2159)


@pytest.mark.parametrize(
    ("point", "detail", "hint"),
    [
        (Point(x=1280, y=0, display="DP-2"), "x 1280 is not on the display `DP-2`", "x is valid from 0 to 1279"),
        (Point(x=0, y=-1, display="DP-2"), "y -1 is not on the display `DP-2`", "y is valid from 0 to 1023"),
        (Point(x=1920, y=0, display="eDP-1"), "x 1920 is not on", "x is valid from 0 to 1919"),
        (Point(x=0, y=0, display="VGA\n"), "there is no display `VGA?`", "displays: `HDMI-1`, `DP-2`, `eDP-1`"),
        (Point(x=0, y=0, screenshot="gone"), "there is no screenshot `gone` any more", "take a new one"),
    ],
)
def test_a_point_off_its_display_is_refused(point: Point, detail: str, hint: str) -> None:
    error = refusal(point)
    assert detail in error.detail
    assert hint in error.hint


def test_a_pixel_of_a_screenshot_is_the_middle_of_what_it_shows() -> None:
    shots = Screenshots()
    shots.remember("s", Shot(left=-1280, top=0, width=3200, height=1080, image_width=800, image_height=270))
    assert to_desktop(Point(x=320, y=20, screenshot="s"), DISPLAYS, shots) == (2, 82)
    assert "x is valid from 0 to 799" in refusal(Point(x=800, y=0, screenshot="s"), shots).hint


def test_a_place_in_a_screenshot_where_no_display_is_is_refused() -> None:
    shots = Screenshots()
    shots.remember("s", Shot(left=-1280, top=0, width=3200, height=1080, image_width=800, image_height=270))
    assert "between the displays" in refusal(Point(x=5, y=2, screenshot="s"), shots).detail


def test_the_oldest_screenshots_are_forgotten() -> None:
    shots = Screenshots()
    shot = Shot(left=0, top=0, width=10, height=10, image_width=10, image_height=10)
    for number in range(101):
        shots.remember(str(number), shot)
    assert len(shots) == 100
    assert shots.get("0") is None
    assert shots.get("1") == shot


sizes = st.integers(1, 8000)
origins = st.integers(-10_000, 10_000)


@given(left=origins, width=sizes, image_width=sizes, data=st.data())
def test_a_screenshot_is_scaled_back_exactly(left: int, width: int, image_width: int, data: st.DataObject) -> None:
    """Made smaller, every pixel of the picture comes back as itself; made larger, every pixel of the desktop does."""
    shots = Screenshots()
    shots.remember("s", Shot(left=left, top=0, width=width, height=1, image_width=image_width, image_height=1))
    display = Display("d", left, 0, width, 1)

    def to_picture(x: int) -> int:
        return (2 * (x - left) + 1) * image_width // (2 * width)

    def back(x: int) -> int:
        return to_desktop(Point(x=x, y=0, screenshot="s"), (display,), shots)[0]

    if image_width <= width:
        x = data.draw(st.integers(0, image_width - 1))
        assert to_picture(back(x)) == x
    else:
        x = data.draw(st.integers(left, left + width - 1))
        assert back(to_picture(x)) == x


@given(x=origins, width=sizes, scale=st.sampled_from([1.0, 1.25, 1.5, 1.1, 2.0, 3.0]), data=st.data())
def test_every_pixel_of_a_display_lies_on_it_in_order(x: int, width: int, scale: float, data: st.DataObject) -> None:
    display = Display("d", x, 0, width, 5, scale)
    columns = -int(-width * 1000 // int(scale * 1000))
    first = data.draw(st.integers(0, columns - 1))
    second = data.draw(st.integers(first, columns - 1))
    a, b = (to_desktop(Point(x=c, y=0, display="d"), (display,), NONE)[0] for c in (first, second))
    assert x <= a <= b < x + width
    with pytest.raises(InputRefusedError):
        to_desktop(Point(x=columns, y=0, display="d"), (display,), NONE)


points = st.builds(Point, x=st.integers(0, 1919), y=st.integers(56, 1023))


@given(st.lists(points, min_size=2, max_size=5).map(tuple))
def test_what_is_resolved_stays_as_it_is(drawn: tuple[Point, ...]) -> None:
    action = resolve(DragPath(points=drawn), DISPLAYS, NONE)
    assert resolve(action, DISPLAYS, NONE) == action
    assert places(action) == tuple(dict.fromkeys((int(p.x), int(p.y)) for p in drawn))


def test_every_point_of_an_action_is_resolved() -> None:
    action = LeftClickDrag(start=Point(x=1, y=2, display="DP-2"), to=Point(x=3.7, y=4), modifiers="shift")
    assert resolve(action, DISPLAYS, NONE) == LeftClickDrag(
        start=Point(x=-1279, y=58), to=Point(x=3, y=4), modifiers="shift"
    )


def test_a_relative_drag_begins_at_the_pointer() -> None:
    action = DragPath(points=(Point(x=0, y=0), Point(x=30, y=-40)), relative=True, button="right")
    assert needs_pointer(action)
    assert resolve(action, DISPLAYS, NONE, pointer=(100, 200)) == DragPath(
        points=(Point(x=100, y=200), Point(x=130, y=160)), button="right"
    )


@pytest.mark.parametrize("pointer", [None, (10, 10)])
def test_a_relative_drag_from_nowhere_or_to_nowhere_is_refused(pointer: tuple[int, int] | None) -> None:
    action = DragPath(points=(Point(x=0, y=0), Point(x=30, y=-40)), relative=True)
    with pytest.raises(InputRefusedError):
        resolve(action, DISPLAYS, NONE, pointer)


@pytest.mark.parametrize(
    ("action", "needs", "touched"),
    [
        (LeftClick(), True, ((7, 8),)),
        (LeftClick(at=Point(x=1, y=2)), False, ((1, 2),)),
        (Scroll(dy=1), True, ((7, 8),)),
        (LeftClickDrag(to=Point(x=1, y=2)), True, ((7, 8), (1, 2))),
        (MouseMove(at=Point(x=1, y=2)), False, ((1, 2),)),
        (Key(keys="a"), False, ()),
        (Screenshot(), False, ()),
        (Zoom(corner=Point(x=0, y=0), opposite=Point(x=5, y=5)), False, ()),
    ],
)
def test_an_action_touches_its_points_or_the_pointer(
    action: Action, needs: bool, touched: tuple[tuple[int, int], ...]
) -> None:
    assert needs_pointer(action) == needs
    assert places(action, pointer=(7, 8)) == touched


def test_a_screenshot_of_a_display_that_is_not_there_is_refused() -> None:
    assert resolve(Screenshot(display="DP-2"), DISPLAYS, NONE) == Screenshot(display="DP-2")
    with pytest.raises(InputRefusedError, match="not on the screen"):
        resolve(Screenshot(display="DP-3"), DISPLAYS, NONE)


def zoom(corner: Point, opposite: Point, screenshots: Screenshots = NONE) -> tuple[float, ...]:
    action = resolve(Zoom(corner=corner, opposite=opposite), DISPLAYS, screenshots)
    assert isinstance(action, Zoom)
    return action.corner.x, action.corner.y, action.opposite.x, action.opposite.y


def test_the_corners_of_a_zoom_are_edges_in_either_order() -> None:
    assert zoom(Point(x=1920, y=1080), Point(x=0, y=0)) == (0, 0, 1920, 1080)
    whole = Point(x=0, y=0, display="eDP-1"), Point(x=1920, y=1080, display="eDP-1")
    assert zoom(*whole) == (1920, 0, 1920 + 3840, 2160)


def test_a_zoom_in_a_screenshot_is_rounded_outwards() -> None:
    shots = Screenshots()
    shots.remember("s", Shot(left=0, top=0, width=1000, height=1000, image_width=300, image_height=300))
    corners = Point(x=1, y=1, screenshot="s"), Point(x=2, y=2, screenshot="s")
    assert zoom(*corners, shots) == (3, 3, 7, 7)


@pytest.mark.parametrize(
    ("corner", "opposite", "code"),
    [
        (Point(x=5, y=5), Point(x=5, y=9), "invalid"),
        (Point(x=0, y=0), Point(x=99_999, y=5), "off_screen"),
        (Point(x=0, y=0, display="DP-2"), Point(x=1281, y=5, display="DP-2"), "off_screen"),
    ],
)
def test_a_zoom_into_nothing_is_refused(corner: Point, opposite: Point, code: str) -> None:
    with pytest.raises(InputRefusedError) as caught:
        zoom(corner, opposite)
    assert caught.value.code == code


def test_a_relative_drag_cannot_name_a_display() -> None:
    with pytest.raises(ValueError, match="`relative`"):
        DragPath(points=(Point(x=0, y=0, display="d"), Point(x=1, y=1)), relative=True)
