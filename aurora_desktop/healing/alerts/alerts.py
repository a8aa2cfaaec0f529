"""Alerts: hears the stream of events, decides who is to be called, and keeps at it until each channel has it."""

import asyncio
import contextlib
import difflib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path

from msgspec.structs import replace

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import AGENT_PREFIX, AnyEvent, Record, agent_component, service_component
from aurora_desktop.core.healing_events import AddressExposed, AlertFailed, AlertSent
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.settings.schema_healing import AlertChannel
from aurora_desktop.core.settings.values import Environment
from aurora_desktop.core.storage.database import Database
from aurora_desktop.healing.alerts import addresses, sending
from aurora_desktop.healing.alerts.alert import Alert, alert_of
from aurora_desktop.healing.alerts.messages import Keep, Look, Looked, Send, Sent
from aurora_desktop.healing.alerts.outbox import GATHER_S, Delivery, Outbox
from aurora_desktop.healing.alerts.rule import ErrorCounter, Repeats
from aurora_desktop.healing.alerts.store import AlertStore, Waiting
from aurora_desktop.healing.alerts.view import DESKTOP, AlertsView, ChannelView, Delivered, Snooze, TestResult

AT_ONCE = 2
"""So many processes that send may exist at a time: each takes 60 MB for a second."""
ROUND_S = 30.0
MAX_SNOOZE_S = 30 * 86400.0
MAX_SNOOZES = 200
NEWS_S = 86400.0
"""What waited for longer than this, over restarts, is no news any more."""
_OWN = ("aurora", "machine", "guard", "input_agent", "heartbeat")

log = logging.getLogger(__name__)

Notify = Callable[[str, str], bool]
"""Shows title and body as a desktop notification; blocks up to some seconds; False when nobody shows it."""


