"""Messages of ours: on disk before anybody is told so, sent in order for each recipient, and never given up in silence.

Each is marked on disk before it leaves. One that is marked and of which no answer came may have arrived: it is looked
for among those sent before it is sent again. The server's ids of those that have arrived are kept, so that one of the
same words is not taken for it.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import apsw
from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema_link import LinkOutbox
from aurora_desktop.core.storage.database import GROUP_COMMIT_S, Database
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.link.cloudbrain import Outgoing
from aurora_desktop.link.errors import OutboxFullError
from aurora_desktop.link.failure import in_a_line
from aurora_desktop.link.view import OutgoingView, QueueView

T = TypeVar("T")

MOST_CONTENT_BYTES = 1024 * 1024
MOST_KEY = 200
POISON_TRIES = 25
_DEAD_SHOWN = 20
_SENT_KEPT_S = 7 * 86_400.0
_IDS_KEPT = 2000
"""More than are looked through at the server (`exchange.LOOKED_THROUGH_PAGES`)."""
_DEAD_KEPT_S = 90 * 86_400.0
_DAY_S = 86_400.0
_COLUMNS = "number, key, recipient, subject, content, kind, size, created_at, tries, in_doubt, cause"


class Waiting(Struct, frozen=True, kw_only=True):
    """A message that is still to be sent. `not_before`: reading of the monotonic clock."""

    number: int
    key: str
    recipient: str
    subject: str
    content: str
    kind: str
    size: int
    created_at: float
    tries: int = 0
    is_in_doubt: bool = False
    cause: str = ""
    not_before: float = 0.0

    @property
    def outgoing(self) -> Outgoing:
        return Outgoing(self.key, self.recipient, self.subject, self.content, self.kind)

    @property
    def view(self) -> OutgoingView:
        return _view(self, "waiting")


def next_to_send(waiting: Iterable[Waiting], now: float) -> tuple[Waiting | None, float | None]:
    """The message whose turn it is, else when (monotonic) the next turn comes; in order of number.

    Whoever is put off holds up its recipient's later ones, and nobody else's.
    """
    held: set[str] = set()
    soonest: float | None = None
    for message in waiting:
        if message.recipient in held:
            continue
        if message.not_before <= now:
            return message, None
        held.add(message.recipient)
        soonest = message.not_before if soonest is None else min(soonest, message.not_before)
    return None, soonest


def is_poison(tries: int, sent_meanwhile: int) -> bool:
    """Whether it is the message that the server fails over, and not the server: others pass, and this one never."""
    return tries >= POISON_TRIES and sent_meanwhile > 0


class Outbox:
    """Read once at the start; then memory leads and the disk follows, but where somebody is told that it is safe."""

    def __init__(self, database: Database, clock: Clock, settings: LinkOutbox) -> None:
        """Blocking: reads."""
        self._database, self._clock, self.settings = database, clock, settings
        rows = database.read(f"SELECT {_COLUMNS} FROM link_outbox WHERE status = 'waiting' ORDER BY number")  # noqa: S608 - names of ours
        self._waiting: dict[int, Waiting] = {row[0]: _waiting(row) for row in rows}
        self._dead = [_ended(row) for row in _ended_rows(database, "dead", _DEAD_SHOWN)]
        self._dead_count = _count(database, "dead")
        self.sent_count = _count(database, "sent")
        self._arrived_ids = dict.fromkeys(reversed(_arrived_ids(database)))
        self.changed = asyncio.Event()
        self._being_added = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def size(self) -> int:
        return sum(message.size for message in self._waiting.values())

    def view(self) -> QueueView:
        oldest = next(iter(self._waiting.values()), None)
        return QueueView(
            waiting=len(self._waiting), waiting_bytes=self.size, sent=self.sent_count, dead=tuple(self._dead),
            dead_count=self._dead_count, oldest_at=oldest.created_at if oldest is not None else None,
        )  # fmt: skip

    async def add(self, recipient: str, content: str, subject: str, kind: str, key: str) -> OutgoingView:
        """On disk when this returns; the message that has this key already is returned. Raises AuroraError."""
        size = _checked_size(recipient, content, subject, kind, key)
        if key and (there := await asyncio.to_thread(self._with_key, key)) is not None:
            return there
        self._check_room(size)
        key = key or f"aurora-{secrets.token_hex(12)}"
        now = self._clock.wall()
        values = (key, recipient, subject, content, kind, size, now)
        self._being_added += 1
        try:
            number = await asyncio.wrap_future(self._database.submit(lambda c: _insert(c, values)))
        except apsw.ConstraintError:  # twice at the same moment
            there = await asyncio.to_thread(self._with_key, key)
            if there is None:
                raise
            return there
        except (OSError, apsw.Error) as error:
            hint = "Make room or give access to the state folder, then send it again"
            raise AuroraError("The message could not be written down, and is not taken", words(error), hint) from error
        finally:
            self._being_added -= 1
        message = Waiting(
            number=number, key=key, recipient=recipient, subject=subject, content=content, kind=kind, size=size,
            created_at=now,
        )  # fmt: skip
        self._put(message)
        self.changed.set()
        return message.view

    def _put(self, message: Waiting) -> None:
        """In order of number, although commits are told in any."""
        newest = next(reversed(self._waiting), 0)
        self._waiting[message.number] = message
        if message.number < newest:
            self._waiting = dict(sorted(self._waiting.items()))

    def next(self) -> tuple[Waiting | None, float | None]:
        return next_to_send(self._waiting.values(), self._clock.monotonic())

    async def begin(self, message: Waiting) -> Waiting:
        """It leaves: marked on disk first. Raises apsw.Error where that cannot be, and then it must not leave."""
        begun = replace(message, tries=message.tries + 1, is_in_doubt=True)
        sql = "UPDATE link_outbox SET tries = ?, in_doubt = 1 WHERE number = ?"
        await asyncio.wrap_future(self._database.submit(lambda c: _run(c, sql, (begun.tries, begun.number))))
        self._waiting[begun.number] = begun
        return begun

    def arrived(self, message: Waiting, message_id: str) -> None:
        """The server has it. Should that not reach the disk, the mark is still there, and it is looked for."""
        self._waiting.pop(message.number, None)
        self.sent_count += 1
        self._arrived_ids[message_id] = None
        while len(self._arrived_ids) > _IDS_KEPT:
            del self._arrived_ids[next(iter(self._arrived_ids))]
        self._end(message.number, "sent", "", message_id)

    def has_arrived(self, message_id: str) -> bool:
        """Whether the server's message of this id is known to be one of those that were sent."""
        return message_id in self._arrived_ids

    def put_off(self, message: Waiting, for_s: float, cause: str, *, is_in_doubt: bool) -> None:
        """It is tried again, in `for_s` seconds."""
        not_before = self._clock.monotonic() + for_s
        kept = replace(message, not_before=not_before, cause=cause, is_in_doubt=is_in_doubt)
        self._waiting[message.number] = kept
        sql = "UPDATE link_outbox SET in_doubt = ?, cause = ? WHERE number = ?"
        self._write(sql, (int(is_in_doubt), cause, message.number))

    def bury(self, message: Waiting, cause: str) -> None:
        """It is not sent any more."""
        self._waiting.pop(message.number, None)
        self._dead = [_view(replace(message, cause=cause), "dead"), *self._dead][:_DEAD_SHOWN]
        self._dead_count += 1
        self._end(message.number, "dead", cause)

    async def retry_dead(self, key: str) -> None:
        """Dead letters, or the one of this key, wait again; what may have arrived is looked for. Raises AuroraError."""
        size = await self._size_of_dead(key)
        self._check_room(size)
        values = (self._clock.wall(), key, key)
        rows = await self._written(lambda c: list(c.execute(_RETRY_DEAD, values)))
        messages = [_waiting(row) for row in rows]
        self._no_longer_dead({message.key for message in messages})
        for message in messages:
            self._put(message)
        self.changed.set()

    async def forget_dead(self, key: str) -> None:
        """Delete dead letters, or the one of this key. Raises AuroraError."""
        await self._size_of_dead(key)
        rows = await self._written(lambda c: list(c.execute(_FORGET_DEAD, (key, key))))
        self._no_longer_dead({row[0] for row in rows})

    def _no_longer_dead(self, keys: set[str]) -> None:
        self._dead = [each for each in self._dead if each.key not in keys]
        self._dead_count -= len(keys)

    async def _size_of_dead(self, key: str) -> int:
        """By the writer, behind what is still to be written. Raises AuroraError where there is none of this key."""
        sql = f"SELECT count(*), total(size) FROM link_outbox {_OF_DEAD}"  # noqa: S608 - as below
        ((count, size),) = await self._written(lambda c: list(c.execute(sql, (key, key))))
        if key and not count:
            hint = "`aurora link status` lists those that there are"
            raise AuroraError("There is no such dead letter", in_a_line(key, most=60), hint)
        return int(size)

    async def _written(self, work: Callable[[apsw.Connection], T]) -> T:
        """Raises AuroraError where the disk does not take it."""
        try:
            return await asyncio.wrap_future(self._database.submit(work))
        except (OSError, apsw.Error) as error:
            hint = "Make room or give access to the state folder, then try it again"
            raise AuroraError("That could not be written down, and nothing is changed", words(error), hint) from error

    def too_old(self) -> tuple[Waiting, ...]:
        """Those that have waited for longer than is allowed."""
        limit = self._clock.wall() - self.settings.max_age_days * _DAY_S
        return tuple(message for message in self._waiting.values() if message.created_at < limit)

    def wake(self) -> None:
        """Nothing is put off any more: the link is back."""
        self._waiting = {number: replace(message, not_before=0.0) for number, message in self._waiting.items()}
        self.changed.set()

    def prune(self) -> None:
        """Forget what ended long ago."""
        now = self._clock.wall()
        self._write(_FORGET_SENT, (now - _SENT_KEPT_S, _IDS_KEPT))
        self._write("DELETE FROM link_outbox WHERE status = 'dead' AND ended_at < ?", (now - _DEAD_KEPT_S,))

    def _check_room(self, size: int) -> None:
        most, waiting = self.settings, len(self._waiting) + self._being_added
        if waiting >= most.max_messages or self.size + size > most.max_bytes:
            raise OutboxFullError(
                "The outbox is full", f"{waiting:,} messages wait, {self.size:,} bytes",
                "Wait until the link is up again, or raise `link.outbox.max_messages` and `max_bytes`",
            )  # fmt: skip

    def _with_key(self, key: str) -> OutgoingView | None:
        sql = f"SELECT {_COLUMNS}, status FROM link_outbox WHERE key = ?"  # noqa: S608 - names of ours
        rows = self._database.read(sql, (key,))
        return _view(_waiting(rows[0][:-1]), rows[0][-1]) if rows else None

    def _end(self, number: int, status: str, cause: str, message_id: str = "") -> None:
        """What was sent is kept without its words: for its key and its id at the server."""
        emptied = ", content = ''" if status == "sent" else ""
        sql = f"UPDATE link_outbox SET status = ?, cause = ?, message_id = ?, in_doubt = 0, ended_at = ?{emptied} WHERE number = ?"  # noqa: S608, E501 - as above
        self._write(sql, (status, cause, message_id, self._clock.wall(), number))

    def _write(self, sql: str, values: tuple[Any, ...]) -> None:
        self._database.submit(lambda c: _run(c, sql, values), GROUP_COMMIT_S)


