"""The course of healing: single rules, and the promises under anything in any order."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from aurora_desktop.healing.remedies.course import (
    INCIDENT_S,
    Accepted,
    Acted,
    Cancel,
    Candidate,
    ClearEscalation,
    CloseOffers,
    Course,
    Declined,
    Diagnosed,
    Effect,
    Escalate,
    Failed,
    Halted,
    Lasted,
    Offer,
    Recovered,
    Refused,
    Stimulus,
    Stopped,
    Try,
    Unoffered,
    Worked,
    step,
)

TIDY, FIX, MORE = (Candidate(name, asks=False) for name in ("tidy", "fix", "more"))
INSTALL = Candidate("install", asks=True)


def go(course: Course, *stimuli: Stimulus, now: float = 0.0, most: int = 3) -> tuple[Course, list[Effect]]:
    """The course after all of them, and the effects of the last."""
    effects: tuple[Effect, ...] = ()
    for stimulus in stimuli:
        course, effects = step(course, stimulus, now, most)
    return course, list(effects)


def test_the_first_candidate_is_tried_and_the_next_after_it_failed() -> None:
    course, effects = go(Course(), Diagnosed("port", (TIDY, FIX)))
    assert effects == [Try("tidy", 1)]
    assert go(course, Failed())[1] == [Try("fix", 2)]


def test_what_is_refused_is_no_attempt() -> None:
    course, effects = go(Course(), Diagnosed("port", (TIDY, FIX, MORE)), Refused())
    assert effects == [Try("fix", 1)]
    assert course.failed == 0


def test_what_may_do_nothing_but_knows_what_the_operator_can_calls_him() -> None:
    course, effects = go(Course(), Diagnosed("port", (TIDY,)), Refused(tells=True))
    assert (course.phase, effects) == ("resting", [Escalate(0)])
    assert go(Course(), Diagnosed("port", (TIDY,)), Refused())[0].phase == "named"


def test_lasting_health_ends_an_escalation() -> None:
    course, _ = go(Course(), Diagnosed("port", (TIDY,)), Failed())
    assert go(course, Recovered())[0].phase == "resting"
    assert go(course, Lasted()) == (Course(), [ClearEscalation("lasting health")])


def test_two_kinds_that_take_turns_share_their_attempts() -> None:
    course, _ = go(Course(), Diagnosed("port", (TIDY, FIX)), Failed(), Failed(), Diagnosed("lock", (MORE,)), most=3)
    assert course.phase == "resting"  # nothing was left for the first
    course, _ = go(Course(), Diagnosed("port", (TIDY,)), Worked(), Diagnosed("port", (TIDY, FIX)))
    assert course.failed == 1
    assert go(course, Failed(), most=3)[0].failed == 2


def test_what_asks_is_offered_while_gentler_and_stronger_ones_are_tried() -> None:
    course, effects = go(Course(), Diagnosed("module", (INSTALL, MORE)))
    assert effects == [Offer("install"), Try("more", 1)]
    course, effects = go(course, Failed())
    assert (course.phase, effects) == ("offered", [])


def test_what_worked_closes_the_offers() -> None:
    assert go(Course(), Diagnosed("module", (INSTALL, MORE)), Worked())[1] == [CloseOffers()]


def test_a_fault_without_candidates_is_only_named() -> None:
    assert go(Course(), Diagnosed("syntax", ())) == (Course(key="syntax", phase="named"), [])


def test_when_all_failed_the_operator_is_called() -> None:
    course, effects = go(Course(), Diagnosed("port", (TIDY, FIX)), Failed(), Failed())
    assert (course.phase, effects) == ("resting", [Escalate(2)])


def test_no_more_attempts_than_allowed() -> None:
    assert go(Course(), Diagnosed("port", (TIDY, FIX, MORE)), Failed(), Failed(), most=2)[1] == [Escalate(2)]


def test_healing_rests_until_the_operator_acts() -> None:
    course, _ = go(Course(), Diagnosed("port", (TIDY,)), Failed())
    assert go(course, Diagnosed("port", (TIDY,)))[1] == []
    assert go(course, Recovered())[0].phase == "resting"
    assert go(course, Acted())[1] == [ClearEscalation()]
    assert go(course, Acted(), Diagnosed("port", (TIDY,)))[1] == [Try("tidy", 1)]


def test_a_crash_loop_of_one_kind_does_not_try_again_what_failed() -> None:
    course, _ = go(Course(), Diagnosed("port", (TIDY, INSTALL)), Failed())
    assert go(course, Diagnosed("port", (TIDY, INSTALL)))[1] == []


def test_what_worked_and_did_not_last_is_tried_again_and_counts() -> None:
    course, _ = go(Course(), Diagnosed("port", (TIDY,)), Worked())
    for _ in range(2):
        course, effects = go(course, Diagnosed("port", (TIDY,)))
        assert isinstance(effects[0], Try)
        course, _ = go(course, Worked())
    assert go(course, Diagnosed("port", (TIDY,)))[1] == [Escalate(3)]


def test_long_after_it_worked_it_is_a_new_incident() -> None:
    course, _ = go(Course(), Diagnosed("port", (TIDY,)), Worked())
    course, effects = go(course, Diagnosed("port", (TIDY,)), now=INCIDENT_S + 1)
    assert (effects, course.failed) == ([Try("tidy", 1)], 0)


def test_an_accepted_offer_is_tried_also_where_healing_rests() -> None:
    course, _ = go(Course(), Diagnosed("module", (INSTALL, TIDY)), Failed(), most=1)
    assert course.phase == "resting"
    assert go(course, Accepted("install"))[1] == [ClearEscalation(), Try("install", 1)]


def test_an_offer_accepted_while_another_is_tried_comes_next() -> None:
    course, effects = go(Course(), Diagnosed("module", (INSTALL, TIDY, FIX)), Accepted("install"))
    assert effects == []
    assert go(course, Failed())[1] == [Try("install", 2)]


def test_the_last_offer_declined_calls_nobody() -> None:
    course, effects = go(Course(), Diagnosed("module", (INSTALL,)), Declined("install"))
    assert (course.phase, effects) == ("named", [])
    assert go(course, Diagnosed("module", (INSTALL,)))[1] == []


def test_an_offer_that_is_not_for_it_after_all_leaves_nothing_to_wait_for() -> None:
    assert go(Course(), Diagnosed("module", (INSTALL,)), Unoffered("install"))[0].phase == "named"


def test_recovery_by_itself_ends_it() -> None:
    course, effects = go(Course(), Diagnosed("module", (INSTALL,)), Recovered())
    assert (course.phase, effects) == ("idle", [CloseOffers()])


def test_a_stop_cancels_closes_and_forgets() -> None:
    course, effects = go(Course(), Diagnosed("module", (INSTALL, TIDY)), Stopped())
    assert (course, effects) == (Course(), [Cancel(), CloseOffers()])


def test_a_halt_cancels_and_counts_nothing() -> None:
    course, effects = go(Course(), Diagnosed("port", (TIDY,)), Halted())
    assert (course.phase, course.failed, effects) == ("named", 0, [Cancel()])
    assert go(course, Diagnosed("port", (TIDY,)))[1] == [Try("tidy", 1)]


def test_where_nothing_may_be_done_it_is_only_named() -> None:
    assert go(Course(), Diagnosed("port", (TIDY, INSTALL), may_act=False))[1] == []


NAMES = ("a", "b", "c", "d")


class World(RuleBasedStateMachine):
    """One component, its remedies as they run, and the operator."""

    def __init__(self) -> None:
        super().__init__()
        self.course = Course()
        self.now = 0.0
        self.running = ""
        self.asking: set[str] = set()
        self.words: set[str] = set()
        self.open: set[str] = set()
        self.failures = 0
        self.stopped = False
        self.escalated = False

    def feed(self, stimulus: Stimulus) -> None:
        self.course, effects = step(self.course, stimulus, self.now, 3)
        for effect in effects:
            self.perform(effect)

    def perform(self, effect: Effect) -> None:
        match effect:
            case Try(name):
                assert not self.running, "two remedies at once"
                assert not self.stopped, "a remedy after the stop"
                assert not self.escalated, "a remedy although healing rests"
                assert self.failures < 3, "more attempts than allowed"
                assert name not in self.asking or name in self.words, "tried without the operator's word"
                self.words.discard(name)
                self.running = name
            case Offer(name):
                assert name not in self.open, "offered twice"
                self.open.add(name)
            case Cancel():
                assert self.running
                self.running = ""
            case CloseOffers():
                assert self.open
                self.open.clear()
            case Escalate():
                self.escalated = True
            case ClearEscalation():
                self.escalated, self.failures = False, 0

    @rule(key=st.sampled_from(["x", "y"]), names=st.permutations(NAMES), asks=st.sets(st.sampled_from(NAMES)),
          count=st.integers(0, 4), may_act=st.booleans())  # fmt: skip
    def fails(self, key: str, names: list[str], asks: set[str], count: int, may_act: bool) -> None:
        if not self.running and not self.open:
            self.asking = asks
        if self.course.phase in ("trying", "resting"):
            assert step(self.course, Diagnosed(key, ()), self.now, 3) == (self.course, ())
        elif key != self.course.key or self.now - self.course.seen_at > INCIDENT_S:
            self.failures = 0
        elif self.course.phase == "healed":
            self.failures += 1
        self.stopped = False
        candidates = tuple(Candidate(name, name in self.asking) for name in names[:count])
        self.feed(Diagnosed(key, candidates, may_act))

    @rule(result=st.sampled_from([Worked(), Failed(), Refused()]))
    def remedy_ends(self, result: Worked | Failed | Refused) -> None:
        if self.running:
            self.running = ""
            self.failures += isinstance(result, Failed)
            self.feed(result)

    @rule(name=st.sampled_from(NAMES), accepts=st.booleans())
    def operator_answers(self, name: str, accepts: bool) -> None:
        if name in self.open:
            self.open.discard(name)
            if accepts:
                self.words.add(name)
                self.failures = 0
            self.feed(Accepted(name) if accepts else Declined(name))
        else:
            assert step(self.course, Accepted(name), self.now, 3) == (self.course, ())

    @rule(name=st.sampled_from(NAMES))
    def offer_was_none(self, name: str) -> None:
        if name in self.open:
            self.open.discard(name)
            self.feed(Unoffered(name))

    @rule()
    def recovers(self) -> None:
        self.feed(Recovered())

    @rule()
    def operator_acts(self) -> None:
        self.failures = 0
        self.feed(Acted())

    @rule()
    def stops(self) -> None:
        self.stopped = True
        self.feed(Stopped())
        assert not self.open
        assert not self.running
        self.failures, self.words = 0, set()

    @rule()
    def halts(self) -> None:
        self.feed(Halted())
        assert not self.running

    @rule(seconds=st.sampled_from([1.0, INCIDENT_S + 1]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def it_knows_what_runs_and_what_is_offered(self) -> None:
        assert self.course.current == self.running
        assert (self.course.phase == "trying") == bool(self.running)
        assert self.course.offered == self.open
        assert (self.course.phase == "resting") == self.escalated


World.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestPromises = World.TestCase
