"""Main's side of the process that makes backups: starts it, hands it the request, and ends it when its time is over."""

import asyncio
import subprocess
import sys

import msgspec

from aurora_desktop.backups.messages import Failed, Made, Request
from aurora_desktop.supervisor.exits import owned

COMMAND = (sys.executable, "-P", "-m", "aurora_desktop.backups.program")


async def ask(request: Request, timeout_s: float) -> Made | Failed:
    """How it went. Never raises but when it is cancelled, and then the process is ended."""
    try:
        child = _start()
    except OSError as error:
        return _failed(f"its process could not be started: {error.strerror or error}")
    owned.add(child.pid)  # nobody else's to reap, and no stray of a service that ends
    answering = asyncio.ensure_future(asyncio.to_thread(_communicate, child, request, timeout_s))
    try:
        return await asyncio.shield(answering)
    except asyncio.CancelledError:
        child.kill()
        await answering
        raise
    finally:
        owned.discard(child.pid)


def ask_at_once(request: Request, timeout_s: float) -> Made | Failed:
    """The same, blocking: for a start, before there is anything that could be held up."""
    try:
        return _communicate(_start(), request, timeout_s)
    except OSError as error:
        return _failed(f"its process could not be started: {error.strerror or error}")


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _communicate(child: subprocess.Popen[bytes], request: Request, timeout_s: float) -> Made | Failed:
    with child:
        try:
            output, _ = child.communicate(msgspec.json.encode(request), timeout_s)
        except subprocess.TimeoutExpired:
            child.kill()
            return _failed(f"it was not ready within {timeout_s:g} s, and was ended")
    try:
        return msgspec.json.decode(output, type=Made | Failed)
    except msgspec.MsgspecError:
        return _failed("its process ended without an answer")


def _failed(detail: str) -> Failed:
    return Failed("The backup could not be made", detail, "Look at the machine's load and at logs/aurora.log")
