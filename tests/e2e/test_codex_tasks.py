"""A real worker does tasks with the real Codex, whose provider is a stand-in."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from aurora_desktop.tasks.messages import Asking, AskingNoMore, Began, Doing, Run, Stop
from tests.e2e.agents import path_with_node, program
from tests.e2e.agents.desk import Desk
from tests.e2e.agents.openai import (
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    Breaks,
    Fails,
    Hangs,
    OpenAI,
    Says,
    Step,
    new_file,
    shell,
)
from tests.e2e.waiting import eventually

NASTY = "; $(touch pwned) `touch pwned` 'é \n\0"
BIG_PROMPT = NASTY + "x" * (1_000_000 - len(NASTY.encode()))


class CodexDesk(Desk):
    def __init__(self, folder: Path, stack: ExitStack) -> None:
        super().__init__(folder)
        self._stack = stack
        stack.callback(self.close)
        # Codex keeps its helpers in its home, and refuses a home in the folder of temporary files.
        self._tmp = folder / "tmp"
        self._tmp.mkdir()

    def start(self, *script: Step, **changes: Any) -> tuple[Run, OpenAI]:
        """Begin a task of which the provider plays the script."""
        provider = self._stack.enter_context(OpenAI(*script))
        codex_home = self.home / ".codex"
        codex_home.mkdir(exist_ok=True)
        (codex_home / "config.toml").write_text(provider.config())
        env = {
            "PATH": path_with_node(),
            "HOME": os.fspath(self.home),
            "CODEX_HOME": os.fspath(codex_home),
            "TMPDIR": os.fspath(self._tmp),
            "STANDIN_KEY": "x",
        }
        changes = {"kind": "codex", "agent": "codex", **changes}
        return self.begin(os.fspath(program("codex")), env=env, **changes), provider


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[CodexDesk]:
    with ExitStack() as stack:
        yield CodexDesk(tmp_path, stack)


def test_a_task_is_done_with_a_prompt_of_a_megabyte_that_no_shell_reads(desk: CodexDesk) -> None:
    script = (new_file("new.txt", "words\n"), shell("cat new.txt"), Says("All is done.", thought="Let me see."))

    run, provider = desk.start(*script, prompt=BIG_PROMPT, permissions="edit", model="gpt-5.6-sol")
    ended = desk.end(run)

    assert (ended.ending, ended.result, ended.error, ended.exit_code) == ("completed", "All is done.", "", 0)
    assert desk.files() == {"new.txt": "words\n"}
    # Codex tells the prompt back, in lines that are cut: the note.
    assert desk.kinds(run) == ["tool", "diff", "tool_result", "tool", "tool_result", "thinking", "message", "note"]
    assert (ended.usage.input_tokens, ended.usage.output_tokens) == (3 * INPUT_TOKENS, 3 * OUTPUT_TOKENS)
    assert ended.usage.cost_usd is None
    assert provider.requests[0]["model"] == "gpt-5.6-sol"
    assert "x" * 100_000 in provider.conversation()


def test_it_waits_for_permission_which_is_given_once_for_the_task_or_not(desk: CodexDesk) -> None:
    always = shell("touch always", asks="May I?")
    script = (new_file("new.txt", "words"), always, always, shell("touch never", asks="Or this?"), Says("Done."))
    run, provider = desk.start(*script)

    edit = desk.hear_question()
    waiting = desk.stage.main.hear(Doing, lambda doing: doing.activity.kind == "waiting_permission")
    assert desk.files() == {}
    desk.answer(edit, "once")
    desk.answer(command := desk.hear_question(), "task")
    desk.answer(desk.hear_question(), "deny", "Not this one.")
    ended = desk.end(run)

    assert (edit.tool, edit.summary) == ("edit", f"add {desk.cwd}/new.txt")
    assert "+words" in edit.detail
    assert waiting.activity.detail == "edit"
    assert (command.tool, command.summary, command.reason) == ("shell", "touch always", "May I?")
    assert sorted(desk.files()) == ["always", "new.txt"]
    assert (ended.ending, ended.denials) == ("completed", ("touch never",))
    assert "Not this one." in provider.conversation()


def test_read_only_writes_nothing(desk: CodexDesk) -> None:
    script = (new_file("new.txt", "x"), shell("touch x"), shell("touch y", asks="May I?"), Says("I only read."))

    run, provider = desk.start(*script, permissions="read-only")
    ended = desk.end(run)

    assert (ended.ending, ended.result) == ("completed", "I only read.")
    assert desk.files() == {}
    assert len(provider.outputs()) == 3


def test_edit_writes_in_the_folder_and_nowhere_else(desk: CodexDesk, tmp_path: Path) -> None:
    # The sandbox lets a command write into `/tmp`, where the tests have their folders.
    outside = Path("/var/tmp") / tmp_path.name
    script = (shell("touch inside"), shell(f"touch {outside}"), Says("Done."))

    run, provider = desk.start(*script, permissions="edit")
    ended = desk.end(run)

    assert ended.ending == "completed"
    assert (list(desk.files()), outside.exists()) == (["inside"], False)
    assert "Read-only file system" in provider.outputs()[1]


def test_full_asks_nothing_and_ends_what_it_leaves_behind(desk: CodexDesk) -> None:
    run, _ = desk.start(shell("touch x; setsid sleep 1000 >/dev/null 2>&1 &"), Says("Done."), permissions="full")
    ended = desk.end(run)

    assert (ended.ending, list(desk.files())) == ("completed", ["x"])
    assert not any(isinstance(message, Asking) for message in desk.stage.main.heard)


def test_an_overloaded_provider_is_shown_and_waited_for(desk: CodexDesk) -> None:
    run, provider = desk.start(Fails(529), Says("At last."))
    doing = desk.stage.main.hear(Doing, lambda doing: doing.activity.kind == "retrying_provider")
    ended = desk.end(run)

    assert (doing.activity.attempt, doing.activity.most_attempts) == (1, 2)
    assert (ended.ending, ended.result, len(provider.requests)) == ("completed", "At last.", 2)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Fails(503), "The turn failed: unexpected status 503"),
        (Fails(401, "wrong key"), "The provider refused the key: unexpected status 401 Unauthorized: wrong key"),
        (Breaks(), "The turn failed: stream disconnected before completion"),
    ],
    ids=["overloaded for good", "key refused", "stream stops in the middle"],
)
def test_a_provider_that_fails_for_good_is_an_error(desk: CodexDesk, step: Step, words: str) -> None:
    run, provider = desk.start(step)
    ended = desk.end(run)

    assert (ended.ending, ended.result) == ("error", "")
    assert ended.error.startswith(words)
    assert len(provider.requests) == 3


def test_silence_of_the_provider_is_a_timeout(desk: CodexDesk) -> None:
    run, _ = desk.start(Hangs(), silence_s=1.5)
    ended = desk.end(run)

    assert ended.ending == "timeout"


def test_a_cancelled_task_is_interrupted_and_asks_no_more(desk: CodexDesk) -> None:
    run, _ = desk.start(new_file("new.txt", "x"))
    asking = desk.hear_question()

    desk.stage.main.say(Stop(run.task_id, "cancelled", "the operator cancelled it"))
    no_more = desk.stage.main.hear(AskingNoMore)
    ended = desk.end(run)

    assert no_more.ask_id == asking.ask_id
    assert (ended.ending, ended.error) == ("cancelled", "the operator cancelled it")
    assert ended.session_id is not None
    assert desk.files() == {}


def test_a_killed_agent_is_a_crash_and_leaves_none_of_its_tools(desk: CodexDesk, tmp_path: Path) -> None:
    book = tmp_path / "pid"
    run, _ = desk.start(shell(f"echo $$ > {book}; exec sleep 1000"), permissions="full")
    began = desk.stage.main.hear(Began)
    tool = eventually(lambda: book.exists() and book.read_text().strip(), "the tool runs")
    assert os.getsid(int(tool)) != os.getsid(began.pid)

    os.kill(began.pid, signal.SIGKILL)
    ended = desk.end(run)

    assert ended.ending == "crashed"
    assert ended.error == "Codex was killed by SIGKILL before its turn was over"


def test_a_thread_that_is_gone_cannot_be_resumed(desk: CodexDesk) -> None:
    run, provider = desk.start(Says("never"), resume="01a21f78-b196-7153-ae0a-f3aaee9ec691")
    ended = desk.end(run)

    assert ended.ending == "error"
    assert ended.error.startswith("Codex cannot go on with its thread: no rollout found")
    assert provider.requests == []
