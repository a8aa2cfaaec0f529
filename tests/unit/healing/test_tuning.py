"""Self-tuning: what is proposed, how it is tried, and that a worse outcome is taken back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from core.clocks import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AnyEvent, PartFailed, Record, ServiceFailed, ServiceRecovered, ServiceRestarting
from aurora_desktop.core.healing_events import TuningEnded, TuningProposed
from aurora_desktop.core.settings.problems import SettingsError
from aurora_desktop.core.settings.schema import Probe, Service, TcpProbe
from aurora_desktop.core.settings.values import Command
from aurora_desktop.core.settings.watch import SettingsSource
from aurora_desktop.core.storage.database import Database
from aurora_desktop.healing.machine.machine_store import MIGRATIONS, MachineStore
from aurora_desktop.healing.machine.tuning import Tuner
from aurora_desktop.healing.machine.tuning_rules import (
    LONGEST_TRIAL_H,
    Evidence,
    Outcome,
    Proposal,
    Recovery,
    propose,
    rounded_up,
    verdict,
)
from aurora_desktop.supervisor.measures import BOUNDS_S, STARTS_KEPT, Latencies, Measures
from aurora_desktop.supervisor.view import ServiceView

# --- what is measured ---------------------------------------------------------------------------------------------


def measures(*, usual_s: float = 0.01, slow_s: float = 0.01, timed_out: int = 0, failed: int = 0) -> Measures:
    """A thousand answers of the liveness probe, of which twenty are slow."""
    made = Measures()
    for number in range(1000):
        made.answered("liveness", slow_s if number % 50 == 0 else usual_s)
    for _ in range(timed_out):
        made.went_wrong("liveness", timed_out=True)
    for _ in range(failed):
        made.went_wrong("liveness", timed_out=False)
    return made


@given(st.lists(st.floats(0.001, 500), min_size=1, max_size=200), st.floats(0.01, 1.0))
def test_a_quantile_is_exact_to_a_bucket(times: list[float], share: float) -> None:
    latencies = Measures()
    for took_s in times:
        latencies.answered("readiness", took_s)
    found = latencies.probes["readiness"].quantile_s(share)
    exact = sorted(times)[max(0, -int(-share * len(times) // 1) - 1)]
    assert exact * 0.999 <= found <= exact * 1.2501


def test_nothing_measured_is_nothing_said() -> None:
    assert Latencies.empty().quantile_s(0.99) == 0.0
    assert propose("web", spec(), Measures(), Evidence()) == []


def test_what_takes_longer_than_the_last_bound_is_counted_there() -> None:
    made = Measures()
    made.answered("liveness", 10_000.0)
    assert made.probes["liveness"].quantile_s(1.0) == BOUNDS_S[-1]


def test_only_the_newest_starts_are_kept() -> None:
    made = Measures()
    for number in range(STARTS_KEPT + 5):
        made.started(float(number))
    assert (len(made.starts_s), made.starts_s[0]) == (STARTS_KEPT, 5.0)


# --- what is proposed ---------------------------------------------------------------------------------------------


def spec(**keys: Any) -> Service:
    probe = Probe(tcp=TcpProbe(port=80), **keys.pop("probe", {}))
    return Service(command=Command(["web"]), liveness_probe=probe, **keys)


def only(found: list[Proposal]) -> tuple[str, float, float]:
    (proposal,) = found
    return proposal.setting, proposal.old, proposal.new


def test_a_timeout_near_the_usual_answers_is_proposed_longer() -> None:
    found = propose("web", spec(), measures(slow_s=0.9, timed_out=5), Evidence({"liveness": 3}))
    assert only(found) == ("services.web.liveness_probe.timeout_sec", 1.0, 3.0)
    assert "5 of 1005 checks failed" in found[0].sentence
    assert "restarted 3 times" in found[0].sentence


@pytest.mark.parametrize("slow_s", [0.001, 0.1, 0.4])
def test_a_timeout_with_room_stays(slow_s: float) -> None:
    assert propose("web", spec(), measures(slow_s=slow_s), Evidence()) == []


def test_a_service_that_mostly_hangs_needs_no_longer_timeout() -> None:
    assert propose("web", spec(), measures(slow_s=0.9, timed_out=5000), Evidence({"liveness": 50})) == []


def test_single_failed_checks_are_proposed_to_be_borne() -> None:
    found = propose("web", spec(probe={"failure_threshold": 1}), measures(timed_out=4), Evidence({"liveness": 4}))
    assert only(found) == ("services.web.liveness_probe.failure_threshold", 1, 2)


def with_starts(*times: float) -> Measures:
    made = Measures()
    for took_s in times:
        made.started(took_s)
    return made


def test_starts_that_hardly_fit_get_more_time() -> None:
    found = propose(
        "web", spec(timeout_start_sec=30.0), with_starts(20, 24, 22, 27, 21), Evidence({"start_timeout": 2})
    )
    assert only(found) == ("services.web.timeout_start_sec", 30.0, 75.0)
    assert "2 starts did not make it" in found[0].sentence


def test_starts_that_hang_are_to_be_noticed_sooner() -> None:
    found = propose("web", spec(), with_starts(1, 2, 1, 1.5, 1), Evidence({"start_timeout": 2}))
    assert only(found) == ("services.web.timeout_start_sec", 90.0, 10.0)


def test_quick_starts_alone_are_no_reason() -> None:
    assert propose("web", spec(), with_starts(1, 2, 1, 1.5, 1), Evidence()) == []


def test_what_recovers_after_several_tries_waits_longer_between_them() -> None:
    found = propose("web", spec(), Measures(), Evidence(recoveries=[Recovery(4, 22.0)] * 5))
    assert only(found) == ("services.web.restart_sec", 1.0, 15.0)


@pytest.mark.parametrize("recoveries", [[Recovery(1, 0.1)] * 9, [Recovery(5, 60.0)] * 2])
def test_what_recovers_at_once_or_seldom_is_left_alone(recoveries: list[Recovery]) -> None:
    assert propose("web", spec(), Measures(), Evidence(recoveries=recoveries)) == []


@given(st.floats(0.001, 1e5))
def test_values_are_such_as_people_write(seconds: float) -> None:
    rounded = rounded_up(seconds)
    assert seconds * 0.998 <= rounded <= seconds * 2.01
    assert len(f"{rounded:g}".replace(".", "").strip("0")) <= 2


# --- the trial ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (Outcome(100, 20), Outcome(0.5, 9), "open"),
        (Outcome(100, 20), Outcome(2, 6), "worse"),
        (Outcome(100, 20), Outcome(12, 2), "open"),
        (Outcome(100, 20), Outcome(24, 0), "better"),
        (Outcome(100, 20), Outcome(24, 15), "worse"),
        (Outcome(100, 0), Outcome(24, 1), "better"),
        (Outcome(100, 2), Outcome(24, 0), "open"),
        (Outcome(100, 2), Outcome(LONGEST_TRIAL_H, 0), "better"),
        (Outcome(100, 5, 50.0), Outcome(24, 1, 3600.0), "worse"),
        (Outcome(0, 0), Outcome(30, 5), "open"),
        (Outcome(0, 0), Outcome(LONGEST_TRIAL_H, 0), "better"),
        (Outcome(100, 2000), Outcome(24, 800), "worse"),
        (Outcome(100, 2000), Outcome(24, 100), "better"),
    ],
)
def test_a_trial_is_judged_by_what_came_of_it(before: Outcome, after: Outcome, found: str) -> None:
    assert verdict(before, after) == found


@given(st.integers(0, 500), st.floats(1, 168), st.integers(0, 500), st.floats(0, 1000))
def test_any_outcome_has_a_verdict_and_fewer_restarts_are_never_worse(
    restarts: int, hours: float, later: int, later_hours: float
) -> None:
    before, after = Outcome(hours, restarts), Outcome(later_hours, later)
    found = verdict(before, after)
    assert found in ("better", "worse", "open")
    if later_hours and later / later_hours <= restarts / hours:
        assert found != "worse"


def test_outcomes_say_themselves() -> None:
    assert Outcome().words == "nothing was measured"
    assert Outcome(0.5, 3).words == "3 restarts in 30 min"
    assert Outcome(24, 3, 12.0).words == "3 restarts and 12 s of downtime in 24 h"


# --- at work ------------------------------------------------------------------------------------------------------

FILE = """\
# mine
services:
  web:
    command: [web]   # the web
    liveness_probe:
      tcp: {port: 80}
      timeout_sec: 1   # short
