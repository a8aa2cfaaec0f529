"""Changed settings, while real children run."""

import signal
from typing import Any

from aurora_desktop.core.events import ServiceFailed
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.values import Command
from supervisor.stage import Stage, settings_of, sh, stubborn, telling
from supervisor.yard import dead, in_loop, kill

MISSING = Command(["no-such-program"])


def forever(**keys: Any) -> Service:
    return sh("exec sleep 600", **keys)


@in_loop
async def test_what_did_not_change_is_not_touched(stage: Stage) -> None:
    services = {"web": telling(), "db": telling()}
    async with stage.supervising(services) as supervisor:
        pids = {view.name: view.pid for view in supervisor.views()}
        before = len(stage.events)
        supervisor.apply(settings_of({"db": telling(), "web": telling()}, check_interval_s=7.0))
        assert {view.name: view.pid for view in supervisor.views()} == pids
        assert len(stage.events) == before
        assert [view.name for view in supervisor.views()] == ["db", "web"]


@in_loop
async def test_what_is_added_starts_with_what_it_requires(stage: Stage) -> None:
    async with stage.supervising({"db": forever(autostart=False)}) as supervisor:
        added = {"db": forever(autostart=False), "web": forever(requires=["db"]), "off": forever(autostart=False)}
        supervisor.apply(settings_of(added))
        await stage.until_state(supervisor, db="running", web="running", off="stopped")
        assert supervisor.view("web").cause == "added to the settings"


@in_loop
async def test_what_is_changed_is_replaced_by_the_new_definition(stage: Stage) -> None:
    async with stage.supervising({"web": telling("first")}) as supervisor:
        first = await stage.yard.heard_pid()
        supervisor.apply(settings_of({"web": telling("second")}))
        assert (await stage.yard.heard()).startswith("second")
        await dead(first)
        assert supervisor.view("web").restarts == 0
        assert stage.told(ServiceFailed) == []


@in_loop
async def test_what_is_removed_is_ended_and_gone_from_the_view(stage: Stage) -> None:
    async with stage.supervising({"web": telling(), "db": forever()}) as supervisor:
        pid = await stage.yard.heard_pid()
        supervisor.apply(settings_of({"db": forever()}))
        assert [view.name for view in supervisor.views()] == ["db"]
        await dead(pid)
        await stage.until(lambda: stage.states("web")[-1] == "stopped")
        assert supervisor._removed == {}


@in_loop
async def test_what_does_not_run_is_removed_at_once(stage: Stage) -> None:
    async with stage.supervising({"web": forever(autostart=False)}) as supervisor:
        supervisor.apply(settings_of({}))
        assert supervisor.views() == ()
        assert supervisor._removed == {}


@in_loop
async def test_a_failed_service_is_tried_again_when_its_definition_is_mended(stage: Stage) -> None:
    async with stage.supervising({"web": Service(command=MISSING)}) as supervisor:
        await stage.until_state(supervisor, web="failed")
        supervisor.apply(settings_of({"web": telling()}))
        await stage.yard.heard()
        assert supervisor.view("web").state == "running"


@in_loop
async def test_a_service_that_the_operator_stopped_stays_stopped_when_its_definition_changes(stage: Stage) -> None:
    async with stage.supervising({"web": telling("first")}) as supervisor:
        await stage.yard.heard()
        supervisor.stop(("web",), "command")
        await supervisor.settled(("web",))
        supervisor.apply(settings_of({"web": telling("second")}))
        assert supervisor.view("web").state == "stopped"
        supervisor.start(("web",), "command")
        assert (await stage.yard.heard()).startswith("second")


@in_loop
async def test_a_service_that_is_being_stopped_stays_stopped_when_its_definition_changes(stage: Stage) -> None:
    async with stage.supervising({"web": stubborn("first", timeout_stop_sec=0.2)}) as supervisor:
        await stage.yard.heard()
        supervisor.stop(("web",), "command")
        await stage.until_state(supervisor, web="stopping")
        supervisor.apply(settings_of({"web": telling("second")}))
        await stage.until(lambda: supervisor.view("web").state != "stopping")
        assert supervisor.view("web").state == "stopped"


@in_loop
async def test_a_definition_that_changes_twice_ends_with_the_last_one(stage: Stage) -> None:
    async with stage.supervising({"web": stubborn("first", timeout_stop_sec=0.1)}) as supervisor:
        await stage.yard.heard()
        supervisor.apply(settings_of({"web": telling("second")}))
        supervisor.apply(settings_of({"web": telling("third")}))
        assert (await stage.yard.heard()).startswith("third")


