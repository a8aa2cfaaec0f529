"""Recovery as people tell it."""

from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.events import (
    AnyEvent,
    AuroraStarted,
    Heartbeat,
    LimitWarning,
    Record,
    ServiceAdopted,
    ServiceDegraded,
    ServiceFailed,
    ServiceGaveUp,
    ServiceRecovered,
    ServiceRestarting,
    ServiceStateChanged,
    StrayEnded,
)
from aurora_desktop.core.healing_events import (
    AgentResumed,
    AgentStalled,
    Escalated,
    EscalationCleared,
    FaultDiagnosed,
    MachineResource,
    OfferClosed,
    RemedyFinished,
    RemedyOffered,
    RemedyOutcome,
    RemedyStarted,
    ResourceBreached,
    ResourceRelieved,
    SpaceFreed,
    TuningEnded,
)
from aurora_desktop.healing.grouping import APART_S, grouped
from aurora_desktop.healing.incidents import Incidents

WEB = "service:web"


def fold(*events: AnyEvent) -> Incidents:
    return Incidents(Record(place + 1, event) for place, event in enumerate(events))


def failed(at: float = 1.0, component: str = WEB, uptime_s: float = 2.0, cause: str = "exited with code 3") -> AnyEvent:
    tail = ("last line",)
    return ServiceFailed(at=at, component=component, kind="exit", cause=cause, uptime_s=uptime_s, log_tail=tail)


def restarting(attempt: int = 1, delay_s: float = 0.0) -> AnyEvent:
    return ServiceRestarting(at=2.0, component=WEB, attempt=attempt, delay_s=delay_s, cause="exited")


def recovered(attempts: int = 1, downtime_s: float = 0.4) -> AnyEvent:
    return ServiceRecovered(at=3.0, component=WEB, attempts=attempts, downtime_s=downtime_s, cause="ready again")


def degraded() -> AnyEvent:
    return ServiceDegraded(at=4.0, component=WEB, cause="5 restarts within 60 s", attempts=5, retry_s=60.0)


def begun_anew(at: float = 50.0) -> AnyEvent:
    return AuroraStarted(at=at, component="aurora", version="1", pid=1, mode="headless")


def state(name: str, at: float = 60.0) -> AnyEvent:
    return ServiceStateChanged(at=at, component=WEB, previous="starting", state=name, cause="spawned")


def test_what_an_earlier_aurora_saw_of_the_machine_is_under_way_no_more():
    incidents = fold(breached("cpu"), breached("disk"), begun_anew())
    assert [row.outcome for row in incidents.rows()] == ["stopped", "stopped"]
    incidents.feed(Record(9, breached("cpu", 60.0)))
    assert [(row.subject, row.outcome) for row in incidents.rows()] == [
        ("cpu", "open"), ("disk", "stopped"), ("cpu", "stopped"),
    ]  # fmt: skip


def test_what_was_degraded_under_an_earlier_aurora_is_over_once_it_is_up_under_the_next():
    (incident,) = fold(failed(), restarting(), degraded(), begun_anew(), state("starting")).rows()
    assert incident.outcome == "degraded"
    (incident,) = fold(failed(), restarting(), degraded(), begun_anew(), state("starting"), state("ready")).rows()
    assert (incident.outcome, incident.downtime_s) == ("recovered", 59.0)
    assert incident.result == "up again after Aurora was started anew"


def test_what_fails_under_the_next_aurora_too_is_over_when_that_says_so():
    events = (failed(), degraded(), begun_anew(), failed(55.0), state("running"))
    (incident,) = fold(*events).rows()
    assert (incident.outcome, incident.failures) == ("degraded", 2)
    (incident,) = fold(*events, recovered()).rows()
    assert incident.outcome == "recovered"


def test_an_escalation_outlives_the_aurora_that_called():
    escalated = Escalated(at=9.0, component=WEB, cause="3 remedies failed", attempts=3)
    (incident,) = fold(failed(), escalated, begun_anew(), state("running")).rows()
    assert incident.outcome == "escalated"


def test_a_failure_opens_an_incident_with_its_last_lines():
    (incident,) = fold(failed()).rows()
    assert (incident.cause, incident.outcome, incident.log_tail) == ("exited with code 3", "open", ("last line",))


def test_restart_and_recovery_complete_the_same_incident():
    (incident,) = fold(failed(), restarting(), recovered()).rows()
    assert (incident.id, incident.at) == (1, 1.0)
    assert (incident.action, incident.outcome, incident.downtime_s) == ("restarted at once", "recovered", 0.4)


