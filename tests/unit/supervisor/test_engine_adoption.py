"""Taking over from an Aurora that died, with real trees that were left running."""

import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aurora_desktop.core.events import ServiceAdopted, ServiceFailed, StrayEnded
from aurora_desktop.core.settings.schema import FileAgeProbe, LogPatternProbe, Probe
from aurora_desktop.core.storage.database import Database
from aurora_desktop.supervisor import takeover
from aurora_desktop.supervisor.definition import definition_digest
from aurora_desktop.supervisor.ledger import MIGRATIONS, Entry, Ledger
from aurora_desktop.supervisor.processes import process_table
from aurora_desktop.supervisor.tree import Identity, Tree
from supervisor.machine import marks
from supervisor.stage import STATE_APPLICATION_ID, Stage, next_checks, sh, stubborn, telling
from supervisor.yard import dead, in_loop, kill

UP = 'echo up $$ >"$TELL"; exec sleep 600'


def exists(path: Path, **keys: Any) -> Probe:
    probe = FileAgeProbe(path=str(path), max_age_sec=1e9)
    return Probe(file_age=probe, **{"period_sec": 0.02, "failure_threshold": 1, **keys})


def leave(stage: Stage, service: str = "web", marker: str = "left", script: str = UP) -> int:
    """A process of an earlier Aurora, in a session of its own and nobody's child; its pid."""
    return stage.yard.orphan(script, marks(marker, service, stage.paths.digest))


def write_down(stage: Stage, *entries: Entry) -> None:
    """What the earlier Aurora noted."""
    database = Database.open(stage.paths.state_db, MIGRATIONS, STATE_APPLICATION_ID)
    for entry in entries:
        database.submit(
            lambda db, e=entry: db.execute(  # type: ignore[misc] # mypy cannot infer the default
                "INSERT INTO spawns VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (e.marker, e.service, e.pid, e.started, e.boot_id, e.spawned_at, e.ready, e.frozen, e.definition),
            )
        ).result(20)
    database.close()


def noted(stage: Stage, pid: int, service: str = "web", marker: str = "left", **keys: Any) -> Entry:
    values = {"ready": False, "frozen": False, "definition": "", **keys}
    started = stage.yard.info(pid).started
    boot_id = process_table().boot_id()
    return Entry(
        marker=marker, service=service, pid=pid, started=started, boot_id=boot_id, spawned_at=time.time(), **values
    )


def pids(stage: Stage) -> set[int]:
    return set(stage.yard.mine())


def a_tick(stage: Stage) -> None:
    """The start times of /proc are 10 ms apart: two processes are else of one age."""
    stage.yard.start("sleep", "0.02").wait()


# --- one Aurora after the other ---------------------------------------------------------------------------------


@in_loop
async def test_what_one_aurora_left_the_next_adopts(stage: Stage) -> None:
    services = {"db": telling("db"), "web": telling("web", requires=["db"])}
    async with stage.supervising(services, leave=True) as supervisor:
        await stage.until_state(supervisor, db="running", web="running")
        before = {view.name: view.pid for view in supervisor.views()}
    stage.events.clear()
    async with stage.supervising(services) as supervisor:
        assert {view.name: view.pid for view in supervisor.views()} == before
        assert all(view.adopted and view.state == "running" for view in supervisor.views())
        assert {event.component for event in stage.told(ServiceAdopted)} == {"service:db", "service:web"}
    assert stage.yard.mine() == []


@in_loop
async def test_an_adopted_service_is_supervised_like_any_other(stage: Stage) -> None:
    services = {"web": telling()}
    async with stage.supervising(services, leave=True):
        first = await stage.yard.heard_pid()
    async with stage.supervising(services) as supervisor:
        assert (supervisor.view("web").uptime_s or 0) >= 0
        kill(first, signal.SIGKILL)
        second = await stage.yard.heard_pid()
        assert (supervisor.view("web").pid, supervisor.view("web").adopted) == (second, False)
        (failed,) = stage.told(ServiceFailed)
        assert failed.cause.endswith("(exit status unknown: it was adopted)")


@in_loop
async def test_it_is_adopted_again_and_again(stage: Stage) -> None:
    services = {"web": telling()}
    async with stage.supervising(services, leave=True):
        pid = await stage.yard.heard_pid()
    for _ in range(3):
        async with stage.supervising(services, leave=True) as supervisor:
            assert supervisor.view("web").pid == pid


@in_loop
async def test_a_changed_definition_replaces_what_was_adopted(stage: Stage) -> None:
    async with stage.supervising({"web": telling("first")}, leave=True):
        first = await stage.yard.heard_pid()
    async with stage.supervising({"web": telling("second")}) as supervisor:
        assert (await stage.yard.heard()).startswith("second")
        await dead(first)
        assert stage.told(ServiceAdopted)[0].pid == first
        await supervisor.settled(("web",))


