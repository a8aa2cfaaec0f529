"""The rules of restart, one at a time."""

import pytest

from aurora_desktop.core.settings.schema import Probe, Service, TcpProbe
from aurora_desktop.core.settings.values import Command
from aurora_desktop.supervisor import policy, restarts, status, stimuli
from aurora_desktop.supervisor.outcome import Outcome
from aurora_desktop.supervisor.status import Blocker, Context, Status

COMMAND = Command(["program"])
PROBE = Probe(tcp=TcpProbe(port=1))
CRASH = stimuli.Exited(Outcome(exit_code=3, uptime_s=1.0))
CLEAN = stimuli.Exited(Outcome(exit_code=0, uptime_s=1.0))


class Play:
    """Feeds one service and keeps what came of it."""

    def __init__(self, jitter: float = 0.5, **keys: object) -> None:
        self.spec = Service(command=COMMAND, **keys)  # type: ignore[arg-type]
        self.status = Status()
        self.now = 100.0
        self.jitter = jitter
        self.blockers: tuple[Blocker, ...] = ()
        self.paused = False
        self.effects: list[stimuli.Effect] = []

    def feed(self, *given: stimuli.Stimulus) -> "Play":
        self.effects = []
        for stimulus in given:
            context = Context(now=self.now, jitter=self.jitter, blockers=self.blockers, paused=self.paused)
            self.status, effects = policy.step(self.status, self.spec, stimulus, context)
            self.effects += effects
        return self

    def running(self) -> "Play":
        return self.feed(stimuli.Start("test"), stimuli.Spawned())

    def later(self, seconds: float) -> "Play":
        self.now += seconds
        return self

    def until_due(self) -> "Play":
        due = status.next_deadline(self.status, self.spec)
        assert due is not None
        self.now = max(self.now, due)
        return self.feed(stimuli.TimerDue())

    def told(self, kind: type) -> list[stimuli.Effect]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def spawns(self) -> int:
        return len(self.told(stimuli.Spawn))


def test_a_simple_service_is_up_once_spawned() -> None:
    play = Play().running()
    assert play.status.state == "running"
    assert status.is_up(play.status, play.spec)


def test_a_service_with_a_readiness_probe_is_up_once_it_succeeds() -> None:
    play = Play(readiness_probe=PROBE).running()
    assert play.status.state == "running"
    assert not status.is_up(play.status, play.spec)
    play.feed(stimuli.Ready())
    assert play.status.state == "ready"
    assert status.is_up(play.status, play.spec)


def test_a_notify_service_is_starting_until_it_says_ready() -> None:
    play = Play(type="notify").running()
    assert play.status.state == "starting"
    assert play.feed(stimuli.Ready()).status.state == "ready"


def test_a_oneshot_is_up_once_it_has_finished() -> None:
    play = Play(type="oneshot").running()
    assert not status.is_up(play.status, play.spec)
    play.feed(CLEAN)
    assert play.status.state == "stopped"
    assert status.is_up(play.status, play.spec)


def test_the_first_restart_is_at_once() -> None:
    play = Play().running().later(5).feed(CRASH)
    assert play.spawns() == 1
    assert play.status.state == "starting"
    assert play.status.restarts == 1


def test_the_second_restart_waits_with_full_jitter_under_a_doubling_ceiling() -> None:
    play = Play(jitter=0.5, restart_sec=2.0, start_limit_burst=10).running().feed(CRASH, stimuli.Spawned(), CRASH)
    assert play.status.state == "waiting"
    assert play.status.retry_at == play.now + 0.5 * 2.0
    play.until_due().feed(stimuli.Spawned(), CRASH)
    assert play.status.retry_at == play.now + 0.5 * 4.0


@pytest.mark.parametrize("attempts", [1, 5, 40])
def test_no_backoff_is_longer_than_its_cap(attempts: int) -> None:
    spec = Service(command=COMMAND, restart_sec=1.0, restart_max_delay_sec=30.0)
    assert 0 <= restarts.backoff_s(spec, attempts, 0.999) < 30.0


def test_a_spent_budget_degrades_and_is_told_once() -> None:
    play = Play(jitter=0.0, start_limit_burst=3, restart_max_delay_sec=60.0).running()
    for _ in range(3):
        play.feed(CRASH, stimuli.Spawned())
    play.feed(CRASH)
    assert play.status.state == "degraded"
    assert len(play.told(stimuli.TellDegraded)) == 1
    assert play.status.retry_at == play.now + 60.0
    play.until_due().feed(stimuli.Spawned(), CRASH)
    assert play.status.state == "degraded"
    assert play.told(stimuli.TellDegraded) == []


