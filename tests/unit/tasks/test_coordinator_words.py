"""What the operator says of a task, in each state: cancel, retry, resume, thaw, and the answers to questions."""

from pathlib import Path
from typing import Any

import apsw
import pytest
from supervisor.yard import in_loop

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema_tasks import Budget, CliAgent, TaskSettings
from aurora_desktop.core.task_events import (
    ApprovalAnswered,
    ApprovalAsked,
    ApprovalDecision,
    BudgetReached,
    TaskFinished,
    TaskStatus,
)
from aurora_desktop.tasks.errors import UnknownApprovalError
from aurora_desktop.tasks.messages import Acknowledge, Answer, Asking, AskingNoMore, Doing, Ended, Hold, Run, Stop
from aurora_desktop.tasks.task import Activity, Task, Usage
from aurora_desktop.tasks.verification import Checked
from tasks.hall import FakeWorkforce, Hall, Hand, agent, ended, hall, with_agents

CLAUDE = TaskSettings(agents={"echo": CliAgent(kind="claude")})


async def at_work(here: Hall, **fields: Any) -> tuple[Hand, Run]:
    hand = await here.worker()
    task = await here.submit(**fields)
    run = await hand.begin()
    await here.reaches(task.id, "running")
    return hand, run


def spent(run: Run, usd: float) -> Doing:
    return Doing(run.task_id, Activity(kind="thinking", since=0.0), Usage(cost_usd=usd), "session")


# --- cancel -------------------------------------------------------------------------------------------------------


