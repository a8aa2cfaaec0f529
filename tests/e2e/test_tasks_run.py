"""Agents at work in the real program, where the supervisor has a word: emergency stop, hung workers, new settings."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from aurora_desktop.core.errors import AuroraError

from . import machine
from .aurora import Aurora
from .waiting import eventually, holds

# Tells each sign of life; on SIGTERM too, so that one that was let run once more for its end is found out.
_AGENT = """
echo $$ > "$DIR/$1.pid"
trap 'echo ended >> "$DIR/$1.ran"; exit 1' TERM
while [ ! -e "$DIR/$1.go" ]; do echo x >> "$DIR/$1.ran"; sleep 0.02; done
echo "done: $1"
"""


class Shop:
    def __init__(self, aurora: Aurora, folder: Path) -> None:
        self.aurora, self.folder = aurora, folder
        self.configure()
        aurora.start()

    def configure(self, **roles: Any) -> None:
        agent = {
            "kind": "command",
            "command": ["sh", "-c", _AGENT, "agent"],
            "env": {"DIR": str(self.folder)},
            "grace_s": 0.5,
            "cwd": str(self.folder),
        }
        self.aurora.configure({}, tasks={"agents": {"slow": agent}, "roles": roles})

    def submit(self, name: str, **fields: Any) -> str:
        asked = {"agent": "slow"} if "role" not in fields else {}
        return str(self.aurora.client.post("/v1/tasks", {"prompt": name, **asked, **fields})["id"])

    def at_work(self, name: str) -> int:
        """The pid of the agent that does it, once it does."""
        path = self.folder / f"{name}.pid"
        return int(eventually(lambda: path.exists() and path.read_text().strip(), f"{name} is at work"))

    def signs(self, name: str) -> int:
        path = self.folder / f"{name}.ran"
        return path.stat().st_size if path.exists() else 0

    def finish(self, name: str) -> None:
        (self.folder / f"{name}.go").touch()

    def view(self, task_id: str) -> dict[str, Any]:
        return dict(self.aurora.client.get(f"/v1/tasks/{task_id}")["view"])

    def until(self, task_id: str, **fields: Any) -> dict[str, Any]:
        def there() -> dict[str, Any]:
            view = self.view(task_id)
            assert {name: view[name] for name in fields} == fields, view
            return view

        return eventually(there, f"{task_id} is {fields}")

    def worker_pid(self, name: str) -> int | None:
        workers = {worker["name"]: worker for worker in self.aurora.client.get("/v1/workers")}
        return workers[name]["pid"]

    def reconfigure(self, **roles: Any) -> None:
        """Once the changed settings are in force."""
        before = self.aurora.last_id()
        self.configure(**roles)
        self.aurora.until_event("settings_applied", since=before)


@pytest.fixture
def shop(aurora: Aurora, tmp_path: Path) -> Shop:
    return Shop(aurora, tmp_path)


def test_the_emergency_stop_freezes_an_agent_and_a_cancellation_never_lets_it_run(shop: Shop) -> None:
    task_id = shop.submit("frozen")
    agent = shop.at_work("frozen")
    shop.aurora.client.post("/v1/estop", {"reason": "a test"})
    shop.until(task_id, frozen=True, status="running")
    shop.submit("another")  # taken once it is on the disk, and with it all that was written before
    shop.aurora.crash()
    shop.aurora.start()
    view = shop.until(task_id, frozen=True)
    assert view["activity"]["kind"] == "frozen"
    waiting = shop.submit("held")
    assert "emergency stop" in shop.until(waiting, status="queued")["held"]
    before = shop.signs("frozen")
    holds(lambda: shop.signs("frozen") == before and machine.is_alive(agent), 0.3, "it stands still")
    shop.aurora.client.post(f"/v1/tasks/{task_id}/cancel", {})
    shop.until(task_id, status="cancelled")
    shop.aurora.until_gone(agent)
    assert shop.signs("frozen") == before


def test_a_hung_worker_is_replaced_and_its_task_given_out_again(shop: Shop) -> None:
    task_id = shop.submit("hung", retry="safe")
    first = shop.at_work("hung")
    (shop.folder / "hung.pid").unlink()
    pid = shop.worker_pid("slow-1")
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    shop.aurora.until_gone(first, pid)
    shop.at_work("hung")
    shop.finish("hung")
    assert shop.until(task_id, status="completed")["attempt"] == 2


def test_a_role_that_is_taken_out_of_the_settings_finishes_what_it_does(shop: Shop) -> None:
    shop.reconfigure(smith={"agent": "slow"})  # words for an agent that there is: no new agent, which would wait
    busy = shop.submit("busy", role="smith")
    agent = shop.at_work("busy")
    waiting = shop.submit("waiting", role="smith")
    shop.reconfigure()
    assert machine.is_alive(agent)
    shop.finish("busy")
    assert shop.until(busy, status="completed")["attempt"] == 1
    assert "no worker" in shop.until(waiting, status="queued")["held"]
    shop.configure(smith={"agent": "slow"})
    shop.finish("waiting")
    shop.until(waiting, status="completed")


def test_an_agent_that_writes_the_settings_file_does_not_loosen_its_own_limits(shop: Shop) -> None:
    settings = shop.aurora.settings
    held = {"command": ["sh", "-c", "sleep 600"], "on_estop": "freeze"}
    before = shop.aurora.last_id()
    shop.aurora.configure({"web": held}, tasks=settings["tasks"])
    shop.aurora.until_event("settings_applied", since=before)
    slow = {**settings["tasks"]["agents"]["slow"], "permissions": "full", "on_estop": "ignore"}
    agents = {"slow": slow, "free": {"kind": "command", "command": ["sh"], "permissions": "full"}}
    before = shop.aurora.last_id()
    shop.aurora.configure({"web": {**held, "on_estop": "ignore"}}, tasks={"agents": agents})
    told = shop.aurora.until_event("settings_applied", since=before)["waiting"]
    names = (
        "tasks.agents.slow.permissions",
        "tasks.agents.slow.on_estop",
        "tasks.agents.free",
        "services.web.on_estop",
    )
    assert sorted(each.split("`")[1] for each in told) == sorted(names)
    with pytest.raises(AuroraError, match="There is no agent `free`"):
        shop.aurora.client.post("/v1/tasks", {"prompt": "x", "agent": "free"})
    with pytest.raises(AuroraError, match="more permissions"):
        shop.aurora.client.post("/v1/tasks", {"prompt": "x", "agent": "slow", "permissions": "full"})
    shop.aurora.crash()
    shop.aurora.start()
    assert sorted(shop.aurora.client.get("/v1/control")["pending"]) == sorted(told)
    assert "not in force" in str(shop.aurora.client.get("/v1/status")["problems"])
    shop.submit("held")
    agent = shop.at_work("held")
    shop.aurora.client.post("/v1/estop", {"reason": "a test"})
    both = {"web", "worker:slow-1"}
    eventually(lambda: set(shop.aurora.client.get("/v1/control")["frozen"]) == both, "both are frozen")
    assert machine.is_alive(agent)
