"""The figures of agents at work: what workers cost while idle, and what a flood of output costs one.

.venv/bin/python benchmarks/tasks.py [--quick] [--only idle] [--runs N] [--json FILE]
"""

from rig.bench import run
from rig.flooded import flooded
from rig.idle_workers import idle_workers

MEASUREMENTS = {"idle": idle_workers, "flood": flooded}

if __name__ == "__main__":
    run("Measure agents at work.", MEASUREMENTS)
