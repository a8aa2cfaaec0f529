"""One service's life under the supervisor: it dies, hangs, grows, is paused and frozen. Real children throughout."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from aurora_desktop.core.errors import UnknownServiceError
from aurora_desktop.core.events import (
    LimitWarning,
    PartFailed,
    ProbeFailing,
    Record,
    ServiceFailed,
    ServiceRecovered,
    ServiceRestarting,
    Stalled,
    StrayEnded,
    SupervisionPaused,
)
from aurora_desktop.core.settings.schema import ExecProbe, FileAgeProbe, LogPatternProbe, Probe, Service
from aurora_desktop.core.settings.values import ByteSize, Command
from aurora_desktop.supervisor import rounds, turns
from aurora_desktop.supervisor.engine import Supervisor
from aurora_desktop.supervisor.logs import LogKeeper
from aurora_desktop.supervisor.processes import process_table
from aurora_desktop.supervisor.surroundings import Surroundings
from supervisor.stage import Stage, Watched, next_checks, sh, stubborn, telling
from supervisor.yard import dead, in_loop, kill, wait_stopped

WEB = "service:web"

NOTIFIER = """
import os, socket, time
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
address = os.environ["NOTIFY_SOCKET"]
sender.connect("\\0" + address[1:] if address.startswith("@") else address)
tell = open(os.environ["TELL"], "w", buffering=1)
hold = open(os.environ["HOLD"])
tell.write(f"up {os.getpid()}\\n")
while word := hold.readline().strip():
    sender.send(b"READY=1" if word == "go" else word.encode())
