"""What a change of the input settings loosens, and what of it acts at once."""

from datetime import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from aurora_desktop.core.settings.schema import (
    EvidenceSettings,
    Hours,
    InputPolicy,
    InputSettings,
    Region,
    WindowRule,
)
from aurora_desktop.core.settings.values import ByteSize
from aurora_desktop.safety.areas import covers
from aurora_desktop.safety.hours import MINUTES_OF_A_DAY, is_within, minutes_in, overlap
from aurora_desktop.safety.loosening import NO_WINDOW, NOWHERE, loosened, tightened

A, B, C = WindowRule(window_class="a"), WindowRule(window_class="b"), WindowRule(window_class="A", title="x")
BIG, SMALL = Region(x=0, y=0, width=100, height=100), Region(x=10, y=10, width=5, height=5)
DAY = Hours(start="09:00", end="17:00")


def policy(**fields: Any) -> InputSettings:
    return InputSettings(policy=InputPolicy(**fields))


# From the first to the second loosens, back tightens.
LOOSER: list[tuple[str, InputSettings, InputSettings]] = [
    ("mode", InputSettings(mode="dry_run"), InputSettings(mode="ask")),
    ("mode", InputSettings(mode="ask"), InputSettings(mode="act")),
    ("arm_minutes", InputSettings(arm_minutes=15), InputSettings(arm_minutes=30)),
    ("events_per_s", InputSettings(), InputSettings(events_per_s=4000)),
    ("max_hold_s", InputSettings(), InputSettings(max_hold_s=60)),
    ("queue_limit", InputSettings(), InputSettings(queue_limit=1000)),
    ("operator_first", InputSettings(), InputSettings(operator_first=False)),
    ("failsafe_corners", InputSettings(), InputSettings(failsafe_corners=False)),
    ("show_overlay", InputSettings(), InputSettings(show_overlay=False)),
    ("evidence.enabled", InputSettings(evidence=EvidenceSettings(enabled=True)), InputSettings()),
    ("evidence.max_bytes", InputSettings(), InputSettings(evidence=EvidenceSettings(max_bytes=ByteSize(1)))),
    ("evidence.max_age_days", InputSettings(), InputSettings(evidence=EvidenceSettings(max_age_days=1))),
    ("policy.max_actions_per_s", policy(), policy(max_actions_per_s=21)),
    ("policy.max_characters_per_s", policy(), policy(max_characters_per_s=201)),
    ("policy.allow_windows", policy(allow_windows=[A]), policy()),
    ("policy.allow_windows", policy(allow_windows=[A]), policy(allow_windows=[A, B])),
    ("policy.allow_windows", policy(allow_windows=[C]), policy(allow_windows=[A])),
    ("policy.allow_windows", policy(allow_windows=[NO_WINDOW]), policy(allow_windows=[A])),
    ("policy.deny_windows", policy(deny_windows=[A]), policy()),
    ("policy.deny_windows", policy(deny_windows=[A, B]), policy(deny_windows=[B])),
    ("policy.deny_windows", policy(deny_windows=[A]), policy(deny_windows=[C])),
    ("policy.regions", policy(regions=[BIG]), policy()),
    ("policy.regions", policy(regions=[SMALL]), policy(regions=[BIG])),
    ("policy.regions", policy(regions=[NOWHERE]), policy(regions=[SMALL])),
    ("policy.hours", policy(hours=DAY), policy()),
    ("policy.hours", policy(hours=DAY), policy(hours=Hours(start="09:00", end="17:01"))),
    ("policy.hours", policy(hours=DAY), policy(hours=Hours(start="17:00", end="09:00"))),
]


@pytest.mark.parametrize(("field", "strict", "loose"), LOOSER)
def test_what_loosens_is_named_and_waits(field: str, strict: InputSettings, loose: InputSettings) -> None:
    (sentence,) = loosened(strict, loose)
    assert sentence.startswith(f"`{field}`: ")
    assert loosened(strict, tightened(strict, loose)) == ()


@pytest.mark.parametrize(("field", "strict", "loose"), [row for row in LOOSER if row[2].policy.hours is None])
def test_what_tightens_acts_at_once(field: str, strict: InputSettings, loose: InputSettings) -> None:
    assert loosened(loose, strict) == ()
    assert tightened(loose, strict) == strict


def test_any_change_of_the_hotkey_waits() -> None:
    old, new = InputSettings(), InputSettings(hotkey="ctrl+shift+f12")
    assert loosened(old, new) == ("`hotkey`: the panic hotkey becomes ctrl+shift+f12",)
    assert loosened(new, old) != ()
    assert tightened(old, new).hotkey == old.hotkey


def test_the_way_of_sending_events_is_no_matter_of_safety() -> None:
    assert loosened(InputSettings(), InputSettings(backend="xtest")) == ()
    assert tightened(InputSettings(), InputSettings(backend="xtest")).backend == "xtest"


def test_of_a_mixed_change_the_tightening_part_acts_at_once() -> None:
    old = policy(max_actions_per_s=10, deny_windows=[A], allow_windows=[A], regions=[BIG])
    new = policy(max_actions_per_s=20, deny_windows=[B], allow_windows=[B], regions=[SMALL], max_characters_per_s=5)
    acting = tightened(old, new).policy
    assert acting.max_actions_per_s == 10
    assert acting.max_characters_per_s == 5
    assert acting.deny_windows == [B, A]
    assert acting.allow_windows == [NO_WINDOW]
    assert acting.regions == [SMALL]


