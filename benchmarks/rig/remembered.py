"""The failure memory under a million failures: how soon it answers, and how soon it takes one more."""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from aurora_desktop.core.clock import SystemClock
from aurora_desktop.core.storage.database import Database
from aurora_desktop.healing.faults import Fault, Sighting
from aurora_desktop.healing.memory import writing
from aurora_desktop.healing.memory.schema import MIGRATIONS
from aurora_desktop.healing.memory.store import FailureMemory
from rig.bench import Bench
from rig.figures import Figure

FAILURES = 1_000_000
TRIAL_FAILURES = 50_000
AT_ONCE = 20_000
SPAN_S = 3 * 365 * 86_400.0
COMPONENTS = 100
EVERY_ATTEMPT = 4
REALISTIC = 2_000
QUESTIONS = {
    "show me past fixes for port conflict errors": "words, with their other names",
    "connection refused postgres": "two things at once",
    "": "everything",
    "error in worker": "a word that every failure has",
}
_KINDS = (
    ("port_conflict", "worker{n}: port 80{n} is already in use by part {w}"),
    ("refused_connection", "worker: connection to postgres in part {w} was refused"),
    ("missing_python_module", "worker: No module named '{w}'"),
    ("disk_full", "worker: no space left on device of part {w}"),
    ("unknown", "worker: part {w} failed: unexpected state"),
)


def remembered(bench: Bench) -> list[Figure]:
    """A realistic number of signatures, and the worst case: as many as are kept apart, all of which match."""
    count = TRIAL_FAILURES if bench.quick else FAILURES
    figure = bench.report.figure(
        "remembered", f"failure memory: to the answer, {count:,} failures remembered", "ms", "the target is 50 ms"
    )
    for who, signatures in (("", REALISTIC), ("worst case: ", writing.MAX_SIGNATURES - 1)):
        path = bench.folder / f"memory-{signatures}.db"
        bench.report.measure(
            [figure],
            f"{who}{signatures:,} signatures",
            partial(_fill_and_ask, bench, figure, path, signatures, count, who),
        )
        path.unlink(missing_ok=True)
    return [figure]


def _fill_and_ask(bench: Bench, figure: Figure, path: Path, signatures: int, count: int, who: str) -> None:
    database = Database.open(path, MIGRATIONS, 0x41555253)
    try:
        for part in _portions(signatures, count):
            database.submit(part).result()
        database.checkpoint().result()
        memory = FailureMemory(database, SystemClock(), lambda _: None, 3650.0)
        for question, what in QUESTIONS.items():
            figure.add(f"{who}{what}", *_asked(partial(memory.search, question), bench.runs))
        figure.add(f"{who}what worked before", *_asked(lambda: memory.success_of(_words(0), ("a", "b")), bench.runs))
        figure.add(f"{who}statistics", *_asked(memory.statistics, max(3, bench.runs // 3)))
        figure.add(f"{who}one more, on the loop's thread", *_taken(memory, bench.runs))
    finally:
        database.close()


def _asked(ask: Callable[[], Coroutine[Any, Any, object]], runs: int) -> list[float]:
    """As the program asks: from its loop, answered by a thread."""

    async def timed() -> list[float]:
        took = []
        for _ in range(runs + 1):
            began = time.perf_counter()
            await ask()
            took.append((time.perf_counter() - began) * 1e3)
        return took[1:]

    return asyncio.run(timed())


def _taken(memory: FailureMemory, runs: int) -> Iterator[float]:
    for number in range(runs):
        seen = Sighting(at=time.time(), component="service:worker1", event="service_failed", event_id=1)
        fault = Fault(kind="port_conflict", sentence=f"worker1: port {8000 + number} is already in use", sighting=seen)
        began = time.perf_counter()
        memory.remember(fault)
        yield (time.perf_counter() - began) * 1e3


def _portions(signatures: int, count: int) -> Iterator[Callable[[apsw.Connection], None]]:
    """The failures, AT_ONCE to a transaction; a few signatures have most of them, as in life."""
    chance = random.Random(4)
    now = time.time()
    for first in range(1, count + 1, AT_ONCE):
        rows = [
            (number, _signature(chance, number, signatures), now - SPAN_S * (1 - number / count), number % COMPONENTS)
            for number in range(first, min(first + AT_ONCE, count + 1))
        ]
        yield partial(_add, rows)


def _signature(chance: random.Random, number: int, signatures: int) -> int:
    """Each once, then by a long-tailed choice."""
    return number if number < signatures else min(int(chance.paretovariate(0.7)), signatures - 1)


def _words(signature: int) -> str:
    letters = "abcdefghij"
    return "".join(letters[int(digit)] for digit in str(signature))


def _add(rows: list[tuple[int, int, float, int]], db: apsw.Connection) -> None:
    for number, signature, at, component in rows:
        kind, sentence = _KINDS[signature % len(_KINDS)]
        said = sentence.format(w=_words(signature), n=number % 100)
        failure = writing.Failure(
            id=number,
            at=at,
            component=f"service:worker{component}",
            kind=kind,
            signature=f"worker error {kind} {_words(signature)}",
            sentence=said,
            message=said,
            downtime_s=float(number % 60) if number % 3 else None,
        )
        writing.add_failure(db, failure)
        if number % EVERY_ATTEMPT == 0:
            outcome = "worked" if number % 3 else "failed"
            attempt = writing.Attempt(
                remedy=f"remedy_{number % 7}", at=at, outcome=outcome, sentence="tried", duration_s=number % 9 / 3
            )
            writing.add_attempt(db, failure, attempt)
