"""The input agent in front of a worker that a test plays, over a real socket: queue, retries, refusals, records."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from core.clocks import FakeClock

from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.input_events import InputFinished
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import EvidenceSettings, InputPolicy, InputSettings, WindowRule
from aurora_desktop.input import agent as agents
from aurora_desktop.input.actions import Key, LeftClick, MouseMove, Point, Screenshot, Type
from aurora_desktop.input.agent import InputAgent
from aurora_desktop.input.errors import AuditError, InputRefusedError, UnknownTaskError
from aurora_desktop.input.evidence import EvidenceStore
from aurora_desktop.input.history import History, Remembered
from aurora_desktop.input.messages import (
    NOBODY,
    PERMIT_ENDED,
    Began,
    Cancel,
    Do,
    Finished,
    FromWorker,
    Look,
    Picture,
    Pictured,
    Screen,
    Seen,
    Setup,
    ToWorker,
    Up,
    Window,
)
from aurora_desktop.input.view import Display, Question, Submission, TaskView
from aurora_desktop.safety.view import Confirmation, ControlView

HELD = Confirmation(pressed_at=5)
EDITOR = Window(7, "editor", "notes.txt", 4242)
_decode = msgspec.json.Decoder(ToWorker).decode


class Worker:
    """Answers as a worker would; `ends` are the answers to the next actions, oldest first."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.done: list[Do] = []
        self.cancelled: list[int] = []
        self.ends: list[dict[str, Any]] = []
        self.window: Window | None = EDITOR
        self.picture = ""
        self.pictured: list[Picture] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.began = asyncio.Event()
        self.looked = asyncio.Event()  # at another window than the usual one
        self._waits: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        reader, self._writer = await asyncio.open_connection(sock=self._socket)
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                await self._answer(_decode(line))
        for waiting in self._waits:
            waiting.cancel()
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _answer(self, message: ToWorker) -> None:
        match message:
            case Setup():
                self._say(Up("played", 1))
                self._say(Screen(1, (Display("one", 0, 0, 1000, 800, primary=True),), 1000, 800))
            case Look(id=number, places=places):
                self._say(Seen.of(number, [self.window for _ in places], self.window, (5, 5)))
                self.looked.set() if self.window is not EDITOR else None
            case Picture(id=number):
                self.pictured.append(message)
                self._say(Pictured(number, self.picture, "" if self.picture else "no pictures here"))
            case Cancel(id=number):
                self.cancelled.append(number)
                self.hold.set()
            case Do():
                self.done.append(message)
                task = asyncio.ensure_future(self._perform(message))
                self._waits.add(task)

    async def _perform(self, do: Do) -> None:
        self._say(Began(do.id))
        self.began.set()
        await self.hold.wait()
        end = self.ends.pop(0) if self.ends else {}
        self._say(Finished(**{"id": do.id, "outcome": "done", "events": 3, "duration_s": 0.01, **end}))

    def _say(self, message: FromWorker) -> None:
        if not self._writer.is_closing():
            self._writer.write(msgspec.json.encode(message) + b"\n")


class PlayedBrake:
    def __init__(self, **settings: Any) -> None:
        self.settings = InputSettings(**settings)
        self.state = "armed"
        self.failing = ""
        self.confirmed: list[Confirmation] = []

    def view(self) -> ControlView:
        return ControlView(state=self.state, reason="" if self.state == "armed" else "not now")

    def audit_failing(self, detail: str) -> None:
        self.failing = detail
        self.state = "closed"

    async def confirm_answer(self, confirmation: Confirmation) -> None:
        self.confirmed.append(confirmation)


class PlayedAudit:
    """Keeps what is written; `broken` refuses."""

    def __init__(self) -> None:
        self.written: list[tuple[str, str]] = []
        self.broken = False

    def task(self, task: TaskView) -> None:
        self._write(task.task_id, task.status)

    def intent(self, task: TaskView) -> None:
        self._write(task.task_id, "intent")

    def event(self, event: str, **fields: Any) -> None:
        self._write("", event)

    def _write(self, task_id: str, what: str) -> None:
        if self.broken:
            raise AuditError("the audit log cannot be written", "no room")
        self.written.append((task_id, what))