def test_regions_that_do_not_meet_leave_nothing() -> None:
    acting = tightened(policy(regions=[SMALL]), policy(regions=[Region(x=500, y=0, width=9, height=9)]))
    assert acting.policy.regions == [NOWHERE]


def test_a_region_put_together_of_two_is_no_larger_than_them() -> None:
    halves = [Region(x=0, y=0, width=50, height=100), Region(x=40, y=0, width=60, height=100)]
    assert loosened(policy(regions=halves), policy(regions=[BIG])) == ()
    assert loosened(policy(regions=halves[:1]), policy(regions=[BIG])) != ()


rules = st.builds(
    WindowRule,
    window_class=st.sampled_from(["a", "A", "b"]),
    title=st.sampled_from([None, "x", "y"]),
) | st.sampled_from([NO_WINDOW, WindowRule(title="x")])
regions = st.builds(
    Region, x=st.integers(0, 8), y=st.integers(0, 8), width=st.integers(1, 8), height=st.integers(1, 8)
) | st.just(NOWHERE)
minutes = st.integers(0, MINUTES_OF_A_DAY - 1).map(lambda m: f"{m // 60:02}:{m % 60:02}")
spans = st.none() | st.builds(Hours, start=minutes, end=minutes)
policies = st.builds(
    InputPolicy,
    allow_windows=st.lists(rules, max_size=3),
    deny_windows=st.lists(rules, max_size=3),
    regions=st.lists(regions, max_size=3),
    max_actions_per_s=st.sampled_from([1.0, 20.0, 40.0]),
    max_characters_per_s=st.sampled_from([1.0, 200.0, 400.0]),
    hours=spans,
)
evidence = st.builds(
    EvidenceSettings,
    enabled=st.booleans(),
    max_bytes=st.sampled_from([ByteSize(1), ByteSize(10**8)]),
    max_age_days=st.sampled_from([1.0, 7.0]),
)
settings = st.builds(
    InputSettings,
    hotkey=st.sampled_from(["ctrl+alt+shift+escape", "ctrl+f12"]),
    arm_minutes=st.sampled_from([1.0, 15.0, 60.0]),
    mode=st.sampled_from(["act", "ask", "dry_run"]),
    operator_first=st.booleans(),
    failsafe_corners=st.booleans(),
    show_overlay=st.booleans(),
    events_per_s=st.sampled_from([100.0, 200.0]),
    max_hold_s=st.sampled_from([1.0, 10.0]),
    queue_limit=st.sampled_from([1, 100]),
    evidence=evidence,
    policy=policies,
)


@given(settings, settings)
@example(policy(hours=Hours(start="00:00", end="10:00")), policy(hours=Hours(start="08:00", end="02:00")))
def test_what_acts_at_once_loosens_neither_the_old_nor_the_new(old: InputSettings, new: InputSettings) -> None:
    acting = tightened(old, new)
    assert loosened(old, acting) == ()
    assert loosened(replace(new, hotkey=old.hotkey), acting) == ()


@given(settings, settings)
def test_a_change_that_loosens_nothing_acts_as_it_is(old: InputSettings, other: InputSettings) -> None:
    stricter = tightened(old, other)
    assert tightened(old, stricter) == stricter


@given(settings)
def test_no_change_loosens_nothing(same: InputSettings) -> None:
    assert loosened(same, same) == ()
    assert tightened(same, same) == same


@given(settings, settings)
def test_what_acts_at_once_is_settled(old: InputSettings, new: InputSettings) -> None:
    acting = tightened(old, new)
    assert tightened(acting, new) == acting
    assert loosened(acting, new) != () or acting == new


@given(settings, settings, st.tuples(st.integers(0, 16), st.integers(0, 16)))
def test_a_place_is_allowed_at_once_only_if_old_and_new_allow_it(
    old: InputSettings, new: InputSettings, at: tuple[int, int]
) -> None:
    def allows(settings: InputSettings) -> bool:
        pixel = Region(x=at[0], y=at[1], width=1, height=1)
        return not settings.policy.regions or covers(settings.policy.regions, pixel)

    assert allows(tightened(old, new)) == (allows(old) and allows(new))


@given(spans, spans, st.builds(time, st.integers(0, 23), st.integers(0, 59)))
def test_an_hour_of_an_overlap_is_one_of_both(first: Hours | None, second: Hours | None, now: time) -> None:
    common = overlap(first, second)
    assert is_within(common, now) <= (is_within(first, now) and is_within(second, now))
    if not (minutes_in(first) & minutes_in(second)):
        assert not is_within(common, now)


@given(spans, st.builds(time, st.integers(0, 23), st.integers(0, 59), st.integers(0, 59)))
def test_the_minutes_of_a_span_are_those_it_has(hours: Hours | None, now: time) -> None:
    assert is_within(hours, now) == (now.hour * 60 + now.minute in minutes_in(hours))


@given(regions, st.lists(regions, max_size=4))
def test_an_area_covers_a_region_if_it_has_each_of_its_pixels(region: Region, area: list[Region]) -> None:
    def pixels(r: Region) -> set[tuple[int, int]]:
        return {(x, y) for x in range(r.x, r.x + r.width) for y in range(r.y, r.y + r.height)}

    covered = set().union(*(pixels(piece) for piece in area))
    assert covers(area, region) == (pixels(region) <= covered)
