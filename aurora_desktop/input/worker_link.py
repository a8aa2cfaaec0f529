"""Main's end of the worker's socket: sends actions, pairs the answers with them, and knows the displays."""

import asyncio
import itertools
import logging
import socket
from collections.abc import Callable
from typing import TypeVar

import msgspec

from aurora_desktop.input.messages import (
    Began,
    Cancel,
    Check,
    Checked,
    Do,
    Failed,
    Finished,
    FromWorker,
    Look,
    Picture,
    Pictured,
    Screen,
    Seen,
    Setup,
    ToWorker,
    Up,
)

ANSWER_S = 2.0
UP_S = 10.0
_READ_BYTES = 256 * 1024

log = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[FromWorker] = msgspec.json.Decoder(FromWorker)

A = TypeVar("A")


class WorkerGoneError(Exception):
    """The worker ended, or does not answer: `reason` in words."""


class WorkerLink:
    """Speaks to one worker until it ends; every wait for it ends with WorkerGoneError then."""

    def __init__(self, sock: socket.socket, setup: Setup, on_screen: Callable[[Screen], None]) -> None:
        self._socket = sock
        self._socket.settimeout(0)
        self._loop = asyncio.get_running_loop()
        self._on_screen = on_screen
        self._in, self._out = bytearray(), bytearray()
        self._writing = False
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[FromWorker]] = {}
        self._began: Callable[[], None] | None = None
        self._gone: asyncio.Future[str] = self._loop.create_future()
        self._up: asyncio.Future[Up] = self._loop.create_future()
        self._screen: asyncio.Future[Screen] = self._loop.create_future()
        self._loop.add_reader(self._socket, self._read)
        self._send(setup)

    @property
    def backend(self) -> str:
        """How events are sent; "" until it is up."""
        return self._up.result().backend if self._up.done() and not self._up.cancelled() else ""

    @property
    def is_gone(self) -> bool:
        return self._gone.done()

    async def up(self) -> Up:
        """The worker, once it is ready to act. Raises WorkerGoneError."""
        return await self._answer(self._up, UP_S)

    async def screen(self) -> Screen:
        """The displays, once the worker told of them. Raises WorkerGoneError."""
        return await self._answer(self._screen, ANSWER_S)

    async def look(self, places: tuple[tuple[int, int], ...]) -> Seen:
        """Raises WorkerGoneError, as all of these."""
        number = next(self._numbers)
        return await self._ask(Look(number, places), number, Seen, ANSWER_S)

    async def check(self, text: str, keys: str) -> Checked:
        number = next(self._numbers)
        return await self._ask(Check(number, text, keys), number, Checked, ANSWER_S * 5)

    async def picture(self, x: int, y: int, width: int, height: int, window: int = 0) -> Pictured:
        """Of a rectangle; of one as large in the middle of a window, where one is given."""
        number = next(self._numbers)
        return await self._ask(Picture(number, x, y, width, height, window), number, Pictured, ANSWER_S)

    def do(self, make: Callable[[int], Do], began: Callable[[], None]) -> tuple[int, "asyncio.Task[Finished]"]:
        """Begin an action; its number (for `cancel`) and its end. `began` is called when it was checked."""
        number = next(self._numbers)
        self._began = began
        return number, self._loop.create_task(self._ask(make(number), number, Finished, None))

    def cancel(self, number: int) -> None:
        self._send(Cancel(number))

    def close(self, reason: str) -> None:
        """Let go of the socket, which ends the worker if it still lives."""
        if self._gone.done():
            return
        self._gone.set_result(reason)
        self._loop.remove_reader(self._socket)
        self._watch_writing(on=False)
        self._socket.close()

    # --- asking -----------------------------------------------------------------------------------------------

    async def _ask(self, message: ToWorker, number: int, kind: type[A], timeout_s: float | None) -> A:
        answer: asyncio.Future[FromWorker] = self._loop.create_future()
        self._waiting[number] = answer
        try:
            self._send(message)
            found = await self._answer(answer, timeout_s)
        finally:
            self._waiting.pop(number, None)
        if not isinstance(found, kind):
            raise WorkerGoneError(f"the worker answered with {type(found).__name__}")
        return found

    async def _answer(self, answer: "asyncio.Future[A]", timeout_s: float | None) -> A:
        await asyncio.wait((answer, self._gone), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        answer.cancel()
        raise WorkerGoneError(self._gone.result() if self._gone.done() else "the input worker does not answer")

    # --- the socket -------------------------------------------------------------------------------------------

    def _send(self, message: ToWorker) -> None:
        if self._gone.done():
            return
        self._out += _encoder.encode(message) + b"\n"
        self._write()

    def _write(self) -> None:
        try:
            sent = self._socket.send(self._out)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.close(f"the input worker is gone: {error}")
            return
        del self._out[:sent]
        self._watch_writing(on=bool(self._out))

    def _watch_writing(self, *, on: bool) -> None:
        if on and not self._writing:
            self._loop.add_writer(self._socket, self._write)
        elif self._writing and not on:
            self._loop.remove_writer(self._socket)
        self._writing = on

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close("the input worker ended")
            return
        self._in += data
        *lines, rest = self._in.split(b"\n")
        self._in = bytearray(rest)
        for line in lines:
            self._take(bytes(line))

    def _take(self, line: bytes) -> None:
        try:
            message = _decoder.decode(line)
        except msgspec.MsgspecError as error:
            log.warning("the input worker said something that is not understood: %s", error)
            return
        match message:
            case Up():
                if not self._up.done():
                    self._up.set_result(message)
            case Screen():
                if not self._screen.done():
                    self._screen.set_result(message)
                self._on_screen(message)
            case Failed(reason=reason):
                self.close(reason)
            case Began():
                if self._began is not None:
                    self._began()
            case Seen(id=number) | Checked(id=number) | Finished(id=number) | Pictured(id=number):
                waiting = self._waiting.get(number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(message)
