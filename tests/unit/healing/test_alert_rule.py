"""Who is alerted of what: once, not again and again, and nothing lost that needs the operator."""

from itertools import pairwise
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.events import (
    AnyEvent,
    PartFailed,
    ServiceDegraded,
    ServiceGaveUp,
    ServiceRecovered,
    ServiceRestarting,
)
from aurora_desktop.core.healing_events import (
    AlertFailed,
    ErrorsAccumulated,
    Escalated,
    EscalationCleared,
    Predicted,
    PredictionKind,
)
from aurora_desktop.core.input_events import EmergencyReset, EmergencyStopped, StopChannelLost
from aurora_desktop.core.settings.schema_healing import AlertsSettings
from aurora_desktop.core.settings.values import Environment
from aurora_desktop.healing.alerts.alert import MAX_SENTENCE, Alert, alert_of
from aurora_desktop.healing.alerts.rule import MAX_REMEMBERED, NEVER_LOST, ErrorCounter, Repeats

WEB = "service:web"
SETTINGS = AlertsSettings(repeat_s=100.0, error_threshold=3, error_window_s=10.0)
DEGRADED = ServiceDegraded(at=1.0, component=WEB, cause="5 restarts within 60 s", attempts=5, retry_s=60.0)
ESCALATED = Escalated(at=1.0, component=WEB, cause="the port is taken", attempts=3, hint="free it")
STOPPED = EmergencyStopped(at=1.0, component="guard", source="panic hotkey", latency_ms=1.0)


def nobody(_: str) -> bool:
    return False


def everybody(_: str) -> bool:
    return True


def alert(event: AnyEvent) -> Alert:
    made = alert_of(event)
    assert made is not None
    return made


# --- which, in which words --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "kind", "title"),
    [
        (ESCALATED, "escalation", "web needs you"),
        (DEGRADED, "escalation", "web keeps failing"),
        (ServiceGaveUp(at=1.0, component=WEB, cause="no such file"), "escalation", "web failed"),
        (ErrorsAccumulated(at=1.0, component=WEB, count=10, window_s=300.0, cause="x"), "errors", "web: many errors"),
        (
            Predicted(at=1.0, component="machine", kind="disk_full", due=2.0, confidence=0.8, cause="x"),
            "prediction",
            "machine will fill the disk",
        ),
        (STOPPED, "emergency", "Emergency stop"),
        (StopChannelLost(at=1.0, component="guard", detail="no keyboard"), "emergency", "The stop key is not heard"),
    ],
)
def test_what_calls_the_operator_is_an_alert(event: AnyEvent, kind: str, title: str) -> None:
    made = alert(event)
    assert (made.kind, made.title, made.component) == (kind, title, event.component)
    assert made.sentence


@pytest.mark.parametrize("kind", get_args(PredictionKind))
def test_every_prediction_has_its_words(kind: PredictionKind) -> None:
    assert alert(Predicted(at=1.0, component=WEB, kind=kind, due=2.0, confidence=0.5, cause="x")).title.startswith(
        "web "
    )


@pytest.mark.parametrize(
    "event",
    [
        ServiceRestarting(at=1.0, component=WEB, attempt=1, delay_s=0.0, cause="exited"),
        AlertFailed(at=1.0, component=WEB, channel="hook", kind="escalation", cause="x"),
    ],
)
def test_what_goes_by_itself_is_none(event: AnyEvent) -> None:
    assert alert_of(event) is None


def test_an_alert_has_its_next_step_and_its_time() -> None:
    assert alert(ESCALATED).body.splitlines() == [
        "the port is taken. Healing gave up after 3 attempts and rests until you act.",
        "free it",
        "service:web, 1970-01-01 00:00:01 UTC",
    ]


def test_values_of_the_environment_and_passwords_in_addresses_are_masked() -> None:
    masked = Environment({"TOKEN": "s3cr3t-value"}).masked
    event = ServiceGaveUp(at=1.0, component=WEB, cause="cannot reach https://me:hunter22@host/s3cr3t-value")
    made = alert_of(event, masked)
    assert made is not None
    assert made.sentence == "cannot reach https://***@host/***."


