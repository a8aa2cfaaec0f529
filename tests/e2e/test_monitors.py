"""Several monitors: points, pictures and refusals by the display that they are meant for."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from .cockpit import Cockpit
from .fields import Canvas
from .loads import PLACE
from .waiting import eventually

pytestmark = pytest.mark.brake

# Side by side, as wide as each other; the right one is lower, and ends higher: above and below it there is nothing.
LEFT, RIGHT = "640/160x800/200+0+0", "640/160x600/150+640+100"


def _xrandr(armed: Cockpit, *options: str) -> None:
    subprocess.run(["xrandr", *options], env=armed.screen.environment_with(), check=True, timeout=30)


def _names(armed: Cockpit) -> list[str]:
    return [display["id"] for display in armed.aurora.client.get("/v1/input/status", scope="input")["displays"]]


@pytest.fixture
def monitors(armed: Cockpit) -> Iterator[Cockpit]:
    """The display, divided in two; one again afterwards."""
    [output] = eventually(lambda: _names(armed), "the worker told of its display")
    _xrandr(armed, "--setmonitor", "left", LEFT, output, "--setmonitor", "right", RIGHT, "none")
    try:
        eventually(lambda: _names(armed) == ["left", "right"], "both monitors are known")
        yield armed
    finally:
        _xrandr(armed, "--delmonitor", "left", "--delmonitor", "right")
        eventually(lambda: len(_names(armed)) == 1, "there is one display again")


def test_a_point_on_a_monitor_is_in_its_own_pixels(monitors: Cockpit, tmp_path: Path) -> None:
    with Canvas(monitors.screen, tmp_path, place=PLACE) as canvas:
        task = monitors.act("left_click", at={"x": 60, "y": 200, "display": "right"})
        assert task["outcome"] == "done", task["reason"]
        pressed = eventually(lambda: canvas.events("press"), "the click arrives")
    assert [(event["x"], event["y"]) for event in pressed] == [(700, 300)]


def test_a_picture_of_a_monitor_is_that_monitor_alone(monitors: Cockpit, tmp_path: Path) -> None:
    with Canvas(monitors.screen, tmp_path, place=PLACE) as canvas:
        taken = monitors.act("screenshot", display="right")["result"]
        with Image.open(taken["path"]) as picture:
            assert picture.size == (640, 600)
        monitors.act("left_click", at={"x": 60, "y": 200, "screenshot": taken["id"]})
        pressed = eventually(lambda: canvas.events("press"), "the click arrives")
    assert [(event["x"], event["y"]) for event in pressed] == [(700, 300)]


def test_a_point_where_no_monitor_shows_anything_is_refused(monitors: Cockpit) -> None:
    refusal = monitors.refusal("mouse_move", at={"x": 700, "y": 50})
    assert "lies between the displays" in str(refusal)
    assert "`right` has x from 640 to 1279, y from 100 to 699" in str(refusal)


def test_a_point_beyond_its_monitor_is_refused(monitors: Cockpit) -> None:
    assert "640" in str(monitors.refusal("mouse_move", at={"x": 640, "y": 10, "display": "left"}))


def test_a_monitor_that_was_unplugged_is_refused(monitors: Cockpit) -> None:
    _xrandr(monitors, "--delmonitor", "right")
    eventually(lambda: _names(monitors) != ["left", "right"], "it is gone")
    assert "right" in str(monitors.refusal("mouse_move", at={"x": 5, "y": 5, "display": "right"}))
    _xrandr(monitors, "--setmonitor", "right", RIGHT, "none")
