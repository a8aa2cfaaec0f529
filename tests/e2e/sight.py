"""The operator's eyes: what the display shows, pixel by pixel, and where in it something of one colour is."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import xcffib
import xcffib.xproto
from PIL import Image

from .screen import Window

_ALL_PLANES = 0xFFFFFFFF
_LEAST_PX = 60  # a narrower stretch of a button's colour is a mark or a letter
_FRAME_PX = 3

Colour = tuple[int, int, int]


class Spot(NamedTuple):
    """A stretch of one colour: its row, and the columns where it begins and ends."""

    y: int
    left: int
    right: int

    @property
    def middle(self) -> tuple[int, int]:
        return (self.left + self.right) // 2, self.y


def look(display: str) -> Image.Image:
    """The whole display, as it is now."""
    connect: Any = xcffib.connect  # untyped
    connection = connect(display=display)
    try:
        root = connection.get_setup().roots[0]
        size = root.width_in_pixels, root.height_in_pixels
        picture = connection.core.GetImage(
            xcffib.xproto.ImageFormat.ZPixmap, root.root, 0, 0, *size, _ALL_PLANES
        ).reply()
        return Image.frombytes("RGB", size, picture.data.buf(), "raw", "BGRX")
    finally:
        connection.disconnect()


def colour_at(picture: Image.Image, place: tuple[int, int]) -> Colour:
    pixel = picture.getpixel(place)
    assert isinstance(pixel, tuple)
    return pixel[0], pixel[1], pixel[2]


def button(picture: Image.Image, colour: str, within: Window, right_of: int = 0) -> Spot | None:
    """The middle row of the first button filled with this colour (`#rrggbb`), behind `right_of` px of the left edge."""
    left, right = max(within.x + right_of, 0), min(within.x + within.width, picture.width)
    rows = range(max(within.y, 0), min(within.y + within.height, picture.height))
    wanted = int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
    spots = [spot for y in rows for spot in _stretches(picture, wanted, y, left, right)]
    filled = [spot for spot in spots if any(_is_below(other, spot) for other in spots)]
    rows_of_first = [spot for spot in filled if _is_near(spot, filled[0])]
    if not rows_of_first:
        return None
    return rows_of_first[0]._replace(y=(rows_of_first[0].y + rows_of_first[-1].y) // 2)


def _is_below(one: Spot, other: Spot) -> bool:
    """By more than the width of a frame."""
    return one.y - other.y == _FRAME_PX + 1 and abs(one.left - other.left) < _FRAME_PX


def _is_near(one: Spot, other: Spot) -> bool:
    return abs(one.left - other.left) < _LEAST_PX and one.y - other.y < _LEAST_PX


def _stretches(picture: Image.Image, colour: Colour, y: int, left: int, right: int) -> Iterator[Spot]:
    begin = None
    for x in range(left, right + 1):
        if x < right and colour_at(picture, (x, y)) == colour:
            begin = x if begin is None else begin
        elif begin is not None:
            if x - begin >= _LEAST_PX:
                yield Spot(y, begin, x - 1)
            begin = None