@in_loop
async def test_what_was_frozen_stays_frozen(stage: Stage) -> None:
    services = {"agent": telling(on_estop="freeze")}
    async with stage.supervising(services, leave=True) as supervisor:
        pid = await stage.yard.heard_pid()
        supervisor.freeze_marked("emergency stop")
    async with stage.supervising(services) as supervisor:
        assert (supervisor.view("agent").state, supervisor.view("agent").pid) == ("frozen", pid)
        assert stage.yard.info(pid).is_stopped
        supervisor.thaw(("agent",), "go on")
        assert supervisor.view("agent").state == "running"


@in_loop
async def test_a_ready_service_is_ready_again_once_its_probe_says_so(stage: Stage, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    services = {"db": telling("db", readiness_probe=exists(ready)), "web": telling("web", requires=["db"])}
    ready.touch()
    async with stage.supervising(services, leave=True) as supervisor:
        await stage.until_state(supervisor, db="ready", web="running")
        before = {view.name: view.pid for view in supervisor.views()}
    async with stage.supervising(services) as supervisor:
        await stage.until_state(supervisor, db="ready", web="running")
        assert {view.name: view.pid for view in supervisor.views()} == before


@in_loop
async def test_a_ready_notify_service_is_ready_without_saying_it_again(stage: Stage) -> None:
    services = {"web": telling(type="notify")}
    async with stage.supervising(services, leave=True) as supervisor:
        pid = await stage.yard.heard_pid()
        supervisor._notified(pid, {"READY": "1"})
        await stage.until_state(supervisor, web="ready")
    async with stage.supervising(services) as supervisor:
        assert (supervisor.view("web").state, supervisor.view("web").pid) == ("ready", pid)


@in_loop
async def test_a_service_with_a_startup_probe_has_started_already(stage: Stage, tmp_path: Path) -> None:
    """Else it would be replaced at the end of `timeout_start_sec`."""
    started = tmp_path / "started"
    started.touch()
    services = {"web": telling(startup_probe=exists(started))}
    async with stage.supervising(services, leave=True) as supervisor:
        await stage.until_state(supervisor, web="running")
    async with stage.supervising(services) as supervisor:
        assert supervisor.view("web").state == "running"


@in_loop
async def test_a_service_that_printed_its_line_long_ago_is_ready(stage: Stage) -> None:
    """Else it would be replaced at the end of `timeout_start_sec`."""
    probe = Probe(log_pattern=LogPatternProbe(pattern="listening"), period_sec=0.02, failure_threshold=1)
    services = {"web": sh("echo listening; exec sleep 600", readiness_probe=probe)}
    async with stage.supervising(services, leave=True) as supervisor:
        await stage.until_state(supervisor, web="ready")
    async with stage.supervising(services) as supervisor:
        await next_checks(3)
        assert supervisor.view("web").state == "ready"


@in_loop
async def test_a_oneshot_that_still_runs_is_not_run_twice(stage: Stage) -> None:
    services = {"job": telling(type="oneshot")}
    async with stage.supervising(services, leave=True):
        pid = await stage.yard.heard_pid()
    async with stage.supervising(services) as supervisor:
        assert supervisor.view("job").pid == pid
        kill(pid, signal.SIGTERM)
        await stage.until_state(supervisor, job="failed")
        assert "It may have done its work" in supervisor.view("job").hint
        assert stage.yard.heard_nothing()


@in_loop
async def test_a_service_that_does_not_start_by_itself_is_adopted_all_the_same(stage: Stage) -> None:
    services = {"web": telling(autostart=False)}
    async with stage.supervising(services, leave=True) as supervisor:
        supervisor.start(("web",), "command")
        pid = await stage.yard.heard_pid()
    async with stage.supervising(services) as supervisor:
        assert (supervisor.view("web").state, supervisor.view("web").pid) == ("running", pid)


# --- trees that somebody else spawned ---------------------------------------------------------------------------


@in_loop
async def test_a_tree_without_a_ledger_is_adopted_by_its_markers(stage: Stage) -> None:
    script = 'sleep 600 & echo up $$ >"$TELL"; wait'
    pid = leave(stage, script=script)
    before = pids(stage)
    async with stage.supervising({"web": telling()}) as supervisor:
        assert supervisor.view("web").pid == pid
        assert pids(stage) == before
        supervisor.stop(("web",), "command")
        await supervisor.settled(("web",))
        assert stage.yard.mine() == []


@in_loop
async def test_a_process_that_cleared_its_environment_is_adopted_by_the_ledger(stage: Stage) -> None:
    pid = stage.yard.orphan('exec env -i sh -c "echo up \\$\\$ >$TELL; read never <$HOLD"')
    definition = definition_digest(telling())
    write_down(stage, noted(stage, pid, definition=definition))
    async with stage.supervising({"web": telling()}) as supervisor:
        assert supervisor.view("web").pid == pid
    assert not stage.yard.is_alive(pid)


@in_loop
async def test_a_stranger_with_a_noted_pid_is_left_alone(stage: Stage) -> None:
    stranger = stage.yard.orphan(UP)
    entry = noted(stage, stranger)
    write_down(stage, Entry(**{**as_dict(entry), "started": entry.started and entry.started - 1}))
    async with stage.supervising({"web": telling()}) as supervisor:
        assert supervisor.view("web").pid not in (None, stranger)
    assert stage.yard.is_alive(stranger)


def as_dict(entry: Entry) -> Mapping[str, Any]:
    return {name: getattr(entry, name) for name in entry.__struct_fields__}


@in_loop
async def test_the_services_of_another_state_dir_are_left_alone(stage: Stage) -> None:
    other = stage.yard.orphan(UP, marks("other", "web", "another state"))
    async with stage.supervising({"web": telling()}) as supervisor:
        assert supervisor.view("web").pid != other
    assert stage.yard.is_alive(other)


@in_loop
async def test_of_twins_the_younger_is_kept_and_the_other_ended(stage: Stage) -> None:
    older = leave(stage, marker="older")
    a_tick(stage)
    younger = leave(stage, marker="younger")
    async with stage.supervising({"web": telling()}) as supervisor:
        assert supervisor.view("web").pid == younger
        assert not stage.yard.is_alive(older)
        assert [stray.pid for stray in stage.told(StrayEnded)] == [older]


@in_loop
async def test_what_is_left_of_a_service_whose_main_process_died_is_ended_first(stage: Stage) -> None:
    stray = leave(stage)
    entry = noted(stage, stray)
    write_down(stage, Entry(**{**as_dict(entry), "pid": 1, "started": 0}))
    async with stage.supervising({"web": telling()}) as supervisor:
        assert not stage.yard.is_alive(stray)
        assert supervisor.view("web").pid not in (None, stray)
        assert [event.pid for event in stage.told(StrayEnded, "service:web")] == [stray]


@in_loop
async def test_what_a_probe_left_is_ended_and_never_adopted(stage: Stage) -> None:
    stray = leave(stage, marker="probe")
    async with stage.supervising({"web": telling()}) as supervisor:
        assert supervisor.view("web").pid != stray
        assert not stage.yard.is_alive(stray)


@in_loop
async def test_the_probes_of_another_aurora_are_left_alone(stage: Stage) -> None:
    leave(stage, marker="probe")
    other = stage.yard.orphan(UP, marks("probe", "web", "another state"))
    async with stage.supervising({"web": telling()}):
        assert stage.yard.is_alive(other)


@in_loop
async def test_a_service_that_was_removed_meanwhile_may_put_its_things_in_order(stage: Stage) -> None:
    script = 'trap "echo asked >$TELL; exit" TERM; echo up $$ >"$TELL"; while :; do sleep 0.01; done'
    pid = leave(stage, service="gone", script=script)
    async with stage.supervising({"web": telling()}):
        told = {await stage.yard.heard(), await stage.yard.heard()}
        assert "asked" in told
        assert not stage.yard.is_alive(pid)


@in_loop
async def test_a_removed_service_that_ignores_sigterm_is_killed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover, "REMOVED_GRACE_S", 0.1)
    pid = leave(stage, service="gone", script='trap "" TERM; echo up $$ >"$TELL"; exec sleep 600')
    async with stage.supervising({"web": stubborn(timeout_stop_sec=0.1)}):
        assert not stage.yard.is_alive(pid)


