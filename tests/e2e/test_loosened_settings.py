"""Looser limits of agents in the settings file: they wait in the window for the operator's own held press."""

from contextlib import suppress
from pathlib import Path

import pytest

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.ui.theme import LIGHT

from . import sight
from .cockpit import QUIET_MS, REST, Cockpit
from .observer import now_ms
from .waiting import eventually, holds

pytestmark = pytest.mark.brake

RAIL_PX = 100
BANNER_PX, CARD_PX = 180, 250
"""Above the card, and as far down as its button may be: another one of its colour lies below."""
STAYS_S = 0.5
HELD_S = 5.0


def _configure(cockpit: Cockpit, folder: Path, permissions: str) -> None:
    echo = {
        "kind": "command",
        "command": ["sh", "-c", 'echo "$1"', "--"],
        "cwd": str(folder),
        "permissions": permissions,
    }
    sections = {"tasks": {"agents": {"echo": echo}}, "ui": {"theme": "light"}}
    cockpit.aurora.configure({}, **sections)


def _put_in_force(cockpit: Cockpit) -> tuple[int, int]:
    """The button that puts them in force, on the agents' page."""
    cockpit.take_window()
    cockpit.operator.press("ctrl+4")
    cockpit.operator.move(*REST)
    window = eventually(cockpit.screen.main_window, "the window is open")
    card = window._replace(y=window.y + BANNER_PX, height=CARD_PX)
    picture = cockpit.screen.name
    return eventually(lambda: sight.button(sight.look(picture), LIGHT.accent, card, RAIL_PX), "a button to hold").middle


def _is_taken(cockpit: Cockpit, place: tuple[int, int]) -> bool:
    """Held once by the operator; again, as a person would, where the guard was not watching yet."""
    cockpit.operator.move(*place)
    eventually(lambda: now_ms() - cockpit.observer.last_ms() > QUIET_MS, "nobody's hand is on the devices")
    with cockpit.operator.holding_button(*place), suppress(AssertionError):
        return eventually(lambda: not cockpit.control()["pending"], "they are in force", HELD_S)
    return False


def _may_do_all(cockpit: Cockpit) -> bool:
    """Whether a task of a program gets them."""
    try:
        cockpit.aurora.client.post("/v1/tasks", {"prompt": "x", "agent": "echo", "permissions": "full"})
    except AuroraError as error:
        return "more permissions" not in str(error)
    return True


def test_looser_permissions_are_in_force_once_the_operator_holds_the_button(cockpit: Cockpit, tmp_path: Path) -> None:
    cockpit.write_gate()
    _configure(cockpit, tmp_path, "ask")
    cockpit.aurora.start_desktop()
    cockpit.operator.move(*REST)
    cockpit.until_guarded()
    _configure(cockpit, tmp_path, "full")
    (waiting,) = eventually(lambda: cockpit.control()["pending"], "the looser permissions wait")
    assert waiting == "`tasks.agents.echo.permissions`: ask becomes full"
    assert not _may_do_all(cockpit)
    told = cockpit.aurora.command("doctor").stdout
    assert waiting in told
    place = _put_in_force(cockpit)
    cockpit.screen.click(place)  # by a program
    holds(lambda: bool(cockpit.control()["pending"]), STAYS_S, "a program's press puts nothing in force")
    eventually(lambda: _is_taken(cockpit, place), "they are in force")
    assert _may_do_all(cockpit)
