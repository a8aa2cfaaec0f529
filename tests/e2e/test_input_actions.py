"""Every action against real windows: what was asked for is what arrives."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from . import machine
from .cockpit import Cockpit
from .fields import Canvas, Field, GtkField, QtField, XtermField
from .loads import PLACE
from .waiting import eventually

pytestmark = pytest.mark.brake

X, Y = 600, 400
AT = {"x": X, "y": Y}
LEFT, RIGHT, MIDDLE = 1, 2, 4  # Qt's numbers
MIXED = "Hello, World! aB é ñ € 漢字 😀 ~^`\\|{}[]@#\tend\nnext line: ÄÖÜß œ Ω Ж ש あ 한"


@pytest.fixture
def canvas(armed: Cockpit, tmp_path: Path) -> Iterator[Canvas]:
    """A window that notes what arrives, with the keyboard; nothing may be held in the end."""
    with Canvas(armed.screen, tmp_path, place=PLACE) as canvas:
        armed.operator.move(X - 100, Y)  # from wherever it is, so that there is a move to be seen
        armed.operator.move(X - 200, Y - 100)
        armed.operator.sync()
        eventually(lambda: _places(canvas.events("move"))[-1:] == [(X - 200, Y - 100)], "the pointer is there")
        canvas.forget()
        yield canvas
    assert not armed.observer.held()


def _done(armed: Cockpit, action: str, **parameters: Any) -> dict[str, Any]:
    task = armed.act(action, **parameters)
    assert task["outcome"] == "done", f"{task['outcome']}: {task['reason']}"
    assert task["status"] == "completed"
    return task


def _until(canvas: Canvas, kind: str, count: int) -> list[dict[str, Any]]:
    """So many events of a kind, and no more of them."""

    def there() -> list[dict[str, Any]]:
        found = canvas.events(kind)
        assert len(found) >= count, canvas.events()
        return found

    found = eventually(there, f"{count} events {kind}")
    assert len(found) == count, canvas.events()
    return found


def _places(events: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(event["x"], event["y"]) for event in events]


# --- the mouse ------------------------------------------------------------------------------------------------


def test_mouse_move(armed: Cockpit, canvas: Canvas) -> None:
    _done(armed, "mouse_move", at=AT)
    eventually(lambda: _places(canvas.events("move"))[-1:] == [(X, Y)], "the pointer is there")


def test_a_slow_move_passes_through_what_lies_between(armed: Cockpit, canvas: Canvas) -> None:
    _done(armed, "mouse_move", at=AT, duration_s=0.3)
    eventually(lambda: _places(canvas.events("move"))[-1:] == [(X, Y)], "the pointer is there")
    assert len(canvas.events("move")) > 5


@pytest.mark.parametrize(("action", "button"), [("left_click", LEFT), ("right_click", RIGHT), ("middle_click", MIDDLE)])
def test_clicks(armed: Cockpit, canvas: Canvas, action: str, button: int) -> None:
    _done(armed, action, at=AT)
    released = _until(canvas, "release", 1)
    assert [(event["button"], event["x"], event["y"]) for event in released] == [(button, X, Y)]


def test_a_click_without_a_place_is_where_the_pointer_is(armed: Cockpit, canvas: Canvas) -> None:
    _done(armed, "left_click")
    assert _places(_until(canvas, "release", 1)) == [(X - 200, Y - 100)]


def test_a_click_with_modifiers(armed: Cockpit, canvas: Canvas) -> None:
    _done(armed, "left_click", at=AT, modifiers="ctrl+shift")
    assert sorted(_until(canvas, "press", 1)[0]["modifiers"]) == ["ctrl", "shift"]


@pytest.mark.parametrize(("action", "times"), [("double_click", 2), ("triple_click", 3)])
def test_clicks_in_a_row_count_as_such(armed: Cockpit, canvas: Canvas, action: str, times: int) -> None:
    _done(armed, action, at=AT)
    _until(canvas, "release", times)
    assert len(canvas.events("double")) == 1


def test_left_click_drag(armed: Cockpit, canvas: Canvas) -> None:
    _done(armed, "left_click_drag", start=AT, to={"x": X + 80, "y": Y + 40}, duration_s=0.1)
    assert _places(_until(canvas, "release", 1)) == [(X + 80, Y + 40)]
    assert _places(canvas.events("press")) == [(X, Y)]


def test_drag_path_goes_through_every_point(armed: Cockpit, canvas: Canvas) -> None:
    points = [{"x": X + dx, "y": Y + dy} for dx, dy in ((0, 0), (50, 0), (50, 50), (0, 50))]
    _done(armed, "drag_path", points=points)
    _until(canvas, "release", 1)
    passed = _places(canvas.events("move", "press", "release"))
    assert [place for place in dict.fromkeys(passed) if {"x": place[0], "y": place[1]} in points] == [
        (point["x"], point["y"]) for point in points
    ]


def test_mouse_down_and_up_are_two_actions(armed: Cockpit, canvas: Canvas) -> None:
    _done(armed, "left_mouse_down", at=AT)
    assert armed.observer.held().buttons == (1,)
    _done(armed, "left_mouse_up", at={"x": X + 10, "y": Y})
    assert _places(_until(canvas, "release", 1)) == [(X + 10, Y)]


def test_release_all_lets_go(armed: Cockpit, canvas: Canvas) -> None:
    _done(armed, "left_mouse_down", at=AT)
    _done(armed, "release_all")
    assert not armed.observer.held()


@pytest.mark.parametrize(("dx", "dy"), [(0, 3), (0, -2), (2, 0), (-1, 0)])
def test_scroll(armed: Cockpit, canvas: Canvas, dx: int, dy: int) -> None:
    _done(armed, "scroll", at=AT, dx=dx, dy=dy)
    turned = eventually(lambda: _turned(canvas) == (-120 * dx, -120 * dy), "the wheel has turned")
    assert turned


def _turned(canvas: Canvas) -> tuple[int, int]:
    wheels = canvas.events("wheel")
    return sum(event["dx"] for event in wheels), sum(event["dy"] for event in wheels)


def test_cursor_position_tells_where_the_pointer_is(armed: Cockpit, canvas: Canvas) -> None:
    _done(armed, "mouse_move", at=AT)
    assert {"x": X, "y": Y}.items() <= _done(armed, "cursor_position")["result"].items()


# --- keys -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "name", "modifiers"),
    [
        ("Return", "Return", []),
        ("Escape", "Escape", []),
        ("F5", "F5", []),
        ("Page_Down", "PageDown", []),
        ("ctrl+a", "A", ["ctrl"]),
        ("ctrl+shift+t", "T", ["ctrl", "shift"]),
        ("alt+Left", "Left", ["alt"]),
        ("x", "X", []),
    ],
)
def test_key(armed: Cockpit, canvas: Canvas, keys: str, name: str, modifiers: list[str]) -> None:
    _done(armed, "key", keys=keys)
    pressed = eventually(lambda: [e for e in canvas.events("key") if e["key"] == name], f"{keys} arrives")
    assert [sorted(event["modifiers"]) for event in pressed] == [modifiers]


def test_key_pressed_several_times(armed: Cockpit, canvas: Canvas) -> None:
    _done(armed, "key", keys="b", presses=4)
    eventually(lambda: canvas.content() == "bbbb", "four of them")


def test_hold_key_holds_and_lets_go(armed: Cockpit, canvas: Canvas) -> None:
    task = armed.submit("hold_key", keys="shift", duration_s=0.5)
    eventually(lambda: armed.observer.held().keys, "it is held")
    assert armed.task(task["task_id"], 10)["outcome"] == "done"
    armed.until_nothing_held()


def test_wait_sends_nothing(armed: Cockpit, canvas: Canvas) -> None:
    mark = armed.observer.mark()
    assert _done(armed, "wait", duration_s=0.1)["events"] == 0
    assert armed.observer.mark() == mark


# --- text -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [QtField, GtkField, XtermField])
def test_text_arrives_exactly(armed: Cockpit, tmp_path: Path, kind: type[Field]) -> None:
    with kind(armed.screen, tmp_path) as field:
        _done(armed, "type", text=MIXED)
        field.until(MIXED)


@pytest.mark.parametrize("layout", ["us", "de", "fr", "ru", "gr", "il"])
def test_text_arrives_exactly_on_every_layout(armed: Cockpit, tmp_path: Path, layout: str) -> None:
    environment = armed.screen.environment_with()
    subprocess.run(["setxkbmap", layout], env=environment, check=True)
    try:
        with QtField(armed.screen, tmp_path) as field:
            _done(armed, "type", text=MIXED)
            field.until(MIXED)
    finally:
        subprocess.run(["setxkbmap", "us"], env=environment, check=True)


@pytest.mark.parametrize("kind", [QtField, XtermField])
def test_a_longer_text_arrives_exactly(armed: Cockpit, tmp_path: Path, kind: type[Field]) -> None:
    text = "".join(chr(0x21 + n * 7 % 94) if n % 60 else "\n" for n in range(1, 1200)) + "é漢😀" * 20
    with kind(armed.screen, tmp_path) as field:
        _done(armed, "type", text=text)
        field.until(text)


@pytest.mark.parametrize("kind", [QtField, GtkField, XtermField])
def test_paste_arrives_and_the_clipboard_is_as_before(armed: Cockpit, tmp_path: Path, kind: type[Field]) -> None:
    text = MIXED.replace("\t", " ")
    with _copied(armed, "was here: é漢"):
        with kind(armed.screen, tmp_path) as field:
            _done(armed, "paste", text=text)
            field.until(text)
        assert _xclip(armed, "-o") == "was here: é漢"
    with _copied(armed, "something else"):  # who kept the earlier content ends once it is no longer wanted
        eventually(lambda: not _keepers(armed), "nobody keeps it any more")


@contextmanager
def _copied(armed: Cockpit, text: str) -> Iterator[None]:
    """Another program has copied a text, by either way."""
    owners = []
    try:
        for selection in ("clipboard", "primary"):
            command = ["xclip", "-quiet", "-selection", selection]
            environment = armed.screen.environment_with()
            owners.append(subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL))
            assert owners[-1].stdin is not None
            owners[-1].stdin.write(text.encode())
            owners[-1].stdin.close()
            eventually(lambda: _xclip(armed, "-o", "-selection", selection) == text, "it is copied")  # noqa: B023 - asked at once
        yield
    finally:
        for owner in owners:
            owner.kill()
            owner.wait()


def _xclip(armed: Cockpit, *options: str) -> str:
    command = ["xclip", "-selection", "clipboard", *options]
    environment = armed.screen.environment_with()
    return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=10).stdout.decode()


def _keepers(armed: Cockpit) -> list[machine.Seen]:
    return [seen for seen in armed.aurora.processes() if "clipboard_keeper" in seen.program]


# --- pictures -------------------------------------------------------------------------------------------------


def test_screenshot_and_a_click_by_its_places(armed: Cockpit, canvas: Canvas) -> None:
    taken = _done(armed, "screenshot", max_width=640, max_height=400)["result"]
    assert (taken["width"], taken["height"], taken["scale"]) == (1280, 800, 0.5)
    with Image.open(taken["path"]) as picture:
        assert (picture.format, picture.size) == ("PNG", (640, 400))
    _done(armed, "left_click", at={"x": X / 2, "y": Y / 2, "screenshot": taken["id"]})
    [(x, y)] = _places(_until(canvas, "release", 1))
    assert (x // 2, y // 2) == (X // 2, Y // 2)  # within the pixel of the small picture


def test_zoom_is_at_full_resolution(armed: Cockpit, canvas: Canvas) -> None:
    taken = _done(armed, "zoom", corner=AT, opposite={"x": X + 50, "y": Y + 30})["result"]
    assert (taken["width"], taken["height"]) == (50, 30)


# --- other dialects -------------------------------------------------------------------------------------------


def test_the_earlier_systems_address(armed: Cockpit, canvas: Canvas) -> None:
    body: dict[str, object] = {"action_type": "click", "parameters": AT}
    reply = armed.aurora.client.post("/input/submit", body, scope="input")
    assert reply["action_type"] == "click"
    _until(canvas, "release", 1)


def test_the_command_submits_and_waits(armed: Cockpit, canvas: Canvas) -> None:
    done = armed.aurora.command("input", "submit", '{"action": {"action": "key", "keys": "k"}}')
    assert (done.returncode, done.stderr) == (0, "")
    eventually(lambda: canvas.content() == "k", "it arrives")
