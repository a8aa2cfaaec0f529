"""Prometheus' own `promtool` judges what `/metrics` tells, and the alert rules that are shipped.

    .venv/bin/python -m tests.tools.promtool

Takes the promtool on PATH; else Debian's package `prometheus` is fetched by apt (19 MB) and only unpacked, below
`build/promtool`, since to install it would start a server. Ends with 1 where something is not well.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.e2e.aurora import Aurora, clean_environment
from tests.e2e.services import calm

ROOT = Path(__file__).parents[2]
UNPACKED = ROOT / "build/promtool"
RULES = ROOT / "resources/prometheus/alerts.yml"


def main() -> int:
    promtool = _promtool()
    rules = subprocess.run([promtool, "check", "rules", RULES], check=False).returncode
    return max(rules, _check_metrics(promtool))


def _check_metrics(promtool: str) -> int:
    """Those of a real Aurora to which something has happened."""
    with tempfile.TemporaryDirectory() as folder:
        aurora = Aurora(Path(folder), clean_environment(Path(folder)))
        aurora.configure({"web": calm(restart="always")})
        aurora.start()
        try:
            aurora.until("web", "running")
            os.kill(aurora.service_pid("web"), 9)
            aurora.until_event("service_recovered")
            told = aurora.client.text("/metrics")
        finally:
            for complaint in aurora.clean_up():
                print(complaint)
    done = subprocess.run([promtool, "check", "metrics"], input=told, text=True, check=False)
    print(f"check metrics: {len(told.splitlines())} lines, exit status {done.returncode}")
    return done.returncode


def _promtool() -> str:
    if found := shutil.which("promtool"):
        return found
    program = UNPACKED / "usr/bin/promtool"
    if not program.exists():
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["apt-get", "-qq", "download", "prometheus"], cwd=folder, check=True)
            (package,) = Path(folder).glob("prometheus_*.deb")
            subprocess.run(["dpkg-deb", "-x", package, UNPACKED], check=True)
    return str(program)


if __name__ == "__main__":
    sys.exit(main())