def _checked_size(recipient: str, content: str, subject: str, kind: str, key: str) -> int:
    """Bytes of the message. Raises AuroraError for what cannot be sent."""
    if not recipient.strip() or len(recipient) > MOST_KEY:
        raise AuroraError(
            "The message has no recipient", f"1 to {MOST_KEY} characters", "Name an identity at the server"
        )
    if not content.strip():
        raise AuroraError("The message is empty", "", "Say what it is to say")
    if len(subject) > 500 or len(kind) > 50 or not kind or len(key) > MOST_KEY:
        detail = f"a subject has at most 500 characters, a type 1 to 50, a key {MOST_KEY}"
        raise AuroraError("The message cannot be sent like this", detail, "Shorten it")
    try:
        size = len(content.encode()) + len(subject.encode()) + len(recipient.encode()) + len(key.encode())
    except UnicodeEncodeError as error:
        detail = f"at character {error.start + 1}"
        raise AuroraError("The message holds half a character", detail, "Send it as proper UTF-8") from None
    if size > MOST_CONTENT_BYTES:
        detail = f"{size:,} bytes, over the limit of {MOST_CONTENT_BYTES:,}"
        raise AuroraError("The message is too long", detail, "Send what is long by another way")
    return size


def _insert(connection: apsw.Connection, values: tuple[Any, ...]) -> int:
    sql = (
        "INSERT INTO link_outbox(key, recipient, subject, content, kind, size, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
    )
    connection.execute(sql, values)
    return connection.last_insert_rowid()


