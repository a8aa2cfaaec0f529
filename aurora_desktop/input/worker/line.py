"""The line to main: one JSON object per line, read without waiting."""

import select
import socket
from collections import deque

import msgspec

from aurora_desktop.input.messages import Cancel, FromWorker, ToWorker

_CHUNK = 1 << 16
_LONGEST = 16 << 20  # a million characters, each escaped, and room


class MainLine:
    """Messages come out in order; what `Cancel` names is known at once, while an action runs."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._socket.settimeout(0)
        self._decoder: msgspec.json.Decoder[ToWorker] = msgspec.json.Decoder(ToWorker)
        self._encoder = msgspec.json.Encoder()
        self._tail = bytearray()
        self._messages: deque[ToWorker] = deque()
        self._cancelled: set[int] = set()
        self.problem = ""  # why nothing more will come

    def wait(self, timeout_s: float) -> None:
        """Read what comes; returns at the first message or after `timeout_s`."""
        if self._is_readable(timeout_s):
            self._read()

    def next(self) -> ToWorker | None:
        return self._messages.popleft() if self._messages else None

    def is_cancelled(self, action_id: int) -> bool:
        return action_id in self._cancelled

    def forget_cancelled(self, action_id: int) -> None:
        """Actions are done in the order of their ids: older cancellations can be forgotten too."""
        self._cancelled = {cancelled for cancelled in self._cancelled if cancelled > action_id}

    def say(self, message: FromWorker) -> None:
        """Send; a main that is gone is noticed in reading, one that does not read is waited for a second."""
        self._socket.settimeout(1.0)
        try:
            self._socket.sendall(self._encoder.encode(message) + b"\n")
        except OSError as error:
            self.problem = self.problem or f"main does not listen: {error}"
        finally:
            self._socket.settimeout(0)

    def _is_readable(self, timeout_s: float) -> bool:
        return bool(select.select([self._socket], [], [], timeout_s)[0])

    def _read(self) -> None:
        try:
            chunk = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self.problem = f"main is gone: {error}"
            return
        if not chunk:
            self.problem = "main hung up"
        self._take(chunk)

    def _take(self, chunk: bytes) -> None:
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            self._decode(bytes(self._tail + line))
            self._tail.clear()
        self._tail += rest
        if len(self._tail) > _LONGEST:
            self.problem = "main sent a line without end"

    def _decode(self, line: bytes) -> None:
        try:
            message = self._decoder.decode(line)
        except msgspec.DecodeError as error:
            self.problem = f"main sent what is no message: {error}"
            return
        if isinstance(message, Cancel):
            self._cancelled.add(message.id)
        else:
            self._messages.append(message)
