"""Events to signals: coalesced, and the heavy ones only while watched."""

import pytest
from PySide6.QtTest import QSignalSpy

from aurora_desktop.core.events import ServiceFailed, ServiceGaveUp, SettingsApplied, SettingsRefused
from aurora_desktop.ui.bridge import Bridge

from .fakes import House, a_mix, some_records

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
    assert told.args == ["web failed", "no such file."]


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
