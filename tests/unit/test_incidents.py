"""Recovery as people tell it."""

from aurora_desktop.core.events import (
    AnyEvent,
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
from aurora_desktop.supervisor.incidents import Incidents

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
