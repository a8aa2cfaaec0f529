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
                    assert before.attempts < most
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
