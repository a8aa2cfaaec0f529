"""The figures of healing: time to recover from real faults, the watch over agents, and the failure memory.

    .venv/bin/python benchmarks/healing.py [--quick] [--only healed] [--runs N] [--json FILE]

How well the prediction foretells, false alarms first, is `benchmarks/prediction.py`.
"""

from rig.bench import run
from rig.faults_healed import healed
from rig.remembered import remembered
from rig.watched import watched

MEASUREMENTS = {"healed": healed, "watched": watched, "remembered": remembered}

if __name__ == "__main__":
    run("Measure healing.", MEASUREMENTS)
