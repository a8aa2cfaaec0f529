"""Agents at work by the command, with the real program: whatever dies, nothing is lost, and nothing is done twice."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import machine
from .aurora import Aurora, clean_environment
from .waiting import eventually, holds

# Notes that it was started, speaks, has a child in a session of its own, and ends once it is let go.
_SCRIBE = """
echo $$ >> "$DIR/$1.book"
echo working
setsid sleep 3600 &
while [ ! -e "$DIR/$1.go" ]; do sleep 0.02; done
kill %1 2>/dev/null
echo "done: $1"
"""


class Work:
    """An Aurora with agents, and what these note down. What a scribe is to do is also the name of its files."""

    def __init__(self, aurora: Aurora, folder: Path) -> None:
        self.aurora = aurora
        self._folder = folder
        scribe = {
            "kind": "command",
            "command": ["sh", "-c", _SCRIBE, "scribe"],
            "env": {"DIR": str(folder)},
            "grace_s": 0.5,
            "concurrency": 2,
        }
        fails = {"kind": "command", "command": ["sh", "-c", "echo oops >&2; exit 3"]}
        echo = {"kind": "command", "command": ["echo", "heard:"]}
        aurora.configure({}, tasks={"agents": {"scribe": scribe, "fails": fails, "echo": echo}})
        aurora.start()

    def submit(self, *options: str, agent: str = "scribe", prompt: str = "write") -> str:
        """The id of a new task."""
        done = self.aurora.command("task", "submit", "--agent", agent, *options, "--json", prompt)
        assert done.returncode == 0, done.stderr
        return str(json.loads(done.stdout)["id"])

    def follow(self, *argv: str) -> "subprocess.Popen[str]":
        """A command that takes its time."""
        return subprocess.Popen(
            self.aurora.argv(*argv),
            env=self.aurora.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def begun(self, prompt: str = "write", times: int = 1) -> list[int]:
        """The pids of the scribes that had this to do, once so many were started."""
        book = self._folder / f"{prompt}.book"

        def pids() -> list[int]:
            lines = book.read_text().split() if book.exists() else []
            return [int(line) for line in lines] if len(lines) >= times else []

        return eventually(pids, f"{times} were started")

    def task(self, task_id: str) -> dict[str, Any]:
        return dict(self.aurora.client.get(f"/v1/tasks/{task_id}"))

    def until(self, task_id: str, status: str) -> dict[str, Any]:
        def there() -> dict[str, Any]:
            detail = self.task(task_id)
            assert detail["view"]["status"] == status, detail["view"]
            return detail

        return eventually(there, f"{task_id} is {status}")

    def worker_pid(self, name: str) -> int | None:
        workers = {worker["name"]: worker for worker in self.aurora.client.get("/v1/workers")}
        return workers[name]["pid"]

    def worker_pids(self) -> list[int]:
        """Of those that run."""
        return [worker["pid"] for worker in self.aurora.client.get("/v1/workers") if worker["pid"] is not None]

    def agents_left(self) -> list[machine.Seen]:
        """What is there of agents, with their children wherever these went."""
        return [seen for seen in self.aurora.processes() if "aurora_desktop" not in seen.program]

    def finish(self, prompt: str = "write") -> None:
        (self._folder / f"{prompt}.go").touch()


@pytest.fixture
def work(aurora: Aurora, tmp_path: Path) -> Work:
    """An Aurora of the test's own, for those that end it."""
    return Work(aurora, tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Work]:
    """One that the others share."""
    folder = tmp_path_factory.mktemp("work")
    aurora = Aurora(folder, clean_environment(folder))
    yield Work(aurora, folder)
    complaints = aurora.clean_up()
    assert not complaints, "\n".join(complaints)


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Exit code, output and errors."""
    out, errors = process.communicate(timeout=20)
    return process.returncode, out, errors


# --- that all goes well -------------------------------------------------------------------------------------------


def test_a_result_is_waited_for_and_a_failure_told(shared: Work) -> None:
    done = shared.aurora.command("task", "submit", "--agent", "echo", "--wait", "$(id) `x` 漢")
    assert (done.returncode, done.stdout) == (0, "heard: $(id) `x` 漢\n")
    lost = shared.aurora.command("task", "submit", "--agent", "fails", "--wait", "x")
    assert (lost.returncode, lost.stdout) == (1, "")
    assert "ended: error" in lost.stderr
    assert "oops" in lost.stderr


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("--agent", "scrib", "x"), "Did you mean `scribe`?"),
        (("--role", "codr", "x"), "Did you mean `coder`?"),
        (("--agent", "echo", " "), "prompt is empty"),
        (("--agent", "echo", "--timeout", "0", "x"), "`timeout_s` is no time"),
        (("--agent", "echo", "--timeout", "-1", "x"), "`timeout_s` is no time"),
        (("--agent", "echo", "--cwd", "/nowhere", "x"), "folder"),
        (("--agent", "echo", "--permissions", "full", "x"), "more permissions"),
    ],
)
def test_bad_tasks_are_refused_in_words(shared: Work, argv: tuple[str, ...], told: str) -> None:
    done = shared.aurora.command("task", "submit", *argv)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr


def test_two_submissions_with_one_key_are_one_task(shared: Work) -> None:
    ids = {shared.submit("--key", "k", agent="echo") for _ in range(2)}
    assert len(ids) == 1


def test_what_an_agent_says_is_followed_as_it_says_it(shared: Work) -> None:
    task_id = shared.submit(prompt="follow")
    following = shared.follow("task", "logs", task_id, "-f")
    assert following.stdout is not None
    assert following.stdout.readline().endswith("message: working\n")
    shared.finish("follow")
    code, out, errors = ended(following)
    assert (code, errors) == (0, "")
    assert out.endswith("message: done: follow\n")


def test_a_cancelled_agent_is_ended_with_all_that_it_started(shared: Work) -> None:
    task_id = shared.submit(prompt="cancel")
    shared.begun("cancel")
    eventually(lambda: len(shared.agents_left()) >= 2, "the child is there")
    done = shared.aurora.command("task", "cancel", task_id)
    assert (done.returncode, done.stdout.split()[:2]) == (0, [task_id, "cancelled"])
    assert shared.agents_left() == []
    again = shared.aurora.command("task", "cancel", task_id)
    assert (again.returncode, "ended already" in again.stderr) == (1, True)


def test_a_task_is_retried_from_the_beginning(shared: Work) -> None:
    task_id = shared.submit(agent="fails")
    assert shared.until(task_id, "error")["view"]["attempt"] == 1
    assert shared.aurora.command("task", "retry", task_id).returncode == 0
    eventually(lambda: shared.task(task_id)["view"]["attempt"] == 2, "it was begun again")
    shared.until(task_id, "error")
    done = shared.aurora.command("task", "resume", task_id)
    assert (done.returncode, "cannot be resumed" in done.stderr) == (1, True)


def test_no_command_allows(shared: Work) -> None:
    done = shared.aurora.command("approve", "approval_1")
    assert (done.returncode, "No question" in done.stderr) == (1, True)
    assert shared.aurora.command("approvals").stdout == "nobody asks for anything\n"
    assert shared.aurora.command("allow", "approval_1").returncode == 2


# --- that something dies ------------------------------------------------------------------------------------------


def test_a_killed_worker_leaves_its_task_to_the_operator(shared: Work) -> None:
    task_id = shared.submit(prompt="lose")
    (agent,) = shared.begun("lose")
    name = shared.task(task_id)["view"]["worker"]
    killed = shared.worker_pid(name)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    shared.until(task_id, "uncertain")
    shared.aurora.until_gone(agent)
    assert "1 uncertain" in shared.aurora.command("status").stdout
    eventually(lambda: shared.worker_pid(name) not in (None, killed), "there is another worker")
    shared.finish("lose")
    assert shared.aurora.command("task", "retry", task_id).returncode == 0
    detail = shared.until(task_id, "completed")
    assert (detail["result"].endswith("done: lose"), len(shared.begun("lose", 2))) == (True, 2)


def test_a_killed_aurora_takes_nothing_with_it(work: Work) -> None:
    waiting = work.follow("task", "submit", "--agent", "scribe", "--wait", "write")
    (agent,) = work.begun()
    (worker,) = work.worker_pids()
    work.aurora.crash()
    holds(lambda: machine.is_alive(agent) and machine.is_alive(worker), 0.2, "agent and worker go on")
    work.aurora.start()
    assert work.worker_pids() == [worker]
    work.finish()
    code, out, _ = ended(waiting)
    assert (code, out) == (0, "working\ndone: write\n")
    assert work.begun() == [agent]


def test_what_ends_while_no_aurora_runs_is_told_to_the_next(work: Work) -> None:
    task_id = work.submit()
    (agent,) = work.begun()
    work.aurora.crash()
    work.finish()
    work.aurora.until_gone(agent)
    work.aurora.start()
    assert work.until(task_id, "completed")["result"].endswith("done: write")
    assert work.begun() == [agent]


def test_a_quit_says_what_becomes_of_agents_and_the_next_aurora_keeps_to_it(work: Work) -> None:
    safe, never = work.submit("--retry", "safe"), work.submit("--retry", "never", prompt="once")
    agents = [*work.begun(), *work.begun("once")]
    done = work.aurora.command("quit")
    assert (done.returncode, done.stdout) == (0, "Aurora has stopped\n")
    assert done.stderr.startswith("2 agents at work will be ended")
    assert work.aurora.ended() == 0
    assert not any(map(machine.is_alive, agents))
    work.finish()
    work.aurora.start()
    assert work.until(safe, "completed")["view"]["attempt"] == 2
    assert work.until(never, "uncertain")["view"]["hint"]
    assert work.begun("once") == agents[1:]
