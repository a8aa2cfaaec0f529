"""One run of benchmarks: its folder, its children, its display and its report; and its command line."""

import shutil
import signal
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from rig.child import Nursery
from rig.display import Screen, screen
from rig.figures import Figure, Report, show
from rig.machine import describe
from rig.programs import Aurora, Contender, MissingError, Running, Services, contending, surroundings

# On the disk of the checkout, not in a /tmp that may be memory: what is durable has to wait for a disk.
BUILD = Path(__file__).resolve().parents[2] / "build"

HEADLESS = Aurora("Aurora, headless", "--headless")
TRAY = Aurora("Aurora, tray", "--hidden")


class Bench:
    """What every measurement is given. `runs` is the number of samples of the figure that is taken most often."""

    def __init__(self, folder: Path, report: Report, runs: int, *, quick: bool) -> None:
        self.folder = folder
        self.report = report
        self.runs = runs
        self.quick = quick
        self.idle_s = 10.0 if quick else 30.0
        self.nursery = Nursery(folder)
        self._stack = ExitStack()
        self._screen: Screen | None = None

    def close(self) -> None:
        self._stack.close()
        self.nursery.close()

    @property
    def screen(self) -> Screen:
        """The display, started when it is first wanted. Raises MissingError."""
        if self._screen is None:
            self._screen = self._stack.enter_context(screen(self.folder))
        return self._screen

    def services(self, count: int, **options: object) -> dict[str, Mapping[str, object]]:
        """So many plain services."""
        names = (f"s{number:03}" for number in range(count))
        return {name: {"command": self.nursery.command(name), **options} for name in names}

    def contending(self, contender: Contender, services: Services) -> AbstractContextManager[Running]:
        """The contender, running these services."""
        on_display = isinstance(contender, Aurora) and contender.mode != "--headless"
        environment = self.screen.environment if on_display else surroundings()
        return contending(contender, services, self.nursery, environment)


Measurement = Callable[[Bench], Sequence[Figure]]


def run(description: str, measurements: Mapping[str, Measurement]) -> None:
    """Parse the command line and perform the measurements, printing each as it is done."""
    given = _arguments(description, measurements)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    with bench(given.runs, quick=given.quick) as made:
        made.report.print_machine()
        for name in given.only or measurements:
            try:
                show(*measurements[name](made))
            except (MissingError, TimeoutError, OSError) as error:
                print(f"\n{name}: not measured: {error}", flush=True)
            made.report.write(given.json)


@contextmanager
def bench(runs: int, *, quick: bool) -> Iterator[Bench]:
    """In a folder of its own, of which nothing is left."""
    BUILD.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD))
    try:
        made = Bench(folder, Report(describe(folder)), runs, quick=quick)
        try:
            yield made
        finally:
            made.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _arguments(description: str, measurements: Mapping[str, Measurement]) -> Namespace:
    parser = ArgumentParser(description=description)
    parser.add_argument("--runs", type=int, metavar="N", help="samples of the quickest figure; others take fewer (30)")
    parser.add_argument("--only", action="append", choices=measurements, metavar="NAME", help=", ".join(measurements))
    parser.add_argument("--quick", action="store_true", help="few runs and short waits: a trial, not to be quoted")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there too")
    given = parser.parse_args()
    given.runs = given.runs or (6 if given.quick else 30)
    return given
