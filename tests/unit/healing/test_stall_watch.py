"""Agents and services under the watch: what is told, what is tried, and what never counts."""

import asyncio
import json
import os
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from core.clocks import FakeClock
from msgspec.structs import replace

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import OperatorCommand, Record
from aurora_desktop.core.healing_events import (
    AgentResumed,
    AgentStalled,
    Escalated,
    EscalationCleared,
    RemedyStarted,
    WatchTrouble,
)
from aurora_desktop.core.settings.schema import HealingSettings, Service
from aurora_desktop.core.settings.schema_healing import AgentsSettings, IdleRule, ProgressProbe, StallRule, WatchedAgent
from aurora_desktop.core.settings.values import Command
from aurora_desktop.healing.ladder.store import Standing
from aurora_desktop.healing.stalls import glance, looking
from aurora_desktop.healing.stalls.entry import Entry
from aurora_desktop.healing.stalls.looking import look_at
from aurora_desktop.healing.stalls.override import Override
from aurora_desktop.healing.stalls.roster import Watched
from aurora_desktop.supervisor.outcome import format_duration
from healing.flock import Flock, flocking, status_of

AGENT = "agent:Agent-1"


def run(folder: Path, story: Callable[[Flock], Awaitable[None]]) -> None:
    async def told() -> None:
        async with flocking(folder) as flock:
            await story(flock)

    asyncio.run(told())


# --- what counts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["status", "inbox", "files", "output"])
def test_each_source_keeps_an_agent_at_work(tmp_path: Path, source: str) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent()
        (workspace / "agent.log").write_text("begun\n")
        watch = {"Agent-1": WatchedAgent(workspace=str(workspace), log="agent.log", stall=StallRule())}
        if source != "output":
            watch = {}
        flock.watch = flock.begin(flock.settings(agents={"watch": watch}))
        await flock.look()
        for count in range(12):
            if source == "status":
                os.utime(workspace / "status.json", ns=(count, count))
            elif source == "inbox":
                (workspace / "inbox" / f"{count}.md").write_text("")
                os.utime(workspace / "inbox", ns=(count, count))  # the test is quicker than the file system's clock
            elif source == "files":
                (workspace / f"{count}.py").write_text("")
            else:
                with (workspace / "agent.log").open("a") as log:
                    log.write("on\n")
            await flock.later(60.0)
        assert flock.state() == "working"
        assert flock.events == []

    run(tmp_path, story)


