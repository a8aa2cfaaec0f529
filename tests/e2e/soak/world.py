"""An Aurora with its window, services of every temper, agents, a link over a bad line, and backups: one world."""

import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from unit.link.brain import Served
from unit.link.proxy import Proxy

from aurora_desktop.cli.client import Client
from aurora_desktop.core.errors import AuroraError
from e2e.aurora import Aurora, clean_environment
from e2e.screen import Screen
from e2e.services import calm, family, free_port, notifier, python, shell
from e2e.waiting import eventually

from .samples import Sample, sample

PATIENCE_S = 60.0
NO_KEYRING = "keyring.backends.fail.Keyring"
KILLED = ("plain", "web", "family", "flood")
"""What is killed, and is there again: by itself each of them would run for ever."""
HUNG = "watched"
AGENT = "echo"
_TIRELESS = {"restart_sec": 0.05, "restart_max_delay_sec": 0.5, "start_limit_burst": 100_000, "timeout_stop_sec": 2}


def services(folder: Path) -> dict[str, dict[str, Any]]:
    """Some that run, one that crashes, one that floods its log, one that eats memory, one that is to be hung."""
    port = free_port()
    page = {"http": {"url": f"http://127.0.0.1:{port}/"}, "timeout_sec": 5, "period_sec": 1}
    made = {
        "plain": calm(),
        "web": calm(command=python("server", port), requires=["plain"], readiness_probe=page, liveness_probe=page),
        HUNG: notifier(0.2, watchdog_sec=2, timeout_start_sec=30),
        "family": family(folder / "book"),
        "crasher": calm(command=shell("sleep 3; exit 9")),
        "flood": calm(
            command=shell("while :; do yes 'a line of a flood' | head -n 2000; sleep 0.5; done"),
            log={"max_bytes": "500kB", "keep": 1},
        ),
        "eater": calm(command=shell("sleep 5; exec " + " ".join(python("eater"))), memory_max="60MB"),
    }
    return {name: {**spec, **_TIRELESS} for name, spec in made.items()}


class World:
    """`with` starts all of it and ends it; `complaints` tells then what was left or went wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.services = services(folder)
        self.recoveries: defaultdict[str, list[float]] = defaultdict(list)
        """Seconds, by what came back."""
        self.lives = 0
        self.began_at = time.monotonic()
        self.complaints: list[str] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.served = stack.enter_context(Served())
            self.brain = self.served.brain
            self.proxy = Proxy(self.served.port, self.served.live_port)
            self.served.run(self.proxy.__aenter__())
            stack.callback(lambda: self.served.run(self.proxy.__aexit__()))
            (self.folder / "screen").mkdir()
            screen = stack.enter_context(Screen(self.folder / "screen"))
            screen.start_host()
            environment = clean_environment(
                self.folder, **screen.environment, PYTHON_KEYRING_BACKEND=NO_KEYRING, QT_QPA_PLATFORM="xcb"
            )
            self.aurora = Aurora(self.folder, environment)
            stack.callback(lambda: self.complaints.extend(self.aurora.clean_up()))
            self.configure()
            self.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    # --- Aurora ---------------------------------------------------------------------------------------------------

    def configure(self, mark: str = "") -> None:
        """The settings; another mark is a change of one service."""
        marked = {**self.services, "plain": {**self.services["plain"], "env": {"MARK": mark}}}
        agent = {"kind": "command", "command": ["sh", "-c", "sleep 0.2; echo did: $1", "agent"]}
        self.aurora.configure(
            marked,
            tasks={
                "agents": {AGENT: {**agent, "cwd": str(self.folder), "concurrency": 2}},
                "max_attempts": 50, "result_ttl_s": 60, "keep_max_days": 0.01, "lease_s": 10,
            },
            link=self._link(),
            backups={"interval_s": 60, "keep_hourly": 2, "keep_daily": 1, "keep_weekly": 1, "max_bytes": "20MB"},
            journal={"max_bytes": "5MB"},
            logs={"max_bytes": "500kB", "keep": 2},
            heartbeat={"interval_s": 1},
            notifications={"enabled": False},
        )  # fmt: skip

    def _link(self) -> dict[str, Any]:
        """Over the bad line."""
        return self.served.settings(poll_s=0.5, reconnect_max_s=5) | {
            "url": f"http://127.0.0.1:{self.proxy.port}",
            "websocket_url": f"ws://127.0.0.1:{self.proxy.live_port}",
        }

    def start(self) -> None:
        """Start it with its window, and wait until it answers; the time since is its age."""
        self.lives += 1
        self.began_at = time.monotonic()
        self.aurora.launch()
        eventually(self.answers, "Aurora answers", PATIENCE_S)

    def answers(self) -> bool:
        assert self.aurora.is_running, f"Aurora ended:\n{self.aurora.output}"
        try:
            return bool(self.client().get("/v1/status")["pid"] == self.aurora.pid)
        except AuroraError:
            return False

    def client(self) -> Client:
        """One for each thread, and each call."""
        return Client(self.aurora.paths, PATIENCE_S)

    @property
    def age_s(self) -> float:
        return time.monotonic() - self.began_at

    def sample(self) -> Sample:
        return sample(self.aurora.pid, self.aurora.paths.root)

    # --- what is asked of it ----------------------------------------------------------------------------------------

    def until(self, condition: Any, what: str, recovered: str = "") -> None:
        """Wait; a refusal of the API counts as "not yet". How long it took is noted for what has recovered."""

        def there() -> bool:
            try:
                return bool(condition())
            except AuroraError:
                return False

        begun = time.monotonic()
        eventually(there, what, PATIENCE_S)
        if recovered:
            self.recoveries[recovered].append(time.monotonic() - begun)

    def pid_of(self, name: str) -> int | None:
        row = self.client().get(f"/v1/services/{name}")
        return int(row["pid"]) if row["state"] in ("running", "ready") and row["pid"] is not None else None

    def link_state(self) -> str:
        return str(self.client().get("/v1/link")["state"])
