"""What the input worker sends, and what it says of it, whatever comes in between."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.input.actions import (
    Action,
    DoubleClick,
    DragPath,
    HoldKey,
    Key,
    LeftClick,
    LeftClickDrag,
    LeftMouseDown,
    LeftMouseUp,
    MouseMove,
    Paste,
    Point,
    ReleaseAll,
    Scroll,
    Type,
    Wait,
)
from aurora_desktop.input.backends.protocol import DisplayLostError
from aurora_desktop.input.messages import NOBODY, Began, Do, Finished, FromWorker
from aurora_desktop.input.worker.action import ActionRunner
from aurora_desktop.input.worker.brake import SLICE_S, RevokedError
from aurora_desktop.input.worker.hand import ARRIVAL_S
from aurora_desktop.input.worker.pictures import Pictures

from .worker_fakes import GENERATION, Bench

HERE, THERE = Point(x=300, y=200), Point(x=600, y=500)
ACTIONS: list[Action] = [
    MouseMove(at=HERE, duration_s=0.1),
    LeftClick(at=HERE, modifiers="ctrl+shift"),
    DoubleClick(at=HERE),
    LeftClickDrag(start=HERE, to=THERE, duration_s=0.1),
    DragPath(points=(HERE, THERE, HERE)),
    LeftMouseDown(at=HERE),
    LeftMouseUp(at=HERE),
    Scroll(dy=3, dx=-2),
    Key(keys="ctrl+shift+t", presses=2),
    HoldKey(keys="shift", duration_s=0.2),
    Type(text="Hello, WORLD"),
    Paste(text="hello"),
    Wait(duration_s=0.1),
    ReleaseAll(),
]


class Stage(Bench):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.said: list[FromWorker] = []
        self.screen_number = 1
        pictures = Pictures("", self.desktop, self.brake.wait)
        self.runner = ActionRunner(
            self.hand, self.desktop, pictures, self.said.append, lambda: self.screen_number, corners=True
        )

    def do(self, action: Action, **more: Any) -> Finished:
        self.brake.action_id = 1
        self.runner.run(Do(1, action, **more))
        return self.finished()

    def finished(self) -> Finished:
        last = self.said[-1]
        assert isinstance(last, Finished)
        return last


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


@pytest.mark.parametrize("action", ACTIONS)
def test_it_is_done_and_nothing_stays_held(stage: Stage, action: Action) -> None:
    finished = stage.do(action)
    assert (finished.outcome, finished.reason, finished.human_active) == ("done", "", False)
    assert finished.events == len(stage.backend.sent) == stage.held.events
    held = {("button", 1)} if isinstance(action, LeftMouseDown) else set()
    assert stage.backend.down == held
    assert not stage.held.keys()


def test_a_window_manager_may_hold_the_pointer_still_for_a_moment(stage: Stage) -> None:
    def freeze(number: int) -> None:
        stage.backend.is_frozen = number == 2  # after the press, which raises the window

    stage.backend.at_event = freeze
    stage.line.at_wait = lambda _number: stage.backend.thaw()
    assert stage.do(DragPath(points=(HERE, THERE, HERE))).outcome == "done"
    assert stage.backend.pointer == (HERE.x, HERE.y)


def test_a_pointer_that_does_not_go_there_ends_the_action(stage: Stage) -> None:
    stage.backend.is_frozen = True
    finished = stage.do(DragPath(points=(HERE, THERE, HERE)))
    assert (finished.outcome, finished.events) == ("partial", 1)
    assert finished.reason == f"the pointer did not go to {HERE.x:g}, {HERE.y:g}, but to 500, 400"
    assert stage.line.time >= ARRIVAL_S


@pytest.mark.parametrize("action", ACTIONS)
def test_main_hears_that_it_began_before_the_first_event(stage: Stage, action: Action) -> None:
    began: list[bool] = []
    stage.backend.at_event = lambda _number: began.append(any(isinstance(message, Began) for message in stage.said))
    stage.do(action)
    assert all(began)


@given(st.sampled_from(ACTIONS), st.integers(1, 40))
def test_after_the_permit_is_revoked_nothing_but_releases_is_sent(action: Action, moment: int) -> None:
    stage = Stage()
    try:
        stage.backend.at_event = lambda number: stage.permit.revoke() if number == moment else None
        try:
            stage.do(action)
        except RevokedError:
            assert stage.finished().outcome in ("partial", "not_started")
            assert not stage.backend.down
            assert not stage.held.keys() + stage.held.buttons()
        assert all(kind == "release" for kind, _ in stage.backend.sent[moment:])
    finally:
        stage.close()


@given(st.sampled_from(ACTIONS), st.integers(1, 60))
def test_revoked_in_any_wait_the_next_event_is_not_sent(action: Action, moment: int) -> None:
    stage = Stage()
    sent_at: list[int] = []

    def revoke(number: int) -> None:
        if number == moment:
            stage.permit.revoke()
            sent_at.append(len(stage.backend.sent))

    try:
        stage.line.at_wait = revoke
        try:
            stage.do(action)
        except RevokedError:
            assert not stage.backend.down
        assert all(kind == "release" for kind, _ in stage.backend.sent[sent_at[0] if sent_at else 10_000 :])
    finally:
        stage.close()


@given(st.sampled_from(ACTIONS), st.integers(1, 40), st.integers(1, 5))
def test_the_operator_at_any_moment(action: Action, moment: int, rest: int) -> None:
    """Held things are let go at once; typed text is exact all the same."""
    stage = Stage()
    since: list[float] = []
    held_on: list[object] = []

    def pause(number: int) -> None:
        if number == moment:
            stage.permit.pause(paused=True)
            since.append(stage.line.time)

    def watch(_number: int) -> None:
        if since and stage.line.time > since[0] + SLICE_S:
            held_on.extend(stage.backend.down if stage.permit.is_paused else ())
        if since and stage.line.time > since[0] + rest * 2 * SLICE_S:
            stage.permit.pause(paused=False)

    try:
        stage.backend.at_event, stage.line.at_wait = pause, watch
        finished = stage.do(action)
        assert not held_on
        assert finished.outcome == "done" or (finished.outcome == "partial" and finished.human_active)
        if isinstance(action, Type):
            assert finished.outcome == "done"
            assert stage.backend.typed == action.text
        assert isinstance(action, LeftMouseDown) or not stage.backend.down
    finally:
        stage.close()


@pytest.mark.parametrize("action", [action for action in ACTIONS if not isinstance(action, ReleaseAll)])
def test_cancelled_beforehand_nothing_is_sent(stage: Stage, action: Action) -> None:
    stage.line.cancelled.add(1)
    finished = stage.do(action)
    assert (finished.outcome, finished.reason, stage.backend.sent) == ("not_started", "cancelled", [])


def test_waits_are_cut_into_slices(stage: Stage) -> None:
    stage.do(Wait(duration_s=3))
    assert stage.line.longest_wait_s <= SLICE_S


def test_the_pace_is_kept(stage: Stage) -> None:
    before = stage.line.time
    stage.do(Type(text="a" * 100))
    assert stage.line.time - before == pytest.approx(200 * 0.005, rel=0.05)


@pytest.mark.parametrize(
    ("action", "more", "word"),
    [
        (Type(text="a\x1b"), {}, "U+001B"),
        (Key(keys="unknown"), {}, "no such key"),
        (LeftClick(at=HERE, modifiers="unknown"), {}, "no such key"),
        (LeftClick(at=Point(x=1000, y=10)), {}, "no display"),
        (LeftClick(at=Point(x=0, y=0)), {}, "failsafe corner"),
        (LeftClickDrag(start=HERE, to=THERE, duration_s=11), {}, "10 s"),
        (LeftClick(at=HERE), {"windows": (8,)}, "another window"),
        (Type(text="a"), {"focus": 2}, "another window"),
        (LeftClick(at=HERE), {"windows": (NOBODY,)}, "another window"),
        (Type(text="a"), {"focus": NOBODY}, "another window"),
        (Type(text="?"), {}, "does not answer"),
    ],
)
def test_refused_before_the_first_event(stage: Stage, action: Action, more: dict[str, Any], word: str) -> None:
    finished = stage.do(action, **more)
    assert (finished.outcome, finished.events, stage.backend.sent) == ("refused", 0, [])
    assert word in finished.reason


@pytest.mark.parametrize("action", [LeftClick(at=HERE), Type(text="a")])
def test_where_nobody_was_and_is_it_is_done(stage: Stage, action: Action) -> None:
    stage.desktop.window, stage.backend.focus = None, 0
    assert stage.do(action, windows=(NOBODY,), focus=NOBODY).outcome == "done"


def test_the_focus_is_compared_before_every_character(stage: Stage) -> None:
    stage.backend.at_event = lambda number: setattr(stage.backend, "focus", 2) if number == 6 else None
    finished = stage.do(Type(text="abcdef"), focus=1)
    assert (finished.outcome, stage.backend.typed) == ("partial", "abc")


def test_a_modifier_of_somebody_else_is_waited_for(stage: Stage) -> None:
    def come_and_go(number: int) -> None:
        stage.backend.modifiers_of_others = "Shift" if number == 4 else ""

    stage.backend.at_event = come_and_go
    stage.line.at_wait = lambda number: setattr(stage.backend, "modifiers_of_others", "") if number > 30 else None
    assert stage.do(Type(text="abcdef")).outcome == "done"
    assert stage.backend.typed == "abcdef"


def test_a_modifier_of_somebody_else_that_stays(stage: Stage) -> None:
    stage.backend.modifiers_of_others = "Shift"
    finished = stage.do(Type(text="abc"))
    assert (finished.outcome, stage.backend.sent) == ("refused", [])
    assert "Shift" in finished.reason


def test_the_corner_stops_in_the_middle(stage: Stage) -> None:
    stage.backend.at_event = lambda number: setattr(stage.backend, "pointer", (999, 0)) if number == 5 else None
    finished = stage.do(Type(text="abcdef"))
    assert (finished.outcome, finished.reason, stage.backend.typed) == ("partial", "failsafe corner", "abc")


def test_changed_displays_end_it(stage: Stage) -> None:
    stage.backend.at_event = lambda number: setattr(stage, "screen_number", 2) if number == 5 else None
    finished = stage.do(LeftClickDrag(start=HERE, to=THERE))
    assert (finished.outcome, finished.reason) == ("partial", "the displays changed")
    assert not stage.backend.down


@pytest.mark.parametrize(("moment", "outcome"), [(1, "uncertain"), (4, "uncertain")])
def test_a_lost_display_leaves_it_uncertain(stage: Stage, moment: int, outcome: str) -> None:
    def lose(number: int) -> None:
        if number == moment:
            raise DisplayLostError("the display is gone")

    stage.backend.at_event = lose
    with pytest.raises(DisplayLostError):
        stage.do(LeftClickDrag(start=HERE, to=THERE))
    assert (stage.finished().outcome, stage.finished().reason) == (outcome, "the display is gone")


def test_the_clipboard_is_put_back_whatever_happens(stage: Stage) -> None:
    stage.backend.at_event = lambda number: stage.permit.revoke() if number == 1 else None
    with pytest.raises(RevokedError):
        stage.do(Paste(text="hello"))
    assert stage.desktop.offered.restored


@pytest.mark.parametrize("interfere", ["orphan", "terminated", "problem", "generation"])
def test_each_end_of_the_chain_revokes(stage: Stage, interfere: str) -> None:
    changes = {
        "orphan": lambda: setattr(stage, "orphan", True),
        "terminated": lambda: setattr(stage.brake, "terminated", True),
        "problem": lambda: setattr(stage.line, "problem", "main hung up"),
        "generation": lambda: stage.permit.grant(GENERATION + 1, stage.permit.deadline_ns),
    }
    stage.backend.at_event = lambda number: changes[interfere]() if number == 3 else None
    with pytest.raises(RevokedError):
        stage.do(Type(text="abcdef"))
    assert stage.backend.typed == "ab"
    assert not stage.backend.down


def test_what_is_held_is_in_the_table_before_it_is_pressed(stage: Stage) -> None:
    missing: list[object] = []

    def compare(_number: int) -> None:
        table = {("key", code) for code in stage.held.keys()} | {("button", n) for n in stage.held.buttons()}  # noqa: SIM118 - no dict
        missing.extend(stage.backend.down - table)

    stage.backend.at_event = compare
    for action in ACTIONS:
        stage.do(action)
    assert not missing


def test_an_answer_survives_the_wire(stage: Stage) -> None:
    finished = stage.do(MouseMove(at=HERE))
    assert msgspec.json.decode(msgspec.json.encode(finished), type=FromWorker) == finished
