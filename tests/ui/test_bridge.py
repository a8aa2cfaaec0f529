"""Events to signals: coalesced, and the heavy ones only while watched."""

import asyncio

import pytest
from PySide6.QtTest import QSignalSpy

from aurora_desktop.core.bus import Bus
from aurora_desktop.core.events import ServiceFailed, ServiceGaveUp, SettingsApplied, SettingsRefused
from aurora_desktop.core.healing_events import EscalationCleared
from aurora_desktop.core.input_events import ControlArmed, EmergencyStopped
from aurora_desktop.healing.view import HealingView
from aurora_desktop.ui.bridge import Bridge

from .fakes import House, a_control, a_mix, a_stop, some_records

FAILED = ServiceFailed(at=1.0, component="service:web", kind="exit", cause="exited with code 3")
GAVE_UP = ServiceGaveUp(at=1.0, component="service:web", cause="no such file")


@pytest.fixture
def bridge(house: House, qapp):
    made = Bridge(house.context())
    yield made
    made.close()


def test_a_thousand_events_are_one_update(house, bridge, qtbot):
    health = QSignalSpy(bridge.health_changed)
    for _ in range(1000):
        house.bus.publish(FAILED)
    assert health.count() == 0
    qtbot.waitUntil(lambda: health.count() == 1)
    assert house.health_asked == 2  # once to begin with


def test_unwatched_only_the_verdict_is_told(house, bridge, qtbot):
    services, incidents = QSignalSpy(bridge.services_changed), QSignalSpy(bridge.incidents_changed)
    with qtbot.waitSignal(bridge.health_changed):
        house.bus.publish(FAILED)
    assert (services.count(), incidents.count()) == (0, 0)


def test_watching_shows_everything_at_once(house, bridge, qtbot):
    house.records = some_records(0.0)
    services, incidents = QSignalSpy(bridge.services_changed), QSignalSpy(bridge.incidents_changed)
    bridge.watch()
    assert services.at(0) == [a_mix()]
    assert len(incidents.at(0)[0]) == 7


def test_watched_an_incident_is_told_with_the_next_update(house, bridge, qtbot):
    bridge.watch()
    with qtbot.waitSignal(bridge.incidents_changed) as shown:
        house.bus.publish(FAILED)
    assert [incident.cause for incident in shown.args[0]] == ["exited with code 3"]


def test_the_past_is_read_once_and_what_happens_unwatched_is_known_all_the_same(house, qapp):
    house.records = some_records(0.0)
    house.bus = Bus(last_id=house.records[-1].id)
    bridge = Bridge(house.context())
    bridge.watch()
    bridge.unwatch()
    house.records = ()
    house.bus.publish(FAILED)
    incidents = QSignalSpy(bridge.incidents_changed)
    bridge.watch()
    assert [len(incidents.at(place)[0]) for place in range(incidents.count())] == [8]
    bridge.close()


def test_watched_ages_are_refreshed_without_events(bridge, qtbot):
    bridge.watch()
    with qtbot.waitSignal(bridge.services_changed, timeout=5000):
        pass


def test_unwatched_again_no_timer_runs(house, bridge):
    bridge.watch()
    bridge.unwatch()
    assert not any(timer.isActive() for timer in (bridge._tick_timer, bridge._flush_timer))


def test_notices_come_at_once_and_honour_the_setting(house, bridge, qtbot):
    with qtbot.waitSignal(bridge.notice) as told:
        house.bus.publish(GAVE_UP)
    assert [(notice.title, notice.body) for notice in told.args] == [("web failed", "no such file.")]


def test_a_refused_file_is_remembered_until_one_is_applied(house, bridge):
    house.bus.publish(SettingsRefused(at=1.0, component="aurora", path="a.yaml", problems=("line 3",)))
    assert bridge.refusal == ("line 3",)
    house.bus.publish(SettingsApplied(at=1.0, component="aurora", path="a.yaml"))
    assert bridge.refusal == ()


def test_closed_it_hears_nothing(house, bridge, qtbot):
    bridge.close()
    with qtbot.assertNotEmitted(bridge.health_changed):
        house.bus.publish(GAVE_UP)
    assert not bridge._flush_timer.isActive()


def test_control_is_told_when_it_changed(house, bridge, qtbot):
    house.control.shown = a_control("armed")
    with qtbot.waitSignal(bridge.control_changed) as told:
        house.bus.publish(ControlArmed(at=1.0, component="input_agent", mode="act", until=2.0))
    assert told.args == [house.control.shown]
    with qtbot.assertNotEmitted(bridge.control_changed):
        bridge.refresh_control()


def test_the_queue_is_told_while_watched_or_armed_alone(house, bridge):
    queue = QSignalSpy(bridge.input_changed)
    bridge.refresh_control()
    assert queue.count() == 0
    bridge.watch()
    assert queue.count() == 1
    bridge.unwatch()
    house.control.shown = a_control("armed")
    bridge.refresh_control()
    assert queue.count() == 2
    house.control.shown = a_control()
    bridge.refresh_control()
    bridge.refresh_control()
    assert queue.count() == 3  # that it is over is told too


