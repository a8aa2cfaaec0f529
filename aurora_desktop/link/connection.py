"""The one connection to the server: comes up, works, falls, and comes up again by itself, for as long as it runs."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import apsw

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.link_events import LinkSessionChanged, LinkState
from aurora_desktop.core.settings.schema_link import LinkSettings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.link import backoff
from aurora_desktop.link.caller import Caller
from aurora_desktop.link.cloudbrain import Identity, Server
from aurora_desktop.link.credentials import Credentials
from aurora_desktop.link.exchange import Exchange
from aurora_desktop.link.failure import LinkError
from aurora_desktop.link.farewell import say_farewell
from aurora_desktop.link.inbox import Inbox
from aurora_desktop.link.lifeline import STABLE_S, Lifeline, Listener
from aurora_desktop.link.live import Live
from aurora_desktop.link.network import MACHINE_IS_BACK, Glance, own_addresses, what_came_back
from aurora_desktop.link.outbox import Outbox
from aurora_desktop.link.session import Kept, SessionBook, owner_of, settle, url_of
from aurora_desktop.link.standing import COMPONENT, Standing
from aurora_desktop.link.surroundings import JournalFace
from aurora_desktop.link.throttle import Throttle
from aurora_desktop.link.token_store import TokenStore
from aurora_desktop.link.upkeep import Upkeep
from aurora_desktop.link.view import LinkView, TaskTaker
from aurora_desktop.supervisor.outcome import format_duration

GLANCE_S = 2.0
OLD_S = 60.0
LONG_DOWN_S = 600.0
"""After which an outage is worth a notification; a restart of the server takes less."""
_LOST_AFTER = 2
_ADMITTED = "Have this identity admitted at the server, or name another one with `link.ai_name` or `ai_id`"
_STATUS = "See `aurora link status`"


class Ports(NamedTuple):
    """What it works with. `server_at(url)`: another server, where its address may be used at all.

    `shared`: what the server may be told, task and thought. `chance`: from 0 to 1.
    """

    clock: Clock
    publish: Callable[[AnyEvent], object]
    database: Database
    server: Server
    server_at: Callable[[str], Server | None]
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
        self.owner = owner_of(settings)
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
        self._is_working = False
        self._kick, self._poll_now, self._lost = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._why_anew = ""
        self._down_since: float | None = None
        self._handed_over: Kept | None = None
        self._last_failure: LinkError | None = None
        self._lifeline = Lifeline(
            ports.dial, self._credentials, self.standing, clock=clock, chance=ports.chance,
            most_s=settings.reconnect_max_s, listener=Listener(self._stand, self._poll_now.set),
        )  # fmt: skip
        self._upkeep = Upkeep(
            self._credentials, self.exchange, self.standing, put_state=self._put_state, shared=ports.shared,
            chance=ports.chance,
        )  # fmt: skip

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
            received=len(self.exchange.inbox), missing=tuple(sorted(self._upkeep.missing)),
            warnings=tuple(standing.warnings.values()), errors=tuple(standing.errors),
        )  # fmt: skip

    def reconnect(self) -> None:
        """Try now, whatever it waits for."""
        self._call.throttle.open()
        self._begin_anew("as asked")

    async def leave(self) -> None:
        """Once it has ended, and is not to come back: the session is over, and no tokens lie about."""
        kept, tokens = self._sessions.kept, self._credentials.held
        is_ours = kept is not None and kept.owner == self.owner
        if kept is not None and is_ours and tokens is not None and self.standing.is_up:
            await say_farewell(self._ports.server, tokens, kept.id)
        await self._credentials.store.remove()

    # --- its life ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """For ever. A network that comes back is seen beside, and so is what waits for too long."""
        tasks = [asyncio.ensure_future(each) for each in (self._watch(), self._old_rounds(), self._lives())]
        try:
            await _first_end(tasks)
        finally:
            await _ended(tasks)
            await self._lifeline.close()

    async def _lives(self) -> None:
        while True:
            await self._once()

    async def _once(self) -> None:
        """Come up, work until it is lost or is to begin anew, and wait for the next attempt."""
        begun, attempts, has_come_up, lost = self._now(), self.standing.attempt, False, None
        self._kick.clear()
        try:
            await self._enter()
            begun, has_come_up = self._now(), True
            await self._work()
        except LinkError as failure:
            lost = failure
        spent_s = self._now() - begun
        if has_come_up and spent_s >= STABLE_S:
            self._down_since = None
            self.standing.calm()
        elif has_come_up:  # only to fall again: the waits go on growing
            self.standing.attempt = attempts
        if lost is not None:
            await self._fall(lost, 0.0 if has_come_up else spent_s)

    async def _enter(self) -> None:
        self._call.failures, why = 0, self._why_anew
        self._why_anew = ""
        self._lost.clear()
        self.standing.become("connecting", f"connecting to {self._settings.url}{f': {why}' if why else ''}")
        self.standing.become("authenticating", f"logging in at {self._settings.url}")
        await self._credentials.current()
        self._upkeep.note_tokens()
        await self._settle_session()
        await self._lifeline.open()
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
        self._handed_over = kept if kept is not None and kept.owner != self.owner else None
        await self._sessions.keep(session)
        at = self._ports.clock.wall()
        self._ports.publish(
            LinkSessionChanged(at=at, component=COMPONENT, session=session.identifier, cause=why, previous=previous)
        )

    async def _work(self) -> None:
        """Until it is to begin anew, or is lost: raises LinkError then."""
        rounds = (
            self._lifeline.rounds(), self._poll_rounds(), self.exchange.send_rounds(), *self._upkeep.rounds(),
            self._leave_old(), self._until_lost(), self._kick.wait(),
        )  # fmt: skip
        tasks = [asyncio.ensure_future(each) for each in rounds]
        try:
            await _first_end(tasks)
        finally:
            self._is_working = False
            await _ended(tasks)
            await self._lifeline.close()

    async def _fall(self, failure: LinkError, spent_s: float) -> None:
        standing, settings = self.standing, self._settings
        standing.attempt += 1
        standing.went_wrong(failure.sentence)
        plan = backoff.plan(
            failure, standing.attempt, spent_s, self._ports.chance(), settings.reconnect_max_s, settings.max_attempts
        )
        state, cause, hint, wait_s = plan.state, failure.sentence, failure.hint, plan.wait_s
        if state == "refused":
            hint = f"{hint or _ADMITTED}. Then run `aurora link reconnect`"
        if wait_s is None:
            cause, hint = f"given up after {standing.attempt} attempts: {cause}", "Run `aurora link reconnect`"
        elif state == "backing_off" and not self._ports.addresses():
            state, cause, hint = "offline", "this machine has no network", ""
        if self._kick.is_set():
            wait_s = 0.0
        standing.become(state, cause, hint, next_in_s=wait_s)
        self._alarm(state, cause, hint, is_given_up=plan.wait_s is None)
        await _wait(self._kick, wait_s)
        if self._kick.is_set():
            standing.attempt = min(standing.attempt, 1)

    def _alarm(self, state: LinkState, cause: str, hint: str, *, is_given_up: bool) -> None:
        """Call for the operator where time alone will not mend it; a machine without a network is no surprise."""
        if state == "offline" and not is_given_up:
            self._down_since = None
            return
        if self._down_since is None:
            self._down_since = self._now()
        hint = hint or _STATUS
        if state == "refused":
            self.standing.alarm("refused", f"the link is refused: {cause}", hint)
        elif is_given_up:
            self.standing.alarm("given_up", cause, hint)
        elif state == "backing_off" and self._now() - self._down_since >= LONG_DOWN_S:
            self.standing.alarm("down", f"the link has been down for {format_duration(LONG_DOWN_S)}: {cause}", hint)

    # --- at work ----------------------------------------------------------------------------------------------

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
            wait_s = self._until_next_poll_s(failed)
            await asyncio.sleep(min(self._least_gap_s, wait_s))
            await _wait(self._poll_now, max(wait_s - self._least_gap_s, 0.0))

    def _until_next_poll_s(self, failed: int) -> float:
        chance, most_s = self._ports.chance(), self._settings.reconnect_max_s
        return backoff.wait_s(failed, 0.0, chance, most_s) if failed else self._settings.poll_s * (0.9 + 0.2 * chance)

    @property
    def _least_gap_s(self) -> float:
        """However many frames ask for a look into the inbox, half of the allowed requests are left for the rest."""
        return 2 * 60.0 / self._settings.requests_per_min

    async def _leave_old(self) -> None:
        """The session of another identity or server from which this one took over is ended there."""
        old, self._handed_over = self._handed_over, None
        tokens, self._credentials.left_over = self._credentials.left_over, None
        if old is not None and tokens is not None and tokens.owner == old.owner:
            server = self._ports.server_at(url_of(old.owner))
            if server is not None:
                await say_farewell(server, tokens, old.id)
        await asyncio.Event().wait()

    async def _until_lost(self) -> None:
        await self._lost.wait()
        raise self._last_failure or LinkError("unreachable", "the server is gone")

    async def _put_state(self, task: str, thought: str) -> None:
        kept = self._sessions.kept
        identifier = kept.identifier if kept is not None else ""
        await self._call(lambda token: self._ports.server.put_state(token, identifier, task, thought))

    async def _old_rounds(self) -> None:
        """Also while nothing can be sent."""
        while True:
            self.exchange.bury_old()
            await asyncio.sleep(OLD_S)

    # --- small change -----------------------------------------------------------------------------------------

    def _on_outcome(self, failure: LinkError | None) -> None:
        if failure is None:
            self.standing.heard()
        else:
            self._last_failure = failure
        if self._is_working:
            self._stand()
            if self._call.failures >= _LOST_AFTER and not self._lifeline.is_open:
                self._lost.set()

    def _stand(self) -> None:
        """Online with all of it; degraded with a part."""
        missing = self._lifeline.failure
        if self._lifeline.is_open and not self._call.failures:
            self.standing.become("online", "connected")
        elif not self._lifeline.is_open and missing is not None:
            self.standing.become("degraded", f"no live connection: {missing.sentence}", missing.hint)
        elif self._call.failures and self._last_failure is not None:
            self.standing.become("degraded", f"requests fail: {self._last_failure.sentence}", self._last_failure.hint)

    async def _watch(self) -> None:
        """A network or a machine that comes back brings the next attempt forward."""
        before, latency_s = self._glance(), None
        while True:
            await asyncio.sleep(GLANCE_S)
            now = self._glance()
            why = what_came_back(before, now, GLANCE_S)
            before = now
            if why and (not self._is_working or why == MACHINE_IS_BACK):
                self._begin_anew(why)
            if self._lifeline.latency_s not in (None, latency_s):
                latency_s = self._lifeline.latency_s
                self.standing.heard()

    def _begin_anew(self, why: str) -> None:
        self._why_anew = why
        self._kick.set()

    def _glance(self) -> Glance:
        return Glance(self._ports.addresses(), self._now(), self._ports.clock.wall())

    def _now(self) -> float:
        return self._ports.clock.monotonic()


async def _first_end(tasks: "Sequence[asyncio.Future[Any]]") -> None:
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _ended(tasks: "Sequence[asyncio.Future[Any]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _wait(event: asyncio.Event, for_s: float | None) -> None:
    """Until the event, or the time is over."""
    try:
        async with asyncio.timeout(for_s):
            await event.wait()
    except TimeoutError:
        pass
