"""Idempotency keys on the disk: which key made what, for seven days."""

import asyncio
import time
from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple, TypeVar

import apsw

from aurora_desktop.api.problems import ProblemError
from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.storage.full_disk import words

KEPT_S = 7 * 24 * 3600.0
_REMEMBERED = 1000

T = TypeVar("T")


class Claim(NamedTuple):
    """`made`: the id that belongs to the key; `is_new`: whether this claim was the first."""

    made: str
    is_new: bool


class Keys:
    """Writes are awaited: what is to be done once is on the disk before it is done.

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
        return await self._written(lambda db: _claim(db, key, made, at))

    async def release(self, key: str) -> None:
        """What was claimed was not made after all: the key is free again."""
        self._requests.pop(key, None)
        await self._written(lambda db: _release(db, key))

    async def _written(self, work: Callable[[apsw.Connection], T]) -> T:
        """Raises ProblemError 503 when the disk does not take it: then nothing may be done."""
        try:
            return await asyncio.wrap_future(self._database.submit(work))
        except (apsw.Error, OSError) as error:
            raise ProblemError(
                503, "The idempotency key cannot be kept", words(error), "Make room on the disk of the state folder"
            ) from error


def _claim(connection: apsw.Connection, key: str, made: str, at: float) -> Claim:
    connection.execute("DELETE FROM api_keys WHERE at < ?", (at - KEPT_S,))
    connection.execute("INSERT INTO api_keys VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (key, made, at))
    is_new = connection.changes() > 0
    ((first,),) = connection.execute("SELECT made FROM api_keys WHERE key = ?", (key,)).fetchall()
    return Claim(str(first), is_new)


def _release(connection: apsw.Connection, key: str) -> None:
    connection.execute("DELETE FROM api_keys WHERE key = ?", (key,))
