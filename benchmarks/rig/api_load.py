"""Clients of the local API: those that ask, and those that read the stream of events."""

import http.client
import json
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

from rig.busy import Busy

TIMEOUT_S = 30.0
QUIET_S = 1.0
EVENT = b'data: {"id":'
PIECE_BYTES = 1024 * 1024


# --- requests -----------------------------------------------------------------------------------------------------


def ask_again_and_again(aurora: Busy, address: str, times: int) -> list[float]:
    """Milliseconds of each, on one connection."""
    samples = []
    ask = _asking(aurora, address)
    for _ in range(times):
        began = time.perf_counter()
        ask()
        samples.append((time.perf_counter() - began) * 1e3)
    return samples


def ask_at_once(aurora: Busy, address: str, connections: int, for_s: float) -> float:
    """Requests a second, all connections together."""
    counts = [0] * connections
    end = time.monotonic() + for_s

    def asks(number: int) -> None:
        ask = _asking(aurora, address)
        while time.monotonic() < end:
            ask()
            counts[number] += 1

    threads = [threading.Thread(target=asks, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / for_s


def _asking(aurora: Busy, address: str) -> Callable[[], None]:
    connection = http.client.HTTPConnection("127.0.0.1", aurora.port, timeout=TIMEOUT_S)
    headers = {"Authorization": f"Bearer {aurora.token}"}

    def ask() -> None:
        connection.request("GET", address, headers=headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{address} was answered {answer.status}")

    return ask


# --- the stream ---------------------------------------------------------------------------------------------------


class Readers:
    """So many connections to the stream, read by one thread. `late_ms`: of the first one, from event to here."""

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        self.late_ms: list[float] = []
        self._sockets = sockets
        self._counts = dict.fromkeys(sockets, 0)
        self._rests = dict.fromkeys(sockets, b"")
        self._selector = selectors.DefaultSelector()
        for each in sockets:
            self._selector.register(each, selectors.EVENT_READ, each)

    def counts(self) -> list[int]:
        """Events by reader."""
        return list(self._counts.values())

    def for_seconds(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left_s := end - time.monotonic()) > 0:
            if not self._sockets:
                time.sleep(left_s)
            self._read(left_s)

    def until_quiet(self) -> None:
        """What is still under way."""
        while self._sockets and self._read(QUIET_S):
            pass

    def _read(self, timeout_s: float) -> bool:
        ready = self._selector.select(timeout_s)
        for key, _ in ready:
            self._take(key.data)
        return bool(ready)

    def _take(self, reader: socket.socket) -> None:
        """Whole events are counted; what is cut waits for the rest."""
        piece = self._rests[reader] + reader.recv(PIECE_BYTES)
        whole, end, self._rests[reader] = piece.rpartition(b"\n\n")
        count = (whole + end).count(EVENT)
        self._counts[reader] += count
        if count and reader is self._sockets[0]:
            self._time(whole)

    def _time(self, whole: bytes) -> None:
        now = time.time()
        for line in whole.split(b"\n"):
            if line.startswith(EVENT):
                self.late_ms.append((now - json.loads(line[len(b"data: ") :])["event"]["at"]) * 1e3)


@contextmanager
def reading(aurora: Busy, readers: int, receive: str = "probe_failing") -> Iterator[Readers]:
    """Readers that are there and have been answered."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(_reader(aurora, receive)) for _ in range(readers)]
        yield Readers(sockets)


def _reader(aurora: Busy, receive: str) -> socket.socket:
    reader = socket.create_connection(("127.0.0.1", aurora.port), timeout=TIMEOUT_S)
    head = (
        f"GET /v1/events/stream?type={receive} HTTP/1.1",
        f"Host: 127.0.0.1:{aurora.port}",
        f"Authorization: Bearer {aurora.token}",
    )
    reader.sendall("\r\n".join([*head, "", ""]).encode())
    answer = b""
    while b"retry:" not in answer:
        answer += reader.recv(65536)
    return reader


# --- what is loaded late ------------------------------------------------------------------------------------------


def first_answers(aurora: Busy, readers: int) -> list[tuple[str, Callable[[], AbstractContextManager[object]]]]:
    """What adds to memory when it is first asked for; each is held open for the measurement."""
    return [
        ("the first requests", lambda: _asked(aurora, "/v1/status")),
        ("the first /metrics", lambda: _asked(aurora, "/metrics")),
        (f"{readers} readers", lambda: reading(aurora, readers)),
    ]


@contextmanager
def _asked(aurora: Busy, address: str) -> Iterator[None]:
    ask_again_and_again(aurora, address, 20)
    yield
