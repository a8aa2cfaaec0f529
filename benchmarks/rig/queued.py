"""A long queue: what becomes of its tasks while workers and Aurora are killed, and how many it has done in a second."""

import http.client
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from aurora_desktop.core.errors import AuroraError
from rig.agents import WORKERS, Cockpit, Ledger, agents_at_work
from rig.bench import Bench
from rig.child import kill
from rig.figures import Figure
from rig.programs import end, fresh, surroundings
from rig.redis_server import redis_server

TASKS, TASKS_QUICK = 10_000, 300
WORK_MS = 5
CLIENTS = 8
"""Who submit at the same time, among the kills."""
KILL_EVERY_TASKS = (10, 60)
AURORA_KILLED = 0.15
"""The share of the kills that are of Aurora itself."""
DRAIN_TIMEOUT_S = 1800.0
OPEN = ("queued", "leased", "running", "waiting_approval")
RIVALS = {
    "Redis list, BLPOP": "rig.list_worker",
    "huey, Redis, 5 processes": "rig.huey_worker",
}


def queue(bench: Bench) -> list[Figure]:
    """What is lost or run twice among many kills, then the throughput of each queue without any."""
    count = TASKS_QUICK if bench.quick else TASKS
    report = bench.report
    chaos = [
        report.figure(
            "queue_lost", "tasks lost", "tasks", f"of {count:,}, half of them safe to repeat; kill -9 all along"
        ),
        report.figure("queue_twice", "tasks run twice that are not safe to repeat", "tasks"),
        report.figure("queue_uncertain", "tasks left for the operator to decide", "tasks", "killed half-way"),
        report.figure("queue_kills", "kills", "kills", "of workers and of Aurora together"),
    ]
    report.measure(chaos, "Aurora, killed again and again", partial(_chaos, bench, chaos, count))
    speed = report.figure("queue_speed", f"{count:,} tasks by {WORKERS} workers", "tasks/s", "submitting included")
    report.measure([speed], "Aurora", partial(_speed, bench, speed, count))
    for who, module in RIVALS.items():
        report.measure([speed], who, partial(_rival_speed, bench, speed, who, module, count))
    return [*chaos, speed]


# --- among kills --------------------------------------------------------------------------------------------------


class Killer(threading.Thread):
    """Kills a worker, or now and then Aurora, whenever some more tasks were begun, until it is told to stop."""

    def __init__(self, cockpit: Cockpit, begun: Path, seed: int) -> None:
        super().__init__(name="killer", daemon=True)
        self._cockpit, self._begun, self._random = cockpit, begun, random.Random(seed)
        self._over = threading.Event()
        self.is_up = threading.Lock()
        self.kills: Counter[str] = Counter()
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            due = 0
            while not self._over.wait(0.01):
                begun = self._begun.read_bytes().count(b"\n")
                if begun >= due:
                    self._kill()
                    due = begun + self._random.randint(*KILL_EVERY_TASKS)
        except BaseException as fault:  # noqa: BLE001 - told by `finish`, in the thread that measures
            self.fault = fault

    def _kill(self) -> None:
        if self._random.random() < AURORA_KILLED:
            with self.is_up:
                self._cockpit.crash()
                self._cockpit.start()
            self.kills["Aurora"] += 1
        elif pids := self._cockpit.worker_pids():
            kill(self._random.choice(pids))
            self.kills["worker"] += 1

    def finish(self) -> None:
        self._over.set()
        self.join()
        if self.fault is not None:
            raise self.fault


def _chaos(bench: Bench, figures: list[Figure], count: int) -> None:
    with agents_at_work(bench, WORK_MS) as (cockpit, ledger):
        killer = Killer(cockpit, ledger.path, seed=count)
        killer.start()
        names = list(_names(count))
        with ThreadPoolExecutor(CLIENTS) as clients:
            ids = dict(zip(names, clients.map(partial(_submit_surely, cockpit, killer), names), strict=True))
        _drain(lambda: _waiting(cockpit, killer))
        killer.finish()
        _drain(lambda: cockpit.count(*OPEN))
        begun = Counter(one.task for one in ledger.new())
        statuses = {name: cockpit.task(task_id)["view"]["status"] for name, task_id in ids.items()}
    lost = [name for name, status in statuses.items() if _is_lost(status, begun[name])]
    twice = [name for name in ids if not _is_safe(name) and begun[name] > 1]
    uncertain = [name for name, status in statuses.items() if status in ("uncertain", "dead")]
    for figure, value in zip(figures, (len(lost), len(twice), len(uncertain), killer.kills.total()), strict=True):
        figure.add("Aurora, killed again and again", value)
    told = ", ".join(f"{number} of {what}" for what, number in killer.kills.items())
    print(f"    kills: {told}; states: {dict(Counter(statuses.values()))}", file=sys.stderr)
    for name in (*lost, *twice):
        print(f"    {name}: {statuses[name]}, begun {begun[name]} times", file=sys.stderr)