"""


class Rig:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "aurora.yaml"
        self.path.write_text(FILE)
        self.source = SettingsSource.load(self.path)
        self.clock = FakeClock()
        self.told: list[AnyEvent] = []
        self.measures = measures(slow_s=0.9, timed_out=5)
        self.state = "ready"
        self.folder = folder
        self.database = Database.open(folder / "state.db", MIGRATIONS, 1, self.clock.wall)
        self.tuner = self.make()

    def make(self) -> Tuner:
        return Tuner(
            self.source.current(),
            clock=self.clock,
            publish=self.told.append,
            services=lambda: (ServiceView(name="web", state=self.state, cause="", since=0.0),),  # type: ignore[arg-type]
            measures=lambda _: self.measures,
            set_option=self.source.set_option,
            store=MachineStore(self.database),
        )

    def again(self, *, killed: bool = False) -> None:
        """Aurora is started anew; `killed`: it had no time to keep what it knew."""
        if not killed:
            self.tuner._save()
        self.database.close()
        self.database = Database.open(self.folder / "state.db", MIGRATIONS, 1, self.clock.wall)
        self.tuner = self.make()

    async def settle(self) -> None:
        """Let the answer be written, and the settings take effect."""
        while self.tuner._tasks:
            await asyncio.gather(*self.tuner._tasks)
        for _ in range(3):
            await self.source.poll()
        self.tuner.apply(self.source.current())

    def hours(self, hours: int, restarts: int = 0) -> None:
        for _ in range(hours * 60):
            self.clock.advance(60.0)
            self.tuner.tick()
        for number in range(restarts):
            event = ServiceRestarting(at=0.0, component="service:web", attempt=1, delay_s=0.0, cause="exited")
            self.tuner.read(Record(number, event))

    def ended(self) -> list[tuple[str, str]]:
        return [(event.result, event.cause) for event in self.told if isinstance(event, TuningEnded)]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.database.close()


def test_a_proposal_is_made_once_and_changes_nothing(rig: Rig) -> None:
    asyncio.run(rig.tuner.review())
    asyncio.run(rig.tuner.review())
    (proposed,) = rig.told
    assert isinstance(proposed, TuningProposed)
    assert (proposed.setting, proposed.old, proposed.new) == ("services.web.liveness_probe.timeout_sec", "1", "3")
    assert [(view.id, view.state) for view in rig.tuner.proposals()] == [(1, "open")]
    assert rig.path.read_text() == FILE


async def applied(rig: Rig) -> None:
    await rig.tuner.review()
    rig.tuner.answer(1, apply=True)
    await rig.settle()


def test_on_the_operators_word_one_value_changes_and_nothing_else(rig: Rig) -> None:
    asyncio.run(applied(rig))
    assert rig.path.read_text() == FILE.replace("timeout_sec: 1 ", "timeout_sec: 3 ")
    assert [(view.state, view.old, view.new) for view in rig.tuner.proposals()] == [("trial", "1", "3")]
    assert [result for result, _ in rig.ended()] == ["applied"]


def test_a_worse_outcome_is_taken_back_to_the_byte(rig: Rig) -> None:
    async def play() -> None:
        rig.hours(48, restarts=2)
        await applied(rig)
        rig.hours(3, restarts=9)
        await rig.tuner.review()
        await rig.settle()

    asyncio.run(play())
    assert rig.path.read_text() == FILE
    assert rig.ended()[-1][0] == "taken_back"
    assert "9 restarts" in rig.ended()[-1][1]
    assert rig.tuner.proposals() == ()
    asyncio.run(rig.tuner.review())
    assert rig.tuner.proposals() == (), "what was taken back is not proposed again"


def test_a_better_outcome_is_kept(rig: Rig) -> None:
    async def play() -> None:
        rig.hours(48, restarts=20)
        await applied(rig)
        rig.hours(30)
        await rig.tuner.review()

    asyncio.run(play())
    assert rig.ended()[-1][0] == "kept"
    assert "timeout_sec: 3" in rig.path.read_text()


def test_a_pause_of_ours_counts_for_nothing(rig: Rig) -> None:
    async def play() -> None:
        rig.hours(48, restarts=20)
        await applied(rig)
        rig.clock.advance(40 * 3600.0)
        rig.tuner.tick()
        await rig.tuner.review()

    asyncio.run(play())
    assert [view.state for view in rig.tuner.proposals()] == ["trial"]


def test_a_trial_goes_on_over_a_restart_of_aurora(rig: Rig) -> None:
    async def play() -> None:
        rig.hours(48, restarts=2)
        await applied(rig)
        rig.again()
        rig.hours(3, restarts=9)
        await rig.tuner.review()
        await rig.settle()

    asyncio.run(play())
    assert rig.ended()[-1][0] == "taken_back"
    assert rig.path.read_text() == FILE


def test_a_value_that_was_not_in_the_file_is_taken_out_again(rig: Rig) -> None:
    bare = FILE.replace("      timeout_sec: 1   # short\n", "")
    rig.path.write_text(bare)

    async def play() -> None:
        await rig.settle()
        rig.hours(48, restarts=2)
        await applied(rig)
        assert "timeout_sec: 3" in rig.path.read_text()
        rig.hours(3, restarts=9)
        await rig.tuner.review()
        await rig.settle()

    asyncio.run(play())
    assert rig.path.read_text() == bare


def test_declined_it_does_not_come_again(rig: Rig) -> None:
    asyncio.run(rig.tuner.review())
    rig.tuner.answer(1, apply=False)
    asyncio.run(rig.tuner.review())
    assert rig.tuner.proposals() == ()
    assert rig.ended() == [("declined", "by the operator")]


def test_declined_it_does_not_come_again_after_a_kill_either(rig: Rig) -> None:
    asyncio.run(rig.tuner.review())
    rig.tuner.answer(1, apply=False)
    rig.again(killed=True)
    asyncio.run(rig.tuner.review())
    assert rig.tuner.proposals() == ()


def test_what_does_not_wait_cannot_be_answered(rig: Rig) -> None:
    with pytest.raises(AuroraError):
        rig.tuner.answer(1, apply=True)


def test_a_file_that_cannot_be_written_is_told_and_the_proposal_waits_on(rig: Rig) -> None:
    async def refuse(name: str, keys: object, value: object) -> object:
        raise SettingsError([])

    async def play() -> None:
        await rig.tuner.review()
        rig.tuner._set_option = refuse
        rig.tuner.answer(1, apply=True)
        await rig.settle()

    asyncio.run(play())
    assert any(isinstance(event, PartFailed) for event in rig.told)
    assert [view.state for view in rig.tuner.proposals()] == ["open"]


def test_a_setting_that_changed_by_hand_overtakes_the_proposal(rig: Rig) -> None:
    async def play() -> None:
        await rig.tuner.review()
        rig.path.write_text(FILE.replace("timeout_sec: 1", "timeout_sec: 9"))
        await rig.settle()

    asyncio.run(play())
    assert rig.tuner.proposals() == ()
    assert rig.ended() == [("declined", "the setting was changed meanwhile")]


def test_a_setting_that_changed_by_hand_ends_the_trial(rig: Rig) -> None:
    async def play() -> None:
        await applied(rig)
        rig.path.write_text(FILE.replace("timeout_sec: 1", "timeout_sec: 9"))
        await rig.settle()

    asyncio.run(play())
    assert rig.ended()[-1] == ("kept", "the trial ended, since the setting was changed by hand")


def test_failures_and_recoveries_are_evidence(rig: Rig) -> None:
    rig.measures = Measures()
    for number in range(5):
        rig.tuner.read(
            Record(number, ServiceFailed(at=0.0, component="service:web", kind="exit", cause="exited with code 1"))
        )
        event = ServiceRecovered(at=0.0, component="service:web", attempts=4, downtime_s=22.0, cause="exited")
        rig.tuner.read(Record(number, event))
    asyncio.run(rig.tuner.review())
    assert [view.setting for view in rig.tuner.proposals()] == ["services.web.restart_sec"]


def test_the_rounds_end_with_what_is_known_kept(rig: Rig) -> None:
    async def run() -> None:
        await rig.tuner.review()
        task = asyncio.create_task(rig.tuner.run())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    rig.again()
    assert [view.id for view in rig.tuner.proposals()] == [1]
