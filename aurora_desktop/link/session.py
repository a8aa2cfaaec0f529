"""Our session at the server: kept over reconnects and restarts, looked up, replaced where the server forgot it."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import apsw
import msgspec
from msgspec import Struct

from aurora_desktop.core.settings.schema_link import LinkSettings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.link.cloudbrain import Session
from aurora_desktop.link.failure import LinkError

_KEY = "session"

log = logging.getLogger(__name__)


class Kept(Struct, frozen=True):
    """`owner`: server and identity that it belongs to."""

    owner: str
    id: str
    identifier: str


def owner_of(settings: LinkSettings) -> str:
    """Server and identity, to which tokens and session belong."""
    return f"{settings.url} {settings.ai_id or settings.ai_name}"


def url_of(owner: str) -> str:
    """The server's part; addresses hold no blank."""
    return owner.partition(" ")[0]


class SessionBook:
    """The session as `state.db` has it. Read at once: blocking."""

    def __init__(self, database: Database) -> None:
        self._database = database
        rows = database.read("SELECT value FROM link WHERE key = ?", (_KEY,))
        try:
            self.kept = msgspec.json.decode(rows[0][0], type=Kept) if rows else None
        except msgspec.MsgspecError:
            log.warning("the session in state.db is not understood")
            self.kept = None

    async def keep(self, kept: Kept) -> None:
        """On disk when this returns, or the disk is full: then it is only made anew at the next start."""
        self.kept = kept
        value = msgspec.json.encode(kept).decode()

        def work(connection: apsw.Connection) -> None:
            sql = "INSERT INTO link VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
            connection.execute(sql, (_KEY, value))

        with contextlib.suppress(OSError, apsw.Error):
            await asyncio.wrap_future(self._database.submit(work))


async def _is_there(session_id: str, has: Callable[[str], Awaitable[bool]]) -> bool:
    """One that is refused to us is not ours any more; whether it is we who are refused shows by what comes next."""
    try:
        return await has(session_id)
    except LinkError as failure:
        if failure.kind == "refused":
            return False
        raise


async def settle(
    kept: Kept | None,
    owner: str,
    has: Callable[[str], Awaitable[bool]],
    create: Callable[[dict[str, str]], Awaitable[Session]],
) -> tuple[Kept, str]:
    """The session to go on with, and why it is another one than `kept` ("" where it is the same)."""
    if kept is not None and kept.owner == owner:
        if await _is_there(kept.id, has):
            return kept, ""
        made = await create({"replaces": kept.identifier})
        return Kept(owner, made.id, made.identifier), "the one before is over at the server"
    if kept is not None:
        made = await create({"handed_over_from": kept.identifier})
        return Kept(owner, made.id, made.identifier), "handed over: the server or the identity is another one"
    made = await create({})
    return Kept(owner, made.id, made.identifier), "the first one"