def test_lasting_health_forgets_the_restarts() -> None:
    play = Play(restart_reset_after_sec=30.0).running().feed(CRASH, stimuli.Spawned())
    play.until_due()  # told recovered after a second
    assert play.told(stimuli.TellRecovered)
    play.until_due()
    assert play.status.attempts == 0
    assert status.next_deadline(play.status, play.spec) is None


def test_a_crash_after_lasting_health_is_a_first_one_again() -> None:
    play = Play(jitter=0.9, restart_reset_after_sec=30.0).running().feed(CRASH, stimuli.Spawned())
    play.later(31).feed(CRASH)
    assert play.spawns() == 1


def test_recovery_is_told_with_attempts_and_downtime() -> None:
    play = Play(readiness_probe=PROBE).running().feed(stimuli.Ready()).later(5).feed(CRASH)
    play.later(0.25).feed(stimuli.Spawned()).later(2).feed(stimuli.Ready()).until_due()
    recovered = play.told(stimuli.TellRecovered)
    assert recovered == [stimuli.TellRecovered(1, 2.25, "exited with code 3 after 1.0 s")]


def test_a_restart_by_the_operator_forgets_the_count() -> None:
    play = Play(jitter=0.0, start_limit_burst=1).running().feed(CRASH, stimuli.Spawned(), CRASH)
    assert play.status.state == "degraded"
    play.feed(stimuli.Restart("operator"))
    assert play.spawns() == 1
    assert (play.status.attempts, play.status.budget_spent, play.status.restart_times) == (0, False, ())
    assert play.status.restarts == 0


def test_a_stop_terminates_and_kills_after_the_grace() -> None:
    play = Play(timeout_stop_sec=10.0).running().feed(stimuli.Stop("operator"))
    assert play.effects == [stimuli.Terminate()]
    assert play.until_due().effects == [stimuli.Kill()]
    assert play.feed(stimuli.TreeGone()).status.state == "stopped"


def test_a_stopped_service_is_not_restarted_by_its_own_end() -> None:
    play = Play().running().feed(stimuli.Stop("operator"), CRASH, stimuli.TreeGone(), CRASH)
    assert play.spawns() == 0
    assert play.status.state == "stopped"


def test_a_stop_during_a_backoff_cancels_it() -> None:
    play = Play(start_limit_burst=9).running().feed(CRASH, stimuli.Spawned(), CRASH, stimuli.Stop("operator"))
    assert play.status.state == "stopped"
    assert status.next_deadline(play.status, play.spec) is None


def test_a_start_while_stopping_follows_the_stop() -> None:
    play = Play().running().feed(stimuli.Stop("operator"), stimuli.Start("operator"), CRASH, stimuli.TreeGone())
    assert play.spawns() == 1


def test_restart_never_gives_up_after_a_failure_and_says_why() -> None:
    play = Play(restart="never").running().feed(CRASH)
    assert play.status.state == "failed"
    assert "restart: never" in play.status.hint
    assert play.told(stimuli.TellGaveUp)


def test_on_failure_lets_a_clean_end_be() -> None:
    assert Play(restart="on-failure").running().feed(CLEAN).status.state == "stopped"
    assert Play(restart="on-failure").running().feed(CRASH).spawns() == 1


def test_always_restarts_a_clean_end_too() -> None:
    assert Play(restart="always").running().feed(CLEAN).spawns() == 1


def test_a_preventing_exit_code_is_not_restarted() -> None:
    play = Play(restart_prevent_exit_status=[3]).running().feed(CRASH)
    assert play.status.state == "failed"
    assert "restart_prevent_exit_status" in play.status.hint


def test_an_adopted_oneshot_with_unknown_end_is_not_rerun() -> None:
    play = Play(type="oneshot").running().feed(stimuli.Exited(Outcome(uptime_s=3.0)))
    assert play.status.state == "failed"
    assert play.spawns() == 0


def test_a_command_that_cannot_be_found_fails_with_a_hint() -> None:
    play = Play().feed(stimuli.Start("test"), stimuli.SpawnFailed("command not found: x", "install it"))
    assert (play.status.state, play.status.hint) == ("failed", "install it")


def test_a_passing_spawn_error_is_tried_again() -> None:
    play = Play().feed(stimuli.Start("test"), stimuli.SpawnFailed("no memory", permanent=False))
    assert play.spawns() == 2


def test_what_an_exit_leaves_behind_is_killed_before_its_successor_comes() -> None:
    play = Play().running().feed(stimuli.Exited(Outcome(exit_code=0, uptime_s=0.1), strays=2))
    assert [type(e) for e in play.effects] == [
        stimuli.Kill, stimuli.TellFailed, stimuli.Spawn, stimuli.TellRestarting,
    ]  # fmt: skip
    assert "foreground" in play.status.last_failure


