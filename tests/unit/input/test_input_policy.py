"""The policy: windows, regions, hours, rates."""

from collections import deque
from datetime import time
from typing import Any, get_args

import pytest
from core.clocks import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.settings.schema import Hours, InputPolicy, Region, WindowRule
from aurora_desktop.input.actions import (
    Action,
    CursorPosition,
    DragPath,
    HoldKey,
    Key,
    LeftClick,
    LeftMouseUp,
    ListWindows,
    Paste,
    Point,
    ReleaseAll,
    Screenshot,
    Type,
    Wait,
    Zoom,
)
from aurora_desktop.input.messages import Window
from aurora_desktop.input.places import Pixel, places
from aurora_desktop.input.policy import Allowed, Decision, RateLimit, Refused, decide, matches, paced

NOON = time(12, 0)
OWN_PID = 4242
EDITOR = Window(1, "Gedit", "notes.txt - gedit", 100)
KEEPASS = Window(2, "KeePassXC", "Passwords", 101)
AT = Point(x=10, y=10)
EVERYTHING = InputPolicy()
KEYBOARD: tuple[Action, ...] = (Key(keys="a"), HoldKey(keys="a", duration_s=1), Type(text="a"), Paste(text="a"))
LOOKING: tuple[Action, ...] = (
    Screenshot(), Zoom(corner=AT, opposite=Point(x=20, y=20)), CursorPosition(), ListWindows(), Wait(duration_s=1),
)  # fmt: skip


def judge(
    action: Action,
    policy: InputPolicy = EVERYTHING,
    *,
    under: Window | None = EDITOR,
    focus: Window | None = EDITOR,
    now: time = NOON,
) -> Decision:
    touched = places(action, pointer=(10, 10))
    return decide(
        action,
        policy,
        places=touched,
        windows=[under] * len(touched),
        focus=focus,
        own_pids={OWN_PID},
        now_local=now,
    )


@pytest.mark.parametrize("action", [LeftClick(at=AT), *KEYBOARD, *LOOKING, ReleaseAll()])
def test_without_rules_all_is_allowed_in_common_windows(action: Action) -> None:
    assert judge(action) == Allowed()
    assert judge(action, under=None, focus=None) == Allowed()


@pytest.mark.parametrize(
    ("window_class", "title", "what"),
    [
        ("aurora-desktop", "Aurora", "Aurora's own"),
        ("KeePassXC", "Passwords", "password manager"),
        ("Bitwarden", "", "password manager"),
        ("1Password", "", "password manager"),
        ("org.gnome.seahorse.Application", "", "password manager"),
        ("kwalletmanager5", "", "password manager"),
        ("Pinentry-gtk-2", "", "asks for a password"),
        ("pinentry-qt", "", "asks for a password"),
        ("Gcr-prompter", "", "asks for a password"),
        ("Polkit-gnome-authentication-agent-1", "", "asks for a password"),
        ("Ssh-askpass", "", "asks for a password"),
        ("i3lock", "", "lock screen"),
        ("Xscreensaver", "", "lock screen"),
        ("firefox", "Extension: (Bitwarden Password Manager) - Bitwarden", "password manager"),
        ("Chrome_WidgetWin_1", "1Password", "password manager"),
        ("keepassxc\0Other", "", "password manager"),
    ],
)
def test_some_windows_are_always_denied(window_class: str, title: str, what: str) -> None:
    window = Window(9, window_class, title, 7)
    allowing = InputPolicy(allow_windows=[WindowRule(title=".*")])
    for policy in (EVERYTHING, allowing):
        for action in (LeftClick(at=AT), LeftMouseUp(), *KEYBOARD):
            verdict = judge(action, policy, under=window, focus=window)
            assert isinstance(verdict, Refused)
            assert what in verdict.reason


def test_a_window_of_our_own_processes_is_denied_whatever_its_name() -> None:
    verdict = judge(LeftClick(at=AT), under=Window(3, "python3", "Save", OWN_PID))
    assert isinstance(verdict, Refused)
    assert 'the window under the pointer, "Save", is a window of Aurora\'s own' in verdict.reason


def test_a_process_that_is_not_known_is_not_ours() -> None:
    window = Window(3, "xterm", "sh", 0)
    touched = places(LeftClick(at=AT))
    verdict = decide(
        LeftClick(at=AT), EVERYTHING, places=touched, windows=[window], focus=None, own_pids={0}, now_local=NOON
    )
    assert verdict == Allowed()


def test_the_pointer_is_judged_by_the_window_under_it_and_keys_by_the_focus() -> None:
    assert judge(LeftClick(at=AT), focus=KEEPASS) == Allowed()
    assert isinstance(judge(LeftClick(at=AT), under=KEEPASS), Refused)
    assert isinstance(judge(Type(text="a"), focus=KEEPASS), Refused)
    assert judge(Type(text="a"), under=KEEPASS) == Allowed()


