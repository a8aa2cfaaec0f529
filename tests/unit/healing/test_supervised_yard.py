"""The real yard on real processes: what it does, and above all what it never ends."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from supervisor.stage import Stage, sh, telling
from supervisor.yard import in_loop

from aurora_desktop.core.clock import SystemClock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import ServiceRestarting, StrayEnded
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.values import Command
from aurora_desktop.healing import holders
from aurora_desktop.healing.supervised_yard import SupervisedYard
from aurora_desktop.healing.yard import Holder, Ran
from aurora_desktop.supervisor.engine import Supervisor
from aurora_desktop.supervisor.processes import SERVICE_MARKER, SPAWN_MARKER, STATE_MARKER

LISTENER = """
import os, socket, sys
listening = socket.socket()
listening.bind(("127.0.0.1", 0))
listening.listen()
open(os.environ["TELL"], "w").write(f"{listening.getsockname()[1]} {os.getpid()}\\n")
sys.stdin = None
import time
time.sleep(600)
"""


@asynccontextmanager
async def healing(stage: Stage, services: Mapping[str, Service]) -> AsyncIterator[tuple[Supervisor, SupervisedYard]]:
    """A supervisor that has begun, and the yard of its services."""
    async with stage.supervising(services) as supervisor:
        real = SupervisedYard(supervisor.tending, SystemClock())
        unsubscribe = stage.bus.subscribe(real.read)
        yield supervisor, real
        unsubscribe()


def marks(stage: Stage, marker: str = "0123", state: str = "", service: str = "web") -> dict[str, str]:
    return {SPAWN_MARKER: marker, STATE_MARKER: state or stage.paths.digest, SERVICE_MARKER: service}


def listener(stage: Stage, env: dict[str, str]) -> tuple[int, int]:
    """A port and the pid of the program that listens on it."""
    stage.yard.start(sys.executable, "-ISs", "-c", LISTENER, env=env)
    port, pid = stage.yard.hear().split()
    return int(port), int(pid)


def holder_of(stage: Stage, pid: int, **keys: Any) -> Holder:
    """As if somebody had been told that it is a stray."""
    return Holder(**{"pid": pid, "program": "x", "is_stray": True, "service": "web",
                     "started": stage.yard.info(pid).started, **keys})  # fmt: skip


# --- what is ended ------------------------------------------------------------------------------------------------


@in_loop
async def test_a_stray_of_ours_that_holds_a_port_is_found_and_ended_and_told(stage: Stage) -> None:
    port, pid = listener(stage, marks(stage))
    async with healing(stage, {}) as (_, real):  # `begin` ends strays of an earlier Aurora: this one comes after it
        assert not stage.yard.is_alive(pid)
        port, pid = listener(stage, marks(stage))
        (holder,) = await real.holders_of_port(port)
        assert (holder.pid, holder.is_stray, holder.service) == (pid, True, "web")
        assert await real.end_stray(holder)
        assert not stage.yard.is_alive(pid)
        assert await real.holders_of_port(port) == []
    assert [(told.pid, told.component) for told in stage.told(StrayEnded)][-1] == (pid, "service:web")


@in_loop
async def test_a_stray_that_ignores_sigterm_is_killed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurora_desktop.supervisor.strays.GRACE_S", 0.05)
    async with healing(stage, {}) as (_, real):
        stage.yard.sh('trap "" TERM; echo up $$ >"$TELL"; while :; do sleep 60; done', marks(stage))
        pid = await stage.yard.heard_pid()
        assert await real.end_stray(holder_of(stage, pid))
        assert not stage.yard.is_alive(pid)


# --- what is never ended ------------------------------------------------------------------------------------------


@in_loop
async def test_no_process_is_ended_that_aurora_did_not_start_and_leave_behind(stage: Stage) -> None:
    web = telling("web", 'sh -c "echo child \\$\\$ >\\"$TELL\\"; exec sleep 600" & wait')
    async with healing(stage, {"web": web}) as (supervisor, real):
        told = [await stage.yard.heard() for _ in range(2)]
        member_pids = [int(words.split()[-1]) for words in told]
        own_marker = supervisor._runners["web"].tree.marker  # type: ignore[union-attr] # it runs
        _, foreign = listener(stage, {})
        _, other_state = listener(stage, marks(stage, state="000000000000"))
        _, probe = listener(stage, marks(stage, marker="probe"))
        _, guard = listener(stage, {STATE_MARKER: stage.paths.digest})
        _, nameless = listener(stage, marks(stage, service=""))
        _, member = listener(stage, marks(stage, marker=own_marker))
        innocent = [*member_pids, foreign, other_state, probe, guard, nameless, member, os.getpid(), os.getppid(), 1]
        for pid in innocent:
            assert not (await real._holder(pid) or holder_of(stage, pid)).is_stray
            assert not await real.end_stray(holder_of(stage, pid)), pid
            assert stage.yard.is_alive(pid), pid
    assert stage.told(StrayEnded) == []


@in_loop
async def test_a_pid_that_was_used_again_is_somebody_else(stage: Stage) -> None:
    async with healing(stage, {}) as (_, real):
        _, pid = listener(stage, marks(stage))
        started = stage.yard.info(pid).started
        assert not await real.end_stray(holder_of(stage, pid, started=started - 1))
        assert not await real.end_stray(holder_of(stage, pid, started=0))
        assert stage.yard.is_alive(pid)
        assert stage.told(StrayEnded) == []


@in_loop
async def test_a_stray_that_is_gone_already_is_not_ended(stage: Stage) -> None:
    async with healing(stage, {}) as (_, real):
        child = stage.yard.start("sleep", "600", env=marks(stage))
        stale = holder_of(stage, child.pid)
        child.kill()
        child.wait()
        assert not await real.end_stray(stale)


@in_loop
async def test_while_the_stop_is_latched_no_stray_of_what_it_holds_is_ended(stage: Stage) -> None:
    async with healing(stage, {"web": sh("exec sleep 600", on_estop="stop")}) as (supervisor, real):
        supervisor.latch("emergency stop")
        _, pid = listener(stage, marks(stage))
        assert not await real.end_stray(holder_of(stage, pid))
        assert stage.yard.is_alive(pid)


# --- who holds what -----------------------------------------------------------------------------------------------


@in_loop
async def test_a_foreign_holder_of_a_port_is_named(stage: Stage) -> None:
    async with healing(stage, {}) as (_, real):
        with socket.socket(socket.AF_INET6) as listening:
            listening.bind(("::1", 0))
            listening.listen()
            (holder,) = await real.holders_of_port(listening.getsockname()[1])
            assert (holder.pid, holder.is_stray) == (os.getpid(), False)


@in_loop
async def test_holders_of_a_file_have_it_open_lock_it_or_listen_on_it(stage: Stage, tmp_path: Path) -> None:
    import fcntl

    async with healing(stage, {}) as (_, real):
        plain, locked, door = tmp_path / "plain", tmp_path / "locked", tmp_path / "door"
        assert await real.holders_of_file(plain) == []
        with plain.open("w"), locked.open("w") as lock, socket.socket(socket.AF_UNIX) as listening:
            fcntl.flock(lock, fcntl.LOCK_EX)
            listening.bind(str(door))
            listening.listen()
            for path in (plain, locked, door):
                assert [holder.pid for holder in await real.holders_of_file(path)] == [os.getpid()]
        for path in (plain, locked, door):
            assert await real.holders_of_file(path) == []


# --- commands -----------------------------------------------------------------------------------------------------


@in_loop
async def test_a_command_runs_in_the_folder_and_environment_of_the_service(stage: Stage, tmp_path: Path) -> None:
    web = sh("exec sleep 600", cwd=str(tmp_path), env={"TOKEN": "very secret", "MODE": "dev"})
    async with healing(stage, {"web": web}) as (_, real):
        ran = await real.run("web", ["sh", "-c", "pwd; echo $MODE $TOKEN $AURORA_SPAWN; cat; exit 3"], 10.0)
        assert ran.code == 3
        assert ran.output == f"{tmp_path}\ndev *** probe\n"


@in_loop
async def test_the_output_of_a_command_is_bounded(stage: Stage) -> None:
    async with healing(stage, {"web": sh("exec sleep 600")}) as (_, real):
        ran = await real.run("web", ["sh", "-c", "yes | head -c 3000000; echo the end"], 20.0)
        assert ran.ok
        assert len(ran.output) <= 16_384
        assert ran.output.endswith("the end\n")


@in_loop
async def test_a_command_that_hangs_is_ended_with_all_that_it_started(stage: Stage) -> None:
    script = 'setsid sh -c \'trap "" TERM; echo far $$ >"$TELL"; sleep 600\' & echo near $$ >"$TELL"; echo said; wait'
    async with healing(stage, {"web": sh("exec sleep 600")}) as (_, real):
        running = asyncio.create_task(real.run("web", ["sh", "-c", script], 0.5))
        pids = [await stage.yard.heard_pid() for _ in range(2)]
        ran = await running
        assert (ran.code, ran.output) == (None, "said\n")
        assert not any(stage.yard.is_alive(pid) for pid in pids)


@in_loop
async def test_what_a_command_leaves_in_the_background_is_ended(stage: Stage) -> None:
    script = "(setsid sh -c 'echo far $$ >\"$TELL\"; exec sleep 600' &) ; exit 0"
    async with healing(stage, {"web": sh("exec sleep 600")}) as (_, real):
        ran = await real.run("web", ["sh", "-c", f"{script}"], 10.0)
        assert ran.ok
        left = [pid for pid in stage.yard.mine() if pid != real.view("web").pid]  # type: ignore[union-attr] # it is there
        assert left == []


@in_loop
async def test_what_got_away_from_a_command_keeps_nobody_waiting_for_its_output(stage: Stage, tmp_path: Path) -> None:
    """As `sudo` and daemons that write over their environment do: it holds the pipe, and is not found."""
    away_now = tmp_path / "away"  # until then it is in the command's group, and ended with it
    escape = f'echo away $$ >"$TELL"; touch {away_now}; exec sleep 600'
    script = (
        f"echo said; env -i TELL=\"$TELL\" setsid -f sh -c '{escape}'; until [ -e {away_now} ]; do sleep 0.01; done"
    )
    async with healing(stage, {"web": sh("exec sleep 600")}) as (_, real):
        running = asyncio.create_task(real.run("web", ["sh", "-c", script], 60.0))
        away = await stage.yard.heard_pid()
        try:
            ran = await asyncio.wait_for(running, 60.0)
            assert ran == Ran(0, "said\n")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(away, signal.SIGKILL)


@in_loop
async def test_a_command_that_is_cancelled_leaves_nothing_behind(stage: Stage) -> None:
    async with healing(stage, {"web": sh("exec sleep 600")}) as (_, real):
        running = asyncio.create_task(real.run("web", ["sh", "-c", 'echo up $$ >"$TELL"; sleep 600'], 60.0))
        pid = await stage.yard.heard_pid()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not stage.yard.is_alive(pid)


@in_loop
async def test_a_command_that_does_not_exist_says_so(stage: Stage) -> None:
    async with healing(stage, {"web": sh("exec sleep 600")}) as (_, real):
        ran = await real.run("web", ["no-such-program"], 10.0)
        assert ran.code == 127
        assert "no-such-program cannot be run in" in ran.output


# --- restart, environment, limit ----------------------------------------------------------------------------------


@in_loop
async def test_a_restart_by_healing_comes_at_once_and_is_told_with_its_cause(stage: Stage) -> None:
    failing = sh('[ -e "$HOME/mended" ] || exit 1; exec sleep 600', restart_sec=60.0, restart_max_delay_sec=60.0)
    async with healing(stage, {"web": failing}) as (supervisor, real):
        await stage.until_state(supervisor, web="waiting")
        before = supervisor._runners["web"].status
        (Path(stage.yard.environment["HOME"]) / "mended").touch()
        real.restart("web", "healed: its file was made")
        assert await real.until_well("web", 10.0, 0.05)
        status = supervisor._runners["web"].status
        assert status.restart_times == before.restart_times
        assert status.attempts == before.attempts + 1
    assert stage.told(ServiceRestarting)[-1].cause == "healed: its file was made"


@in_loop
async def test_a_service_that_is_up_is_replaced_by_a_restart(stage: Stage) -> None:
    async with healing(stage, {"web": telling()}) as (supervisor, real):
        first = await stage.yard.heard_pid()
        real.restart("web", "healed")
        assert await stage.yard.heard_pid() != first
        assert await real.until_well("web", 10.0, 0.05)
        assert supervisor.view("web").restarts == 1


@pytest.mark.parametrize("why", ["stopped", "paused", "latched", "frozen", "never"])
@in_loop
async def test_no_restart_against_the_word_of_the_operator(stage: Stage, why: str) -> None:
    keys: dict[str, Any] = {"restart": "never"} if why == "never" else {"on_estop": "freeze"}
    script = "exit 1" if why == "never" else "exec sleep 600"
    async with healing(stage, {"web": sh(script, **keys)}) as (supervisor, real):
        match why:
            case "stopped":
                supervisor.stop(("web",), "command")
                await stage.until_state(supervisor, web="stopped")
            case "paused":
                supervisor.pause("command")
            case "latched":
                supervisor.latch("emergency stop")
            case "frozen":
                supervisor.freeze_marked("emergency stop")
            case "never":
                await stage.until_state(supervisor, web="failed")
        pid = supervisor.view("web").pid
        with pytest.raises(AuroraError):
            real.restart("web", "healed")
        assert supervisor.view("web").pid == pid
        if why == "frozen":
            supervisor.thaw(("web",), "go on")


@in_loop
async def test_a_variable_is_set_for_the_next_start_and_shown_without_its_value(stage: Stage) -> None:
    web = sh('echo port $PORT >"$TELL"; exec sleep 600', env={"PORT": "8080"})
    async with healing(stage, {"web": web}) as (supervisor, real):
        assert await stage.yard.heard() == "port 8080"
        real.set_environment("web", "PORT", "8081")
        real.restart("web", "healed: moved to port 8081")
        assert await stage.yard.heard() == "port 8081"
        assert supervisor.view("web").healed == ("the variable PORT is set by healing",)
        real.set_environment("web", "PORT", None)
        real.restart("web", "taken back")
        assert await stage.yard.heard() == "port 8080"
        assert supervisor.view("web").healed == ()


@in_loop
async def test_the_settings_have_the_last_word_about_a_variable(stage: Stage) -> None:
    def web(port: str) -> Service:
        return sh('echo port $PORT >"$TELL"; exec sleep 600', env={"PORT": port})

    async with healing(stage, {"web": web("8080")}) as (supervisor, real):
        assert await stage.yard.heard() == "port 8080"
        real.set_environment("web", "PORT", "8081")
        settings = supervisor._settings
        supervisor.apply(type(settings)(services={"web": web("9090")}, supervisor=settings.supervisor))
        assert await stage.yard.heard() == "port 9090"


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
@in_loop
async def test_the_limit_of_open_files_is_raised_for_the_next_start_alone(stage: Stage) -> None:
    import resource

    ours = resource.getrlimit(resource.RLIMIT_NOFILE)
    low = 512
    resource.setrlimit(resource.RLIMIT_NOFILE, (low, ours[1]))
    try:
        async with healing(stage, {"web": sh('echo files $(ulimit -Sn) >"$TELL"; exec sleep 600')}) as (_, real):
            assert await stage.yard.heard() == f"files {low}"
            limit = real.raise_descriptor_limit("web")
            real.restart("web", "healed")
            assert limit is not None
            assert await stage.yard.heard() == f"files {limit}"
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == low
            assert real.raise_descriptor_limit("web") is None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, ours)


# --- waiting ------------------------------------------------------------------------------------------------------


@in_loop
async def test_well_is_what_comes_up_and_stays_up(stage: Stage) -> None:
    async with healing(stage, {"web": telling("web", 'read word <"$HOLD"; exit 1', restart_sec=60.0)}) as (_, real):
        await stage.yard.heard_pid()
        waiting = asyncio.create_task(real.until_well("web", 10.0, 30.0))
        await asyncio.sleep(0)
        stage.yard.let_go()
        assert await waiting is False


@in_loop
async def test_what_does_not_come_up_within_the_time_is_not_well(stage: Stage) -> None:
    services = {"db": Service(command=Command(["/no/such/program"])), "web": sh("exec sleep 600", requires=["db"])}
    async with healing(stage, services) as (_, real):
        assert await real.until_well("web", 0.05, 0.0) is False
        assert await real.until_well("db", 10.0, 0.0) is False


def test_the_way_of_other_platforms_finds_the_same_holders(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    with opened.open("w"), socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        assert holders._pids_of_port_elsewhere(port) == holders.pids_of_port(port) == {os.getpid()}
        assert holders._pids_of_file_elsewhere(opened) == holders.pids_of_file(opened) == {os.getpid()}


@in_loop
async def test_a_holder_that_belongs_to_a_service_is_told_with_its_name(stage: Stage) -> None:
    async with healing(stage, {"web": telling("web")}) as (_, real):
        holder = await real._holder(int((await stage.yard.heard()).split()[-1]))
        assert holder is not None
        assert (holder.is_stray, holder.service) == (False, "web")
