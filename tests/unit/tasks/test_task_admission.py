"""What is not taken, and why, in words."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_desktop.core.settings.schema_tasks import Budget, CliAgent, Pipeline, Role, TaskSettings
from aurora_desktop.core.settings.values import Command
from aurora_desktop.tasks.admission import admit
from aurora_desktop.tasks.errors import TaskRefusedError
from aurora_desktop.tasks.task import MOST_PROMPT_BYTES, Expectation, Task, TaskRequest

SETTINGS = TaskSettings(
    agents={"tool": CliAgent(kind="command", command=Command(("tool",)), timeout_s=60.0, permissions="ask")},
    roles={"tester": Role(agent="tool", prompt="Test this: {prompt}\n{result}", permissions="read-only")},
    pipelines={"all": Pipeline(steps=["tester"])},
)


def admitted(settings: TaskSettings = SETTINGS, result: str = "", **fields: Any) -> Task:
    fields = {"agent": "tool"} | fields if not fields.keys() & {"agent", "role", "pipeline"} else fields
    return admit(TaskRequest(**({"prompt": "do it", "cwd": "/"} | fields)), settings, 5.0, result=result)


def refused(settings: TaskSettings = SETTINGS, **fields: Any) -> str:
    with pytest.raises(TaskRefusedError) as caught:
        admitted(settings, **fields)
    return str(caught.value)


def test_an_unknown_name_tells_the_near_one() -> None:
    assert "Did you mean `claude`?" in refused(agent="claud")
    assert "Did you mean `coder`?" in refused(role="codr")
    assert "There are " in refused(agent="xyzzy")
    assert "There is no pipeline `xyzzy`" in refused(pipeline="xyzzy")


@pytest.mark.parametrize("model", ["", "--dangerously-skip-permissions", "a\0b", "a\nb", "m" * 201])
def test_a_model_is_no_argument_of_its_own(model: str) -> None:
    assert "no name of a model" in refused(model=model)
    assert admitted(model="claude-sonnet-4-5[1m]").model == "claude-sonnet-4-5[1m]"


def test_exactly_one_is_asked() -> None:
    assert "none of them" in refused(agent="")
    assert "agent and role" in refused(agent="tool", role="tester")


def test_the_prompt() -> None:
    assert "empty" in refused(prompt=" \n")
    assert "at character 3" in refused(prompt="ab\0c")
    assert "half a character" in refused(prompt="a\ud83d")
    assert "over the limit of 1,000,000" in refused(prompt="x" * (MOST_PROMPT_BYTES + 1))
    assert "too long" in refused(prompt="é" * 500_001), "bytes are counted, not characters"
    assert "too long" in refused(role="tester", agent="", prompt="x" * MOST_PROMPT_BYTES)
    assert len(admitted(prompt="x" * MOST_PROMPT_BYTES).prompt) == MOST_PROMPT_BYTES


@settings(max_examples=25)
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(str.strip))
def test_whatever_is_text_is_taken_as_it_is(prompt: str) -> None:
    task = admitted(prompt=prompt)
    assert task.prompt == prompt
    assert task.summary.isprintable()
    assert len(task.summary) <= 120


def test_metacharacters_of_a_shell_are_text_like_any_other() -> None:
    prompt = "$(rm -rf /); `id` && echo \"x\" | tee 'y' > /dev/null & {prompt} {result} %s \\"
    assert admitted(prompt=prompt).prompt == prompt
    in_role = admitted(agent="", role="tester", prompt=prompt, result="fine")
    assert in_role.prompt == f"Test this: {prompt}\nfine"


def test_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "out").symlink_to("/usr")
    assert "absolute" in refused(cwd="relative")
    assert "absolute" in refused(cwd="/a\0b")
    assert "no such file" in refused(cwd=str(tmp_path / "missing"))
    assert "is no folder" in refused(cwd=str(tmp_path / "file"))
    assert "names no user" in refused(cwd="~nobody-of-this-name/x")
    fenced = TaskSettings(agents=SETTINGS.agents, folders=[str(tmp_path / "inside")])
    assert admitted(fenced, cwd=str(tmp_path / "inside")).cwd == str(tmp_path / "inside")
    for outside in (tmp_path, tmp_path / "inside" / ".." / "..", tmp_path / "inside" / "out"):
        assert "No task may run" in refused(fenced, cwd=str(outside))
    assert admitted(cwd="~").cwd == os.path.realpath(Path.home())


@pytest.mark.parametrize("name", ["timeout_s", "silence_s", "max_usd", "max_tokens", "max_attempts"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_numbers_that_are_none(name: str, value: float) -> None:
    assert f"`{name}`" in refused(**{name: value})


DASHED = "--output=/etc/passwd"


@pytest.mark.parametrize(
    "command", [("tool",), ("tool", "{prompt}"), ("tool", "--text", "{prompt}"), ("--", "{prompt}")]
)
def test_a_prompt_that_would_be_an_option_is_refused(command: tuple[str, ...]) -> None:
    tool = CliAgent(kind="command", command=Command(command))
    told = refused(TaskSettings(agents={"tool": tool}), prompt=DASHED)
    assert "would read it as an option" in told
    assert "`prompt: stdin`" in told


@pytest.mark.parametrize(
    "fields",
    [
        {"command": Command(("tool", "--", "{prompt}"))},
        {"command": Command(("tool", "--"))},
        {"command": Command(("tool",)), "args": ["--"]},
        {"command": Command(("tool", "--text={prompt}"))},
        {"command": Command(("tool",)), "prompt": "stdin"},
        {"command": Command(("tool",)), "prompt": "file"},
    ],
)
def test_a_prompt_that_begins_with_a_dash_is_taken_where_it_cannot_be_an_option(fields: dict[str, Any]) -> None:
    tool = CliAgent(kind="command", **fields)
    assert admitted(TaskSettings(agents={"tool": tool}), prompt=DASHED).prompt == DASHED


def test_with_the_words_of_a_role_in_front_it_is_no_option() -> None:
    assert admitted(role="tester", prompt=DASHED).prompt == f"Test this: {DASHED}"


TELLS = CliAgent(kind="command", command=Command(("tool",)), events="json")


@pytest.mark.parametrize(
    ("agent", "limits"),
    [
        (CliAgent(kind="codex"), {"max_usd": 1.0}),
        (CliAgent(kind="command", command=Command(("tool",))), {"max_usd": 1.0}),
        (CliAgent(kind="command", command=Command(("tool",))), {"max_tokens": 5}),
    ],
)
def test_a_limit_that_nobody_can_keep_is_refused(agent: CliAgent, limits: dict[str, Any]) -> None:
    told = refused(TaskSettings(agents={"bot": agent}), agent="bot", **limits)
    assert "cannot be kept: bot does not tell it" in told
    assert f"`{next(iter(limits))}`" in told


@pytest.mark.parametrize("limit", ["task_usd", "day_usd"])
def test_so_is_one_of_the_settings(limit: str) -> None:
    agent = CliAgent(kind="codex", budget=Budget(**{limit: 1.0}))
    told = refused(TaskSettings(agents={"codex": agent}), agent="codex")
    assert f"`tasks.agents.codex.budget.{limit}`" in told
    assert "A limit in tokens is kept." in told


@pytest.mark.parametrize("agent", [CliAgent(kind="claude"), TELLS])
def test_a_limit_that_can_be_kept_is_taken(agent: CliAgent) -> None:
    task = admitted(TaskSettings(agents={"bot": agent}), agent="bot", max_usd=1.0, max_tokens=5)
    assert (task.max_usd, task.max_tokens) == (1.0, 5)
    assert admitted(TaskSettings(agents={"bot": CliAgent(kind="codex")}), agent="bot", max_tokens=5).max_tokens == 5


def test_a_task_has_its_own_times_or_those_of_its_agent() -> None:
    assert (admitted().timeout_s, admitted(timeout_s=1200.0).timeout_s) == (60.0, 1200.0)


def test_names_of_variables_are_names_and_no_value_is_told() -> None:
    told = refused(env=("TOKEN=hunter2",))
    assert "'TOKEN'" in told
    assert "hunter2" not in told
    assert "''" in refused(env=("",))
    assert admitted(env=("HOME", "PATH")).env == ("HOME", "PATH")


def test_permissions_are_only_loosened_in_the_window() -> None:
    assert "cannot give itself more" in refused(permissions="full")
    assert "cannot give itself more" in refused(agent="", role="tester", permissions="ask")
    assert admitted(permissions="full", source="window").permissions == "full"
    assert admitted(permissions="read-only").permissions == "read-only"
    assert admitted(agent="", role="tester").permissions == "read-only"


def test_the_rest() -> None:
    assert "idempotency key" in refused(idempotency_key="")
    assert "idempotency key" in refused(idempotency_key="x" * 201)
    assert "priority" in refused(priority=10**9)
    assert "expected file" in refused(expect=Expectation(files=("../x",)))
    assert "regular expression" in refused(expect=Expectation(pattern="("))
    assert "takes no input actions" in refused(actions=({"action": "wait"},))


def test_a_task_of_mouse_and_keyboard_has_actions() -> None:
    assert "The prompt is empty" in refused(agent="input", prompt=" ")
    assert "no list of actions" in refused(agent="input", prompt="click there")
    assert "Action 1" in refused(agent="input", prompt="", actions=({"action": "levitate"},))
    task = admitted(agent="input", prompt="", actions=({"action": "left_click", "at": {"x": 1, "y": 2}},))
    assert task.summary == "1 input action"
    assert task.actions


def test_the_summary_is_one_line() -> None:
    assert admitted(prompt="a\n\nb\tc").summary == "a b c"
    assert admitted(prompt="x" * 500).summary == "x" * 119 + "…"
