"""All services together: who starts, waits and stops when. Real children throughout."""

from pathlib import Path
from typing import Any

import pytest

from aurora_desktop.core.errors import UnknownServiceError
from aurora_desktop.core.events import OperatorCommand
from aurora_desktop.core.settings.schema import FileAgeProbe, Probe, Service
from aurora_desktop.core.settings.values import Command
from supervisor.stage import Stage, sh, telling
from supervisor.yard import dead, in_loop

# Ends only when it is let go, so that a test sees who waits for it.
SLOW_TO_END = (
    'trap "echo asked >$TELL; read word <$HOLD; exit 0" TERM; echo up $$ >"$TELL"; while :; do sleep 0.01; done'
)


def exists(path: Path, **keys: Any) -> Probe:
    """Succeeds while the file is there."""
    probe = FileAgeProbe(path=str(path), max_age_sec=1e9)
    return Probe(file_age=probe, **{"period_sec": 0.02, "failure_threshold": 1, **keys})


def missing(**keys: Any) -> Service:
    """A service that cannot start."""
    return Service(command=Command(["no-such-program"]), **keys)


def forever(**keys: Any) -> Service:
    return sh("exec sleep 600", **keys)


# --- starting ---------------------------------------------------------------------------------------------------


@in_loop
async def test_services_start_in_the_order_of_their_dependencies(stage: Stage) -> None:
    services = {"web": forever(requires=["cache"]), "cache": forever(requires=["db"]), "db": forever()}
    async with stage.supervising(services) as supervisor:
        await stage.until_state(supervisor, web="running", cache="running", db="running")
        assert stage.order("running") == ["db", "cache", "web"]
        assert [view.name for view in supervisor.views()] == ["web", "cache", "db"]


@in_loop
async def test_a_dependent_waits_until_its_dependency_is_ready(stage: Stage, tmp_path: Path) -> None:
    services = {"db": forever(readiness_probe=exists(tmp_path / "ready")), "web": forever(requires=["db"])}
    async with stage.supervising(services) as supervisor:
        assert supervisor.view("web").cause == "waiting for db (running)"
        assert supervisor.view("web").pid is None
        (tmp_path / "ready").touch()
        await stage.until_state(supervisor, db="ready", web="running")


@in_loop
async def test_who_needs_a_failed_service_waits_and_the_others_run(stage: Stage) -> None:
    services = {"db": missing(), "web": forever(requires=["db"]), "other": forever()}
    async with stage.supervising(services) as supervisor:
        await stage.until_state(supervisor, db="failed", web="waiting", other="running")
        assert supervisor.view("web").problem == "waiting for db (failed)"
        await supervisor.settled(("web", "db", "other"))


@in_loop
async def test_a_oneshot_is_a_dependency_that_ends(stage: Stage) -> None:
    services = {
        "web": telling(requires=["migrate"]),
        "migrate": sh('echo migrated >"$TELL"; read word <"$HOLD"', type="oneshot"),
    }
    async with stage.supervising(services) as supervisor:
        assert await stage.yard.heard() == "migrated"
        assert supervisor.view("web").state == "waiting"
        stage.yard.let_go()
        await stage.until_state(supervisor, migrate="stopped", web="running")
        assert (await stage.yard.heard()).startswith("up")


@in_loop
async def test_coming_after_is_no_need(stage: Stage, tmp_path: Path) -> None:
    services = {
        "slow": forever(readiness_probe=exists(tmp_path / "ready")),
        "broken": missing(),
        "web": forever(after=["slow", "broken"]),
    }
    async with stage.supervising(services) as supervisor:
        await stage.until_state(supervisor, broken="failed", web="waiting")
        (tmp_path / "ready").touch()
        await stage.until_state(supervisor, web="running")


@in_loop
async def test_only_what_starts_by_itself_and_what_it_requires_is_started(stage: Stage) -> None:
    services = {
        "off": forever(autostart=False),
        "needed": forever(autostart=False),
        "web": forever(requires=["needed"]),
    }
    async with stage.supervising(services) as supervisor:
        await stage.until_state(supervisor, web="running", needed="running", off="stopped")


@in_loop
async def test_the_operator_starts_what_is_required_too(stage: Stage) -> None:
    services = {"db": forever(autostart=False), "web": forever(autostart=False, requires=["db"])}
    async with stage.supervising(services) as supervisor:
        supervisor.start(("web",), "command")
        await supervisor.settled(("web",))
        assert stage.order("running") == ["db", "web"]
        assert [(e.component, e.command, e.source) for e in stage.told(OperatorCommand)] == [
            ("service:web", "start", "command")
        ]