def _names(count: int) -> Iterator[str]:
    return (f"{'safe' if number % 2 else 'once'}-{number}" for number in range(count))


def _is_safe(name: str) -> bool:
    return name.startswith("safe")


def _is_lost(status: str, begun: int) -> bool:
    """Neither done, nor waiting for the operator's word."""
    return begun == 0 if status == "completed" else status not in ("uncertain", "dead")


def _submit_surely(cockpit: Cockpit, killer: Killer, name: str) -> str:
    """Again until it is taken, with one key: whether the last time was heard is not known after a kill."""
    retry = "safe" if _is_safe(name) else "never"
    deadline = time.monotonic() + 60
    while True:
        try:
            return cockpit.submit(name, role="bench", retry=retry, idempotency_key=name, max_attempts=50)
        except (OSError, http.client.HTTPException, AuroraError, ValueError):
            if time.monotonic() > deadline:
                raise
            with killer.is_up:
                pass


def _waiting(cockpit: Cockpit, killer: Killer) -> int:
    try:
        return cockpit.count(*OPEN)
    except AuroraError:  # killed in this moment
        if killer.fault is not None:
            raise
        return 1


def _drain(waiting: Callable[[], int]) -> None:
    deadline = time.monotonic() + DRAIN_TIMEOUT_S
    while waiting():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the queue was not empty after {DRAIN_TIMEOUT_S:g} s")
        time.sleep(0.1)


# --- speed --------------------------------------------------------------------------------------------------------


def _speed(bench: Bench, figure: Figure, count: int) -> None:
    with agents_at_work(bench) as (cockpit, ledger):
        _until_warm(cockpit)
        begun_ns = time.monotonic_ns()
        for name in _names(count):
            cockpit.submit(name, role="bench")
        figure.add("Aurora", _rate(ledger, count, begun_ns))


def _until_warm(cockpit: Cockpit) -> None:
    deadline = time.monotonic() + 30
    while len(cockpit.worker_pids()) < WORKERS and time.monotonic() < deadline:
        time.sleep(0.05)


def _rate(ledger: Ledger, count: int, begun_ns: int) -> float:
    """Tasks a second, from the first submission to the start of the last agent."""
    deadline = time.monotonic() + DRAIN_TIMEOUT_S
    seen, last_ns = 0, begun_ns
    while seen < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{seen:,} of {count:,} tasks were begun within {DRAIN_TIMEOUT_S:g} s")
        for one in ledger.new():
            seen, last_ns = seen + 1, max(last_ns, one.at_ns)
        time.sleep(0.01)
    return count / ((last_ns - begun_ns) / 1e9)


def _rival_speed(bench: Bench, figure: Figure, who: str, module: str, count: int) -> None:
    folder = fresh(bench.folder, "rival")
    ledger = Ledger(folder, 0)
    try:
        with redis_server(folder) as socket, _workers(folder, module, socket, ledger):
            begun_ns = time.monotonic_ns()
            submit = [sys.executable, "-m", module, "submit", socket, str(count), *ledger.command]
            subprocess.run(submit, cwd=Path(__file__).parents[1], check=True, env=surroundings())
            figure.add(who, _rate(ledger, count, begun_ns))
    finally:
        ledger.close()


@contextmanager
def _workers(folder: Path, module: str, socket: str, ledger: Ledger) -> Iterator[None]:
    command = [sys.executable, "-m", module, "work", socket, str(WORKERS), *ledger.command]
    with open(folder / "workers", "ab") as output:
        process = subprocess.Popen(
            command, cwd=Path(__file__).parents[1], env=surroundings(), stdout=output, stderr=output
        )
        try:
            yield
        finally:
            end(process)