@in_loop
async def test_a_task_that_waits_is_cancelled_at_once_and_for_good(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        task = await here.submit()
        view = await here.coordinator.cancel(task.id, "window")
        assert (view.status, view.cause) == ("cancelled", "cancelled by window")
        await here.restart()
        here.begin()
        assert here.status(task.id) == "cancelled"


@in_loop
async def test_one_at_work_is_cancelled_when_its_agent_has_ended(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand, run = await at_work(here)
        view = await here.coordinator.cancel(run.task_id, "command")
        assert (view.status, view.cause) == ("running", "being cancelled by command")
        stop = await hand.hear(Stop)
        assert (stop.task_id, stop.ending) == (run.task_id, "cancelled")
        await hand.finish(run, "cancelled")
        assert here.view(run.task_id).cause == "cancelled by command"


@in_loop
async def test_a_cancellation_outlives_worker_and_aurora(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand, run = await at_work(here, retry="safe")
        await hand.disconnect()
        await here.coordinator.cancel(run.task_id, "command")
        await here.restart()
        here.begin()
        await hand.connect(run.task_id, run.attempt)
        assert (await hand.hear(Stop)).ending == "cancelled"
        await here.dies(hand)
        await here.reaches(run.task_id, "cancelled")


@in_loop
async def test_one_that_is_only_leased_is_cancelled_too(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        task = await here.submit()
        run = await hand.hear(Run)
        await here.coordinator.cancel(task.id, "window")
        await hand.hear(Stop)
        hand.say(ended(run, "cancelled", began=False))
        await hand.hear(Acknowledge)
        assert here.status(task.id) == "cancelled"


@in_loop
async def test_one_whose_end_is_not_known_can_be_cancelled(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand, run = await at_work(here)
        await here.dies(hand)
        await here.reaches(run.task_id, "uncertain")
        assert (await here.coordinator.cancel(run.task_id, "window")).status == "cancelled"
        with pytest.raises(AuroraError, match="ended already"):
            await here.coordinator.cancel(run.task_id, "window")


@in_loop
async def test_an_agent_that_was_done_before_it_heard_of_the_cancellation_has_done_it(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand, run = await at_work(here)
        await here.coordinator.cancel(run.task_id, "window")
        hand.say(ended(run, result="done already"))
        await here.reaches(run.task_id, "completed")


@in_loop
async def test_on_a_full_disk_an_agent_is_stopped_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object) -> None:
        raise apsw.FullError("database or disk is full")

    async with hall(tmp_path) as here:
        hand, run = await at_work(here)
        with monkeypatch.context() as patch:
            patch.setattr(here.coordinator.book.backend, "save", full)
            with pytest.raises(AuroraError, match="could not be written down"):
                await here.coordinator.cancel(run.task_id, "window")
        assert (await hand.hear(Stop)).ending == "cancelled"
        await hand.finish(run, "cancelled")
        assert here.status(run.task_id) == "cancelled"


# --- the emergency stop -------------------------------------------------------------------------------------------


@in_loop
async def test_nothing_is_given_out_while_the_stop_is_latched(tmp_path: Path) -> None:
    async with hall(tmp_path, with_agents(echo=agent(), bold=agent(on_estop="ignore"))) as here:
        here.workforce.latched = True
        await here.worker()
        held, free = await here.submit(), await here.submit(agent="bold")
        bold = await here.worker("bold-1")
        assert (await bold.begin()).task_id == free.id
        assert here.view(held.id).held == "the emergency stop holds it back"
        assert here.view(held.id).hint == "Reset the emergency stop, in Aurora's window."
        here.workforce.latched = False
        here.coordinator.look()
        await here.reaches(held.id, "leased")


@in_loop
async def test_a_frozen_task_stands_still_until_it_is_thawed(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand, run = await at_work(here)
        here.workforce.latched = True
        here.workforce.becomes("echo-1", "frozen", hand.pid)
        view = here.view(run.task_id)
        assert view.frozen
        assert view.can_resume
        assert view.activity is not None
        assert view.activity.kind == "frozen"
        (seen,) = [worker for worker in here.coordinator.workers() if worker.name == "echo-1"]
        assert (seen.status, seen.activity and seen.activity.kind) == ("frozen", "frozen")
        with pytest.raises(AuroraError, match="stop holds"):
            await here.coordinator.thaw(run.task_id)
        with pytest.raises(AuroraError, match="froze this task"):
            await here.coordinator.resume(run.task_id, "command")
        here.workforce.latched = False
        here.clock.advance(7200.0)
        here.coordinator.look()
        assert here.view(run.task_id).frozen, "a reset resumes nothing"
        assert here.workforce.replaced == []
        await here.coordinator.thaw(run.task_id)
        assert here.workforce.thawed == ["worker:echo-1"]
        here.workforce.becomes("echo-1", "ready", hand.pid)
        here.coordinator.look()
        assert here.workforce.replaced == [], "its silence counts from now on"
        await hand.finish(run)


class Stopping(dict[str, Checked]):
    """The emergency stop comes while an agent's program is looked at for the second time: right before its task."""

    def __init__(self, workforce: FakeWorkforce) -> None:
        super().__init__()
        self._workforce, self._looks = workforce, 0

    def get(self, key: str, default: Any = None) -> Any:
        self._looks += 1
        self._workforce.latched = self._looks == 2
        return super().get(key, default)


@in_loop
async def test_the_emergency_stop_holds_back_what_was_about_to_be_told(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        here.checked = Stopping(here.workforce)
        hand = await here.worker()
        task = await here.submit()
        await here.reaches(task.id, "leased")
        view = await here.reaches(task.id, "queued")
        assert (view.held, view.attempt) == ("the emergency stop holds it back", 0)
        here.workforce.latched = False
        here.coordinator.look()
        assert (await hand.hear(Run)).attempt == 1


class Failing(dict[str, Checked]):
    """A fault of ours while an agent's program is looked at right before its task, once."""

    looks = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.looks += 1
        if self.looks == 2:
            raise RuntimeError("can't start new thread")
        return super().get(key, default)


@in_loop
async def test_a_fault_while_a_task_is_given_out_leaves_it_in_the_queue(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        here.checked = Failing()
        hand = await here.worker()
        task = await here.submit()
        await here.reaches(task.id, "leased")
        view = await here.reaches(task.id, "queued")
        assert view.cause == "it could not be given out: RuntimeError: can't start new thread"
        here.coordinator.look()
        assert (await hand.hear(Run)).attempt == 1


@in_loop
async def test_a_worker_that_was_frozen_with_nothing_to_do_is_replaced_after_the_reset(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand = await here.worker()
        here.workforce.latched = True
        here.workforce.becomes("echo-1", "frozen", hand.pid)
        here.coordinator.look()
        assert here.workforce.dismissed == []
        here.workforce.latched = False
        here.coordinator.look()
        assert here.workforce.dismissed == [("worker:echo-1", True)]


@in_loop
async def test_a_frozen_task_is_cancelled_without_being_let_run(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand, run = await at_work(here, retry="safe")
        here.workforce.becomes("echo-1", "frozen", hand.pid)
        await here.coordinator.cancel(run.task_id, "window")
        assert here.workforce.dismissed == [("worker:echo-1", True)]
        await hand.disconnect()
        here.workforce.becomes("echo-1", "stopped")
        await here.reaches(run.task_id, "cancelled")


@in_loop
async def test_at_the_quit_what_is_frozen_is_not_let_run_for_its_end(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand, run = await at_work(here)
        here.workforce.becomes("echo-1", "frozen", hand.pid)
        here.coordinator.quits(leave=False)
        assert here.workforce.dismissed == [("worker:echo-1", True)]
        await hand.disconnect()
        here.workforce.becomes("echo-1", "stopped")
        view = await here.reaches(run.task_id, "uncertain")
        assert view.cause == "Aurora ended its worker", "nobody is to look for what killed it"


@in_loop
async def test_one_that_is_being_cancelled_and_froze_meanwhile_is_cancelled_by_the_second_word(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand, run = await at_work(here)
        await here.coordinator.cancel(run.task_id, "command")
        here.workforce.becomes("echo-1", "frozen", hand.pid)
        await here.coordinator.cancel(run.task_id, "window")
        assert here.workforce.dismissed == [("worker:echo-1", True)]


@in_loop
async def test_an_agent_that_the_emergency_stop_ended_is_not_blamed(tmp_path: Path) -> None:
    async with hall(tmp_path, with_agents(echo=agent(on_estop="stop"))) as here:
        hand, run = await at_work(here, retry="safe", max_attempts=1)
        here.workforce.latched = True
        await hand.finish(run, "interrupted", error="the worker was asked to end")
        assert here.status(run.task_id) == "uncertain", "and not dead, though it may be lost but once"
        assert "emergency stop" in here.view(run.task_id).cause


# --- once more ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["completed", "error", "timeout", "cancelled", "uncertain"])
def test_what_is_over_can_be_done_once_more(tmp_path: Path, status: TaskStatus) -> None:
    @in_loop
    async def check() -> None:
        async with hall(tmp_path, CLAUDE) as here:
            hand, run = await at_work(here, retry="never")
            hand.say(spent(run, 1.0))
            await hand.finish(run, "crashed" if status == "uncertain" else status, result="old", session_id="session")
            await here.reaches(run.task_id, status)
            view = await here.coordinator.retry(run.task_id, "window")
            assert view.status == "queued"
            assert here.coordinator.task(run.task_id).result == ""
            again = await hand.begin()
            assert (again.task_id, again.attempt, again.resume) == (run.task_id, 2, None)

    check()


@in_loop
async def test_a_session_is_resumed_after_an_error(tmp_path: Path) -> None:
    async with hall(tmp_path, CLAUDE) as here:
        hand, run = await at_work(here)
        await hand.finish(run, "error", error="overloaded", session_id="the-session", usage=Usage(cost_usd=1.0))
        assert here.view(run.task_id).can_resume
        await here.coordinator.resume(run.task_id, "command")
        again = await hand.begin()
        assert again.resume == "the-session"
        await hand.finish(again, usage=Usage(cost_usd=0.5))
        assert here.view(run.task_id).usage.cost_usd == 1.5, "over all its attempts"


@in_loop
async def test_what_cannot_be_resumed_or_retried_says_why(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand, run = await at_work(here)
        for word in (here.coordinator.retry, here.coordinator.resume):
            with pytest.raises(AuroraError):
                await word(run.task_id, "window")
        await hand.finish(run, "error")
        with pytest.raises(AuroraError, match="cannot be resumed"):
            await here.coordinator.resume(run.task_id, "window")
        with pytest.raises(AuroraError, match="not frozen"):
            await here.coordinator.thaw(run.task_id)


@in_loop
async def test_one_from_the_history_can_be_done_once_more(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand, run = await at_work(here)
        await hand.finish(run)
        await here.restart()
        here.begin()
        await here.coordinator.retry(run.task_id, "window")
        await hand.disconnect()
        await hand.connect()
        assert (await hand.begin()).attempt == 2


# --- questions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decision", ["once", "task", "deny"])
def test_a_question_waits_for_its_answer(tmp_path: Path, decision: ApprovalDecision) -> None:
    @in_loop
    async def check() -> None:
        async with hall(tmp_path) as here:
            hand, run = await at_work(here)
            hand.say(Asking(run.task_id, "ask-1", "Bash", "rm -rf build\nall of it", "rm -rf build", "clean up"))
            await here.reaches(run.task_id, "waiting_approval")
            (asked,) = here.coordinator.approvals()
            assert (asked.tool, asked.summary, asked.kind) == ("Bash", "rm -rf build all of it", "tool")
            assert not here.coordinator.show_approval(asked.id), "there is no screen"
            here.coordinator.screenside = here
            assert here.coordinator.show_approval(asked.id)
            assert here.shown == [asked.id]
            await here.coordinator.answer(asked.id, decision, "window", "because")
            assert await hand.hear(Answer) == Answer(run.task_id, "ask-1", decision, "because")
            assert here.status(run.task_id) == "running"
            assert here.coordinator.approvals() == ()
            assert [(event.decision, event.by) for event in here.of(ApprovalAnswered)] == [(decision, "window")]
            with pytest.raises(UnknownApprovalError):
                await here.coordinator.answer(asked.id, "deny", "window")

    check()


@in_loop
async def test_a_question_is_asked_again_by_a_worker_that_came_back_and_shown_once(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand, run = await at_work(here)
        question = Asking(run.task_id, "ask-1", "Bash", "ls")
        hand.say(question)
        await here.reaches(run.task_id, "waiting_approval")
        await hand.disconnect()
        await here.until(lambda: not here.coordinator.link.is_connected("echo-1"))
        (asked,) = here.coordinator.approvals()
        with pytest.raises(AuroraError, match="cannot be given yet"):
            await here.coordinator.answer(asked.id, "once", "window")
        await hand.connect(run.task_id, run.attempt)
        hand.say(question)
        hand.say(Asking(run.task_id, "ask-2", "Bash", "pwd"))
        await here.until(lambda: len(here.coordinator.approvals()) == 2)
        assert len(here.of(ApprovalAsked)) == 2


@in_loop
async def test_questions_outlive_aurora(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand, run = await at_work(here)
        hand.say(Asking(run.task_id, "ask-1", "Bash", "ls"))
        await here.reaches(run.task_id, "waiting_approval")
        await here.restart()
        here.begin()
        await hand.disconnect()
        await hand.connect(run.task_id, run.attempt)
        hand.say(Asking(run.task_id, "ask-1", "Bash", "ls"))
        await here.until(lambda: bool(here.coordinator.approvals()))
        assert here.status(run.task_id) == "waiting_approval"


@in_loop
async def test_a_question_whose_answer_aurora_died_over_is_waited_for_no_more(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand, run = await at_work(here)
        hand.say(Asking(run.task_id, "ask-1", "Bash", "ls"))
        await here.reaches(run.task_id, "waiting_approval")
        await here.restart()
        here.begin()
        await hand.disconnect()
        await hand.connect(run.task_id, run.attempt)
        hand.say(Doing(run.task_id, Activity(kind="thinking", since=1.0), Usage()))
        await here.reaches(run.task_id, "running")


@in_loop
async def test_a_question_that_is_of_no_use_any_more_is_withdrawn(tmp_path: Path) -> None:
    async with hall(tmp_path) as here:
        hand, run = await at_work(here)
        hand.say(Asking(run.task_id, "ask-1", "Bash", "ls"))
        await here.reaches(run.task_id, "waiting_approval")
        hand.say(AskingNoMore(run.task_id, "ask-1"))
        await here.reaches(run.task_id, "running")
        hand.say(Asking(run.task_id, "ask-2", "Bash", "ls"))
        await here.reaches(run.task_id, "waiting_approval")
        await hand.finish(run, "error", error="it ended meanwhile")
        assert here.coordinator.approvals() == ()
        assert [event.by for event in here.of(ApprovalAnswered)] == ["aurora", "aurora"]


# --- budgets ------------------------------------------------------------------------------------------------------


@in_loop
async def test_a_budget_that_is_spent_stops_the_task(tmp_path: Path) -> None:
    async with hall(tmp_path, with_agents(echo=agent(events="json", budget=Budget(task_usd=1.0)))) as here:
        hand, run = await at_work(here)
        hand.say(spent(run, 0.5))
        hand.say(spent(run, 1.5))
        stop = await hand.hear(Stop)
        assert stop.ending == "error"
        assert "1 USD" in stop.reason
        await hand.finish(run, "error", error=stop.reason, usage=Usage(cost_usd=1.5))
        assert here.status(run.task_id) == "error"
        assert [event.action for event in here.of(BudgetReached)] == ["stopped"]


@pytest.mark.parametrize("decision", ["once", "deny"])
def test_or_it_asks_whether_it_may_go_on(tmp_path: Path, decision: ApprovalDecision) -> None:
    @in_loop
    async def check() -> None:
        budget = Budget(task_usd=1.0, on_limit="ask")
        async with hall(tmp_path, with_agents(echo=agent(events="json", budget=budget))) as here:
            hand, run = await at_work(here)
            hand.say(spent(run, 1.5))
            assert (await hand.hear(Hold)).held
            await here.reaches(run.task_id, "waiting_approval")
            (asked,) = here.coordinator.approvals()
            assert asked.kind == "budget"
            assert "1 USD" in asked.summary
            await here.coordinator.answer(asked.id, decision, "window")
            if decision == "deny":
                assert (await hand.hear(Stop)).ending == "error"
                return
            assert not (await hand.hear(Hold)).held
            hand.say(spent(run, 2.5))
            await hand.finish(run, usage=Usage(cost_usd=2.5))
            assert here.status(run.task_id) == "completed", "it was let pass this limit"

    check()


@in_loop
async def test_a_budget_question_outlives_aurora(tmp_path: Path) -> None:
    budget = Budget(task_usd=1.0, on_limit="ask")
    async with hall(tmp_path, with_agents(echo=agent(events="json", budget=budget))) as here:
        hand, run = await at_work(here)
        hand.say(spent(run, 1.5))
        await hand.hear(Hold)
        await here.reaches(run.task_id, "waiting_approval")
        await here.restart()
        here.begin()
        await hand.disconnect()
        await hand.connect(run.task_id, run.attempt)
        assert (await hand.hear(Hold)).held, "it stands still in any case"
        (asked,) = here.coordinator.approvals()
        await here.coordinator.answer(asked.id, "once", "window")
        assert not (await hand.hear(Hold)).held


@in_loop
async def test_the_budget_of_a_day_holds_back_what_has_not_begun(tmp_path: Path) -> None:
    async with hall(tmp_path, with_agents(echo=agent(events="json", budget=Budget(day_usd=1.0)))) as here:
        hand, run = await at_work(here)
        await hand.finish(run, usage=Usage(cost_usd=2.0))
        await here.restart()
        here.begin()
        task = await here.submit()
        assert "1 USD a day" in here.view(task.id).held
        here.clock.advance(86_400.0)
        here.coordinator.look()
        assert here.view(task.id).held == ""


@in_loop
async def test_what_could_not_be_told_while_the_worker_was_away_is_told_when_it_is_back(tmp_path: Path) -> None:
    budget = Budget(task_usd=1.0, on_limit="ask")
    async with hall(tmp_path, with_agents(echo=agent(events="json", budget=budget))) as here:
        hand, run = await at_work(here)
        hand.say(spent(run, 1.5))
        await hand.hear(Hold)
        await here.reaches(run.task_id, "waiting_approval")
        (asked,) = here.coordinator.approvals()
        await hand.disconnect()
        await here.until(lambda: not here.coordinator.link.is_connected("echo-1"))
        await here.coordinator.answer(asked.id, "once", "window")
        await hand.connect(run.task_id, run.attempt)
        assert not (await hand.hear(Hold)).held


@in_loop
async def test_a_spent_budget_ends_the_task_even_if_its_worker_dies_over_it(tmp_path: Path) -> None:
    async with hall(tmp_path, with_agents(echo=agent(events="json", budget=Budget(task_usd=1.0)))) as here:
        hand, run = await at_work(here, retry="safe")
        assert run.max_usd == 1.0
        hand.say(spent(run, 1.5))
        await hand.hear(Stop)
        await hand.disconnect()
        await hand.connect(run.task_id, run.attempt)
        assert (await hand.hear(Stop)).ending == "error"
        await here.dies(hand)
        assert "1 USD" in (await here.reaches(run.task_id, "error")).cause


# --- mouse and keyboard -------------------------------------------------------------------------------------------


class FakeInput:
    """Does what it is told when the test lets it."""

    def __init__(self) -> None:
        self.performed: list[Task] = []
        self.cancelled: list[str] = []

    async def perform(self, task: Task, on_action: object = None) -> Ended:
        self.performed.append(task)
        return Ended(task_id=task.id, attempt=task.attempt, ending="completed", result="1. click: done", began=True)

    def cancel(self, task_id: str, by: str) -> bool:
        self.cancelled.append(task_id)
        return True


CLICK = ({"action": "left_click", "at": {"x": 1, "y": 2}},)


@in_loop
async def test_a_task_of_mouse_and_keyboard_is_done_here(tmp_path: Path) -> None:
    performer = FakeInput()
    async with hall(tmp_path, input_tasks=performer) as here:
        task = await here.submit("", agent="input", actions=CLICK)
        await here.reaches(task.id, "completed")
        assert here.coordinator.task(task.id).result == "1. click: done"
        assert [(each.id, each.attempt) for each in performer.performed] == [(task.id, 1)]
        assert [event.agent for event in here.of(TaskFinished)] == ["input"]


@in_loop
async def test_one_that_is_cancelled_while_it_is_written_down_does_nothing(tmp_path: Path) -> None:
    performer = FakeInput()
    async with hall(tmp_path, input_tasks=performer) as here:
        task = await here.submit("", agent="input", actions=CLICK)
        await here.reaches(task.id, "running")
        await here.coordinator.cancel(task.id, "window")
        await here.reaches(task.id, "cancelled")
        assert performer.performed == []


@in_loop
async def test_one_that_aurora_died_over_is_uncertain(tmp_path: Path) -> None:
    performer = FakeInput()
    async with hall(tmp_path, input_tasks=performer) as here:
        task = await here.submit("", agent="input", actions=CLICK, retry="safe")
        await here.reaches(task.id, "completed")
        here.database.submit(
            lambda db: db.execute("UPDATE tasks SET status='running', task=json_set(task, '$.status', 'running')")
        ).result()
        await here.restart()
        here.begin()
        view = await here.reaches(task.id, "uncertain")
        assert "while it acted" in view.cause
        assert len(performer.performed) == 1
