"""A real worker does tasks with the real Claude Code, whose provider is a stand-in."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from aurora_desktop.tasks.messages import Answer, Asking, AskingNoMore, Began, Doing, Ended, Run, Stop
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
from tests.e2e.waiting import eventually
from tests.e2e.work.stage import Stage

NASTY = "; $(touch pwned) `touch pwned` 'é \n\0"
BIG_PROMPT = NASTY + "x" * (1_000_000 - len(NASTY.encode()))


def touch(name: str) -> Tool:
    return Tool("Bash", {"command": f"touch {name}", "description": f"Make {name}"})


def lasting(book: Path) -> Tool:
    """A command that notes its pid and does not end."""
    return Tool("Bash", {"command": f"echo $$ > {book}; exec sleep 1000"})


class Desk:
    """A worker, and Claude Code at home in a folder of the test."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.stage = Stage(folder)
        self.home = folder / "home"
        self.home.mkdir()
        self._stack = stack
        stack.callback(self.stage.close)

    @property
    def cwd(self) -> Path:
        return self.stage.cwd

    def start(self, *script: Turn, env: dict[str, str] | None = None, **changes: Any) -> tuple[Run, StandIn]:
        """Begin a task of which the provider plays the script."""
        api = self._stack.enter_context(StandIn(*script))
        self.worker = self.stage.hire(PATH=path_with_node(), **{**api.environment(self.home), **(env or {})})
        self.stage.main.accept()
        run = self.stage.run(os.fspath(program("claude")), **{"kind": "claude", "agent": "claude", **changes})
        self.stage.main.say(run)
        return run, api

    def lose_worker(self) -> None:
        """The worker dies, and its supervisor ends what it leaves behind."""
        self.worker.kill()
        self.worker.wait()
        self.stage.main.hang_up()
        while carriers := self.stage.carriers():
            for pid in carriers:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def hear_question(self, run: Run) -> Asking:
        return self.stage.main.hear(Asking, lambda asking: asking.task_id == run.task_id)

    def answer(self, asking: Asking, decision: Any, message: str = "") -> None:
        self.stage.main.say(Answer(asking.task_id, asking.ask_id, decision, message))

    def end(self, run: Run) -> Ended:
        """How it ended, with nothing left running."""
        ended = self.stage.end_of(run)
        assert self.stage.carriers() == []
        return ended

    def kinds(self, run: Run) -> list[str]:
        return [entry.kind for entry in self.stage.transcript(run)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with ExitStack() as stack:
        yield Desk(tmp_path, stack)


def test_a_task_is_done_with_a_prompt_of_a_megabyte_that_no_shell_reads(desk: Desk) -> None:
    write = Tool("Write", {"file_path": str(desk.cwd / "new.txt"), "content": "words\n"})
    script = (says(Thinking("Let me see."), "I begin.", write), says("All is done."))

    run, api = desk.start(*script, prompt=BIG_PROMPT, permissions="edit", model="claude-sonnet-4-5")
    ended = desk.end(run)

    assert (ended.ending, ended.result, ended.error, ended.exit_code) == ("completed", "All is done.", "", 0)
    assert {path.name: path.read_text() for path in desk.cwd.iterdir()} == {"new.txt": "words\n"}
    assert desk.kinds(run) == ["thinking", "message", "tool", "diff", "tool_result", "message"]
    assert ended.usage.cost_usd is not None
    assert ended.usage.input_tokens == 2 * INPUT_TOKENS
    assert api.asked[0].model == "claude-sonnet-4-5"
    assert any(BIG_PROMPT in text for text in api.asked[0].words)


def test_it_waits_for_permission_which_is_given_once_for_the_task_or_not(desk: Desk) -> None:
    script = (says(touch("once")), says(touch("always")), says(touch("always")), says(touch("never")), says("Done."))
    run, api = desk.start(*script)

    first = desk.hear_question(run)
    assert (first.tool, first.summary) == ("Bash", "touch once")
    waiting = desk.stage.main.hear(Doing, lambda doing: doing.activity.kind == "waiting_permission")
    assert not (desk.cwd / "once").exists()
    desk.answer(first, "once")
    desk.answer(desk.hear_question(run), "task")
    desk.answer(denied := desk.hear_question(run), "deny", "Not this one.")
    ended = desk.end(run)

    assert waiting.activity.detail == "Bash"
    assert denied.summary == "touch never"
    assert sorted(path.name for path in desk.cwd.iterdir()) == ["always", "once"]
    assert (ended.ending, ended.denials) == ("completed", ("Bash: touch never",))
    assert "Not this one." in api.asked[-1].conversation


def test_read_only_writes_nothing_even_where_the_operators_own_settings_allow_it(desk: Desk) -> None:
    (desk.home / ".claude").mkdir()
    (desk.home / ".claude" / "settings.json").write_text('{"permissions": {"allow": ["Bash", "Write", "Edit"]}}')
    write = Tool("Write", {"file_path": str(desk.cwd / "new.txt"), "content": "x"})

    run, api = desk.start(says(touch("x")), says(write), says("I only read."), permissions="read-only")
    ended = desk.end(run)

    assert (ended.ending, ended.result) == ("completed", "I only read.")
    assert list(desk.cwd.iterdir()) == []
    assert set(api.asked[0].tools) == {"Glob", "Grep", "Read", "WebFetch", "WebSearch"}


def test_full_asks_nothing(desk: Desk) -> None:
    # Claude Code refuses this mode to root unless it is told that the machine is a sandbox.
    run, _ = desk.start(says(touch("x")), says("Done."), permissions="full", env={"IS_SANDBOX": "1"})
    ended = desk.end(run)

    assert (ended.ending, (desk.cwd / "x").exists()) == ("completed", True)
    assert not any(isinstance(message, Asking) for message in desk.stage.main.heard)


def test_an_overloaded_provider_is_shown_and_waited_for(desk: Desk) -> None:
    run, api = desk.start(OVERLOADED, OVERLOADED, says("At last."))
    doing = desk.stage.main.hear(Doing, lambda doing: doing.activity.kind == "retrying_provider")
    ended = desk.end(run)

    assert (doing.activity.attempt, doing.activity.most_attempts) == (1, 10)
    assert (ended.ending, ended.result, len(api.asked)) == ("completed", "At last.", 3)


@pytest.mark.parametrize(
    ("turn", "words", "asked"),
    [
        (OVERLOADED, "529 Overloaded", 2),
        (UNAUTHORIZED, "The provider refuses the login (HTTP 401). Log in with `claude`", 3),
        (Says((Text("half"), Text("the other")), stops_after=1), "Connection closed mid-response", 1),
    ],
    ids=["overloaded for good", "login refused", "stream stops in the middle"],
)
def test_a_provider_that_fails_for_good_is_an_error(desk: Desk, turn: Turn, words: str, asked: int) -> None:
    # The retries of a login that is refused are cut short by Aurora, those of an overload by the operator's own choice.
    env = {"CLAUDE_CODE_MAX_RETRIES": "1"} if turn is OVERLOADED else {}
    run, api = desk.start(turn, env=env)
    ended = desk.end(run)

    assert (ended.ending, ended.result) == ("error", "")
    assert words in ended.error
    assert len(api.asked) == asked


def test_what_keeps_it_open_after_its_result_is_ended(desk: Desk) -> None:
    background = Tool("Bash", {"command": "sleep 1000", "run_in_background": True})
    script = (says(background), says("Done, and something still runs."))
    run, _ = desk.start(*script, permissions="full", env={"IS_SANDBOX": "1"}, grace_s=0.5)
    ended = desk.end(run)

    assert (ended.ending, ended.result) == ("completed", "Done, and something still runs.")


def test_silence_of_the_provider_is_a_timeout(desk: Desk) -> None:
    run, _ = desk.start(HANGS, silence_s=3.0)
    ended = desk.end(run)

    assert ended.ending == "timeout"


def test_a_cancelled_task_is_interrupted_and_asks_no_more(desk: Desk) -> None:
    run, _ = desk.start(says(touch("x")))
    asking = desk.hear_question(run)

    desk.stage.main.say(Stop(run.task_id, "cancelled", "the operator cancelled it"))
    no_more = desk.stage.main.hear(AskingNoMore)
    ended = desk.end(run)

    assert no_more.ask_id == asking.ask_id
    assert (ended.ending, ended.error) == ("cancelled", "the operator cancelled it")
    assert ended.session_id is not None


def test_a_killed_agent_is_a_crash_and_leaves_none_of_its_tools(desk: Desk, tmp_path: Path) -> None:
    book = tmp_path / "pid"
    run, _ = desk.start(says(lasting(book)), permissions="full", env={"IS_SANDBOX": "1"})
    began = desk.stage.main.hear(Began)
    tool = eventually(lambda: book.exists() and book.read_text().strip(), "the tool runs")
    assert os.getsid(int(tool)) != os.getsid(began.pid)

    os.kill(began.pid, signal.SIGKILL)
    ended = desk.end(run)

    assert (ended.ending, ended.exit_code) == ("crashed", None)
    assert "SIGKILL" in ended.error


def test_after_the_death_of_its_worker_another_resumes_its_session(desk: Desk, tmp_path: Path) -> None:
    book = tmp_path / "pid"
    script = (says("I begin.", lasting(book)), says("I went on."))
    full = {"permissions": "full", "env": {"IS_SANDBOX": "1"}}
    first, api = desk.start(*script, prompt="a long task", session_id="6a7b9a6e-8c55-4d0c-9f34-0d8f3f1a2b3c", **full)
    began = desk.stage.main.hear(Began)
    session = desk.stage.main.hear(Doing, lambda doing: doing.session_id is not None).session_id
    eventually(lambda: book.exists() and book.read_text().strip(), "the tool runs")

    desk.lose_worker()
    again = {"task_id": first.task_id, "attempt": 2, "resume": session, "prompt": "Go on.", **full}
    second, api = desk.start(says("I went on."), **again)
    ended = desk.end(second)

    assert session == first.session_id
    assert (ended.ending, ended.result) == ("completed", "I went on.")
    conversation = api.asked[0].conversation
    assert all(words in conversation for words in ("a long task", "I begin.", "Go on."))
    assert not Path(f"/proc/{began.pid}").exists()
