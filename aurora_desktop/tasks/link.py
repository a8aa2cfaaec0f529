"""Main's end of the workers' socket: lets them in by their token, reads their lines, and sends them theirs.

A peer that talks nonsense, floods or does not read is cut off; none can keep the loop from its turns.
"""

import asyncio
import contextlib
import errno
import hmac
import logging
import os
import socket
from collections.abc import Callable

import msgspec

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.tasks.address import LOOPBACK
from aurora_desktop.tasks.messages import FromWorker, Hello, ToWorker

LONGEST_LINE = 16_000_000
"""A result of 1,000,000 characters may take six bytes each as JSON."""
LONGEST_HELLO = 4_096
MOST_WAITING = 32_000_000
MOST_STRANGERS = 64
HELLO_S = 10.0
PAUSE_S = 1.0
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_READ_BYTES = 256 * 1024
_MOST_LINES_PER_TURN = 50
"""Each costs 0.03 ms, and what it changes is written down in another thread."""

log = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[FromWorker] = msgspec.json.Decoder(FromWorker)


class Peer:
    """One connection. `on_message(self, message)` for each line, `on_gone(self)` once, when it ended or was cut off."""

    def __init__(
        self,
        sock: socket.socket,
        loop: asyncio.AbstractEventLoop,
        on_message: "Callable[[Peer, FromWorker], None]",
        on_gone: "Callable[[Peer], None]",
    ) -> None:
        sock.setblocking(False)  # noqa: FBT003 - it takes no keyword
        self.worker = ""
        self._socket, self._loop = sock, loop
        self._on_message, self._on_gone = on_message, on_gone
        self._in, self._out = bytearray(), bytearray()
        self._searched = 0
        self._soon: asyncio.Handle | None = None
        self._is_writing = self._is_closed = False
        self._patience = loop.call_later(HELLO_S, self.close)
        loop.add_reader(sock.fileno(), self._read)

    def is_let_in_as(self, worker: str) -> None:
        self.worker = worker
        self._patience.cancel()

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def send(self, message: ToWorker) -> None:
        """Never waits. A peer that does not read is cut off, and will hear again what still holds after its Hello."""
        if self._is_closed:
            return
        self._out += _encoder.encode(message) + b"\n"
        if len(self._out) > MOST_WAITING:
            log.warning("the worker %s does not read what it is told; it is cut off", self.worker)
            self.close()
        elif not self._is_writing:
            self._write()

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._patience.cancel()
        if self._soon is not None:
            self._soon.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._watch_writing(on=False)
        self._socket.close()
        self._on_gone(self)

    def _write(self) -> None:
        try:
            sent = self._socket.send(self._out)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        del self._out[:sent]
        self._watch_writing(on=bool(self._out))

    def _watch_writing(self, *, on: bool) -> None:
        if on and not self._is_writing:
            self._loop.add_writer(self._socket.fileno(), self._write)
        elif self._is_writing and not on:
            self._loop.remove_writer(self._socket.fileno())
        self._is_writing = on

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._take_lines(most=None)  # what it said before it went still counts
            self.close()
            return
        self._in += data
        self._take_lines(most=_MOST_LINES_PER_TURN)

    def _take_lines(self, most: int | None) -> None:
        """What is complete; of a flood a part in each turn of the loop, and the rest in the next ones."""
        self._soon = None
        taken = 0
        while not self._is_closed and (end := self._in.find(b"\n", self._searched)) >= 0:
            if most is not None and taken >= most:
                self._loop.remove_reader(self._socket.fileno())
                self._soon = self._loop.call_soon(self._go_on)
                return
            line = bytes(self._in[:end])
            del self._in[: end + 1]
            self._searched = 0
            taken += 1
            self._take(line)
        self._searched = len(self._in)
        if len(self._in) > (LONGEST_LINE if self.worker else LONGEST_HELLO):
            self._nonsense("a line without an end")

    def _go_on(self) -> None:
        self._loop.add_reader(self._socket.fileno(), self._read)
        self._take_lines(most=_MOST_LINES_PER_TURN)

    def _take(self, line: bytes) -> None:
        try:
            message = _decoder.decode(line)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            self._nonsense(str(error))
            return
        self._on_message(self, message)

    def _nonsense(self, why: str) -> None:
        """A stranger is cut off at once; a worker's other lines count."""
        if not self.worker or len(self._in) > LONGEST_LINE:
            self.close()
        log.warning("a line of %s is not understood: %s", self.worker or "a stranger at the workers' socket", why)