def _run(connection: apsw.Connection, sql: str, values: tuple[Any, ...]) -> None:
    connection.execute(sql, values)


def _ended_rows(database: Database, status: str, limit: int) -> list[tuple[Any, ...]]:
    sql = f"SELECT {_COLUMNS}, status FROM link_outbox WHERE status = ? ORDER BY ended_at DESC, number DESC LIMIT ?"  # noqa: S608 - as above
    return database.read(sql, (status, limit))


_OF_DEAD = "WHERE status = 'dead' AND (? = '' OR key = ?)"
_ANEW = "status = 'waiting', in_doubt = tries > 0, tries = 0, cause = '', created_at = ?, ended_at = NULL"
_RETRY_DEAD = f"UPDATE link_outbox SET {_ANEW} {_OF_DEAD} RETURNING {_COLUMNS}"  # noqa: S608 - names of ours
_FORGET_DEAD = f"DELETE FROM link_outbox {_OF_DEAD} RETURNING key"  # noqa: S608 - as above
_FORGET_SENT = (
    "DELETE FROM link_outbox WHERE status = 'sent' AND ended_at < ? "
    "AND number <= (SELECT max(number) FROM link_outbox) - ?"
)


def _count(database: Database, status: str) -> int:
    return int(database.read("SELECT count(*) FROM link_outbox WHERE status = ?", (status,))[0][0])


def _arrived_ids(database: Database) -> list[str]:
    """The newest first."""
    sql = "SELECT message_id FROM link_outbox WHERE status = 'sent' ORDER BY ended_at DESC, number DESC LIMIT ?"
    return [row[0] for row in database.read(sql, (_IDS_KEPT,))]


def _waiting(row: tuple[Any, ...]) -> Waiting:
    number, key, recipient, subject, content, kind, size, created_at, tries, in_doubt, cause = row
    return Waiting(
        number=number, key=key, recipient=recipient, subject=subject, content=content, kind=kind, size=size,
        created_at=created_at, tries=tries, is_in_doubt=bool(in_doubt), cause=cause,
    )  # fmt: skip


def _ended(row: tuple[Any, ...]) -> OutgoingView:
    return _view(_waiting(row[:-1]), row[-1])


def _view(message: Waiting, status: Any) -> OutgoingView:
    return OutgoingView(
        key=message.key, recipient=message.recipient, subject=message.subject, status=status,
        created_at=message.created_at, size=message.size, tries=message.tries, is_in_doubt=message.is_in_doubt,
        cause=message.cause,
    )  # fmt: skip
