"""What the operator does with the mouse, and sees: arming and reset by a held button, the question, the overlay.

A program's press does nothing of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from aurora_desktop.ui.overlay import BORDER_PX
from aurora_desktop.ui.theme import LIGHT

from . import sight
from .cockpit import QUIET_MS, REST, Cockpit
from .fields import Canvas, XtermField
from .observer import now_ms
from .screen import Window
from .services import calm
from .waiting import eventually

pytestmark = pytest.mark.brake

AMBER = (0xFF, 0xB0, 0x00)
RAIL_PX = 100
YES_LEFT_OF_NO_PX = 60
FOOT_PX = 80
QUESTION = "^May the agent do this"
BORDER = (BORDER_PX // 2, 400)


def _open(cockpit: Cockpit, mode: str = "ask") -> Cockpit:
    """Aurora with its page Input in front, latched as every first time."""
    cockpit.write_gate()
    cockpit.start({"calm": calm()}, mode=mode, show_overlay=True)  # a page without services has a button to add one
    cockpit.operator.move(*REST)
    cockpit.until_guarded()
    cockpit.take_window()
    cockpit.operator.press("ctrl+2")
    return cockpit


def _hold_button(cockpit: Cockpit) -> tuple[int, int]:
    """The place of the one button of the page that is to be held."""
    cockpit.operator.move(REST[0], REST[1] - 2)  # a button under the pointer has another colour
    cockpit.operator.move(*REST)
    window = eventually(cockpit.screen.main_window, "the window is open")
    spot = eventually(
        lambda: sight.button(sight.look(cockpit.screen.name), LIGHT.accent, window, RAIL_PX), "a button to hold"
    )
    return spot.middle


def _yes_button(cockpit: Cockpit) -> tuple[int, int]:
    """Left of "No", which has the colour of what is proposed, at the foot of the question."""

    def no() -> sight.Spot | None:
        dialog = cockpit.screen.named(QUESTION)
        assert dialog is not None, "there is no question"
        foot = dialog._replace(y=dialog.y + dialog.height - FOOT_PX, height=FOOT_PX)
        return sight.button(sight.look(cockpit.screen.name), LIGHT.accent, foot)

    found = eventually(no, "the question has its answers")
    return found.left - YES_LEFT_OF_NO_PX, found.y


def _height(cockpit: Cockpit) -> int:
    question = cockpit.screen.named(QUESTION)
    assert question is not None, "somebody answered"
    return question.height


@contextmanager
def _held(cockpit: Cockpit, place: tuple[int, int]) -> Iterator[None]:
    """The operator's button, once nobody else's hand is on the devices."""
    eventually(lambda: now_ms() - cockpit.observer.last_ms() > QUIET_MS, "nobody's hand is on the devices")
    with cockpit.operator.holding_button(*place):
        yield


def _hold_by_program(cockpit: Cockpit, place: tuple[int, int]) -> None:
    """Longer than the operator would have to."""
    x, y = map(str, place)
    cockpit.screen.tell_xdotool("mousemove", x, y, "mousedown", "1", "sleep", "1.3", "mouseup", "1")


def _refusal(cockpit: Cockpit) -> Window | None:
    """The window's word on a press that does not count."""
    told = (each for each in cockpit.screen.windows() if each.name == "Aurora Desktop" and 100 < each.width < 640)
    return next(told, None)


def test_reset_and_arming_by_the_mouse_held_and_by_no_programs_press(cockpit: Cockpit) -> None:
    _open(cockpit)
    _hold_by_program(cockpit, _hold_button(cockpit))
    refusal = eventually(lambda: _refusal(cockpit), "the press is refused")
    assert cockpit.control()["state"] == "latched"
    cockpit.screen.activate(refusal)
    eventually(lambda: cockpit.operator.press("escape") or not _refusal(cockpit), "the refusal is read")
    with _held(cockpit, _hold_button(cockpit)):
        cockpit.until_control("disarmed")
    cockpit.prove()
    with _held(cockpit, _hold_button(cockpit)):
        cockpit.until_control("armed")


def test_a_question_is_answered_by_a_held_press_and_by_no_programs(cockpit: Cockpit, tmp_path: Path) -> None:
    _open(cockpit).arm_by_hand()
    with XtermField(cockpit.screen, tmp_path / "field") as field:
        task = cockpit.submit("type", text="by your leave")["task_id"]
        place, height = _yes_button(cockpit), _height(cockpit)
        _hold_by_program(cockpit, place)
        eventually(lambda: _height(cockpit) > height, "the question says why that press does not count")
        assert field.content() == ""
        with _held(cockpit, _yes_button(cockpit)):
            eventually(lambda: not cockpit.screen.named(QUESTION), "the yes was taken")
        assert cockpit.task(task, wait_s=20)["outcome"] == "done"
        field.until("by your leave")


@pytest.mark.parametrize("scale", ["1", "2"])
def test_the_overlay_shows_who_acts_lets_clicks_through_and_is_on_no_screenshot(
    cockpit: Cockpit, tmp_path: Path, scale: str
) -> None:
    """Pixels are those of the display, however large Qt draws."""
    cockpit.aurora.environment["QT_SCALE_FACTOR"] = scale
    _open(cockpit, "act").arm_by_hand()
    with Canvas(cockpit.screen, tmp_path / "field", place="300,0,600,300") as canvas:
        waiting = cockpit.submit("wait", duration_s=50)["task_id"]
        label = eventually(lambda: _label_over(cockpit, canvas), "border and narration are on the screen")
        cockpit.operator.click(*label)
        eventually(lambda: canvas.events("press"), "the click went through")
        press = canvas.events("press")[0]
        assert (press["x"], press["y"]) == label
        assert _sees_border(cockpit)
        cockpit.aurora.client.post(f"/v1/input/task/{waiting}/cancel", scope="input")
        taken = cockpit.act("screenshot")
        assert taken["outcome"] == "done", taken
        with Image.open(taken["result"]["path"]) as picture:
            assert picture.size == sight.look(cockpit.screen.name).size
            assert sight.colour_at(picture, BORDER) != AMBER
        cockpit.act("left_click", at={"x": 640, "y": 200, "screenshot": taken["result"]["id"]})
        clicked = eventually(lambda: canvas.events("press")[1:], "the agent's click arrives")
        assert (clicked[0]["x"], clicked[0]["y"]) == (640, 200)
        eventually(lambda: not _sees_border(cockpit), "it goes with the action")


def _sees_border(cockpit: Cockpit) -> bool:
    return sight.colour_at(sight.look(cockpit.screen.name), BORDER) == AMBER


def _label_over(cockpit: Cockpit, canvas: Canvas) -> tuple[int, int] | None:
    """A place of the narration's ground that lies over the canvas."""
    window, picture = canvas.window(), sight.look(cockpit.screen.name)
    rows = range(window.y, window.y + 40)
    places = ((picture.width // 2 + side, y) for y in rows for side in range(-200, 200))
    found = (place for place in places if sight.colour_at(picture, place) == AMBER)
    assert _sees_border(cockpit), cockpit.control()
    return next(found, None)