# --- stopping ---------------------------------------------------------------------------------------------------


@in_loop
async def test_services_stop_in_reverse_each_once_its_dependents_are_gone(stage: Stage) -> None:
    services = {"db": forever(), "web": sh(SLOW_TO_END, requires=["db"])}
    async with stage.supervising(services) as supervisor:
        await stage.yard.heard()
        supervisor.stop(("db",), "command")
        assert await stage.yard.heard() == "asked"
        assert supervisor.view("db").state == "running"
        stage.yard.let_go()
        await supervisor.settled(("db", "web"))
        assert supervisor.view("db").state == "stopped"


@in_loop
async def test_who_required_what_was_stopped_waits_and_comes_back_with_it(stage: Stage) -> None:
    services = {"db": forever(), "web": forever(requires=["db"])}
    async with stage.supervising(services) as supervisor:
        supervisor.stop(("db",), "command")
        await stage.until_state(supervisor, db="stopped", web="waiting")
        assert supervisor.view("web").is_problem
        supervisor.start(("db",), "command")
        await stage.until_state(supervisor, db="running", web="running")


@in_loop
async def test_what_was_stopped_itself_does_not_come_back(stage: Stage) -> None:
    services = {"db": forever(), "web": forever(requires=["db"])}
    async with stage.supervising(services) as supervisor:
        supervisor.stop(("web",), "command")
        await stage.until_state(supervisor, web="stopped")
        supervisor.restart(("db",), "command")
        await stage.until(lambda: stage.states("db").count("running") == 2)
        assert supervisor.view("web").state == "stopped"


@in_loop
async def test_a_start_meanwhile_takes_back_a_stop_that_has_not_begun(stage: Stage) -> None:
    services = {"db": forever(), "web": sh(SLOW_TO_END, requires=["db"])}
    async with stage.supervising(services) as supervisor:
        await stage.yard.heard()
        pid = supervisor.view("db").pid
        supervisor.stop(("db",), "command")
        await stage.yard.heard()
        supervisor.start(("db",), "command")
        stage.yard.let_go()
        await stage.until(lambda: stage.states("web").count("running") == 2)
        stage.yard.let_go()
        assert supervisor.view("db").pid == pid


@in_loop
async def test_a_service_that_is_stopped_may_be_stopped(stage: Stage) -> None:
    async with stage.supervising({"web": forever(autostart=False)}) as supervisor:
        supervisor.stop(("web",), "command")
        await supervisor.settled(("web",))
        assert supervisor.view("web").state == "stopped"


@in_loop
async def test_the_parts_of_a_service_stop_and_restart_with_it(stage: Stage) -> None:
    services = {"web": forever(), "worker": forever(part_of=["web"]), "other": forever()}
    async with stage.supervising(services) as supervisor:
        pids = {view.name: view.pid for view in supervisor.views()}
        supervisor.restart(("web",), "command")
        await stage.until(lambda: stage.order("running").count("worker") == stage.order("running").count("web") == 2)
        assert supervisor.view("worker").pid not in (None, pids["worker"])
        assert supervisor.view("other").pid == pids["other"]
        supervisor.stop(("web",), "command")
        await stage.until_state(supervisor, web="stopped", worker="stopped", other="running")


# --- restarting -------------------------------------------------------------------------------------------------


@in_loop
async def test_a_restart_carries_the_dependents(stage: Stage) -> None:
    services = {"db": forever(), "cache": forever(requires=["db"]), "web": forever(requires=["cache"])}
    async with stage.supervising(services) as supervisor:
        before = {view.pid for view in supervisor.views()}
        supervisor.restart(("db",), "command")
        await stage.until(lambda: stage.states("web").count("running") == 2)
        await supervisor.settled(("db", "cache", "web"))
        after = {view.pid for view in supervisor.views()}
        assert None not in after
        assert not before & after
        assert stage.order("stopping") == ["web", "cache", "db"]
        assert stage.order("running")[3:] == ["db", "cache", "web"]


@in_loop
async def test_a_restart_waits_until_the_dependents_are_gone(stage: Stage) -> None:
    """They may need it to put their things in order."""
    services = {"db": forever(), "web": sh(SLOW_TO_END, requires=["db"])}
    async with stage.supervising(services) as supervisor:
        await stage.yard.heard()
        pid = supervisor.view("db").pid
        supervisor.restart(("db",), "command")
        assert await stage.yard.heard() == "asked"
        assert (supervisor.view("db").state, supervisor.view("db").pid) == ("running", pid)
        stage.yard.let_go()
        await stage.until(lambda: stage.states("web").count("running") == 2)
        stage.yard.let_go()
        assert supervisor.view("db").pid != pid


