"""Main's side of the process that sends: starts it, hands it the request, and ends it when its time is over."""

import asyncio
import contextlib
import subprocess
import sys
from typing import TypeVar

import msgspec

from aurora_desktop.healing.alerts.messages import Keep, Look, Looked, Request, Send, Sent
from aurora_desktop.supervisor.exits import owned

STARTS_S = 20.0
"""What Python and Apprise may take to be loaded on a busy machine, before the time of the delivery counts; the process
looks at that time by itself, and is killed only when it does not."""
LOOK_S = 30.0
_COMMAND = (sys.executable, "-P", "-m", "aurora_desktop.healing.alerts.deliver")

A = TypeVar("A", Sent, Looked)


class NoAnswerError(Exception):
    """The process did not answer, or not in time: why, in words."""


async def send(request: Send) -> Sent:
    """How it went. Never raises but when it is cancelled, and then the process is ended."""
    try:
        return await _ask(request, Sent, request.timeout_s + STARTS_S)
    except NoAnswerError as error:
        return Sent(ok=False, cause=str(error))


async def look(request: Look) -> Looked:
    """Where the secrets lie; `unknown` when nothing could be found out."""
    try:
        return await _ask(request, Looked, LOOK_S)
    except NoAnswerError as error:
        return Looked(dict.fromkeys(request.secrets, "unknown"), dict.fromkeys(request.secrets, str(error)))


async def keep(request: Keep) -> Looked:
    """Where the secret lies from now on; `missing` when it could not be kept."""
    try:
        return await _ask(request, Looked, LOOK_S)
    except NoAnswerError as error:
        return Looked({request.secret: "missing"}, {request.secret: str(error)})


async def _ask(request: Request, kind: type[A], timeout_s: float) -> A:
    try:
        child = subprocess.Popen(  # noqa: ASYNC220 - vfork, about 1 ms
            _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError as error:
        raise NoAnswerError(f"the process that sends could not be started: {error.strerror or error}") from error
    owned.add(child.pid)  # nobody else's to reap, and no stray of a service that ends
    answering = asyncio.ensure_future(asyncio.to_thread(_communicate, child, msgspec.json.encode(request), timeout_s))
    try:
        return _decoded(await asyncio.shield(answering), kind)
    except asyncio.CancelledError:
        child.kill()
        with contextlib.suppress(NoAnswerError):
            await answering
        raise
    finally:
        owned.discard(child.pid)


def _communicate(child: subprocess.Popen[bytes], request: bytes, timeout_s: float) -> bytes:
    """What it printed. For a thread. Raises NoAnswerError; the process has ended in every case."""
    with child:
        try:
            output, _ = child.communicate(request, timeout_s)
        except subprocess.TimeoutExpired:
            child.kill()
            raise NoAnswerError(f"nothing came back within {timeout_s:g} s, and it was ended") from None
        return output


def _decoded(output: bytes, kind: type[A]) -> A:
    try:
        return msgspec.json.decode(output, type=kind)
    except msgspec.MsgspecError as error:
        raise NoAnswerError("the process that sends ended without an answer") from error