@pytest.mark.parametrize(
    ("view", "moves"),
    [
        (a_control(), False), (a_control("closed"), False), (a_stop(), False), (a_control("armed"), True),
        (a_control("arming"), True), (a_control(drill=True), True),
    ],
)  # fmt: skip
def test_it_looks_again_by_itself_only_while_something_moves(house, bridge, view, moves):
    house.control.shown = view
    bridge.refresh_control()
    assert bridge._control_timer.isActive() == moves


def test_a_countdown_is_told_when_its_seconds_change(house, bridge):
    shown = QSignalSpy(bridge.control_changed)
    for left in (60.9, 60.6, 60.1, 59.9, 59.5):
        house.control.shown = a_control("armed", remaining_s=left)
        bridge.refresh_control()
    assert [shown.at(place)[0].remaining_s for place in range(shown.count())] == [60.9, 59.9]


def test_a_flood_of_changes_is_shown_together_in_the_next_turn_of_the_loop(house, bridge, qtbot):
    shown = QSignalSpy(bridge.control_changed)
    for left in range(1000):
        house.control.shown = a_control("armed", remaining_s=float(left))
        bridge.touch_control()
    assert shown.count() == 0  # whoever told of the changes goes on first
    qtbot.waitUntil(lambda: shown.count() == 1)
    assert shown.at(0)[0].remaining_s == 999.0


def test_what_changes_right_after_it_was_shown_is_shown_too(house, bridge, qtbot):
    shown = QSignalSpy(bridge.control_changed)
    house.control.shown = a_control("armed", remaining_s=5.0)
    bridge.touch_control()
    qtbot.waitUntil(lambda: shown.count() == 1)
    house.control.shown = a_control("latched")
    bridge.touch_control()
    qtbot.waitUntil(lambda: shown.count() == 2)
    assert shown.at(1)[0].state == "latched"


def test_the_health_is_looked_at_again_when_a_part_of_control_changed_that_weighs(house, bridge):
    shown = QSignalSpy(bridge.health_changed)
    for left, broken in ((9.0, False), (8.0, False), (8.0, True)):
        house.control.shown = a_control("closed", remaining_s=left, broken=broken)
        bridge.refresh_control()
    assert shown.count() == 2


def test_closed_it_shows_no_control(house, bridge, qtbot):
    bridge.close()
    house.control.shown = a_control("armed")
    with qtbot.assertNotEmitted(bridge.control_changed):
        bridge.touch_control()


def test_a_stop_is_told_at_once(house, bridge, qtbot):
    with qtbot.waitSignals([bridge.emergency, bridge.notice]):
        house.bus.publish(EmergencyStopped(at=1.0, component="guard", source="panic hotkey", latency_ms=1.0))


def test_healing_is_shown_once_for_a_burst_and_only_when_it_changed(bridge, house, qtbot):
    bridge.watch()
    shown = []
    bridge.healing_changed.connect(shown.append)
    for number in range(5):
        house.healing.show(predictions_made=number + 1)
    qtbot.waitUntil(lambda: bool(shown))
    bridge.refresh()
    assert [view.predictions_made for view in shown] == [5]


def test_an_event_of_healing_shows_it_anew(bridge, house, qtbot):
    bridge.watch()
    house.healing.shown = HealingView(predictions_made=3)
    with qtbot.waitSignal(bridge.healing_changed):
        house.bus.publish(EscalationCleared(at=1.0, component="agent:a", by="window"))


def test_healing_is_not_looked_at_while_nothing_watches(bridge, house, qtbot):
    with qtbot.waitSignal(bridge.health_changed):
        house.healing.show(predictions_made=1)
    assert house.healing.looked == 0


def test_what_moves_without_events_is_followed(bridge, house, qtbot):
    bridge.watch()
    bridge.follow_healing(follow=True)
    house.healing.shown = HealingView(predictions_made=7)
    with qtbot.waitSignal(bridge.healing_changed):
        pass


def test_healing_that_changes_while_it_is_looked_at_is_looked_at_again(bridge, house, qtbot):
    bridge.watch()
    goes_on, looks = asyncio.Event(), []

    async def slowly():
        looks.append(house.healing.shown)
        seen = house.healing.shown
        await goes_on.wait()
        return seen

    house.healing.view_apart = slowly
    house.healing.show(predictions_made=1)
    qtbot.waitUntil(lambda: len(looks) == 1)
    house.healing.show(predictions_made=2)
    qtbot.waitUntil(lambda: not bridge._flush_timer.isActive())
    assert len(looks) == 1
    goes_on.set()
    qtbot.waitUntil(lambda: bridge.healing is not None and bridge.healing.predictions_made == 2)


def test_a_closed_bridge_is_told_of_nothing(bridge, house):
    bridge.close()
    house.healing.show(predictions_made=1)
    assert not bridge._flush_timer.isActive()