@in_loop
async def test_a_stop_is_the_last_word_after_a_restart(stage: Stage) -> None:
    """The restart still waits for the dependents when the operator thinks better of it."""
    services = {
        "db": forever(),
        "cache": forever(requires=["db"]),
        "web": sh(SLOW_TO_END, requires=["cache"]),
    }
    async with stage.supervising(services) as supervisor:
        await stage.yard.heard()
        supervisor.restart(("db",), "command")
        assert await stage.yard.heard() == "asked"
        supervisor.stop(("db",), "command")
        for _ in range(2):  # once more, should it have been started again
            stage.yard.let_go()
        await stage.until(lambda: "stopping" in stage.states("db"))
        await supervisor.settled(("db", "cache", "web"))
        assert supervisor.view("db").state == "stopped"


@in_loop
async def test_a_restart_without_dependents_replaces_it_at_once(stage: Stage) -> None:
    async with stage.supervising({"web": telling()}) as supervisor:
        first = await stage.yard.heard_pid()
        supervisor.restart(("web",), "window")
        second = await stage.yard.heard_pid()
        await dead(first)
        assert supervisor.view("web").pid == second != first
        assert supervisor.view("web").cause == "restarted by the operator"


@in_loop
async def test_a_restart_starts_what_was_stopped(stage: Stage) -> None:
    async with stage.supervising({"web": forever(autostart=False)}) as supervisor:
        supervisor.restart(("web",), "command")
        await stage.until_state(supervisor, web="running")


# --- names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
def test_an_unknown_name_is_told_with_the_near_one_and_nothing_is_done(verb: str, stage: Stage) -> None:
    @in_loop
    async def ask() -> None:
        async with stage.supervising({"web": forever(autostart=False), "database": forever()}) as supervisor:
            await stage.until_state(supervisor, database="running")
            before = len(stage.events)
            with pytest.raises(UnknownServiceError) as caught:
                getattr(supervisor, verb)(("web", "databse"), "command")
            assert caught.value.title == "There is no service `databse`"
            assert caught.value.hint == "Did you mean `database`?"
            assert len(stage.events) == before

    ask()


@in_loop
async def test_a_name_like_no_other_is_told_where_to_look(stage: Stage) -> None:
    async with stage.supervising({"web": forever(autostart=False)}) as supervisor:
        for ask in (lambda: supervisor.view("xyz"), lambda: supervisor.thaw(("xyz",), "test")):
            with pytest.raises(UnknownServiceError, match="no service `xyz`") as caught:
                ask()
            assert "aurora ps" in caught.value.hint
        with pytest.raises(UnknownServiceError):
            await supervisor.settled(("xyz",))


# --- settled ----------------------------------------------------------------------------------------------------


@in_loop
async def test_settled_waits_for_readiness(stage: Stage, tmp_path: Path) -> None:
    async with stage.supervising({"web": forever(readiness_probe=exists(tmp_path / "ready"))}) as supervisor:
        stage.bus.subscribe(lambda _: (tmp_path / "ready").touch())
        supervisor.start(("web",), "command")
        await supervisor.settled(("web",))
        assert supervisor.view("web").state == "ready"


@in_loop
async def test_settled_waits_for_the_end_of_a_restart(stage: Stage) -> None:
    async with stage.supervising({"db": forever(), "web": forever(requires=["db"])}) as supervisor:
        supervisor.restart(("db",), "command")
        await supervisor.settled(("db", "web"))
        assert stage.states("web").count("running") == 2


@in_loop
async def test_settled_waits_for_those_that_come_after_something(stage: Stage, tmp_path: Path) -> None:
    services = {
        "slow": forever(readiness_probe=exists(tmp_path / "ready"), autostart=False),
        "web": forever(after=["slow"], autostart=False),
    }
    async with stage.supervising(services) as supervisor:
        supervisor.start(("slow", "web"), "command")
        stage.bus.subscribe(lambda record: (tmp_path / "ready").touch())
        supervisor.pause("command")
        supervisor.resume("command")
        await supervisor.settled(("web",))
        assert supervisor.view("web").state == "running"


@in_loop
async def test_settled_does_not_wait_for_what_cannot_come(stage: Stage) -> None:
    services = {"db": missing(), "web": forever(requires=["db"]), "bad": sh("exit 1", start_limit_burst=1)}
    async with stage.supervising(services) as supervisor:
        await stage.until_state(supervisor, db="failed", web="waiting", bad="degraded")
        await supervisor.settled(("db", "web", "bad"))
