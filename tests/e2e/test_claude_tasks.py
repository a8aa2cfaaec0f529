"""A real worker does tasks with the real Claude Code, whose provider is a stand-in."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from aurora_desktop.tasks.messages import Asking, AskingNoMore, Began, Doing, Run, Stop
from tests.e2e.agents import path_with_node, program
from tests.e2e.agents.anthropic import (
    HANGS,
    INPUT_TOKENS,
    OVERLOADED,
    UNAUTHORIZED,
    Says,
    StandIn,
    Text,
    Thinking,
    Tool,
    Turn,
    says,
)
from tests.e2e.agents.desk import Desk
from tests.e2e.waiting import eventually

NASTY = "; $(touch pwned) `touch pwned` 'é \n\0"
BIG_PROMPT = NASTY + "x" * (1_000_000 - len(NASTY.encode()))


def touch(name: str) -> Tool:
    return Tool("Bash", {"command": f"touch {name}", "description": f"Make {name}"})


def lasting(book: Path) -> Tool:
    """A command that notes its pid and does not end."""
    return Tool("Bash", {"command": f"echo $$ > {book}; exec sleep 1000"})


class ClaudeDesk(Desk):
    """A worker, and Claude Code at home in a folder of the test."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        super().__init__(folder)
        self._stack = stack
        stack.callback(self.close)

    def start(self, *script: Turn, env: Mapping[str, str] | None = None, **changes: Any) -> tuple[Run, StandIn]:
        """Begin a task of which the provider plays the script."""
        api = self._stack.enter_context(StandIn(*script))
        surroundings = {"PATH": path_with_node(), **api.environment(self.home), **(env or {})}
        changes = {"kind": "claude", "agent": "claude", **changes}
        return self.begin(os.fspath(program("claude")), env=surroundings, **changes), api


class Case(NamedTuple):
    script: tuple[Turn, ...]
    changes: Mapping[str, Any] = MappingProxyType({})
    env: Mapping[str, str] = MappingProxyType({})


SANDBOX = {"IS_SANDBOX": "1"}
"""Claude Code refuses permissions `full` to root unless it is told that the machine is a sandbox."""
IN_BACKGROUND = Tool("Bash", {"command": "sleep 1000", "run_in_background": True})
SLOW: dict[str, Case] = {
    # The retries of a login that is refused are cut short by Aurora, those of an overload by the operator's own choice.
    "overloaded for good": Case((OVERLOADED,), env={"CLAUDE_CODE_MAX_RETRIES": "1"}),
    "login refused": Case((UNAUTHORIZED,)),
    "stream stops in the middle": Case((Says((Text("half"), Text("the other")), stops_after=1),)),
    "silence": Case((HANGS,), {"silence_s": 15.0}),
    "kept open": Case((says(IN_BACKGROUND), says("Done.")), {"permissions": "full", "grace_s": 0.5}, SANDBOX),
}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ClaudeDesk]:
    with ExitStack() as stack:
        yield ClaudeDesk(tmp_path, stack)


def test_a_task_is_done_with_a_prompt_of_a_megabyte_that_no_shell_reads(desk: ClaudeDesk) -> None:
    write = Tool("Write", {"file_path": str(desk.cwd / "new.txt"), "content": "words\n"})
    script = (says(Thinking("Let me see."), "I begin.", write), says("All is done."))

    run, api = desk.start(*script, prompt=BIG_PROMPT, permissions="edit", model="claude-sonnet-4-5")
    ended = desk.end(run)

    assert (ended.ending, ended.result, ended.error, ended.exit_code) == ("completed", "All is done.", "", 0)
    assert desk.files() == {"new.txt": "words\n"}
    assert desk.kinds(run) == ["thinking", "message", "tool", "diff", "tool_result", "message"]
    assert ended.usage.cost_usd is not None
    assert ended.usage.input_tokens == 2 * INPUT_TOKENS
    assert api.asked[0].model == "claude-sonnet-4-5"
    assert any(BIG_PROMPT in text for text in api.asked[0].words)


def test_it_waits_for_permission_which_is_given_once_for_the_task_or_not(desk: ClaudeDesk) -> None:
    script = (says(touch("once")), says(touch("always")), says(touch("always")), says(touch("never")), says("Done."))
    run, api = desk.start(*script)

    first = desk.hear_question()
    assert (first.tool, first.summary) == ("Bash", "touch once")
    waiting = desk.stage.main.hear(Doing, lambda doing: doing.activity.kind == "waiting_permission")
    assert not (desk.cwd / "once").exists()
    desk.answer(first, "once")
    desk.answer(desk.hear_question(), "task")
    desk.answer(denied := desk.hear_question(), "deny", "Not this one.")
    ended = desk.end(run)

    assert waiting.activity.detail == "Bash"
    assert denied.summary == "touch never"
    assert sorted(path.name for path in desk.cwd.iterdir()) == ["always", "once"]
    assert (ended.ending, ended.denials) == ("completed", ("Bash: touch never",))
    assert "Not this one." in api.asked[-1].conversation


