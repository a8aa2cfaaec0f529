"""The worker's one loop: it waits for main, for the agent and for time, and is never busy with one of them for long."""

import os
import select
import signal
import time
from types import FrameType
from typing import TYPE_CHECKING

from aurora_desktop.tasks.messages import (
    Acknowledge,
    Answer,
    Beat,
    Doing,
    Ended,
    FromWorker,
    Hello,
    Hold,
    Run,
    Stop,
    ToWorker,
)
from aurora_desktop.tasks.worker.deadlines import Ticker
from aurora_desktop.tasks.worker.inbox import Inbox
from aurora_desktop.tasks.worker.link import Link
from aurora_desktop.tasks.worker.notify import Notifier

if TYPE_CHECKING:  # what an attempt needs is imported with the first one
    from aurora_desktop.tasks.worker.attempt import Attempt, Surroundings

BEAT_S = 2.0
FAREWELL_S = 1.0
"""For main to take the last words of a worker that ends."""


class Worker:
    """`run` returns once the worker was asked to end (SIGTERM, SIGINT) and its agent has ended."""

    def __init__(self, name: str, address: str, token_file: str) -> None:
        self._name = name
        self._inbox = Inbox()
        self._link = Link(address, token_file)
        self._notifier = Notifier()
        self._attempt: Attempt | None = None
        self._unacknowledged: dict[tuple[str, int], Ended] = {}
        self._around: Surroundings | None = None
        self._end_signals = 0
        self._heeded_signals = 0
        self._next_beat = 0.0
        self._is_ready = False

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGBREAK", None)):
            if number is not None:
                signal.signal(number, self._asked_to_end)
        self._inbox.hear_signals()
        ticker, waited_s, now = Ticker(time.monotonic()), 0.0, time.monotonic()
        while not (self._end_signals and self._attempt is None):
            waited_s = self._turn(now, ticker, waited_s)
            self._wait(waited_s)
            now = time.monotonic()
        self._say_farewell()

    def _asked_to_end(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._end_signals += 1

    def _turn(self, now: float, ticker: Ticker, waited_s: float) -> float:
        """One round of all that may be due; the seconds until there is something again."""
        elapsed_s = ticker.elapsed_s(now, waited_s)
        if self._attempt is not None:
            self._attempt.advance(elapsed_s)
        self._heed_signals(now)
        self._hear_agent(now)
        self._hear_main(now)
        next_look = self._look_after(now)
        self._beat(now)
        times = (next_look, self._link.next_try_at, self._next_beat)
        return max(0.0, min(at for at in times if at is not None) - now)

    def _wait(self, timeout_s: float) -> None:
        if self._end_signals > self._heeded_signals:
            return
        readers = [self._inbox.waked, *self._link.readers]
        _, writable, _ = select.select(readers, self._link.writers, [], timeout_s)
        if writable:
            self._link.flush()

    def _heed_signals(self, now: float) -> None:
        if self._attempt is not None and self._end_signals > self._heeded_signals:
            self._attempt.stop("interrupted", "its worker was asked to end", now, at_once=self._end_signals > 1)
        self._heeded_signals = self._end_signals

    def _hear_agent(self, now: float) -> None:
        for item in self._inbox.take():
            if self._attempt is not None:
                self._attempt.handle(item, now)

    def _hear_main(self, now: float) -> None:
        token = self._link.open(now)
        if token is not None:
            self._introduce(token)
        for message in self._link.receive():
            self._obey(message, now)

    def _introduce(self, token: str) -> None:
        """Say who we are, then all that a main which is new must know."""
        task_id, attempt = self._present_task()
        self._link.send(Hello(worker=self._name, pid=os.getpid(), token=token, task_id=task_id, attempt=attempt))
        if self._attempt is not None:
            for message in self._attempt.repeat():
                self._link.send(message)
        for ended in self._unacknowledged.values():
            self._link.send(ended)
        self._next_beat = 0.0

    def _present_task(self) -> tuple[str | None, int]:
        if self._attempt is not None:
            return self._attempt.run.task_id, self._attempt.run.attempt
        return next(iter(self._unacknowledged), (None, 0))

    def _obey(self, message: ToWorker, now: float) -> None:
        match message:
            case Run():
                self._begin(message)
            case Acknowledge():
                self._unacknowledged.pop((message.task_id, message.attempt), None)
            case _ if self._attempt is None or self._attempt.run.task_id != message.task_id:
                return  # main will know better once it has heard how that one ended
            case Stop():
                self._attempt.stop(message.ending, message.reason, now)
            case Hold():
                self._attempt.hold(held=message.held)
            case Answer():
                self._attempt.answer(message)

    def _begin(self, run: Run) -> None:
        if self._end_signals:
            return
        if self._attempt is not None:
            if (self._attempt.run.task_id, self._attempt.run.attempt) != (run.task_id, run.attempt):
                self._tell_end(_busy(run, self._attempt.run.task_id))
            return
        from aurora_desktop.tasks.worker.attempt import begin_attempt

        begun = begin_attempt(run, self._surroundings())
        if isinstance(begun, Ended):
            self._tell_end(begun)
        else:
            self._attempt = begun

    def _surroundings(self) -> "Surroundings":
        if self._around is None:
            from aurora_desktop.supervisor.census import Census
            from aurora_desktop.supervisor.processes import process_table
            from aurora_desktop.supervisor.subreaper import become_subreaper
            from aurora_desktop.tasks.worker.attempt import Surroundings

            become_subreaper()
            table = process_table()
            self._around = Surroundings(self._name, self._inbox, table, Census(table), self._tell)
        return self._around

    def _tell(self, message: FromWorker) -> None:
        self._link.send(message, is_news=isinstance(message, Doing))

    def _tell_end(self, ended: Ended) -> None:
        self._unacknowledged[ended.task_id, ended.attempt] = ended
        self._link.send(ended)

    def _look_after(self, now: float) -> float | None:
        if self._attempt is None:
            return None
        next_look = self._attempt.look(now)
        if self._attempt.ended is not None:
            ended, self._attempt = self._attempt.ended, None
            self._tell_end(ended)
        return next_look

    def _beat(self, now: float) -> None:
        """Every two seconds, to main and to the supervisor: both see a loop that hangs."""
        if not self._is_ready:
            self._is_ready = True
            self._notifier.tell("READY=1")
        if now < self._next_beat:
            return
        self._next_beat = now + BEAT_S
        self._notifier.tell("WATCHDOG=1")
        task_id, _ = self._present_task()
        activity = self._attempt.activity if self._attempt is not None else None
        self._link.send(Beat(task_id, activity), is_news=True)

    def _say_farewell(self) -> None:
        deadline = time.monotonic() + FAREWELL_S
        while self._link.writers and (left_s := deadline - time.monotonic()) > 0:
            select.select([], self._link.writers, [], left_s)
            self._link.flush()
        self._link.lose()
        self._notifier.close()
        self._inbox.close()


def _busy(run: Run, with_task: str) -> Ended:
    error = f"the worker is busy with {with_task}"
    return Ended(task_id=run.task_id, attempt=run.attempt, ending="refused", error=error, finished_at=time.time())
