"""What waits to be sent: bounded, retried with backoff, one at a time for each channel."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.settings.schema_healing import AlertKind
from aurora_desktop.healing.alerts.alert import Alert
from aurora_desktop.healing.alerts.outbox import MAX_RETRY_S, MAX_TOGETHER, MAX_WAITING, Outbox

ALERT = Alert(kind="escalation", topic="t", component="service:web", at=0.0, title="web failed", sentence="it did")


def outbox(jitter: float = 1.0) -> Outbox:
    return Outbox(lambda: jitter, gather_s=0.0)


def of_kind(kind: AlertKind, at: float = 0.0, topic: str = "t") -> Alert:
    return msgspec.structs.replace(ALERT, kind=kind, at=at, topic=topic)


def test_one_alert_at_a_time_goes_to_a_channel_and_channels_do_not_wait_for_each_other() -> None:
    box = outbox()
    for channel, topic in (("a", "t"), ("a", "u"), ("b", "t")):
        box.put(channel, of_kind("escalation", topic=topic), 0.0)
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
    lost = [box.put("a", of_kind(kind, float(at), str(at)), 0.0)[1] for at, kind in enumerate(kinds)]
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
    for number in range(2 * MAX_WAITING):
        _, lost = box.put("a", of_kind("escalation", topic=str(number)), 0.0)
        assert lost is not delivery


@pytest.mark.parametrize("kept", [frozenset[str](), frozenset({"b"})])
def test_what_waits_for_a_channel_that_is_gone_is_given_back(kept: frozenset[str]) -> None:
    box = outbox()
    box.put("a", ALERT, 0.0)
    box.put("b", ALERT, 0.0)
    assert {delivery.channel for delivery in box.forget(kept)} == {"a", "b"} - kept


def test_alerts_of_one_topic_that_wait_are_one_message_and_what_was_tried_takes_no_more() -> None:
    box = Outbox(lambda: 1.0, gather_s=2.0)
    first, _ = box.put("a", ALERT, 0.0)
    assert box.put("a", ALERT, 1.0)[0] is first
    assert box.put("a", of_kind("errors", topic="u"), 1.0)[0] is not first
    assert box.ready(1.9) == []
    assert box.ready(2.0) == [first]
    box.begin(first)
    box.again(first, 2.0)
    assert box.put("a", ALERT, 2.0)[0] is not first
    assert box.waiting("a") == 4


def test_an_emergency_waits_for_nobody_and_takes_nobody_along() -> None:
    box = Outbox(lambda: 1.0, gather_s=2.0)
    first, second = (box.put("a", of_kind("emergency"), 0.0)[0] for _ in range(2))
    assert first is not second
    assert box.ready(0.0) == [first]


def test_beyond_a_hundred_alerts_are_counted_only() -> None:
    box = outbox()
    (delivery,) = {box.put("a", ALERT, 0.0)[0].id: box.put("a", ALERT, 0.0)[0] for _ in range(60)}.values()
    assert (len(delivery.alerts), delivery.beyond, box.waiting("a")) == (MAX_TOGETHER, 20, 120)
    assert delivery.alert.title == "web failed, and 119 more"
