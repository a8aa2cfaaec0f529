"""The figures of the brake and of the input agent, by an observer that knows nothing of either.

    .venv/bin/python benchmarks/input.py [--quick] [--only stop] [--runs N] [--json FILE]

The display is Xvnc, the operator an RFB client; both and the observer are those of the end-to-end tests. Numbers of
trials as a release wants them: `--only stop --only flood --runs 34` (200 for each action), `--only kill --runs 75`
(300 for each part), `--only text --runs 1000`, `--only soak --runs 1000`.
"""

from rig.bench import run
from rig.brake import flood, freeze, kill, stop
from rig.hands import speed, submit, text
from rig.soak import soak

MEASUREMENTS = {
    "stop": stop,
    "flood": flood,
    "kill": kill,
    "freeze": freeze,
    "submit": submit,
    "speed": speed,
    "text": text,
    "soak": soak,
}

if __name__ == "__main__":
    run("Measure the brake and the input agent.", MEASUREMENTS)