@in_loop
async def test_a_process_that_vanishes_while_it_is_adopted_leaves_no_trace(stage: Stage) -> None:
    async with stage.supervising({"web": telling(autostart=False)}) as supervisor:
        runner = supervisor._runners["web"]
        with pytest.raises(ProcessLookupError):
            runner.adopt(Tree(process_table(), "m", Identity(2**22 + 1, 1)), 1.0, ready=False)
        assert not runner.has_processes
        assert supervisor.view("web").pid is None


@in_loop
async def test_nothing_is_kept_in_the_ledger_of_what_is_gone(stage: Stage) -> None:
    pid = leave(stage)
    write_down(stage, noted(stage, pid))
    kill(pid, signal.SIGKILL)
    await dead(pid)
    async with stage.supervising({"web": telling(autostart=False)}):
        pass
    database = Database.open(stage.paths.state_db, MIGRATIONS, STATE_APPLICATION_ID)
    assert [entry for entry in Ledger(database).entries() if entry.marker == "left"] == []
    database.close()


@in_loop
async def test_a_watchdog_that_is_tended_tells_of_a_readiness_that_nobody_heard(stage: Stage) -> None:
    """READY=1 is sent once: it is lost when it comes between the death of one Aurora and the start of the next."""
    deaf = sh('echo up $$ >"$TELL"; exec sleep 600', type="notify", watchdog_sec=30)
    async with stage.supervising({"web": deaf}, leave=True) as supervisor:
        pid = await stage.yard.heard_pid()
        assert supervisor.view("web").state == "starting"
    async with stage.supervising({"web": deaf}) as supervisor:
        assert (supervisor.view("web").pid, supervisor.view("web").state) == (pid, "starting")
        supervisor._notified(pid, {"WATCHDOG": "1"})
        assert supervisor.view("web").state == "ready"
