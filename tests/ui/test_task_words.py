"""Tasks of agents in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.settings.schema_tasks import CliAgent, Pipeline, TaskSettings
from aurora_desktop.core.settings.values import Command
from aurora_desktop.tasks.task import Activity
from aurora_desktop.ui import phrases, task_form, task_words
from aurora_desktop.ui.task_form import Doer, Typed

from .fake_tasks import a_work_task, a_worker, an_approval, some_agents
from .fakes import a_view

NOW = 1_790_000_100.0


def doing(kind: str, **more: object) -> Activity:
    return Activity(kind=kind, since=NOW - 12, **more)  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize(
    ("activity", "words"),
    [
        (doing("starting"), "Starting"),
        (doing("thinking"), "Thinking for 12 s"),
        (doing("tool", detail="Bash"), "Running Bash for 12 s"),
        (doing("tool"), "Running a tool for 12 s"),
        (doing("waiting_permission"), "Waiting for your word"),
        (doing("retrying_provider", attempt=2, most_attempts=10), "Asking the provider again (2 of 10)"),
        (doing("retrying_provider", attempt=2), "Asking the provider again (2)"),
        (doing("retrying_provider"), "Asking the provider again"),
        (doing("silent"), "Silent for 12 s"),
        (doing("finishing"), "Finishing"),
        (doing("frozen"), "Frozen by the emergency stop"),
        (Activity(kind="thinking", since=NOW), "Thinking"),
    ],
)
def test_what_an_agent_does(activity, words):
    assert task_words.activity(activity, NOW) == words


@pytest.mark.parametrize(("name", "words"), [("claude", "Claude"), ("codex", "Codex"), ("myAgent-2", "myAgent-2")])
def test_the_operators_own_agents_are_called_as_in_the_settings(name, words):
    assert task_words.agent_name(name) == words


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (a_work_task(1, "queued"), ""),
        (a_work_task(1, "queued", held="codex is at work"), "Codex is at work"),
        (a_work_task(1, activity=doing("tool", detail="Edit")), "Running Edit for 12 s"),
        (a_work_task(1, "leased", cause="given to claude-1"), "Starting"),
        (a_work_task(1, frozen=True, activity=doing("thinking")), "Frozen by the emergency stop"),
        (a_work_task(1, "uncertain", cause="the worker was killed"), "The worker was killed"),
        (a_work_task(1, "completed"), "Took 1 min 28 s"),
        (a_work_task(1, "completed", started_at=5.0, finished_at=5.03), "Took 0.1 s"),
        (
            a_work_task(1, "error", cause="not logged in: run `claude login`"),
            "Not logged in: run \u201cclaude login\u201d",
        ),
        (a_work_task(1, "error"), "Took 1 min 28 s"),
    ],
)
def test_what_a_task_does_or_how_it_ended(task, words):
    assert task_words.doing(task, NOW) == words


def test_who_does_it_and_who_asks():
    assert task_words.who(a_work_task(1, role="coder")) == "coder (claude)"
    assert task_words.who(a_work_task(1)) == "claude"
    assert task_words.question(an_approval()) == "May claude use Bash?"
    assert task_words.question(an_approval(kind="budget")) == "May claude spend more?"


def test_what_a_worker_does_or_what_is_wrong_with_it():
    wrong = a_view("worker:a-1", "unhealthy", problem="no sign of life for 9 s")
    assert task_words.worker_doing(a_worker("a-1", "unhealthy", service=wrong), NOW) == "No sign of life for 9 s"
    assert task_words.worker_doing(a_worker("a-1", "busy", activity=doing("thinking")), NOW) == "Thinking for 12 s"
    assert task_words.worker_doing(a_worker("a-1", "asleep"), NOW) == "Started when there is work"


@pytest.mark.parametrize(
    ("dollars", "words"),
    [(None, phrases.NONE), (0.0, "$0.00"), (0.001, "<$0.01"), (0.123, "$0.12"), (1234.5, "$1,234.50")],
)
def test_cost(dollars, words):
    assert phrases.cost(dollars) == words


@pytest.mark.parametrize(
    ("count", "words"), [(0, phrases.NONE), (840, "840"), (12_345, "12.3k"), (999_949, "999.9k"), (1_230_000, "1.2M")]
)
def test_tokens(count, words):
    assert phrases.tokens(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3, "0 s"), (59.9, "59 s"), (60, "1 min"), (3_599, "59 min"), (7_300, "2 h"), (200_000, "2 d")],
)
def test_at_a_glance(seconds, words):
    assert phrases.glance(seconds) == words


# The form

CLAUDE, ACTIONS = Doer("agent", "claude", "claude"), Doer("agent", "input", "input", takes_actions=True)


def typed(**more: object) -> Typed:
    return Typed(**{"doer": CLAUDE, "prompt": "Do it", **more})  # type: ignore[arg-type]  # by name


def settings() -> TaskSettings:
    gemini = CliAgent(kind="acp", command=Command(("gemini",)))
    review = Pipeline(steps=["architect", "coder"])
    return TaskSettings(agents={"gemini": gemini}, pipelines={"review": review})


def test_what_is_typed_becomes_a_request():
    request, problems = task_form.request_of(
        typed(cwd=" ~/work ", timeout="90 s", max_usd="$2.5", max_tokens="1,000", permissions="edit", retry="safe")
    )
    assert problems == {}
    assert request is not None
    assert (request.agent, request.role, request.pipeline) == ("claude", "", "")
    assert (request.cwd, request.timeout_s, request.max_usd, request.max_tokens) == ("~/work", 90.0, 2.5, 1000)
    assert (request.permissions, request.retry, request.source) == ("edit", "safe", "window")


def test_what_is_left_empty_is_the_agents():
    request, _ = task_form.request_of(typed())
    assert request is not None
    assert (request.cwd, request.timeout_s, request.max_usd, request.permissions) == (None, None, None, None)


@pytest.mark.parametrize(
    ("field", "text", "word"),
    [
        ("prompt", " \n", "what is to be done"), ("prompt", "a\0b", "NUL"), ("timeout", "soon", "no number"),
        ("timeout", "0", "more than 0"), ("timeout", "-5", "more than 0"), ("timeout", "inf", "more than 0"),
        ("timeout", "nan", "more than 0"), ("max_usd", "much", "no number"), ("max_tokens", "1.5", "whole number"),
        ("max_tokens", "inf", "more than 0"), ("max_tokens", "nan", "more than 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told_by_field(field, text, word):
    request, problems = task_form.request_of(typed(**{field: text}))
    assert request is None
    assert list(problems) == [field]
    assert word in problems[field]


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_nothing_that_is_typed_raises(timeout, usd, tokens):
    request, problems = task_form.request_of(typed(timeout=timeout, max_usd=usd, max_tokens=tokens))
    assert (request is None) == bool(problems)


def test_actions_are_for_the_agent_that_takes_them():
    request, _ = task_form.request_of(typed(doer=ACTIONS, prompt='[{"action": "screenshot"}]'))
    assert request is not None
    assert (request.actions, request.prompt) == (({"action": "screenshot"},), "")
    _, problems = task_form.request_of(typed(doer=ACTIONS, prompt="click somewhere"))
    assert "a list of actions" in problems["prompt"]


def test_agents_roles_and_pipelines_are_offered():
    offered = task_form.doers(settings())
    assert [doer.name for doer in offered if doer.kind == "agent"] == ["claude", "codex", "input", "gemini"]
    assert offered[-1].words == "review, a pipeline: architect \u2192 coder"
    request, _ = task_form.request_of(typed(doer=offered[-1]))
    assert request is not None
    assert (request.agent, request.pipeline) == ("", "review")


def test_a_doer_that_cannot_work_now_is_told():
    why_not = task_form.cannot_now(Doer("agent", "gemini", ""), some_agents(), settings())
    assert why_not.startswith("gemini cannot be used now, so the task would wait. `gemini` was not found")
    assert task_form.cannot_now(Doer("role", "coder", ""), some_agents(), settings()) == ""
    assert task_form.cannot_now(Doer("pipeline", "review", ""), some_agents(), settings()) == ""
