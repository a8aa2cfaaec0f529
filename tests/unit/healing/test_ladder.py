"""The ladder as a state machine: the gentlest first, proven by activity alone, and then the operator."""

from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.healing.ladder import ladder as rules
from aurora_desktop.healing.ladder.ladder import RUNGS, Effect, Ladder, Rung, Stimulus, Terms, in_order, step


def climb(stimuli: list[Stimulus], rungs: tuple[Rung, ...] = RUNGS, attempts: int = 3) -> tuple[Ladder, list[Effect]]:
    """Each stimulus a hundred seconds after the other, so that a time to verify is always over."""
    ladder, told, now = Ladder(), [], 0.0
    for stimulus in stimuli:
        now += 100.0
        ladder, effects = step(ladder, stimulus, Terms(now=now, rungs=rungs, max_attempts=attempts))
        told += effects
    return ladder, told


def performed(effects: list[Effect]) -> list[Rung]:
    return [effect.rung for effect in effects if isinstance(effect, rules.Perform)]


FAILS: list[Stimulus] = [rules.Stalled(), rules.TimePassed()]


def test_five_attempts_go_up_rung_by_rung_and_then_call_the_operator() -> None:
    ladder, effects = climb([*FAILS * 5, rules.Stalled()], attempts=5)
    assert performed(effects) == list(RUNGS)
    assert effects[-1] == rules.Escalate(5, RUNGS)
    assert ladder.escalated


def test_the_last_of_three_attempts_is_the_strongest_rung() -> None:
    _, effects = climb([*FAILS * 3, rules.Stalled()])
    assert performed(effects) == ["force_update", "clear_tasks", "restart"]


def test_a_single_rung_is_tried_again_until_the_attempts_are_spent() -> None:
    _, effects = climb([*FAILS * 3, rules.Stalled()], rungs=("restart",))
    assert performed(effects) == ["restart"] * 3
    assert effects[-1] == rules.Escalate(3, ("restart",) * 3)


def test_the_proactive_threshold_tries_the_gentlest_once_and_never_restarts() -> None:
    _, effects = climb([rules.Silent(), rules.TimePassed(), rules.Silent(), rules.Silent()])
    assert performed(effects) == ["force_update"]
    assert climb([rules.Silent()], rungs=("restart",))[1] == []


def test_a_rung_worked_only_when_activity_came() -> None:
    ladder, effects = climb([rules.Stalled(), rules.Performed(), rules.Worked("files")])
    assert effects[-1] == rules.Succeeded("force_update", "files", 100.0)
    assert ladder == Ladder()


WORKS_FOR_A_MOMENT: list[Stimulus] = [rules.Stalled(), rules.Performed(), rules.Worked("output")]


def test_who_falls_silent_after_each_restart_is_told_to_the_operator_in_the_end() -> None:
    ladder, effects = climb([*WORKS_FOR_A_MOMENT * 3, rules.Stalled()], rungs=("restart",))
    assert performed(effects) == ["restart"] * 3
    assert effects[-1] == rules.Escalate(3, (), restarts=3)
    assert (ladder.escalated, ladder.attempts) == (True, 3)


def test_restarts_with_lasting_activity_between_them_are_not_counted_together() -> None:
    lasting: list[Stimulus] = [*WORKS_FOR_A_MOMENT, *[rules.Worked("output")] * 3]
    ladder, effects = climb([*lasting * 5, rules.Stalled()], rungs=("restart",))
    assert performed(effects) == ["restart"] * 6
    assert not ladder.escalated


def test_activity_that_lasts_after_somebody_has_restarted_it_ends_the_rest() -> None:
    resting, _ = climb([*WORKS_FOR_A_MOMENT * 3, rules.Stalled()], rungs=("restart",))
    assert step(resting, rules.Worked("output"), Terms(now=9000.0))[0] == resting
    anew = rules.begun_anew(resting, Terms(now=9000.0))
    assert step(anew, rules.Worked("output"), Terms(now=9299.0)) == (anew, ())
    assert step(anew, rules.Worked("output"), Terms(now=9300.0)) == (Ladder(), (rules.Release("lasting activity"),))


