"""The operator and the observer of these tests do what the other tests rely on."""

import subprocess

import pytest

from .observer import BUTTON_PRESS, KEY_PRESS, Observer
from .operator import Operator
from .vnc import VncScreen
from .waiting import eventually

pytestmark = pytest.mark.brake

CTRL, ALT, SHIFT, ESCAPE = 37, 64, 50, 9


def test_a_combination_arrives_key_by_key_and_is_let_go(operator: Operator, observer: Observer) -> None:
    mark = observer.mark()
    with operator.holding("ctrl+alt+shift+Escape"):
        eventually(lambda: set(observer.held().keys) == {CTRL, ALT, SHIFT, ESCAPE}, "all four are down")
    eventually(lambda: not observer.held(), "nothing is held")
    pressed = [event.detail for event in observer.since(mark) if event.kind == KEY_PRESS]
    assert pressed == [CTRL, ALT, SHIFT, ESCAPE]


def test_a_click_of_the_operator_is_seen_where_it_was(operator: Operator, observer: Observer) -> None:
    mark = observer.mark()
    operator.click(321, 123)
    operator.sync()
    seen = [event for event in observer.since(mark) if event.kind == BUTTON_PRESS]
    assert [(event.detail, event.x, event.y) for event in seen] == [(1, 321, 123)]


def test_no_synthetic_event_escapes_the_observer(vnc: VncScreen, observer: Observer) -> None:
    mark = observer.mark()
    command = ["xdotool", "type", "--delay", "0", "abcdefgh" * 50]
    subprocess.run(command, env=vnc.environment_with(), check=True)
    assert len([event for event in observer.since(mark) if event.kind == KEY_PRESS]) == 400
    assert not observer.held()
