"""Settings as people write them, a real service that fails, a real supervisor, a real yard: healed end to end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from supervisor.stage import STATE_APPLICATION_ID, Stage
from supervisor.yard import in_loop

from aurora_desktop.core.clock import SystemClock
from aurora_desktop.core.events import ServiceFailed, ServiceRecovered
from aurora_desktop.core.healing_events import Escalated, FaultDiagnosed, RemedyFinished, RemedyStarted
from aurora_desktop.core.settings.loader import parse
from aurora_desktop.core.storage.database import Database
from aurora_desktop.healing.remedies.engine import RemedyEngine
from aurora_desktop.healing.remedies.gated import GatedFixes
from aurora_desktop.healing.remedies.kinds import KindRegistry
from aurora_desktop.healing.remedies.store import MIGRATIONS as REMEDY_MIGRATIONS
from aurora_desktop.healing.remedies.store import RemedyStore
from aurora_desktop.healing.supervised_yard import SupervisedYard
from aurora_desktop.supervisor.engine import Supervisor
from aurora_desktop.supervisor.ledger import MIGRATIONS, Ledger
from healing.yard_fake import FakeMemory

NEEDY = """
services:
  web:
    command: [sh, -c, 'test -s data/ready || { echo "cannot find data/ready"; exit 3; }; exec sleep 600']
    cwd: "@FOLDER@"
    restart_sec: 60
    restart_max_delay_sec: 60
"""


@asynccontextmanager
async def healing(stage: Stage, text: str, folder: Path) -> AsyncIterator[tuple[Supervisor, RemedyEngine]]:
    """All that there is of Aurora below its door, for this settings file."""
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    settings = parse(text.replace("@FOLDER@", str(folder)), folder / "aurora.yaml")
    migrations = (*MIGRATIONS, *REMEDY_MIGRATIONS)
    database = await asyncio.to_thread(Database.open, stage.paths.state_db, migrations, STATE_APPLICATION_ID)
    clock = SystemClock()
    supervisor = Supervisor(
        settings,
        clock=clock,
        ledger=Ledger(database),
        paths=stage.paths,
        publish=stage.bus.publish,
        environment=stage.yard.environment,
    )
    real = SupervisedYard(supervisor.tending, clock)
    engine = RemedyEngine(
        settings,
        clock=clock,
        publish=stage.bus.publish,
        yard=real,
        tending=supervisor.tending,
        memory=FakeMemory(),
        store=RemedyStore(database),
        gate=GatedFixes(stage.paths.root / "fixes"),
        kinds=KindRegistry(()),
    )
    for reader in (real.read, engine.read):
        stage.bus.subscribe(reader)
    running = asyncio.create_task(engine.run())
    try:
        await supervisor.begin()
        yield supervisor, engine
    finally:
        await engine.close()
        running.cancel()
        await asyncio.wait([running])
        await supervisor.end(leave=False)
        await asyncio.to_thread(database.close)


@in_loop
async def test_a_remedy_from_the_settings_heals_a_real_service(stage: Stage, tmp_path: Path) -> None:
    remedy = r"""
healing:
  verify_sec: 0.1
  remedies:
    make-data:
      pattern: 'cannot find (?P<file>\S+)'
      command: [sh, -c, 'mkdir -p "$(dirname "$1")" && echo yes >"$1"', sh, '{file}']
"""
    folder = tmp_path / "web"
    async with healing(stage, NEEDY + remedy, folder) as (supervisor, engine):
        await stage.until(lambda: stage.told(RemedyFinished) and stage.told(ServiceRecovered))
        (ended,) = stage.told(RemedyFinished)
        assert (ended.outcome, ended.remedy, supervisor.view("web").state) == ("worked", "make-data", "running")
        assert (folder / "data" / "ready").read_text() == "yes\n"
        assert stage.told(FaultDiagnosed)[0].kind == "make-data"
        assert stage.told(ServiceRecovered)[0].downtime_s < 10
        assert engine.remedies()[0].worked == 1


@in_loop
async def test_a_remedy_that_does_not_verify_is_undone_and_the_operator_called(stage: Stage, tmp_path: Path) -> None:
    remedy = r"""
healing:
  verify_sec: 0.1
  remedies:
    make-nothing:
      pattern: 'cannot find (?P<file>\S+)'
      command: [touch, 'made-for-{service}']
      verify: [test, -s, '{file}']
      undo: [rm, 'made-for-{service}']
      restart: false
"""
    folder = tmp_path / "web"
    async with healing(stage, NEEDY + remedy, folder) as (supervisor, engine):
        await stage.until(lambda: stage.told(Escalated))
        assert [ended.outcome for ended in stage.told(RemedyFinished)] == ["undone"]
        assert not (folder / "made-for-web").exists()
        assert engine.escalations()[0].component == "service:web"
        failures = len(stage.told(ServiceFailed))
        supervisor.restart(("web",), "window")
        assert engine.escalations() == ()
        await stage.until(lambda: len(stage.told(ServiceFailed)) > failures)
        await stage.until(lambda: len(stage.told(RemedyStarted)) > 1)


@in_loop
async def test_a_change_of_files_is_kept_only_if_the_check_of_the_service_succeeds(
    stage: Stage, tmp_path: Path
) -> None:
    remedy = r"""
    healing:
      check: [grep, -q, good, data/ready]
healing:
  verify_sec: 0.1
  remedies:
    bad-fix:
      pattern: 'cannot find (?P<file>\S+)'
      command: [sh, -c, 'echo bad >"$1"; rm precious', sh, '{file}']
    good-fix:
      pattern: 'cannot find (?P<file>\S+)'
      command: [sh, -c, 'echo good >"$1"', sh, '{file}']
"""
    folder = tmp_path / "web"
    (folder / "data").mkdir(parents=True)
    (folder / "precious").write_text("precious")
    async with healing(stage, NEEDY + remedy, folder) as (supervisor, _):
        await stage.until(lambda: len(stage.told(RemedyFinished)) == 2)
        bad, good = stage.told(RemedyFinished)
        assert (bad.outcome, good.outcome) == ("failed", "worked")
        assert "The check failed, so the change was rolled back" in bad.cause
        assert (folder / "precious").read_text() == "precious"
        assert (folder / "data" / "ready").read_text() == "good\n"
        assert supervisor.view("web").state == "running"
    assert list((stage.paths.root / "fixes").iterdir()) == []


@in_loop
async def test_while_the_stop_is_latched_nothing_is_tried(stage: Stage, tmp_path: Path) -> None:
    remedy = r"""
    on_estop: stop
    liveness_probe: {exec: {command: [test, -e, alive]}, period_sec: 0.05, failure_threshold: 1}
healing:
  remedies:
    make-data: {pattern: ., command: [touch, touched]}
"""
    folder = tmp_path / "web"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "ready").write_text("yes")
    async with healing(stage, NEEDY + remedy, folder) as (supervisor, _):
        supervisor.latch("emergency stop")
        await stage.until(lambda: stage.told(FaultDiagnosed))
        assert "the emergency stop" in stage.told(FaultDiagnosed)[0].cause
        assert stage.told(RemedyStarted) == []
        assert not (folder / "touched").exists()