def test_another_aurora_with_another_clock_counts_on_from_now() -> None:
    ladder, _ = climb(WORKS_FOR_A_MOMENT, rungs=("restart",))
    assert rules.resumed(ladder, Terms(now=5.0)) == Ladder(restarts=1, restarted_at=5.0)
    assert rules.resumed(Ladder(), Terms(now=5.0)) == Ladder()


def test_a_refused_rung_costs_no_attempt_and_is_not_tried_again() -> None:
    refused = rules.Broke("it is a link", refused=True)
    ladder, effects = climb([rules.Stalled(), refused, rules.Stalled()])
    assert performed(effects) == ["force_update", "clear_tasks"]
    assert ladder.attempts == 0


def test_where_everything_is_refused_the_operator_is_called() -> None:
    refused = rules.Broke("it is a link", refused=True)
    _, effects = climb([rules.Stalled(), refused, rules.Stalled()], rungs=("rescue",))
    assert effects[-1] == rules.Escalate(0, ("rescue",))


def test_it_rests_until_the_operator_acts() -> None:
    resting = [rules.Worked("files"), rules.Stalled(), rules.Silent(), rules.TimePassed()]
    ladder, effects = climb([*FAILS * 3, rules.Stalled(), *resting])
    assert ladder.escalated
    assert isinstance(effects[-1], rules.Escalate)
    ladder, effects = climb([*FAILS * 3, rules.Stalled(), *resting, rules.Cleared("the operator"), rules.Stalled()])
    assert effects[-2] == rules.Release("the operator")
    assert performed(effects[-1:]) == ["force_update"]


def test_a_marker_of_somebody_else_is_respected() -> None:
    ladder, effects = climb([rules.MarkFound(), rules.Stalled()])
    assert effects == [rules.Escalate(0, ())]
    assert ladder.escalated


def test_memory_orders_only_the_equally_invasive() -> None:
    success = {"restart": (90, 0), "rescue": (5, 0), "clear_tasks": (0, 5), "force_update": (0, 90)}
    ordered = in_order(RUNGS, success)  # type: ignore[arg-type] # the keys are rungs
    assert ordered == ("force_update", "rescue", "reset_status", "clear_tasks", "restart")


_stimuli = st.one_of(
    st.sampled_from([rules.Silent(), rules.Stalled(), rules.TimePassed(), rules.Performed(), rules.MarkFound()]),
    st.builds(rules.Worked, st.sampled_from(["status", "files"])),
    st.builds(rules.Broke, st.just("broken"), st.booleans()),
    st.builds(rules.Cleared, st.just("the operator")),
)


@given(
    st.lists(st.tuples(_stimuli, st.floats(0.0, 90.0)), max_size=60),
    st.sets(st.sampled_from(RUNGS)).map(lambda found: in_order(tuple(found), {})),
    st.integers(1, 6),
)
def test_what_holds_in_every_order_of_events(
    events: list[tuple[Stimulus, float]], rungs: tuple[Rung, ...], most: int
) -> None:
    ladder, now, verifying = Ladder(), 0.0, False
    for stimulus, passed_s in events:
        now += passed_s
        before = ladder
        ladder, effects = step(ladder, stimulus, Terms(now=now, rungs=rungs, max_attempts=most))
        for effect in effects:
            match effect:
                case rules.Perform(rung):
                    assert rung in rungs
                    assert not verifying
                    assert not before.escalated
                    assert max(before.attempts, before.restarts) < most
                    verifying = True
                case rules.Succeeded():
                    assert isinstance(stimulus, rules.Worked)
                    assert verifying
                    verifying = False
                case rules.Failed():
                    assert verifying
                    verifying = False
                case rules.Escalate(attempts):
                    assert not verifying
                    assert attempts >= most or not rungs or not attempts or isinstance(stimulus, rules.MarkFound)
                case rules.Release():
                    assert isinstance(stimulus, rules.Cleared)
        assert (ladder.rung is not None) == verifying
        if before.escalated and not isinstance(stimulus, rules.Cleared):
            assert (ladder, effects) == (before, ())
