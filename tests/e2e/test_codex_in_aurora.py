"""The real Aurora has tasks done by the real Codex: whatever is killed, its own thread goes on."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from .agents import path_with_node, program
from .agents.openai import INPUT_TOKENS, OUTPUT_TOKENS, OpenAI, Says, Step, new_file, shell
from .aurora import Aurora
from .waiting import eventually


class Office:
    """An Aurora whose agent `codex` asks a stand-in of its provider."""

    def __init__(self, aurora: Aurora, folder: Path, stack: ExitStack) -> None:
        self.aurora = aurora
        self.cwd, self._home, self._tmp = folder / "work", folder / "codex", folder / "tmp"
        self._stack = stack
        for made in (self.cwd, self._home, self._tmp):
            made.mkdir()

    def open(self, *script: Step, **agent: Any) -> OpenAI:
        """Start Aurora; the provider plays the script."""
        provider = self._stack.enter_context(OpenAI(*script))
        (self._home / "config.toml").write_text(provider.config())
        home, tmp = os.fspath(self._home), os.fspath(self._tmp)
        env = {"PATH": path_with_node(), "HOME": home, "CODEX_HOME": home, "TMPDIR": tmp, "STANDIN_KEY": "x"}
        codex = {"kind": "codex", "command": [str(program("codex"))], "env": env, "cwd": str(self.cwd), **agent}
        self.aurora.configure({}, tasks={"agents": {"codex": codex}})
        self.aurora.start()
        return provider

    def submit(self, prompt: str = "do it") -> str:
        done = self.aurora.command("task", "submit", "--agent", "codex", "--json", prompt)
        assert done.returncode == 0, done.stderr
        return str(json.loads(done.stdout)["id"])

    def until(self, task_id: str, status: str) -> dict[str, Any]:
        def there() -> dict[str, Any]:
            detail = dict(self.aurora.client.get(f"/v1/tasks/{task_id}"))
            assert detail["view"]["status"] == status, detail
            return detail

        return eventually(there, f"{task_id} is {status}", 30)

    def agents(self) -> list[str]:
        return [seen.program for seen in self.aurora.processes() if "aurora_desktop" not in seen.program]


@pytest.fixture
def office(aurora: Aurora, tmp_path: Path) -> Iterator[Office]:
    with ExitStack() as stack:
        yield Office(aurora, tmp_path, stack)


def test_a_denial_by_the_command_reaches_codex_and_its_task_goes_on(office: Office) -> None:
    provider = office.open(new_file("new.txt", "x"), Says("I was not let."))
    task_id = office.submit()
    office.until(task_id, "waiting_approval")

    (question,) = office.aurora.client.get("/v1/approvals")
    denied = office.aurora.command("deny", question["id"])
    detail = office.until(task_id, "completed")

    assert denied.returncode == 0, denied.stderr
    assert (question["tool"], question["summary"]) == ("edit", f"add {office.cwd}/new.txt")
    assert (detail["result"], list(office.cwd.iterdir())) == ("I was not let.", [])
    assert provider.outputs() == ["patch rejected by user"]
    assert office.agents() == []


def test_after_the_deaths_of_aurora_and_worker_its_own_thread_is_resumed(office: Office, tmp_path: Path) -> None:
    book = tmp_path / "book"
    lasting = shell(f"echo $$ >> {book}; exec sleep 1000")
    provider = office.open(shell("true"), lasting, Says("I went on."), permissions="full")
    task_id = office.submit("a long task")
    eventually(book.exists, "the tool runs")

    office.aurora.crash()
    office.aurora.start()
    (worker,) = eventually(
        lambda: [worker["pid"] for worker in office.aurora.client.get("/v1/workers") if worker["task_id"]],
        "the worker is known again",
    )
    task = f"/v1/tasks/{task_id}"
    eventually(lambda: office.aurora.client.get(task)["view"]["usage"]["input_tokens"], "its costs are known again")
    os.kill(worker, signal.SIGKILL)
    detail = office.until(task_id, "completed")

    assert (detail["result"], detail["view"]["attempt"]) == ("I went on.", 2)
    assert "a long task" in provider.conversation()
    assert len(book.read_text().split()) == 1, "the tool ran once"
    # What the response before the kill had cost Codex had told nobody; it may have come to note it before it died too.
    spent = detail["view"]["usage"]
    of_a_response = INPUT_TOKENS + OUTPUT_TOKENS
    assert spent["input_tokens"] + spent["output_tokens"] in (2 * of_a_response, 3 * of_a_response)
    assert office.agents() == []