def test_failures_in_a_row_are_one_incident_that_counts_them():
    events = (failed(), restarting(1), failed(cause="exited with code 4"), restarting(2, 1.3), recovered(2, 5.0))
    (incident,) = fold(*events).rows()
    assert (incident.failures, incident.attempts, incident.cause) == (2, 2, "exited with code 4")
    assert incident.action == "restarted 2 times, last after 1.3 s"


def test_a_failure_after_the_recovery_is_a_new_incident():
    newest, oldest = fold(failed(1.0), recovered(), failed(9.0)).rows()
    assert (newest.outcome, oldest.outcome) == ("open", "recovered")


def test_a_failure_after_a_long_run_is_new_even_if_the_last_end_was_lost():
    assert len(fold(failed(1.0), failed(5000.0, uptime_s=4900.0))) == 2


def test_degraded_stays_unsettled_until_it_recovers():
    incidents = fold(failed(), restarting(), degraded(), failed(), recovered(6, 120.0))
    (incident,) = incidents.rows()
    assert (incident.outcome, incident.attempts) == ("recovered", 6)


def test_degraded_says_how_often_it_is_tried():
    (incident,) = fold(failed(), degraded()).rows()
    assert (incident.outcome, incident.result) == (
        "degraded",
        "5 restarts within 60 s; tried again every 60 s at the most",
    )


def test_giving_up_without_a_failure_before_has_its_own_incident_with_the_hint():
    (incident,) = fold(ServiceGaveUp(at=1.0, component=WEB, cause="no such file", hint="Correct it")).rows()
    assert (incident.outcome, incident.result, incident.action) == (
        "gave_up",
        "no such file. Correct it",
        "not restarted",
    )


def test_an_operators_stop_settles_what_was_open():
    stopped = ServiceStateChanged(
        at=2.0, component=WEB, previous="waiting", state="stopped", cause="stopped by the operator"
    )
    (incident,) = fold(failed(), stopped).rows()
    assert (incident.outcome, incident.result) == ("stopped", "stopped by the operator")


def test_a_change_of_state_opens_nothing():
    assert not fold(ServiceStateChanged(at=2.0, component=WEB, previous="ready", state="stopped", cause="x")).rows()


def test_adoption_stray_and_limit_stand_alone_and_leave_the_open_one_open():
    rows = fold(
        failed(),
        ServiceAdopted(at=2.0, component=WEB, pid=7, uptime_s=60.0),
        StrayEnded(at=2.0, component=WEB, pid=8, program="sh"),
        LimitWarning(at=2.0, component=WEB, resource="memory", value=9.0, limit=10.0, cause="near its limit"),
        recovered(),
    ).rows()
    assert [row.outcome for row in rows] == ["warned", "done", "done", "recovered"]
    assert [row.action for row in rows][:3] == ["warned", "ended process 8", "adopted with the same pid 7"]


def test_components_do_not_mix():
    rows = fold(failed(), failed(component="service:db"), recovered()).rows()
    assert {row.component: row.outcome for row in rows} == {"service:db": "open", WEB: "recovered"}


def test_a_recovery_whose_failure_was_pruned_is_still_told():
    (incident,) = fold(recovered(3, 9.0)).rows()
    assert (incident.outcome, incident.attempts, incident.downtime_s) == ("recovered", 3, 9.0)


def test_the_oldest_go_first():
    incidents = Incidents(keep=3)
    for number in range(10):
        incidents.feed(Record(number, failed(component=f"service:{number}")))
    assert [row.id for row in incidents.rows()] == [9, 8, 7]


def test_feed_returns_what_changed_and_nothing_for_other_events():
    incidents = Incidents()
    beat = Heartbeat(
        at=1.0, component="heartbeat", uptime_seconds=1.0, verdict="healthy", sentence="", lag_ms=0.0, missed=0,
        error_counts={}, recent_recovery_events=(), services={}, memory_bytes=1, cpu_percent=0.0,
    )  # fmt: skip
    assert incidents.feed(Record(1, beat)) is None
    opened = incidents.feed(Record(2, failed()))
    assert opened is not None
    assert opened.id == 2


AGENT = "agent:claude"


def diagnosed(failure_id: int = 7, at: float = 3.5, component: str = WEB, **more: str) -> AnyEvent:
    return FaultDiagnosed(
        at=at, component=component, failure_id=failure_id, kind="port_conflict", cause="port 8080 is taken by nginx",
        signature="address in use: #", **more,
    )  # fmt: skip


def started(remedy: str = "end_stray", failure_id: int = 7, component: str = WEB) -> AnyEvent:
    return RemedyStarted(
        at=4.0, component=component, failure_id=failure_id, remedy=remedy, attempt=1, cause="ends the stray"
    )


