"""From the submission of a task to the start of its agent."""

import time
from functools import partial

from rig.agents import Cockpit, Ledger, agents_at_work
from rig.bench import Bench
from rig.figures import Figure

WARM_UP = 10


def submit(bench: Bench) -> list[Figure]:
    """From the moment before the HTTP request to the first thing that the agent does, one task at a time."""
    figure = bench.report.figure(
        "task_submit", "submit to the agent's start", "ms", "a command, a warm worker, the task on disk: target p50 20"
    )
    answered = bench.report.figure("task_answer", "submit to the answer", "ms", "the task is on disk by then")
    with agents_at_work(bench) as (cockpit, ledger):
        bench.report.measure(
            [figure, answered], "Aurora", partial(_submits, bench, (figure, answered), cockpit, ledger)
        )
    return [figure, answered]


def _submits(bench: Bench, figures: tuple[Figure, Figure], cockpit: Cockpit, ledger: Ledger) -> None:
    for number in range(WARM_UP + bench.runs * 10):
        began_ns = time.monotonic_ns()
        task_id = cockpit.submit(f"task-{number}", role="bench")
        answered_ns = time.monotonic_ns()
        begun = ledger.next()
        if number >= WARM_UP:
            figures[0].add("Aurora", (begun.at_ns - began_ns) / 1e6)
            figures[1].add("Aurora", (answered_ns - began_ns) / 1e6)
        cockpit.client.get(f"/v1/tasks/{task_id}", wait_s=10)
