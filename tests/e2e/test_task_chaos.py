"""A hundred tasks among kills of workers and of Aurora: none is lost, none begun twice that is not safe to repeat.

The large count is measured by `benchmarks/tasks.py --only queue`.
"""

import json
import os
import random
import signal
from collections import Counter
from typing import Any

from aurora_desktop.core.errors import AuroraError

from .aurora import Aurora
from .waiting import eventually

TASKS = 100
WORKERS = 3
WORKERS_KILLED_AT = (10, 25, 45, 70, 85)
AURORA_KILLED_AT = 55
OPEN = "queued,leased,running,waiting_approval"
# It tells that it was begun with one write, then works for a moment in which it can be killed.
AGENT = 'echo "$1" >> "$0"; sleep 0.02; echo done'


class Chaos:
    def __init__(self, aurora: Aurora) -> None:
        self.aurora = aurora
        self.begun_file = aurora.folder / "begun"
        self.begun_file.touch()
        self.random = random.Random(5)
        agent = {
            "kind": "command",
            "command": ["sh", "-c", AGENT, str(self.begun_file)],
            "concurrency": WORKERS,
            "cwd": str(aurora.folder),
        }
        role = {"agent": "told", "count": WORKERS, "warm": True}
        aurora.configure({}, tasks={"agents": {"told": agent}, "roles": {"team": role}})

    def begun(self) -> list[str]:
        return self.begun_file.read_text().split()

    def submit(self, name: str) -> str:
        """Again until it is taken, with one key: after a kill it is not known whether the last time was heard."""
        retry = "safe" if is_safe(name) else "never"
        body: dict[str, Any] = {"prompt": name, "role": "team", "retry": retry, "idempotency_key": name}

        def taken() -> str:
            try:
                return str(self.aurora.client.post("/v1/tasks", {**body, "max_attempts": 20})["id"])
            except AuroraError:
                return ""

        return eventually(taken, f"{name} is taken")

    def until_begun(self, count: int) -> None:
        eventually(lambda: len(self.begun()) >= count or self.is_done(), f"{count} tasks are begun")

    def is_done(self) -> bool:
        return not self.aurora.client.get("/v1/tasks", status=OPEN, limit=1)

    def kill_worker(self) -> None:
        pids = [worker["pid"] for worker in self.aurora.client.get("/v1/workers") if worker.get("pid")]
        if pids:
            os.kill(self.random.choice(pids), signal.SIGKILL)

    def kill_aurora(self) -> None:
        self.aurora.crash()
        self.aurora.start()

    def status(self, task_id: str) -> str:
        return str(self.aurora.client.get(f"/v1/tasks/{task_id}")["view"]["status"])


def is_safe(name: str) -> bool:
    return name.startswith("safe")


def is_accounted_for(status: str, begun: int) -> bool:
    """Done, or waiting for the operator's word."""
    return begun > 0 if status == "completed" else status in ("uncertain", "dead")


def test_no_task_is_lost_or_begun_twice_while_everything_is_killed(aurora: Aurora) -> None:
    chaos = Chaos(aurora)
    aurora.start()
    ids = {name: chaos.submit(name) for name in (f"{'safe' if n % 2 else 'once'}-{n}" for n in range(TASKS))}
    for count in sorted((*WORKERS_KILLED_AT, AURORA_KILLED_AT)):
        chaos.until_begun(count)
        (chaos.kill_aurora if count == AURORA_KILLED_AT else chaos.kill_worker)()
    eventually(chaos.is_done, "every task is done", timeout_s=60)
    begun = Counter(chaos.begun())
    statuses = {name: chaos.status(task_id) for name, task_id in ids.items()}
    assert not [name for name in ids if begun[name] > 1 and not is_safe(name)], "begun twice"
    assert not [name for name, status in statuses.items() if not is_accounted_for(status, begun[name])], "lost"
    assert {status for name, status in statuses.items() if is_safe(name)} == {"completed"}
    aurora.quit()
    completed = {ids[name] for name, status in statuses.items() if status == "completed"}
    assert completed <= {path.stem for path in aurora.paths.task_logs.iterdir()}, "without a record"
    written = aurora.paths.logs / "cli_agent_audit.log"
    told = [json.loads(line) for line in written.read_text().splitlines()]
    queued = {record["task_id"] for record in told if record["status"] == "queued"}
    assert queued >= set(ids.values())