def test_dates_of_files_mean_nothing_by_themselves(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent(last_updated="2999-01-01T00:00:00Z")
        os.utime(workspace / "status.json", (4e9, 4e9))
        await flock.look()
        flock.clock.jump(86_400.0)
        await flock.look()
        assert flock.events == []
        flock.clock.jump(-86_400.0 * 400)
        await flock.later(90.0)
        assert flock.events == []
        await flock.later(30.0)
        assert [event.proactive for event in flock.told(AgentStalled)] == [True]

    run(tmp_path, story)


def test_time_in_which_aurora_stood_still_is_nobodys_silence(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        flock.agent()
        await flock.look()
        await flock.later(100.0)
        flock.clock.advance(3600.0)  # stopped, or the machine slept
        flock.services.stood_still_s += 3600.0
        await flock.look()
        assert (flock.state(), flock.events) == ("working", [])

    run(tmp_path, story)


@pytest.mark.parametrize(
    "status",
    [{"status": "waiting_for_operator"}, {"status": "Idle"}, {"current_tasks": []}, {"current_tasks": None}],
)
def test_who_waits_is_never_woken(tmp_path: Path, status: dict[str, object]) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent(**status)
        before = (workspace / "status.json").read_bytes()
        await flock.look()
        await flock.later(3600.0)
        assert (flock.state(), flock.events) == ("idle", [])
        assert (workspace / "status.json").read_bytes() == before

    run(tmp_path, story)


def test_the_last_line_of_the_log_may_say_that_it_waits(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent()
        (workspace / "agent.log").write_text("working\nwaiting for approval\n\n")
        rule = StallRule(idle_ok=IdleRule(log_pattern="approval$"))
        watched = WatchedAgent(workspace=str(workspace), log="agent.log", stall=rule)
        flock.begin(flock.settings(agents={"watch": {"Agent-1": watched}}))
        await flock.look()
        await flock.later(600.0)
        assert (flock.state(), flock.events) == ("idle", [])
        assert "waiting for approval" in flock.sentence()

    run(tmp_path, story)


def test_another_answer_of_the_progress_probe_is_activity(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent()
        progress = workspace / "inbox" / "progress"
        progress.write_text("1")
        probe = ProgressProbe(command=Command(["cat", str(progress)]))
        rule = StallRule(sources=["probe"], probe=probe)
        flock.begin(flock.settings(agents={"watch": {"Agent-1": WatchedAgent(workspace=str(workspace), stall=rule)}}))
        await flock.look()
        await flock.later(90.0)
        progress.write_text("2")
        await flock.later(30.0)
        assert flock.events == []
        await flock.later(120.0)
        assert [event.source for event in flock.told(AgentStalled)] == ["probe"]

    run(tmp_path, story)


# --- the ladder -------------------------------------------------------------------------------------------------


def test_the_ladder_is_climbed_and_its_own_marks_never_count(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent(mood="stubborn", current_tasks=["a"])
        flock.begin(flock.settings(agents={"max_attempts": 5}))
        await flock.look()
        await flock.later(1200.0)
        failed = [(rung, "failed") for rung in ("force_update", "clear_tasks", "reset_status", "rescue")]
        assert flock.rungs() == [*failed, ("rescue", "failed")]  # nothing restarts it: the strongest is tried again
        assert flock.told(AgentResumed) == []
        (escalated,) = flock.told(Escalated)
        assert (escalated.component, escalated.attempts) == (AGENT, 5)
        assert ".ESCALATION_REQUIRED" in escalated.hint
        assert flock.state() == "escalated"
        told = len(flock.events)
        await flock.later(7200.0)
        assert len(flock.events) == told
        marker = json.loads((workspace / ".ESCALATION_REQUIRED").read_text())
        assert (marker["agent_id"], marker["failed_attempts"]) == ("Agent-1", 5)

    run(tmp_path, story)


def test_a_refreshed_status_keeps_its_keys_in_order_and_says_what_was_done(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent(zeta=1, mood="ünruly", alpha={"b": [1.5, None]})
        before = status_of(workspace)
        await flock.look()
        await flock.later(120.0)
        after = status_of(workspace)
        assert list(after) == [*before, "healing_applied"]
        (mark,) = after.pop("healing_applied")
        assert set(mark) == {"timestamp", "action", "reason"}
        assert mark["action"] == "force_update"
        assert after.pop("last_updated") != before.pop("last_updated")
        assert after == before

    run(tmp_path, story)


def test_activity_within_its_time_makes_a_rung_a_success(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent()
        await flock.look()
        await flock.later(120.0)
        assert flock.state() == "healing"
        (workspace / "result.txt").write_text("done")
        await flock.later(30.0)
        assert flock.rungs() == [("force_update", "worked")]
        (resumed,) = flock.told(AgentResumed)
        assert (resumed.source, resumed.stalled_s) == ("files", 150.0)
        assert format_duration(150.0) in resumed.cause
        assert flock.memory.outcomes == [("ladder:force_update", "worked")]
        assert flock.memory.ended == [(AGENT, 150.0)]
        assert flock.state() == "working"
        await flock.later(120.0)
        assert [event.attempt for event in flock.told(RemedyStarted)] == [1, 1]

    run(tmp_path, story)


def test_reading_the_rescue_message_is_activity(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent()
        (workspace / "status.json").unlink()
        await flock.look()
        await flock.later(150.0)
        (message,) = (workspace / "inbox").iterdir()
        assert "Agent-1" in message.read_text()
        message.unlink()
        os.utime(workspace / "inbox", ns=(1, 1))  # the test is quicker than the file system's clock
        await flock.later(30.0)
        assert flock.rungs() == [("rescue", "worked")]

    run(tmp_path, story)


def test_a_cleared_task_list_of_ours_is_no_word_of_the_agent_that_it_idles(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent(current_tasks=["dig"])
        await flock.look()
        await flock.later(420.0)
        assert status_of(workspace)["current_tasks"] == []
        assert ("clear_tasks", "failed") in flock.rungs()
        await flock.later(120.0)
        assert flock.told(Escalated)

    run(tmp_path, story)


def test_a_reset_keeps_the_old_status_to_the_byte(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent()
        broken = b'{"agent_id": "Agent-1", "current_ta\xff'
        (workspace / "status.json").write_bytes(broken)
        await flock.look()
        await flock.later(120.0)
        (copy,) = workspace.glob("status.json.aurora-*")
        assert copy.read_bytes() == broken
        fresh = status_of(workspace)
        assert (fresh["agent_id"], fresh["status"], fresh["current_tasks"]) == ("Agent-1", "ACTIVE_AGENT_MODE", [])
        assert [mark["action"] for mark in fresh["healing_applied"]] == ["reset_status"]

    run(tmp_path, story)


def test_what_worked_before_is_tried_first_among_equals(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        flock.agent(current_tasks=["dig"])
        flock.memory.success = {"ladder:rescue": (4, 0), "ladder:clear_tasks": (0, 1)}
        flock.begin(flock.settings(agents={"max_attempts": 5}))
        await flock.look()
        await flock.later(1200.0)
        assert [rung for rung, _ in flock.rungs()][:3] == ["force_update", "rescue", "reset_status"]

    run(tmp_path, story)


def test_a_restart_command_is_the_last_rung(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent()
        restart = Command(["sh", "-c", "echo again > restarted"])
        watched = WatchedAgent(workspace=str(workspace), restart=restart)
        flock.begin(flock.settings(agents={"watch": {"Agent-1": watched}, "max_attempts": 2}))
        await flock.look()
        await flock.later(330.0)
        assert (workspace / "restarted").read_text() == "again\n"
        await flock.later(60.0)
        assert flock.rungs() == [("force_update", "failed"), ("restart", "worked")]

    run(tmp_path, story)


def test_a_restart_command_that_fails_is_a_failed_attempt_in_words(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent()
        watched = WatchedAgent(workspace=str(workspace), restart=Command(["sh", "-c", "exit 3"]))
        flock.begin(flock.settings(agents={"watch": {"Agent-1": watched}, "max_attempts": 1}))
        await flock.look()
        flock.clock.advance(300.0)
        await flock.look()
        assert flock.rungs() == [("restart", "failed")]
        assert "exited with code 3" in str(flock.events[-1])

    run(tmp_path, story)


# --- the operator -----------------------------------------------------------------------------------------------


async def escalated(flock: Flock) -> Path:
    workspace = flock.agent()
    await flock.look()
    await flock.later(600.0)
    assert flock.state() == "escalated"
    return workspace


def test_removing_the_marker_lets_healing_begin_anew(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = await escalated(flock)
        (workspace / "more.txt").write_text("alive")
        await flock.later(60.0)
        assert flock.state() == "escalated"
        (workspace / ".ESCALATION_REQUIRED").unlink()
        await flock.later(60.0)
        assert len(flock.told(EscalationCleared)) == 1
        assert flock.state() == "working"
        await flock.later(120.0)
        assert flock.told(RemedyStarted)[-1].attempt == 1

    run(tmp_path, story)


def test_the_operators_word_removes_the_marker(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = await escalated(flock)
        assert [view.component for view in flock.watch.escalations()] == [AGENT]
        flock.watch.clear_escalation(AGENT, "the operator")
        await flock.watch.settled()
        assert not (workspace / ".ESCALATION_REQUIRED").exists()
        assert flock.told(EscalationCleared)[-1].by == "the operator"
        assert flock.watch.escalations() == ()
        with pytest.raises(AuroraError, match="waits for you"):
            flock.watch.clear_escalation(AGENT, "the operator")

    run(tmp_path, story)


def test_a_marker_of_the_earlier_system_is_respected(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent()
        (workspace / ".ESCALATION_REQUIRED").write_text("by hand")
        await flock.look()
        await flock.later(600.0)
        assert flock.rungs() == []
        assert flock.state() == "escalated"
        assert (workspace / ".ESCALATION_REQUIRED").read_text() == "by hand"

    run(tmp_path, story)


def test_a_restart_of_aurora_begins_no_ladder_anew(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        await escalated(flock)
        flock.saved()
        told = len(flock.events)
        flock.begin(flock.settings())
        await flock.look()
        await flock.later(1200.0)
        assert flock.state() == "escalated"
        assert len(flock.events) == told

    run(tmp_path, story)


def test_attempts_and_marks_outlive_aurora(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent()
        await flock.look()
        await flock.later(130.0)
        assert flock.state() == "healing"
        flock.saved()
        flock.begin(flock.settings())
        await flock.look()
        assert flock.told(AgentResumed) == []  # our own mark, still
        await flock.later(60.0)
        assert flock.rungs() == [("force_update", "failed")]
        flock.saved()
        os.utime(workspace / "status.json", ns=(1, 1))  # it worked while no Aurora ran
        flock.begin(flock.settings())
        await flock.look()
        assert [event.source for event in flock.told(AgentResumed)] == ["status"]

    run(tmp_path, story)


def test_without_leave_to_heal_it_is_only_told(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent()
        before = sorted(workspace.iterdir())
        flock.begin(flock.settings(healing=HealingSettings(enabled=False)))
        await flock.look()
        await flock.later(900.0)
        assert [event.proactive for event in flock.told(AgentStalled)] == [True, False]
        assert flock.rungs() == []
        assert sorted(workspace.iterdir()) == before

    run(tmp_path, story)


# --- who is there -----------------------------------------------------------------------------------------------


def test_new_vanished_and_renamed_workspaces_are_followed(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent()
        await flock.look()
        await flock.later(90.0)
        flock.agent("Agent-2")
        workspace.rename(flock.root / "Agent-3")
        await flock.later(60.0)
        assert [view.component for view in flock.watch.views()] == ["agent:Agent-2", "agent:Agent-3"]
        assert flock.events == []

    run(tmp_path, story)


def test_a_vanished_root_and_its_return_are_told_once_each(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        flock.root.rmdir()
        await flock.look()
        await flock.later(120.0)
        flock.root.mkdir()
        await flock.later(60.0)
        assert [event.recovered for event in flock.told(WatchTrouble)] == [False, True]
        assert "agents.root" in flock.told(WatchTrouble)[0].detail

    run(tmp_path, story)


def test_a_root_that_cannot_be_read_for_a_while_loses_nobodys_escalation(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        await escalated(flock)
        flock.root.rename(tmp_path / "away")
        await flock.later(600.0)
        flock.saved()
        flock.begin(flock.settings())  # not even by a restart of Aurora meanwhile
        await flock.look()
        (tmp_path / "away").rename(flock.root)
        await flock.later(600.0)
        assert flock.state() == "escalated"
        assert [event.component for event in flock.told(WatchTrouble) if not event.recovered] == ["aurora", "aurora"]

    run(tmp_path, story)


def test_while_the_emergency_stop_holds_nobody_is_woken(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent()
        restart = WatchedAgent(workspace=str(workspace), restart=Command(["touch", "restarted"]))
        flock.begin(flock.settings(agents={"watch": {"Agent-1": restart}, "max_attempts": 1}))
        await flock.look()
        await flock.later(90.0)
        flock.services.latched = True
        await flock.later(3600.0)
        assert flock.events == []
        assert flock.sentence() == "the emergency stop holds"
        flock.services.latched = False
        await flock.later(90.0)
        assert flock.events == []
        assert not (workspace / "restarted").exists()

    run(tmp_path, story)


def test_settings_that_change_while_an_agent_is_tended_reach_it_afterwards(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent()
        slow = Command(["sh", "-c", "read line < gate"])
        os.mkfifo(workspace / "gate")
        watched = WatchedAgent(workspace=str(workspace), restart=slow)
        flock.begin(flock.settings(agents={"watch": {"Agent-1": watched}, "max_attempts": 1}))
        await flock.look()
        flock.clock.advance(300.0)
        await flock.watch.check_once()  # the restart goes on from here
        changed = WatchedAgent(workspace=str(workspace), restart=slow, stall=StallRule(threshold_sec=200.0))
        flock.watch.apply(flock.settings(agents={"watch": {"Agent-1": changed}, "max_attempts": 1}))
        await flock.watch.check_once()
        await asyncio.to_thread((workspace / "gate").write_text, "go on\n")
        await flock.watch.settled()
        await flock.look()
        assert flock.state() == "healing"
        assert flock.watch._entries[AGENT].watched.rule.threshold_sec == 200.0

    run(tmp_path, story)


def test_links_under_the_root_are_no_workspaces(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (flock.root / "Agent-1").symlink_to(elsewhere)
        await flock.look()
        await flock.later(900.0)
        assert flock.watch.views() == ()
        assert list(elsewhere.iterdir()) == []
        assert "are links" in flock.told(WatchTrouble)[0].detail

    run(tmp_path, story)


def test_a_named_workspace_that_is_not_there_is_told(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = tmp_path / "later"
        watch = {"later": WatchedAgent(workspace=str(workspace))}
        flock.begin(flock.settings(agents={"watch": watch}))
        await flock.look()
        await flock.later(600.0)
        assert flock.state("agent:later") == "unreadable"
        workspace.mkdir()
        await flock.later(60.0)
        assert [event.recovered for event in flock.told(WatchTrouble)] == [False, True]
        assert flock.state("agent:later") == "working"

    run(tmp_path, story)


def test_a_workspace_that_changed_settings_mend_is_told_to_be_well(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        def watching(workspace: Path, **rule: float) -> None:
            watched = WatchedAgent(workspace=str(workspace), stall=StallRule(**rule))
            flock.watch.apply(flock.settings(agents={"root": None, "watch": {"writer": watched}}))

        watching(tmp_path / "nowhere")
        await flock.look()
        watching(tmp_path / "nowhere", threshold_sec=500.0)
        await flock.look()
        watching(flock.agent())
        await flock.look()
        told = [(event.component, event.recovered) for event in flock.told(WatchTrouble)]
        assert told == [("agent:writer", False), ("agent:writer", True)]

    run(tmp_path, story)


def test_changed_settings_give_a_whole_threshold(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        flock.agent()
        await flock.look()
        await flock.later(90.0)
        rule = StallRule(threshold_sec=100.0, proactive_threshold_sec=50.0)
        flock.watch.apply(flock.settings(agents={"stall": rule}))
        await flock.look()
        assert flock.events == []
        await flock.later(60.0)
        assert flock.told(AgentStalled)

    run(tmp_path, story)


def test_the_override_of_the_command_is_above_the_settings(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        flock.agent()
        flock.begin(flock.settings(), override=Override(interval_s=1.0, threshold_s=10.0))
        await flock.look()
        await flock.later(10.0, every_s=1.0)
        assert [event.proactive for event in flock.told(AgentStalled)] == [False]

    run(tmp_path, story)


def test_a_check_on_demand_says_a_sentence_of_each_and_does_nothing(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        flock.agent()
        flock.agent("Agent-2", status="WAITING")
        await flock.look()
        flock.clock.advance(900.0)
        found = await flock.watch.check_now()
        assert found == (
            "agent:Agent-1: stalled: no sign of work for 15 min",
            "agent:Agent-2: its status is WAITING; no sign of work for 15 min",
        )
        assert flock.events == []
        with pytest.raises(AuroraError) as unknown:
            await flock.watch.check_now("Agent-11")
        assert "did you mean" in unknown.value.hint.lower()
        assert "force_update is being verified" in (await flock.watch.check_now(AGENT, heal=True))[0]

    run(tmp_path, story)


def test_a_watch_with_nobody_to_watch_waits_for_settings(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        watch = flock.begin(flock.settings(agents={"root": None}))
        running = asyncio.create_task(watch.run())
        await asyncio.sleep(0)
        watch.apply(flock.settings(agents={"watch": {"absent": WatchedAgent(workspace=str(tmp_path / "absent"))}}))
        async with asyncio.timeout(10.0):
            await flock.happened.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert [type(event) for event in flock.events] == [WatchTrouble]

    run(tmp_path, story)


# --- services ---------------------------------------------------------------------------------------------------


def with_service(flock: Flock, **rule: object) -> None:
    spec = Service(command=Command(["true"]), stall=StallRule(sources=["output"], **rule))  # type: ignore[arg-type] # keys of the rule
    log = flock.folder / "web.log"
    log.write_text("up\n")
    flock.services.logs["web"] = log
    flock.services.up["web"] = "first"
    flock.begin(flock.settings(services={"web": spec}, agents={"root": None}))


def test_a_service_that_prints_nothing_is_replaced_and_its_next_line_proves_it(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        with_service(flock)
        flock.services.on_replaced = lambda name: flock.services.up.update({name: "second"})
        await flock.look()
        await flock.later(300.0)
        assert [(name, kind) for name, kind, _ in flock.services.replaced] == [("web", "stall")]
        assert "its output" in flock.services.replaced[0][2] or "no sign of work" in flock.services.replaced[0][2]
        await flock.later(30.0)
        with (tmp_path / "web.log").open("a") as log:
            log.write("again\n")
        await flock.later(30.0)
        assert flock.rungs() == [("restart", "worked")]
        assert [event.source for event in flock.told(AgentResumed)] == ["output"]

    run(tmp_path, story)


def test_a_service_that_no_restart_wakes_is_told_to_the_operator(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        with_service(flock)
        count = iter(range(100))
        flock.services.on_replaced = lambda name: flock.services.up.update({name: f"life {next(count)}"})
        await flock.look()
        await flock.later(1800.0)
        assert len(flock.services.replaced) == 3
        assert flock.state("service:web") == "escalated"
        flock.services.up["web"] = "by a script"
        command = OperatorCommand(at=0.0, component="service:web", command="restart", source="command")
        flock.watch.read(Record(id=1, event=command))
        await flock.later(60.0)
        assert not flock.told(EscalationCleared)
        flock.watch.read(Record(id=2, event=replace(command, source="window")))
        await flock.later(60.0)
        assert [told.by for told in flock.told(EscalationCleared)] == ["the operator's restart"]
        assert flock.state("service:web") == "working"

    run(tmp_path, story)


def test_a_service_that_works_for_a_moment_after_each_restart_is_told_to_the_operator(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        with_service(flock)
        lives = iter(range(100))
        flock.services.on_replaced = lambda name: flock.services.up.update({name: f"life {next(lives)}"})

        async def works_for_a_moment() -> None:
            await flock.later(330.0)
            with (tmp_path / "web.log").open("a") as log:
                log.write("up again\n")
            await flock.later(30.0)

        await flock.look()
        for _ in range(3):
            await works_for_a_moment()
        await flock.later(600.0)
        assert len(flock.services.replaced) == 3
        told = flock.told(Escalated)[-1]
        assert (told.attempts, flock.state("service:web")) == (3, "escalated")
        assert "after 3 restarts it worked for a moment only" in told.cause
        flock.services.up["web"] = "by a script"
        for _ in range(12):
            with (tmp_path / "web.log").open("a") as log:
                log.write("at work\n")
            await flock.later(30.0)
        assert [told.by for told in flock.told(EscalationCleared)] == ["lasting activity"]
        assert flock.state("service:web") == "working"

    run(tmp_path, story)


def test_who_is_paused_frozen_or_down_is_not_looked_at_and_has_a_whole_threshold_after_it(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        with_service(flock)
        await flock.look()
        await flock.later(270.0)
        marker = flock.services.up.pop("web")  # frozen
        await flock.later(3600.0)
        flock.services.up["web"] = marker
        await flock.later(270.0)
        flock.services.paused = True
        await flock.later(3600.0)
        assert flock.state("service:web") == "idle"
        flock.services.paused = False
        await flock.later(270.0)
        assert flock.services.replaced == []

    run(tmp_path, story)


def test_the_service_of_an_agent_is_restarted_as_its_last_rung(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent()
        flock.services.up["runner"] = "first"
        flock.services.on_replaced = lambda name: flock.services.up.update({name: "second"})
        watch = {"Agent-1": WatchedAgent(workspace=str(workspace), service="runner")}
        services = {"runner": Service(command=Command(["true"]))}
        flock.begin(flock.settings(services=services, agents={"watch": watch, "max_attempts": 2}))
        await flock.look()
        await flock.later(330.0)
        assert [name for name, _, _ in flock.services.replaced] == ["runner"]
        (workspace / "begun").write_text("")
        await flock.later(60.0)
        assert flock.rungs() == [("force_update", "failed"), ("restart", "worked")]

    run(tmp_path, story)


def test_agents_settings_have_the_documented_defaults() -> None:
    rule = AgentsSettings().stall
    assert (rule.proactive_threshold_sec, rule.check_interval_sec, rule.threshold_sec) == (120.0, 30.0, 300.0)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no modes of groups")
def test_who_else_may_write_a_status_still_may_after_it_was_refreshed(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        status = flock.agent() / "status.json"
        status.chmod(0o664)
        await flock.look()
        await flock.later(130.0)
        assert flock.state() == "healing"
        assert stat.S_IMODE(status.stat().st_mode) == 0o664

    before = os.umask(0o027)
    try:
        run(tmp_path, story)
    finally:
        os.umask(before)


# --- what must not be missed ------------------------------------------------------------------------------------------


def test_who_begins_to_work_before_its_close_look_is_no_longer_put_off(tmp_path: Path) -> None:
    entry = Entry(
        Watched(component=AGENT, name="Agent-1", rule=StallRule(), workspace=tmp_path), Standing(), None, now=0.0
    )
    look_at([entry], {}, 0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(looking, "CLOSE_LOOKS_S", -1.0)
        look_at([entry], {}, 200.0)
    assert entry.is_put_off
    (tmp_path / "status.json").write_text("{}")
    look_at([entry], {}, 201.0)
    assert not entry.is_put_off


def test_a_rung_under_way_when_the_machine_was_started_anew_still_has_its_end(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        flock.agent()
        flock.clock.advance(500_000.0)
        await flock.look()
        await flock.later(130.0)
        assert flock.state() == "healing"
        flock.saved()
        flock.clock = FakeClock()  # whose monotonic time begins anew
        flock.begin(flock.settings())
        await flock.look()
        await flock.later(400.0)
        assert ("force_update", "failed") in flock.rungs()

    run(tmp_path, story)


def test_who_is_asked_about_all_the_time_is_healed_all_the_same(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        flock.agent()
        await flock.look()
        for _ in range(40):
            flock.clock.advance(10.0)
            await flock.watch.check_now()
            await flock.look()
        assert flock.told(AgentStalled)

    run(tmp_path, story)


def test_a_pattern_that_explodes_holds_nobody_up(tmp_path: Path) -> None:
    async def story(flock: Flock) -> None:
        workspace = flock.agent()
        (workspace / "agent.log").write_text("a" * 60 + "!\n")
        watched = WatchedAgent(
            workspace=str(workspace), log="agent.log", stall=StallRule(idle_ok=IdleRule(log_pattern="^(a+)+$"))
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(glance, "PATIENCE_S", 0.2)
            flock.begin(flock.settings(agents={"watch": {"Agent-1": watched}}))
            await flock.look()
            await flock.later(150.0)
        assert flock.told(AgentStalled)

    run(tmp_path, story)
