"""What an agent is doing, derived from what was observed."""

import pytest

from aurora_desktop.tasks.adapters.adapter import (
    Asks,
    AsksNoMore,
    Finished,
    Observation,
    Odd,
    ProviderRetry,
    Said,
    Session,
    ToolEnded,
    ToolStarted,
)
from aurora_desktop.tasks.worker.activity import ActivityTracker

BASH = ToolStarted("1", "Bash", "make test")
READ = ToolStarted("2", "Read")


@pytest.mark.parametrize(
    ("seen", "kind", "detail"),
    [
        ([], "starting", ""),
        ([Session("s")], "starting", ""),
        ([Said("hm", "thinking")], "thinking", ""),
        ([BASH], "tool", "Bash: make test"),
        ([BASH, READ], "tool", "Read"),
        ([BASH, READ, ToolEnded("2")], "tool", "Bash: make test"),
        ([BASH, ToolEnded("1")], "thinking", ""),
        ([BASH, Asks("a", "Bash", "rm x")], "waiting_permission", "Bash"),
        ([BASH, Asks("a", "Bash", "rm x"), AsksNoMore("a")], "tool", "Bash: make test"),
        ([ProviderRetry(2, 10, status=529)], "retrying_provider", "HTTP 529"),
        ([ProviderRetry(2, 10, status=529), Odd("x", "?")], "retrying_provider", "HTTP 529"),
        ([ProviderRetry(2, 10), Said("well")], "thinking", ""),
        ([BASH, Finished()], "finishing", ""),
    ],
)
def test_activity_follows_what_was_observed(seen: list[Observation], kind: str, detail: str) -> None:
    tracker = ActivityTracker(at=1.0)
    for observation in seen:
        tracker.observe(observation)

    activity = tracker.now(2.0, quiet_s=0.0)

    assert (activity.kind, activity.detail) == (kind, detail)


def test_it_is_silent_after_ten_seconds_but_not_while_a_tool_runs() -> None:
    tracker = ActivityTracker(at=1.0)
    tracker.observe(Said("hm"))

    assert tracker.now(20.0, quiet_s=9.9).kind == "thinking"
    silent = tracker.now(21.0, quiet_s=10.0)
    assert (silent.kind, silent.since) == ("silent", 11.0)
    assert tracker.now(30.0, quiet_s=19.0) is silent
    tracker.observe(BASH)
    assert tracker.now(40.0, quiet_s=19.0).kind == "tool"


def test_a_tool_that_runs_and_a_provider_that_is_asked_again_are_work_without_a_word() -> None:
    tracker = ActivityTracker(at=1.0)
    tracker.observe(Said("hm"))
    assert not tracker.works
    tracker.observe(BASH)
    assert tracker.works
    tracker.observe(ToolEnded("1"))
    assert not tracker.works
    tracker.observe(ProviderRetry(1, 10))
    assert tracker.works


def test_held_outweighs_everything_and_waits_like_a_question() -> None:
    tracker = ActivityTracker(at=1.0)
    tracker.observe(BASH)
    assert not tracker.waits

    tracker.hold(held=True)
    assert (tracker.now(2.0, 0.0).kind, tracker.waits) == ("frozen", True)
    tracker.hold(held=False)
    assert tracker.now(3.0, 0.0).kind == "tool"
    tracker.observe(Asks("a", "Bash", "x"))
    assert tracker.waits


def test_tools_that_never_end_fill_no_memory() -> None:
    tracker = ActivityTracker(at=1.0)
    for number in range(1000):
        tracker.observe(ToolStarted(str(number), "Bash"))
    for number in range(900, 1000):
        tracker.observe(ToolEnded(str(number)))

    assert tracker.now(2.0, 0.0).kind == "starting" or tracker.now(2.0, 0.0).kind == "thinking"