def test_a_long_text_of_many_lines_becomes_one_short_line() -> None:
    made = alert(ServiceGaveUp(at=1.0, component=WEB, cause="\x1b[31mone\ntwo " * 200))
    assert len(made.sentence) == MAX_SENTENCE
    assert made.sentence.isprintable()


# --- once, not again and again ----------------------------------------------------------------------------------------


def test_the_same_is_told_once_and_then_with_how_many_were_held_back() -> None:
    repeats = Repeats(SETTINGS)
    told = [repeats.decide(alert(DEGRADED), now, nobody) for now in (0.0, 1.0, 99.9, 100.0)]
    assert [made is not None for made in told] == [True, False, False, True]
    assert told[3] is not None
    assert told[3].held == 2
    assert "Held back since the last one: 2" in told[3].body


def test_another_component_or_another_topic_is_not_the_same() -> None:
    repeats = Repeats(SETTINGS)
    other = msgspec.structs.replace(DEGRADED, component="service:db")
    assert all(repeats.decide(alert(event), 0.0, nobody) for event in (DEGRADED, other, ESCALATED))


def test_an_escalation_that_was_held_back_is_told_when_its_time_has_come() -> None:
    repeats = Repeats(SETTINGS)
    repeats.decide(alert(DEGRADED), 0.0, nobody)
    repeats.decide(alert(DEGRADED), 1.0, nobody)
    assert repeats.due(99.0, nobody) == []
    assert [made.held for made in repeats.due(100.0, nobody)] == [0]
    assert repeats.due(300.0, nobody) == []


def test_what_is_over_by_then_is_not_told() -> None:
    repeats = Repeats(SETTINGS)
    repeats.decide(alert(DEGRADED), 0.0, nobody)
    repeats.decide(alert(DEGRADED), 1.0, nobody)
    repeats.note(ServiceRecovered(at=2.0, component=WEB, attempts=6, downtime_s=9.0, cause="ready"))
    assert repeats.due(100.0, nobody) == []


def test_snoozed_is_held_back_until_the_snooze_ends() -> None:
    repeats = Repeats(SETTINGS)
    assert repeats.decide(alert(ESCALATED), 0.0, everybody) is None
    assert repeats.due(1.0, everybody) == []
    assert [made.title for made in repeats.due(2.0, nobody)] == ["web needs you"]


def test_an_emergency_is_never_snoozed() -> None:
    assert Repeats(SETTINGS).decide(alert(STOPPED), 0.0, everybody) is not None


def test_a_stop_after_a_reset_is_a_new_one() -> None:
    repeats = Repeats(SETTINGS)
    assert repeats.decide(alert(STOPPED), 0.0, nobody)
    repeats.note(EmergencyReset(at=1.0, component="guard", by="window"))
    assert repeats.decide(alert(STOPPED), 1.0, nobody)


def test_an_escalation_after_the_operator_acted_is_a_new_one() -> None:
    repeats = Repeats(SETTINGS)
    assert repeats.decide(alert(ESCALATED), 0.0, nobody)
    repeats.note(EscalationCleared(at=1.0, component="service:db", by="window"))
    assert repeats.decide(alert(ESCALATED), 1.0, nobody) is None
    repeats.note(EscalationCleared(at=1.0, component=WEB, by="window"))
    assert repeats.decide(alert(ESCALATED), 2.0, nobody)


COMPONENTS = ("service:a", "service:b", "guard")
EVENTS = st.sampled_from(
    [msgspec.structs.replace(event, component=name) for event in (DEGRADED, ESCALATED, STOPPED) for name in COMPONENTS]
    + [Predicted(at=1.0, component=name, kind="disk_full", due=2.0, confidence=0.5, cause="x") for name in COMPONENTS]
)
STEPS = st.lists(st.tuples(st.floats(0.0, 60.0), EVENTS, st.booleans()), max_size=60)


