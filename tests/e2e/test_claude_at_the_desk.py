"""The operator before the window while the real Claude Code works: the yes to a question, the stop key and the thaw.

A program's press says no yes.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from aurora_desktop.ui.theme import LIGHT

from . import sight
from .agents.anthropic import Tool, says
from .cockpit import HOTKEY, QUIET_MS, REST, Cockpit
from .observer import now_ms
from .office import Office, lasting, runs
from .waiting import eventually, holds

pytestmark = pytest.mark.brake

RAIL_PX = 100
BANNER_PX = 180  # the banner above the page may have a button of that colour, too
FOR_TASK_LEFT_OF_ONCE_PX = 60
"""From the edge of the button that allows once to some place within the one beside it."""
STAYS_S = 0.5


@pytest.fixture
def office(cockpit: Cockpit, tmp_path: Path) -> Iterator[Office]:
    """The office of the cockpit's Aurora."""
    with ExitStack() as stack:
        yield Office(cockpit.aurora, tmp_path, stack)


def _begin(cockpit: Cockpit) -> None:
    """Aurora with its window, the stop key heard, and no stop in force."""
    cockpit.write_gate()
    cockpit.aurora.start_desktop()
    cockpit.operator.move(*REST)
    cockpit.until_guarded()
    cockpit.reset()


def _touch(name: str) -> Tool:
    return Tool("Bash", {"command": f"touch {name}", "description": "Make a file"})


# --- questions ------------------------------------------------------------------------------------------------


def _question(cockpit: Cockpit, about: str) -> str:
    """The id of the one open question, which the command opens in the window."""

    def asked() -> str:
        asking = {each["summary"]: each["id"] for each in cockpit.aurora.client.get("/v1/approvals")}
        assert list(asking) == [about], asking
        return str(asking[about])

    found = eventually(asked, f"it asks for {about}", 30)
    shown = cockpit.aurora.command("approve", found)
    assert shown.returncode == 0, shown.stderr
    cockpit.take_window()
    return found


def _once(cockpit: Cockpit) -> sight.Spot:
    """The button that allows once, in its own colour: it can be pressed, and no pointer lies on it."""
    cockpit.operator.move(REST[0], REST[1] - 2)
    cockpit.operator.move(*REST)
    window = eventually(cockpit.screen.main_window, "the window is open")
    page = window._replace(y=window.y + BANNER_PX, height=window.height - BANNER_PX)
    return eventually(
        lambda: sight.button(sight.look(cockpit.screen.name), LIGHT.accent, page, RAIL_PX), "a button to hold"
    )


def _hold(cockpit: Cockpit, place: tuple[int, int], question: str) -> None:
    """The operator's button, held until the question is answered.

    The pointer comes first: by then the guard watches, and nobody else's hand is on the devices.
    """
    cockpit.operator.move(*place)
    eventually(lambda: now_ms() - cockpit.observer.last_ms() > QUIET_MS, "nobody's hand is on the devices")
    with cockpit.operator.holding_button(*place):
        eventually(lambda: not _is_open(cockpit, question), "the yes was taken")


def _hold_by_program(cockpit: Cockpit, place: tuple[int, int]) -> None:
    """Longer than the operator would have to."""
    x, y = map(str, place)
    cockpit.screen.tell_xdotool("mousemove", x, y, "mousedown", "1", "sleep", "1.3", "mouseup", "1")


def _is_open(cockpit: Cockpit, question: str) -> bool:
    return question in {each["id"] for each in cockpit.aurora.client.get("/v1/approvals")}


def test_a_question_is_allowed_once_or_for_the_task_by_the_operators_hand_alone(
    cockpit: Cockpit, office: Office
) -> None:
    always = _touch("always")
    api = office.furnish(says(_touch("once")), says(always), says(always), says("Both are there."))
    _begin(cockpit)
    task_id = office.submit()

    first = _question(cockpit, "touch once")
    _hold_by_program(cockpit, _once(cockpit).middle)
    holds(lambda: _is_open(cockpit, first), STAYS_S, "a program's press allows nothing")
    assert list(office.cwd.iterdir()) == []
    _hold(cockpit, _once(cockpit).middle, first)

    second = _question(cockpit, "touch always")
    assert [path.name for path in office.cwd.iterdir()] == ["once"]
    once = _once(cockpit)
    _hold(cockpit, (once.left - FOR_TASK_LEFT_OF_ONCE_PX, once.y), second)
    detail = office.until(task_id, "completed")

    assert (detail["result"], len(api.asked)) == ("Both are there.", 4)
    assert sorted(path.name for path in office.cwd.iterdir()) == ["always", "once"]
    answers = [(event["decision"], event["by"]) for event in cockpit.aurora.events("approval_answered")]
    assert answers == [("once", "window"), ("task", "window")]


# --- the stop -------------------------------------------------------------------------------------------------


def _let_go_on(cockpit: Cockpit, stands_still: Callable[[], bool]) -> None:
    """Open the one task of the page Agents, and press its button, which comes a moment after the reset."""
    cockpit.take_window()
    for keys in ("ctrl+4", "down", "return"):
        cockpit.operator.press(keys)

    def goes_on() -> bool:
        cockpit.operator.press("alt+o")
        with suppress(AssertionError):
            return eventually(lambda: not stands_still(), "it goes on", 2.0)
        return False

    eventually(goes_on, "the window lets it go on")


def test_the_stop_key_freezes_it_with_its_tools_and_only_the_window_lets_it_go_on(
    cockpit: Cockpit, office: Office, tmp_path: Path
) -> None:
    office.furnish(says(lasting(tmp_path)), says("All done."), permissions="full")
    _begin(cockpit)
    task_id = office.submit()
    (tool,) = runs(tmp_path)
    (claude,) = (seen for seen in office.agents() if "--session-id" in seen.program)
    (child,) = (seen for seen in office.agents() if seen.pid == tool)
    assert child.session != claude.session, "its tool is in a session of its own"

    def stand_still() -> bool:
        return {seen.state for seen in office.agents()} == {"T"}

    cockpit.operator.press(HOTKEY)
    cockpit.until_stopped("hotkey")
    eventually(stand_still, "the agent and its tool stand still")
    cockpit.reset()
    (tmp_path / "go").touch()
    holds(stand_still, STAYS_S, "a reset leaves them frozen")
    assert cockpit.aurora.command("task", "resume", task_id).returncode == 1, "no command lets it go on"
    assert office.task(task_id)["view"]["frozen"]

    _let_go_on(cockpit, stand_still)
    detail = office.until(task_id, "completed")

    assert (detail["result"], detail["view"]["attempt"]) == ("All done.", 1)
    assert runs(tmp_path) == [tool], "the tool ran once"
    assert office.agents() == []