class Alerts:
    """A reader of the bus (`read`) with rounds (`run`); implements `AlertsFace`.

    `publish` may be called from the loop alone. `desktop` is set by who has one: only a test goes there from here,
    for what the desktop is notified of is decided where all its notices are.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        publish: Callable[[AnyEvent], object],
        database: Database,
        secrets_folder: Path,
        send: Callable[[Send], Awaitable[Sent]] = sending.send,
        look: Callable[[Look], Awaitable[Looked]] = sending.look,
        keep: Callable[[Keep], Awaitable[Looked]] = sending.keep,
        jitter: Callable[[], float] = random.random,
        gather_s: float = GATHER_S,
    ) -> None:
        """Blocking: reads what was remembered."""
        self._clock = clock
        self._publish = publish
        self._send = send
        self._look = look
        self._keep_apart = keep
        self._secrets_folder = secrets_folder
        self._store = AlertStore(database)
        self._errors = ErrorCounter(settings.alerts)
        self._repeats = Repeats(settings.alerts)
        self._outbox = Outbox(jitter, gather_s)
        self._unwritten: dict[str, Delivery] = {}
        self._to_tell: list[AnyEvent] = []
        self._wake = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._channels: Mapping[str, AlertChannel] = {}
        self._exposed: dict[str, AddressExposed] = {}
        self.desktop: Notify | None = None
        self._take(settings)
        self._take_over()

    # --- what is heard ----------------------------------------------------------------------------------------

    def read(self, record: Record) -> None:
        event = record.event
        now = self._clock.monotonic()
        self._repeats.note(event)
        if alert := alert_of(event, self._masked):
            if alert.kind == "escalation":
                self._errors.hush(event.component, now)
            self._route(self._repeats.decide(alert, now, self.is_snoozed))
        elif accumulated := self._errors.count(event, now):
            self._tell_soon(accumulated)

    def apply(self, settings: Settings) -> None:
        """Take on changed settings; what waits for a channel that is gone is told as failed."""
        self._errors.settings = self._repeats.settings = settings.alerts
        self._take(settings)
        for delivery in self._outbox.forget(frozenset(self._channels)):
            self._forget(delivery)
            if not delivery.under_way:
                self._tell_soon(self._failed(delivery, "the channel is no longer in the settings"))
        self._wake.set()

    def _take_over(self) -> None:
        """What an earlier Aurora had still to tell."""
        now = self._clock.monotonic()
        for alert in self._store.left_held():
            self._repeats.resume(alert, now)
        for name, waiting in self._store.left_waiting().items():
            delivery = Delivery(waiting.channel, list(waiting.alerts), now, beyond=waiting.beyond, id=name)
            if waiting.channel not in self._channels:
                self._lose(delivery, "the channel is no longer in the settings")
            elif self._clock.wall() - delivery.alert.at > NEWS_S:
                self._lose(delivery, "it could not be sent for a day")
            elif lost := self._outbox.restore(delivery):
                self._lose(lost, "too many alerts wait for this channel")

    def _take(self, settings: Settings) -> None:
        before = self._channels
        self._settings = settings.alerts
        self._channels = settings.alerts.channels
        self._components = _components(settings)
        every_value = {f"{name}.{key}": value for name, s in settings.services.items() for key, value in s.env.items()}
        self._masked = Environment(every_value).masked
        self._exposed = {
            name: event for name, event in self._exposed.items() if self._channels.get(name) == before.get(name)
        }
        for name, channel in self._channels.items():
            if channel.url is not None and addresses.has_credentials(channel.url):
                self._warn(name, *_in_settings(name))

    def _route(self, alert: Alert | None) -> None:
        if alert is None:
            return
        for name, channel in self._channels.items():
            if alert.kind in channel.on:
                delivery, lost = self._outbox.put(name, alert, self._clock.monotonic())
                self._unwritten[delivery.id] = delivery
                if lost:
                    self._lose(lost, "too many alerts wait for this channel")
        self._wake.set()

    def _lose(self, delivery: Delivery, why: str) -> None:
        self._forget(delivery)
        self._tell_soon(self._failed(delivery, why))

    def _forget(self, delivery: Delivery) -> None:
        """It is over, however it went: no later Aurora sends it."""
        self._unwritten.pop(delivery.id, None)
        self._store.over(delivery.id)

    def _write_down(self) -> None:
        """What waits outlives us; once for all that came together."""
        unwritten, self._unwritten = self._unwritten, {}
        for name, delivery in unwritten.items():
            waiting = Waiting(channel=delivery.channel, alerts=tuple(delivery.alerts), beyond=delivery.beyond)
            self._store.wait(name, waiting)

    def _tell_soon(self, event: AnyEvent) -> None:
        """Not from within a reader: those after us on the bus would hear it before its cause."""
        self._to_tell.append(event)
        self._wake.set()

    # --- the rounds -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """For ever. Cancelled, it ends what is under way; what was not sent is left to the next Aurora."""
        try:
            while True:
                self._wake.clear()
                self._round()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pause_s()):
                        await self._wake.wait()
        finally:
            await self._end()

    def _round(self) -> None:
        events, self._to_tell = self._to_tell, []
        for event in events:
            self._publish(event)
        now = self._clock.monotonic()
        for alert in self._repeats.due(now, self.is_snoozed):
            self._route(alert)
        self._write_down()
        for delivery in self._outbox.ready(now)[: AT_ONCE - len(self._sending)]:
            self._outbox.begin(delivery)
            task = asyncio.ensure_future(self._deliver(delivery))
            self._sending.add(task)
            task.add_done_callback(self._over)

    def _over(self, task: "asyncio.Task[None]") -> None:
        self._sending.discard(task)
        self._wake.set()

    def _pause_s(self) -> float:
        """Until something may be tried; what is free again, or heard, wakes earlier."""
        next_at = self._outbox.next_at()
        if next_at is None or len(self._sending) >= AT_ONCE:
            return ROUND_S
        return min(max(next_at - self._clock.monotonic(), 0.0), ROUND_S)

    async def _end(self) -> None:
        for task in tuple(self._sending):
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        self._write_down()
        for alert in self._repeats.waiting():
            self._store.hold(alert)
        for event in self._to_tell:
            self._publish(event)
        self._to_tell = []

    # --- sending ----------------------------------------------------------------------------------------------

    async def _deliver(self, delivery: Delivery) -> None:
        channel = self._channels.get(delivery.channel)
        if channel is None:
            self._outbox.done(delivery)
            self._lose(delivery, "the channel is no longer in the settings")
            return
        sent = await self._try_to_send(channel, delivery.alert)
        self._keep(delivery.channel, sent, delivery.alert.title, delivery.tries)
        if sent.ok:
            self._outbox.done(delivery)
            self._forget(delivery)
            self._publish(self._sent(delivery))
        elif sent.final or delivery.tries > self._settings.retries:
            self._outbox.done(delivery)
            self._forget(delivery)
            self._publish(self._failed(delivery, sent.cause))
        else:
            self._outbox.again(delivery, self._clock.monotonic())

    async def _try_to_send(self, channel: AlertChannel, alert: Alert) -> Sent:
        try:
            return await self._send(self._request(channel, alert))
        except Exception as error:  # a fault of ours in one delivery must not end all of them, or go unseen
            log.exception("an alert could not be handed on")
            return Sent(ok=False, cause=f"a fault of Aurora: {type(error).__name__}")

    def _request(self, channel: AlertChannel, alert: Alert) -> Send:
        return Send(
            title=alert.title,
            body=alert.body,
            severity="warning" if alert.kind == "prediction" else "failure",
            timeout_s=self._settings.timeout_s,
            secrets_folder=str(self._secrets_folder),
            url=channel.url or "",
            secret=channel.secret or "",
        )

    def _keep(self, name: str, sent: Sent, title: str, tries: int) -> None:
        how = Delivered(at=self._clock.wall(), ok=sent.ok, title=title, cause=sent.cause, tries=tries)
        self._store.delivered(name, how)
        channel = self._channels.get(name)
        if sent.place == "file" and channel is not None and channel.secret is not None:
            self._warn(name, *_in_file(channel.secret))
        elif sent.place == "keyring":
            self._exposed.pop(name, None)

    def _sent(self, delivery: Delivery) -> AlertSent:
        alert, at = delivery.alert, self._clock.wall()
        return AlertSent(
            at=at,
            component=alert.component or "aurora",
            channel=delivery.channel,
            kind=alert.kind,
            cause=alert.title,
            tries=delivery.tries,
        )

    def _failed(self, delivery: Delivery, why: str) -> AlertFailed:
        """An error of Aurora's, not of the component that the alert was about."""
        alert, at = delivery.alert, self._clock.wall()
        return AlertFailed(
            at=at,
            component="aurora",
            channel=delivery.channel,
            kind=alert.kind,
            cause=f"{alert.title}: {why}",
            tries=delivery.tries,
        )

    # --- warnings ---------------------------------------------------------------------------------------------

    def _warn(self, name: str, cause: str, hint: str) -> None:
        """Told once as long as it is so."""
        told = self._exposed.get(name)
        if told is None or told.cause != cause:
            event = AddressExposed(at=self._clock.wall(), component="aurora", channel=name, cause=cause, hint=hint)
            self._exposed[name] = event
            self._tell_soon(event)

    # --- the face ---------------------------------------------------------------------------------------------

    def view(self) -> AlertsView:
        channels = tuple(self._channel_view(name, channel) for name, channel in self._channels.items())
        snoozes = self._store.snoozes(self._clock.wall())
        return AlertsView(channels=channels, snoozes=snoozes, held_back=self._repeats.held_back)

    async def look(self) -> AlertsView:
        names = tuple({channel.secret for channel in self._channels.values() if channel.secret is not None})
        view = self.view()
        if not names:
            return view
        found = await self._look(Look(secrets=names, secrets_folder=str(self._secrets_folder)))
        return replace(view, channels=tuple(self._placed(channel, found) for channel in view.channels))

    async def test(self, channel: str | None) -> tuple[TestResult, ...]:
        if channel is not None and channel not in self._channels:
            raise _unknown("channel", channel, self._channels, "`aurora alerts list` shows those of the settings")
        names = [channel] if channel is not None else list(self._channels)
        if not names and self.desktop is None:
            hint = "Add one below `alerts.channels` in the settings file; docs/settings.md says how"
            raise AuroraError("There is no channel to test", "the settings have none, and there is no desktop", hint)
        results = [await self._test(name) for name in names]
        if channel is None and self.desktop is not None:
            results.append(await self._test_desktop(self.desktop))
        return tuple(results)

    async def try_address(self, url: str) -> TestResult:
        addresses.check(url)
        began = time.monotonic()
        sent = await self._try_to_send(AlertChannel(url=url), _test_alert(self._clock.wall()))
        return _result(addresses.shown_url(url), sent, began)

    async def keep_secret(self, name: str, url: str) -> str:
        addresses.check_secret_name(name)
        addresses.check(url)
        kept = await self._keep_apart(Keep(secret=name, url=url, secrets_folder=str(self._secrets_folder)))
        why = kept.wrong.get(name, "")
        if kept.places.get(name) not in ("keyring", "file"):
            raise AuroraError("The address cannot be kept as a secret", why, f"`aurora alerts set-secret {name}`")
        return why

    def snooze(self, for_s: float, component: str = "") -> Snooze:
        """Raises AuroraError for a component that there is not, and for a time that is too long."""
        now = self._clock.wall()
        if not 0 <= for_s <= MAX_SNOOZE_S:
            raise AuroraError("This is no time to be silent for", "from 0 s (which ends it) to 30 days", "")
        snooze = Snooze(until=now + for_s, component=self._component(component) if component else "")
        if for_s and len(self._store.snoozes(now)) >= MAX_SNOOZES:
            raise AuroraError("Too many components are snoozed", f"{MAX_SNOOZES} already", "Snooze all of them instead")
        self._store.snooze(snooze, now)
        self._wake.set()
        return snooze

    def is_snoozed(self, component: str) -> bool:
        return self._store.is_snoozed(component, self._clock.wall())

    def _component(self, given: str) -> str:
        """`web` means `service:web`."""
        for known in (given, service_component(given), agent_component(given)):
            if known in self._components or (known == given and given.startswith(AGENT_PREFIX)):
                return known
        raise _unknown("component", given, self._components, "`aurora ps` shows the services")

    async def _test(self, name: str) -> TestResult:
        began, channel = time.monotonic(), self._channels[name]
        sent = await self._try_to_send(channel, _test_alert(self._clock.wall()))
        self._keep(name, sent, "Test", 1)
        return _result(name, sent, began)

    async def _test_desktop(self, notify: Notify) -> TestResult:
        alert, began = _test_alert(self._clock.wall()), time.monotonic()
        ok = await asyncio.to_thread(notify, alert.title, alert.sentence)
        cause = "it was shown" if ok else "nobody shows notifications; `aurora doctor` says more"
        return TestResult(channel=DESKTOP, ok=ok, cause=cause, duration_s=round(time.monotonic() - began, 2))

    def _channel_view(self, name: str, channel: AlertChannel) -> ChannelView:
        exposed = self._exposed.get(name)
        return ChannelView(
            name=name,
            address=addresses.shown(channel),
            on=tuple(channel.on),
            place="settings" if channel.url is not None else "unknown",
            warning=exposed.cause if exposed else "",
            hint=exposed.hint if exposed else "",
            waiting=self._outbox.waiting(name),
            last=self._store.last(name),
        )

    def _placed(self, view: ChannelView, found: Looked) -> ChannelView:
        secret = self._channels[view.name].secret if view.name in self._channels else None
        if secret is None:
            return view
        place = found.places.get(secret, "unknown")
        if place == "file":
            warning, hint = _in_file(secret)
        elif place == "missing":
            warning, hint = f"there is no secret `{secret}`", f"Run `aurora alerts set-secret {secret}`"
        else:
            warning, hint = found.wrong.get(secret, ""), ""
        return replace(view, place=place, warning=warning, hint=hint)