class WorkerLink:
    """The listener. Of each worker the newest connection counts.

    `on_hello(hello)` when a worker introduced itself, `on_message(worker, message)` for all that follows, `on_gone`
    when its connection ended. `knows(worker)`: whether there is one of that name.
    """

    def __init__(
        self,
        address: str,
        token: str,
        *,
        knows: Callable[[str], bool],
        on_hello: Callable[[Hello], None],
        on_message: Callable[[str, FromWorker], None],
        on_gone: Callable[[str], None],
    ) -> None:
        self.address = address
        self._token = token.encode()
        self._knows, self._on_hello = knows, on_hello
        self._on_message, self._on_gone = on_message, on_gone
        self._loop = asyncio.get_running_loop()
        self._listener: socket.socket | None = None
        self._strangers: set[Peer] = set()
        self._peers: dict[str, Peer] = {}

    def open(self) -> None:
        """Raises AuroraError when the address cannot be bound."""
        try:
            self._listener = _listen(self.address)
        except OSError as error:
            raise AuroraError(
                "Workers cannot reach Aurora",
                f"{self.address}: {error.strerror or error}",
                "Give the state folder back to your user, or end what holds the address, and restart Aurora",
            ) from error
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def close(self) -> None:
        """The socket's file stays, for the next Aurora to replace."""
        if self._listener is not None:
            self._loop.remove_reader(self._listener.fileno())
            self._listener.close()
            self._listener = None
        self._on_gone = lambda _: None
        for peer in (*self._strangers, *self._peers.values()):
            peer.close()

    def is_connected(self, worker: str) -> bool:
        return worker in self._peers

    def send(self, worker: str, message: ToWorker) -> bool:
        """Whether there is a connection that it could be sent on."""
        peer = self._peers.get(worker)
        if peer is not None:
            peer.send(message)
        return peer is not None and not peer.is_closed

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            sock, _ = self._listener.accept()
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._pause()
            return  # else it went away again
        if len(self._strangers) >= MOST_STRANGERS:
            sock.close()
            return
        self._strangers.add(Peer(sock, self._loop, self._said, self._ended))

    def _pause(self) -> None:
        """There is no file descriptor just now: whoever waits to be let in would keep the loop busy for nothing."""
        if self._listener is not None:
            self._loop.remove_reader(self._listener.fileno())
            self._loop.call_later(PAUSE_S, self._listen_again)

    def _listen_again(self) -> None:
        if self._listener is not None:
            self._loop.add_reader(self._listener.fileno(), self._accept)

    def _said(self, peer: Peer, message: FromWorker) -> None:
        if isinstance(message, Hello):
            self._introduced(peer, message)
        elif peer.worker:
            self._on_message(peer.worker, message)
        else:
            peer.close()

    def _introduced(self, peer: Peer, hello: Hello) -> None:
        is_ours = hmac.compare_digest(hello.token.encode("utf-8", "replace"), self._token)
        if not is_ours or not self._knows(hello.worker) or (peer.worker and peer.worker != hello.worker):
            log.warning("somebody at the workers' socket is no worker of ours; turned away")
            peer.close()
            return
        self._strangers.discard(peer)
        before = self._peers.get(hello.worker)
        self._peers[hello.worker] = peer
        peer.is_let_in_as(hello.worker)
        if before is not None and before is not peer:
            before.close()
        self._on_hello(hello)

    def _ended(self, peer: Peer) -> None:
        self._strangers.discard(peer)
        if peer.worker and self._peers.get(peer.worker) is peer:
            del self._peers[peer.worker]
            self._on_gone(peer.worker)


def _listen(address: str) -> socket.socket:
    if address.startswith(("/", "@")):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    else:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)  # noqa: FBT003 - it takes no keyword
        _bind(listener, address)
        listener.listen(MOST_STRANGERS)
    except OSError:
        listener.close()
        raise
    return listener


def _bind(listener: socket.socket, address: str) -> None:
    if address.startswith("@"):
        listener.bind("\0" + address[1:])
    elif address.startswith("/"):
        # The lock on the state dir is held: a socket file that lies there belongs to no living Aurora.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address)
        listener.bind(address)
        os.chmod(address, 0o600)
    else:
        host, _, port = address.rpartition(":")
        listener.bind((host or LOOPBACK, int(port)))