class Stage:
    def __init__(self, tmp_path: Path, **settings: Any) -> None:
        self.paths = StatePaths(tmp_path)
        self.brake = PlayedBrake(**settings)
        self.audit = PlayedAudit()
        self.clock = FakeClock()
        self.events: list[AnyEvent] = []
        self.agent = InputAgent(
            self.paths,
            self.clock,
            self.events.append,
            self.brake,
            self.audit,  # type: ignore[arg-type]  # the log's three calls
            History(),
            EvidenceStore(self.paths.evidence, EvidenceSettings()),
            lambda text: {"secret": True, "length": len(text)},
        )
        self.running: list[asyncio.Task[None]] = []
        self.worker = self._arm()

    def _arm(self, mode: str = "act") -> Worker:
        ours, theirs = socket.socketpair()
        self.agent.take(ours, 1, mode)
        self.worker = Worker(theirs)
        self.running.append(asyncio.ensure_future(self.worker.run()))
        return self.worker

    def arm(self, mode: str) -> None:
        self.drop("armed anew")
        self._arm(mode)

    def drop(self, reason: str, *, events: int = 0, in_flight: bool = False, stopped: bool = False) -> None:
        self.agent.drop(reason, events=events, in_flight=in_flight, stopped=stopped)

    async def run(self, action: Any = None, **fields: Any) -> TaskView:
        return await self.agent.finished(self.submit(action, **fields).task_id)

    def submit(self, action: Any = None, **fields: Any) -> TaskView:
        return self.agent.submit(Submission(action=action or Key(keys="ctrl+s"), **fields))

    def told(self) -> list[InputFinished]:
        return [event for event in self.events if isinstance(event, InputFinished)]


@asynccontextmanager
async def staged(tmp_path: Path, **settings: Any) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path, **settings)
    stage.agent.begin()
    yield stage
    stage.agent.end()
    await asyncio.gather(*stage.running)


def in_loop(test: Callable[[Path], Awaitable[None]]) -> Callable[[Path], None]:
    def run(tmp_path: Path) -> None:
        asyncio.run(test(tmp_path))

    run.__name__ = test.__name__
    return run


