"""What only shows inside the program: one heartbeat, one durable save. Run in a process of its own.

Usage: python -m rig.inside heartbeat FOLDER RUNS (settings in FOLDER/aurora.yaml), or: save FOLDER RUNS.
Prints a JSON object: contender to samples in ms.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import apsw

from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.watch import SettingsSource
from aurora_desktop.core.storage.database import Database
from aurora_desktop.house import House

CHECKS_S = 8.0
BETWEEN_S = 0.02
TABLE = "CREATE TABLE saved(id INTEGER PRIMARY KEY, content BLOB NOT NULL)"
CONTENT = os.urandom(1024)


def heartbeat(folder: Path, runs: int) -> dict[str, list[float]]:
    """`Pulse.beat` of the whole house over its real services: health, views, publishing to journal and readers."""
    return {"one heartbeat": asyncio.run(_beats(folder, runs))}


async def _beats(folder: Path, runs: int) -> list[float]:
    paths = StatePaths(folder / "state")
    paths.make()
    source = SettingsSource.load(folder / "aurora.yaml")
    house = House(paths, source, environment=dict(os.environ), own={}, mode="headless")
    await house.begin()
    await asyncio.sleep(CHECKS_S)  # the history of checks fills up
    if not all(view.state == "running" for view in house.supervisor.views()):
        raise RuntimeError("not every service runs")
    samples = []
    for _ in range(runs):
        began = time.perf_counter()
        house.pulse.beat(due_s=house.pulse.interval_s)
        samples.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(BETWEEN_S)
    await house.close("benchmark")
    return samples


def save(folder: Path, runs: int) -> dict[str, list[float]]:
    """A row of 1 KiB, waited for until it is safe; beside the least that the disk itself takes for 1 KiB."""
    database = Database.open(folder / "save.db", (TABLE,), 1)
    samples: dict[str, list[float]] = {"durable save of 1 KiB": [], "limit: write and fdatasync": []}
    with open(folder / "plain", "ab", buffering=0) as plain:
        for _ in range(runs):
            samples["durable save of 1 KiB"].append(_save_ms(database))
            samples["limit: write and fdatasync"].append(_write_ms(plain.fileno()))
    database.close()
    return samples


def _save_ms(database: Database) -> float:
    def insert(connection: apsw.Connection) -> None:
        connection.execute("INSERT INTO saved(content) VALUES (?)", (CONTENT,))

    began = time.perf_counter()
    database.submit(insert).result()
    return (time.perf_counter() - began) * 1e3


def _write_ms(fd: int) -> float:
    began = time.perf_counter()
    os.write(fd, CONTENT)
    os.fdatasync(fd)
    return (time.perf_counter() - began) * 1e3


if __name__ == "__main__":
    what, where, times = sys.argv[1:]
    print(json.dumps({"heartbeat": heartbeat, "save": save}[what](Path(where), int(times))))
