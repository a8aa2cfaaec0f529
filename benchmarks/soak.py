"""Everything at once under faults, for hours: is it up, how soon is it back, and does anything grow?

    .venv/bin/python benchmarks/soak.py [--minutes N] [--quick] [--seed N] [--json FILE]

One Aurora with its window on a display of its own, services that crash, hang, flood their logs and eat memory, agents
that do tasks, readers of the event stream, callers of the API, the link to the stand-in of its server over a bad line,
and a backup every minute; all along services and workers are killed, and now and then Aurora itself. A short run of it
is `tests/e2e/test_soak.py`. The exit code is 1 if something grew, was lost, or was not well in the end.
"""

import argparse
import random
import signal
import sys
from pathlib import Path

from rig.bench import bench
from rig.everything import LONG, QUICK, judged, soaked
from rig.figures import show

MINUTES, MINUTES_QUICK = 240.0, 2.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Let everything run at once, under faults.")
    parser.add_argument("--minutes", type=float, metavar="N", help=f"how long ({MINUTES:g}, quick {MINUTES_QUICK:g})")
    parser.add_argument("--quick", action="store_true", help="short, with a sample every second: a trial")
    parser.add_argument("--seed", type=int, metavar="N", help="the dice, to repeat a run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there too")
    given = parser.parse_args()
    given.minutes = given.minutes or (MINUTES_QUICK if given.quick else MINUTES)
    given.seed = random.randrange(10**6) if given.seed is None else given.seed
    return given


def main() -> int:
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    with bench(1, quick=given.quick) as made:
        made.report.print_machine()
        print(f"{given.minutes:g} minutes, seed {given.seed}", flush=True)
        pace = QUICK if given.quick else LONG
        soak = soaked(made, pace, given.minutes * 60, random.Random(given.seed))
        show(*made.report.figures)
        faults = judged(soak, pace)
        made.report.write(given.json)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