def finished(
    remedy: str = "end_stray", outcome: RemedyOutcome = "worked", failure_id: int = 7, component: str = WEB
) -> AnyEvent:
    return RemedyFinished(
        at=6.0, component=component, failure_id=failure_id, remedy=remedy, outcome=outcome, cause="it is up",
        duration_s=2.0,
    )  # fmt: skip


def offered() -> AnyEvent:
    return RemedyOffered(
        at=4.0, component=WEB, offer_id=3, failure_id=7, remedy="install", cause="flask is missing",
        command=("pip", "install", "flask"),
    )  # fmt: skip


def stalled(at: float = 10.0) -> AnyEvent:
    return AgentStalled(at=at, component=AGENT, source="output", silent_s=300.0, cause="silent for 300 s")


def breached(resource: MachineResource = "disk", at: float = 10.0) -> AnyEvent:
    return ResourceBreached(
        at=at, component="machine", resource=resource, value=95.0, limit=90.0, lasting_s=90.0, cause=f"{resource} 95 %"
    )


def test_a_diagnosis_belongs_to_the_failure_even_after_the_restart():
    (incident,) = fold(failed(), recovered(), diagnosed(next_step="Stop nginx")).rows()
    assert (incident.outcome, incident.kind, incident.signature) == ("recovered", "port_conflict", "address in use: #")
    assert (incident.diagnosis, incident.next_step) == ("port 8080 is taken by nginx", "Stop nginx")


def test_a_diagnosis_long_after_is_an_incident_of_its_own():
    assert len(fold(failed(1.0), recovered(), diagnosed(at=500.0)).rows()) == 2


def test_remedies_are_steps_with_outcome_and_duration():
    events = (failed(), diagnosed(), started("a"), finished("a", "undone"), started("b"), finished("b"), recovered())
    (incident,) = fold(*events).rows()
    assert [(s.remedy, s.state, s.duration_s) for s in incident.steps] == [("a", "undone", 2.0), ("b", "worked", 2.0)]
    assert incident.outcome == "recovered"


def test_a_remedy_finds_its_failure_by_number():
    other = ServiceFailed(at=3.0, component=WEB, kind="exit", cause="other", uptime_s=100.0)
    newest, oldest = fold(failed(), diagnosed(7), recovered(), other, started(failure_id=7)).rows()
    assert (len(newest.steps), len(oldest.steps)) == (0, 1)


def test_a_remedy_that_worked_leaves_the_recovery_of_a_service_to_the_service():
    assert fold(failed(), diagnosed(), finished()).rows()[0].outcome == "open"


def test_a_remedy_that_worked_ends_what_no_failure_began():
    (incident,) = fold(diagnosed(), started(), finished()).rows()
    assert (incident.outcome, incident.downtime_s) == ("recovered", 2.5)


def test_a_remedy_whose_beginning_was_pruned_is_still_told():
    (incident,) = fold(finished("a", "failed")).rows()
    assert [(step.state, step.at) for step in incident.steps] == [("failed", 4.0)]


def test_an_accepted_offer_becomes_the_step_that_carries_it_out():
    accepted = OfferClosed(at=5.0, component=WEB, offer_id=3, answer="accepted")
    (waiting,) = fold(failed(), diagnosed(), offered()).rows()
    (done,) = fold(failed(), diagnosed(), offered(), accepted, started("install"), finished("install")).rows()
    assert [step.state for step in waiting.steps] == ["offered"]
    assert [(step.state, step.command) for step in done.steps] == [("worked", ("pip", "install", "flask"))]


def test_a_declined_offer_says_so():
    declined = OfferClosed(at=5.0, component=WEB, offer_id=3, answer="declined")
    (incident,) = fold(failed(), diagnosed(), offered(), declined).rows()
    assert incident.steps[0].state == "declined"


def test_a_stalled_agent_is_one_incident_until_it_works_again():
    resumed = AgentResumed(at=400.0, component=AGENT, source="output", stalled_s=390.0, cause="it writes again")
    (incident,) = fold(stalled(), stalled(40.0), resumed).rows()
    assert (incident.kind, incident.outcome, incident.downtime_s) == ("stall", "recovered", 390.0)


def test_a_rung_that_worked_and_the_activity_that_shows_it_are_one_incident():
    resumed = AgentResumed(at=30.0, component=AGENT, source="output", stalled_s=20.0, cause="it writes again")
    rung = (started("refresh_status", 0, AGENT), finished("refresh_status", failure_id=0, component=AGENT))
    (incident,) = fold(stalled(2.0), *rung, resumed).rows()
    assert (incident.outcome, incident.downtime_s, len(incident.steps)) == ("recovered", 20.0, 1)