def test_not_ready_in_time_is_replaced() -> None:
    play = Play(type="notify", timeout_start_sec=5.0).running().until_due()
    assert play.status.state == "stopping"
    assert "timeout_start_sec" in play.status.cause
    assert play.feed(stimuli.TreeGone()).spawns() == 1


def test_a_stall_of_ours_moves_the_deadline_on() -> None:
    play = Play(type="notify", timeout_start_sec=5.0).running()
    play.status = status.shift(play.status, 60.0)
    assert play.later(30).feed(stimuli.TimerDue()).status.state == "starting"


@pytest.mark.parametrize(
    ("kind", "grace_s"),
    [("liveness", policy.HUNG_GRACE_S), ("watchdog", 1.0), ("stall", 1.0), ("memory", policy.MEMORY_GRACE_S)],
)
def test_the_unwell_have_a_short_grace(kind: str, grace_s: float) -> None:
    play = Play().running().feed(stimuli.Unwell(kind, "unwell"))  # type: ignore[arg-type]
    assert play.status.kill_at == play.now + grace_s
    assert play.feed(stimuli.TreeGone()).spawns() == 1
    assert play.told(stimuli.TellFailed) == [stimuli.TellFailed(kind, "unwell")]  # type: ignore[arg-type]


def test_readiness_lost_is_unhealthy_and_found_again_is_ready() -> None:
    play = Play(readiness_probe=PROBE).running().feed(stimuli.Ready(), stimuli.NotReady("503"))
    assert play.status.state == "unhealthy"
    assert play.effects == []
    assert play.feed(stimuli.Ready()).status.state == "ready"


def test_a_start_waits_for_its_dependencies_and_says_for_which() -> None:
    play = Play()
    play.blockers = (Blocker("db", "starting"),)
    play.feed(stimuli.Start("test"))
    assert (play.status.state, play.status.cause, play.spawns()) == ("waiting", "waiting for db (starting)", 0)
    play.blockers = ()
    assert play.feed(stimuli.DependenciesChanged()).spawns() == 1


def test_held_for_a_dependency_it_comes_back_with_it() -> None:
    play = Play().running().feed(stimuli.Stop("db stops", hold=True))
    play.blockers = (Blocker("db", "stopping"),)
    play.feed(CRASH, stimuli.TreeGone())
    assert play.status.state == "waiting"
    play.blockers = ()
    assert play.feed(stimuli.DependenciesChanged()).spawns() == 1
    assert play.status.restarts == 0


def test_a_pause_holds_restarts_until_it_ends() -> None:
    play = Play().running()
    play.paused = True
    play.feed(CRASH)
    assert (play.status.state, play.spawns()) == ("waiting", 0)
    play.paused = False
    assert play.feed(stimuli.Resumed()).spawns() == 1
    assert play.status.restarts == 1


def test_a_pause_replaces_nothing_that_is_unwell() -> None:
    play = Play().running()
    play.paused = True
    play.feed(stimuli.Unwell("liveness", "no answer"))
    assert play.status.state == "unhealthy"
    assert play.effects == []


def test_frozen_stays_as_it_is_and_thaws_to_what_it_was() -> None:
    play = Play(readiness_probe=PROBE, timeout_start_sec=5.0).running().feed(stimuli.Freeze("stop"))
    assert play.effects == [stimuli.Suspend()]
    play.later(60).feed(stimuli.TimerDue(), stimuli.Unwell("liveness", "no answer"))
    assert play.status.state == "frozen"
    play.feed(stimuli.Thaw("go on"))
    assert (play.status.state, play.effects) == ("running", [stimuli.Continue()])
    assert play.feed(stimuli.TimerDue()).status.state == "running"


def test_killed_while_frozen_it_stays_down() -> None:
    play = Play().running().feed(stimuli.Freeze("stop"), CRASH)
    assert (play.status.state, play.spawns()) == ("failed", 0)


def test_an_adopted_service_is_up_since_it_was_spawned() -> None:
    play = Play().feed(stimuli.Adopted(ready=False, up_since=7.0))
    assert (play.status.state, play.status.up_since, play.status.wanted) == ("running", 7.0, True)


def test_an_adopted_notify_service_that_was_ready_is_ready() -> None:
    play = Play(type="notify").feed(stimuli.Adopted(ready=True, up_since=7.0))
    assert (play.status.state, play.status.start_deadline) == ("ready", None)
