"""Ending an agent step by step, with real processes and a clock that the test moves."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from aurora_desktop.supervisor.processes import process_table
from aurora_desktop.supervisor.tree import Identity, Tree
from aurora_desktop.tasks.worker.ending import INTERRUPT_S, Ending

GRACE_S = 5.0


class Agent:
    """A process in a session of its own, and how it is ended."""

    def __init__(self, script: str) -> None:
        self.process = subprocess.Popen(
            ["sh", "-c", script], start_new_session=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        assert self.process.stdout is not None
        self.process.stdout.readline()
        table = process_table()
        info = table.read(self.process.pid)
        assert info is not None
        self.ending = Ending(Tree(table, "", Identity(info.pid, info.started)), table, GRACE_S)

    def ended(self, now: float) -> int:
        """Its return code, once `agent_gone` was told."""
        code = self.process.wait(15)
        self.ending.agent_gone(now)
        return code

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def quiet() -> Iterator[Agent]:
    """Ends by SIGTERM."""
    agent = Agent("echo up; exec sleep 600")
    yield agent
    agent.close()


@pytest.fixture
def stubborn() -> Iterator[Agent]:
    """Ignores SIGTERM."""
    agent = Agent("trap '' TERM; echo up; while :; do sleep 0.05; done")
    yield agent
    agent.close()


def test_nothing_is_due_before_it_begins(quiet: Agent) -> None:
    assert quiet.ending.look(1e9) is None
    assert quiet.ending.phase == "none"


def test_an_agent_that_was_asked_has_time_to_stop_by_itself(quiet: Agent) -> None:
    quiet.ending.interrupt(100.0)

    assert quiet.ending.look(100.0) == 100.0 + INTERRUPT_S
    assert (quiet.ending.phase, quiet.process.poll()) == ("interrupting", None)
    quiet.ending.look(100.0 + INTERRUPT_S)
    assert quiet.ending.phase == "terminating"
    assert quiet.ended(103.0) == -signal.SIGTERM


def test_an_agent_that_ended_by_itself_and_left_nothing_is_over_at_once(quiet: Agent) -> None:
    quiet.ending = Ending(quiet.ending._tree, process_table(), GRACE_S, lambda: True)
    quiet.process.kill()
    quiet.ended(100.0)
    assert (quiet.ending.phase, quiet.ending.look(100.0), quiet.ending.left_running) == ("over", None, ())


def test_one_that_was_told_to_end_is_looked_after_all_the_same(quiet: Agent) -> None:
    quiet.ending = Ending(quiet.ending._tree, process_table(), GRACE_S, lambda: True)
    quiet.ending.terminate(100.0)
    quiet.ended(100.0)
    assert quiet.ending.phase == "leftovers"


# What no other test has: a process without children, which the test runner may not be.
CHILDLESS = """
import os, subprocess, sys, time
from aurora_desktop.supervisor.subreaper import become_subreaper
from aurora_desktop.tasks.worker.agent_tree import is_childless
told = [become_subreaper(), is_childless()]
agent = subprocess.Popen(["sh", "-c", "sleep 600 & echo $!"], stdout=subprocess.PIPE, start_new_session=True)
orphan = int(agent.stdout.readline())
agent.wait()
told.append(is_childless())
os.kill(orphan, 9)
os.waitpid(orphan, 0)
told.append(is_childless())
print(told)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it never says so")
def test_what_an_agent_left_makes_its_worker_a_parent() -> None:
    said = subprocess.run([sys.executable, "-c", CHILDLESS], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[True, True, False, True]"


def test_it_is_over_once_nothing_was_found_twice(quiet: Agent) -> None:
    quiet.ending.terminate(100.0)
    quiet.ended(100.1)

    first = quiet.ending.look(100.1)
    assert first is not None
    assert quiet.ending.phase == "leftovers"
    assert quiet.ending.look(first) is None
    assert quiet.ending.phase == "over"


def test_what_ignores_sigterm_is_killed_after_the_grace_and_not_before(stubborn: Agent) -> None:
    stubborn.ending.terminate(100.0)

    assert stubborn.ending.look(100.0 + GRACE_S - 0.1) == 100.0 + GRACE_S
    assert stubborn.process.poll() is None
    stubborn.ending.look(100.0 + GRACE_S)
    assert stubborn.ending.phase == "killing"
    assert stubborn.process.wait(15) == -signal.SIGKILL


def test_a_kill_waits_for_nothing(stubborn: Agent) -> None:
    stubborn.ending.interrupt(100.0)
    stubborn.ending.kill(100.0)
    stubborn.ending.look(100.0)

    assert stubborn.process.wait(15) == -signal.SIGKILL


@pytest.mark.parametrize("is_gone", [True, False])
def test_what_cannot_be_ended_is_told_and_not_waited_for_without_end(
    quiet: Agent, monkeypatch: pytest.MonkeyPatch, is_gone: bool
) -> None:
    monkeypatch.setattr("aurora_desktop.tasks.worker.ending.signal_all", lambda *_: 0)
    quiet.ending.kill(100.0)
    if is_gone:
        quiet.ending.agent_gone(100.0)
    now: float | None = 100.0
    while now is not None and now < 200.0:
        now = quiet.ending.look(now)

    assert quiet.ending.phase == "over"
    assert quiet.ending.left_running == (quiet.process.pid,)
    assert quiet.process.poll() is None
