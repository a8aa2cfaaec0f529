"""The figures of agents at work: workers that are idle, a flood of output, from submission to start, and a long queue
among kills, beside other queues and beside the mere start of as many agents.

    .venv/bin/python benchmarks/tasks.py [--quick] [--only submit] [--runs N] [--json FILE]

The queues that it is measured beside: `apt-get install redis-server` and `uv sync --group bench`.
"""

from rig.bench import run
from rig.flooded import flooded
from rig.idle_workers import idle_workers
from rig.queued import queue
from rig.spawned import spawn
from rig.submitted import submit

MEASUREMENTS = {"idle": idle_workers, "flood": flooded, "submit": submit, "spawn": spawn, "queue": queue}

if __name__ == "__main__":
    run("Measure agents at work.", MEASUREMENTS)
