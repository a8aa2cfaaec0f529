"""`Idempotency-Key`: a call that creates something may be sent again, and creates it once.

Tasks keep their key themselves. For an action of mouse and keyboard the key is on disk before the action is queued, so
that a client which lost the answer, to a restart too, cannot have it done twice.
"""

import asyncio
import time
from hashlib import blake2b
from typing import NamedTuple

import apsw
from starlette.requests import Request

from aurora_desktop.api.problems import ProblemError
from aurora_desktop.core.storage.database import Database

HEADER = "idempotency-key"
MAX_KEY = 200
KEPT_S = 7 * 24 * 3600.0
_REMEMBERED = 1000

MIGRATIONS = (
    """
    CREATE TABLE api_keys (
        key TEXT PRIMARY KEY,
        made TEXT NOT NULL,
        at REAL NOT NULL
    ) STRICT;
    CREATE INDEX api_keys_at ON api_keys (at);
    """,
)


class Claim(NamedTuple):
    """`made`: the id that belongs to the key; `is_new`: whether this claim was the first."""

    made: str
    is_new: bool


class Keys:
    """Which key made what, for seven days.

    A digest of the request stays in memory alone: on disk it would let somebody guess at a secret text.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._requests: dict[str, bytes] = {}

    async def claim(self, key: str, made: str, request: bytes) -> Claim:
        """On disk when this returns. Raises ProblemError 422 for a key that came with another request before."""
        digest = blake2b(request).digest()
        if self._requests.setdefault(key, digest) != digest:
            raise ProblemError(
                422, "This idempotency key was used for another request", "", "Take a new key for each new request"
            )
        while len(self._requests) > _REMEMBERED:
            del self._requests[next(iter(self._requests))]
        at = time.time()
        first = await asyncio.wrap_future(self._database.submit(lambda db: _claim(db, key, made, at)))
        return Claim(first, first == made)

    async def release(self, key: str) -> None:
        """What was claimed was not made after all: the key is free again."""
        self._requests.pop(key, None)
        await asyncio.wrap_future(self._database.submit(lambda db: _release(db, key)))


def key_of(request: Request) -> str | None:
    """The key that came with the request. Raises ProblemError 400 for one that cannot be kept."""
    given = request.headers.getlist(HEADER)
    if not given:
        return None
    key = given[0]
    if len(given) > 1 or not 1 <= len(key) <= MAX_KEY or not (key.isascii() and key.isprintable()):
        raise ProblemError(
            400, "The idempotency key cannot be used", f"expected one, of 1 to {MAX_KEY} ASCII characters", ""
        )
    return key


def chosen_key(request: Request, in_body: str | None) -> str | None:
    """The key of the header, or that of the body. Raises ProblemError 400 for two different ones."""
    key = key_of(request)
    if key and in_body and key != in_body:
        raise ProblemError(400, "There are two different idempotency keys", "", "Give it in the header or in the body")
    return key or in_body


def _claim(connection: apsw.Connection, key: str, made: str, at: float) -> str:
    connection.execute("DELETE FROM api_keys WHERE at < ?", (at - KEPT_S,))
    connection.execute("INSERT INTO api_keys VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (key, made, at))
    ((first,),) = connection.execute("SELECT made FROM api_keys WHERE key = ?", (key,)).fetchall()
    return str(first)


def _release(connection: apsw.Connection, key: str) -> None:
    connection.execute("DELETE FROM api_keys WHERE key = ?", (key,))
