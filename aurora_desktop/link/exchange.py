"""Messages on their way: out of the outbox in order, into the inbox once, and what is told of either."""

import asyncio
from collections.abc import Callable

import apsw

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError, NotNowError
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.link_events import LinkMessageFailed, LinkMessageReceived
from aurora_desktop.core.settings.schema_link import LinkSettings
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.link import backoff
from aurora_desktop.link.caller import Caller
from aurora_desktop.link.cloudbrain import PAGE, Server
from aurora_desktop.link.failure import LinkError, in_a_line
from aurora_desktop.link.inbox import Inbox, Untold, summary, why_no_task
from aurora_desktop.link.outbox import Outbox, Waiting, is_poison
from aurora_desktop.link.standing import COMPONENT, Standing
from aurora_desktop.link.surroundings import JournalFace
from aurora_desktop.link.view import TaskTaker

MOST_PUT_OFF_S = 60.0
LOOKED_THROUGH_PAGES = 4
"""Pages of sent messages in which one that is in doubt is looked for: only one is under way at a time."""
REFUSED_TRIES = 3
FINAL_TRIES = 2
_TOLD_AT_ONCE = 100
_IDLE_S = 3600.0


class Exchange:
    def __init__(
        self,
        settings: LinkSettings,
        outbox: Outbox,
        inbox: Inbox,
        *,
        clock: Clock,
        publish: Callable[[AnyEvent], object],
        standing: Standing,
        server: Server,
        call: Caller,
        tasks: TaskTaker | None,
        journal: JournalFace,
        chance: Callable[[], float],
    ) -> None:
        self.settings, self.outbox, self.inbox = settings, outbox, inbox
        self._clock, self._publish, self._standing = clock, publish, standing
        self._server, self._call, self._tasks, self._journal, self._chance = server, call, tasks, journal, chance
        self._has_untold = True
        self._is_first_telling = True
        self._published: set[int] = set()
        self._sent_since: dict[int, int] = {}
        self._under_way: int | None = None

    # --- out --------------------------------------------------------------------------------------------------

    async def send_rounds(self) -> None:
        """Send for ever."""
        self.outbox.wake()
        while True:
            message, due = self.outbox.next()
            if message is None:
                await self._until_there_is_more(due)
                continue
            self._under_way = message.number
            try:
                await self._send(message)
            except apsw.Error as error:  # not marked, so it does not leave
                self._standing.went_wrong(f"state.db does not take what is sent: {words(error)}")
                self.outbox.put_off(message, MOST_PUT_OFF_S, words(error), is_in_doubt=message.is_in_doubt)
            finally:
                self._under_way = None

    async def _until_there_is_more(self, due: float | None) -> None:
        self.outbox.changed.clear()
        wait_s = _IDLE_S if due is None else max(due - self._clock.monotonic(), 0.0)
        try:
            async with asyncio.timeout(wait_s):
                await self.outbox.changed.wait()
        except TimeoutError:
            pass

    async def _send(self, message: Waiting) -> None:
        """Raises apsw.Error where it cannot be marked; then it does not leave."""
        if message.is_in_doubt:
            try:
                message_id = await self._looked_up(message)
            except LinkError as failure:
                self._put_off(message, failure, is_in_doubt=True)
                return
            if message_id is not None:
                self._arrived(message, message_id)
                return
        message = await self.outbox.begin(message)
        try:
            message_id = await self._call(lambda token: self._server.send(token, message.outgoing))
        except LinkError as failure:
            self._failed(message, failure)
        else:
            self._arrived(message, message_id)

    async def _looked_up(self, message: Waiting) -> str | None:
        """Its id at the server, which lists it among those sent; None where it does not."""
        for page in range(LOOKED_THROUGH_PAGES):
            listed = await self._call(lambda token, page=page: self._server.sent(token, page * PAGE))  # type: ignore[misc]  # bound now
            for each in listed.messages:
                if message.outgoing.may_be(each) and not self.outbox.has_arrived(each.id):
                    return each.id
            if len(listed.messages) < PAGE:
                break
        return None

    def _arrived(self, message: Waiting, message_id: str) -> None:
        self.outbox.arrived(message, message_id)
        self._sent_since.pop(message.number, None)
        for number in self._sent_since:
            self._sent_since[number] += 1
        self._standing.on_change()

    def _failed(self, message: Waiting, failure: LinkError) -> None:
        sent_since = self._sent_since.setdefault(message.number, 0)
        is_final = failure.kind in ("invalid", "absent") and message.tries >= FINAL_TRIES
        is_refused = failure.kind == "refused" and message.tries >= REFUSED_TRIES
        is_poisoned = failure.kind == "server" and is_poison(message.tries, sent_since)
        if is_final or is_refused or is_poisoned:
            self._bury(message, failure.sentence)
            return
        self._put_off(message, failure, is_in_doubt=failure.is_doubtful)

    def _put_off(self, message: Waiting, failure: LinkError, *, is_in_doubt: bool) -> None:
        wait_s = backoff.wait_s(max(message.tries, 1), 0.0, self._chance(), MOST_PUT_OFF_S)
        self.outbox.put_off(message, wait_s, failure.sentence, is_in_doubt=is_in_doubt)

    def bury_old(self) -> None:
        """Give up what has waited for too long, but for the one of which it is not known yet what becomes of it."""
        days = self.settings.outbox.max_age_days
        for message in self.outbox.too_old():
            if message.number == self._under_way:
                continue
            why = f" ({message.cause})" if message.cause else ""
            self._bury(message, f"it waited longer than {days:g} days{why}")

    def _bury(self, message: Waiting, cause: str) -> None:
        self._sent_since.pop(message.number, None)
        self.outbox.bury(message, cause)
        self._publish(
            LinkMessageFailed(
                at=self._clock.wall(), component=COMPONENT, key=message.key,
                recipient=in_a_line(message.recipient, most=60), cause=cause, tries=message.tries,
            )
        )  # fmt: skip
        self._standing.on_change()

    # --- in ---------------------------------------------------------------------------------------------------

    async def receive(self) -> int:
        """Fetch what is new and tell it; the number of new ones. Raises LinkError and apsw.Error."""
        count = await self.inbox.fetch(lambda offset: self._call(lambda token: self._server.inbox(token, offset)))
        self._has_untold |= count > 0
        if self._has_untold:
            self._has_untold = not await self._tell()
            self._standing.on_change()
        return count

    async def _tell(self) -> bool:
        """Tell all that was not told yet, in order; whether none is left. Raises apsw.Error."""
        while messages := await self.inbox.untold(_TOLD_AT_ONCE):
            known: set[str] = set()
            if self._is_first_telling:  # an earlier Aurora may have told some, and ended before it wrote that down
                known = await self._journal.has_told({message.message_id for message in messages})
            numbers = []
            for message in messages:
                is_told = message.number in self._published or message.message_id in known
                if not is_told and not await self._tell_one(message):
                    break
                self._published.add(message.number)
                numbers.append(message.number)
            if not numbers or not await self._journal.settled():
                return False
            await self.inbox.told(numbers)
            self._published.difference_update(numbers)
            if len(numbers) < len(messages):
                return False
        self._is_first_telling = False
        return True

    async def _tell_one(self, message: Untold) -> bool:
        """False where a task cannot be taken at the moment: this and all later ones wait."""
        try:
            task_id, cause = await self._made_a_task(message)
        except NotNowError as error:
            self._standing.went_wrong(f"a task that was sent here waits: {error.title}")
            return False
        if task_id or cause:
            await self.inbox.decided(message.number, task_id, cause)
        self._publish(
            LinkMessageReceived(
                at=self._clock.wall(), component=COMPONENT, message_id=message.message_id,
                sender=in_a_line(message.sender, most=60), kind=in_a_line(message.kind, most=40),
                summary=summary(message), task_id=task_id, cause=cause,
            )
        )  # fmt: skip
        return True

    async def _made_a_task(self, message: Untold) -> tuple[str, str]:
        """Its task, or why there is none. Taken under the message's own id, so that it is one, however often."""
        why_not = why_no_task(message, self.settings.inbound)
        if why_not is not None:
            return "", why_not
        if self._tasks is None:
            return "", "no tasks are done here"
        try:
            return await self._tasks.take(message.content, f"link:{message.message_id}", message.sender), ""
        except NotNowError:
            raise
        except AuroraError as error:
            return "", in_a_line(". ".join(filter(None, (error.title, error.detail))), most=300)
