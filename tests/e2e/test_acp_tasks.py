"""A real worker does tasks with an agent that is made with the Agent Client Protocol's own library."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aurora_desktop.tasks.messages import Asking, AskingNoMore, Began, Doing, Ended, Run, Stop
from tests.e2e.agents.desk import Desk
from tests.e2e.waiting import eventually

AGENT = Path(__file__).parent / "agents" / "acp_agent.py"


class AcpDesk(Desk):
    def start(self, prompt: str, manner: str = "", **changes: Any) -> Run:
        """Begin a task for an agent of this manner."""
        return self.begin(*self._command(manner), env={}, **self._task(prompt, changes))

    def do(self, prompt: str, **changes: Any) -> Ended:
        """One more task for the same worker."""
        run = self.stage.run(*self._command(""), **self._task(prompt, changes))
        self.stage.main.say(run)
        return self.end(run)

    def _command(self, manner: str) -> list[str]:
        memory = self.home / "memory.json"
        return [sys.executable, os.fspath(AGENT), os.fspath(memory), *([manner] if manner else [])]

    def _task(self, prompt: str, changes: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "acp", "agent": "helper", "prompt": prompt, **changes}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AcpDesk]:
    with closing(AcpDesk(tmp_path)) as desk:
        yield desk


def test_a_task_is_done_in_its_words_with_what_it_cost(desk: AcpDesk) -> None:
    run = desk.start("say " + "x" * 900_000 + " the end", model="large")
    ended = desk.end(run)
    shown = desk.stage.transcript(run)

    assert (ended.ending, ended.error, ended.exit_code) == ("completed", "", 0)
    assert ended.result.endswith("x the end")
    assert [(entry.kind, entry.text) for entry in shown[:2]] == [
        ("thinking", "I use the large model."),
        ("thinking", "[>] speak"),
    ]
    assert (ended.usage.cost_usd, ended.usage.input_tokens, ended.usage.output_tokens) == (0.25, 45, 15)


@pytest.mark.parametrize(
    ("order", "decision", "chosen", "files"),
    [
        ("always", "once", "ever", {"a.txt": "words"}),
        ("write", "deny", "no", {}),
    ],
)
def test_it_waits_for_permission(desk: AcpDesk, order: str, decision: str, chosen: str, files: dict[str, str]) -> None:
    run = desk.start(f"{order} a.txt words")
    asking = desk.hear_question()
    waiting = desk.stage.main.hear(Doing, lambda doing: doing.activity.kind == "waiting_permission")
    assert desk.files() == {}
    desk.answer(asking, decision, "as I said")
    ended = desk.end(run)

    assert (asking.tool, asking.summary, waiting.activity.detail) == ("edit", "Write a.txt", "edit")
    assert "+words" in asking.detail
    assert (asking.reason != "") == (order == "always")
    assert (ended.ending, ended.result) == ("completed", f"chosen: {chosen}")
    assert ended.denials == (("Write a.txt",) if decision == "deny" else ())
    assert desk.files() == files


def test_read_only_denies_without_asking(desk: AcpDesk) -> None:
    run = desk.start("write a.txt x", permissions="read-only")
    ended = desk.end(run)

    assert (ended.ending, ended.denials, desk.files()) == ("completed", ("Write a.txt",), {})
    assert not any(isinstance(message, Asking) for message in desk.stage.main.heard)


def test_files_are_not_offered_and_a_failure_is_said(desk: AcpDesk) -> None:
    opened = desk.end(desk.start("open a.txt"))
    failed = desk.do("fail")

    assert (opened.ending, opened.result) == ("completed", "refused: -32601")
    assert (failed.ending, failed.session_id is not None) == ("error", True)
    assert failed.error.startswith("helper cannot do `session/prompt`: Internal error")
    assert "the provider is overloaded" in failed.error


def test_a_cancelled_task_is_interrupted_and_asks_no_more(desk: AcpDesk) -> None:
    run = desk.start("write a.txt x")
    asking = desk.hear_question()

    desk.stage.main.say(Stop(run.task_id, "cancelled", "the operator cancelled it"))
    no_more = desk.stage.main.hear(AskingNoMore)
    ended = desk.end(run)

    assert no_more.ask_id == asking.ask_id
    assert (ended.ending, ended.error, ended.result) == ("cancelled", "the operator cancelled it", "chosen: cancelled")
    assert desk.files() == {}


def test_a_killed_agent_is_a_crash_and_leaves_none_of_its_children(desk: AcpDesk) -> None:
    run = desk.start("wait")
    began = desk.stage.main.hear(Began)
    eventually(lambda: len(desk.stage.carriers()) == 2, "its child runs")

    os.kill(began.pid, signal.SIGKILL)
    ended = desk.end(run)

    assert (ended.ending, ended.error) == ("crashed", "helper was killed by SIGKILL before its turn was over")


@pytest.mark.parametrize("manner", ["", "resumes"])
def test_after_the_death_of_its_worker_another_goes_on_with_its_session(desk: AcpDesk, manner: str) -> None:
    first = desk.start("wait", manner)
    session = desk.stage.main.hear(Doing, lambda doing: doing.session_id is not None).session_id
    eventually(lambda: len(desk.stage.carriers()) == 2, "its child runs")

    desk.lose_worker()
    second = desk.start("recall", manner, task_id=first.task_id, attempt=2, resume=session)
    ended = desk.end(second)

    assert (ended.ending, ended.result, ended.session_id) == ("completed", "wait | recall", session)
    # What is loaded tells what it had cost before; of what is resumed nobody knows.
    assert ended.usage.cost_usd == (0.5 if manner == "resumes" else 0.25)
