"""The one connection to the server: comes up, works, falls, and comes up again by itself, for as long as it runs."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import apsw

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.link_events import LinkSessionChanged
from aurora_desktop.core.settings.schema_link import LinkSettings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.link import backoff
from aurora_desktop.link.caller import Caller
from aurora_desktop.link.cloudbrain import Identity, Server
from aurora_desktop.link.credentials import Credentials
from aurora_desktop.link.exchange import Exchange
from aurora_desktop.link.failure import LinkError, in_a_line
from aurora_desktop.link.inbox import Inbox
from aurora_desktop.link.live import Frame, Live, failure_of
from aurora_desktop.link.network import Glance, own_addresses, what_came_back
from aurora_desktop.link.outbox import Outbox
from aurora_desktop.link.session import SessionBook, settle
from aurora_desktop.link.standing import COMPONENT, Standing
from aurora_desktop.link.surroundings import JournalFace
from aurora_desktop.link.throttle import Throttle
from aurora_desktop.link.token_store import TokenStore
from aurora_desktop.link.view import LinkView, TaskTaker

GLANCE_S = 2.0
SUBSCRIBE_S = 300.0
"""The server asks for a sign of life after 15 min without one."""
STABLE_S = 30.0
STATE_S = 30.0
PRUNE_S = 3600.0
_LOST_AFTER = 2
_MOST_UNKNOWN_KINDS = 20
_KNOWN_FRAMES = frozenset({"connected", "subscribed", "unsubscribed", "activity_verification", "sleep_notification"})


class Ports(NamedTuple):
    """What it works with. `shared`: what the server may be told, task and thought. `chance`: from 0 to 1."""

    clock: Clock
    publish: Callable[[AnyEvent], object]
    database: Database
    server: Server
    dial: Callable[[str], Awaitable[Live]]
    tokens: TokenStore
    tasks: TaskTaker | None
    journal: JournalFace
    shared: Callable[[], tuple[str, str]]
    chance: Callable[[], float] = random.random
    addresses: Callable[[], tuple[str, ...]] = own_addresses


class Link:
    """`run` is its life; cancelled, it closes in order. Used from the loop's thread."""

    def __init__(self, settings: LinkSettings, ports: Ports) -> None:
        """Blocking: reads what was kept."""
        self._settings, self._ports = settings, ports
        clock = ports.clock
        self.owner = f"{settings.url} {settings.ai_id or settings.ai_name}"
        self.standing = Standing(clock, ports.publish)
        identity = Identity(settings.ai_name or "", settings.ai_nickname, settings.ai_id)
        self._credentials = Credentials(ports.server, identity, self.owner, ports.tokens, clock)
        throttle = Throttle(settings.requests_per_min)
        self._call = Caller(self._credentials, throttle, clock, ports.chance, self._on_outcome)
        self._sessions = SessionBook(ports.database)
        self.exchange = Exchange(
            settings, Outbox(ports.database, clock, settings.outbox), Inbox(ports.database, clock), clock=clock,
            publish=ports.publish, standing=self.standing, server=ports.server, call=self._call, tasks=ports.tasks,
            journal=ports.journal, chance=ports.chance,
        )  # fmt: skip
        self._live: Live | None = None
        self._live_failure: LinkError | None = None
        self._is_working = False
        self._kick, self._poll_now, self._lost = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._last_failure: LinkError | None = None
        self._missing: set[str] = set()

    # --- what it is -------------------------------------------------------------------------------------------

    def view(self) -> LinkView:
        standing, figures = self.standing, self._call.figures
        kept = self._sessions.kept
        return LinkView(
            enabled=True, state=standing.state, cause=standing.cause, hint=standing.hint, since=standing.since,
            server=self._settings.url or "", identity=self._settings.ai_id or self._settings.ai_name or "",
            session=kept.identifier if kept is not None and kept.owner == self.owner else "",
            attempt=standing.attempt, next_attempt_at=standing.next_attempt_at, latency_ms=figures.latency_ms,
            latencies_ms=tuple(figures.latencies_ms), error_rate=round(figures.error_rate, 3),
            last_heartbeat_at=standing.last_heartbeat_at, tokens_in=self._credentials.store.place,
            token_expires_at=self._credentials.expires_at, outbox=self.exchange.outbox.view(),
            received=len(self.exchange.inbox), missing=tuple(sorted(self._missing)),
            warnings=tuple(standing.warnings.values()), errors=tuple(standing.errors),
        )  # fmt: skip

    def reconnect(self) -> None:
        """Try now, whatever it waits for."""
        self._call.throttle.open()
        self._kick.set()

    # --- its life ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """For ever. A network that comes back is seen beside."""
        watching = asyncio.ensure_future(self._watch())
        try:
            while True:
                await self._once()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await self._hang_up()

    async def _once(self) -> None:
        """Come up, work until it is lost, and wait for the next attempt."""
        begun, attempts, has_come_up = self._now(), self.standing.attempt, False
        self._kick.clear()
        try:
            await self._enter()
            begun, has_come_up = self._now(), True
            await self._work()
        except LinkError as failure:
            spent_s = self._now() - begun
            if has_come_up and spent_s < STABLE_S:  # only to fall again: the waits go on growing
                self.standing.attempt = attempts
            await self._fall(failure, 0.0 if has_come_up else spent_s)

    async def _enter(self) -> None:
        self._call.failures, self._live_failure = 0, None
        self._lost.clear()
        self.standing.become("connecting", f"connecting to {self._settings.url}")
        self.standing.become("authenticating", f"logging in at {self._settings.url}")
        await self._credentials.current()
        self._note_tokens()
        await self._settle_session()
        try:
            self._live = await self._dialled()
        except LinkError as failure:
            self._live_failure = failure
        self.standing.attempt = 0
        self._is_working = True
        self._stand()

    async def _settle_session(self) -> None:
        server, call, kept = self._ports.server, self._call, self._sessions.kept
        session, why = await settle(
            kept,
            self.owner,
            lambda id_: call(lambda token: server.has_session(token, id_)),
            lambda metadata: call(lambda token: server.create_session(token, "Aurora Desktop", metadata)),
        )
        if not why:
            return
        previous = kept.identifier if kept is not None else ""
        await self._sessions.keep(session)
        at = self._ports.clock.wall()
        self._ports.publish(
            LinkSessionChanged(at=at, component=COMPONENT, session=session.identifier, cause=why, previous=previous)
        )

    async def _work(self) -> None:
        """Until it is lost. Raises LinkError."""
        rounds = (
            self._live_rounds(), self._poll_rounds(), self.exchange.send_rounds(), self._token_rounds(),
            self._state_rounds(), self._prune_rounds(), self._until_lost(), self._until_kicked(),
        )  # fmt: skip
        tasks = [asyncio.ensure_future(each) for each in rounds]
        try:
            await _first_end(tasks)
        finally:
            self._is_working = False
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._hang_up()

    async def _fall(self, failure: LinkError, spent_s: float) -> None:
        standing, settings = self.standing, self._settings
        standing.attempt += 1
        standing.went_wrong(failure.sentence)
        plan = backoff.plan(
            failure, standing.attempt, spent_s, self._ports.chance(), settings.reconnect_max_s, settings.max_attempts
        )
        state, cause, hint, wait_s = plan.state, failure.sentence, failure.hint, plan.wait_s
        if wait_s is None:
            cause, hint = f"given up after {standing.attempt} attempts: {cause}", "Run `aurora link reconnect`"
        elif state == "backing_off" and not self._ports.addresses():
            state, cause, hint = "offline", "this machine has no network", ""
        if self._kick.is_set():
            wait_s = 0.0
        standing.become(state, cause, hint, next_in_s=wait_s)
        await _wait(self._kick, wait_s)
        if self._kick.is_set():
            standing.attempt = min(standing.attempt, 1)

    # --- at work ----------------------------------------------------------------------------------------------

    async def _live_rounds(self) -> None:
        """Keep one WebSocket; without it the link goes on, degraded."""
        attempt, spent_s = 0, 0.0
        while True:
            if self._live is not None:
                since = self._now()
                self._live_failure = await self._listen(self._live)
                await self._hang_up()
                self._poll_now.set()  # shows whether the rest is there
                attempt = 0 if self._now() - since > STABLE_S else attempt
                spent_s = 0.0
                self._stand()
            attempt += 1
            await asyncio.sleep(backoff.wait_s(attempt, spent_s, self._ports.chance(), self._settings.reconnect_max_s))
            begun = self._now()
            try:
                self._live, self._live_failure = await self._dialled(), None
            except LinkError as failure:
                self._live_failure = failure
                self.standing.went_wrong(failure.sentence)
            spent_s = self._now() - begun
            self._stand()

    async def _dialled(self) -> Live:
        """A bad token is exchanged, and tried once more."""
        token = await self._credentials.current()
        try:
            return await self._ports.dial(token)
        except LinkError as failure:
            if failure.kind != "refused":
                raise
        self._credentials.reject(token)
        return await self._ports.dial(await self._credentials.current())

    async def _listen(self, live: Live) -> LinkError:
        """Hear what comes, and show that somebody is there; why it ended."""
        try:
            await live.subscribe()
            due = self._now() + SUBSCRIBE_S
            while True:
                try:
                    async with asyncio.timeout(max(due - self._now(), 0.0)):
                        await self._heed(live, await live.receive())
                except TimeoutError:
                    await live.subscribe()
                    due = self._now() + SUBSCRIBE_S
        except LinkError as failure:
            return failure

    async def _heed(self, live: Live, frame: Frame) -> None:
        self.standing.heard()
        if frame.kind in ("activity_verification", "sleep_notification"):
            await live.subscribe()
        elif frame.kind == "error":
            failure = failure_of(frame, "")
            self.standing.went_wrong(failure.sentence)
            if failure.kind == "refused":
                raise failure
        elif frame.kind not in _KNOWN_FRAMES:
            self._note_unknown(frame.kind)
            self._poll_now.set()  # a newer server may push: there is something to fetch

    def _note_unknown(self, kind: str) -> None:
        topic = f"frame:{in_a_line(kind, most=40)}"
        if sum(each.startswith("frame:") for each in self.standing.warnings) < _MOST_UNKNOWN_KINDS:
            what = f"frames of the type `{in_a_line(kind, most=40)}`" if kind else "frames that are no JSON with a type"
            self.standing.warn(topic, f"the server sends {what}, which are not understood")

    async def _poll_rounds(self) -> None:
        failed = 0
        while True:
            self._poll_now.clear()
            try:
                await self.exchange.receive()
                failed = 0
            except LinkError as failure:
                if failure.kind in ("refused", "certificate"):
                    raise
                self.standing.went_wrong(failure.sentence)
                failed += 1
            except apsw.Error as error:
                self.standing.went_wrong(f"state.db does not take what was received: {words(error)}")
            await _wait(self._poll_now, self._until_next_poll_s(failed))

    def _until_next_poll_s(self, failed: int) -> float:
        chance, most_s = self._ports.chance(), self._settings.reconnect_max_s
        return backoff.wait_s(failed, 0.0, chance, most_s) if failed else self._settings.poll_s * (0.9 + 0.2 * chance)

    async def _token_rounds(self) -> None:
        """Exchanged ahead, so that no request has to wait for it."""
        failed = 0
        while True:
            ahead_s = self._credentials.due_in_s() if not failed else 0.0
            await asyncio.sleep(ahead_s or backoff.wait_s(failed, 0.0, self._ports.chance(), 60.0))
            try:
                await self._credentials.current()
                failed = 0 if self._credentials.due_in_s() > 0 else failed + 1
            except LinkError as failure:
                if failure.kind == "refused":
                    raise
                failed += 1
            self._note_tokens()

    async def _state_rounds(self) -> None:
        """Keep the state at the server up to date, where it has one and something is to be shared."""
        last: tuple[str, str] | None = None
        while "state" not in self._missing:
            shared = self._ports.shared()
            if any(shared) and shared != last:
                last = shared if await self._put_state(*shared) else last
            await asyncio.sleep(STATE_S)
        await asyncio.Event().wait()

    async def _put_state(self, task: str, thought: str) -> bool:
        kept = self._sessions.kept
        identifier = kept.identifier if kept is not None else ""
        try:
            await self._call(lambda token: self._ports.server.put_state(token, identifier, task, thought))
        except LinkError as failure:
            if failure.kind in ("invalid", "absent"):
                self._missing.add("state")
                detail = f"the server takes no state ({failure.sentence}), so none is shared"
                self.standing.warn("state", detail, "All else goes on without it")
            return False
        return True

    async def _prune_rounds(self) -> None:
        while True:
            self.exchange.outbox.prune()
            self.exchange.inbox.prune()
            await asyncio.sleep(PRUNE_S)

    async def _until_lost(self) -> None:
        await self._lost.wait()
        raise self._last_failure or LinkError("unreachable", "the server is gone")

    async def _until_kicked(self) -> None:
        await self._kick.wait()
        raise LinkError("unreachable", "connecting anew, as asked")

    async def _hang_up(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            await live.close()

    # --- small change -----------------------------------------------------------------------------------------

    def _on_outcome(self, failure: LinkError | None) -> None:
        if failure is None:
            self.standing.heard()
        else:
            self._last_failure = failure
        if self._is_working:
            self._stand()
            if self._call.failures >= _LOST_AFTER and self._live is None:
                self._lost.set()

    def _stand(self) -> None:
        """Online with all of it; degraded with a part."""
        if self._live is not None and not self._call.failures:
            self.standing.become("online", "connected")
        elif self._live is None and self._live_failure is not None:
            self.standing.become(
                "degraded", f"no live connection: {self._live_failure.sentence}", self._live_failure.hint
            )
        elif self._call.failures and self._last_failure is not None:
            self.standing.become("degraded", f"requests fail: {self._last_failure.sentence}", self._last_failure.hint)

    def _note_tokens(self) -> None:
        if warning := self._credentials.store.warning:
            self.standing.warn("tokens", warning, "Set up a keyring for this session, then restart Aurora")
        else:
            self.standing.is_over("tokens")

    async def _watch(self) -> None:
        """A network or a machine that comes back brings the next attempt forward."""
        before, latency_s = self._glance(), None
        while True:
            await asyncio.sleep(GLANCE_S)
            now = self._glance()
            why = what_came_back(before, now, GLANCE_S)
            before = now
            if why and (not self._is_working or why == "the machine is back"):
                self._kick.set()
            if self._live is not None and self._live.latency_s != latency_s:
                latency_s = self._live.latency_s
                self.standing.heard()

    def _glance(self) -> Glance:
        return Glance(self._ports.addresses(), self._now(), self._ports.clock.wall())

    def _now(self) -> float:
        return self._ports.clock.monotonic()


async def _first_end(tasks: "list[asyncio.Task[None]]") -> None:
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _wait(event: asyncio.Event, for_s: float | None) -> None:
    """Until the event, or the time is over."""
    try:
        async with asyncio.timeout(for_s):
            await event.wait()
    except TimeoutError:
        pass
