"""The rule of stalls: what counts as activity, and when silence is too long."""

from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.settings.schema_healing import StallRule
from aurora_desktop.healing.stalls.rule import SOURCES, WORDS, Reading, Silence, Token, judge, observed, rebased

RULE = StallRule()
_tokens = st.dictionaries(
    st.sampled_from([s for s in SOURCES if s != "cpu"]), st.tuples(st.integers(0, 3), st.integers(1, 3))
)
_steps = st.lists(st.tuples(st.floats(0.1, 200.0), _tokens), min_size=1, max_size=20)


def at(**tokens: Token) -> Reading:
    return Reading(tokens=tokens)


def seen(before: Silence | None, reading: Reading, now: float) -> Silence:
    return observed(before, reading, RULE.cpu_percent, now)[0]


def test_the_first_look_gives_a_whole_threshold() -> None:
    silence = seen(None, at(status=(1, 2, 3)), 5000.0)
    assert judge(silence, at(), RULE, 5000.0).state == "working"
    assert judge(silence, at(), RULE, 5119.9).state == "working"
    assert judge(silence, at(), RULE, 5120.0).state == "silent"
    assert judge(silence, at(), RULE, 5300.0).state == "stalled"


def test_the_sentence_names_the_last_source_and_when() -> None:
    silence = seen(seen(None, at(status=(1,), inbox=(1,)), 0.0), at(status=(2,), inbox=(1,)), 10.0)
    verdict = judge(silence, at(), RULE, 320.0)
    assert (verdict.state, verdict.source, verdict.silent_s) == ("stalled", "status", 310.0)
    assert verdict.sentence == "stalled: the last sign of work was its status.json, 5 min 10 s ago"


def test_silence_is_no_stall_when_it_says_that_it_waits() -> None:
    silence = seen(None, at(status=(1,)), 0.0)
    verdict = judge(silence, Reading(tokens={}, idle="its status is WAITING"), RULE, 9999.0)
    assert verdict.state == "idle"
    assert "its status is WAITING" in verdict.sentence


def test_who_was_not_looked_at_closely_is_not_judged() -> None:
    silence = seen(None, at(status=(1,)), 0.0)
    assert judge(silence, Reading(tokens={}, whole=False), RULE, 9999.0).state == "working"


def test_a_log_that_was_cut_back_by_its_rotation_is_no_activity_and_one_that_grows_is() -> None:
    silence = seen(None, at(output=(7, 1000)), 0.0)
    assert seen(silence, at(output=(7, 0)), 30.0).since == 0.0
    assert seen(silence, at(output=(7, 1001)), 30.0).since == 30.0


def test_files_that_are_seen_for_the_first_time_are_only_the_base() -> None:
    silence = seen(None, at(status=(1,)), 0.0)
    silence = seen(silence, at(files=(3, 99)), 60.0)
    assert silence.since == 0.0
    assert seen(silence, at(files=(3, 98)), 90.0).since == 90.0


def test_a_status_that_appears_is_activity_and_one_that_vanishes_is_not() -> None:
    silence = seen(seen(None, at(inbox=(1,)), 0.0), at(inbox=(1,), status=(1,)), 30.0)
    assert (silence.since, silence.source) == (30.0, "status")
    assert seen(silence, at(inbox=(1,)), 60.0).since == 30.0


def test_cpu_above_the_limit_is_activity_and_below_it_is_not() -> None:
    silence, _ = observed(None, Reading(tokens={}, cpu_s=10.0), 1.0, 0.0)
    calm, moved = observed(silence, Reading(tokens={}, cpu_s=10.2), 1.0, 30.0)
    assert (calm.since, moved) == (0.0, "")
    busy, moved = observed(calm, Reading(tokens={}, cpu_s=10.6), 1.0, 60.0)
    assert (busy.since, moved) == (60.0, "cpu")


@given(_steps)
def test_silence_begins_exactly_where_a_token_changed_last(steps: list[tuple[float, dict[str, Token]]]) -> None:
    """Against a model: the newest moment at which a source that was there before looked different."""
    now, silence, last = 0.0, None, 0.0
    known: dict[str, Token] = {}
    for passed_s, tokens in steps:
        now += passed_s
        changed = [s for s, token in tokens.items() if known.get(s) != token]
        counted = [s for s in changed if s in known or s not in ("files", "network")]
        last = now if silence is None or counted else last
        silence = seen(silence, Reading(tokens=tokens), now)
        known.update(tokens)
        assert silence.since == last


@given(_steps, _tokens)
def test_marks_of_ours_never_count(steps: list[tuple[float, dict[str, Token]]], marks: dict[str, Token]) -> None:
    now, silence = 0.0, seen(None, Reading(tokens={}), 0.0)
    for passed_s, tokens in steps:
        now += passed_s
        silence = seen(silence, Reading(tokens=tokens), now)
    marked = rebased(silence, marks)
    looked = seen(marked, Reading(tokens=marks), now + 30.0)
    assert (looked.since, looked.source) == (silence.since, silence.source)


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.booleans())
def test_only_silence_beyond_the_threshold_is_a_stall(since: float, passed_s: float, idle: bool) -> None:
    silence = Silence(since=since, tokens={})
    verdict = judge(silence, Reading(tokens={}, idle="it has no task" if idle else ""), RULE, since + passed_s)
    if verdict.state == "stalled":
        assert not idle
        assert verdict.silent_s >= RULE.threshold_sec
    if verdict.silent_s < RULE.proactive_threshold_sec:
        assert verdict.state == "working"


def test_every_source_has_words() -> None:
    assert set(WORDS) == set(SOURCES)