"""


def exists(path: Path, **keys: Any) -> Probe:
    probe = FileAgeProbe(path=str(path), max_age_sec=1e9)
    return Probe(file_age=probe, **{"period_sec": 0.02, "failure_threshold": 1, **keys})


def notifier(**keys: Any) -> Service:
    """Says READY=1 whenever it is let go."""
    return Service(command=Command([sys.executable, "-S", "-c", NOTIFIER]), type="notify", **keys)


def around(supervisor: Supervisor) -> Surroundings:
    return supervisor._around


# --- what is measured -------------------------------------------------------------------------------------------


@in_loop
async def test_the_time_that_a_start_takes_is_measured_where_something_tells_it(stage: Stage, tmp_path: Path) -> None:
    probe = exists(tmp_path / "ready")
    async with stage.supervising({"web": telling(readiness_probe=probe), "plain": sh("sleep 60")}) as supervisor:
        (tmp_path / "ready").touch()
        await stage.until_state(supervisor, web="ready")
        (took_s,) = supervisor.measures("web").starts_s
        assert took_s > 0
        assert supervisor.measures("web").probes["readiness"].answered >= 1
        assert list(supervisor.measures("plain").starts_s) == []


@in_loop
async def test_memory_can_be_asked_for_at_once(stage: Stage) -> None:
    waiting = telling(then='read never <"$HOLD"')  # in the middle of an exec it would have hardly any
    async with stage.supervising({"web": waiting}) as supervisor:
        await stage.yard.heard_pid()
        assert (await supervisor.memory_of("web") or 0) > 100_000
        supervisor.stop(("web",), "window")
        await supervisor.settled(("web",))
        assert await supervisor.memory_of("web") is None


# --- ends and restarts ------------------------------------------------------------------------------------------


@in_loop
async def test_a_killed_service_is_back_at_once(stage: Stage) -> None:
    async with stage.supervising({"web": telling()}) as supervisor:
        first = await stage.yard.heard_pid()
        kill(first, signal.SIGKILL)
        second = await stage.yard.heard_pid()
        view = supervisor.view("web")
        assert (view.state, view.pid, view.restarts) == ("running", second, 1)
        (failed,) = stage.told(ServiceFailed, WEB)
        assert (failed.kind, failed.signal, failed.exit_code) == ("exit", "SIGKILL", None)
        assert [event.attempt for event in stage.told(ServiceRestarting, WEB)] == [1]
        assert process_table().read(first) is None, "a zombie is left"


@in_loop
async def test_a_failure_tells_its_code_and_the_last_lines(stage: Stage) -> None:
    script = 'for n in 1 2 3 4 5 6 7 8 9 10 11; do echo line $n; done; printf "bad \\377"; exit 3'
    async with stage.supervising({"web": sh(script, restart="never")}) as supervisor:
        await stage.until_state(supervisor, web="failed")
        (failed,) = stage.told(ServiceFailed, WEB)
        assert failed.exit_code == 3
        assert failed.cause.startswith("exited with code 3 after ")
        assert failed.log_tail[-2:] == ("line 11", "bad \ufffd")
        assert len(failed.log_tail) == 10
        assert supervisor.view("web").last_cause == failed.cause


@in_loop
async def test_a_service_that_lasts_has_recovered(stage: Stage) -> None:
    services = {"web": telling(restart_reset_after_sec=0.05)}
    async with stage.supervising(services):
        kill(await stage.yard.heard_pid(), signal.SIGKILL)
        await stage.until(lambda: stage.told(ServiceRecovered, WEB))
        (recovered,) = stage.told(ServiceRecovered, WEB)
        assert recovered.attempts == 1
        assert recovered.downtime_s >= 0


@in_loop
async def test_a_command_that_is_not_there_is_failed_with_a_hint(stage: Stage) -> None:
    async with stage.supervising({"web": Service(command=Command(["no-such-program"]))}) as supervisor:
        view = supervisor.view("web")
        assert (view.state, view.cause) == ("failed", "command not found: no-such-program")
        assert "PATH" in view.hint


@in_loop
async def test_an_env_file_that_is_missing_is_named_to_the_operator(stage: Stage) -> None:
    async with stage.supervising({"web": telling(env_file="secrets.env")}) as supervisor:
        assert "secrets.env" in supervisor.view("web").cause


@in_loop
async def test_a_home_that_does_not_exist_keeps_no_other_service_down(stage: Stage) -> None:
    services = {"web": telling(cwd="~no-such-user/x"), "db": telling()}
    async with stage.supervising(services) as supervisor:
        await stage.until_state(supervisor, web="failed", db="running")


@in_loop
async def test_what_it_leaves_behind_is_ended_before_its_successor_comes(stage: Stage) -> None:
    script = 'setsid sh -c "echo left \\$\\$ >$TELL; exec sleep 600" & read word <"$HOLD"; exit 3'
    async with stage.supervising({"web": sh(script)}) as supervisor:
        left = await stage.yard.heard_pid()
        stage.yard.let_go()
        await dead(left)
        await stage.until(lambda: stage.told(ServiceRestarting, WEB))
        assert int((await stage.yard.heard()).split()[-1]) != left
        (failed,) = stage.told(ServiceFailed, WEB)
        assert "leaving 1 process behind" in failed.cause
        assert left in [stray.pid for stray in stage.told(StrayEnded, WEB)]
        assert supervisor.view("web").state in ("starting", "running")


@in_loop
async def test_a_oneshot_finishes(stage: Stage) -> None:
    async with stage.supervising({"job": sh("exit 0", type="oneshot")}) as supervisor:
        await stage.until_state(supervisor, job="stopped")
        assert supervisor.view("job").cause.startswith("finished after")
        assert stage.told(ServiceFailed) == []


@in_loop
async def test_a_service_that_ignores_sigterm_is_killed_when_its_time_is_up(stage: Stage) -> None:
    async with stage.supervising({"web": stubborn(timeout_stop_sec=0.05)}) as supervisor:
        pid = await stage.yard.heard_pid()
        supervisor.stop(("web",), "command")
        await supervisor.settled(("web",))
        assert not stage.yard.is_alive(pid)


@in_loop
async def test_a_stop_ends_the_whole_tree(stage: Stage) -> None:
    far = 'setsid sh -c "echo far \\$\\$ >$TELL; exec sleep 600" &'
    script = f"{far} ({far}); wait"
    async with stage.supervising({"web": sh(script)}) as supervisor:
        pids = [await stage.yard.heard_pid(), await stage.yard.heard_pid()]
        supervisor.stop(("web",), "command")
        await supervisor.settled(("web",))
        assert [pid for pid in pids if stage.yard.is_alive(pid)] == []
        assert stage.yard.mine() == []


@in_loop
async def test_an_end_that_nobody_saw_is_noticed_at_the_next_check(stage: Stage) -> None:
    async with stage.supervising({"web": telling()}, check_interval_s=0.05) as supervisor:
        first = await stage.yard.heard_pid()
        runner = supervisor._runners["web"]
        assert runner._life is not None
        assert runner._life._watch is not None
        runner._life._watch.cancel()
        kill(first, signal.SIGKILL)
        assert await stage.yard.heard_pid() != first


@in_loop
async def test_a_new_path_counts_from_the_next_start(stage: Stage, tmp_path: Path) -> None:
    program = tmp_path / "elsewhere" / "just-installed"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho up $$ >"$TELL"\nexec sleep 600\n')
    program.chmod(0o755)
    async with stage.supervising({"web": Service(command=Command(["just-installed"]))}) as supervisor:
        assert supervisor.view("web").state == "failed"
        supervisor.set_path(f"{program.parent}:{os.environ['PATH']}")
        supervisor.start(("web",), "command")
        assert (await stage.yard.heard()).startswith("up")


# --- readiness and liveness -------------------------------------------------------------------------------------


@in_loop
async def test_readiness_comes_and_goes(stage: Stage, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    async with stage.supervising({"web": telling(readiness_probe=exists(ready))}) as supervisor:
        pid = await stage.yard.heard_pid()
        ready.touch()
        await stage.until_state(supervisor, web="ready")
        ready.unlink()
        await stage.until_state(supervisor, web="unhealthy")
        ready.touch()
        await stage.until_state(supervisor, web="ready")
        assert supervisor.view("web").pid == pid
        told = [event.recovered for event in stage.told(ProbeFailing, WEB)]
        assert told[-2:] == [False, True]


@in_loop
async def test_a_hung_service_is_replaced(stage: Stage, tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    alive.touch()
    async with stage.supervising({"web": telling(liveness_probe=exists(alive), timeout_stop_sec=0.1)}):
        first = await stage.yard.heard_pid()
        kill(first, signal.SIGSTOP)
        alive.unlink()
        await stage.until(lambda: stage.told(ServiceFailed, WEB))
        alive.touch()
        assert await stage.yard.heard_pid() != first
        assert stage.told(ServiceFailed, WEB)[0].kind == "liveness"


@in_loop
async def test_a_service_that_does_not_get_ready_in_time_is_replaced(stage: Stage, tmp_path: Path) -> None:
    probe = exists(tmp_path / "never")
    async with stage.supervising({"web": telling(readiness_probe=probe, timeout_start_sec=0.1)}):
        await stage.until(lambda: stage.told(ServiceFailed, WEB))
        failed = stage.told(ServiceFailed, WEB)[0]
        assert (failed.kind, failed.cause) == ("start_timeout", "not ready within 0.1 s (timeout_start_sec)")


@in_loop
async def test_a_startup_probe_holds_the_others_back(stage: Stage, tmp_path: Path) -> None:
    started = tmp_path / "started"
    service = telling(
        startup_probe=exists(started, failure_threshold=10_000), liveness_probe=exists(tmp_path / "alive")
    )
    (tmp_path / "alive").touch()
    async with stage.supervising({"web": service}) as supervisor:
        await stage.yard.heard()
        assert supervisor.view("web").state == "starting"
        started.touch()
        await stage.until_state(supervisor, web="running")


@in_loop
async def test_a_command_of_a_probe_runs_in_the_environment_of_its_service(stage: Stage) -> None:
    check = Command(["sh", "-c", 'echo "$MODE $AURORA_SPAWN $AURORA_SERVICE" >"$TELL"'])
    probe = Probe(exec=ExecProbe(command=check), period_sec=60.0, timeout_sec=20.0)
    services = {"web": sh("exec sleep 600", env={"MODE": "live"}, readiness_probe=probe)}
    async with stage.supervising(services) as supervisor:
        assert await stage.yard.heard() == "live probe web"
        await stage.until_state(supervisor, web="ready")


@in_loop
async def test_a_command_of_a_probe_is_no_part_of_the_tree(stage: Stage) -> None:
    check = Command(["sh", "-c", 'echo probe $$ >"$TELL"; exec sleep 600'])
    probe = Probe(exec=ExecProbe(command=check), period_sec=60.0, timeout_sec=20.0)
    async with stage.supervising({"web": sh("exec sleep 600", readiness_probe=probe)}) as supervisor:
        probing = await stage.yard.heard_pid()
        tree = supervisor._runners["web"].tree
        assert tree is not None
        assert set(tree.members()) == {tree.main.pid}
        supervisor.stop(("web",), "command")
        await supervisor.settled(("web",))
        await dead(probing)


@in_loop
async def test_an_env_file_that_vanished_keeps_no_probe_from_running(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "web.env").write_text("MODE=live\n")
    check = Command(["sh", "-c", 'echo "mode $MODE" >"$TELL"'])
    probe = Probe(exec=ExecProbe(command=check), period_sec=60.0, timeout_sec=20.0)
    service = telling(cwd=str(tmp_path), env_file="web.env", on_estop="freeze", liveness_probe=probe)
    async with stage.supervising({"web": service}) as supervisor:
        await stage.yard.heard()
        (tmp_path / "web.env").unlink()
        supervisor.freeze_marked("emergency stop")
        supervisor.thaw(("web",), "go on")
        assert supervisor.view("web").state == "running"


# --- sd_notify --------------------------------------------------------------------------------------------------


@in_loop
async def test_a_notify_service_is_ready_when_it_says_so(stage: Stage) -> None:
    async with stage.supervising({"web": notifier(), "db": telling(requires=["web"])}) as supervisor:
        await stage.yard.heard()
        assert [view.state for view in supervisor.views()] == ["starting", "waiting"]
        stage.yard.let_go()
        await stage.until_state(supervisor, web="ready", db="running")


@in_loop
async def test_a_watchdog_that_nobody_feeds_replaces_the_service(stage: Stage) -> None:
    async with stage.supervising({"web": notifier(watchdog_sec=0.2, timeout_stop_sec=0.1)}) as supervisor:
        await stage.yard.heard()
        stage.yard.let_go()
        await stage.until_state(supervisor, web="ready")
        await stage.until(lambda: stage.told(ServiceFailed, WEB))
        assert stage.told(ServiceFailed, WEB)[0].kind == "watchdog"


@pytest.mark.parametrize(
    ("word", "state"), [(b"READY=1", "ready"), (b"STATUS=fine", "starting"), (b"\xff\0garbage", "starting")]
)
def test_words_count_only_when_they_are_known(word: bytes, state: str, stage: Stage) -> None:
    @in_loop
    async def say() -> None:
        async with stage.supervising({"web": notifier()}) as supervisor:
            pid = await stage.yard.heard_pid()
            supervisor._notified(pid, {k: v for k, _, v in [word.decode("utf-8", "replace").partition("=")]})
            assert supervisor.view("web").state == state

    say()


@in_loop
async def test_a_service_may_ask_for_its_own_replacement(stage: Stage) -> None:
    async with stage.supervising({"web": notifier(timeout_stop_sec=0.1)}) as supervisor:
        pid = await stage.yard.heard_pid()
        supervisor._notified(pid, {"WATCHDOG": "trigger"})
        await stage.until(lambda: stage.told(ServiceFailed, WEB))
        assert "WATCHDOG=trigger" in stage.told(ServiceFailed, WEB)[0].cause


@in_loop
async def test_a_child_of_a_service_speaks_for_it_and_a_stranger_for_nobody(stage: Stage) -> None:
    spec = sh('sh -c "echo \\$\\$ >$TELL; read never <$HOLD" & wait', type="notify")
    async with stage.supervising({"web": spec}) as supervisor:
        child = await stage.yard.heard_pid()
        supervisor._notified(os.getpid(), {"READY": "1"})
        assert supervisor.view("web").state == "starting"
        supervisor._notified(child, {"READY": "1"})
        assert supervisor.view("web").state == "ready"


# --- memory -----------------------------------------------------------------------------------------------------


@in_loop
async def test_a_service_over_its_memory_is_replaced(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "MEMORY_CHECK_S", 0.02)
    grow = "import os, signal; block = bytearray(os.urandom(1 << 20)) * 60; signal.pause()"
    service = Service(
        command=Command([sys.executable, "-S", "-c", grow]), memory_max=ByteSize(40_000_000), timeout_stop_sec=0.2
    )
    async with stage.supervising({"web": service}) as supervisor:
        await stage.until(lambda: stage.told(ServiceFailed, WEB))
        failed = stage.told(ServiceFailed, WEB)[0]
        assert failed.kind == "memory"
        assert failed.cause.endswith("of 40.0 MB (memory_max)")
        assert stage.told(LimitWarning, WEB)
        supervisor.stop(("web",), "command")
        await supervisor.settled(("web",))


# --- pause ------------------------------------------------------------------------------------------------------


@in_loop
async def test_during_a_pause_nothing_is_restarted_and_then_it_is(stage: Stage) -> None:
    async with stage.supervising({"web": telling()}) as supervisor:
        first = await stage.yard.heard_pid()
        supervisor.pause("tray")
        supervisor.pause("tray")
        kill(first, signal.SIGKILL)
        await stage.until_state(supervisor, web="waiting")
        assert supervisor.paused
        assert supervisor.view("web").problem
        await supervisor.settled(("web",))
        supervisor.resume("tray")
        assert await stage.yard.heard_pid() != first
        assert [event.paused for event in stage.told(SupervisionPaused)] == [True, False]


@in_loop
async def test_the_operator_may_start_and_stop_during_a_pause(stage: Stage) -> None:
    async with stage.supervising({"web": telling()}) as supervisor:
        await stage.yard.heard_pid()
        supervisor.pause("tray")
        supervisor.restart(("web",), "tray")
        await stage.yard.heard_pid()
        supervisor.stop(("web",), "tray")
        await supervisor.settled(("web",))
        supervisor.start(("web",), "tray")
        await stage.yard.heard_pid()
        assert supervisor.view("web").state == "running"


@in_loop
async def test_what_hung_during_a_pause_is_replaced_after_it(stage: Stage) -> None:
    async with stage.supervising({"web": notifier(watchdog_sec=0.05, timeout_stop_sec=0.1)}) as supervisor:
        first = await stage.yard.heard_pid()
        supervisor.pause("tray")
        stage.yard.let_go()
        await stage.until_state(supervisor, web="unhealthy")
        supervisor.resume("tray")
        assert await stage.yard.heard_pid() != first


@in_loop
async def test_what_came_to_itself_during_a_pause_is_well_again(stage: Stage, tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    alive.touch()
    async with stage.supervising({"web": telling(liveness_probe=exists(alive))}) as supervisor:
        pid = await stage.yard.heard_pid()
        supervisor.pause("tray")
        alive.unlink()
        await stage.until_state(supervisor, web="unhealthy")
        alive.touch()
        await stage.until(lambda: any(event.recovered for event in stage.told(ProbeFailing, WEB)))
        supervisor.resume("tray")
        await stage.until_state(supervisor, web="running")
        assert supervisor.view("web").pid == pid


# --- freezing ---------------------------------------------------------------------------------------------------


@in_loop
async def test_each_service_meets_an_emergency_stop_as_it_is_marked(stage: Stage) -> None:
    services = {
        "agent": telling("agent", on_estop="freeze"),
        "mover": telling("mover", on_estop="stop"),
        "db": telling("db"),
    }
    async with stage.supervising(services) as supervisor:
        pids = dict([(await stage.yard.heard()).split() for _ in services])
        supervisor.freeze_marked("emergency stop")
        await stage.until_state(supervisor, agent="frozen", mover="stopped", db="running")
        assert supervisor.view("agent").problem == "frozen: emergency stop"
        agent = int(pids["agent"])
        await asyncio.to_thread(wait_stopped, agent)
        supervisor.thaw(("agent",), "the operator said so")
        await stage.until_state(supervisor, agent="running")
        assert supervisor.view("agent").pid == agent
        await asyncio.to_thread(os.waitid, os.P_PID, agent, os.WCONTINUED | os.WNOWAIT)


@in_loop
async def test_a_frozen_service_is_not_probed(stage: Stage, tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    alive.touch()
    services = {
        "agent": telling(on_estop="freeze", liveness_probe=exists(alive)),
        "other": telling(liveness_probe=exists(alive, failure_threshold=5), timeout_stop_sec=0.1),
    }
    async with stage.supervising(services) as supervisor:
        supervisor.freeze_marked("emergency stop")
        alive.unlink()
        await stage.until(lambda: stage.told(ServiceFailed, "service:other"))
        assert supervisor.view("agent").state == "frozen"
        alive.touch()
        supervisor.thaw(("agent",), "go on")
        await stage.until_state(supervisor, agent="running")


@in_loop
async def test_a_frozen_service_can_be_stopped(stage: Stage) -> None:
    async with stage.supervising({"agent": telling(on_estop="freeze")}) as supervisor:
        pid = await stage.yard.heard_pid()
        supervisor.freeze_marked("emergency stop")
        supervisor.stop(("agent",), "tray")
        await supervisor.settled(("agent",))
        assert not stage.yard.is_alive(pid)


@in_loop
async def test_a_frozen_worker_that_is_dismissed_never_runs_again(stage: Stage, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    worker = sh(
        f'trap "touch {ran}; exit" TERM CONT; echo up $$ >"$TELL"; while :; do sleep 0.02; done', on_estop="freeze"
    )
    async with stage.supervising({"worker:coder-1": worker}) as supervisor:
        pid = await stage.yard.heard_pid()
        supervisor.freeze_marked("emergency stop")
        supervisor.dismiss(("worker:coder-1",), "its task was cancelled", kill=True)
        await stage.until_state(supervisor, **{"worker:coder-1": "stopped"})
        assert not stage.yard.is_alive(pid)
        assert not supervisor.has_processes("worker:coder-1")
        assert not ran.exists()


@in_loop
async def test_a_service_that_printed_its_line_before_it_was_frozen_is_still_ready(stage: Stage) -> None:
    ready = Probe(log_pattern=LogPatternProbe(pattern="listening"), period_sec=0.02, failure_threshold=1)
    service = sh("echo listening; exec sleep 600", on_estop="freeze", readiness_probe=ready)
    async with stage.supervising({"agent": service}) as supervisor:
        await stage.until_state(supervisor, agent="ready")
        supervisor.freeze_marked("emergency stop")
        supervisor.thaw(("agent",), "go on")
        await next_checks()
        assert supervisor.view("agent").state == "ready"


@in_loop
async def test_an_agent_between_two_attempts_is_not_started_during_an_emergency_stop(stage: Stage) -> None:
    """What waits for its backoff has no process to freeze, and must not get one."""
    agent = sh('echo try $$ >"$TELL"; read word <"$HOLD"; exit 1', on_estop="freeze", restart_sec=0.2)
    async with stage.supervising({"agent": agent}) as supervisor:
        around(supervisor).jitter = lambda: 0.99
        for _ in range(2):
            await stage.yard.heard()
            stage.yard.let_go()
        await stage.until_state(supervisor, agent="waiting")
        supervisor.freeze_marked("emergency stop")
        assert supervisor._runners["agent"]._timer is None
        supervisor.thaw(("agent",), "go on")
        assert (await stage.yard.heard()).startswith("try")


@in_loop
async def test_a_freeze_between_the_end_and_the_next_start_does_not_lose_the_service(stage: Stage) -> None:
    """What it left behind is still being ended when the emergency stop comes: nothing is there to be frozen."""
    script = 'sleep 600 & echo up $$ >"$TELL"; read word <"$HOLD"; exit 3'
    async with stage.supervising({"agent": sh(script, on_estop="freeze")}) as supervisor:
        await stage.yard.heard()
        frozen = asyncio.Event()

        def stop_everything(record: Record) -> None:
            if isinstance(record.event, ServiceRestarting):
                asyncio.get_running_loop().call_soon(freeze)

        def freeze() -> None:
            supervisor.freeze_marked("emergency stop")
            frozen.set()

        unsubscribe = stage.bus.subscribe(stop_everything)
        stage.yard.let_go()
        async with asyncio.timeout(10):
            await frozen.wait()
        unsubscribe()
        assert supervisor.view("agent").state == "frozen"
        assert supervisor.view("agent").pid is None
        while supervisor._runners["agent"].has_processes:
            await supervisor._order.wait_for_change()
        supervisor.thaw(("agent",), "go on")
        assert (await stage.yard.heard()).startswith("up")


# --- our own rounds ---------------------------------------------------------------------------------------------


@in_loop
async def test_a_stall_of_ours_moves_the_deadlines_on(stage: Stage) -> None:
    async with stage.supervising({"web": stubborn(timeout_stop_sec=60.0)}) as supervisor:
        await stage.yard.heard()
        supervisor.stop(("web",), "command")
        await stage.until_state(supervisor, web="stopping")
        runner = supervisor._runners["web"]
        before = runner.status.kill_at
        assert before is not None
        runner.stalled(30.0)
        assert runner.status.kill_at == before + 30.0
        assert runner._timer is not None
        assert runner._timer.when() == pytest.approx(before + 30.0, abs=0.1)
        runner.kill()
        await supervisor.settled(("web",))


@in_loop
async def test_a_long_stall_is_told_and_passed_on(stage: Stage) -> None:
    async with stage.supervising({"web": telling()}) as supervisor:
        stalls = around(supervisor).stalls
        last_beat, total_s = stalls._so_far
        stalls._so_far = last_beat - 100.0, total_s
        await stage.until(lambda: stage.told(Stalled))
        assert stage.told(Stalled)[0].stall_s == pytest.approx(100.0, abs=1.0)


@in_loop
async def test_each_round_of_checks_leaves_its_mark(stage: Stage) -> None:
    services = {"web": telling(), "off": telling(autostart=False), "bad": Service(command=Command(["no-such-program"]))}
    async with stage.supervising(services, check_interval_s=0.02) as supervisor:
        checks: Watched[Any] = Watched()
        supervisor._runners["bad"].checks = checks  # the last one of the round
        await checks.until(2)
        assert {name: set(supervisor.view(name).checks) for name in services} == {
            "web": {"ok"}, "off": {"off"}, "bad": {"down"},
        }  # fmt: skip


@in_loop
async def test_figures_come_soon_after_the_start(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "_FIRST_SAMPLE_S", 0.01)
    monkeypatch.setattr(rounds, "SAMPLE_S", 0.01)
    async with stage.supervising({"web": telling()}, check_interval_s=0.02) as supervisor:
        history: Watched[float] = Watched()
        supervisor._runners["web"].cpu_history = history
        await history.until(2)
        view = supervisor.view("web")
        assert view.memory_bytes
        assert view.cpu_percent is not None


@in_loop
async def test_a_round_that_fails_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """No part ends in silence: else logs would grow, or checks stop, and nobody would know."""

    async def fail(*_: Any) -> None:
        raise PermissionError("the log folder is gone")

    monkeypatch.setattr(rounds, "LOG_CHECK_S", 0.01)
    monkeypatch.setattr(LogKeeper, "check", fail)
    async with stage.supervising({"web": telling()}, check_interval_s=0.02) as supervisor:
        checks: Watched[Any] = Watched()
        supervisor._runners["web"].checks = checks
        await checks.until(3)
        assert "the log folder is gone" in "".join(event.detail for event in stage.told(PartFailed))


@in_loop
async def test_a_state_dir_without_room_for_a_socket_starts_services_all_the_same(stage: Stage) -> None:
    (stage.paths.root / "notify.sock").mkdir()
    async with stage.supervising({"web": telling()}) as supervisor:
        await stage.yard.heard()
        assert supervisor.view("web").state == "running"


@in_loop
async def test_a_hundred_services_give_the_loop_its_turns(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "SLICE_S", 0.0)
    async with stage.supervising({f"s{n}": telling() for n in range(10)}) as supervisor:
        assert all(view.state == "running" for view in supervisor.views())


@in_loop
async def test_a_service_that_is_alive_and_does_not_work_is_replaced_on_healings_word(stage: Stage) -> None:
    async with stage.supervising({"web": telling()}) as supervisor:
        first = await stage.yard.heard_pid()
        tree = supervisor.tree("web")
        assert tree is not None
        assert tree.main.pid == first
        supervisor.unwell("web", "stall", "no sign of work for 5 min")
        assert supervisor.tree("web") is None, "what is on its way is not to be judged"
        assert await stage.yard.heard_pid() != first
        (failed,) = stage.told(ServiceFailed, WEB)
        assert (failed.kind, failed.cause) == ("stall", "no sign of work for 5 min")
        assert supervisor.stood_still_s >= 0.0
        with pytest.raises(UnknownServiceError):
            supervisor.unwell("wep", "stall", "nobody")


@in_loop
async def test_a_frozen_service_is_not_to_be_judged(stage: Stage) -> None:
    async with stage.supervising({"web": telling(on_estop="freeze")}) as supervisor:
        await stage.yard.heard_pid()
        supervisor.freeze_marked("the operator stopped everything")
        assert supervisor.tree("web") is None
        assert supervisor.tree("nobody") is None
        supervisor.thaw(("web",), "go on")
