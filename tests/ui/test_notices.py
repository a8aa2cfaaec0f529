"""Which events deserve a notification."""

import pytest

from aurora_desktop.core.events import (
    AnyEvent,
    AuditFailing,
    ControlDisarmed,
    EmergencyStopped,
    Escalated,
    RemedyOffered,
    ServiceDegraded,
    ServiceFailed,
    ServiceGaveUp,
    ServiceRecovered,
    ServiceRestarting,
    SettingsApplied,
    SettingsRefused,
    StopChannelLost,
    StorageFailing,
    StorageQuarantined,
    WorkerCrashed,
)
from aurora_desktop.ui.notices import REPEAT_S, Notices, notice_of

WEB = "service:web"
DEGRADED = ServiceDegraded(at=1.0, component=WEB, cause="5 restarts within 60 s", attempts=5, retry_s=60.0)


def recovered(attempts: int) -> ServiceRecovered:
    return ServiceRecovered(at=1.0, component=WEB, attempts=attempts, downtime_s=7.0, cause="ready")


@pytest.mark.parametrize(
    ("event", "title"),
    [
        (DEGRADED, "web keeps failing"),
        (ServiceGaveUp(at=1.0, component=WEB, cause="no such file", hint="Correct it"), "web failed"),
        (recovered(2), "web is back"),
        (ServiceFailed(at=1.0, component=WEB, kind="memory", cause="over 512 MB"), "web used too much memory"),
        (SettingsRefused(at=1.0, component="aurora", path="a.yaml", problems=("x", "y")), "Settings refused"),
        (StorageFailing(at=1.0, component="aurora", path="journal.db", detail="disk full"), "Cannot write"),
        (
            StorageQuarantined(at=1.0, component="aurora", path="j", moved_to="k", reason="damaged"),
            "A damaged file was moved aside",
        ),
        (EmergencyStopped(at=1.0, component="guard", source="tray", latency_ms=1.0), "Emergency stop"),
        (StopChannelLost(at=1.0, component="guard", detail="no keyboard"), "The stop key is not heard"),
        (WorkerCrashed(at=1.0, component="worker:input", error_text="x", restart_count=1), "The input worker crashed"),
        (AuditFailing(at=1.0, component="input_agent", path="a", detail="full"), "The audit log cannot be written"),
    ],
)
def test_what_went_wrong_is_told(event: AnyEvent, title: str):
    notice = notice_of(event)
    assert notice is not None
    assert notice.title == title


@pytest.mark.parametrize(
    "event",
    [
        recovered(1),
        ServiceFailed(at=1.0, component=WEB, kind="exit", cause="exited with code 3"),
        ServiceRestarting(at=1.0, component=WEB, attempt=1, delay_s=0.0, cause="exited"),
        SettingsApplied(at=1.0, component="aurora", path="a.yaml"),
    ],
)
def test_what_goes_as_it_should_is_not_told(event: AnyEvent):
    assert notice_of(event) is None


def test_the_hint_is_told_with_the_cause():
    notice = notice_of(ServiceGaveUp(at=1.0, component=WEB, cause="no such file", hint="Correct it"))
    assert notice is not None
    assert notice.body == "no such file. Correct it"


def test_a_stop_tells_what_it_froze_and_stopped():
    stop = EmergencyStopped(
        at=1.0, component="guard", source="the window", latency_ms=1.0, frozen=("web", "db"), stopped=("job",)
    )
    notice = notice_of(stop)
    assert notice is not None
    assert notice.body == ("Stopped by the window. Agents have lost mouse and keyboard. Frozen: web, db; stopped: job.")


def test_control_that_goes_by_itself_is_told_and_what_the_operator_did_is_not():
    told = {
        reason: notice_of(ControlDisarmed(at=1.0, component="input_agent", reason=reason)) is not None
        for reason in ("lost the lease", "the armed time is over", "disarmed by window", "Aurora quits")
    }
    assert list(told.values()) == [True, True, False, False]


def test_the_same_text_is_told_once_a_minute():
    notices = Notices()
    told = [notices.consider(DEGRADED, now, enabled=True) for now in (0.0, 1.0, REPEAT_S - 0.1, REPEAT_S)]
    assert [notice is not None for notice in told] == [True, False, False, True]


def test_other_text_is_told_at_once():
    notices = Notices()
    assert notices.consider(DEGRADED, 0.0, enabled=True)
    assert notices.consider(recovered(3), 0.0, enabled=True)


def test_nothing_is_told_when_switched_off_nor_remembered_as_told():
    notices = Notices()
    assert notices.consider(DEGRADED, 0.0, enabled=False) is None
    assert notices.consider(DEGRADED, 1.0, enabled=True) is not None


ESCALATED = Escalated(at=1.0, component=WEB, cause="the port is taken", attempts=3, hint="free it")
OFFERED = RemedyOffered(at=1.0, component=WEB, offer_id=1, failure_id=1, remedy="install", cause="`rich` is missing")
STOPPED = EmergencyStopped(at=1.0, component="guard", source="tray", latency_ms=1.0)


def test_what_calls_by_other_ways_too_has_the_same_words_here():
    notice = notice_of(ESCALATED)
    assert notice is not None
    assert notice.title == "web needs you"
    assert notice.body.endswith("rests until you act. free it")


def test_a_question_is_asked():
    notice = notice_of(OFFERED)
    assert notice is not None
    assert (notice.title, notice.urgent) == ("May Aurora mend web?", True)


@pytest.mark.parametrize(("event", "restarts"), [(ESCALATED, "web"), (DEGRADED, "web"), (OFFERED, ""), (STOPPED, "")])
def test_a_restart_is_offered_where_it_makes_sense(event: AnyEvent, restarts: str):
    notice = notice_of(event)
    assert notice is not None
    assert notice.restarts == restarts


@pytest.mark.parametrize(("event", "told"), [(ESCALATED, False), (DEGRADED, False), (OFFERED, True), (STOPPED, True)])
def test_snoozing_reaches_neither_emergencies_nor_questions(event: AnyEvent, told: bool):
    notices = Notices()
    assert bool(notices.consider(event, 0.0, enabled=True, is_snoozed=lambda _: True)) is told
    assert bool(notices.consider(event, 1.0, enabled=True)) is not told
