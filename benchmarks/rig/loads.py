"""What an agent is at when it is stopped: typing, dragging, scrolling, typing with Shift held."""

import random
import string
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from rig.cockpit import Canvas, Cockpit, QtField

_LINE = 60
_PLACE = (800, 450, 400, 300)  # of the canvas: beside the text field
_FAR_PX = 100


class Load(Struct, frozen=True):
    """An action that lasts longer than any trial."""

    name: str
    action: dict[str, object]


def text(length: int, alphabet: str = string.ascii_lowercase, seed: int = 1) -> str:
    """So many characters, with line ends among them: an endless line is slow in any text field."""
    chosen = random.Random(seed).choices(alphabet, k=length)
    chosen[_LINE::_LINE] = "\n" * len(chosen[_LINE::_LINE])
    return "".join(chosen)


def _path(points: int) -> list[dict[str, int]]:
    """To and fro within the canvas, never twice the same place in a row."""
    left, top, width, height = _PLACE
    return [{"x": left + 50 + n % (width - 100), "y": top + 50 + n // 7 % (height - 100)} for n in range(points)]


LOADS = (
    Load("typing", {"action": "type", "text": text(40_000)}),
    Load("dragging", {"action": "drag_path", "points": _path(5000)}),
    Load("scrolling", {"action": "scroll", "dy": 1000, "dx": 1000, "at": _path(1)[0]}),
    Load("typing with Shift", {"action": "type", "text": text(40_000, string.ascii_uppercase)}),
)


class Targets(Struct, frozen=True):
    """The windows that are acted upon."""

    field: QtField
    canvas: Canvas

    def ready(self, load: Load) -> None:
        """Its window has the keyboard, and nothing lies above it."""
        (self.field if load.action["action"] == "type" else self.canvas).take_keyboard()


@contextmanager
def targets(pit: Cockpit, folder: Path) -> Iterator[Targets]:
    place = ",".join(map(str, _PLACE))
    with QtField(pit.screen, folder) as field, Canvas(pit.screen, folder, place=place) as canvas:
        yield Targets(field, canvas)