def test_a_click_with_modifiers_is_judged_by_both() -> None:
    click = LeftClick(at=AT, modifiers="ctrl")
    assert judge(click) == Allowed()
    assert isinstance(judge(click, focus=KEEPASS), Refused)
    assert isinstance(judge(click, under=KEEPASS), Refused)


def test_every_window_of_a_drag_is_judged() -> None:
    drag = DragPath(points=(AT, Point(x=50, y=50)))
    touched = places(drag)
    for windows, allowed in (((EDITOR, EDITOR), True), ((EDITOR, KEEPASS), False), ((KEEPASS, EDITOR), False)):
        verdict = decide(drag, EVERYTHING, places=touched, windows=windows, focus=None, own_pids=(), now_local=NOON)
        assert isinstance(verdict, Allowed) == allowed


@pytest.mark.parametrize("action", [LeftClick(), LeftClick(at=AT)])
def test_a_pointer_action_whose_place_is_not_known_is_refused(action: Action) -> None:
    verdict = decide(action, EVERYTHING, places=places(action), windows=(), focus=None, own_pids=(), now_local=NOON)
    assert isinstance(verdict, Refused)


def test_with_allowed_windows_everything_else_is_refused() -> None:
    policy = InputPolicy(allow_windows=[WindowRule(window_class="gedit", title="notes")])
    assert judge(LeftClick(at=AT), policy) == Allowed()
    for other in (Window(5, "Gedit", "secrets.txt"), Window(5, "Xterm", "notes"), None):
        for action in (LeftClick(at=AT), *KEYBOARD):
            assert isinstance(judge(action, policy, under=other, focus=other), Refused)


def test_denied_windows_win_over_allowed_ones() -> None:
    policy = InputPolicy(allow_windows=[WindowRule(window_class="gedit")], deny_windows=[WindowRule(title="notes")])
    verdict = judge(LeftClick(at=AT), policy)
    assert isinstance(verdict, Refused)
    assert "deny_windows" in verdict.hint


def test_a_rule_needs_class_and_title_where_both_are_given() -> None:
    assert matches(WindowRule(window_class="GEDIT"), EDITOR)
    assert matches(WindowRule(title=r"\.txt"), EDITOR)
    assert not matches(WindowRule(window_class="ged"), EDITOR)
    assert not matches(WindowRule(window_class="gedit", title="^x"), EDITOR)


def test_the_title_of_a_window_is_shown_in_one_line() -> None:
    verdict = judge(LeftClick(at=AT), under=Window(1, "KeePassXC", 'a"\n\u202e' + "b" * 100))
    assert isinstance(verdict, Refused)
    assert verdict.reason.isprintable()
    assert len(verdict.reason) < 160


REGION = Region(x=0, y=0, width=100, height=50)


@pytest.mark.parametrize(("at", "allowed"), [((0, 0), True), ((99, 49), True), ((100, 0), False), ((0, 50), False)])
def test_the_pointer_acts_inside_of_the_regions_alone(at: Pixel, allowed: bool) -> None:
    policy = InputPolicy(regions=[Region(x=500, y=500, width=1, height=1), REGION])
    verdict = judge(LeftClick(at=Point(x=at[0], y=at[1])), policy)
    assert isinstance(verdict, Allowed) == allowed


def test_every_point_of_a_drag_must_be_in_a_region() -> None:
    policy = InputPolicy(regions=[REGION])
    assert judge(DragPath(points=(AT, Point(x=99, y=1))), policy) == Allowed()
    verdict = judge(DragPath(points=(AT, Point(x=100, y=1), AT)), policy)
    assert verdict == Refused("the point 100, 1 is outside of the allowed regions", "allowed: x 0 to 99, y 0 to 49")


@pytest.mark.parametrize("action", [*KEYBOARD, *LOOKING])
def test_regions_do_not_bind_what_is_not_the_pointer(action: Action) -> None:
    assert judge(action, InputPolicy(regions=[Region(x=9000, y=9000, width=1, height=1)])) == Allowed()


@pytest.mark.parametrize(
    ("hours", "now", "allowed"),
    [
        (Hours(start="09:00", end="17:00"), time(9, 0), True),
        (Hours(start="09:00", end="17:00"), time(16, 59, 59), True),
        (Hours(start="09:00", end="17:00"), time(17, 0), False),
        (Hours(start="09:00", end="17:00"), time(8, 59, 59), False),
        (Hours(start="22:00", end="06:00"), time(23, 0), True),
        (Hours(start="22:00", end="06:00"), time(5, 59), True),
        (Hours(start="22:00", end="06:00"), time(6, 0), False),
        (Hours(start="22:00", end="06:00"), time(12, 0), False),
        (Hours(start="12:00", end="12:00"), time(12, 0), False),
        (None, time(3, 0), True),
    ],
)
def test_agents_act_in_their_hours(hours: Hours | None, now: time, allowed: bool) -> None:
    for action in (LeftClick(at=AT), *KEYBOARD, *LOOKING):
        assert isinstance(judge(action, InputPolicy(hours=hours), now=now), Allowed) == allowed


