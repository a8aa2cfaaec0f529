"""Which presses confirm, which are a second one, and when the operator is still."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.safety.guard.presses import HumanWatch, PressCounter, PressLog, RawInput, elapsed_ms

MOUSE = 6


def _event(
    x_time: int,
    *,
    pressed: bool = True,
    kind: Literal["key", "button", "motion"] = "button",
    physical: bool = True,
    code: int = 1,
) -> RawInput:
    return RawInput(kind, pressed, code, MOUSE, physical, x_time % (1 << 32), x_time / 1000)


def _log(*events: RawInput) -> PressLog:
    log = PressLog()
    for event in events:
        log.record(event)
    return log


@given(st.integers(0, (1 << 32) - 1), st.integers(-(1 << 30), 1 << 30))
def test_the_displays_clock_may_run_over(start: int, later_ms: int) -> None:
    assert elapsed_ms(start, (start + later_ms) % (1 << 32)) == later_ms


@pytest.mark.parametrize("told", [4999, 5000, 5002])
def test_a_press_that_is_still_held_confirms_after_its_second(told: int) -> None:
    log = _log(_event(5000))
    assert log.missing_s(told, "button", 5.4) == pytest.approx(0.6)
    assert log.missing_s(told, "button", 6.0) == 0.0
    assert log.refusal(told, "button") == ""


@pytest.mark.parametrize(("held_ms", "good"), [(999, False), (1000, True)])
def test_a_press_that_was_let_go_is_judged_by_its_length(held_ms: int, good: bool) -> None:
    log = _log(_event(5000), _event(5000 + held_ms, pressed=False))
    assert log.missing_s(5000, "button", 5.0) == 0.0
    assert (log.refusal(5000, "button") == "") is good


def test_a_press_across_the_end_of_the_displays_clock() -> None:
    start = (1 << 32) - 200
    log = _log(_event(start), _event(start + 1100, pressed=False))
    assert log.refusal(start, "button") == ""


@pytest.mark.parametrize("told", [4997, 5003])
def test_another_time_is_another_press(told: int) -> None:
    assert "operator's own devices" in _log(_event(5000)).refusal(told, "button")


def test_another_kind_is_another_press() -> None:
    assert _log(_event(5000)).refusal(5000, "key")


def test_a_synthetic_press_is_none_of_the_operators() -> None:
    assert "operator's own devices" in _log(_event(5000, physical=False)).refusal(5000, "button")


@pytest.mark.parametrize(("at", "good"), [(4899, True), (4900, False), (5000, False), (5900, False)])
def test_synthetic_input_around_it_spoils_it(at: int, good: bool) -> None:
    synthetic = _event(at, physical=False, kind="motion")
    log = _log(synthetic, _event(5000)) if at < 5000 else _log(_event(5000), synthetic)
    assert (log.refusal(5000, "button") == "") is good


def test_the_operators_own_movements_do_not() -> None:
    assert _log(_event(5000), _event(5300, kind="motion", pressed=False, code=0)).refusal(5000, "button") == ""


def test_a_repeating_key_is_one_press() -> None:
    log = _log(_event(5000, kind="key"), _event(5500, kind="key"), _event(6200, kind="key", pressed=False))
    assert log.refusal(5000, "key") == ""
    assert log.refusal(5500, "key")


# --- one press or two ----------------------------------------------------------------------------------------------


def test_two_detectors_tell_of_one_press() -> None:
    counter = PressCounter()
    assert [counter.count(*seen) for seen in (("display", 0.0), ("pynput", 0.7))] == ["first", "same"]


def test_one_detector_that_tells_twice_saw_two() -> None:
    counter = PressCounter()
    seen = (("display", 0.0), ("pynput", 0.1), ("display", 1.0), ("pynput", 1.1))
    assert [counter.count(*each) for each in seen] == ["first", "same", "second", "same"]


def test_later_than_two_seconds_is_a_new_first() -> None:
    counter = PressCounter()
    assert [counter.count("display", at) for at in (0.0, 2.1, 4.0)] == ["first", "first", "second"]


@given(st.lists(st.tuples(st.sampled_from(["display", "pynput"]), st.floats(0, 3)), max_size=30))
def test_within_two_seconds_there_is_one_first_and_at_most_one_second(steps: list[tuple[str, float]]) -> None:
    counter, now, since_first = PressCounter(), 0.0, []
    for detector, later in steps:
        now += later
        told = counter.count(detector, now)
        if told == "first":
            since_first = []
        since_first.append(told)
        assert since_first.count("first") == 1
        assert since_first.count("second") <= 1


# --- the operator's own use ----------------------------------------------------------------------------------------


def test_it_is_news_once_until_the_operator_is_still() -> None:
    human = HumanWatch()
    assert [human.touched(at) for at in (10.0, 10.5)] == [True, False]
    assert human.quiet_in_s(11.0) == pytest.approx(0.5)
    human.calm()
    assert human.touched(12.0)
