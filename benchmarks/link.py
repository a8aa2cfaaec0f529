"""The figures of the link: messages over faults, reconnection, half-open connections, a year of tokens.

.venv/bin/python benchmarks/link.py [--quick] [--only messages] [--runs N] [--json FILE]
"""

from rig.bench import run
from rig.linked import half_open, messages, outages, tokens

MEASUREMENTS = {"messages": messages, "outages": outages, "half_open": half_open, "tokens": tokens}

if __name__ == "__main__":
    run("Measure the link.", MEASUREMENTS)
