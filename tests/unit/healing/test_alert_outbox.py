"""What waits to be sent: bounded, retried with backoff, one at a time for each channel."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.settings.schema_healing import AlertKind
from aurora_desktop.healing.alerts.alert import Alert
from aurora_desktop.healing.alerts.outbox import MAX_RETRY_S, MAX_WAITING, Outbox

ALERT = Alert(kind="escalation", topic="t", component="service:web", at=0.0, title="web failed", sentence="it did")


def outbox(jitter: float = 1.0) -> Outbox:
    return Outbox(lambda: jitter)


def of_kind(kind: AlertKind, at: float = 0.0) -> Alert:
    return msgspec.structs.replace(ALERT, kind=kind, at=at)


def test_one_alert_at_a_time_goes_to_a_channel_and_channels_do_not_wait_for_each_other() -> None:
    box = outbox()
    for channel in ("a", "a", "b"):
        box.put(channel, ALERT, 0.0)
    first = box.ready(0.0)
    assert [delivery.channel for delivery in first] == ["a", "b"]
    for delivery in first:
        box.begin(delivery)
    assert box.ready(0.0) == []
    assert box.next_at() is None
    box.done(first[0])
    assert [delivery.channel for delivery in box.ready(0.0)] == ["a"]


def test_a_failed_one_is_tried_later_and_later_and_lets_others_pass() -> None:
    box = outbox()
    box.put("a", ALERT, 0.0)
    (delivery,) = box.ready(0.0)
    pauses, now = [], 0.0
    for _ in range(6):
        box.begin(delivery)
        box.again(delivery, now)
        pauses.append(delivery.not_before - now)
        now = delivery.not_before
    assert pauses == [5.0, 20.0, 80.0, 320.0, MAX_RETRY_S, MAX_RETRY_S]
    box.put("a", of_kind("emergency"), now - 1.0)
    assert [found.alert.kind for found in box.ready(now - 1.0)] == ["emergency"]


@given(st.floats(0.0, 1.0))
def test_jitter_shortens_a_pause_by_up_to_a_half(jitter: float) -> None:
    box = outbox(jitter)
    box.put("a", ALERT, 0.0)
    (delivery,) = box.ready(0.0)
    box.begin(delivery)
    box.again(delivery, 0.0)
    assert 2.5 <= delivery.not_before <= 5.0
    assert box.next_at() == delivery.not_before


@given(st.lists(st.sampled_from(["prediction", "errors", "escalation", "emergency"]), max_size=3 * MAX_WAITING))
def test_a_queue_is_bounded_and_lets_go_of_advice_first(kinds: list[AlertKind]) -> None:
    box = outbox()
    lost = [box.put("a", of_kind(kind, float(at)), 0.0) for at, kind in enumerate(kinds)]
    gone = [delivery.alert.kind for delivery in lost if delivery is not None]
    assert box.waiting("a") == min(len(kinds), MAX_WAITING)
    assert len(gone) == max(len(kinds) - MAX_WAITING, 0)
    if kinds.count("emergency") <= MAX_WAITING:
        assert "emergency" not in gone


def test_what_is_under_way_never_gives_way() -> None:
    box = outbox()
    box.put("a", of_kind("prediction"), 0.0)
    (delivery,) = box.ready(0.0)
    box.begin(delivery)
    for _ in range(2 * MAX_WAITING):
        lost = box.put("a", ALERT, 0.0)
        assert lost is not delivery


@pytest.mark.parametrize("kept", [frozenset[str](), frozenset({"b"})])
def test_what_waits_for_a_channel_that_is_gone_is_given_back(kept: frozenset[str]) -> None:
    box = outbox()
    box.put("a", ALERT, 0.0)
    box.put("b", ALERT, 0.0)
    assert {delivery.channel for delivery in box.forget(kept)} == {"a", "b"} - kept
