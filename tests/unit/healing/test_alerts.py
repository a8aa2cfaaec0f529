"""Alerts as a whole: from the stream to the channels, over restarts, and as they show themselves."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from core.clocks import FakeClock
from msgspec.structs import replace

from aurora_desktop.core.bus import Bus
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AnyEvent, PartFailed, Record, ServiceGaveUp
from aurora_desktop.core.healing_events import AddressExposed, AlertFailed, AlertSent, ErrorsAccumulated, Escalated
from aurora_desktop.core.input_events import EmergencyStopped
from aurora_desktop.core.settings.schema import Service, Settings
from aurora_desktop.core.settings.schema_healing import AlertChannel, AlertsSettings
from aurora_desktop.core.settings.values import Command
from aurora_desktop.core.storage.database import Database
from aurora_desktop.healing.alerts.alerts import NEWS_S, Alerts
from aurora_desktop.healing.alerts.messages import Keep, Look, Looked, Send, Sent
from aurora_desktop.healing.alerts.store import MIGRATIONS
from aurora_desktop.healing.alerts.view import AlertsFace

WEB = "service:web"
HOOK = AlertChannel(url="jsons://example.com/hook")
ESCALATED = Escalated(at=1.0, component=WEB, cause="the port is taken", attempts=3)
STOPPED = EmergencyStopped(at=1.0, component="guard", source="panic hotkey", latency_ms=1.0)


def some_settings(*, retries: int = 4, **channels: AlertChannel) -> Settings:
    service = Service(command=Command(("web",)), env={"TOKEN": "s3cr3t-value"})
    alerts = AlertsSettings(channels=channels, error_threshold=3, repeat_s=100.0, retries=retries)
    return Settings(services={"web": service}, alerts=alerts)


class Rig:
    """Alerts on a real bus and database, and a network that is made up."""

    def __init__(self, database: Database) -> None:
        self.clock = FakeClock()
        self.gather_s = 0.0
        self.bus = Bus()
        self.told: list[AnyEvent] = []
        self.requests: list[Send] = []
        self.looks: list[Look] = []
        self.kept: list[Keep] = []
        self.answers: list[Sent] = []
        self.places = Looked({})
        self.held: asyncio.Event | None = None
        self._database = database

    def alerts(self, settings: Settings) -> Alerts:
        made = Alerts(
            settings,
            clock=self.clock,
            publish=self.bus.publish,
            database=self._database,
            secrets_folder=Path("/state/secrets"),
            send=self._send,
            look=self._look,
            keep=self._keep,
            jitter=lambda: 1.0,
            gather_s=self.gather_s,
        )
        self.bus.subscribe(made.read)
        self.bus.subscribe(lambda record: self.told.append(record.event))
        return made

    async def _send(self, request: Send) -> Sent:
        self.requests.append(request)
        if self.held is not None:
            await self.held.wait()
        return self.answers.pop(0) if self.answers else Sent(ok=True)

    async def _look(self, request: Look) -> Looked:
        self.looks.append(request)
        return self.places

    async def _keep(self, request: Keep) -> Looked:
        self.kept.append(request)
        return self.places

    def written(self) -> None:
        """Wait until all of it is in the database; whoever heard so far hears nothing more."""
        self._database.submit(lambda _: None).result()
        self.bus = Bus()

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    database = Database.open(tmp_path / "state.db", MIGRATIONS, 1)
    yield Rig(database)
    database.close()


Story = Callable[[Alerts], Awaitable[None]]


def play(rig: Rig, settings: Settings, story: Story) -> Alerts:
    """`run` runs while the story is told."""

    async def played() -> Alerts:
        alerts = rig.alerts(settings)
        running = asyncio.ensure_future(alerts.run())
        await settled()
        await story(alerts)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return alerts

    return asyncio.run(played())


async def settled() -> None:
    """What can happen without time going by has happened."""
    for _ in range(20):
        await asyncio.sleep(0)


# --- sending ----------------------------------------------------------------------------------------------------------


def test_an_escalation_reaches_each_channel_that_wants_it_once(rig: Rig) -> None:
    async def story(alerts: Alerts) -> None:
        for _ in range(10):
            rig.bus.publish(ESCALATED)
        await settled()

    play(rig, some_settings(hook=HOOK, mine=AlertChannel(secret="mine"), advice=AlertChannel(url="x", on=[])), story)
    assert [(request.url, request.secret) for request in rig.requests] == [
        ("jsons://example.com/hook", ""),
        ("", "mine"),
    ]
    assert rig.requests[0].title == "web needs you"
    assert [(event.channel, event.kind, event.tries) for event in rig.of(AlertSent)] == [
        ("hook", "escalation", 1),
        ("mine", "escalation", 1),
    ]


def test_values_of_the_environment_do_not_leave_the_house(rig: Rig) -> None:
    async def story(alerts: Alerts) -> None:
        rig.bus.publish(ServiceGaveUp(at=1.0, component=WEB, cause="no access with s3cr3t-value"))
        await settled()

    play(rig, some_settings(hook=HOOK), story)
    assert rig.requests[0].body.startswith("no access with ***.")


def test_many_errors_are_an_event_and_an_alert(rig: Rig) -> None:
    async def story(alerts: Alerts) -> None:
        for number in range(5):
            rig.bus.publish(PartFailed(at=float(number), component=WEB, detail="it broke"))
        await settled()

    play(rig, some_settings(hook=HOOK), story)
    assert [event.count for event in rig.of(ErrorsAccumulated)] == [3]
    assert [request.title for request in rig.requests] == ["web: many errors"]


def test_the_errors_of_what_was_escalated_are_no_second_alert(rig: Rig) -> None:
    async def story(alerts: Alerts) -> None:
        for _ in range(5):
            rig.bus.publish(ESCALATED)
            rig.bus.publish(PartFailed(at=1.0, component=WEB, detail="it broke"))
        await settled()

    play(rig, some_settings(hook=HOOK), story)
    assert [request.title for request in rig.requests] == ["web needs you"]


def test_the_number_of_those_held_back_is_told_with_the_next(rig: Rig) -> None:
    async def story(alerts: Alerts) -> None:
        for _ in range(3):
            rig.bus.publish(ESCALATED)
        await settled()
        rig.clock.advance(100.0)
        rig.bus.publish(ESCALATED)
        await settled()

    alerts = play(rig, some_settings(hook=HOOK), story)
    assert "Held back since the last one: 2 of the same." in rig.requests[1].body
    assert alerts.view().held_back == 2


def test_a_failed_delivery_is_tried_again_later_and_then_given_up(rig: Rig) -> None:
    rig.answers = [Sent(ok=False, cause="it answered 500")] * 3

    async def story(alerts: Alerts) -> None:
        rig.bus.publish(ESCALATED)
        for pause_s in (0.0, 5.0, 20.0):
            rig.clock.advance(pause_s)
            alerts._wake.set()
            await settled()

    alerts = play(rig, some_settings(hook=HOOK, retries=2), story)
    assert len(rig.requests) == 3
    (failed,) = rig.of(AlertFailed)
    assert (failed.channel, failed.tries) == ("hook", 3)
    assert failed.cause == "web needs you: it answered 500"
    last = alerts.view().channels[0].last
    assert last is not None
    assert (last.ok, last.cause, last.tries) == (False, "it answered 500", 3)


def test_what_would_go_the_same_way_again_is_not_tried_again(rig: Rig) -> None:
    rig.answers = [Sent(ok=False, cause="there is no such scheme", final=True)]

    async def story(alerts: Alerts) -> None:
        rig.bus.publish(ESCALATED)
        await settled()

    play(rig, some_settings(hook=HOOK), story)
    assert [event.tries for event in rig.of(AlertFailed)] == [1]


def test_a_channel_that_hangs_hangs_no_other_and_nobody(rig: Rig) -> None:
    async def story(alerts: Alerts) -> None:
        rig.held = asyncio.Event()
        rig.bus.publish(ESCALATED)
        await settled()
        rig.held, hanging = None, rig.held
        rig.bus.publish(STOPPED)
        await settled()
        assert len(rig.requests) == 2  # both places are taken by what hangs, and `publish` came back all the same
        hanging.set()
        await settled()

    play(rig, some_settings(a=HOOK, b=HOOK, c=HOOK), story)
    assert len(rig.of(AlertSent)) == 6


def test_what_is_not_sent_when_aurora_ends_is_sent_by_the_next(rig: Rig) -> None:
    async def hangs(alerts: Alerts) -> None:
        rig.held = asyncio.Event()
        rig.bus.publish(replace(ESCALATED, at=rig.clock.wall()))
        await settled()

    async def goes_on(alerts: Alerts) -> None:
        await settled()

    play(rig, some_settings(hook=HOOK), hangs)
    assert rig.of(AlertFailed) == rig.of(AlertSent) == []
    rig.held = None
    rig.written()
    play(rig, some_settings(hook=HOOK), goes_on)
    assert [request.title for request in rig.requests] == ["web needs you"] * 2
    assert [event.component for event in rig.of(AlertSent)] == [WEB]
    rig.written()
    play(rig, some_settings(hook=HOOK), goes_on)
    assert len(rig.requests) == 2


def test_what_waited_for_more_than_a_day_or_for_a_channel_that_is_gone_is_told_as_failed(rig: Rig) -> None:
    async def hangs(alerts: Alerts) -> None:
        rig.held = asyncio.Event()
        rig.bus.publish(replace(ESCALATED, at=rig.clock.wall()))
        await settled()

    async def goes_on(alerts: Alerts) -> None:
        await settled()

    play(rig, some_settings(hook=HOOK, other=HOOK), hangs)
    rig.clock.advance(NEWS_S + 1.0)
    rig.written()
    play(rig, some_settings(hook=HOOK), goes_on)
    assert [(event.channel, event.cause.partition(": ")[2]) for event in rig.of(AlertFailed)] == [
        ("hook", "it could not be sent for a day"),
        ("other", "the channel is no longer in the settings"),
    ]


def test_what_was_held_back_when_aurora_ended_is_told_by_the_next(rig: Rig) -> None:
    async def twice(alerts: Alerts) -> None:
        rig.bus.publish(ESCALATED)
        rig.bus.publish(ESCALATED)
        await settled()

    async def later(alerts: Alerts) -> None:
        assert len(rig.requests) == 1
        rig.clock.advance(100.0)
        alerts._wake.set()
        await settled()

    play(rig, some_settings(hook=HOOK), twice)
    rig.written()
    play(rig, some_settings(hook=HOOK), later)
    assert [request.title for request in rig.requests] == ["web needs you"] * 2


def test_many_who_need_you_at_once_are_one_message(rig: Rig) -> None:
    rig.gather_s = 2.0

    async def story(alerts: Alerts) -> None:
        for number in range(120):
            rig.bus.publish(Escalated(at=1.0, component=f"agent:a{number}", cause="it is silent", attempts=3))
        rig.bus.publish(STOPPED)
        await settled()
        assert [request.title for request in rig.requests] == ["Emergency stop"]
        assert alerts.view().channels[0].waiting == 120
        rig.clock.advance(2.0)
        alerts._wake.set()
        await settled()

    play(rig, some_settings(hook=HOOK), story)
    (message,) = rig.requests[1:]
    assert message.title == "a0 needs you, and 119 more"
    lines = message.body.splitlines()
    assert lines[0].startswith("a0 needs you: it is silent.")
    assert lines[10:12] == ["... and 110 more", "Open Aurora's recovery page"]
    assert [(event.component, event.cause) for event in rig.of(AlertSent)][1] == ("aurora", message.title)


def test_a_fault_of_ours_in_a_delivery_is_a_failed_one(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    async def story(alerts: Alerts) -> None:
        async def broken(_: Send) -> Sent:
            raise RuntimeError("broken")

        alerts._send = broken
        rig.bus.publish(ESCALATED)
        await settled()

    play(rig, some_settings(hook=HOOK, retries=0), story)
    assert [event.cause for event in rig.of(AlertFailed)] == ["web needs you: a fault of Aurora: RuntimeError"]
    assert "could not be handed on" in caplog.text


def test_changed_channels_are_taken_on_and_what_waits_for_a_gone_one_is_told(rig: Rig) -> None:
    rig.answers = [Sent(ok=False, cause="it answered 500")]

    async def story(alerts: Alerts) -> None:
        rig.bus.publish(ESCALATED)
        await settled()
        alerts.apply(some_settings(other=HOOK))
        rig.bus.publish(STOPPED)
        await settled()

    play(rig, some_settings(hook=HOOK), story)
    assert [event.channel for event in rig.of(AlertFailed)] == ["hook"]
    assert [event.channel for event in rig.of(AlertSent)] == ["other"]


# --- snoozes ----------------------------------------------------------------------------------------------------------


def test_a_snooze_of_one_component_is_kept_over_a_restart_and_ends_by_itself(rig: Rig) -> None:
    async def story(alerts: Alerts) -> None:
        alerts.snooze(3600.0, "web")
        rig.bus.publish(ESCALATED)
        rig.bus.publish(Escalated(at=1.0, component="service:db", cause="x", attempts=1))
        rig.bus.publish(STOPPED)
        await settled()

    play(rig, some_settings(hook=HOOK), story)
    assert [request.title for request in rig.requests] == ["db needs you", "Emergency stop"]
    rig._database.submit(lambda _: None).result()
    again = rig.alerts(some_settings(hook=HOOK))
    assert [snooze.component for snooze in again.view().snoozes] == [WEB]
    assert again.is_snoozed(WEB)
    assert not again.is_snoozed("service:db")
    rig.clock.advance(3600.0)
    assert not again.is_snoozed(WEB)


def test_a_snooze_of_all_ends_at_a_word_and_what_was_held_back_is_told(rig: Rig) -> None:
    async def story(alerts: Alerts) -> None:
        alerts.snooze(3600.0)
        rig.bus.publish(ESCALATED)
        await settled()
        assert rig.requests == []
        alerts.snooze(0.0)
        await settled()

    play(rig, some_settings(hook=HOOK), story)
    assert [request.title for request in rig.requests] == ["web needs you"]


@pytest.mark.parametrize(
    ("for_s", "component", "hint"),
    [(60.0, "wbe", "See"), (60.0, "service:wbe", "Did you mean `service:web`?"), (-1.0, "", ""), (1e9, "", "")],
)
def test_a_snooze_that_cannot_be_is_refused(rig: Rig, for_s: float, component: str, hint: str) -> None:
    async def story(alerts: Alerts) -> None:
        with pytest.raises(AuroraError) as refused:
            alerts.snooze(for_s, component)
        assert hint in refused.value.hint or "`aurora ps`" in refused.value.hint

    play(rig, some_settings(), story)


# --- as it shows itself -----------------------------------------------------------------------------------------------


def test_an_address_with_a_password_in_plain_settings_is_told_of_once_and_never_shown(rig: Rig) -> None:
    unsafe = AlertChannel(url="jsons://me:hunter22@example.com/hook")

    async def story(alerts: Alerts) -> None:
        await settled()
        alerts.apply(some_settings(hook=unsafe))
        await settled()

    alerts = play(rig, some_settings(hook=unsafe), story)
    (exposed,) = rig.of(AddressExposed)
    assert "`hook`" in exposed.cause
    assert "set-secret hook" in exposed.hint
    (channel,) = alerts.view().channels
    assert channel.address == "jsons://example.com"
    assert "hunter22" not in str((alerts.view(), rig.told))


def test_a_warning_ends_with_its_reason(rig: Rig) -> None:
    rig.answers = [Sent(ok=True, place="file"), Sent(ok=True, place="keyring")]
    seen = []

    async def story(alerts: Alerts) -> None:
        seen.append(alerts.view().channels[0].warning)
        alerts.apply(some_settings(hook=AlertChannel(secret="hook")))
        seen.append(alerts.view().channels[0].warning)
        for event in (ESCALATED, STOPPED):
            rig.bus.publish(event)
            await settled()
            seen.append(alerts.view().channels[0].warning)

    play(rig, some_settings(hook=AlertChannel(url="jsons://me:hunter22@example.com/hook")), story)
    assert [bool(warning) for warning in seen] == [True, False, True, False]


def test_a_secret_that_came_from_a_file_is_told_of(rig: Rig) -> None:
    rig.answers = [Sent(ok=True, place="file")] * 2

    async def story(alerts: Alerts) -> None:
        rig.bus.publish(ESCALATED)
        await settled()
        rig.bus.publish(STOPPED)
        await settled()

    play(rig, some_settings(hook=AlertChannel(secret="hook")), story)
    assert len(rig.of(AddressExposed)) == 1


@pytest.mark.parametrize(
    ("places", "warning"),
    [
        (Looked({"mine": "keyring"}), ""),
        (Looked({"mine": "file"}), "plain file"),
        (Looked({"mine": "missing"}), "no secret `mine`"),
        (Looked({"mine": "unknown"}, {"mine": "it is locked"}), "it is locked"),
    ],
)
def test_the_places_of_secrets_are_looked_up_when_asked_for(rig: Rig, places: Looked, warning: str) -> None:
    rig.places = places
    seen = []

    async def story(alerts: Alerts) -> None:
        seen.append(await alerts.look())

    play(rig, some_settings(hook=HOOK, mine=AlertChannel(secret="mine")), story)
    plain, mine = seen[0].channels
    assert (plain.place, mine.place) == ("settings", places.places["mine"])
    assert warning in mine.warning
    assert bool(mine.warning) == bool(warning)
    assert rig.looks == [Look(secrets=("mine",), secrets_folder="/state/secrets")]


def test_a_test_goes_to_every_channel_and_the_desktop(rig: Rig) -> None:
    rig.answers = [Sent(ok=True), Sent(ok=False, cause="it answered 500")]
    results = []

    async def story(alerts: Alerts) -> None:
        alerts.desktop = lambda title, body: False
        face: AlertsFace = alerts
        results.extend(await face.test(None))

    play(rig, some_settings(a=HOOK, b=HOOK), story)
    assert [(result.channel, result.ok) for result in results] == [("a", True), ("b", False), ("desktop", False)]
    assert [result.cause for result in results][:2] == ["it was taken", "it answered 500"]
    assert rig.requests[0].title == "Test of Aurora's alerts"


def test_an_address_is_tried_that_is_not_in_the_settings(rig: Rig) -> None:
    rig.answers = [Sent(ok=False, cause="it answered 500")]
    results = []

    async def story(alerts: Alerts) -> None:
        results.append(await alerts.try_address("jsons://me:pa55@example.com/hook"))
        with pytest.raises(AuroraError, match="no address"):
            await alerts.try_address("example.com")

    play(rig, some_settings(), story)
    assert [(result.channel, result.ok) for result in results] == [("jsons://example.com", False)]
    assert [request.url for request in rig.requests] == ["jsons://me:pa55@example.com/hook"]


def test_an_address_is_kept_as_a_secret_or_it_is_said_why_not(rig: Rig) -> None:
    answers = []

    async def story(alerts: Alerts) -> None:
        for places in (Looked({"ops": "keyring"}), Looked({"ops": "file"}, {"ops": "there is no keyring"})):
            rig.places = places
            answers.append(await alerts.keep_secret("ops", "slack://a/b/c"))
        with pytest.raises(AuroraError, match="no name for a secret"):
            await alerts.keep_secret("../ops", "slack://a/b/c")
        rig.places = Looked({"ops": "missing"}, {"ops": "the disk is full"})
        with pytest.raises(AuroraError, match="the disk is full"):
            await alerts.keep_secret("ops", "slack://a/b/c")

    play(rig, some_settings(), story)
    assert answers == ["", "there is no keyring"]
    assert rig.kept[0] == Keep(secret="ops", url="slack://a/b/c", secrets_folder="/state/secrets")


@pytest.mark.parametrize(
    ("name", "title"), [("hok", "There is no channel `hok`"), (None, "There is no channel to test")]
)
def test_a_test_of_nothing_is_refused(rig: Rig, name: str | None, title: str) -> None:
    channels = {"hook": HOOK} if name else {}

    async def story(alerts: Alerts) -> None:
        with pytest.raises(AuroraError) as refused:
            await alerts.test(name)
        assert refused.value.title == title

    play(rig, some_settings(**channels), story)


def test_what_is_remembered_by_another_version_is_not_minded(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig._database.submit(lambda db: db.execute("INSERT INTO alerts VALUES ('snooze:', '{}')")).result()

    async def story(alerts: Alerts) -> None:
        assert alerts.view().snoozes == ()

    play(rig, some_settings(), story)
    assert "is not understood" in caplog.text


def test_an_event_without_an_alert_sends_nothing(rig: Rig) -> None:
    async def story(alerts: Alerts) -> None:
        alerts.read(Record(1, PartFailed(at=1.0, component="aurora", detail="x")))
        await settled()

    play(rig, some_settings(hook=HOOK), story)
    assert rig.requests == []