def test_an_escalation_rests_until_it_is_seen_to_and_a_new_stall_is_a_new_incident():
    escalated = Escalated(at=20.0, component=AGENT, cause="3 rungs failed", attempts=3, hint="Look at it")
    cleared = EscalationCleared(at=30.0, component=AGENT, by="window")
    (resting,) = fold(stalled(), escalated).rows()
    newest, oldest = fold(stalled(), escalated, cleared, stalled(99.0)).rows()
    assert (resting.outcome, resting.result, resting.next_step) == ("escalated", "3 rungs failed", "Look at it")
    assert (newest.outcome, oldest.outcome, oldest.result) == ("open", "seen_to", "seen to by window")


def test_resources_of_the_machine_do_not_mix_and_freed_space_is_a_step():
    freed = SpaceFreed(at=20.0, component="machine", freed_bytes=5 * 10**8, files=9, cause="logs compressed")
    relieved = ResourceRelieved(at=70.0, component="machine", resource="disk", value=80.0, cause="disk 80 %")
    newest, oldest = fold(breached("disk"), breached("cpu"), breached("disk", 11.0), freed, relieved).rows()
    assert (newest.subject, newest.outcome) == ("cpu", "open")
    assert (oldest.outcome, oldest.downtime_s) == ("recovered", 60.0)
    assert oldest.steps[0].sentence == "logs compressed (500 MB in 9 files)"


def test_space_freed_before_it_was_short_stands_alone():
    freed = SpaceFreed(at=20.0, component="machine", freed_bytes=10**6, files=1, cause="old files removed")
    (incident,) = fold(freed).rows()
    assert (incident.outcome, incident.action) == ("done", "old files removed (1 MB in 1 file)")


def test_a_value_that_was_taken_back_is_told():
    ended = TuningEnded(
        at=1.0, component="aurora", proposal_id=1, setting="services.web.restart_sec", result="taken_back", cause="x"
    )
    (incident,) = fold(ended).rows()
    assert incident.action == "taken back: the outcome was worse"


def test_the_same_again_is_one_group_that_keeps_its_id():
    first = fold(failed(1.0, cause="exited with code 3 after 2.1 s"), recovered())
    again = fold(
        failed(1.0, cause="exited with code 3 after 2.1 s"), recovered(),
        failed(50.0, cause="exited with code 3 after 9.4 s", uptime_s=60.0), recovered(),
        failed(99.0, cause="exited with code 4 after 1 s", uptime_s=60.0),
    )  # fmt: skip
    other, same = grouped(again.rows())
    assert (len(other.members), len(same.members), same.since, same.newest.at) == (1, 2, 1.0, 50.0)
    assert grouped(first.rows())[0].id == same.id


def test_what_happened_days_apart_is_not_one_group():
    again = fold(failed(1.0), recovered(), failed(1.0 + APART_S + 1, uptime_s=60.0))
    assert len(grouped(again.rows())) == 2


def test_a_signature_groups_what_words_tell_apart():
    again = fold(
        failed(1.0, cause="no answer"), diagnosed(1, 1.0), recovered(), failed(50.0, cause="reset", uptime_s=60.0),
        diagnosed(2, 50.0),
    )  # fmt: skip
    (group,) = grouped(again.rows())
    assert len(group.members) == 2


_EVENTS = st.sampled_from(
    [
        failed(), restarting(), recovered(), degraded(), diagnosed(), started(), finished(), finished("b", "failed"),
        offered(), stalled(), breached(), breached("cpu"),
        OfferClosed(at=5.0, component=WEB, offer_id=3, answer="accepted"),
        Escalated(at=9.0, component=WEB, cause="3 remedies failed", attempts=3),
        EscalationCleared(at=9.5, component=WEB, by="window"), begun_anew(),
        ResourceRelieved(at=99.0, component="machine", resource="disk", value=1.0, cause="disk 1 %"),
    ]
)  # fmt: skip


@given(st.lists(_EVENTS, max_size=40))
def test_whatever_happens_each_incident_is_in_one_group(events):
    incidents = Incidents((Record(place + 1, event) for place, event in enumerate(events)), keep=10)
    rows = incidents.rows()
    members = [member.id for group in grouped(rows) for member in group.members]
    assert sorted(members) == sorted(row.id for row in rows)
    assert len(rows) <= 10
    assert all((row.downtime_s or 0.0) >= 0 for row in rows)