def test_read_only_writes_nothing_even_where_the_operators_own_settings_allow_it(desk: ClaudeDesk) -> None:
    (desk.home / ".claude").mkdir()
    (desk.home / ".claude" / "settings.json").write_text('{"permissions": {"allow": ["Bash", "Write", "Edit"]}}')
    write = Tool("Write", {"file_path": str(desk.cwd / "new.txt"), "content": "x"})

    run, api = desk.start(says(touch("x")), says(write), says("I only read."), permissions="read-only")
    ended = desk.end(run)

    assert (ended.ending, ended.result) == ("completed", "I only read.")
    assert list(desk.cwd.iterdir()) == []
    assert set(api.asked[0].tools) == {"Glob", "Grep", "Read", "WebFetch", "WebSearch"}


def test_full_asks_nothing(desk: ClaudeDesk) -> None:
    run, _ = desk.start(says(touch("x")), says("Done."), permissions="full", env=SANDBOX)
    ended = desk.end(run)

    assert (ended.ending, (desk.cwd / "x").exists()) == ("completed", True)
    assert not any(isinstance(message, Asking) for message in desk.stage.main.heard)


def test_an_overloaded_provider_is_shown_and_waited_for(desk: ClaudeDesk) -> None:
    run, api = desk.start(OVERLOADED, OVERLOADED, says("At last."))
    doing = desk.stage.main.hear(Doing, lambda doing: doing.activity.kind == "retrying_provider")
    ended = desk.end(run)

    assert (doing.activity.attempt, doing.activity.most_attempts) == (1, 10)
    assert (ended.ending, ended.result, len(api.asked)) == ("completed", "At last.", 3)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[ClaudeDesk, Run, StandIn]]]:
    """Those that wait for time to pass, begun side by side."""
    with ExitStack() as stack:
        begun = {}
        for name, case in SLOW.items():
            desk = ClaudeDesk(tmp_path_factory.mktemp("slow"), stack)
            begun[name] = (desk, *desk.start(*case.script, env=case.env, **case.changes))
        yield begun


@pytest.mark.parametrize(
    ("name", "words", "asked"),
    [
        ("overloaded for good", "529 Overloaded", 2),
        ("login refused", "The provider refuses the login (HTTP 401). Log in with `claude`", 3),
        ("stream stops in the middle", "Connection closed mid-response", 1),
    ],
)
def test_a_provider_that_fails_for_good_is_an_error(
    slow: dict[str, tuple[ClaudeDesk, Run, StandIn]], name: str, words: str, asked: int
) -> None:
    desk, run, api = slow[name]
    ended = desk.end(run)

    assert (ended.ending, ended.result) == ("error", "")
    assert words in ended.error
    assert len(api.asked) == asked


def test_what_keeps_it_open_after_its_result_is_ended(slow: dict[str, tuple[ClaudeDesk, Run, StandIn]]) -> None:
    desk, run, _ = slow["kept open"]
    ended = desk.end(run)

    assert (ended.ending, ended.result) == ("completed", "Done.")


def test_a_cancelled_task_is_interrupted_and_asks_no_more(desk: ClaudeDesk) -> None:
    run, _ = desk.start(says(touch("x")))
    asking = desk.hear_question()

    desk.stage.main.say(Stop(run.task_id, "cancelled", "the operator cancelled it"))
    no_more = desk.stage.main.hear(AskingNoMore)
    ended = desk.end(run)

    assert no_more.ask_id == asking.ask_id
    assert (ended.ending, ended.error) == ("cancelled", "the operator cancelled it")
    assert ended.session_id is not None


def test_a_killed_agent_is_a_crash_and_leaves_none_of_its_tools(desk: ClaudeDesk, tmp_path: Path) -> None:
    book = tmp_path / "pid"
    run, _ = desk.start(says(lasting(book)), permissions="full", env=SANDBOX)
    began = desk.stage.main.hear(Began)
    tool = eventually(lambda: book.exists() and book.read_text().strip(), "the tool runs")
    assert os.getsid(int(tool)) != os.getsid(began.pid)

    os.kill(began.pid, signal.SIGKILL)
    ended = desk.end(run)

    assert (ended.ending, ended.exit_code) == ("crashed", None)
    assert "SIGKILL" in ended.error


def test_silence_of_the_provider_is_a_timeout(slow: dict[str, tuple[ClaudeDesk, Run, StandIn]]) -> None:
    desk, run, api = slow["silence"]
    ended = desk.end(run)

    assert (ended.ending, len(api.asked)) == ("timeout", 1)
