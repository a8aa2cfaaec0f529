"""The figures of agents at work: from submission to start, a long queue among kills beside other queues, what workers
cost while idle, and what a flood of output costs one.

    .venv/bin/python benchmarks/tasks.py [--quick] [--only submit] [--runs N] [--json FILE]

The queues that it is measured beside: `apt-get install redis-server` and `uv sync --group bench`.
"""

from rig.bench import run
from rig.flooded import flooded
from rig.idle_workers import idle_workers
from rig.queued import queue
from rig.submitted import submit

MEASUREMENTS = {"submit": submit, "queue": queue, "idle": idle_workers, "flood": flooded}

if __name__ == "__main__":
    run("Measure agents at work.", MEASUREMENTS)
