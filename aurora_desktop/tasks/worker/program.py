"""The worker's one loop: it waits for main, for the agent and for time, and is never busy with one of them for long.

Whatever deals with tasks is imported with the first message of main: an idle worker is little more than bare Python.
"""

import os
import select
import signal
import time

from aurora_desktop.tasks.worker.inbox import Inbox
from aurora_desktop.tasks.worker.lean import import_msgspec_lean
from aurora_desktop.tasks.worker.link import Link
from aurora_desktop.tasks.worker.notify import Notifier
from aurora_desktop.tasks.worker.ticker import Ticker

TYPE_CHECKING = False  # `typing` itself costs an idle worker 0.8 MB
if TYPE_CHECKING:
    from aurora_desktop.tasks.worker.desk import Desk

BEAT_S = 2.0
FAREWELL_S = 1.0
"""For main to take the last words of a worker that ends."""
IDLE_BEAT = b'{"type":"beat"}\n'


def hello(worker: str, pid: int, token: str) -> bytes:
    """`Hello` of a worker that has no task; neither name nor token needs escaping (see `Link.open`)."""
    return b'{"type":"hello","worker":"%b","pid":%d,"token":"%b"}\n' % (worker.encode(), pid, token.encode())


class Worker:
    """`run` returns once the worker was asked to end (SIGTERM, SIGINT), or is forsaken, and its agent has ended."""

    def __init__(self, name: str, address: str, token_file: str) -> None:
        self._name = name
        self._inbox = Inbox()
        self._link = Link(address, token_file)
        self._notifier = Notifier()
        self._desk: Desk | None = None
        self._end_signals = 0
        self._heeded_signals = 0
        self._next_beat = 0.0
        self._is_ready = False

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGBREAK", None)):
            if number is not None:
                signal.signal(number, self._asked_to_end)
        self._inbox.hear_signals()
        now = time.monotonic()
        ticker, waited_s = Ticker(now), 0.0
        while not self._end_signals or self._is_busy:
            waited_s = self._turn(now, ticker.elapsed_s(now, waited_s))
            if self._link.is_forsaken(now) and not self._is_busy:
                break
            self._wait(waited_s)
            now = time.monotonic()
        self._say_farewell()

    @property
    def _is_busy(self) -> bool:
        return self._desk is not None and self._desk.is_busy

    def _asked_to_end(self, number: int, frame: object) -> None:
        del number, frame
        self._end_signals += 1

    def _turn(self, now: float, elapsed_s: float) -> float:
        """One round of all that may be due; the seconds until there is something again."""
        if self._desk is not None:
            self._hear_agent(self._desk, now, elapsed_s)
        self._hear_main(now)
        next_look = self._desk.look(now) if self._desk is not None else None
        self._beat(now)
        times = (next_look, self._link.next_try_at, self._next_beat)
        return max(0.0, min(at for at in times if at is not None) - now)

    def _hear_agent(self, desk: "Desk", now: float, elapsed_s: float) -> None:
        desk.advance(elapsed_s)
        if self._end_signals > self._heeded_signals:
            desk.clear(now, at_once=self._end_signals > 1)
        self._heeded_signals = self._end_signals
        desk.handle(self._inbox.take(), now)

    def _wait(self, timeout_s: float) -> None:
        if self._end_signals > self._heeded_signals:
            return
        readers = [self._inbox.waked, *self._link.readers]
        _, writable, _ = select.select(readers, self._link.writers, [], timeout_s)
        if writable:
            self._link.flush()

    def _hear_main(self, now: float) -> None:
        token = self._link.open(now)
        if token is not None:
            self._introduce(token)
        for line in self._link.receive():
            self._desk = self._desk or self._new_desk(now)
            self._desk.obey(line, now)

    def _new_desk(self, now: float) -> "Desk":
        import_msgspec_lean()
        from aurora_desktop.tasks.worker.desk import Desk

        desk = Desk(self._name, self._link, self._inbox)
        if self._end_signals:  # it was not there to hear of them
            desk.clear(now, at_once=False)
        return desk

    def _introduce(self, token: str) -> None:
        if self._desk is None:
            self._link.send(hello(self._name, os.getpid(), token))
        else:
            self._desk.introduce(token)
        self._next_beat = 0.0

    def _beat(self, now: float) -> None:
        """Every two seconds, to main and to the supervisor: both see a loop that hangs."""
        if not self._is_ready:
            self._is_ready = True
            self._notifier.tell("READY=1")
        if now < self._next_beat:
            return
        self._next_beat = now + BEAT_S
        self._notifier.tell("WATCHDOG=1")
        if self._desk is None:
            self._link.send(IDLE_BEAT, is_news=True)
        else:
            self._desk.beat()

    def _say_farewell(self) -> None:
        deadline = time.monotonic() + FAREWELL_S
        while self._link.writers and (left_s := deadline - time.monotonic()) > 0:
            select.select([], self._link.writers, [], left_s)
            self._link.flush()
        self._link.lose()
        self._notifier.close()
        self._inbox.close()
