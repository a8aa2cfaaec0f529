"""How long an attempt may take and be silent."""

from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.tasks.worker.deadlines import Deadlines, Pause
from aurora_desktop.tasks.worker.ticker import Ticker

STEPS = st.lists(st.tuples(st.floats(0, 5), st.booleans(), st.booleans(), st.booleans()), max_size=30)


@given(STEPS)
def test_what_is_paused_does_not_count(steps: list[tuple[float, bool, bool, bool]]) -> None:
    deadlines = Deadlines(1e9, 1e9)
    spent = quiet = 0.0
    for elapsed_s, waits, works, heard in steps:
        deadlines.advance(elapsed_s, Pause(waits, works))
        spent += 0.0 if waits else elapsed_s
        quiet += 0.0 if waits or works else elapsed_s
        if heard:
            deadlines.heard()
            quiet = 0.0

    assert (deadlines.spent_s, deadlines.quiet_s) == (spent, quiet)


@given(st.floats(0.1, 100), st.floats(0.1, 100), st.booleans())
def test_what_is_left_is_what_it_takes_to_expire(timeout_s: float, silence_s: float, works: bool) -> None:
    deadlines = Deadlines(timeout_s, silence_s)
    pause = Pause(works=works)
    left_s = deadlines.left_s(pause)

    assert left_s is not None
    assert deadlines.expired() is None
    deadlines.advance(left_s, pause)
    assert deadlines.expired() is not None


def test_the_total_time_is_told_before_the_silence() -> None:
    deadlines = Deadlines(10, 5)
    deadlines.advance(6, Pause())
    assert deadlines.expired() == ("silence", "it said nothing for 5 s")
    deadlines.advance(6, Pause())
    assert deadlines.expired() == ("total", "it took longer than its 10 s")


def test_nothing_is_left_while_the_operator_is_waited_for() -> None:
    assert Deadlines(10, 5).left_s(Pause(waits=True)) is None


def test_a_gap_in_which_we_stood_still_does_not_count() -> None:
    ticker = Ticker(100.0)

    assert ticker.elapsed_s(101.5, waited_s=2.0) == 1.5
    assert ticker.elapsed_s(3701.5, waited_s=2.0) == 2.0
    assert ticker.elapsed_s(3701.6, waited_s=0.0) == 3701.6 - 3701.5
    assert ticker.elapsed_s(3701.0, waited_s=0.0) == 0.0
