"""What becomes of the state: kills, power cuts, flipped bits, the time of a save, of a backup and of its restore.

    .venv/bin/python benchmarks/durability.py [--quick] [--only cuts] [--runs N] [--json FILE]

The parts that kill, cut and flip are those of `tests/unit/backups`, where a sample of each runs with the tests.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "unit"))

from rig.bench import run
from rig.durable import backups, cuts, flips, kills, saves

MEASUREMENTS = {"kills": kills, "cuts": cuts, "flips": flips, "saves": saves, "backups": backups}

if __name__ == "__main__":
    run("Measure what the state survives.", MEASUREMENTS)
