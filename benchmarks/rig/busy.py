"""An Aurora that can be told to be busy, as `busy_aurora.py` is from its inside."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from aurora_desktop.core.paths import StatePaths
from rig.bench import Bench
from rig.idle import open_window
from rig.programs import RIG, Aurora, Running, Services

READY_TIMEOUT_S = 60.0
ASK_AGAIN_S = 0.05
SETTLE_S = 3.0


class Done(Struct, frozen=True):
    """Between `begin` and `end`: the times between two frames, what the loop's thread worked in each of them (CPU), the
    events that were published, CPU of main."""

    gaps_ms: list[float]
    work_ms: list[float]
    published: int
    cpu_percent: float


class _BusyAurora(Aurora, frozen=True):
    def prepare(self, services: Services, folder: Path) -> list[str]:
        _, *arguments = super().prepare(services, folder)
        return [sys.executable, str(RIG / "busy_aurora.py"), str(folder), *arguments]


class Busy:
    """One that runs. `door_mb`: what its memory grew by when the door was opened."""

    def __init__(self, folder: Path, program: Running) -> None:
        self._folder = folder
        self._program = program
        self.paths = StatePaths(folder / "state")
        self._told("ready.json")
        self.door_mb: float = self._told("door.json")["mb"]

    @property
    def port(self) -> int:
        return int(json.loads(self.paths.api_file.read_text())["port"])

    @property
    def token(self) -> str:
        return (self.paths.tokens / "read").read_text().strip()

    def begin(self, events_per_s: int = 0) -> None:
        (self._folder / "done.json").unlink(missing_ok=True)
        (self._folder / "order.json").write_text(json.dumps({"events_per_s": events_per_s}))
        self._program.process.send_signal(signal.SIGUSR1)

    def end(self) -> Done:
        self._program.process.send_signal(signal.SIGUSR2)
        return Done(**self._told("done.json"))

    def memory_mb(self) -> float:
        """Resident memory of the main process, once what was asked for is over."""
        time.sleep(SETTLE_S)
        status = Path(f"/proc/{self._program.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1000

    def _told(self, name: str) -> dict[str, float]:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not (self._folder / name).exists():
            if time.monotonic() > deadline or self._program.process.poll() is not None:
                raise TimeoutError(f"{name} did not come: {(self._folder / 'output').read_text()[-500:]}")
            time.sleep(ASK_AGAIN_S)
        return dict(json.loads((self._folder / name).read_text()))


@contextmanager
def busy(bench: Bench, services: int) -> Iterator[Busy]:
    """With its window open."""
    with bench.contending(_BusyAurora("Aurora, window", "--hidden"), bench.services(services)) as program:
        made = Busy(bench.folder / "state", program)
        bench.nursery.wait_all("born", services)
        open_window(bench)
        yield made
