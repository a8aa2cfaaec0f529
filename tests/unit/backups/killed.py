"""A process that saves until it is killed: `python -m unit.backups.killed FOLDER`.

It writes one line for each save of the state, task of the queue, message of the outbox and event of the journal that
was acknowledged, at once and whole; `judge` looks for them in what is left.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from aurora_desktop.core.clock import SystemClock
from aurora_desktop.core.events import LogDropped, Record
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import JournalSettings, LogSettings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.storage.journal import Journal
from aurora_desktop.migrations import STATE_APPLICATION_ID, StateMigrations

from .saved import Saving, as_program, kept

LINES_AT_MOST = 60


class Opened(NamedTuple):
    state: Database
    journal: Journal
    last_id: int


def opened(folder: Path) -> Opened:
    paths = StatePaths(folder)
    journal = Journal(paths, JournalSettings(), LogSettings(), SystemClock())
    last_id = journal.open()
    state = Database.open(paths.state_db, StateMigrations(), STATE_APPLICATION_ID)
    return Opened(state, journal, last_id)


async def save(folder: Path) -> None:
    state, journal, last_id = opened(folder)
    number = int(state.read("SELECT count(*) FROM alerts")[0][0])
    saving = Saving(state, _say)
    while True:
        number += 1
        await saving.once(number)
        last_id += 1
        event = LogDropped(at=float(number), component="aurora", dropped_bytes=number, detail="d")
        journal.append(Record(last_id, event))
        if await asyncio.to_thread(journal.flush):
            _say(f"event {last_id}")


def _say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def kill_once(folder: Path, chance: random.Random) -> list[str]:
    """Let it save, and kill it at a random moment; the lines of what it acknowledged."""
    command, environment = as_program(__name__, folder)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        lines = list(_some_lines(child.stdout, chance.randrange(1, LINES_AT_MOST)))
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.read().decode().splitlines()
        assert child.wait() == -signal.SIGKILL, child.stderr.read() if child.stderr else ""
    return lines


def _some_lines(output: IO[bytes], count: int) -> Iterator[str]:
    for _ in range(count):
        yield output.readline().decode().strip()


def judge(folder: Path, lines: list[str]) -> list[str]:
    """What was acknowledged and is not there; and files that were set aside."""
    state, journal, _ = opened(folder)
    there = kept(state)
    there |= {f"event {record.id}" for record in journal.since(0, 10**6)}
    state.close()
    journal.close()
    aside = [f"set aside: {path.name}" for path in folder.glob("*.quarantined-*")]
    return [line for line in lines if line and line not in there] + aside


if __name__ == "__main__":
    asyncio.run(save(Path(sys.argv[1])))
