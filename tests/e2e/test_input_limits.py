"""What the settings and the surroundings forbid is refused with nothing sent; each test has an Aurora of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from .aurora import Aurora
from .cockpit import Cockpit
from .fields import Canvas
from .loads import LOADS, PLACE
from .waiting import eventually

pytestmark = pytest.mark.brake

AT = {"x": 600, "y": 400}


def test_a_full_queue_refuses(cockpit: Cockpit, tmp_path: Path) -> None:
    cockpit.start_armed(queue_limit=2)
    first = cockpit.submit("wait", duration_s=20)
    eventually(lambda: cockpit.task(first["task_id"])["status"] == "running", "the first one runs")
    waiting = [cockpit.submit("wait", duration_s=20) for _ in range(2)]
    assert "full" in str(cockpit.refusal("release_all"))
    for task in (*waiting, first):
        cockpit.aurora.client.post(f"/v1/input/task/{task['task_id']}/cancel", scope="input")
    assert {cockpit.task(task["task_id"], 10)["outcome"] for task in waiting} == {"refused"}


def test_policies_refuse(cockpit: Cockpit, tmp_path: Path) -> None:
    policy = {
        "deny_windows": [{"title": "canvas"}],
        "regions": [{"x": 0, "y": 0, "width": 1000, "height": 800}],
        "max_actions_per_s": 1000,
    }
    cockpit.start_armed(policy=policy)
    with Canvas(cockpit.screen, tmp_path, place=PLACE):
        mark = cockpit.observer.mark()
        for action in (
            {"action": "left_click", "at": AT},
            {"action": "key", "keys": "a"},
            {"action": "left_click", "at": {"x": 1100, "y": 20}},
        ):
            ended = cockpit.act(action)
            assert (ended["outcome"], bool(ended["reason"])) == ("refused", True), ended
        assert cockpit.observer.since(mark) == []


def test_too_many_actions_in_a_second_are_refused(cockpit: Cockpit) -> None:
    cockpit.start_armed(policy={"max_actions_per_s": 1})
    cockpit.submit("wait", duration_s=0)
    words = [str(cockpit.refusal("wait", duration_s=0)) for _ in range(2)]
    assert all(words)


def test_a_dry_run_sends_nothing(cockpit: Cockpit, tmp_path: Path) -> None:
    cockpit.start_armed(mode="dry_run")
    with Canvas(cockpit.screen, tmp_path, place=PLACE):
        mark = cockpit.observer.mark()
        ended = cockpit.act("left_click", at=AT)
        assert (ended["outcome"], ended["events"]) == ("done", 0)
        assert cockpit.observer.since(mark) == []


def test_a_target_that_loses_the_keyboard_ends_the_text(cockpit: Cockpit, tmp_path: Path) -> None:
    cockpit.start_armed()
    other = Canvas(cockpit.screen, tmp_path, "other", PLACE)
    with Canvas(cockpit.screen, tmp_path, place=PLACE) as canvas, other:
        canvas.take_keyboard()
        with cockpit.busy(LOADS["typing"]) as task:
            other.take_keyboard()
            ended = cockpit.task(task["task_id"], 20)
        assert ended["outcome"] == "partial", ended
        # X has no way to ask who has the keyboard and to send in one step: the one key on its way may still arrive.
        assert len(other.content()) <= 1
    cockpit.until_nothing_held()


# --- where there is nobody to stop it -------------------------------------------------------------------------


def test_without_a_display_the_gate_is_closed(make_aurora: Callable[..., Aurora]) -> None:
    aurora = make_aurora()
    aurora.configure({})
    aurora.start()
    control = aurora.client.get("/v1/control")
    assert (control["state"], bool(control["reason"]), bool(control["hint"])) == ("closed", True, True)


def test_without_a_physical_keyboard_the_gate_is_closed(on_screen: Aurora) -> None:
    """Xvfb has no device that is not synthetic: nobody could stop an agent there."""
    on_screen.config.with_name("operator_enabled.yaml").write_text(
        '{"operator_enabled": true, "features": {"control_mouse_keyboard": true}}'
    )
    on_screen.configure({})
    on_screen.start_desktop("--hidden")
    eventually(lambda: on_screen.client.get("/v1/control")["hotkey_state"] == "lost", "the guard has looked")
    control = on_screen.client.get("/v1/control")
    assert (control["state"], bool(control["hint"])) == ("closed", True)
