"""The verdict of the whole and its one sentence."""

from typing import Any

import pytest

from aurora_desktop.heartbeat.health import Health, Problem, assess
from aurora_desktop.supervisor.view import ServiceView


def view(name: str = "web", state: Any = "running", problem: str = "", **more: Any) -> ServiceView:
    return ServiceView(name=name, state=state, cause="", since=0.0, problem=problem, **more)


def own(severity: int, sentence: str = "the disk is full") -> Problem:
    return Problem("aurora", sentence, "Make room", severity)


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("failed", "unhealthy"),
        ("degraded", "unhealthy"),
        ("unhealthy", "degraded"),
        ("waiting", "degraded"),
        ("starting", "degraded"),
        ("running", "degraded"),
        ("frozen", "degraded"),
    ],
)
def test_the_verdict_of_one_service_with_a_problem(state: str, verdict: str) -> None:
    health = assess([view(state=state, problem="something is wrong", hint="Mend it")])
    assert (health.verdict, health.sentence, health.next_step) == (verdict, "web: something is wrong", "Mend it")


@pytest.mark.parametrize(("severity", "verdict"), [(0, "unhealthy"), (1, "unhealthy"), (2, "degraded")])
def test_the_verdict_of_a_problem_of_our_own(severity: int, verdict: str) -> None:
    health = assess([view()], [own(severity)])
    assert (health.verdict, health.sentence, health.next_step) == (verdict, "the disk is full", "Make room")


def test_the_worst_problem_is_named_and_the_others_are_counted() -> None:
    health = assess(
        [
            view("a", "waiting", "waits"),
            view("b", "unhealthy", "hangs"),
            view("c"),
            view("d", "failed", "failed: gone"),
            view("e", "degraded", "restarted too often"),
        ],
        [own(2)],
        paused=True,
    )
    assert health.sentence == "d: failed: gone, and 5 more"
    assert [problem.component for problem in health.problems] == [
        "service:d", "service:e", "aurora", "service:b", "service:a", "aurora",
    ]  # fmt: skip


def test_equal_problems_are_named_in_the_order_of_their_names() -> None:
    health = assess([view(name, "failed", "failed") for name in ("zoo", "ant", "cow")])
    assert [problem.component for problem in health.problems] == ["service:ant", "service:cow", "service:zoo"]


def test_a_pause_alone_is_degraded_and_says_what_to_do() -> None:
    assert assess([view()], paused=True) == Health(
        "degraded",
        "supervision is paused",
        "Resume supervision",
        (Problem("aurora", "supervision is paused", "Resume supervision", 5),),
    )


@pytest.mark.parametrize(
    ("states", "sentence"),
    [
        ([], "no services in the settings yet"),
        (["running"], "the service runs"),
        (["ready", "running"], "all 2 services run"),
        (["ready", "running", "stopped"], "all 2 services run"),
        (["stopped", "stopped"], "all services are stopped"),
    ],
)
def test_the_sentence_when_all_is_well(states: list[str], sentence: str) -> None:
    assert assess([view(state=state) for state in states]) == Health("healthy", sentence, "")


@pytest.mark.parametrize("states", [["starting"], ["starting", "waiting"], ["stopping"]])
def test_nothing_is_said_to_run_that_does_not_run_yet(states: list[str]) -> None:
    assert "runs" not in assess([view(state=state) for state in states]).sentence


def test_all_is_not_said_while_one_is_still_on_its_way() -> None:
    assert not assess([view(), view("db", "ready"), view("slow", "starting")]).sentence.startswith("all")