@in_loop
async def test_an_action_is_done_and_told_with_its_records_in_order(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        task = await stage.run(task_id="one", agent="Clerk")
        assert (task.status, task.outcome, task.events) == ("completed", "done", 3)
        assert [what for _, what in stage.audit.written] == ["started", "queued", "intent", "completed"]
        assert [(e.task_id, e.outcome, e.agent) for e in stage.told()] == [("one", "done", "Clerk")]
        assert stage.agent.task("one") == task


@in_loop
async def test_actions_are_done_one_after_the_other_in_order(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.worker.hold.clear()
        ids = [stage.submit(MouseMove(at=Point(x=n, y=1))).task_id for n in range(4)]
        await stage.worker.began.wait()
        assert [view.task_id for view in stage.agent.view().queued] == ids[1:]
        stage.worker.hold.set()
        await stage.agent.finished(ids[-1])
        assert [int(do.action.at.x) for do in stage.worker.done] == [0, 1, 2, 3]
        assert [view.task_id for view in stage.agent.view().recent] == ids[::-1]


@in_loop
async def test_what_was_not_started_is_tried_twice_more(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.worker.ends = [{"outcome": "not_started", "events": 0, "reason": "busy"}] * 3
        agents_delays, agents.RETRY_DELAYS_S = agents.RETRY_DELAYS_S, (0.0, 0.0)
        try:
            task = await stage.run()
        finally:
            agents.RETRY_DELAYS_S = agents_delays
        assert (task.outcome, task.retry_count, len(stage.worker.done)) == ("not_started", 2, 3)
        assert [what for _, what in stage.audit.written].count("retrying") == 2


@in_loop
async def test_a_task_that_waits_for_its_next_try_is_not_done_under_a_later_arming(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.worker.ends = [{"outcome": "not_started", "events": 0, "reason": "busy"}]
        task = stage.submit()
        while stage.agent.task(task.task_id).status != "retrying":  # noqa: ASYNC110 - it has no event of its own
            await asyncio.sleep(0.005)
        stage.arm("act")
        ended = await asyncio.wait_for(stage.agent.finished(task.task_id), 5)
        assert (ended.outcome, stage.worker.done) == ("refused", [])


@in_loop
async def test_a_text_that_waits_for_its_turn_is_not_typed_under_a_later_arming(tmp_path: Path) -> None:
    async with staged(tmp_path, policy=InputPolicy(max_characters_per_s=1)) as stage:
        await stage.run(Type(text="so long that the next one waits"))
        task = stage.submit(Type(text="rm -rf /"))
        while stage.agent.task(task.task_id).status != "running":  # noqa: ASYNC110 - it has no event of its own
            await asyncio.sleep(0.005)
        stage.arm("act")
        ended = await asyncio.wait_for(stage.agent.finished(task.task_id), 5)
        assert (ended.outcome, stage.worker.done) == ("refused", [])


@in_loop
async def test_a_task_cancelled_while_its_place_is_looked_at_is_not_done(tmp_path: Path) -> None:
    async with staged(tmp_path, evidence=EvidenceSettings(enabled=True)) as stage:
        screenside = stage.agent.screenside = Screenside(stage, yes=True)
        task = stage.submit(LeftClick(at=Point(x=10, y=20)))
        while True not in screenside.hidden:  # noqa: ASYNC110 - it has no event of its own
            await asyncio.sleep(0)
        assert stage.agent.cancel(task.task_id, "api")
        ended = await stage.agent.finished(task.task_id)
        assert (ended.outcome, ended.reason, stage.worker.done) == ("refused", "cancelled by api", [])


@in_loop
async def test_what_was_done_stays_done_where_the_evidence_cannot_be_kept(tmp_path: Path) -> None:
    async with staged(tmp_path, evidence=EvidenceSettings(enabled=True)) as stage:
        stage.worker.picture = str(tmp_path / "gone.png")
        task = await stage.run()
        assert (task.outcome, task.events, task.evidence) == ("done", 3, ())


@pytest.mark.parametrize("outcome", ["partial", "uncertain", "refused"])
def test_what_may_have_acted_is_never_replayed(tmp_path: Path, outcome: str) -> None:
    async def play(path: Path) -> None:
        async with staged(path) as stage:
            stage.worker.ends = [{"outcome": outcome, "events": 1}]
            assert (await stage.run()).outcome == outcome
            assert len(stage.worker.done) == 1

    asyncio.run(play(tmp_path))


@pytest.mark.parametrize(
    ("events", "in_flight", "outcome"), [(0, False, "not_started"), (2, False, "partial"), (2, True, "uncertain")]
)
def test_a_stop_ends_the_running_action_and_refuses_the_rest(
    tmp_path: Path, events: int, in_flight: bool, outcome: str
) -> None:
    async def play(path: Path) -> None:
        async with staged(path) as stage:
            stage.worker.hold.clear()
            running, waiting = stage.submit().task_id, stage.submit().task_id
            await stage.worker.began.wait()
            await asyncio.sleep(0.01)  # until `Began` was read
            stage.brake.state = "latched"
            stage.drop("stopped by hotkey", events=events, in_flight=in_flight, stopped=True)
            assert (await stage.agent.finished(waiting)).outcome == "refused"
            ended = await stage.agent.finished(running)
            assert ended.outcome == outcome
            assert "hotkey" in ended.reason
            with pytest.raises(InputRefusedError) as refused:
                stage.submit()
            assert refused.value.code == "latched"

    asyncio.run(play(tmp_path))


@in_loop
async def test_a_closed_gate_refuses_and_keeps_a_record(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        for state, code in (("closed", "closed"), ("disarmed", "disarmed"), ("latched", "latched")):
            stage.brake.state = state
            with pytest.raises(InputRefusedError, match="disabled") as refused:
                stage.submit()
            assert refused.value.code == code
        assert [what for _, what in stage.audit.written] == ["started", "failed", "failed", "failed"]
        assert stage.worker.done == []


@in_loop
async def test_a_full_queue_and_a_used_id_are_refused(tmp_path: Path) -> None:
    async with staged(tmp_path, queue_limit=1) as stage:
        stage.worker.hold.clear()
        stage.submit(task_id="one")
        await stage.worker.began.wait()
        stage.submit(task_id="two")
        with pytest.raises(InputRefusedError) as full:
            stage.submit(task_id="three")
        stage.worker.hold.set()
        await stage.agent.finished("two")
        with pytest.raises(InputRefusedError) as used:
            stage.submit(task_id="one")
        assert (full.value.code, used.value.code) == ("queue_full", "duplicate")


@in_loop
async def test_more_actions_a_second_than_permitted_are_refused(tmp_path: Path) -> None:
    async with staged(tmp_path, policy=InputPolicy(max_actions_per_s=2)) as stage:
        await stage.run()
        await stage.run()
        with pytest.raises(InputRefusedError) as refused:
            stage.submit()
        assert refused.value.code == "rate"


@in_loop
async def test_a_rate_that_is_lowered_while_armed_holds_at_once(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.brake.settings = InputSettings(policy=InputPolicy(max_actions_per_s=1))
        await stage.run()
        with pytest.raises(InputRefusedError, match="Too many actions"):
            stage.submit()


@in_loop
async def test_a_denied_window_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    async with staged(tmp_path, policy=InputPolicy(deny_windows=[WindowRule(window_class="editor")])) as stage:
        click, key = await stage.run(LeftClick(at=Point(x=10, y=10))), await stage.run()
        assert (click.outcome, key.outcome, stage.worker.done) == ("refused", "refused", [])
        assert "notes.txt" in click.reason


@in_loop
async def test_where_no_window_was_none_may_have_come(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.worker.window = None
        await stage.run(LeftClick(at=Point(x=10, y=20)))
        (do,) = stage.worker.done
        assert (do.windows, do.focus) == ((NOBODY,), NOBODY)


@in_loop
async def test_a_place_off_the_screen_is_refused_with_the_range(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.run()
        with pytest.raises(InputRefusedError) as refused:
            stage.submit(LeftClick(at=Point(x=1000, y=10)))
        assert refused.value.code == "off_screen"
        assert "999" in refused.value.detail + refused.value.hint


@in_loop
async def test_a_dry_run_sends_nothing_and_says_so(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.arm("dry_run")
        task = await stage.run()
        assert (task.outcome, stage.worker.done) == ("done", [])
        assert "dry run" in task.reason


class Screenside:
    """The window's part, played: answers each question with `yes`, or never (None)."""

    def __init__(self, stage: Stage, *, yes: bool | None) -> None:
        self._stage, self._yes = stage, yes
        self.asked: list[Question] = []
        self.came: asyncio.Queue[Question] = asyncio.Queue()
        self.closed: list[str] = []
        self.hidden: list[bool] = []
        self._answers: list[asyncio.Task[None]] = []

    def ask(self, question: Question) -> None:
        self.asked.append(question)
        self.came.put_nowait(question)
        if self._yes is None:
            return
        confirmation = Confirmation(pressed_at=5) if self._yes else None
        self._answers.append(asyncio.ensure_future(self._stage.agent.answer(question.task_id, confirmation)))

    def close_question(self, task_id: str) -> None:
        self.closed.append(task_id)

    def hide_for_capture(self) -> None:
        self.hidden.append(True)

    def show_again(self) -> None:
        self.hidden.append(False)


@pytest.mark.parametrize("yes", [True, False])
def test_asking_first_does_what_the_operator_says(tmp_path: Path, yes: bool) -> None:
    async def play(path: Path) -> None:
        async with staged(path) as stage:
            screenside = stage.agent.screenside = Screenside(stage, yes=yes)
            stage.arm("ask")
            task = await stage.run(LeftClick(at=Point(x=10, y=20)), task_id="asked", agent="Clerk")
            assert task.outcome == ("done" if yes else "refused")
            (question,) = screenside.asked
            assert (question.agent, question.places) == ("Clerk", ((10, 20),))
            assert [picture.window for picture in stage.worker.pictured] == [0]  # the place itself
            assert screenside.closed == ["asked"]
            assert len(stage.brake.confirmed) == int(yes)

    asyncio.run(play(tmp_path))


@in_loop
async def test_the_operator_is_shown_the_text_that_would_be_typed_unless_it_is_secret(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        screenside = stage.agent.screenside = Screenside(stage, yes=False)
        stage.arm("ask")
        await stage.run(Type(text="rm -rf /"))
        await stage.run(Type(text="hunter2", secret=True))
        assert [question.text for question in screenside.asked] == ["rm -rf /", ""]
        assert [picture.window for picture in stage.worker.pictured] == [EDITOR.id, EDITOR.id]  # where the keys go
        assert screenside.asked[0].sentence == 'typing 8 characters into "notes.txt"'


@in_loop
async def test_a_question_that_nobody_answers_is_refused_for_its_true_reason(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        screenside = stage.agent.screenside = Screenside(stage, yes=None)
        stage.arm("ask")
        for end, reason in (
            (lambda: stage.agent.cancel("0", "window"), "cancelled by window"),
            (lambda: stage.drop("stopped by tray", stopped=True), "stopped by tray"),
        ):
            task = stage.submit(task_id=str(len(screenside.closed)))
            await screenside.came.get()
            end()
            ended = await stage.agent.finished(task.task_id)
            assert (ended.outcome, ended.reason) == ("refused", reason)


@in_loop
async def test_a_yes_that_comes_late_answers_no_other_question(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        screenside = stage.agent.screenside = Screenside(stage, yes=None)
        stage.arm("ask")
        confirmed, confirming = asyncio.Event(), asyncio.Event()

        async def slowly(confirmation: Confirmation) -> None:
            confirming.set()
            await confirmed.wait()

        stage.brake.confirm_answer = slowly  # type: ignore[method-assign]  # takes as long as the test wants
        first, second = stage.submit(task_id="one"), stage.submit(task_id="two")
        await screenside.came.get()
        answering = asyncio.ensure_future(stage.agent.answer("one", HELD))
        await confirming.wait()
        stage.agent.cancel("one", "window")
        await stage.agent.finished(first.task_id)
        await screenside.came.get()
        confirmed.set()
        await answering
        assert not stage.agent.task(second.task_id).finished_at
        assert stage.worker.done == []


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_yes_holds_for_the_window_that_was_asked_about_alone(tmp_path: Path, comes_back: bool) -> None:
    async def play(path: Path) -> None:
        async with staged(path) as stage:
            stage.agent.screenside = Screenside(stage, yes=None)
            stage.arm("ask")
            task = stage.submit()
            await stage.agent.screenside.came.get()
            stage.worker.window = Window(8, "editor", "another", 4243)  # as while the question has the keyboard
            await stage.agent.answer(task.task_id, HELD)
            await stage.worker.looked.wait()
            if comes_back:
                stage.worker.window = EDITOR
            assert (await stage.agent.finished(task.task_id)).outcome == ("done" if comes_back else "refused")
            assert len(stage.worker.done) == int(comes_back)

    asyncio.run(play(tmp_path))


@in_loop
async def test_what_a_stop_cut_short_tells_who_stopped(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.worker.hold.clear()
        stage.worker.ends = [{"outcome": "partial", "events": 1, "reason": PERMIT_ENDED}]
        task = stage.submit()
        await stage.worker.began.wait()
        stage.worker.hold.set()
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.02, lambda: stage.drop("stopped by hotkey", events=1, stopped=True))
        ended = await stage.agent.finished(task.task_id)
        assert (ended.outcome, ended.events, ended.reason) == ("partial", 1, "stopped by hotkey")


@in_loop
async def test_what_is_done_is_told_with_the_window_that_it_reaches(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        assert (await stage.run(LeftClick(at=Point(x=10, y=20)))).sentence == 'clicking "notes.txt" at 10, 20'


@in_loop
async def test_with_nobody_to_ask_the_answer_is_no(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.arm("ask")
        assert (await stage.run()).outcome == "refused"
        assert stage.worker.done == []


@in_loop
async def test_the_overlay_is_off_the_screen_while_a_screenshot_is_taken(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        screenside = stage.agent.screenside = Screenside(stage, yes=True)
        shot = {
            "id": "s1",
            "path": "x",
            "left": 0,
            "top": 0,
            "width": 1000,
            "height": 800,
            "image_width": 500,
            "image_height": 400,
        }
        stage.worker.ends = [{"events": 0, "result": shot}, {}]
        await stage.run(Screenshot())
        assert screenside.hidden == [True, False]
        await stage.run(LeftClick(at=Point(x=100, y=50, screenshot="s1")))
        place = stage.worker.done[-1].action.at
        assert (int(place.x) // 2, int(place.y) // 2) == (100, 50)


@in_loop
async def test_an_audit_that_cannot_be_written_closes_the_gate_before_the_first_event(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.worker.hold.clear()
        first = stage.submit().task_id
        await stage.worker.began.wait()
        second = stage.submit().task_id
        stage.audit.broken = True
        stage.worker.hold.set()
        assert (await stage.agent.finished(first)).outcome == "done"
        assert (await stage.agent.finished(second)).outcome == "refused"
        assert (stage.brake.failing, len(stage.worker.done)) == ("no room", 1)
        with pytest.raises(InputRefusedError):
            stage.submit()


@in_loop
async def test_a_queued_task_is_cancelled_and_a_running_one_between_two_events(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.worker.hold.clear()
        stage.worker.ends = [{"outcome": "partial", "events": 1, "reason": "cancelled"}]
        running, queued = stage.submit().task_id, stage.submit().task_id
        await stage.worker.began.wait()
        assert stage.agent.cancel(queued, "window")
        assert (await stage.agent.finished(queued)).reason == "cancelled by window"
        assert stage.agent.cancel(running, "window")
        ended = await stage.agent.finished(running)
        assert (ended.outcome, ended.reason) == ("partial", "cancelled by window")
        assert not stage.agent.cancel(running, "window")
        with pytest.raises(UnknownTaskError):
            stage.agent.cancel("nobody", "window")


@in_loop
async def test_secret_text_is_shown_nowhere(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        task = await stage.run(Type(text="hunter2-hunter2", secret=True))
        shown = msgspec.json.encode([task, stage.agent.view(), stage.told()])
        assert b"hunter2" not in shown
        assert task.parameters["text"] == {"secret": True, "length": 15}


@in_loop
async def test_what_an_earlier_run_left_open_is_recorded_and_not_replayed(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        left = TaskView(
            task_id="old",
            action="key",
            parameters={},
            status="failed",
            outcome="uncertain",
            created_at=1.0,
            finished_at=2.0,
        )
        stage.agent.recall(Remembered((), (left,)))
        assert ("old", "failed") in stage.audit.written
        assert stage.agent.task("old").outcome == "uncertain"
        assert stage.worker.done == []


@in_loop
async def test_a_flood_of_refusals_is_counted_rather_than_written_out(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.brake.state = "closed"
        for _ in range(100):
            with pytest.raises(InputRefusedError):
                stage.submit()
        stage.clock.advance(1.5)
        with pytest.raises(InputRefusedError):
            stage.submit()
        told = [what for _, what in stage.audit.written]
        assert told.count("failed") == agents.REFUSALS_TOLD_PER_S + 1
        assert told.count("refusals_omitted") == 1
