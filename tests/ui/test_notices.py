"""Which events deserve a notification."""

import pytest

from aurora_desktop.core.events import (
    AnyEvent,
    ServiceDegraded,
    ServiceFailed,
    ServiceGaveUp,
    ServiceRecovered,
    ServiceRestarting,
    SettingsApplied,
    SettingsRefused,
)
from aurora_desktop.core.healing_events import Escalated, RemedyOffered
from aurora_desktop.core.input_events import (
    AuditFailing,
    ControlDisarmed,
    EmergencyStopped,
    StopChannelLost,
    WorkerCrashed,
)
from aurora_desktop.core.link_events import LinkMessageFailed, LinkWarning
from aurora_desktop.core.storage_events import BackupFailed, DamageFound, StorageFailing, StorageQuarantined
from aurora_desktop.core.task_events import (
    AgentAvailable,
    AgentUnavailable,
    ApprovalAsked,
    BudgetReached,
    TaskFinished,
    TaskStateChanged,
    TaskUncertain,
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
        (
            SettingsApplied(at=1.0, component="aurora", path="a.yaml", waiting=("x", "y")),
            "Settings that loosen safety wait for you",
        ),
        (SettingsRefused(at=1.0, component="aurora", path="a.yaml", problems=("x", "y")), "Settings refused"),
        (StorageFailing(at=1.0, component="aurora", path="journal.db", detail="disk full"), "Cannot write"),
        (
            StorageQuarantined(at=1.0, component="aurora", path="j", moved_to="k", reason="damaged"),
            "A damaged file was moved aside",
        ),
        (
            StorageQuarantined(at=1.0, component="a", path="j", moved_to="k", reason="damaged", restored_from="b"),
            "A damaged file was repaired",
        ),
        (BackupFailed(at=1.0, component="aurora", detail="no room"), "No backup"),
        (DamageFound(at=1.0, component="aurora", path="j", detail="page 9", remedy="repaired"), "Damage was found"),
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


def warned(topic: str, *, needs_operator: bool = True) -> LinkWarning:
    return LinkWarning(
        at=1.0, component="link", topic=topic, detail="it is so", hint="Do so", needs_operator=needs_operator
    )


@pytest.mark.parametrize(
    ("topic", "title"),
    [
        ("refused", "The link is refused"),
        ("down", "The link is down"),
        ("given_up", "The link was given up"),
        ("tokens", "Tokens are not in a keyring"),
        ("another", "The link needs you"),
    ],
)
def test_a_link_that_needs_the_operator_is_told_and_other_warnings_are_not(topic: str, title: str):
    notice = notice_of(warned(topic))
    assert notice is not None
    assert (notice.title, notice.body, notice.component) == (title, "It is so. Do so", "link")
    assert notice_of(warned(topic, needs_operator=False)) is None


def test_a_thousand_messages_of_one_fate_are_one_notice():
    notices = Notices()
    failed = [
        LinkMessageFailed(at=1.0, component="link", key=f"k{n}", recipient=str(n), cause="it waited longer than 7 days")
        for n in range(1000)
    ]
    (notice,) = filter(None, (notices.consider(event, 0.0, enabled=True) for event in failed))
    assert notice.title == "A message was not sent"
    assert notice.body == "It waited longer than 7 days. `aurora link status` lists it."


def test_the_hint_is_told_with_the_cause():
    notice = notice_of(ServiceGaveUp(at=1.0, component=WEB, cause="no such file", hint="Correct it"))
    assert notice is not None
    assert notice.body == "no such file. Correct it"


def test_a_stop_tells_what_it_froze_and_stopped():
    stop = EmergencyStopped(
        at=1.0, component="guard", source="the window", latency_ms=1.0, frozen=("web", "worker:db-1"), stopped=("job",)
    )
    notice = notice_of(stop)
    assert notice is not None
    assert notice.body.startswith("Stopped by the window. Agents have lost mouse and keyboard.")
    assert notice.body.endswith(" Frozen: web, worker db-1; stopped: job.")


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


CLAUDE = "agent:claude"


def finished(status: str) -> TaskFinished:
    return TaskFinished(at=1.0, component=CLAUDE, task_id="t1", agent="claude", status=status, cause="3 attempts lost")  # type: ignore[arg-type]  # one of them


def asked(**more: object) -> ApprovalAsked:
    given = {"approval_id": "a1", "task_id": "t1", "kind": "tool", "tool": "Bash", "summary": "make", **more}
    return ApprovalAsked(at=1.0, component=CLAUDE, **given)  # type: ignore[arg-type]  # by name


def budget(limit: str, action: str) -> BudgetReached:
    return BudgetReached(at=1.0, component=CLAUDE, task_id="t1", limit=limit, action=action)  # type: ignore[arg-type]  # one of them


@pytest.mark.parametrize(
    ("event", "title", "body"),
    [
        (
            asked(summary="make deploy"),
            "claude waits for your word", "May it use Bash? make deploy",
        ),
        (
            asked(kind="budget", summary="2 USD for one task are spent"),
            "May claude spend more?", "2 USD for one task are spent. It waits for your word.",
        ),
        (
            TaskUncertain(at=1.0, component="coordinator", task_id="t1", cause="the worker was killed"),
            "A task waits for you",
            "Nobody knows how it ended: the worker was killed. Resume, retry or cancel it.",
        ),
        (finished("dead"), "A task was given up", "3 attempts lost."),
        (
            budget("2 USD a day for claude", "stopped"), "claude reached its budget",
            "The task was ended at 2 USD a day for claude.",
        ),
        (
            AgentUnavailable(at=1.0, component=CLAUDE, detail="`claude` was not found", hint="Install it."),
            "claude cannot be used",
            "`claude` was not found. Install it.",
        ),
    ],
)  # fmt: skip
def test_what_agents_need_somebody_for_is_told(event: AnyEvent, title: str, body: str):
    notice = notice_of(event)
    assert notice is not None
    assert (notice.title, notice.body) == (title, body)
    assert notice.task_id == getattr(event, "task_id", "")


@pytest.mark.parametrize(
    "event",
    [
        finished("completed"), finished("error"), finished("cancelled"),
        TaskStateChanged(at=1.0, component=CLAUDE, task_id="t1", previous="queued", status="running"),
        budget("2 USD", "asked"),
        AgentAvailable(at=1.0, component=CLAUDE, detail="claude can be used again"),
    ],
)  # fmt: skip
def test_what_the_page_tells_is_no_notification(event: AnyEvent):
    assert notice_of(event) is None


def test_questions_are_told_one_by_one_also_while_notifications_are_snoozed():
    notices = Notices()
    for number in ("a1", "a2"):
        told = notices.consider(asked(approval_id=number), 1.0, enabled=True, is_snoozed=lambda _: True)
        assert told is not None
        assert told.approval_id == number
    assert notices.consider(finished("dead"), 1.0, enabled=True, is_snoozed=lambda _: True) is None
