"""The local API among those who mean it no good: 10,000 wrong tokens, 1,000 connections that say nothing.

.venv/bin/python benchmarks/door.py [--quick] [--only tokens] [--runs N] [--json FILE]
"""

from rig.bench import run
from rig.crowd import silent_crowd, wrong_tokens

MEASUREMENTS = {"tokens": wrong_tokens, "crowd": silent_crowd}

if __name__ == "__main__":
    run("Measure the local API in a crowd.", MEASUREMENTS)
