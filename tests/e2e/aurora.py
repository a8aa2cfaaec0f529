"""One Aurora under test: its settings file, its state dir, its process, and what it says of itself."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aurora_desktop.cli.client import Client
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths

from . import machine
from .waiting import PATIENCE_S, eventually

COMMAND = Path(sys.executable).with_name("aurora")
# Each would lead the program under test out of the test's own folder, or to somebody else's display.
_NOT_PASSED_ON = ("AURORA_", "XDG_", "DBUS_", "WAYLAND_", "QT_", "LISTEN_", "NOTIFY_", "WATCHDOG_")
# Collected by the kernel's and Aurora's own rounds: a zombie older than this was forgotten.
ZOMBIE_S = 8.0
GUARD_LEAVES_S = 3.0

# A crash of a part, a task that nobody awaited, a warning of Qt: none is to pass unseen.
_IS_FAILURE = re.compile(r"Traceback|was never|Exception in|Fatal|^QObject|^Q[A-Z]\w+::|^qt\.|Warning:")

Row = dict[str, Any]
Event = dict[str, Any]


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of this test run with every place of the user's moved below `home`."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_PASSED_ON)}
    env.pop("DISPLAY", None)
    # SHLVL: as if started from a shell, so that no login shell is asked for its PATH.
    return {
        **env,
        "SHLVL": "1",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_DATA_HOME": str(home / "data"),
        "LC_ALL": "C.UTF-8",
        **more,
    }


class Aurora:
    """Driven like a user would: by its settings file, its command, its local API and signals."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.config = folder / "aurora.yaml"
        self.paths = StatePaths(folder / "s")
        self.environment = dict(environment)
        self.client = Client(self.paths)
        self.process: subprocess.Popen[bytes] | None = None
        self.settings: dict[str, Any] = {}
        self._output = folder / "aurora.out"

    # --- settings ---------------------------------------------------------------------------------------------

    def configure(self, services: Mapping[str, Any], **sections: Any) -> None:
        """Write the settings file; JSON is YAML."""
        supervisor = {"check_interval_s": 0.5, **sections.pop("supervisor", {})}
        self.settings = {"services": dict(services), "supervisor": supervisor, **sections}
        self.write(json.dumps(self.settings, indent=1))

    def write(self, text: str) -> None:
        """Replace the settings file as an editor does: whole, at once."""
        draft = self.config.with_name("draft")
        draft.write_text(text)
        draft.replace(self.config)

    # --- its life ---------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        assert self.process is not None, "Aurora was not started"
        return self.process.pid

    @property
    def output(self) -> str:
        """What the program printed, of all its starts."""
        return self._output.read_text(errors="replace") if self._output.exists() else ""

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def launch(self, *options: str) -> None:
        """Start the program without waiting for anything."""
        self.launch_as("run", *options)

    def launch_as(self, *command: str) -> None:
        """The same by another command than `run`."""
        assert not self.is_running, "it runs already"
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(
                self.argv(*command),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def start(self) -> None:
        """Start the program headless and wait until it answers."""
        self.launch("--headless")
        self.until_running()

    def start_desktop(self, *options: str) -> None:
        """Start the program with tray and window, and wait until it answers."""
        self.launch(*options)
        self.until_running()

    def until_running(self) -> None:
        eventually(self._answers, "Aurora answers")

    def _answers(self) -> bool:
        assert self.is_running, f"Aurora ended:\n{self.output}"
        try:
            return bool(self.client.get("/v1/status")["pid"] == self.pid)
        except AuroraError:
            return False

    def ended(self, timeout_s: float = PATIENCE_S) -> int:
        """The exit code, once it has ended by itself."""
        assert self.process is not None, "Aurora was not started"
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"Aurora did not end; it printed:\n{self.output}") from late

    def send(self, number: int) -> None:
        assert self.process is not None, "Aurora was not started"
        self.process.send_signal(number)

    def quit(self) -> int:
        """`aurora quit`, by the API; the exit code of the program."""
        self.client.post("/v1/quit")
        return self.ended()

    def crash(self) -> None:
        """SIGKILL: no last word, no cleaning up."""
        self.send(signal.SIGKILL)
        self.ended()

    def command(self, *argv: str) -> "subprocess.CompletedProcess[str]":
        """The `aurora` command as a process of its own, on this settings file and state dir."""
        return subprocess.run(
            self.argv(*argv),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def argv(self, *argv: str) -> list[str]:
        """The `aurora` command on this settings file and state dir."""
        return [str(COMMAND), "--config", str(self.config), "--state-dir", str(self.paths.root), *argv]

    # --- what it says -----------------------------------------------------------------------------------------

    def status(self) -> Row:
        return dict(self.client.get("/v1/status"))

    def ps(self) -> dict[str, Row]:
        return {row["name"]: row for row in self.client.get("/v1/services")}

    def service(self, name: str) -> Row:
        return dict(self.client.get(f"/v1/services/{name}"))

    def service_pid(self, name: str) -> int:
        pid = self.service(name)["pid"]
        assert pid is not None, f"{name} has no process: {self.service(name)}"
        return int(pid)

    def pids(self) -> dict[str, int | None]:
        return {name: row["pid"] for name, row in self.ps().items()}

    def events(self, kind: str = "", component: str = "", since: int = 0) -> list[Event]:
        """All events behind `since`, of one type and component if named; each with its `id`."""
        found: list[Event] = []
        while records := self._page(since, component):
            since = records[-1]["id"]
            found += [{"id": record["id"], **record["event"]} for record in records]
        return [event for event in found if kind in ("", event["type"])]

    def _page(self, since: int, component: str) -> list[dict[str, Any]]:
        reply = self.client.get("/v1/events", since=since, limit=1000, component=component or None)
        return list(reply["records"])

    def last_id(self) -> int:
        return int(self.client.get("/v1/events", limit=1)["last_id"])

    def log_text(self, name: str) -> str:
        return str(self.client.get(f"/v1/services/{name}/log", lines=10_000)["text"])

    # --- what it is asked -------------------------------------------------------------------------------------

    def ask(self, verb: str, *names: str) -> dict[str, Row]:
        """`start`, `stop` or `restart`, waited for."""
        reply = self.client.post(f"/v1/services/{verb}", {"names": names, "wait": True, "timeout_s": 20}, wait_s=20)
        assert reply["settled"], reply
        return {row["name"]: row for row in reply["services"]}

    def tell(self, verb: str, *names: str) -> None:
        """The same without waiting."""
        self.client.post(f"/v1/services/{verb}", {"names": names})

    # --- waiting ----------------------------------------------------------------------------------------------

    def until(self, name: str, *states: str, timeout_s: float = PATIENCE_S) -> Row:
        """The service, once it is in one of the states."""

        def there() -> Row:
            row = self.ps().get(name)
            assert row is not None, f"{name} is not known"
            assert row["state"] in states, f"{name}: {row['state']} ({row['cause']})"
            return row

        return eventually(there, f"{name} is {' or '.join(states)}", timeout_s)

    def until_replaced(self, name: str, pid: int, timeout_s: float = PATIENCE_S) -> Row:
        """The service, once it is up with another pid than `pid`."""

        def replaced() -> Row:
            row = self.service(name)
            is_up = row["state"] in ("running", "ready") and row["pid"] not in (None, pid)
            assert is_up, f"{row['state']}, pid {row['pid']} ({row['cause']})"
            return row

        return eventually(replaced, f"{name} is replaced", timeout_s)

    def until_event(self, kind: str, component: str = "", since: int = 0, timeout_s: float = PATIENCE_S) -> Event:
        """The first such event behind `since`."""
        return eventually(lambda: self.events(kind, component, since), f"the event {kind}", timeout_s)[0]

    def until_gone(self, *pids: int) -> None:
        eventually(lambda: not any(machine.is_alive(pid) for pid in pids), f"the processes {pids} are gone")

    # --- the machine's word -----------------------------------------------------------------------------------

    def processes(self) -> list[machine.Seen]:
        """Every living process of a service of this Aurora, or of an earlier one of this state dir."""
        return [seen for seen in machine.marked(self.paths.digest) if seen.spawn]

    def _left(self) -> list[machine.Seen]:
        """What is still there; the guard is given the moment that it takes to see that nobody needs it."""
        deadline = time.monotonic() + GUARD_LEAVES_S
        while left := machine.marked(self.paths.digest):
            if time.monotonic() > deadline or any(seen.spawn for seen in left):
                break
            time.sleep(0.02)
        return left

    def clean_up(self) -> list[str]:
        """End Aurora and all that is left of it; what should not have been there, in words."""
        complaints = []
        if self.is_running:
            complaints += self._forgotten_zombies()
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
            complaints += self._how_it_ended()
        complaints += [f"in its output: {line}" for line in self.output.splitlines() if _IS_FAILURE.search(line)]
        for left in self._left():
            complaints.append(f"left alive: {left}")
            machine.kill(left.pid)
        return complaints

    def _forgotten_zombies(self) -> list[str]:
        try:
            eventually(lambda: not machine.zombies(self.pid), "no zombies", ZOMBIE_S)
        except AssertionError:
            return [f"zombies: {machine.zombies(self.pid)}"]
        return []

    def _how_it_ended(self) -> list[str]:
        try:
            code = self.ended(40.0)
        except AssertionError as error:
            self.crash()
            return [str(error)]
        return [] if code == 0 else [f"Aurora ended with {code} and printed:\n{self.output}"]