@in_loop
async def test_a_dependency_that_is_no_longer_required_is_no_longer_waited_for(stage: Stage) -> None:
    """`web` runs on although `db` died; the change that frees it from `db` must not make it wait for it."""
    async with stage.supervising({"db": telling("db", restart="never"), "web": forever(requires=["db"])}) as supervisor:
        pid = await stage.yard.heard_pid()
        await stage.until_state(supervisor, web="running")
        kill(pid, signal.SIGKILL)
        await stage.until_state(supervisor, db="failed")
        supervisor.apply(settings_of({"db": telling("db", restart="never"), "web": telling("free")}))
        assert (await stage.yard.heard()).startswith("free")


@in_loop
async def test_dependencies_may_be_turned_round(stage: Stage) -> None:
    services = {"db": telling("db", restart="never"), "web": forever(requires=["db"])}
    async with stage.supervising(services) as supervisor:
        pid = await stage.yard.heard_pid()
        await stage.until_state(supervisor, web="running")
        kill(pid, signal.SIGKILL)
        await stage.until_state(supervisor, db="failed")
        supervisor.apply(settings_of({"db": forever(requires=["web"]), "web": telling("web")}))
        assert (await stage.yard.heard()).startswith("web")
        await stage.until_state(supervisor, web="running", db="running")


@in_loop
async def test_a_change_that_waits_for_its_dependency_is_overtaken_by_the_next(stage: Stage) -> None:
    """The older definition must not come back once the dependency is there."""
    db = forever()
    async with stage.supervising({"db": db, "web": telling("first", requires=["db"])}) as supervisor:
        await stage.yard.heard()
        supervisor.stop(("db",), "command")
        await stage.until_state(supervisor, db="stopped", web="waiting")
        supervisor.apply(settings_of({"db": db, "web": telling("second", requires=["db"])}))
        supervisor.apply(settings_of({"db": db, "web": telling("third", requires=["db"])}))
        supervisor.start(("db",), "command")
        assert (await stage.yard.heard()).startswith("third")


@in_loop
async def test_what_is_put_back_before_it_ended_has_no_twin(stage: Stage) -> None:
    async with stage.supervising({"web": stubborn("first", timeout_stop_sec=0.3)}) as supervisor:
        first = await stage.yard.heard_pid()
        supervisor.apply(settings_of({}))
        supervisor.apply(settings_of({"web": telling("second")}))
        second = await stage.yard.heard()
        assert second.startswith("second")
        assert not stage.yard.is_alive(first)


@in_loop
async def test_what_is_removed_put_back_and_removed_again_is_gone(stage: Stage) -> None:
    async with stage.supervising({"web": stubborn("first", timeout_stop_sec=0.1)}) as supervisor:
        first = await stage.yard.heard_pid()
        supervisor.apply(settings_of({}))
        supervisor.apply(settings_of({"web": telling("second")}))
        supervisor.apply(settings_of({}))
        await dead(first)
        await stage.until(lambda: stage.states("web")[-1] == "stopped")
        assert supervisor.views() == ()
        assert stage.yard.mine() == []


@in_loop
async def test_a_change_of_a_frozen_service_replaces_it(stage: Stage) -> None:
    async with stage.supervising({"agent": telling("first", on_estop="freeze")}) as supervisor:
        await stage.yard.heard()
        supervisor.freeze_marked("emergency stop")
        supervisor.apply(settings_of({"agent": telling("second", on_estop="freeze")}))
        assert (await stage.yard.heard()).startswith("second")


@in_loop
async def test_what_was_removed_while_it_was_to_stop_runs_again_when_it_comes_back(stage: Stage) -> None:
    services = {"db": sh("exec sleep 600"), "web": stubborn(requires=["db"], timeout_stop_sec=0.3)}
    async with stage.supervising(services) as supervisor:
        await stage.yard.heard()
        supervisor.stop(("db",), "command")
        await stage.until_state(supervisor, web="stopping")
        supervisor.apply(settings_of({}))
        supervisor.apply(settings_of({"db": sh("exec sleep 600"), "app": sh("exec sleep 600", requires=["db"])}))
        await stage.until_state(supervisor, db="running", app="running")