def test_letting_go_is_never_refused() -> None:
    strict = InputPolicy(
        allow_windows=[WindowRule(window_class="x")], regions=[REGION], hours=Hours(start="01:00", end="01:00")
    )
    assert judge(ReleaseAll(), strict, under=KEEPASS, focus=KEEPASS) == Allowed()


@pytest.mark.parametrize("kind", get_args(Action))
def test_every_kind_of_action_but_letting_go_is_bound_by_the_hours(kind: Any) -> None:
    examples: dict[str, Any] = {
        "at": AT, "to": AT, "points": (AT, AT), "dy": 1, "keys": "a", "text": "a", "duration_s": 1.0, "corner": AT,
        "opposite": Point(x=20, y=20),
    }  # fmt: skip
    action = kind(**{name: examples[name] for name in kind.__struct_fields__ if name in examples})
    verdict = judge(action, InputPolicy(hours=Hours(start="01:00", end="02:00")))
    assert isinstance(verdict, Allowed) == (kind is ReleaseAll)


def test_text_is_typed_no_faster_than_allowed() -> None:
    policy = InputPolicy(max_characters_per_s=50)
    assert paced(Type(text="a"), policy) == Type(text="a", interval_s=0.02)
    assert paced(Type(text="a", interval_s=0.5), policy) == Type(text="a", interval_s=0.5)
    assert paced(Key(keys="a"), policy) == Key(keys="a")
    assert paced(Type(text="a"), InputPolicy(max_characters_per_s=0.001)) == Type(text="a", interval_s=60)


def test_an_action_too_many_is_refused_with_the_time_to_wait() -> None:
    clock = FakeClock()
    rate = RateLimit(clock, InputPolicy(max_actions_per_s=2))
    assert rate.admit() is None
    clock.advance(0.25)
    assert rate.admit() is None
    verdict = rate.admit()
    assert verdict is not None
    assert "more than 2 actions a second" in verdict.reason
    assert "try again in 0.75 s" in verdict.hint
    clock.advance(0.75)
    assert rate.admit() is None


@given(
    st.floats(0.01, 50),
    st.lists(st.floats(0, 2), max_size=200),
)
def test_no_span_has_more_actions_than_allowed(per_second: float, pauses: list[float]) -> None:
    clock = FakeClock()
    rate = RateLimit(clock, InputPolicy(max_actions_per_s=per_second))
    most = max(1, int(per_second))
    admitted: deque[float] = deque(maxlen=most + 1)
    for pause in pauses:
        clock.advance(pause)
        if rate.admit() is None:
            admitted.append(clock.monotonic())
            assert len(admitted) <= most or admitted[-1] - admitted[0] >= most / per_second


def test_whoever_waits_as_told_is_admitted() -> None:
    clock = FakeClock()
    rate = RateLimit(clock, InputPolicy(max_actions_per_s=0.5))
    assert rate.admit() is None
    assert rate.admit() is not None
    clock.advance(2)
    assert rate.admit() is None


def test_a_long_text_is_waited_for_by_the_next_one() -> None:
    clock = FakeClock()
    rate = RateLimit(clock, InputPolicy(max_characters_per_s=100))
    rate.count_text(Paste(text="x" * 100))
    assert rate.text_wait_s() == 0
    rate.count_text(Type(text="x" * 50))
    assert rate.text_wait_s() == pytest.approx(0.5)
    rate.count_text(Key(keys="a"))
    clock.advance(0.5)
    assert rate.text_wait_s() == 0


@given(st.lists(st.tuples(st.integers(1, 500), st.floats(0, 3)), max_size=50))
def test_text_that_waits_as_told_keeps_to_the_rate(texts: list[tuple[int, float]]) -> None:
    clock, per_second = FakeClock(), 100.0
    rate = RateLimit(clock, InputPolicy(max_characters_per_s=per_second))
    begun, before = clock.monotonic(), 0
    for length, pause in texts:
        clock.advance(pause + rate.text_wait_s())
        assert before <= per_second * (clock.monotonic() - begun) + per_second + 1e-6
        rate.count_text(Paste(text="x" * length))
        before += length


def test_new_limits_hold_at_once_and_forgive_nothing() -> None:
    clock = FakeClock()
    rate = RateLimit(clock, InputPolicy(max_actions_per_s=10, max_characters_per_s=1000))
    assert [rate.admit() for _ in range(5)] == [None] * 5
    rate.set_policy(InputPolicy(max_actions_per_s=5, max_characters_per_s=10))
    assert rate.admit() is not None
    rate.count_text(Type(text="x" * 20))
    assert rate.text_wait_s() == pytest.approx(1.0)
