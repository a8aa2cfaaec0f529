"""Quitting: in order, within its time, or leaving everything as it is. Real children throughout."""

import asyncio
from typing import Any

import pytest

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import ServiceStateChanged
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.supervisor.exits import owned
from supervisor.stage import Stage, settings_of, sh, stubborn, telling
from supervisor.yard import in_loop


def was_hurried(stage: Stage) -> bool:
    """Whether the time for an ordered stop ran out, or somebody asked for it."""
    return any(event.cause == "Aurora quits at once" for event in stage.told(ServiceStateChanged))


def forever(**keys: Any) -> Service:
    return sh("exec sleep 600", **keys)


@in_loop
async def test_a_quit_stops_everything_in_reverse(stage: Stage) -> None:
    services = {"db": forever(), "cache": forever(requires=["db"]), "web": forever(requires=["cache"])}
    async with stage.supervising(services):
        pass
    assert stage.order("stopped") == ["web", "cache", "db"]
    assert stage.yard.mine() == []
    assert {event.cause for event in stage.told(ServiceStateChanged)[-3:]} == {"Aurora quits"}
    assert not was_hurried(stage)


@in_loop
async def test_a_quit_ends_those_that_ignore_sigterm_when_their_time_is_up(stage: Stage) -> None:
    async with stage.supervising({"web": stubborn(timeout_stop_sec=0.1)}):
        await stage.yard.heard()
    assert stage.yard.mine() == []


@in_loop
async def test_a_quit_takes_no_longer_than_it_may(stage: Stage) -> None:
    services = {"web": stubborn(timeout_stop_sec=600.0), "db": stubborn(timeout_stop_sec=600.0)}
    async with stage.supervising(services, quit_timeout_s=0.2):
        await stage.yard.heard()
        await stage.yard.heard()
    assert stage.yard.mine() == []


@in_loop
async def test_a_quit_in_the_middle_of_a_restart_leaves_nothing(stage: Stage) -> None:
    services = {"db": forever(), "web": telling(requires=["db"])}
    async with stage.supervising(services, quit_timeout_s=1.0) as supervisor:
        await stage.yard.heard()
        supervisor.restart(("db",), "command")
    assert stage.yard.mine() == []
    assert not was_hurried(stage)


@in_loop
async def test_a_quit_while_a_service_waits_for_its_backoff(stage: Stage) -> None:
    async with stage.supervising({"web": sh("exit 1", restart_sec=60.0)}) as supervisor:
        await stage.until(lambda: supervisor.view("web").next_attempt_in_s is not None)
    assert stage.states("web")[-1] == "stopped"
    assert stage.yard.mine() == []


@in_loop
async def test_a_quit_waits_for_what_was_removed_just_before(stage: Stage) -> None:
    async with stage.supervising({"web": stubborn(timeout_stop_sec=0.2)}) as supervisor:
        await stage.yard.heard()
        supervisor.apply(settings_of({}))
    assert stage.yard.mine() == []


@in_loop
async def test_a_quit_kills_what_was_removed_when_its_time_is_up(stage: Stage) -> None:
    async with stage.supervising({"web": stubborn(timeout_stop_sec=600.0)}) as supervisor:
        await stage.yard.heard()
        supervisor.apply(settings_of({}, quit_timeout_s=0.2))
    assert stage.yard.mine() == []


@in_loop
async def test_a_second_request_to_quit_hurries(stage: Stage) -> None:
    async with stage.supervising({"web": stubborn(timeout_stop_sec=600.0)}, quit_timeout_s=600.0) as supervisor:
        await stage.yard.heard()
        quitting = asyncio.create_task(supervisor.end(leave=False))
        await stage.until_state(supervisor, web="stopping")
        supervisor.hurry()
        await quitting
        assert stage.yard.mine() == []


@in_loop
async def test_hurry_ends_a_frozen_one(stage: Stage) -> None:
    async with stage.supervising({"web": stubborn(on_estop="freeze", timeout_stop_sec=600.0)}) as supervisor:
        await stage.yard.heard()
        supervisor.freeze_marked("emergency stop")
        supervisor.hurry()
        await supervisor.settled(("web",))
        assert stage.yard.mine() == []


@in_loop
async def test_nothing_is_started_any_more_once_it_quits(stage: Stage) -> None:
    """The API is still open: an agent that starts a service now must not outlive Aurora."""
    services = {"db": stubborn("db", timeout_stop_sec=0.3), "web": forever()}
    async with stage.supervising(services, quit_timeout_s=1.0) as supervisor:
        await stage.yard.heard()
        quitting = asyncio.create_task(supervisor.end(leave=False))
        await stage.until_state(supervisor, db="stopping", web="stopped")
        with pytest.raises(AuroraError, match="quits"):
            supervisor.start(("web",), "command")
        await quitting
        assert stage.yard.mine() == []
        assert not was_hurried(stage)


@in_loop
async def test_what_is_left_runs_on(stage: Stage) -> None:
    async with stage.supervising({"web": telling(), "db": telling()}, leave=True) as supervisor:
        pids = {await stage.yard.heard_pid(), await stage.yard.heard_pid()}
        assert pids == {view.pid for view in supervisor.views()}
    assert all(stage.yard.is_alive(pid) for pid in pids)
    assert not pids & owned


@in_loop
async def test_what_is_left_in_the_middle_of_its_end_is_left(stage: Stage) -> None:
    async with stage.supervising({"web": stubborn(timeout_stop_sec=600.0)}, leave=True) as supervisor:
        pid = await stage.yard.heard_pid()
        supervisor.stop(("web",), "command")
        await stage.until_state(supervisor, web="stopping")
    assert stage.yard.is_alive(pid)


@in_loop
async def test_what_is_disowned_runs_on(stage: Stage) -> None:
    async with stage.supervising({"web": telling()}, leave=True) as supervisor:
        pid = await stage.yard.heard_pid()
        supervisor.disown()
        assert pid not in owned
    assert stage.yard.is_alive(pid)


@in_loop
async def test_a_quit_before_anything_began(stage: Stage) -> None:
    async with stage.supervising({}) as supervisor:
        assert supervisor.views() == ()
    assert stage.events == []


@in_loop
async def test_settings_that_change_while_it_quits_start_nothing(stage: Stage) -> None:
    services = {"db": stubborn("db", timeout_stop_sec=0.3)}
    async with stage.supervising(services, quit_timeout_s=2.0) as supervisor:
        await stage.yard.heard()
        quitting = asyncio.create_task(supervisor.end(leave=False))
        await stage.until_state(supervisor, db="stopping")
        supervisor.apply(settings_of({**services, "fresh": forever()}))
        await quitting
        assert stage.yard.mine() == []
