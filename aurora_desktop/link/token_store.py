"""Where tokens are kept over restarts: the platform's keyring, else a file for this user alone. Asks `keeper.py`."""

import asyncio
import contextlib
import logging
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import msgspec

from aurora_desktop.link.jwt import Tokens
from aurora_desktop.link.keeper import Asked, Told
from aurora_desktop.link.view import TokenPlace
from aurora_desktop.supervisor.exits import owned

KEEPER_S = 30.0
_COMMAND = (sys.executable, "-P", "-m", "aurora_desktop.link.keeper")

log = logging.getLogger(__name__)


class TokenStore(Protocol):
    """`place`: where the tokens lie; `warning`: what is wrong with that, in words; `hint`: how to mend it.

    `is_news`: they do not lie where those of the last run lay.
    """

    place: TokenPlace
    warning: str
    hint: str

    @property
    def is_news(self) -> bool: ...

    async def find(self) -> Tokens | None:
        """Those that were kept last, whosever they are."""
        ...

    async def keep(self, tokens: Tokens) -> None:
        """On disk or in the keyring when this returns, whole or not at all; else `warning` says why not."""
        ...

    async def remove(self) -> None: ...


class KeptTokens:
    """In the keyring, else below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.place: TokenPlace = "none"
        self.warning = self.hint = ""
        self._found_in: TokenPlace = "none"

    @property
    def is_news(self) -> bool:
        return self.place != self._found_in

    async def find(self) -> Tokens | None:
        told = await self._ask("find")
        self._found_in = self.place
        try:
            return msgspec.json.decode(told.value, type=Tokens)
        except msgspec.MsgspecError:
            return None

    async def keep(self, tokens: Tokens) -> None:
        await self._ask("keep", msgspec.json.encode(tokens).decode())

    async def remove(self) -> None:
        await self._ask("remove")

    async def _ask(self, verb: str, value: str = "") -> Told:
        request = msgspec.json.encode({"verb": verb, "folder": str(self._folder), "value": value})
        told = await _answered(request)
        self.place = "memory" if told.error and verb == "keep" else told.place
        self.warning, self.hint = _warning(told, verb)
        return told


def _warning(told: Told, verb: str) -> tuple[str, str]:
    if told.error and verb == "find":
        return f"the tokens of the last run cannot be had: {told.error}", _LOGS_IN
    if told.error:
        return f"the tokens cannot be kept: {told.error}", _LOGS_IN
    if told.place == "file":
        why = f" ({told.warning})" if told.warning else ""
        return f"the tokens lie in a plain file that this user alone may read, for want of a keyring{why}", _KEYRING
    return "", ""


_LOGS_IN = "Until then Aurora logs in anew at each start"
_KEYRING = "Set up or unlock a keyring for this session: the next tokens, within the hour, go there by themselves"


async def _answered(request: bytes) -> Told:
    msgspec.json.decode(request, type=Asked)  # what the other side could not read is a fault of ours
    try:
        child = subprocess.Popen(  # noqa: ASYNC220 - vfork, about 1 ms
            _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError as error:
        return Told(error=f"the process that keeps them could not be started: {error.strerror or error}")
    owned.add(child.pid)  # nobody else's to reap
    answering = asyncio.ensure_future(asyncio.to_thread(_communicate, child, request))
    try:
        return await asyncio.shield(answering)
    except asyncio.CancelledError:
        child.kill()
        with contextlib.suppress(Exception):
            await answering
        raise
    finally:
        owned.discard(child.pid)


def _communicate(child: subprocess.Popen[bytes], request: bytes) -> Told:
    """For a thread; the process has ended in every case."""
    with child:
        try:
            output, _ = child.communicate(request, KEEPER_S)
        except subprocess.TimeoutExpired:
            child.kill()
            return Told(error=f"nothing came back within {KEEPER_S:g} s")
        try:
            return msgspec.json.decode(output, type=Told)
        except msgspec.MsgspecError:
            return Told(error="the process that keeps them ended without an answer")