@given(STEPS)
def test_never_two_of_the_same_in_repeat_s_and_no_call_is_lost(steps: list[tuple[float, AnyEvent, bool]]) -> None:
    repeats, now = Repeats(SETTINGS), 0.0
    told: list[tuple[float, Alert]] = []
    held = 0
    for pause_s, event, snoozed in steps:
        now += pause_s
        is_snoozed = everybody if snoozed else nobody
        told += [(now, made) for made in repeats.due(now, is_snoozed)]
        made = repeats.decide(alert(event), now, is_snoozed)
        if made is None:
            held += 1
        else:
            told.append((now, made))
    assert repeats.held_back == held
    for key in {made.key for _, made in told}:
        times = [at for at, made in told if made.key == key]
        assert all(later - earlier >= SETTINGS.repeat_s for earlier, later in pairwise(times))
    told += [(now + 1000.0, made) for made in repeats.due(now + 1000.0, nobody)]
    called = {alert(event).key for _, event, _ in steps if alert(event).kind in NEVER_LOST}
    assert called <= {made.key for _, made in told}
    last = {alert(event).key: i for i, (_, event, _) in enumerate(steps)}
    for key in called:  # the last call of each was told, or another one of the same after it
        at = sum(pause_s for pause_s, _, _ in steps[: last[key] + 1])
        assert max(time for time, made in told if made.key == key) >= at


def test_what_is_remembered_is_bounded_and_what_waits_stays_longest() -> None:
    repeats = Repeats(SETTINGS)
    repeats.decide(alert(ESCALATED), 0.0, everybody)
    for number in range(2 * MAX_REMEMBERED):
        repeats.decide(alert(msgspec.structs.replace(DEGRADED, component=f"service:{number}")), 0.0, nobody)
    assert len(repeats._known) == MAX_REMEMBERED
    assert repeats.due(1.0, nobody) == [alert(ESCALATED)]


# --- many errors ------------------------------------------------------------------------------------------------------


def failed(component: str = WEB, detail: str = "a part failed") -> AnyEvent:
    return PartFailed(at=1.0, component=component, detail=detail)


def test_so_many_errors_within_the_window_are_one_alert() -> None:
    counter = ErrorCounter(SETTINGS)
    told = [counter.count(failed(), now) for now in (0.0, 4.0, 9.0, 9.5, 50.0, 51.0, 52.0)]
    assert [made is not None for made in told] == [False, False, True, False, False, False, False]
    assert told[2] is not None
    assert (told[2].count, told[2].cause, told[2].component) == (3, "a part failed", WEB)


def test_errors_further_apart_or_of_different_components_are_none() -> None:
    counter = ErrorCounter(SETTINGS)
    assert not any(counter.count(failed(), now) for now in (0.0, 5.0, 10.1, 15.2))
    assert not any(counter.count(failed(name), 20.0) for name in ("service:a", "service:b", "service:c"))


def test_alerts_that_fail_raise_no_alert() -> None:
    counter = ErrorCounter(SETTINGS)
    event = AlertFailed(at=1.0, component=WEB, channel="hook", kind="escalation", cause="x")
    assert not any(counter.count(event, 0.0) for _ in range(20))


@given(st.lists(st.floats(0.0, 30.0), max_size=200))
def test_no_more_than_one_alert_of_errors_in_repeat_s(pauses: list[float]) -> None:
    counter, now = ErrorCounter(SETTINGS), 0.0
    times = []
    for pause_s in pauses:
        now += pause_s
        if counter.count(failed(), now):
            times.append(now)
    assert all(later - earlier >= SETTINGS.repeat_s for earlier, later in pairwise(times))


def test_a_flood_of_errors_of_ever_new_components_takes_bounded_room() -> None:
    counter = ErrorCounter(SETTINGS)
    for number in range(3 * MAX_REMEMBERED):
        counter.count(failed(f"service:{number}"), 0.0)
    for _ in range(3 * MAX_REMEMBERED):
        counter.count(failed(), 0.0)
    assert len(counter._errors) <= MAX_REMEMBERED
    assert max(map(len, counter._errors.values())) <= MAX_REMEMBERED
