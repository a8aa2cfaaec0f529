"""Lists of actions, done one after another by the input agent."""

import asyncio
import json
from typing import Any

import pytest
from api.hands import FakeControl, FakeInput
from core.clocks import FakeClock
from supervisor.yard import WAIT_S, in_loop

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema_tasks import Role, TaskSettings
from aurora_desktop.input.errors import InputRefusedError
from aurora_desktop.tasks.admission import admit
from aurora_desktop.tasks.input_tasks import MOST_ACTIONS, InputTasks, submissions
from aurora_desktop.tasks.messages import Ended
from aurora_desktop.tasks.task import Task, TaskRequest

CLICK = {"action": "left_click", "at": {"x": 10, "y": 20}}
TYPE = {"action": "type", "text": "hello"}
GATE_CLOSED = InputRefusedError("closed", "Mouse and keyboard are disabled", "the gate is closed", "Open the gate.")


class Desk:
    """An input agent in memory, and the tasks that it is given."""

    def __init__(self) -> None:
        self.hands = FakeInput(FakeControl())
        self.tasks = InputTasks(self.hands, FakeClock())
        self.told: list[str] = []
        self._arrivals: asyncio.Queue[str] = asyncio.Queue()

    def begin(self, *actions: dict[str, Any], **fields: Any) -> "asyncio.Task[Ended]":
        task = Task(id="task_1", number=1, agent="input", actions=actions, attempt=1, **fields)
        return asyncio.ensure_future(self.tasks.perform(task, self._arrivals.put_nowait))

    async def arrived(self) -> None:
        async with asyncio.timeout(WAIT_S):
            self.told.append(await self._arrivals.get())

    def ids(self) -> list[str]:
        return [submission.task_id for submission in self.hands.submissions]


@in_loop
async def test_all_that_was_done_is_listed() -> None:
    desk = Desk()
    ended = await desk.begin(CLICK, TYPE, operator_user="ada")
    assert (ended.ending, ended.began, ended.error) == ("completed", True, "")
    assert [line.split(". ")[0] for line in ended.result.splitlines()] == ["1", "2"]
    assert all(line.endswith(": done") for line in ended.result.splitlines())
    assert desk.ids() == ["task_1-1-1", "task_1-1-2"]
    assert {(one.agent, one.operator_user) for one in desk.hands.submissions} == {("input", "ada")}
    await desk.arrived()
    await desk.arrived()
    assert desk.told == ["doing left_click", "doing type"]


@in_loop
async def test_one_waits_for_the_one_before() -> None:
    desk = Desk()
    desk.hands.ending = None
    running = desk.begin(CLICK, TYPE)
    await desk.arrived()
    assert desk.ids() == ["task_1-1-1"]
    desk.hands.finish("task_1-1-1", status="completed", outcome="done")
    await desk.arrived()
    desk.hands.finish("task_1-1-2", status="completed", outcome="done")
    assert (await running).ending == "completed"


@in_loop
async def test_a_closed_gate_is_the_error_in_its_own_words() -> None:
    desk = Desk()
    desk.hands.refusal = GATE_CLOSED
    ended = await desk.begin(CLICK)
    assert (ended.ending, ended.began) == ("error", False)
    assert ended.error == "Mouse and keyboard are disabled. the gate is closed. Open the gate."


@pytest.mark.parametrize("outcome", ["refused", "not_started", "partial", "uncertain"])
@in_loop
async def test_it_stops_at_the_first_that_was_not_done(outcome: str) -> None:
    desk = Desk()
    desk.hands.ending = {"status": "failed", "outcome": outcome, "reason": "the operator moved"}
    ended = await desk.begin(CLICK, TYPE)
    assert ended.ending == "error"
    assert ended.error.startswith("action 1 of 2 (")
    assert ended.error.endswith(f"was not done: {outcome}: the operator moved")
    assert len(desk.hands.submissions) == 1


@in_loop
async def test_cancelling_takes_back_the_action_and_does_no_other() -> None:
    desk = Desk()
    desk.hands.ending = None
    running = desk.begin(CLICK, TYPE)
    await desk.arrived()
    assert desk.tasks.cancel("task_1", "window")
    assert desk.hands.cancels == [("task_1-1-1", "window")]
    desk.hands.finish("task_1-1-1", status="failed", outcome="partial", reason="cancelled by window")
    ended = await running
    assert (ended.ending, ended.error) == ("cancelled", "cancelled by window")
    assert len(desk.hands.submissions) == 1


@in_loop
async def test_what_was_done_before_it_was_cancelled_is_told() -> None:
    desk = Desk()
    desk.hands.ending = None
    running = desk.begin(CLICK, TYPE)
    await desk.arrived()
    desk.tasks.cancel("task_1", "window")
    desk.hands.finish("task_1-1-1", status="completed", outcome="done")
    ended = await running
    assert (ended.ending, len(ended.result.splitlines())) == ("cancelled", 1)


@in_loop
async def test_one_that_is_over_cannot_be_cancelled() -> None:
    desk = Desk()
    await desk.begin(CLICK)
    assert not desk.tasks.cancel("task_1", "window")


@in_loop
async def test_a_task_that_takes_too_long_is_taken_back() -> None:
    desk = Desk()
    desk.hands.ending = None
    running = desk.begin(CLICK, timeout_s=0.01)
    await desk.arrived()
    ended = await running
    assert desk.hands.cancels == [("task_1-1-1", "aurora")]
    assert (ended.ending, ended.error) == ("timeout", "it took longer than 0.01 s")


@in_loop
async def test_what_quits_takes_back_what_is_in_flight() -> None:
    desk = Desk()
    desk.hands.ending = None
    running = desk.begin(CLICK)
    await desk.arrived()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert desk.hands.cancels == [("task_1-1-1", "aurora")]


@in_loop
async def test_the_prompt_may_be_the_list() -> None:
    desk = Desk()
    ended = await desk.begin(prompt=json.dumps([CLICK, TYPE]))
    assert (ended.ending, len(desk.hands.submissions)) == ("completed", 2)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("", "There is nothing to do"),
        ("[]", "There is nothing to do"),
        ("click there", "it is not JSON: Expecting value in line 1"),
        ('{"action": "wait"}', "it is a JSON dict"),
        ("[1]", "Action 1 is none"),
        ("[" * 100_000, "it is not JSON"),
        (json.dumps([CLICK, {"action": "dance"}]), "Action 2 cannot be understood"),
        (json.dumps([CLICK] * (MOST_ACTIONS + 1)), "1,001 actions; at most 1,000"),
    ],
)
def test_a_prompt_that_is_no_list_of_actions_is_refused(prompt: str, words: str) -> None:
    with pytest.raises(AuroraError) as refused:
        submissions(TaskRequest(agent="input", prompt=prompt))
    assert words in str(refused.value)
    assert refused.value.hint


def test_a_secret_text_in_the_prompt_is_in_no_summary() -> None:
    secret = {"action": "type", "text": "hunter2", "secret": True}
    task = admit(TaskRequest(agent="input", prompt=json.dumps([CLICK, secret])), TaskSettings(), 0.0)
    assert (task.summary, task.prompt, task.actions) == ("2 input actions", "", (CLICK, secret))


def test_a_role_of_mouse_and_keyboard_puts_no_words_around_its_actions() -> None:
    settings = TaskSettings(roles={"clicker": Role(agent="input", prompt="Please: {prompt}")})
    task = admit(TaskRequest(role="clicker", prompt=json.dumps([CLICK])), settings, 0.0)
    assert (task.prompt, task.actions) == ("", (CLICK,))
