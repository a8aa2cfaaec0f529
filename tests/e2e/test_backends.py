"""The contract of every backend: the same actions, seen by the same window on a real display."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aurora_desktop.input.actions import (
    CursorPosition,
    DoubleClick,
    DragPath,
    Key,
    LeftClick,
    LeftClickDrag,
    LeftMouseDown,
    LeftMouseUp,
    ListWindows,
    MouseMove,
    Point,
    RightClick,
    Scroll,
    TripleClick,
    Type,
)

from .fields import Canvas, QtField
from .screen import Screen
from .waiting import eventually
from .worker_rig import WorkerRig, run_on

pytestmark = pytest.mark.brake

ASCII = "".join(map(chr, range(0x20, 0x7F))) + "\n\tend"


@pytest.fixture(params=["xtest", "pyautogui"])
def worker(request: pytest.FixtureRequest, screen: Screen, tmp_path: Path) -> Iterator[WorkerRig]:
    """A worker with this backend; in the end nothing may be held or left remapped."""
    with WorkerRig(screen.environment, tmp_path / "pictures", request.param) as rig:
        assert rig.up()[0].backend == request.param
        yield rig
        assert not rig.held.keys() + rig.held.buttons() + rig.held.remapped()


@pytest.fixture
def canvas(screen: Screen, tmp_path: Path) -> Iterator[Canvas]:
    with Canvas(screen, tmp_path) as canvas:
        yield canvas


def _seen(canvas: Canvas, *kinds: str, count: int) -> list[dict[str, object]]:
    return eventually(lambda: found if len(found := canvas.events(*kinds)) >= count else None, f"{count} of {kinds}")


def test_the_pointer_arrives_at_the_very_pixel(worker: WorkerRig) -> None:
    for x, y in ((1, 2), (640, 401), (1278, 797)):
        assert worker.do(MouseMove(at=Point(x=x, y=y))).outcome == "done"
        assert worker.do(CursorPosition()).result == {"x": x, "y": y}


@pytest.mark.parametrize(
    ("action", "button", "count"),
    [(LeftClick, 1, 1), (RightClick, 2, 1), (DoubleClick, 1, 2), (TripleClick, 1, 3)],
)
def test_clicks_arrive_at_their_place(
    worker: WorkerRig, canvas: Canvas, action: type[LeftClick], button: int, count: int
) -> None:
    assert worker.do(action(at=Point(x=400, y=300))).outcome == "done"
    for event in _seen(canvas, "press", "double", count=count):
        assert (event["button"], event["x"], event["y"]) == (button, 400, 300)
    assert len(_seen(canvas, "release", count=count)) == count


def test_modifiers_are_held_around_a_click(worker: WorkerRig, canvas: Canvas) -> None:
    assert worker.do(LeftClick(at=Point(x=400, y=300), modifiers="ctrl+shift")).outcome == "done"
    assert set(_seen(canvas, "press", count=1)[0]["modifiers"]) == {"ctrl", "shift"}  # type: ignore[arg-type] # JSON


def test_a_drag_presses_here_and_releases_there(worker: WorkerRig, canvas: Canvas) -> None:
    drag = LeftClickDrag(start=Point(x=300, y=250), to=Point(x=500, y=350), duration_s=0.1)
    assert worker.do(drag).outcome == "done"
    release = _seen(canvas, "release", count=1)[0]
    press = canvas.events("press")[0]
    assert (press["x"], press["y"], release["x"], release["y"]) == (300, 250, 500, 350)


def test_a_path_is_followed(worker: WorkerRig, canvas: Canvas) -> None:
    corners = [(300, 250), (500, 250), (500, 350), (300, 350)]
    path = DragPath(points=tuple(Point(x=x, y=y) for x, y in corners), duration_s=1.0)  # in a hurry Qt leaves some out
    assert worker.do(path).outcome == "done"
    _seen(canvas, "release", count=1)
    visited = [(event["x"], event["y"]) for event in canvas.events("press", "move", "release")]
    assert [place for place in dict.fromkeys(visited) if place in corners] == corners


def test_a_button_stays_down_until_it_is_released(worker: WorkerRig, canvas: Canvas) -> None:
    assert worker.do(LeftMouseDown(at=Point(x=400, y=300))).outcome == "done"
    assert worker.held.buttons() == (1,)
    assert worker.do(MouseMove(at=Point(x=450, y=300))).outcome == "done"
    assert worker.held.buttons() == (1,)
    assert worker.do(LeftMouseUp()).outcome == "done"
    assert _seen(canvas, "release", count=1)[0]["x"] == 450


def test_the_wheel_turns_by_notches(worker: WorkerRig, canvas: Canvas) -> None:
    assert worker.do(Scroll(at=Point(x=400, y=300), dy=3)).outcome == "done"
    assert worker.do(Scroll(dy=-1, dx=2)).outcome == "done"

    def turned() -> bool:
        events = canvas.events("wheel")
        down = sum(event["dy"] for event in events if event["dy"] < 0)
        up = sum(event["dy"] for event in events if event["dy"] > 0)
        assert (down, up, sum(event["dx"] for event in events)) == (-360, 120, -240)
        return True

    eventually(turned, "the wheel was turned")


def test_keys_are_pressed_together(worker: WorkerRig, canvas: Canvas) -> None:
    assert worker.do(Key(keys="ctrl+shift+t", presses=2)).outcome == "done"
    assert worker.do(Key(keys="Page_Down")).outcome == "done"
    _seen(canvas, "key_up", count=7)
    keys = [event for event in canvas.events("key") if event["key"] in ("T", "PageDown")]
    assert [(event["key"], sorted(event["modifiers"])) for event in keys] == [
        ("T", ["ctrl", "shift"]),
        ("T", ["ctrl", "shift"]),
        ("PageDown", []),
    ]


def test_ascii_arrives_exactly(worker: WorkerRig, screen: Screen, tmp_path: Path) -> None:
    with QtField(screen, tmp_path) as field:
        assert worker.do(Type(text=ASCII)).outcome == "done"
        field.until(ASCII)


@pytest.mark.parametrize("text", ["a\x1bb", "a\x00b", "a\x7fb", "a\u2028b", "a\ufffeb", "a\rb"])
def test_what_no_key_writes_is_refused_by_number(worker: WorkerRig, text: str) -> None:
    finished = worker.do(Type(text=text))
    assert (finished.outcome, finished.events) == ("refused", 0)
    assert f"U+{ord(text[1]):04X}" in finished.reason
    assert worker.check(text=text) == finished.reason


@pytest.mark.parametrize(("keys", "offered"), [("ctrl+Retrun", "return"), ("ecsape", "escape"), ("ctrl+", "missing")])
def test_unknown_keys_are_refused_with_the_near_miss(worker: WorkerRig, keys: str, offered: str) -> None:
    finished = worker.do(Key(keys=keys))
    assert (finished.outcome, finished.events) == ("refused", 0)
    assert offered in finished.reason.lower()
    assert worker.check(keys=keys) == finished.reason


def _listed(worker: WorkerRig, title: str) -> dict[str, Any]:
    """How the window with this title is listed."""
    result = worker.do(ListWindows()).result
    assert result is not None
    (found,) = (window for window in result["windows"] if window["title"] == title)
    return dict(found)


def test_the_windows_are_listed_with_the_front_one_first(worker: WorkerRig, canvas: Canvas) -> None:
    result = worker.do(ListWindows()).result
    assert result is not None
    assert (result["windows"][0]["title"], result["omitted"]) == ("canvas", 0)
    found = _listed(worker, "canvas")
    assert (found["width"], found["height"], found["pid"], found["focused"]) == (600, 400, canvas.pid, True)
    assert 0 <= found["x"] < 1280


def test_without_a_window_manager_those_on_the_screen_are_listed(
    worker: WorkerRig, screen: Screen, canvas: Canvas
) -> None:
    screen.stop_host()
    assert eventually(lambda: _listed(worker, "canvas"), "the window is listed")["width"] == 600


def test_a_corner_is_refused(worker: WorkerRig) -> None:
    finished = worker.do(LeftClick(at=Point(x=1279, y=0)))
    assert (finished.outcome, finished.events) == ("refused", 0)
    assert "failsafe corner" in finished.reason


def test_the_pointer_in_a_corner_stops_what_runs(worker: WorkerRig, screen: Screen, canvas: Canvas) -> None:
    drag = LeftClickDrag(start=Point(x=300, y=250), to=Point(x=600, y=350), duration_s=9)
    worker.began(drag)
    _seen(canvas, "press", count=1)
    pushes = ("mousemove", "0", "0", "sleep", "0.03") * 5  # a single one may fall between a look and the next step
    run_on(screen, "xdotool", *pushes)
    finished = worker.finished()
    assert (finished.outcome, finished.reason) == ("partial", "failsafe corner")
    assert not worker.held.buttons()
    _seen(canvas, "release", count=1)
    run_on(screen, "xdotool", "mousemove", "400", "300")


def test_a_revoked_permit_releases_and_ends_the_worker(worker: WorkerRig, canvas: Canvas) -> None:
    worker.began(LeftClickDrag(start=Point(x=300, y=250), to=Point(x=600, y=350), duration_s=9))
    _seen(canvas, "press", count=1)
    worker.permit.revoke()
    assert worker.finished().outcome == "partial"
    assert worker.exit_code() == 0
    _seen(canvas, "release", count=1)
