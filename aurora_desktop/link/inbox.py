"""Messages for us: told apart by id over restarts, each told once, and made a task where that was allowed.

The server lists the newest first and lets none be marked as read. So pages are read until one holds a message that is
known, and all that is new is kept in one write, oldest first: whatever is older than a kept one is kept too.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

import apsw

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.settings.schema_link import LinkInbound
from aurora_desktop.core.storage.database import Database
from aurora_desktop.link.cloudbrain import PAGE, Message, Page
from aurora_desktop.link.failure import in_a_line
from aurora_desktop.link.view import IncomingView

MOST_PAGES = 400
TASK_KIND = "task"
SUMMARY_CHARACTERS = 120
KEPT_IDS = 200_000
KEPT_CONTENTS = 10_000
_COLUMNS = "message_id, sender, kind, subject, content, created_at, received_at, task_id, cause"

ReadPage = Callable[[int], Awaitable[Page]]


class Untold(NamedTuple):
    """A kept message of which nobody was told yet."""

    number: int
    message_id: str
    sender: str
    kind: str
    subject: str
    content: str


def why_no_task(message: Untold, inbound: LinkInbound) -> str | None:
    """None where a task is to be made of it; "" where it asks for none; else why it is not allowed."""
    if message.kind != TASK_KIND:
        return ""
    if message.sender not in inbound.allowed_senders:
        return f"{in_a_line(message.sender, most=60) or 'nobody'} is not among `link.inbound.allowed_senders`"
    return None


def summary(message: Untold) -> str:
    """The first words in one line that can be shown anywhere."""
    return in_a_line(message.subject or message.content[: 4 * SUMMARY_CHARACTERS], most=SUMMARY_CHARACTERS)


class Inbox:
    def __init__(self, database: Database, clock: Clock) -> None:
        """Blocking: counts."""
        self._database, self._clock = database, clock
        self._count = int(database.read("SELECT count(*) FROM link_inbox")[0][0])
        self._lately_known: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return self._count

    async def fetch(self, read: ReadPage) -> int:
        """Keep what is new; the number of those. Raises LinkError when a page cannot be had, and apsw.Error.

        A page that fails loses nothing: the same is read again at the next time.
        """
        found: dict[str, Message] = {}
        offset, pages = 0, 0
        while pages < MOST_PAGES:
            page = await read(offset)
            known = await self._known(page)
            fresh = [message for message in page.messages if message.id not in known]
            found.update((message.id, message) for message in fresh if message.id not in found)
            is_last = len(page.messages) < PAGE or offset + len(page.messages) >= page.total
            if is_last or len(fresh) < len(page.messages):
                break
            # One short of a page: a message that was deleted meanwhile moved all later ones up.
            offset, pages = offset + len(page.messages) - 1, pages + 1
        return await self._keep(list(reversed(found.values())))

    async def _known(self, page: Page) -> frozenset[str]:
        """Ids of the page that are kept. Most polls find nothing new, and then the database is not asked."""
        ids = tuple({message.id for message in page.messages})
        if not self._lately_known.issuperset(ids):
            marks = ", ".join("?" * len(ids))
            sql = f"SELECT message_id FROM link_inbox WHERE message_id IN ({marks})"  # noqa: S608 - question marks alone
            rows = await asyncio.to_thread(self._database.read, sql, ids)
            self._lately_known = frozenset(row[0] for row in rows)
        return self._lately_known

    async def _keep(self, messages: list[Message]) -> int:
        if not messages:
            return 0
        now = self._clock.wall()
        rows = [(m.id, m.sender, m.key, m.subject, m.content, m.kind, m.created_at, now) for m in messages]
        await asyncio.wrap_future(self._database.submit(lambda c: _insert(c, rows)))
        self._count += len(messages)
        return len(messages)

    async def untold(self, limit: int) -> list[Untold]:
        """The oldest of those that nobody was told of."""
        sql = (
            "SELECT number, message_id, sender, kind, subject, content FROM link_inbox WHERE told = 0 "
            "ORDER BY number LIMIT ?"
        )
        rows = await asyncio.to_thread(self._database.read, sql, (limit,))
        return [Untold(*row) for row in rows]

    async def decided(self, number: int, task_id: str, cause: str) -> None:
        """What became of it, before it is told."""
        sql = "UPDATE link_inbox SET task_id = ?, cause = ? WHERE number = ?"
        await asyncio.wrap_future(self._database.submit(lambda c: _run(c, sql, (task_id, cause, number))))

    async def told(self, numbers: list[int]) -> None:
        """They are in the journal."""
        sql = "UPDATE link_inbox SET told = 1 WHERE number = ?"
        await asyncio.wrap_future(self._database.submit(lambda c: _run_all(c, sql, [(number,) for number in numbers])))

    async def newest(self, limit: int) -> tuple[IncomingView, ...]:
        sql = f"SELECT {_COLUMNS} FROM link_inbox ORDER BY number DESC LIMIT ?"  # noqa: S608 - names of ours
        rows = await asyncio.to_thread(self._database.read, sql, (limit,))
        return tuple(IncomingView(**dict(zip(_COLUMNS.split(", "), row, strict=True))) for row in rows)

    def prune(self) -> None:
        """Words go before ids: these are what a message is known by when the server lists it again."""
        emptied = (
            "UPDATE link_inbox SET content = '' WHERE told = 1 AND content != '' "
            "AND number <= (SELECT max(number) FROM link_inbox) - ?"
        )
        forgotten = "DELETE FROM link_inbox WHERE number <= (SELECT max(number) FROM link_inbox) - ?"
        for sql, kept in ((emptied, KEPT_CONTENTS), (forgotten, KEPT_IDS)):
            self._database.submit(partial(_run, sql=sql, values=(kept,)))


def _insert(connection: apsw.Connection, rows: list[tuple[Any, ...]]) -> None:
    """One that its sender, an Aurora too, sent twice is told once: the server does not see that."""
    columns = "message_id, sender, key, subject, content, kind, created_at, received_at, told"
    is_repeated = "?3 != '' AND EXISTS (SELECT 1 FROM link_inbox WHERE sender = ?2 AND key = ?3 AND key != '')"
    sql = f"INSERT OR IGNORE INTO link_inbox({columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, {is_repeated})"  # noqa: S608 - names of ours
    connection.executemany(sql, rows)


def _run(connection: apsw.Connection, sql: str, values: tuple[Any, ...]) -> None:
    connection.execute(sql, values)


def _run_all(connection: apsw.Connection, sql: str, rows: list[tuple[Any, ...]]) -> None:
    connection.executemany(sql, rows)
