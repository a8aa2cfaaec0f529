"""What the state survives, and what it costs to keep it."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import msgspec
from backups import power_cut
from backups.flipping import Flips, Where
from backups.killed import judge, kill_once
from backups.saved import as_program

from aurora_desktop.backups.folder import BackupFolder
from aurora_desktop.backups.keeping import Rule
from aurora_desktop.backups.making import make
from aurora_desktop.backups.messages import Made, Request
from aurora_desktop.backups.restoring import Kind, restore
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.storage.database import Database
from aurora_desktop.migrations import STATE_APPLICATION_ID, StateMigrations
from rig.bench import Bench
from rig.figures import Figure

KILLS, KILLS_QUICK = 200, 10
CUTS, CUTS_QUICK = 300, 20
FLIPS, FLIPS_QUICK = 1000, 60
SAVES, SAVES_QUICK = 5000, 500
WHERE: tuple[Where, ...] = ("file", "log", "mark", "backup")
SIZES = {"10 MB": 10 * 10**6, "1 GB": 10**9}
SIZES_QUICK = {"10 MB": 10 * 10**6}
RULE = Rule(6, 7, 4, 10**12)
BLOCK_BYTES = 100_000
AURORA = "Aurora"


def kills(bench: Bench) -> list[Figure]:
    """kill -9 at random moments over state, queue, outbox and journal."""
    count = KILLS_QUICK if bench.quick else KILLS
    lost = bench.report.figure(
        "kills_lost", "acknowledged writes lost", "writes", f"{count} kills, one state throughout"
    )
    acknowledged = bench.report.figure("kills_acknowledged", "acknowledged writes", "writes", "at each kill")
    bench.report.measure([lost, acknowledged], AURORA, partial(_kill, bench, lost, acknowledged, count))
    return [acknowledged, lost]


def _kill(bench: Bench, lost: Figure, acknowledged: Figure, count: int) -> None:
    folder = bench.folder / "killed"
    lines: list[str] = []
    for seed in range(count):
        told = kill_once(folder, random.Random(seed))
        acknowledged.add(AURORA, len(told))
        lines += told
    missing = judge(folder, lines)
    for line in missing[:10]:
        print(f"    lost: {line}", file=sys.stderr)
    lost.add(AURORA, len(missing))


def cuts(bench: Bench) -> list[Figure]:
    """Power cuts over state, queue and outbox, by a disk that forgets and tears what was not synced."""
    count = CUTS_QUICK if bench.quick else CUTS
    note = f"{count} power cuts at random writes"
    lost = bench.report.figure("cuts_lost", "acknowledged writes lost", "writes", note)
    unsound = bench.report.figure("cuts_unsound", "files found damaged afterwards", "files", note)
    for who, more in ((AURORA, ()), ("the same with synchronous=NORMAL", ("normal",))):
        bench.report.measure([lost, unsound], who, partial(_cut, bench, lost, unsound, who, count, more))
    return [lost, unsound]


def _cut(bench: Bench, lost: Figure, unsound: Figure, who: str, count: int, more: tuple[str, ...]) -> None:
    folder = bench.folder / f"cut{len(more)}"
    command, environment = as_program(power_cut.__name__, folder, count, 1, *more)
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise OSError(ran.stderr[-500:])
    outcome = msgspec.json.decode(ran.stdout, type=power_cut.Outcome)
    lost.add(who, len(outcome.lost))
    unsound.add(who, len(outcome.unsound))


def flips(bench: Bench) -> list[Figure]:
    """Random bits of the database, its write-ahead log, the mark beside it and its backups."""
    count = FLIPS_QUICK if bench.quick else FLIPS
    figure = bench.report.figure("flips", "flipped bits", "bits", f"{count} at random places, in turn")
    bench.report.measure([figure], AURORA, partial(_flip, bench, figure, count))
    return [figure]


def _flip(bench: Bench, figure: Figure, count: int) -> None:
    folder = bench.folder / "flips"
    folder.mkdir()
    flipping = Flips(folder)
    verdicts: Counter[str] = Counter()
    for seed in range(count):
        where = WHERE[seed % len(WHERE)]
        verdict = flipping.flip(where, random.Random(seed))
        verdicts[verdict] += 1
        if verdict == "missed":
            print(f"    missed: {where}, seed {seed}", file=sys.stderr)
    for verdict in ("found", "harmless", "missed"):
        figure.add(verdict, verdicts[verdict])


def saves(bench: Bench) -> list[Figure]:
    """From the wish to save to the knowledge that it is on the disk."""
    count = SAVES_QUICK if bench.quick else SAVES
    figure = bench.report.figure("save", "one durable save", "ms", "the target is p99 of 5 ms")
    bench.report.measure([figure], AURORA, partial(_save, bench, figure, count))
    return [figure]


def _save(bench: Bench, figure: Figure, count: int) -> None:
    paths = StatePaths(bench.folder / "saves")
    paths.make()
    database = Database.open(paths.state_db, StateMigrations(), STATE_APPLICATION_ID)
    for number in range(count):
        row = (f"k{number}", "v" * 200)
        began = time.perf_counter()
        database.submit(lambda db, row=row: db.execute("INSERT INTO alerts VALUES (?, ?)", row).fetchall()).result()
        figure.add(AURORA, (time.perf_counter() - began) * 1e3)
    database.close()


def backups(bench: Bench) -> list[Figure]:
    """A backup with its checks and its test restore, and going back to it, by size of the state."""
    made = bench.report.figure("backup", "a backup, with its test restore", "s", "half of the state can be packed")
    restored = bench.report.figure("restore", "going back to it", "s")
    for who, size in (SIZES_QUICK if bench.quick else SIZES).items():
        bench.report.measure([made, restored], who, partial(_back_up, bench, made, restored, who, size))
    return [made, restored]


def _back_up(bench: Bench, made: Figure, restored: Figure, who: str, size: int) -> None:
    paths = StatePaths(bench.folder / f"backups{size}")
    paths.make()
    _fill(paths.state_db, size)
    folder = BackupFolder(paths.backups, paths.digest)
    for _ in range(3):
        request = Request(str(paths.root), str(paths.backups), "", "measured", RULE, time.time())
        outcome = make(request)
        if not isinstance(outcome, Made):
            raise OSError(f"{outcome.title}: {outcome.detail}")
        made.add(who, outcome.duration_s)
        began = time.perf_counter()
        kinds = {"state.db": Kind(StateMigrations(), STATE_APPLICATION_ID)}
        done = restore(paths.root, paths.logs, *folder.find(outcome.id), kinds, time.time())
        restored.add(who, time.perf_counter() - began)
        for file in done.swap.files:
            (paths.root / file.outgoing).unlink()
        folder.remove(outcome.id)


def _fill(path: Path, size: int) -> None:
    database = Database.open(path, StateMigrations(), STATE_APPLICATION_ID)
    for start in range(0, size, 50 * BLOCK_BYTES):
        rows = [
            (f"k{start}-{number}", os.urandom(BLOCK_BYTES // 4).hex() + "v" * (BLOCK_BYTES // 2))
            for number in range(50)
        ]
        database.submit(lambda db, rows=rows: db.executemany("INSERT INTO alerts VALUES (?, ?)", rows)).result()
    database.checkpoint().result()
    database.close()