def _in_settings(name: str) -> tuple[str, str]:
    cause = f"the address of the alert channel `{name}` holds a password or token in plain settings"
    return cause, f"Run `aurora alerts set-secret {name}`, then write `secret: {name}` instead of `url`"


def _in_file(secret: str) -> tuple[str, str]:
    cause = f"the secret `{secret}` lies in a plain file that this user alone may read, for there was no keyring"
    return cause, f"Once there is a keyring, run `aurora alerts set-secret {secret}` again"


def _components(settings: Settings) -> frozenset[str]:
    services = map(service_component, settings.services)
    return frozenset((*services, *map(agent_component, settings.agents.watch), *_OWN))


def _unknown(what: str, name: str, known: Collection[str], hint: str) -> AuroraError:
    near = difflib.get_close_matches(name, known, 1)
    return AuroraError(f"There is no {what} `{name}`", "", f"Did you mean `{near[0]}`?" if near else hint)


def _result(channel: str, sent: Sent, began: float) -> TestResult:
    took_s = round(time.monotonic() - began, 2)
    return TestResult(channel=channel, ok=sent.ok, cause=sent.cause or "it was taken", duration_s=took_s)


def _test_alert(at: float) -> Alert:
    return Alert(
        kind="escalation",
        topic="test",
        component="aurora",
        at=at,
        title="Test of Aurora's alerts",
        sentence="This is what an alert looks like. Nothing is wrong.",
    )
