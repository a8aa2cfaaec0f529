"""The figures of agents at work: from submission to start, and a long queue among kills, beside other queues.

    .venv/bin/python benchmarks/tasks.py [--quick] [--only submit] [--runs N] [--json FILE]

The queues that it is measured beside: `apt-get install redis-server` and `uv sync --group bench`.
"""

from rig.bench import run
from rig.queued import queue
from rig.submitted import submit

MEASUREMENTS = {"submit": submit, "queue": queue}

if __name__ == "__main__":
    run("Measure agents at work.", MEASUREMENTS)
