"""An Aurora that has a measured agent do tasks: given by the local API, told of by the agent itself."""

import http.client
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from aurora_desktop.cli.client import Client
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths
from rig.bench import HEADLESS, Bench
from rig.child import NoCompilerError, compiled, kill
from rig.programs import end, fresh, surroundings

SOURCE = Path(__file__).with_name("ran.c")
AGENT = "ran"
WORKERS = 5
PATIENCE_S = 60.0


class Begun(NamedTuple):
    """One start of the agent: for which task, and when on the monotonic clock."""

    task: str
    at_ns: int


class Ledger:
    """The file to which each start of the agent is appended."""

    def __init__(self, folder: Path, work_ms: int) -> None:
        """Raises NoCompilerError."""
        program = compiled(folder, SOURCE)
        if program is None:
            raise NoCompilerError("no C compiler for the agent that is measured")
        self.path = folder / "begun"
        self.path.write_bytes(b"")
        self.command = [str(program), str(self.path), str(work_ms)]
        self._file = self.path.open("rb")
        self._rest = b""

    def close(self) -> None:
        self._file.close()

    def new(self) -> list[Begun]:
        """What was begun since the last time."""
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        return [Begun(words[0].decode(), int(words[1])) for line in lines if (words := line.split())]

    def next(self, timeout_s: float = PATIENCE_S) -> Begun:
        """The next start. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while not (found := self.new()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no agent was begun within {timeout_s:g} s")
            time.sleep(0.0005)
        return found[0]


class Cockpit:
    """A headless Aurora with WORKERS workers of the measured agent; it may be killed and started again."""

    def __init__(self, folder: Path, tasks: Mapping[str, object]) -> None:
        self.folder = folder
        self.paths = StatePaths(folder / "state")
        self.client = Client(self.paths)
        self._command = HEADLESS.prepare({}, folder)
        with (folder / "aurora.yaml").open("a", encoding="utf-8") as settings:
            settings.write(f"tasks: {json.dumps(tasks)}\n")
        self._process: subprocess.Popen[bytes] | None = None
        self._kept = threading.local()

    def start(self) -> None:
        with open(self.folder / "output", "ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                env=surroundings(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._until_it_answers()

    def crash(self) -> None:
        """SIGKILL; the workers run on. From any thread: who submits finds the connection broken."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        if (connection := getattr(self._kept, "connection", None)) is not None:
            connection.close()
        if self._process is not None:
            end(self._process)

    def submit(self, prompt: str, **more: object) -> str:
        """The id of the task, over a connection that each thread keeps. Raises OSError, HTTPException, AuroraError."""
        connection = self._connected()
        token = (self.paths.tokens / "operate").read_text(encoding="ascii").strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            connection.request("POST", "/v1/tasks", json.dumps({"prompt": prompt, **more}).encode(), headers)
            answer = connection.getresponse()
            task = json.loads(answer.read())
        except BaseException:
            connection.close()
            del self._kept.connection
            raise
        if answer.status != 202:
            raise AuroraError(task.get("title", ""), task.get("detail", ""), task.get("hint", ""))
        return str(task["id"])

    def count(self, *statuses: str) -> int:
        """Of the tasks in these states; 1000 at the most."""
        return len(self.client.get("/v1/tasks", status=",".join(statuses), limit=1000))

    def task(self, task_id: str) -> dict[str, Any]:
        return dict(self.client.get(f"/v1/tasks/{task_id}"))

    def worker_pids(self) -> list[int]:
        return [worker["pid"] for worker in self.client.get("/v1/workers") if worker.get("pid")]

    def _connected(self) -> http.client.HTTPConnection:
        found: http.client.HTTPConnection | None = getattr(self._kept, "connection", None)
        if found is None:
            port = json.loads(self.paths.api_file.read_bytes())["port"]
            found = self._kept.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        return found

    def _until_it_answers(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                if self._process is not None and self.client.get("/v1/status")["pid"] == self._process.pid:
                    return
            except AuroraError:
                time.sleep(0.02)
        raise TimeoutError(f"Aurora did not answer within {PATIENCE_S:g} s")


@contextmanager
def agents_at_work(bench: Bench, work_ms: int = 0, *, warm: bool = True) -> Iterator[tuple[Cockpit, Ledger]]:
    """Aurora with a role of WORKERS workers, and where they tell of each start of their agent."""
    folder = fresh(bench.folder, "agents")
    ledger = Ledger(folder, work_ms)
    agent = {"kind": "command", "command": ledger.command, "concurrency": WORKERS, "cwd": str(folder)}
    role = {"agent": AGENT, "count": WORKERS, "warm": warm}
    cockpit = Cockpit(folder, {"agents": {AGENT: agent}, "roles": {"bench": role}, "concurrency": WORKERS})
    try:
        cockpit.start()
        yield cockpit, ledger
    finally:
        cockpit.close()
        ledger.close()
        _sweep(cockpit.paths)


def _sweep(paths: StatePaths) -> None:
    """End the workers that a killed Aurora left and no later one took over: they name the socket of its state dir."""
    mark = os.fsencode(paths.root)
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if mark in line and b"aurora_desktop.tasks.worker" in line:
            kill(int(entry.name))
